"""Stock levels as the polls give them."""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.values import Amount, AsReceived, Id, Text


class OdooStockLevel(AsReceived):
    """A product at one warehouse, by its short name, in the product's own unit.

    ``free`` is what no transfer has reserved; ``planned`` is what transfers will take out, reserved or not.
    """

    object_id = Text(required=True)
    source = Text(required=True)
    sku = Id(required=True)
    warehouse = Id(required=True)
    on_hand = Amount(required=True)
    free = Amount(required=True)
    planned = Amount(required=True)
    available = Amount(required=True)
    records = fields.Integer(load_default=1)
    only_place = fields.Boolean(load_default=False)
    read_at = Text(required=True)
