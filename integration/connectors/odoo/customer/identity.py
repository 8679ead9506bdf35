"""Who a customer is, and which record of Odoo is that customer.

A customer with an account is known by its id at Clarity, whatever its e-mail address; a guest by e-mail address and
kind (person or company), and by VAT number where two guests differ in nothing else.  A contact that Odoo has already
is the customer when it has the natural key: the account number, the company's VAT number or the e-mail address (the
first of these that a contact has counts), the same kind, no other VAT number.  One that is an address or employee of
another contact, of another company of this Odoo, or another customer of ours, is no match.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integration.canonical.email import email_address
from integration.connectors.contract import Document, Work
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.external import our_names
from integration.errors import Hold
from integration.message import external_id

MOST_READ = 200
MOST_CANDIDATES = 10
NEW = "new_customer"
"""What a person may decide where no contact can be taken for the customer without doubt."""
CUSTOMERS = ("customer__", "guest__")
"""How the external ids of customers of ours begin."""
FIELDS = ("name", "active", "vat", "ref", "is_company", "parent_id", "company_id", "type", "email_normalized")

Row = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """Our name of a customer: entity ``customer`` or ``guest``, and key."""

    entity: str
    key: str

    @classmethod
    def of(cls, document: Document, guest_key: str, *, with_vat: bool = False) -> Identity:
        """Of an order document's customer; ``with_vat`` makes guests differ that have another VAT number only."""
        partner = document["partner"]
        if partner["key"] is not None:
            return cls("customer", partner["key"])
        if partner["email"]:
            return cls("guest", guest_id(partner["email"], guest_key, *_kind(partner, with_vat=with_vat)))
        return cls("guest", f"order-{document['key']}")  # without an address each order has a guest of its own


def guest_id(email: str, key: str, *kind: str) -> str:
    """The key of a guest in its external id: 32 hex digits of HMAC-SHA256 of address and kind."""
    text = "\n".join((email_address(email), *kind))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def _kind(partner: Row, *, with_vat: bool) -> tuple[str, ...]:
    company = ("company",) if is_company(partner) else ()
    return (*company, f"vat {plain_vat(partner['fields'].get('vat'))}") if with_vat else company


def is_company(partner: Row) -> bool:
    return bool(partner["fields"].get("is_company"))


def account_number(partner: Row) -> str | None:
    """The number of the customer's account, which is Odoo's reference; only a new contact gets it."""
    number = partner["fields"].get("ref")
    return str(number) if number else None


def plain_vat(text: Any) -> str:
    """A VAT number as it is compared: letters and digits only.  Odoo's "/" says that there is none."""
    return "".join(char for char in str(text or "").upper() if char.isalnum())


def another_vat(ours: Any, theirs: Any) -> bool:
    """Whether both are VAT numbers, and different ones.  The prefix of a country may be missing in one of them."""
    numbers = sorted(filter(None, map(plain_vat, (ours, theirs))), key=len)
    if len(numbers) < 2 or numbers[0] == numbers[1]:
        return False
    short, long = numbers
    return not (long[:2].isalpha() and long[2:] == short)


