"""Parties of Fusion's trading community, with their addresses: who is behind an account.

A company is one of ``hubOrganizations``, a private person one of ``hubPersons``.  A party and its addresses are known
by their numbers, which we make of our ids (PartyNumber and AddressNumber may be given when a row is created, and are
unique).  An address is added and never changed or taken away: invoices and orders refer to it.
"""

from __future__ import annotations

from typing import Any

from integration.canonical import digest
from integration.canonical.email import email_address
from integration.connectors.answers import unreadable
from integration.connectors.contract import Document, Request, Work
from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.errors import AccessRefused, NoSuchResource, NotThere
from integration.connectors.fusion.order.difference import same
from integration.errors import Hold, Reject

ORGANIZATIONS, PERSONS = "hubOrganizations", "hubPersons"
ADDRESSES = "Address"
NAMES = "PartyId,PartyNumber,OrganizationName"

Row = dict[str, Any]


class Parties:
    """Reads parties of one ``resource``, each with its ``Address`` rows as a list, and writes what differs.

    Threads may share it.
    """

    def __init__(self, client: Client, resource: str) -> None:
        self._client = client
        self._resource = resource
        self._collection = client.path(resource, family="crm")

    def of_account(self, party: str) -> Row | None:
        """The party with this PartyId; None for one of the other resource, and for one that our user may not see."""
        try:
            rows = list(self._client.items(self._collection, q=f"PartyId={party}", expand=ADDRESSES))
        except (AccessRefused, NoSuchResource) as refused:
            raise _unreadable(refused.reason) from refused
        return self._whole(rows[0]) if rows else None

    def numbered(self, number: str) -> Row | None:
        """The party with this PartyNumber, if there is one."""
        try:
            return self._whole(self._client.get(self._path(number), expand=ADDRESSES))
        except NotThere:
            return None

    def named(self, name: str) -> list[Row]:
        """The organizations that are called so; without their addresses."""
        return list(self._client.items(self._collection, q=f"OrganizationName={quoted(name)}", fields=NAMES))

    def create(self, body: Document, work: Work, effect: str = "party.create") -> Row:
        """The party that the body states, made unless it is there."""
        request = self._client.write("POST", self._collection, body)

        def send_if_absent(frozen: Request) -> Document:
            return self.numbered(body["PartyNumber"]) or self._make(frozen)

        return self._whole(work.perform(effect, request, self._make, send_if_absent))

    def ensure(self, party: Row, document: Document, work: Work, effect: str = "party.update") -> Row:
        """Writes what the party has otherwise than the document states, and the addresses that it lacks."""
        number = str(party["PartyNumber"])
        stated = document.get("party", {}).items()
        changes = {name: value for name, value in stated if value is not None and not equal(name, value, party)}
        if changes:
            request = self._client.write("PATCH", self._path(number), changes)
            work.perform(effect, request, self._client.send)
        for address in document.get("addresses", ()):
            if not find(party, document["key"], address):
                party = self._add(party, address_body(document["key"], address), work)
        return party

    def _add(self, party: Row, body: Row, work: Work) -> Row:
        path = f"{self._path(str(party['PartyNumber']))}/child/{ADDRESSES}"

        def there() -> Document | None:
            rows = self._client.items(path)
            return next((row for row in rows if row.get("AddressNumber") == body["AddressNumber"]), None)

        effect = f"address.create:{body['AddressNumber']}"
        request = self._client.write("POST", path, body)
        try:
            made = work.perform(effect, request, self._make, lambda frozen: there() or self._make(frozen))
        except Reject:  # an order and its customer's event may add the same address at once
            made = there()
            if not made:
                raise
            work.found(effect, f"address {body['AddressNumber']} is there")
        return {**party, ADDRESSES: [*party[ADDRESSES], {**body, **made}]}

    def _make(self, frozen: Request) -> Document:
        """The row that a call has made; `Retry`, outcome unknown, where it is not shown with its ids."""
        made = self._client.send(frozen)
        if not made.get("PartyId") or not (made.get("PartyNumber") or made.get("AddressId")):
            raise unreadable(f"{frozen.method} {frozen.path}: the answer shows no ids")
        return made

    def _whole(self, party: Row) -> Row:
        path = self._path(str(party["PartyNumber"]))
        return {**party, ADDRESSES: self._client.children(party, ADDRESSES, path)}

    def _path(self, number: str) -> str:
        return self._client.path(self._resource, number, family="crm")


def party_name(party: Row) -> str:
    """What a party is called that is made; empty where it has no name."""
    parts = (party.get(name) for name in ("OrganizationName", "FirstName", "LastName"))
    return " ".join(str(part) for part in parts if part)


def find(party: Row, key: str, address: Document) -> Row | None:
    """The party's row of an address: the one that we have made of it, or one that is equal."""
    ours, number = fields_of(address), address_number(key, address)
    rows = [row for row in party[ADDRESSES] if row.get("Status") in (None, "A")]
    return next(
        (
            row
            for row in rows
            if row.get("AddressNumber") == number or all(same(ours[name], row.get(name)) for name in ours)
        ),
        None,
    )


def fields_of(address: Document) -> Row:
    return {name: value for name, value in address["fields"].items() if value is not None}


def address_number(key: str, address: Document) -> str:
    """Our number of an address: of its content, so a changed address is another one."""
    return f"C{digest([key, fields_of(address)])[:24]}"


def address_body(key: str, address: Document) -> Row:
    return {"AddressNumber": address_number(key, address), **fields_of(address)}


def equal(name: str, ours: Any, party: Row) -> bool:
    """Whether the party shows our value; Fusion writes phone numbers in its own way."""
    theirs = party.get(name)
    if name == "EmailAddress":
        return email_address(str(ours)) == email_address(str(theirs or ""))
    if name == "RawPhoneNumber":
        return _digits(ours) == _digits(theirs)
    return same(ours, theirs)


def _digits(number: Any) -> str:
    return "".join(char for char in str(number or "") if char.isdigit())


def _unreadable(reason: str) -> Hold:
    return Hold(
        f"the party of the customer's account cannot be read: {reason}",
        hint="Give the integration user in Fusion a duty to view and edit organizations and persons of the trading "
        "community; or, if Clarity is to write nothing of customers there, take the rows party and addresses out of "
        "the mapping fusion.out.customer and publish it. {again}",
        code="party_unreadable",
    )
