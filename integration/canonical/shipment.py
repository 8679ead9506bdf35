"""The canonical shipment: what left for one order in one go, and what has to be true of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from integration.canonical.values import Amount, Id, Rows, Strict, Text, Time, quoted
from integration.errors import Hold

STATUSES = ("open", "shipped", "cancelled")


class ShipmentLine(Strict):
    """How much of a line of the order left; ``order_line_id`` and ``sku`` are the order's."""

    order_line_id = Id(required=True)
    sku = Text()
    quantity = Amount(required=True)


class Shipment(Strict):
    """``id`` is the installation and their id there ("odoo-1/17"), ``source`` the installation, ``number`` theirs."""

    id = Id(required=True)
    order_id = Id(required=True)
    source = Text(required=True)
    number = Text()
    status = Text(required=True)
    carrier = Text()
    service = Text()
    tracking_numbers = fields.List(Text(), load_default=list)
    shipped_at = Time()
    lines = Rows(ShipmentLine)


def tracking_key(number: str) -> str:
    """A tracking number as it is compared: carriers print one in groups, and people type it in small letters.

    >>> tracking_key("1z 999 aa1 01 2345 6784")
    '1Z999AA10123456784'
    """
    return "".join(number.split()).upper()


def check_shipment(shipment: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:  # noqa: ARG001
    """Passes a shipment that can be sent to Clarity as it is.

    Raises `Hold` for an unknown status, and for a shipped one without lines or with a quantity that is not above zero.
    No person ``approves`` anything of that: it could not be shown.
    """
    if shipment["status"] not in STATUSES:
        raise Hold(
            f"unknown shipment status {quoted(shipment['status'])}",
            hint=f"Use one of {', '.join(STATUSES)} in the table or the mapping, and run "
            "`fleet mapping publish`. {again}",
            code="unknown_status",
        )
    if shipment["status"] != "shipped":
        return
    if not shipment["lines"]:
        raise Hold(
            "the shipment has left, but no line of the order is in it",
            hint="Correct {origin}, or enter in Clarity by hand what left. {again}",
            code="no_lines",
        )
    for line in shipment["lines"]:
        if line["quantity"] <= 0:
            raise Hold(
                f"{line['quantity']:f} of line {line['order_line_id'][:40]} is shipped, which is not above zero",
                hint="Correct {origin}. {again}",
                code="quantity",
            )
