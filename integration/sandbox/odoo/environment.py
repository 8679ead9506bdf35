"""What one call works in: the user, the moment, the context, and the way to every model's records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from integration.sandbox.odoo.database import Database
from integration.sandbox.odoo.errors import VALIDATION_ERROR, OdooError, access_error, not_faked, not_found
from integration.sandbox.odoo.schema import REAL_PREFIXES, SCHEMA, Model

if TYPE_CHECKING:
    from integration.sandbox.odoo.records import Records

ModelClasses = dict[str, "type[Records]"]
COMPANY_ID = 1
_TWICE = (
    "ON CONFLICT DO UPDATE command cannot affect row a second time\nHINT:  Ensure that no rows proposed for insertion "
    "within the same command have duplicate constrained values.\n"
)

_CLOSED = {
    name: Model(name, description, order="id", fields={}, not_faked=frozenset())
    for name, description in (("ir.model.data", "Model Data"), ("ir.config_parameter", "System Parameter"))
}
"""Models the integration user cannot read: what matters about them is the refusal."""


class Environment:
    """One call's environment.  ``now`` is the start of its transaction in UTC; write_date keeps its microseconds."""

    def __init__(
        self, database: Database, classes: ModelClasses, uid: int, context: dict[str, Any], now: datetime
    ) -> None:
        self.database = database
        self.uid = uid
        self.context = context
        self.now = now.strftime("%Y-%m-%d %H:%M:%S.%f")
        self._classes = classes
        self._later: dict[Any, Callable[[], None]] = {}
        self.new_external_ids: dict[str, str] = {}
        if set(context.get("allowed_company_ids") or [COMPANY_ID]) != {COMPANY_ID}:
            raise access_error("Access to unauthorized or invalid companies.")

    def fakes(self, model: str) -> bool:
        return model in SCHEMA

    def records(self, model: str, ids: Sequence[int] = ()) -> Records:
        """Records of ``model``; raises "not found" for a model Odoo has not got, "not faked" for one it has."""
        described = SCHEMA.get(model) or _CLOSED.get(model)
        if described is None:
            if model.startswith(REAL_PREFIXES):
                raise not_faked(f"the model {model}")
            raise not_found(f"the model {model!r} does not exist")
        return self._classes[model](self, described, ids)

    # -- external ids: rows of ir.model.data -----------------------------------------------------------------------

    def external_id(self, model: str, id: int) -> str:
        """The external id of a record, ``module.name``; empty when it has none."""
        rows = self.database.find("ir.model.data", "target", f"{model},{id}")
        return min((self.database.rows("ir.model.data")[row]["complete_name"] for row in rows), default="")

    def find_external_id(self, external_id: str) -> tuple[str, int, int] | None:
        """(model, id, id of the ir.model.data row); None when there is none, or its record is gone."""
        for row_id in self.database.find("ir.model.data", "complete_name", external_id):
            row = self.database.rows("ir.model.data")[row_id]
            if self.database.row(row["model"], row["res_id"]) is not None:
                return row["model"], row["res_id"], row_id
        return None

    def set_external_id(self, model: str, id: int, external_id: str) -> None:
        taken = self.find_external_id(external_id)
        if taken and taken[:2] != (model, id):
            if external_id in self.new_external_ids:  # two records of one call
                raise OdooError(VALIDATION_ERROR, _TWICE)
            raise OdooError("builtins.ValueError", f"Invalid external ID {external_id}")
        if not taken:
            self.new_external_ids[external_id] = model
            self.database.insert(
                "ir.model.data",
                {"complete_name": external_id, "model": model, "res_id": id, "target": f"{model},{id}"},
            )

    # -- work at the end of the call -------------------------------------------------------------------------------

    def later(self, key: Any, work: Callable[[], None]) -> None:
        """Runs ``work`` once before the call commits, however often it is asked for under this key."""
        self._later[key] = work

    def settle(self) -> None:
        while self._later:
            self._later.pop(next(iter(self._later)))()
