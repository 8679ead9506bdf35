"""Products as Clarity sends them and as the polls of the ERPs read them; names are those of each system."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_load

from integration.canonical.values import Amount, AsReceived, Attributes, Id, Rows, Text, Time, Version


class ClarityVariant(AsReceived):
    """One of several that a product is sold as; ``options`` say which: ``{"Size": "M"}``."""

    id = Id(required=True)
    sku = Id()
    barcode = Id()
    options = Attributes(load_default=None)
    price = Amount()


class ClarityImage(AsReceived):
    """A picture behind a URL; a URL alone is one, too."""

    url = Text(required=True)
    alt = Text()
    position = fields.Integer(load_default=0)

    @pre_load
    def _stated(self, given: Any, **_: Any) -> Any:
        if isinstance(given, str):
            return {"url": given}
        if isinstance(given, dict):
            return {name: value for name, value in given.items() if name != "position" or value is not None}
        return given


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
    images = Rows(ClarityImage)
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

    ``country_of_origin`` is an ISO 3166 code, ``category`` a full name ("Goods / Tools"), ``price`` that of the product
    without what its values of attributes add; ``weight`` is None where the variants differ in it.
    """

    object_id = Text(required=True)
    source = Text(required=True)
    active = fields.Boolean(required=True)
    hs_code = Text()
    country_of_origin = Text()
    weight = Amount()
    category = Text()
    price = Amount()
    currency = Text()


class FusionProduct(AsReceived):
    """An item of Fusion (itemsV2); ``object_id`` is our id of the product, ``source`` as in `OdooProduct`."""

    object_id = Text(required=True)
    source = Text(required=True)
    UnitWeightQuantity = Amount()
    WeightUOMValue = Text()
