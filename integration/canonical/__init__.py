"""The canonical model: what passes between the systems, and what has to be true of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any, Protocol

from marshmallow import Schema, ValidationError, fields

from integration.canonical.clarity import ClarityOrder
from integration.canonical.erp import ErpReversal, FusionInvoice, FusionShipment, OdooInvoice, OdooShipment
from integration.canonical.invoice import Invoice, check_invoice
from integration.canonical.order import Order
from integration.canonical.order_check import ACCEPTABLE, check_order
from integration.canonical.origin import again, origin
from integration.canonical.part import remaining
from integration.canonical.reversal import Reversal, check_reversal
from integration.canonical.shipment import Shipment, check_shipment
from integration.canonical.strict_json import digest, dump_json, freeze, parse_json, thaw
from integration.canonical.unique import check_unique
from integration.canonical.values import Amount
from integration.errors import Reject

__all__ = [
    "ACCEPTABLE",
    "CHECKS",
    "REMAINING",
    "SCHEMAS",
    "again",
    "amount_names",
    "check_order",
    "digest",
    "dump_json",
    "freeze",
    "load",
    "origin",
    "parse_json",
    "thaw",
]


class Check(Protocol):
    """What has to be true of a canonical document beyond its schema; raises `Reject` or `Hold`.

    ``approved`` are the codes of the faults that a person lets it pass.
    """

    def __call__(self, document: dict[str, Any], /, approved: Collection[str] = ()) -> None: ...


SCHEMAS: dict[str, Schema] = {
    "clarity.order": ClarityOrder(),
    "fusion.invoice": FusionInvoice(),
    "fusion.reversal": ErpReversal(),
    "fusion.shipment": FusionShipment(),
    "invoice": Invoice(),
    "odoo.invoice": OdooInvoice(),
    "odoo.reversal": ErpReversal(),
    "odoo.shipment": OdooShipment(),
    "order": Order(),
    "reversal": Reversal(),
    "shipment": Shipment(),
}
"""The documents that are checked by a schema, by the name that mappings call them."""

CHECKS: Mapping[str, Check] = {
    "order": check_order,
    "shipment": check_shipment,
    "invoice": check_invoice,
    "reversal": check_reversal,
}
"""The check of each entity's canonical document."""

REMAINING: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"order": remaining}
"""What of an entity's canonical document a target is to have; all of it where nothing stands here."""

MOST_SHOWN = 5


def load(kind: str, document: Any) -> Any:
    """The document as its schema gives it (amounts as `Decimal`, times in UTC); one without schema as it is.

    Raises `Reject` naming the fields that are wrong, without their values, and `Hold` for two rows with one id.
    """
    schema = SCHEMAS.get(kind)
    loaded = document if schema is None else _load(schema, kind, document)
    check_unique(kind, loaded)
    return loaded


def _load(schema: Schema, kind: str, document: Any) -> Any:
    try:
        return schema.load(document)
    except ValidationError as error:
        wrong = [f"{path}: {text}" if path else text for path, text in _flat(error.messages, ())]
        more = f"; and {len(wrong) - MOST_SHOWN} more" if len(wrong) > MOST_SHOWN else ""
        raise Reject(
            f"not a valid {kind}: {'; '.join(wrong[:MOST_SHOWN])}{more}",
            hint=f"Correct {_fields_of(kind)}. {again(kind)}",
            code="invalid_document",
        ) from None


def _fields_of(kind: str) -> str:
    """What has to be corrected; a canonical document is made by a mapping, and has other names than its source."""
    if "." in kind:
        return f"these fields of {origin(kind)}"
    return f"what these fields are made of in {origin(kind)}; or the mapping that makes them, and restart the fleet"


@cache
def amount_names() -> frozenset[str]:
    """The names of all fields that hold money or a quantity."""
    return frozenset(name for schema in SCHEMAS.values() for name in _amounts(schema))


def _amounts(schema: Schema) -> Iterator[str]:
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, Amount):
            yield name
        elif isinstance(inner, fields.Nested):
            yield from _amounts(inner.schema)


def _flat(messages: Any, path: tuple[str, ...]) -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        inner = {key: path if key == "_schema" else (*path, str(key)) for key in messages}
        return [found for key, part in messages.items() for found in _flat(part, inner[key])]
    return [(".".join(path), ", ".join(str(text) for text in messages).rstrip("."))]
