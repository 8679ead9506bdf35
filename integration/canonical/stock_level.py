"""The canonical stock level: how much of a SKU an ERP has at one place for whoever orders next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from integration.canonical.faults import refuse
from integration.canonical.values import Amount, Id, Strict, Text, Time
from integration.errors import Hold


class StockLevel(Strict):
    """``location`` is Clarity's; None: what is there is not sold in Clarity.

    ``available`` is what is on hand and not reserved or promised there; below zero where more is promised than there
    is.  Nothing that happened at the ERP after ``read_at`` is in it.  ``only_place``: no other place there has goods.
    ``records`` is how many products there bear the SKU.
    """

    id = Id(required=True)
    source = Text(required=True)
    sku = Id(required=True)
    location = Id()
    available = Amount(required=True)
    only_place = fields.Boolean(load_default=False)
    records = fields.Integer(load_default=1)
    read_at = Time(required=True)


def check_stock_level(level: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:
    """Passes a level, one below zero, too: it is shown as none.

    Raises `Hold` where several products bear the SKU, unless a person ``approves`` that all of them are it.
    """
    if level["records"] > 1:
        fault = Hold(
            f"{level['records']} products have the SKU",
            hint="Give all but one of them another SKU, or `fleet held approve ID` if all of them are sold as one. "
            "{again}",
            code="ambiguous_product",
            compared=(level["records"],),
        )
        refuse([fault], approves)
