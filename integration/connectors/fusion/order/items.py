"""Whether the order's products are items in Fusion."""

from __future__ import annotations

import time
from collections.abc import Iterable

from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.errors import AccessRefused, NoSuchResource
from integration.errors import Hold

KNOWN_SECONDS = 600.0
MOST_KNOWN = 50_000


class Items:
    """Looks items up by number, and keeps in memory for a while which are there."""

    def __init__(self, client: Client, organization: str, fallback: str) -> None:
        self._client = client
        self._organization = organization
        self._fallback = fallback
        self._known_until: dict[str, float] = {}

    def numbers(self, skus: Iterable[str]) -> dict[str, str]:
        """The item number for each SKU: its own, or FUSION_FALLBACK_SKU where Fusion lacks it.

        Raises `Hold` naming all that are unknown.  A user who may not read items finds out when the order is posted.
        """
        wanted = sorted(set(skus))
        unknown = [sku for sku in wanted if not self._is_known(sku)]
        if unknown and not (self._fallback and self._is_known(self._fallback)):
            raise Hold(
                f"unknown SKU {', '.join(unknown)}",
                hint="In Fusion (Product Information Management) create the item with this number and assign it to "
                "the organization; or set FUSION_FALLBACK_SKU to an item for unknown ones and restart "
                "the fleet. {again}",
                code="unknown_sku",
            )
        return {sku: self._fallback if sku in unknown else sku for sku in wanted}

    def _is_known(self, sku: str) -> bool:
        if time.monotonic() < self._known_until.get(sku, 0.0):
            return True
        q = f"ItemNumber={quoted(sku)}"
        if self._organization:
            q += f" and OrganizationCode={quoted(self._organization)}"
        try:
            rows = self._client.items(self._client.path("itemsV2"), q=q, fields="ItemNumber,OrganizationCode")
            found = any(str(row.get("ItemNumber")) == sku for row in rows)
        except (AccessRefused, NoSuchResource):
            return True
        if found:
            if len(self._known_until) >= MOST_KNOWN:
                self._known_until.clear()
            self._known_until[sku] = time.monotonic() + KNOWN_SECONDS
        return found
