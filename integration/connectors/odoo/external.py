"""External ids: how Odoo knows our objects by our own ids, and ``load()``, the upsert that goes by them.

``load()`` is the one call with which an ordinary user creates a record under an external id.  Odoo keeps those
unique, so however often and by however many it is called with one id, there is one record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from integration.connectors.contract import Request, Work
from integration.connectors.odoo.client import CONTEXT, Client
from integration.connectors.odoo.errors import loaded
from integration.errors import Reject
from integration.message import external_id, read_external_id

MODULE = "__clarity__"


def xmlid(entity: str, *ids: str) -> str:
    """The external id of our object, e.g. ``__clarity__.order__1001``."""
    return f"{MODULE}.{external_id(entity, *ids)}"


def find(client: Client, id: str) -> int | None:
    """The id of the record with that external id; Odoo answers False for one that an undone import had made.

    Odoo writes a traceback into its log for each one that is missing: to be asked where it will most often exist.
    An archived record counts; without the context Odoo answers False for it, as for one that is gone (Odoo 19).
    """
    module, _, name = id.partition(".")
    context = {**CONTEXT, "active_test": False}
    try:
        found = client.call("ir.model.data", "check_object_reference", module=module, xml_id=name, context=context)
    except Reject:
        return None
    return int(found[1]) or None


def our_names(client: Client, model: str, ids: Iterable[int]) -> dict[int, str]:
    """The external ids, without the module, of those records that have one of ours: ``{8: "order__1001"}``."""
    asked = sorted(ids)
    names = client.call(model, "get_external_id", asked) if asked else {}
    found = {int(id): name.partition(".") for id, name in names.items()}
    return {id: name for id, (module, _, name) in found.items() if module == MODULE}


def our_orders(client: Client, ids: Iterable[int]) -> dict[int, str | None]:
    """Those of the orders that are ours, with our id where the external id spells it out and not only hashes it."""
    written = {id: read_external_id(name) for id, name in our_names(client, "sale.order", ids).items()}
    return {id: parts[1] if parts else None for id, parts in written.items()}


def load_request(client: Client, model: str, rows: Sequence[Mapping[str, Any]]) -> Request:
    """The call of ``load()`` for rows of column name and value; a row without a column has it empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    return client.request(model, "load", fields=columns, data=cells)


def load_all(client: Client, work: Work, effect: str, model: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The ids of the records that one ``load()`` created or updated, by external id (the rows' ``id``).

    Safe to repeat.  After a repeat of a frozen request the answer may name other rows than these.
    """
    what = effect.partition(".")[0].replace("_", " ")

    def send(frozen: Request) -> dict[str, int]:
        ids = loaded(client.send(frozen), what)
        place = frozen.body["fields"].index("id")
        names = (row[place] for row in frozen.body["data"] if row[place])  # the others go on with lines of the record
        return dict(zip(names, ids, strict=True))

    return dict(work.perform(effect, load_request(client, model, rows), send))


def cell(value: Any) -> str:
    """A value as ``load()`` reads it: text; an empty cell clears the field, or sets no tax at all."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list | tuple):
        return ",".join(str(id) for id in value)
    return str(value)
