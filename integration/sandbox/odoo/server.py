"""The fake Odoo: one database, one integration user, every call a transaction."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint

from integration.sandbox.odoo import (
    catalog,
    invoice,
    kits,
    merge,
    partner,
    payments,
    products,
    quantities,
    sale,
    stock,
    wizards,
)
from integration.sandbox.odoo.database import Database
from integration.sandbox.odoo.environment import Environment
from integration.sandbox.odoo.errors import (
    SERIALIZATION_FAILURE,
    ConnectionDropped,
    OdooError,
    UnknownMethodError,
    access_error,
    not_faked,
)
from integration.sandbox.odoo.fulfilment import Fulfilment, Manner
from integration.sandbox.odoo.ledger import account, ledger
from integration.sandbox.odoo.records import Records, Row
from integration.sandbox.odoo.schema import SCHEMA
from integration.sandbox.odoo.seed import INTEGRATION_USER, seed
from integration.sandbox.odoo.wire import create_blueprint

CLASSES: dict[str, type[Records]] = {
    **dict.fromkeys(SCHEMA, Records),
    "account.move": invoice.Invoice,
    "account.move.line": invoice.InvoiceLine,
    "account.move.reversal": wizards.ReverseInvoices,
    "account.payment": payments.Payment,
    "account.payment.register": wizards.RegisterPayment,
    "base.partner.merge.automatic.wizard": merge.MergeContacts,
    "ir.config_parameter": Records,
    "ir.model.data": catalog.ExternalIds,
    "mrp.bom": kits.Bom,
    "mrp.bom.line": kits.BomLine,
    **products.CLASSES,
    "product.pricelist": catalog.Pricelist,
    "res.config.settings": catalog.Settings,
    "res.country": catalog.Country,
    "res.country.state": catalog.State,
    "res.currency": catalog.Currency,
    "res.partner": partner.Partner,
    "res.users": catalog.User,
    "sale.advance.payment.inv": wizards.InvoiceOrders,
    "sale.order": sale.Order,
    "sale.order.line": sale.OrderLine,
    "stock.move": stock.Move,
    "stock.picking": stock.Picking,
    "stock.picking.type": stock.PickingType,
    "stock.return.picking": stock.ReturnPicking,
}
READS = frozenset({
    "address_get", "check_object_reference", "context_get", "fields_get", "get_external_id", "has_access",
    "has_group", "name_search", "read", "search", "search_count", "search_read", "web_read",
    "web_search_read",
})  # fmt: skip
REAL_METHODS = (
    "action_", "button_", "copy", "default_get", "do_", "export_data", "formatted_read_group",
    "message_", "name_create", "onchange", "read_group", "set_delivery_line", "web_",
)  # fmt: skip
"""Methods that start so may exist in Odoo; other unknown ones do not."""

TIMEOUT_AFTER_COMMIT = "timeout_after_commit"
LOAD_CONFLICT = "load_conflict"
WINDOW = "window"
ASKS = {
    "type": "ir.actions.act_window",
    "name": "Credit Limit",
    "res_model": "sale.order.credit.check",
    "view_mode": "form",
    "target": "new",
    "context": {},
}
"""The answer of a button that some module has made to ask first."""
_CONFLICT = "could not serialize access due to concurrent update\n"


@dataclass(frozen=True)
class Fault:
    name: str
    model: str | None
    method: str | None

    def hits(self, model: str, method: str) -> bool:
        if self.name == TIMEOUT_AFTER_COMMIT and method in READS or self.name == LOAD_CONFLICT and method != "load":
            return False
        return self.model in (None, model) and self.method in (None, method)


def _now() -> datetime:
    return datetime.now(UTC)


class Odoo:
    """``blueprint`` is to be mounted at the root of the fake (its paths start with /json, /jsonrpc and /web).

    ``seed_records`` fills an empty database.  For ``age_seconds`` and ``split_every`` see `OdooConfig`.
    ``clock`` gives the time in UTC with which records are stamped, numbered and dated.
    """

    def __init__(
        self,
        data_dir: Path,
        database: str,
        username: str,
        api_key: str,
        seed_records: Callable[[Database, str], None] = seed,
        *,
        age_seconds: float = 0.0,
        split_every: int = 0,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._clock = clock
        self.name = database
        self.username = username
        self.api_key = api_key
        self.database = Database(data_dir / "odoo.sqlite")
        self._seed = seed_records
        if self.database.empty:
            self.reset()
        self._faults: deque[Fault] = deque()
        self._faults_lock = threading.Lock()
        self._fulfilment = Fulfilment(self.database, self._enter, age_seconds, split_every)
        self.blueprint: Blueprint = create_blueprint(self)

    @property
    def uid(self) -> int:
        return INTEGRATION_USER

    def reset(self) -> None:
        """Forgets every record and call, and starts again with the seed."""
        with self.database.transaction():
            self.database.clear()
            self._seed(self.database, self.username)

    def fail_next(self, name: str, times: int = 1, *, model: str | None = None, method: str | None = None) -> None:
        """The next ``times`` calls (of ``model`` and ``method``, when given) fail as ``name`` says.

        ``name`` is an exception of Odoo's ("psycopg2.errors.SerializationFailure", "odoo.exceptions.AccessError" …),
        ``timeout_after_commit`` (a writing call takes effect, its answer is lost), ``load_conflict`` (an import that
        lost against another one: 200, ids false) or ``window`` (a button that asks something first: 200, and the window
        in which it asks instead of true; nothing took effect).
        """
        with self._faults_lock:
            self._faults.extend([Fault(name, model, method)] * times)

    def call(
        self, model: str, method: str, ids: Sequence[int], context: dict[str, Any], find: Callable[..., Any]
    ) -> Any:
        """One call in one transaction.  ``find(bound method)`` gives its arguments, or raises what is wrong there."""
        fault = self._draw_fault(model, method)
        self._fulfilment.catch_up()
        with self.database.transaction():
            env = self._enter(context)
            records = env.records(model, ids)
            bound = self.method(records, method)
            args, kwargs = find(bound)
            if fault and fault.name == LOAD_CONFLICT:
                return _lost_import()
            if fault and fault.name == WINDOW:
                return dict(ASKS)
            if fault and fault.name != TIMEOUT_AFTER_COMMIT:
                raise _injected(fault.name, model)
            result = bound(*args, **kwargs)
            env.settle()
            if (model, method) == ("sale.order", "action_confirm"):
                self._fulfilment.begin(records.ids)
            if method not in READS:
                self._record_call(env, model, method, list(ids), result)
        if fault:
            raise ConnectionDropped
        return result

    def method(self, records: Records, name: str) -> Any:
        """The public method ``name``, bound; raises what Odoo raises for a private or unknown one."""
        full_name = f"{records.model.name}.{name}"
        bound: Any = getattr(records, name, None)
        if name.startswith("_") or name in ("exists", "browse", "ensure_one", "filtered", "mapped", "sudo"):
            raise access_error(f"Private methods (such as '{full_name}') cannot be called remotely.")
        if not hasattr(bound, "rpc"):
            if name.startswith(REAL_METHODS):
                raise not_faked(f"the method {full_name}")
            raise UnknownMethodError(f"The method '{full_name}' does not exist")
        public: Callable[..., Any] = bound
        return public

    def advance(self, orders: list[str | int] | None = None, steps: int = 1, manner: Manner | None = None) -> list[Row]:
        """Moves the confirmed orders (these: by name, external id or id) on by ``steps``; the ledger's rows of those
        that moved.
        """
        moved = self._fulfilment.advance(orders, steps, manner or Manner())
        with self.database.transaction():
            env = self._enter({})
            return [account(env, env.records("sale.order").existing(id)) for id in moved]

    def correct(self, model: str, id: int, values: Row) -> Row:
        """Changes a record, as an employee does; its id and new write_date.

        Raises `OdooError` for a record that is not there and for values that it does not take.
        """
        with self.database.transaction():
            env = self._enter({})
            env.records(model, [id]).write(values)
            env.settle()
            return {"id": id, "write_date": self.database.rows(model)[id]["write_date"]}

    def count(self, levels: dict[str, float]) -> list[int]:
        """What people count in the warehouse, by SKU: the moves by which Odoo takes it over.

        Raises `OdooError` for a SKU that is not there.
        """
        with self.database.transaction():
            env = self._enter({})
            made = [quantities.count(env, sku, quantity) for sku, quantity in levels.items()]
            env.settle()
            return made

    def set_back(self, model: str, id: int, seconds: float) -> Row:
        """Dates a record's last change earlier, as if its transaction had begun then and only now ended.

        Its id and new write_date; raises `OdooError` for a record that is not there.
        """
        with self.database.transaction():
            row = self._enter({}).records(model).existing(id)
            moment = datetime.fromisoformat(row["write_date"]) - timedelta(seconds=seconds)
            self.database.update(model, id, {"write_date": moment.strftime("%Y-%m-%d %H:%M:%S.%f")})
            return {"id": id, "write_date": self.database.rows(model)[id]["write_date"]}

    def ledger(self) -> dict[str, Any]:
        """What took effect: every sale.order, and every writing call that was committed, oldest first."""
        self._fulfilment.catch_up()
        with self.database.transaction():
            return ledger(self._enter({}))

    def _enter(self, context: Row) -> Environment:
        return Environment(self.database, CLASSES, self.uid, context, self._clock())

    def _draw_fault(self, model: str, method: str) -> Fault | None:
        with self._faults_lock:
            fault = next((fault for fault in self._faults if fault.hits(model, method)), None)
            if fault:
                self._faults.remove(fault)
            return fault

    def _record_call(self, env: Environment, model: str, method: str, ids: list[int], result: Any) -> None:
        if method == "create":
            ids = result
        elif method == "load":
            if not result["ids"]:
                return
            ids = result["ids"]
        self.database.insert("sandbox.call", {"at": env.now, "model": model, "method": method, "ids": ids})


def _lost_import() -> dict[str, Any]:
    message = {"rows": {"from": 0, "to": 0}, "record": 0, "type": "error", "message": _CONFLICT}
    return {"ids": False, "messages": [message], "nextrow": 0}


def _injected(name: str, model: str) -> OdooError:
    return OdooError(name, _CONFLICT if name == SERIALIZATION_FAILURE else f"injected by the sandbox into {model}")
