"""Returns as Clarity sends them, and what came back as the polls of the ERPs give it; names are theirs."""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.sources.of_an_order import OfAnOrder
from integration.canonical.values import Amount, AsReceived, Id, Rows, Text, Time, Version


class ClarityReturnLine(AsReceived):
    id = Id(required=True)
    orderLineId = Id(required=True)
    quantity = Amount(required=True)
    reason = Text()


class ClarityReturn(AsReceived):
    """``receipts`` are what the ERPs have received of it."""

    id = Id(required=True)
    number = Text()
    orderId = Id(required=True)
    version = Version(required=True)
    status = Text(required=True)
    lines = Rows(ClarityReturnLine)
    createdDate = Time()
    updatedDate = Time()


class ReturnedGoodsLine(AsReceived):
    """``key`` is the name of the sale line's external id; None for what is of no line of ours.

    ``uncounted``: a part of a kit, of which nobody can say how many sets came back.
    """

    key = Text()
    sku = Text()
    quantity = Amount(required=True)
    uncounted = fields.Boolean(load_default=False)


class OdooReturnedGoods(OfAnOrder):
    """A transfer (stock.picking) that is done; ``return_id`` is the return of Clarity's that it was made for."""

    name = Text()
    return_id = Id()
    date_done = Text()
    lines = Rows(ReturnedGoodsLine)
