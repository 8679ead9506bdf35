"""The canonical return: what a customer may send back of an order, as Clarity has agreed with the customer.

Clarity decides whether goods may come back, and why; an ERP receives them.  So only an approved return reaches an ERP,
and what is received comes from there (`canonical.returned_goods`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from integration.canonical.faults import refuse
from integration.canonical.values import Amount, Id, Rows, Strict, Text, quoted
from integration.errors import Hold

APPROVED, CANCELLED = "approved", "cancelled"
STATUSES = ("requested", APPROVED, "rejected", CANCELLED, "partially_received", "received", "closed")
HINT = "Correct {origin}. {again}"


class ReturnLine(Strict):
    """How much of a line of the order comes back, and why; ``id`` is the line's in the return."""

    id = Id(required=True)
    order_line_id = Id(required=True)
    quantity = Amount(required=True)
    reason = Text()


class Return(Strict):
    id = Id(required=True)
    number = Text()
    order_id = Id(required=True)
    status = Text(required=True)
    lines = Rows(ReturnLine)


def check_return(found: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:
    """Passes a return that can be posted as it is, or each of whose faults a person ``approves``.

    Raises `Hold` for an unknown status, and for an approved one without lines, or with a quantity that is not above
    zero.
    """
    refuse(_faults(found), approves)


def _faults(found: dict[str, Any]) -> Iterator[Hold]:
    if found["status"] not in STATUSES:
        yield Hold(f"unknown status of the return: {quoted(found['status'])}", hint=HINT, code="unknown_status")
    if found["status"] != APPROVED:
        return
    if not found["lines"]:
        yield Hold("the return is approved, but has no lines", hint=HINT, code="no_lines")
    for index, line in enumerate(found["lines"]):
        if line["quantity"] <= 0:
            yield Hold(f"the quantity of lines.{index} is not above zero", hint=HINT, code="quantity")
