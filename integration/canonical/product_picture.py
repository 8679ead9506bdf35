"""The canonical picture of a product: the URL of the one that is shown first."""

from __future__ import annotations

from integration.canonical.values import Id, Strict, Text


class ProductPicture(Strict):
    """``id`` is that of the product; without a ``url`` it has no picture."""

    id = Id(required=True)
    url = Text()
