"""What a poll of any ERP adds to a document: the order that it belongs to, as that ERP carries it.

Loading turns amounts into `Decimal` and empty text into None, and keeps what is not named here, so that a mapping can
use it.
"""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.values import ABSENT, Amount, AsReceived, Id, Rows, Text


class KnownLine(AsReceived):
    """A line that the ERP carries of the order.

    ``left`` is what may still be shipped; for goods that come back, what is away.  ``keys`` are all names under which
    the line may come back.
    """

    id = Id(required=True)
    sku = Text()
    quantity = Amount(required=True)
    left = Amount(required=True)
    keys = fields.List(Id(required=True), required=True, error_messages=ABSENT)


class KnownOrder(AsReceived):
    """The order as it was posted there."""

    id = Id(required=True)
    currency = Text(required=True)
    amount = Amount(required=True)
    lines = Rows(KnownLine)


class OfAnOrder(AsReceived):
    """``source`` is the installation, ``object_id`` the installation and their id: "odoo-1/17"."""

    object_id = Text(required=True)
    source = Text(required=True)
    order = fields.Nested(KnownOrder, required=True, error_messages=ABSENT)


class CancellationOfAnOrderLine(AsReceived):
    """A line, by our id, of which less is ``kept`` than was ``ordered``; ``billed`` is how much of it is invoiced."""

    key = Id(required=True)
    sku = Text()
    ordered = Amount(required=True)
    kept = Amount(required=True)
    billed = Amount()


class CancellationOfAnOrder(OfAnOrder):
    """An order of which the ERP keeps less than was posted; ``whole``: it is cancelled itself.

    ``unclear`` says why it is not known what is still wanted.
    """

    name = Text()
    whole = fields.Boolean(required=True, error_messages=ABSENT)
    unclear = Text()
    lines = Rows(CancellationOfAnOrderLine)
