"""The customer of an order in Fusion: the account that is billed, its bill-to site, and where the goods go.

An order needs a customer *account* with sites (Receivables), and Fusion's order resource creates none of them.  The
account is looked up by the number the order states, by the crossref of the customer, or by e-mail address and kind
(person or company); without one it is made where that is wanted (`creation`), or FUSION_GUEST_ACCOUNT, or the order
waits.  A ship-to site that the customer's own account lacks is added under the same condition (`sites`).
"""

from __future__ import annotations

from typing import Any

from integration.canonical.email import address_of
from integration.connectors.contract import Document, Work
from integration.connectors.fusion.customer.creation import Creation
from integration.connectors.fusion.customer.directory import Directory, choice
from integration.connectors.fusion.customer.sites import BILL_TO, SHIP_TO, Wanted, at, made_of
from integration.errors import Hold

MOST_CANDIDATES = 10
ACTIVITIES = "receivablesCustomerAccountSiteActivities"
"""What Receivables says of an account, one row for each of its bill-to sites."""
TO_BE_MADE = "to be made"
"""In the place of the id of a ship-to site that `enrich` has found lacking and `post` makes."""
NEW_ACCOUNT = (
    "in Fusion (Receivables, Customers) create an account with a bill-to and a ship-to site, and a contact with the "
    "customer's e-mail address. {again}"
)

Row = dict[str, Any]


class Customers:
    """Finds the account and the sites of one order; ``creation`` makes what is lacking of both."""

    def __init__(self, directory: Directory, work: Work, guest_account: str, creation: Creation | None = None) -> None:
        self._directory = directory
        self._work = work
        self._guest_account = guest_account
        self._creation = creation

    def resolve(self, document: Document) -> dict[str, str | None]:
        """Ids of ``party``, ``account``, ``bill_to`` (site use) and ``ship_to`` (party site, None: Fusion's default).

        All are None where the account is still to be made, and ``ship_to`` is `TO_BE_MADE` where that site is.  Raises
        `Hold` where there is no account or site, and with the candidates where several accounts fit.
        """
        rows = self._account(document)
        if rows is None:
            return dict.fromkeys(("party", "account", "bill_to", "ship_to"))
        own = self._at_address(rows, document)
        bill_to = own.get(BILL_TO) or _only(
            [row for row in rows if row.get("SiteUseCode") in (None, BILL_TO)], rows[0]["AccountNumber"], "bill-to"
        )
        ship_to = own[SHIP_TO] if SHIP_TO in own else self._ship_to(rows, document)
        is_lacking = SHIP_TO in own and ship_to is None
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
            "ship_to": TO_BE_MADE if is_lacking else str(site) if site else None,
        }

    def add_site(self, document: Document) -> None:
        """Gives the customer's account the ship-to site that `resolve` has found lacking."""
        rows, wanted = self._account(document), _wanted(document)
        if rows and self._creation and SHIP_TO in wanted:
            self._creation.sites.ensure(rows, document["customer"], [wanted[SHIP_TO]], self._work)

    def _at_address(self, rows: list[Row], document: Document) -> dict[str, Row | None]:
        """By use the site at the address that the order states, where it is clear; None for one that is to be made.

        The guest account's sites are nobody's, and an address of a party of another kind is no evidence.
        """
        if str(rows[0].get("AccountNumber")) == self._guest_account:
            return {}
        wanted = _wanted(document)
        found: dict[str, Row | None] = {use: row for use, each in wanted.items() if (row := made_of(rows, each))}
        creation = self._creation
        if SHIP_TO in found or SHIP_TO not in wanted or not creation or not creation.covers(document["customer"]):
            return found
        party = creation.sites.party(rows, document["customer"])
        equal = {use: at(rows, each, party) for use, each in wanted.items() if party and use not in found}
        return found | {use: row for use, row in equal.items() if row or use == SHIP_TO}

    def _account(self, document: Document) -> list[Row] | None:
        """The sites of the order's account; None where it is to be made.

        What the order states, or a person chose, is not replaced by an account that only has the e-mail address.
        """
        customer = document["customer"]
        entity, key = ("customer", customer["key"]) if customer["key"] else ("order_customer", document["key"])
        rows = self.find(customer, entity, key)
        return rows if rows or (self._creation and self._creation.covers(customer)) else self._guest()

    def find(self, customer: Document, entity: str, key: str) -> list[Row] | None:
        """The sites of the customer's own account; None where it has none.

        ``entity`` and ``key`` are our name of the customer, under which a person's choice is remembered.
        """
        stated, chosen = customer["account_number"], self._work.known(entity, key)
        for number in (stated, chosen):
            if number and (rows := self._directory.sites("AccountNumber", number)):
                return rows
        accounts = self._by_email(customer["email"], customer.get("is_company")) if customer["email"] else {}
        if not (stated or chosen) and len(accounts) < 2:
            return next(iter(accounts.values()), None)
        raise _undecided(
            stated or chosen,
            tuple(choice(number, rows[0], entity, key) for number, rows in sorted(accounts.items())[:MOST_CANDIDATES]),
        )

    def _guest(self) -> list[Row]:
        if not self._guest_account:
            raise Hold(
                "no account in Fusion has a contact with the order's e-mail address",
                hint="Set FUSION_GUEST_ACCOUNT to the number of an account that takes such orders and run "
                f"`fleet restart`, or {NEW_ACCOUNT}",
                code="no_account",
            )
        if rows := self._directory.sites("AccountNumber", self._guest_account):
            return rows
        raise Hold(
            f"FUSION_GUEST_ACCOUNT {self._guest_account} is unknown in Fusion",
            hint="Set it to the number of an account that has a bill-to and a ship-to site and run `fleet restart`. "
            "{again}",
            code="no_account",
        )

    def _by_email(self, email: str, is_company: bool | None) -> dict[str, list[Row]]:
        """The accounts of everybody with this address, by number: of organizations, or of the people themselves.

        An employee's address is no evidence that a private order is the employer's, nor the other way round.
        ``is_company`` is None where the order does not say whose it is.
        """
        email = address_of(email)  # as it is written: Fusion compares with case
        contacts = self._directory.contacts(email) or (
            self._directory.contacts(email.lower()) if email != email.lower() else []
        )
        accounts: dict[str, list[Row]] = {}
        seen: set[str] = set()
        for contact in contacts[:MOST_CANDIDATES]:
            for party in _parties(contact, is_company):
                rows = [] if party in seen else self._directory.sites("PartyId", party)
                seen.add(party)
                for row in rows:
                    accounts.setdefault(str(row["AccountNumber"]), []).append(row)
                if rows:
                    break
        return accounts

    def _ship_to(self, rows: list[Row], document: Document) -> Row | None:
        """The site with the order's postal code where Fusion shows it for several; else the only or primary one."""
        sites = [row for row in rows if row.get("SiteUseCode") == SHIP_TO]
        if not sites:  # the party's own site then, which is billed too
            return None
        wanted = _code(document["ship_to"]["postal_code"])
        if len(sites) > 1 and wanted and any(_code(site.get("PostalCode")) for site in sites):
            sites = [site for site in sites if _code(site.get("PostalCode")) == wanted]
        return _only(sites, rows[0]["AccountNumber"], "ship-to")


