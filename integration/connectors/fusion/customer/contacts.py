"""The people who act for a company: persons of Fusion that are contacts of the party of its account.

One is known by its number, which we make of our ids, or by what it was found as before: by e-mail address and name.  So
two people with one address stay two.  Whoever left the customer in Clarity stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integration.canonical import digest
from integration.canonical.email import email_address
from integration.connectors.contract import Document, Work
from integration.connectors.fusion.client import Client
from integration.connectors.fusion.customer.directory import CONTACT_FIELDS
from integration.connectors.fusion.customer.parties import ORGANIZATIONS, Parties, party_name

CONTACT = "contact"
"""The crossref: our id of the customer and of the contact, and the PartyNumber of the person."""
RELATIONSHIP = "Relationship"
CONTACT_OF = {"RelationshipType": "CONTACT", "RelationshipCode": "CONTACT_OF"}
"""What Fusion's trading community calls somebody who is a contact of an organization."""

Row = dict[str, Any]


class Contacts:
    """Finds, writes and makes contacts.  Threads may share it."""

    def __init__(self, client: Client, persons: Parties) -> None:
        self._client = client
        self._persons = persons

    def ensure(self, key: str, company: Row, stated: Sequence[Document], work: Work) -> None:
        """Makes the party ``company`` have the contacts that its customer ``key`` states: {key, usage, fields}."""
        rows = self._of(company) if stated else []
        for each in stated:
            name = f"{key}/{each['key']}"
            number = work.known(CONTACT, name) or contact_number(name)
            fields = {name: value for name, value in each["fields"].items() if value is not None}
            row = _same(rows, number, fields)
            if row:
                rows.remove(row)
                number = str(row["PartyNumber"])
            person = self._persons.numbered(number)
            if person is None and row is None:
                body = {"PartyNumber": number, "PartyUsageCode": each["usage"], **fields}
                person = self._persons.create(body, work, f"contact.create:{number}")
            if person:
                changes = {"key": key, "party": fields}
                person = self._persons.ensure(person, changes, work, f"contact.update:{number}")
            if person and row is None:
                self._relate(company, person, work)
            work.remember(CONTACT, name, number)

    def _of(self, company: Row) -> list[Row]:
        path = self._client.path("contacts", family="crm")
        return list(self._client.items(path, q=f"AccountPartyId={company['PartyId']}", fields=CONTACT_FIELDS))

    def _relate(self, company: Row, person: Row, work: Work) -> None:
        """Makes the person, whom the company's contacts were just seen to lack, one of them."""
        path = f"{self._client.path(ORGANIZATIONS, str(company['PartyNumber']), family='crm')}/child/{RELATIONSHIP}"
        ids = {"SubjectPartyId": int(person["PartyId"]), "ObjectPartyId": int(company["PartyId"])}
        request = self._client.write("POST", path, {**CONTACT_OF, **ids})
        work.perform(f"contact.relate:{person['PartyNumber']}", request, self._client.send)


def contact_number(name: str) -> str:
    """Our number of a contact's party."""
    return f"C{digest(['contact', name])[:24]}"


def _same(rows: Sequence[Row], number: str, fields: Row) -> Row | None:
    """The contact of this number, or the one with this e-mail address and name."""
    mine = (email_address(str(fields.get("EmailAddress") or "")), party_name(fields).casefold())
    theirs = (row for row in rows if row.get("EmailAddress") and _identity(row) == mine)
    return next((row for row in rows if str(row.get("PartyNumber")) == number), None) or next(theirs, None)


def _identity(row: Row) -> tuple[str, str]:
    return email_address(str(row["EmailAddress"])), " ".join(str(row.get("ContactName") or "").split()).casefold()