class Matches:
    """Looks for contacts of Odoo that are a customer without a crossref."""

    def __init__(self, client: Client, work: Work, company: int) -> None:
        self._client = client
        self._work = work
        self._company = company

    def find(self, identity: Identity, partner: Row) -> Row | None:
        """The contact that is this customer, from now on remembered as it; None when there is none.

        Raises `Hold` with the candidates when several could be it.
        """
        own, rows = self._look(identity, partner)
        if own:
            self._work.found("partner.load", f"partner {own['id']} has our external id of the customer")
            return own
        if len(rows) > 1:
            raise Hold(
                "several contacts in Odoo could be this customer: they have its e-mail address or VAT number",
                hint="Choose the right one here, or, if they are one customer, merge them in Odoo (Contacts, Actions, "
                "Merge). {again}",
                code="ambiguous_customer",
                candidates=tuple(candidate(row, identity) for row in rows[:MOST_CANDIDATES]),
            )
        if not rows or not self._work.adopt(identity.entity, identity.key, str(rows[0]["id"])):
            return None
        self._work.found("partner.load", f"partner {rows[0]['id']} is the customer by e-mail address or VAT number")
        return rows[0]

    def free(self, identity: Identity, partner: Row) -> list[Row]:
        """The active contacts that could be this customer, and are no other customer of ours."""
        return self._look(identity, partner)[1]

    def refuse_look_alikes(self, identity: Identity, partner: Row) -> None:
        """Raises `Hold` for contacts that have the e-mail address with another kind or VAT number, and are nobody's.

        A person may decide that one of them is the customer, or that a new contact is made.
        """
        if not partner["email"]:
            return
        way = ["email_normalized", "=", email_address(partner["email"])]
        rows = self._read([way])
        rows = self._free(identity, rows, self._names(rows))
        compared = (identity.entity, identity.key, self._work.known(identity.entity, identity.key)) if rows else ()
        if rows and not self._work.approved(NEW, *compared):
            choices = [candidate(row, identity) for row in rows[:MOST_CANDIDATES]]
            raise Hold(
                "contacts in Odoo have the customer's e-mail address, but are of another kind or VAT number",
                hint="Choose here which contact is the customer, or that a new one is made. Correct kind or VAT number "
                "in Odoo or Clarity where one of them is wrong. {again}",
                code="look_alike",
                candidates=(*choices, {"id": "new", "label": "a new contact is made", "approves": NEW}),
                compared=compared,
            )

    def _look(self, identity: Identity, partner: Row) -> tuple[Row | None, list[Row]]:
        """The contact that bears our own external id of the customer, and those that are nobody's."""
        account, vat = account_number(partner), plain_vat(partner["fields"].get("vat"))
        rows = self._search(partner, account)
        names = self._names(rows)
        name = external_id(identity.entity, identity.key)
        own = next((row for row in rows if names.get(row["id"]) == name), None)
        free = self._free(identity, rows, names)
        by_account = [row for row in free if account and row["ref"] == account]
        return own, by_account or [row for row in free if vat and plain_vat(row["vat"])] or free

    def _free(self, identity: Identity, rows: list[Row], names: Mapping[int, str]) -> list[Row]:
        """Those of the contacts that are no other customer or guest of ours."""
        free = [row for row in rows if not names.get(row["id"], "").startswith(CUSTOMERS)]
        taken = self._work.taken(identity.entity, identity.key, [str(row["id"]) for row in free]) if free else set()
        return [row for row in free if str(row["id"]) not in taken]

    def _names(self, rows: list[Row]) -> dict[int, str]:
        return our_names(self._client, "res.partner", (row["id"] for row in rows))

    def _search(self, partner: Row, account: str | None) -> list[Row]:
        """Contacts of the customer's kind and no other VAT number, with its account number, VAT number or address."""
        vat = partner["fields"].get("vat") if is_company(partner) else None
        ways: list[Any] = [["vat", "in", sorted({vat, plain_vat(vat)})]] if vat else []
        if account:
            ways.append(["ref", "=", account])
        if partner["email"]:
            ways.append(["email_normalized", "=", email_address(partner["email"])])
        rows = self._read(ways, ["is_company", "=", is_company(partner)]) if ways else []
        return [row for row in rows if not another_vat(partner["fields"].get("vat"), row["vat"])]

    def _read(self, ways: list[Any], *more: Any) -> list[Row]:
        """Active contacts on their own, open to our company, that one of the ``ways`` leads to."""
        own = [["type", "=", "contact"], ["parent_id", "=", False], *more]
        ours = ["|", ["company_id", "=", False], ["company_id", "=", self._company]]
        rows: list[Row] = self._client.call(
            "res.partner",
            "search_read",
            domain=[*["|"] * (len(ways) - 1), *ways, *own, *ours],
            fields=list(FIELDS),
            limit=MOST_READ,
            order="id",
        )
        return rows


def candidate(row: Row, identity: Identity) -> dict[str, str]:
    """A contact as a choice; people who know the candidates recognise them by the label."""
    return {"id": str(row["id"]), "label": label(row), "entity": identity.entity, "key": identity.key}


def label(row: Row) -> str:
    """A contact's initials and id: "J… D… (#36)"."""
    initials = " ".join(f"{word[0]}…" for word in str(row["name"] or "?").split())
    return f"{initials} (#{row['id']})"
