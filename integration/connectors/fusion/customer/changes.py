"""Accounts that may have changed in Fusion, by their bill-to sites (receivablesCustomerAccountSiteActivities).

That resource shows number and VAT number of an account.  Payment terms and credit hold belong to the customer profile,
for which Fusion's REST has no resource: they do not come from Fusion.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from integration.connectors.contract import Change, Document, Page
from integration.connectors.fusion.changed_rows import Listing
from integration.connectors.fusion.client import Client
from integration.connectors.fusion.customer.accounts import ACTIVITIES
from integration.connectors.fusion.decode import moment
from integration.connectors.fusion.errors import AccessRefused, NoSuchResource

logger = structlog.get_logger(__name__)

EVENT = "customer.changed"
SHOWN = ("AccountNumber", "TaxRegistrationNumber")


class AccountChanges:
    """The stream of ``customer.changed``: one for each account on a page."""

    def __init__(self, client: Client) -> None:
        self._listing = Listing(client, client.path(ACTIVITIES), "BillToSiteUseId")
        self._refused = False

    def changed(self, since: datetime, page: Document | None) -> Page:
        """The accounts that changed; none, with a warning once, where our client may not read them."""
        try:
            batch = self._listing.changed(since, page, "", fields=",".join((*SHOWN, "LastUpdateDate")))
        except (AccessRefused, NoSuchResource) as refused:
            if not self._refused:
                logger.warning("accounts.unreadable", resource=ACTIVITIES, reason=refused.reason)
            self._refused = True
            return Page((), None, None)
        accounts = {str(row["AccountNumber"]): row for row in batch.rows if row.get("AccountNumber")}
        return Page(tuple(_change(number, row) for number, row in accounts.items()), batch.seen, batch.next)


def _change(number: str, row: Document) -> Change:
    at = moment(row.get("LastUpdateDate")) or datetime.fromtimestamp(0, UTC)
    return Change(EVENT, number, at, number, None, {name: row.get(name) for name in SHOWN})
