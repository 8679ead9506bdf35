"""Where Fusion has people and accounts: contacts by e-mail address, and an account's sites.

Sites change rarely and are remembered for ten minutes; an account without sites is asked for afresh each time, and so
are contacts: whose address it is decides which account is billed.
"""

from __future__ import annotations

from typing import Any

from integration.canonical.email import email_address
from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.kept import Kept
from integration.side_by_side import aside, together

CONTACT_FIELDS = "PartyId,PartyNumber,ContactName,EmailAddress,AccountPartyId,AccountName"

Row = dict[str, Any]


class Directory:
    """Contacts and account sites of one pod.  Threads may share it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sites: Kept[list[Row]] = Kept()

    def contacts(self, email: str) -> list[Row]:
        """The contacts with this address; Fusion compares it with case."""
        path = self._client.path("contacts", family="crm")
        q = f"EmailAddress={quoted(email)}"
        rows = aside(lambda: list(self._client.items(path, q=q, fields=CONTACT_FIELDS)))
        return [row for row in rows if email_address(str(row.get("EmailAddress", email))) == email_address(email)]

    def sites(self, attribute: str, value: str) -> list[Row]:
        """Rows of customerAccountSitesLOV: one for each use of a site."""
        key = (attribute, value)
        if rows := self._sites.get(key):
            return rows
        rows = together((self, *key), value, lambda items: [self._read_sites(*key)] * len(items), calls=True)
        if rows:
            self._sites.put(key, rows)
        return rows

    def forget(self) -> None:
        """Fusion has refused a site: all are looked up afresh."""
        self._sites.clear()

    def _read_sites(self, attribute: str, value: str) -> list[Row]:
        literal = value if attribute.endswith("Id") and value.isdigit() else quoted(value)
        rows = self._client.items(self._client.path("customerAccountSitesLOV"), q=f"{attribute}={literal}")
        return [row for row in rows if str(row.get(attribute, value)) == value and row.get("AccountNumber")]


def choice(number: str, row: Row, entity: str, key: str) -> dict[str, str]:
    """An account as a candidate."""
    return {"id": number, "label": _masked(number, row), "entity": entity, "key": key}


def _masked(number: str, row: Row) -> str:
    """A label by which people who know the candidates recognise them: "A… C… (77001)"."""
    initials = " ".join(f"{word[0]}…" for word in str(row.get("CustomerName") or row.get("AccountName") or "?").split())
    return f"{initials} ({number})"
