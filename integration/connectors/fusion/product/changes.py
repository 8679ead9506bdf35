"""Items that may have changed in Fusion, as the item master shows them.  Which one is a product, the crossref says.

An item that is one of several variants of a product is no product of its own: what Fusion owns of it stays there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import structlog

from integration.connectors.contract import Ask, Change, Document, Page
from integration.connectors.fusion.changed_rows import Listing
from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.decode import moment
from integration.connectors.fusion.errors import AccessRefused, NoSuchResource
from integration.connectors.fusion.product.catalogue import Catalogue

logger = structlog.get_logger(__name__)

EVENT, STAMP = "product.changed", "LastUpdateDateTime"
SHOWN = ("ItemId", "ItemNumber", "UnitWeightQuantity", "WeightUOMValue")


class ItemChanges:
    """The stream of ``product.changed``; nothing is read of a pod whose items do not follow products."""

    def __init__(self, client: Client, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._listing = Listing(client, catalogue.path, "ItemId", STAMP)
        self._refused = False

    def changed(self, ask: Ask) -> Page:
        """The items that changed; none, with a warning once, where our client may not read them."""
        if not self._catalogue.organizations:
            return Page((), None, None)
        where = f"OrganizationCode={quoted(self._catalogue.master)}"
        try:
            batch = self._listing.changed(ask.since, ask.page, where, fields=",".join((*SHOWN, STAMP)))
        except (AccessRefused, NoSuchResource) as refused:
            if not self._refused:
                logger.warning("items.unreadable", reason=refused.reason)
            self._refused = True
            return Page((), None, None)
        return Page(tuple(map(_change, batch.rows)), batch.seen, batch.next)


def _change(row: Document) -> Change:
    at = moment(row.get(STAMP)) or datetime.fromtimestamp(0, UTC)
    weight = row.get("UnitWeightQuantity")
    document = {
        "UnitWeightQuantity": None if weight is None else Decimal(str(weight)),
        "WeightUOMValue": row.get("WeightUOMValue"),
    }
    return Change(EVENT, str(row["ItemId"]), at, str(row["ItemNumber"]), None, document)
