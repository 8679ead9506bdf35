"""The sites of an account: for each of a customer's addresses one that is billed, or that goods are shipped to.

A site is a use of an address of the account's party.  One that the account lacks is added where accounts are made
(FUSION_CREATE_ACCOUNTS); none is changed or taken away, for invoices and orders refer to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from integration.canonical import digest
from integration.connectors.contract import Document, Work
from integration.connectors.fusion.customer.account_service import AccountService, is_active
from integration.connectors.fusion.customer.directory import Directory
from integration.connectors.fusion.customer.parties import Parties, address_number, fields_of, find
from integration.errors import Hold

BILL_TO, SHIP_TO = "BILL_TO", "SHIP_TO"
SITE = "account_site"
"""The crossref of a site that was added: our name of it (`_name`), and the AddressId of where it is."""

Row = dict[str, Any]


class Wanted(NamedTuple):
    """A use that the customer ``key`` needs of an address."""

    key: str
    use: str
    address: Document


class Sites:
    """Finds and adds sites; ``parties`` are those of companies (True) and of people.  Threads may share it."""

    def __init__(self, parties: Mapping[bool, Parties], service: AccountService, directory: Directory) -> None:
        self._parties = parties
        self._service = service
        self._directory = directory

    def party(self, rows: Sequence[Row], customer: Document) -> Row | None:
        """The party of the account with these ``rows``; None where it is none of the customer's kind."""
        id = rows[0].get("PartyId")
        return self._parties[customer["is_company"]].of_account(str(id)) if id else None

    def ensure(self, rows: Sequence[Row], customer: Document, wanted: Sequence[Wanted], work: Work) -> None:
        """Adds to the account with these ``rows`` the wanted sites that it lacks, and their addresses to its party.

        Raises `Throttled` while another delivery adds one of them, and `Hold` for one that was taken away in Fusion.
        """
        lacking = [each for each in wanted if not made_of(rows, each)]
        party = self.party(rows, customer) if lacking else None
        lacking = [each for each in lacking if party and not at(rows, each, party)]
        account = str(rows[0]["CustomerAccountId"])
        for each in lacking:
            if not work.known(SITE, _name(account, each)):
                work.reserve(SITE, _name(account, each))
        # Read again, for another delivery may have added the address since.
        party = self.party(rows, customer) if lacking else None
        if not party:
            return
        addresses = {"key": lacking[0].key, "addresses": [each.address for each in lacking]}
        party = self._parties[customer["is_company"]].ensure(party, addresses, work)
        for each in lacking:
            self._add(account, each, party, work)
        self._directory.forget()

    def _add(self, account: str, wanted: Wanted, party: Row, work: Work) -> None:
        row, name = find(party, wanted.key, wanted.address), _name(account, wanted)
        place = str(row["AddressId"]) if row else ""
        there = self._service.use(account, place, wanted.use)
        if there and not is_active(there) or not there and work.known(SITE, name):
            raise _taken_away(wanted.use)
        if not there:
            self._service.add_use(account, place, wanted.use, work)
        work.remember(SITE, name, place)


def uses(key: str, addresses: Sequence[Document]) -> list[Wanted]:
    """What a customer needs: one address is billed, and those for shipping, or else that one, are shipped to."""
    billing = [each for each in addresses if each["kind"] == "billing"] or addresses
    billed = next((each for each in billing if each.get("primary")), billing[0])
    shipped = [each for each in addresses if each["kind"] == "shipping"] or [billed]
    return [Wanted(key, BILL_TO, billed), *(Wanted(key, SHIP_TO, each) for each in shipped)]


def made_of(rows: Sequence[Row], wanted: Wanted) -> Row | None:
    """The site at the address that we have made of this one; Fusion numbers a site as its address."""
    number = address_number(wanted.key, wanted.address)
    return next((row for row in _of(rows, wanted.use) if row.get("PartySiteNumber") == number), None)


def at(rows: Sequence[Row], wanted: Wanted, party: Row) -> Row | None:
    """The site at this address of the party, or at one that is equal."""
    address = find(party, wanted.key, wanted.address)
    places = {str(address["AddressId"])} if address else set()
    return next((row for row in _of(rows, wanted.use) if str(row.get("PartySiteId")) in places), None)


def _name(account: str, wanted: Wanted) -> str:
    """Our name of a site: the same for all customers of one account who need it."""
    return f"{account}/{wanted.use}/{digest(fields_of(wanted.address))[:24]}"


def _of(rows: Sequence[Row], use: str) -> list[Row]:
    return [row for row in rows if row.get("SiteUseCode") == use]


def _taken_away(use: str) -> Hold:
    kind = "bill-to" if use == BILL_TO else "ship-to"
    return Hold(
        f"the account's {kind} site at this address was taken away in Fusion",
        hint="Activate the site in Fusion (Receivables, Customers), or correct the address in Clarity. {again}",
        code="no_site",
    )