def _wanted(document: Document) -> dict[str, Wanted]:
    """The uses that an order needs of the addresses that it states; a guest has no addresses of their own."""
    key, kinds = document["customer"]["key"], {"billing": BILL_TO, "shipping": SHIP_TO}
    addresses = document.get("addresses", ()) if key else ()
    return {kinds[each["kind"]]: Wanted(key, kinds[each["kind"]], each) for each in addresses}


def _parties(contact: Row, is_company: bool | None) -> list[str]:
    """The parties whose accounts may be the customer's; a person's own account bears the person's name."""
    employer, person = contact.get("AccountPartyId"), contact.get("PartyId")
    if is_company is not None:
        names = [str(contact.get(name) or "").strip().casefold() for name in ("ContactName", "AccountName")]
        own = employer is None or employer == person or names[0] == names[1]
        if is_company:
            employer, person = (None if own else employer), None
        elif not own:
            employer = None
    return [str(party) for party in (employer, person) if party]


def _undecided(number: str | None, candidates: tuple[dict[str, str], ...]) -> Hold:
    """Why no account is taken: the one that is stated or was chosen is gone, or several have the e-mail address."""
    if number is None:
        return Hold(
            "several accounts in Fusion have a contact with this e-mail address",
            hint="Choose the right account here, leave this e-mail address with the contact of one account in Fusion, "
            "or give the customer an account number in Clarity. {again}",
            code="ambiguous_customer",
            candidates=candidates,
        )
    others = "; another account has the order's e-mail address" if candidates else ""
    return Hold(
        f"account {number} is unknown in Fusion{others}",
        hint=f"Correct the account number in Clarity, choose another account here, or {NEW_ACCOUNT}",
        code="unknown_account",
        candidates=candidates,
    )


def _only(sites: list[Row], account: Any, kind: str) -> Row:
    """The only site, or of several the primary one."""
    primary = [site for site in sites if str(site.get("PrimaryFlag")).upper() in {"Y", "TRUE"}]
    if len(sites) == 1 or len(primary) == 1:
        return (primary or sites)[0]
    raise Hold(
        f"account {account} has {'several' if sites else 'no'} fitting {kind} sites",
        hint=f"In Fusion (Receivables, Customers) give the account one {kind} site that is primary or has the "
        "order's postal code. {again}",
        code="no_site",
    )


def _code(postal_code: Any) -> str:
    return "".join(str(postal_code or "").split()).upper()
