"""Customer accounts of Receivables (SOAP ``CustomerAccountService``): REST has no resource for them.

An account is looked up by its party, which is ours alone, and a site by the address of the party that it is at.  An
account is made with its sites; ``mergeCustomerAccount`` adds to one that is there.
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
        rows = [row for row in self._find("PartyId", party, SHOWN) if row.get("PartyId") == party]
        return min(rows, key=lambda row: (len(row["CustomerAccountId"]), row["CustomerAccountId"]), default=None)

    def create(self, reference: str, party: str, name: str, sites: Mapping[str, Sequence[str]], work: Work) -> Row:
        """The account of a party, made unless it has one; ``sites`` are the uses of each party site, by its id."""
        account = {
            "PartyId": party,
            "AccountName": name,
            "CreatedByModule": CREATED_BY,
            "OrigSystem": self._source_system,
            "OrigSystemReference": reference,
            "CustomerAccountSite": [self._site({"PartySiteId": site}, uses) for site, uses in sites.items()],
        }
        request = SERVICE.request("createCustomerAccount", ("customerAccount", NAMESPACE, account))

        def send(frozen: Request) -> Row:
            made = self._made("createCustomerAccount", frozen)
            if not made.get("AccountNumber"):
                raise unreadable("createCustomerAccount: the answer shows no account")
            return {name: made.get(name) for name in SHOWN}

        def send_if_absent(frozen: Request) -> Row:
            return self.of_party(party) or send(frozen)

        made: Row = work.perform("account.create", request, send, send_if_absent)
        return made

    def use(self, account: str, party_site: str, code: str) -> Row | None:
        """The account's use of this code at an address of its party, an active one of several; None without one."""
        uses = [use for site in self._sites(account, party_site) for use in site.get("CustomerAccountSiteUse", ())]
        fitting = [use for use in uses if use.get("SiteUseCode") == code]
        return next(filter(is_active, fitting), next(iter(fitting), None))

    def add_use(self, account: str, party_site: str, code: str, work: Work) -> None:
        """Gives the account a use, unless it has it: at the site that it has at this address, or at a new one."""
        there = self._sites(account, party_site)
        key = {"CustomerAccountSiteId": there[0]["CustomerAccountSiteId"]} if there else {"PartySiteId": party_site}
        merged = {"CustomerAccountId": account, "CustomerAccountSite": self._site(key, [code])}
        request = SERVICE.request("mergeCustomerAccount", ("customerAccount", NAMESPACE, merged))

        def send(frozen: Request) -> Row:
            return {"CustomerAccountId": self._made("mergeCustomerAccount", frozen)["CustomerAccountId"]}

        def send_if_absent(frozen: Request) -> Row:
            return self.use(account, party_site, code) or send(frozen)

        work.perform(f"site.create:{party_site}:{code}", request, send, send_if_absent)

    def _sites(self, account: str, party_site: str) -> list[Row]:
        """The account's sites at an address, each with its uses: shown where no attributes are asked for by name."""
        accounts = [row for row in self._find("CustomerAccountId", account) if row.get("CustomerAccountId") == account]
        sites = [site for row in accounts for site in row.get("CustomerAccountSite", ())]
        fitting = [site for site in sites if site.get("PartySiteId") == party_site and "CustomerAccountSiteId" in site]
        return sorted(fitting, key=lambda site: not is_active(site))

    def _find(self, attribute: str, value: str, shown: Sequence[str] = ()) -> list[Row]:
        item = {"conjunction": "And", "attribute": attribute, "operator": "=", "value": value}
        criteria = {"fetchStart": 0, "fetchSize": -1, "filter": {"group": {"item": item}}}
        request = SERVICE.request(
            "findCustomerAccount",
            ("findCriteria", FINDING, criteria | ({"findAttribute": list(shown)} if shown else {})),
            ("findControl", FINDING, {"retrieveAllTranslations": "false"}),
        )
        return list(self._client.invoke(request))

    def _made(self, operation: str, frozen: Request) -> Row:
        rows = self._client.invoke(frozen)
        if len(rows) != 1:
            raise unreadable(f"{operation}: the answer shows no account")
        return rows[0]

    def _site(self, key: Row, uses: Sequence[str]) -> Row:
        return {
            **key,
            "CreatedByModule": CREATED_BY,
            "SetId": self._address_set,
            "CustomerAccountSiteUse": [{"SiteUseCode": use, "CreatedByModule": CREATED_BY} for use in uses],
        }


def is_active(row: Row) -> bool:
    return row.get("Status") in (None, "A")
