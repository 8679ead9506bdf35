"""Whether the order's products are items in Fusion."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.errors import AccessRefused, NoSuchResource
from integration.connectors.fusion.kept import Kept
from integration.errors import Hold
from integration.side_by_side import together

MOST_ASKED = 50
"""Numbers in one query, which goes into the address."""


class Items:
    """Looks items up by number, and keeps in memory for a while which are there."""

    def __init__(self, client: Client, organization: str, fallback: str) -> None:
        self._client = client
        self._organization = organization
        self._fallback = fallback
        self._there: Kept[bool] = Kept()

    def numbers(self, skus: Iterable[str]) -> dict[str, str]:
        """The item number for each SKU: its own, or FUSION_FALLBACK_SKU where Fusion lacks it.

        Raises `Hold` naming all that are unknown.  A user who may not read items finds out when the order is posted.
        """
        wanted = sorted(set(skus))
        unknown = self._unknown(wanted)
        if unknown and not (self._fallback and not self._unknown([self._fallback])):
            raise Hold(
                f"unknown SKU {', '.join(unknown)}",
                hint="In Fusion (Product Information Management) create the item with this number and assign it to "
                "the organization; or set FUSION_FALLBACK_SKU to an item for unknown ones and run "
                "`fleet restart`. {again}",
                code="unknown_sku",
            )
        return {sku: self._fallback if sku in unknown else sku for sku in wanted}

    def _unknown(self, skus: Sequence[str]) -> list[str]:
        """Those that are no items; the others are remembered."""
        asked = [sku for sku in skus if not self._there.get(sku)]
        there = together((self, "items"), asked, self._look, calls=True) if asked else set()
        return [sku for sku in asked if sku not in there]

    def _look(self, asked: Sequence[Sequence[str]]) -> list[set[str]]:
        """For each list of numbers, the items of all: they are asked for by few queries."""
        skus = sorted({sku for each in asked for sku in each})
        try:
            there = {sku for at in range(0, len(skus), MOST_ASKED) for sku in self._read(skus[at : at + MOST_ASKED])}
        except (AccessRefused, NoSuchResource):
            return [set(skus)] * len(asked)
        for sku in there:
            self._there.put(sku, True)
        return [there] * len(asked)

    def _read(self, skus: Collection[str]) -> set[str]:
        """The numbers for which there is an item: ``in`` is part of expressions since framework version 2."""
        q = f"ItemNumber in ({', '.join(map(quoted, skus))})"
        if self._organization:
            q += f" and OrganizationCode={quoted(self._organization)}"
        rows = self._client.items(self._client.path("itemsV2"), q=q, fields="ItemNumber,OrganizationCode")
        return {number for row in rows if (number := str(row.get("ItemNumber"))) in skus}
