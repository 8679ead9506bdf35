"""Where Fusion has people and accounts: contacts by e-mail address, and an account's sites.

Sites change rarely and are remembered for ten minutes; an account without sites is asked for afresh each time, and so
are contacts: whose address it is decides which account is billed.
"""

from __future__ import annotations

from typing import Any

from integration.canonical.email import email_address
from integration.connectors.fusion.client import Client
from integration.connectors.fusion.kept import Kept
from integration.connectors.fusion.lookup import Lookup

CONTACT_FIELDS = "PartyId,PartyNumber,ContactName,EmailAddress,AccountPartyId,AccountName"
SITES = "customerAccountSitesLOV"

Row = dict[str, Any]


class Directory:
    """Contacts and account sites of one pod.  Threads may share it."""

    def __init__(self, client: Client) -> None:
        path = client.path("contacts", family="crm")
        self._contacts = Lookup(client, path, "EmailAddress", email_address, fields=CONTACT_FIELDS)
        self._sites_by = {name: Lookup(client, client.path(SITES), name) for name in ("AccountNumber", "PartyId")}
        self._kept: Kept[list[Row]] = Kept()

    def contacts(self, email: str) -> list[Row]:
        """The contacts with this address; Fusion compares it with case."""
        return self._contacts.rows(email)

    def sites(self, attribute: str, value: str) -> list[Row]:
        """Rows of customerAccountSitesLOV for an AccountNumber or a PartyId: one for each use of a site."""
        if kept := self._kept.get((attribute, value)):
            return kept
        rows = [row for row in self._sites_by[attribute].rows(value) if row.get("AccountNumber")]
        if rows:
            self._kept.put((attribute, value), rows)
        return rows

    def forget(self) -> None:
        """Fusion has refused a site: all are looked up afresh."""
        self._kept.clear()


def choice(number: str, row: Row, entity: str, key: str) -> dict[str, str]:
    """An account as a candidate."""
    return {"id": number, "label": _masked(number, row), "entity": entity, "key": key}


def _masked(number: str, row: Row) -> str:
    """A label by which people who know the candidates recognise them: "A… C… (77001)"."""
    initials = " ".join(f"{word[0]}…" for word in str(row.get("CustomerName") or row.get("AccountName") or "?").split())
    return f"{initials} ({number})"
