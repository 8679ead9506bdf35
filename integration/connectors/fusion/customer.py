"""The customer of an order in Fusion: the account that is billed, its bill-to site, and where the goods go.

An order needs a customer *account* with sites (Receivables), and Fusion's order resource creates none of them.  The
account is looked up by the number the order states, by the crossref of the customer, by e-mail address, in
this order; without one it is FUSION_GUEST_ACCOUNT, or the order waits.
"""

from __future__ import annotations

from typing import Any

from integration.connectors.contract import Document, Work
from integration.connectors.fusion.client import Client, quoted
from integration.errors import Hold

MOST_CANDIDATES = 10
CONTACT_FIELDS = "PartyId,PartyNumber,ContactName,EmailAddress,AccountPartyId,AccountName"
NEW_ACCOUNT = (
    "in Fusion (Receivables, Customers) create an account with a bill-to and a ship-to site, and a contact with the "
    "order's e-mail address; then send the order again."
)

Row = dict[str, Any]


class Customers:
    """Finds the account and the sites of one order."""

    def __init__(self, client: Client, work: Work, guest_account: str) -> None:
        self._client = client
        self._work = work
        self._guest_account = guest_account

    def resolve(self, document: Document) -> dict[str, str | None]:
        """Ids of ``party``, ``account``, ``bill_to`` (site use) and ``ship_to`` (party site, None: Fusion's default).

        Raises `Hold` where there is no account or site, and with the candidates where several accounts fit.
        """
        rows = self._account(document)
        bill_to = _only(
            [row for row in rows if row.get("SiteUseCode") in (None, "BILL_TO")], rows[0]["AccountNumber"], "bill-to"
        )
        ship_to = self._ship_to(rows, document)
        party = bill_to.get("PartyId")
        if party is None or bill_to.get("CustomerAccountId") is None or bill_to.get("SiteUseId") is None:
            raise Hold(
                f"account {bill_to['AccountNumber']} comes without PartyId, CustomerAccountId or SiteUseId",
                hint="Compare customerAccountSitesLOV/describe of this pod, and report the names it uses.",
                code="odd_account",
            )
        site = (ship_to or bill_to).get("PartySiteId") or (ship_to or bill_to).get("SiteId")
        return {
            "party": str(party),
            "account": str(bill_to["CustomerAccountId"]),
            "bill_to": str(bill_to["SiteUseId"]),
            "ship_to": str(site) if site else None,
        }

    def _account(self, document: Document) -> list[Row]:
        """The sites of the order's account."""
        customer = document["customer"]
        stated = customer["account_number"]
        entity, key = ("customer", customer["key"]) if customer["key"] else ("order_customer", document["key"])
        for number in (stated, self._work.known(entity, key)):
            if number and (rows := self._sites("AccountNumber", number)):
                return rows
        accounts = self._by_email(customer["email"]) if customer["email"] else {}
        if len(accounts) > 1:
            raise Hold(
                "several accounts in Fusion have a contact with this e-mail address",
                hint="In Fusion leave this e-mail address with the contact of one account, or give the customer his "
                "account number in Clarity; then send the order again.",
                code="ambiguous_customer",
                candidates=tuple(
                    {"id": number, "label": _masked(number, rows[0]), "entity": entity, "key": key}
                    for number, rows in sorted(accounts.items())[:MOST_CANDIDATES]
                ),
            )
        if accounts:
            return next(iter(accounts.values()))
        if stated:
            raise Hold(
                f"account {stated} is unknown in Fusion, and no other has the order's e-mail address",
                hint=f"Correct the account number in Clarity, or {NEW_ACCOUNT}",
                code="unknown_account",
            )
        return self._guest()

    def _guest(self) -> list[Row]:
        if not self._guest_account:
            raise Hold(
                "no account in Fusion has a contact with the order's e-mail address",
                hint="Set FUSION_GUEST_ACCOUNT to the number of an account that takes such orders and restart the "
                f"fleet, or {NEW_ACCOUNT}",
                code="no_account",
            )
        if rows := self._sites("AccountNumber", self._guest_account):
            return rows
        raise Hold(
            f"FUSION_GUEST_ACCOUNT {self._guest_account} is unknown in Fusion",
            hint="Set it to the number of an account that has a bill-to and a ship-to site and restart the fleet, then "
            "send the order again.",
            code="no_account",
        )

    def _by_email(self, email: str) -> dict[str, list[Row]]:
        """The accounts of everybody with this address, by number: of the organisation, or of the person himself."""
        contacts = self._contacts(email) or (self._contacts(email.lower()) if email != email.lower() else [])
        accounts: dict[str, list[Row]] = {}
        seen: set[str] = set()
        for contact in contacts[:MOST_CANDIDATES]:
            for party in filter(None, (contact.get("AccountPartyId"), contact.get("PartyId"))):
                rows = [] if str(party) in seen else self._sites("PartyId", str(party))
                seen.add(str(party))
                for row in rows:
                    accounts.setdefault(str(row["AccountNumber"]), []).append(row)
                if rows:
                    break
        return accounts

    def _contacts(self, email: str) -> list[Row]:
        path = self._client.path("contacts", family="crm")
        rows = self._client.items(path, q=f"EmailAddress={quoted(email)}", fields=CONTACT_FIELDS)
        return [row for row in rows if str(row.get("EmailAddress", email)).strip().lower() == email.strip().lower()]

    def _sites(self, attribute: str, value: str) -> list[Row]:
        """Rows of customerAccountSitesLOV: one for each use of a site."""
        literal = value if attribute.endswith("Id") and value.isdigit() else quoted(value)
        rows = self._client.items(self._client.path("customerAccountSitesLOV"), q=f"{attribute}={literal}")
        return [row for row in rows if str(row.get(attribute, value)) == value and row.get("AccountNumber")]

    def _ship_to(self, rows: list[Row], document: Document) -> Row | None:
        """The site with the order's postal code where Fusion tells those of several; else the only or primary one."""
        sites = [row for row in rows if row.get("SiteUseCode") == "SHIP_TO"]
        if not sites:  # the party's own site then, which is billed too
            return None
        wanted = _code(document["ship_to"]["postal_code"])
        if len(sites) > 1 and wanted and any(_code(site.get("PostalCode")) for site in sites):
            sites = [site for site in sites if _code(site.get("PostalCode")) == wanted]
        return _only(sites, rows[0]["AccountNumber"], "ship-to")


def _only(sites: list[Row], account: Any, kind: str) -> Row:
    """The only site, or of several the primary one."""
    primary = [site for site in sites if str(site.get("PrimaryFlag")).upper() in {"Y", "TRUE"}]
    if len(sites) == 1 or len(primary) == 1:
        return (primary or sites)[0]
    raise Hold(
        f"account {account} has {'several' if sites else 'no'} fitting {kind} sites",
        hint=f"In Fusion (Receivables, Customers) give the account one {kind} site that is primary or has the "
        "order's postal code, then send the order again.",
        code="no_site",
    )


def _code(postal_code: Any) -> str:
    return "".join(str(postal_code or "").split()).upper()


def _masked(number: str, row: Row) -> str:
    """A label by which he who knows them can tell candidates apart: "A… C… (77001)"."""
    initials = " ".join(f"{word[0]}…" for word in str(row.get("CustomerName") or row.get("AccountName") or "?").split())
    return f"{initials} ({number})"
