"""Contacts of ours that a crossref remembers: looked at again, for people merge, archive and delete contacts in Odoo.

Odoo's merge wizard (``base.partner.merge.automatic.wizard``) moves the external ids, children and orders of a merged
contact to the one that stays, and deletes it.  So the external id leads to the contact that stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from integration.canonical import digest
from integration.connectors.contract import Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.customer.identity import (
    FIELDS,
    MOST_CANDIDATES,
    NEW,
    Identity,
    Matches,
    candidate,
    label,
)
from integration.connectors.odoo.errors import OTHER_COMPANY, AccessRefused
from integration.connectors.odoo.external import find, xmlid
from integration.errors import Hold

UNARCHIVE = "unarchive_customer"
"""What a person may decide, beside `NEW`, about a customer whose contact is archived."""

Row = dict[str, Any]


class Remembered:
    """Reads the contacts of one order that are known."""

    def __init__(self, client: Client, work: Work, matches: Matches, company: int) -> None:
        self._client = client
        self._work = work
        self._matches = matches
        self._company = company
        self._rows: dict[int, Row] = {}
        self._known: dict[str, str] = {}
        self._asked: set[str] = set()

    def customer(self, identity: Identity, theirs: str, partner: Row, addresses: Mapping[str, str]) -> Row | None:
        """The contact that is the customer now; None when a person has decided that a new one is made.

        Raises `Hold` with the choices when it is archived or gone for good.  One call reads it and its ``addresses``.
        """
        id = int(theirs)
        self._look_up(addresses.values(), id)
        if id not in self._rows and (moved := self._moved(identity)):
            self._work.relink(identity.entity, identity.key, theirs, str(moved))
            self._read({moved})
            id = moved
        row = self._rows.get(id)
        if row and row["active"] and not self._elsewhere(row):
            return row
        if self._work.approved(NEW, identity.entity, identity.key, theirs):
            return None
        if row and not row["active"] and self._work.approved(UNARCHIVE, identity.entity, identity.key, theirs):
            self._unarchive("partner", id)
            return {**row, "active": True}
        raise self._unusable(identity, partner, row, theirs)

    def names(self, contents: Mapping[str, str], customer: int) -> dict[str, str]:
        """The key of each address, made of its content; another key where it is an address of another contact.

        So a customer for whom a new contact was made gets new addresses, and those of earlier orders stay.
        """
        self._look_up(contents.values())

        def elsewhere(content: str) -> bool:
            row = self._rows.get(int(self._known.get(content, 0)))
            return row is not None and customer not in (row["id"], (row["parent_id"] or [None])[0])

        return {
            type: digest([content, customer])[:32] if elsewhere(content) else content
            for type, content in contents.items()
        }

    def addresses(self, contents: Collection[str]) -> dict[str, int]:
        """Ids of the addresses that need not be made, by the key of their content.

        An archived one is brought back, for the customer uses it.  One that was merged with another contact is that
        contact.
        """
        self._look_up(contents)
        found = {}
        for content in self._known.keys() & set(contents):
            theirs = self._known[content]
            row = self._rows.get(int(theirs))
            if row is None and (survivor := find(self._client, xmlid("address", content))):
                self._work.relink("address", content, theirs, str(survivor))
                found[content] = survivor
            elif row:
                if not row["active"]:
                    self._unarchive("address", row["id"])
                found[content] = int(theirs)
        return found

    def _look_up(self, contents: Collection[str], *others: int) -> None:
        """Reads the known ones among the addresses, and other contacts with them."""
        if unasked := set(contents) - self._asked:
            self._known |= self._work.known_among("address", unasked)
            self._asked |= unasked
        self._read({*others, *(int(self._known[content]) for content in self._known.keys() & set(contents))})

    def _read(self, ids: Collection[int]) -> None:
        """Reads contacts that were not read yet; archived ones, too.  Those that are gone are left out (Odoo 19)."""
        if missing := sorted(set(ids) - self._rows.keys()):
            try:
                rows = self._client.call("res.partner", "read", missing, fields=list(FIELDS))
            except AccessRefused as refused:
                if refused.code != OTHER_COMPANY:
                    raise
                rows = [_hidden(missing[0])] if len(missing) == 1 else []
                for id in missing if len(missing) > 1 else ():
                    self._read([id])
            self._rows |= {row["id"]: row for row in rows}

    def _unarchive(self, what: str, id: int) -> None:
        request = self._client.request("res.partner", "write", [id], vals={"active": True})
        self._work.perform(f"{what}.unarchive:{id}", request, self._client.send)

    def _moved(self, identity: Identity) -> int | None:
        """Where the contact went: its external id says so, else the one contact to which its addresses belong now."""
        if id := find(self._client, xmlid(identity.entity, identity.key)):
            return id
        rows = (self._rows.get(int(theirs)) for theirs in self._known.values())
        parents = {row["parent_id"][0] for row in rows if row and row["parent_id"]}
        return int(parents.pop()) if len(parents) == 1 else None

    def _elsewhere(self, row: Row) -> bool:
        return bool(row["company_id"]) and row["company_id"][0] != self._company

    def _unusable(self, identity: Identity, partner: Row, row: Row | None, theirs: str) -> Hold:
        others = [other for other in self._matches.free(identity, partner) if not row or other["id"] != row["id"]]
        choices = [candidate(other, identity) for other in others[:MOST_CANDIDATES]]
        choices.append({"id": "new", "label": "a new contact is made", "approves": NEW})
        if row is None:
            reason, code = "the customer's contact is not in Odoo any more", "customer_gone"
        elif row["active"]:
            reason, code = (
                f"the customer's contact {label(row)} belongs to another company in Odoo",
                "customer_elsewhere",
            )
        else:
            reason, code = f"the customer's contact {label(row)} is archived in Odoo", "customer_archived"
            choices.insert(0, {"id": "unarchive", "label": f"{label(row)} is used again", "approves": UNARCHIVE})
        return Hold(
            reason,
            hint="Choose here what is right: one of the contacts, or a new one. What was archived or deleted on "
            "purpose stays so unless you choose otherwise.",
            code=code,
            candidates=tuple(choices),
            compared=(identity.entity, identity.key, theirs),
        )


def _hidden(id: int) -> Row:
    """A contact that Odoo does not show our user, for it is of a company in which the user does not work."""
    return {**dict.fromkeys(FIELDS, False), "id": id, "active": True, "company_id": [0, "hidden"]}
