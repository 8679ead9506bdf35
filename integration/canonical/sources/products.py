"""Products as Clarity sends them and as the polls of the ERPs read them; names are those of each system."""

from __future__ import annotations

from marshmallow import fields

from integration.canonical.values import Amount, AsReceived, Attributes, Id, Rows, Text, Time, Version


class ClarityVariant(AsReceived):
    """One of several that a product is sold as; ``options`` say which: ``{"Size": "M"}``."""

    id = Id(required=True)
    sku = Id()
    barcode = Id()
    options = Attributes(load_default=None)
    price = Amount()


class ClarityProduct(AsReceived):
    id = Id(required=True)
    version = Version(required=True)
    sku = Id()
    name = Text()
    kind = Text()
    description = Text()
    price = Amount()
    currency = Text()
    taxIncluded = fields.Boolean(load_default=None, allow_none=True)
    uom = Id()
    weight = Amount()
    barcode = Id()
    category = Text()
    images = fields.List(Text(required=True), load_default=list, allow_none=True)
    status = Text()
    variants = Rows(ClarityVariant)
    hsCode = Text()
    countryOfOrigin = Text()
    discontinued = fields.Boolean(load_default=None, allow_none=True)
    createdDate = Time()
    updatedDate = Time()
    customAttributes = Attributes(load_default=None)


class OdooProduct(AsReceived):
    """A product of Odoo; ``object_id`` is our id of it, ``source`` the installation that was read.

    ``country_of_origin`` is an ISO 3166 code.
    """

    object_id = Text(required=True)
    source = Text(required=True)
    active = fields.Boolean(required=True)
    hs_code = Text()
    country_of_origin = Text()
