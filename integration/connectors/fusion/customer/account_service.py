"""Customer accounts of Receivables (SOAP ``CustomerAccountService``): REST has no resource for them.

An account is looked up by its party, which is ours alone; its sites are made with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integration.connectors.answers import unreadable
from integration.connectors.contract import Request, Work
from integration.connectors.fusion.client import Client
from integration.connectors.fusion.soap import FINDING, Service

NAMESPACE = "http://xmlns.oracle.com/apps/cdm/foundation/parties/customerAccountService/"
SERVICE = Service("/crmService/CustomerAccountService", f"{NAMESPACE}applicationModule/types/", NAMESPACE)
CREATED_BY = "HZ_WS"
"""What Fusion's lookup HZ_CREATED_BY_MODULES calls a web service; a row without it is refused."""
SHOWN = ("CustomerAccountId", "AccountNumber", "PartyId")

Row = dict[str, Any]


class AccountService:
    """Finds and makes accounts.  ``address_set`` is the id of the set in which their sites are made."""

    def __init__(self, client: Client, source_system: str, address_set: str) -> None:
        self._client = client
        self._source_system = source_system
        self._address_set = address_set

    def of_party(self, party: str) -> Row | None:
        """The account of a party, the oldest of several; None where it has none."""
        item = {"conjunction": "And", "attribute": "PartyId", "operator": "=", "value": party}
        criteria = {"fetchStart": 0, "fetchSize": -1, "filter": {"group": {"item": item}}, "findAttribute": list(SHOWN)}
        request = SERVICE.request(
            "findCustomerAccount",
            ("findCriteria", FINDING, criteria),
            ("findControl", FINDING, {"retrieveAllTranslations": "false"}),
        )
        rows = [row for row in self._client.invoke(request) if row.get("PartyId") == party]
        return min(rows, key=lambda row: (len(row["CustomerAccountId"]), row["CustomerAccountId"]), default=None)

    def create(self, reference: str, party: str, name: str, sites: Mapping[str, Sequence[str]], work: Work) -> Row:
        """The account of a party, made unless it has one; ``sites`` are the uses of each party site, by its id."""
        account = {
            "PartyId": party,
            "AccountName": name,
            "CreatedByModule": CREATED_BY,
            "OrigSystem": self._source_system,
            "OrigSystemReference": reference,
            "CustomerAccountSite": [self._site(site, uses) for site, uses in sites.items()],
        }
        request = SERVICE.request("createCustomerAccount", ("customerAccount", NAMESPACE, account))

        def send(frozen: Request) -> Row:
            rows = self._client.invoke(frozen)
            if len(rows) != 1 or not rows[0].get("AccountNumber"):
                raise unreadable("createCustomerAccount: the answer shows no account")
            return {name: rows[0].get(name) for name in SHOWN}

        def send_if_absent(frozen: Request) -> Row:
            return self.of_party(party) or send(frozen)

        made: Row = work.perform("account.create", request, send, send_if_absent)
        return made

    def _site(self, site: str, uses: Sequence[str]) -> Row:
        return {
            "PartySiteId": site,
            "CreatedByModule": CREATED_BY,
            "SetId": self._address_set,
            "CustomerAccountSiteUse": [{"SiteUseCode": use, "CreatedByModule": CREATED_BY} for use in uses],
        }
