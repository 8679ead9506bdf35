"""Rows that a document knows by an id: two with the same would be one wherever they are kept by it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from integration.canonical.order import CANCELLED
from integration.errors import Hold

CODE = "duplicate_id"
LONGEST_SHOWN = 40
Document = dict[str, Any]
Id = tuple[Any, ...]
K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


@dataclass(frozen=True)
class Keyed:
    """Lists whose rows are known by ``key``, all of them together.

    Where ``within`` is given, each of its rows has such lists of its own.
    """

    lists: tuple[str, ...]
    key: tuple[str, ...] = ("id",)
    within: str = ""

    def doubled(self, document: Document) -> tuple[str, str, Id] | None:
        """The places of the first two rows with one id, and that id; rows without an id may be many."""
        for place, owner in self._owners(document):
            rows = [row for path in self.lists for row in _at(owner, path)]
            if len(rows) < 2 or len(ids := self._ids(rows)) == len(set(ids)):
                continue
            seen: dict[Id, str] = {}
            for path in self.lists:
                for index, row in enumerate(_at(owner, path)):
                    here = f"{place}{path}.{index}"
                    for id in self._ids([row]):
                        if id in seen:
                            return seen[id], here, id
                        seen[id] = here
        return None

    def _owners(self, document: Document) -> Iterable[tuple[str, Document]]:
        if not self.within:
            return [("", document)]
        return ((f"{self.within}.{index}.", row) for index, row in enumerate(document[self.within]))

    def _ids(self, rows: Iterable[Document]) -> list[Id]:
        if len(self.key) == 1:
            (name,) = self.key
            return [(id,) for row in rows if (id := row.get(name)) is not None]
        return [tuple(row.get(name) for name in self.key) for row in rows]


TAX = ("code", "rate")
OF_VARIANTS = tuple(Keyed(("variants",), (name,)) for name in ("id", "sku", "barcode"))
OF_THE_ORDER = (Keyed(("order.lines",)),)
KEYED: Mapping[str, tuple[Keyed, ...]] = {
    "clarity.order": tuple(
        Keyed((name,)) for name in ("lines", "shippingLines", "fees", "discounts", "payments", "refunds")
    ),
    "order": (
        *(Keyed((name,)) for name in ("lines", "payments", "refunds")),
        *(Keyed(("taxes",), TAX, within=name) for name in ("lines", "shipping_lines", "fees")),
    ),
    "clarity.customer": (Keyed(("addresses",)), Keyed(("contacts",))),
    "customer": (Keyed(("addresses",)), Keyed(("contacts",))),
    "clarity.product": OF_VARIANTS,
    "product": OF_VARIANTS,
    "odoo.product_record": (Keyed(("variants",), ("key",)),),
    "odoo.contact": (Keyed(("contacts",), ("key",)),),
    "odoo.order": (Keyed(("lines",), ("key",)),),
    "fusion.items": (Keyed(("items",), ("key",)),),
    "fusion.order": (Keyed(("lines", "charges"), ("key",)),),
    "odoo.shipment": OF_THE_ORDER,
    "odoo.invoice": OF_THE_ORDER,
    "odoo.refund": OF_THE_ORDER,
    "fusion.shipment": OF_THE_ORDER,
    "fusion.invoice": OF_THE_ORDER,
    **{f"{erp}.cancellation": (*OF_THE_ORDER, Keyed(("lines",), ("key",))) for erp in ("odoo", "fusion")},
    **dict.fromkeys(("cancellation", "clarity.cancellation"), (Keyed(("lines",), ("order_line_id",)),)),
    "shipment": (Keyed(("lines",), ("order_line_id",)),),
    "clarity.return": (Keyed(("lines",)),),
    "return": (Keyed(("lines",)),),
    "odoo.return": (Keyed(("lines",), ("key",)),),
    "odoo.returned_goods": OF_THE_ORDER,
    "returned_goods": (Keyed(("lines",), ("order_line_id",)),),
    "clarity.returned_goods": (Keyed(("body.lines",), ("orderLineId",)),),
    "clarity.shipment": (Keyed(("body.lines",), ("orderLineId",)),),
    "refund": (Keyed(("lines",), ("order_line_id",)),),
    "clarity.refund": (Keyed(("body.lines",), ("orderLineId",)),),
}
"""What has to differ in which document, by the name that mappings call it."""


def check_unique(kind: str, document: Document) -> None:
    """Raises `Hold` for two rows with the same id, naming both; rows without id may be many.

    What is cancelled passes: none of its rows is kept any more, and a cancellation has to arrive.
    """
    keyed = KEYED.get(kind, ())
    if not keyed or document.get("status") in CANCELLED:
        return
    for rule in keyed:
        if doubled := rule.doubled(document):
            raise _doubled(kind, rule, *doubled)


def by_key(rows: Iterable[R], key: Callable[[R], K]) -> dict[K, R]:
    """The rows by their key; raises `Hold` where two have the same, so that none is lost."""
    found: dict[K, R] = {}
    for row in rows:
        id = key(row)
        if id in found:
            raise Hold(
                f"two lines of the order have the id {str(id)[:LONGEST_SHOWN]!r}",
                hint="Correct {origin}, so that each line has an id of its own. {again}",
                code=CODE,
            )
        found[id] = row
    return found


def _at(document: Document, path: str) -> list[Document]:
    rows: Any = document
    for name in path.split("."):
        rows = rows.get(name) or {}
    return rows or []


def _doubled(kind: str, rule: Keyed, first: str, second: str, id: Id) -> Hold:
    shown = ", ".join(str(part)[:LONGEST_SHOWN] for part in id)
    return Hold(
        f"{first} and {second} of the {kind} have the same {' and '.join(rule.key)}: {shown!r}",
        hint="Correct {origin}, so that each has its own; or, if they differ there, the mapping that makes them, and "
        "run `fleet mapping publish`. {again}",
        code=CODE,
    )
