"""A customer of Clarity in Fusion: the account that is the customer, from now on remembered as it.

What Clarity states of a customer is written to the party of its account.  An account itself is made only where that is
wanted (`Creation`), and so are the sites that it lacks; its credit and payment terms are for people in Receivables.
"""

from __future__ import annotations

from integration.connectors.contract import Document, Posted, Work
from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.customer.accounts import ACTIVITIES, NEW_ACCOUNT, Customers
from integration.connectors.fusion.customer.directory import choice
from integration.connectors.fusion.customer.parties import equal, find
from integration.connectors.fusion.customer.sites import uses
from integration.connectors.fusion.site import Site
from integration.connectors.initial import with_initial
from integration.connectors.keeper import KEPT, keeps
from integration.errors import Hold, Skip

LINK = "link_account"
"""What a person may decide about an account that has another VAT number."""


def post_customer(site: Site, document: Document, work: Work) -> Posted:
    """Links the customer with its account; document: {key, merged, customer, party, addresses, on_create}.

    Raises `Hold` where it has none, or with the candidates where it is not certain which is its own; `Skip` where it
    has none and FUSION_GUEST_ACCOUNT takes the orders of such customers.
    """
    guest_account = site.system.options.get("guest_account", "")
    key, customer = document["key"], {"account_number": None, **with_initial(document)["customer"]}
    _take_over(document, work)
    known, creates = work.known("customer", key), site.creation.covers({**customer, "key": key})
    rows = Customers(site.directory, work, guest_account).find(customer, "customer", key)
    if rows is None:
        if not creates:
            raise _none(guest_account)
        rows = site.creation.ensure(key, document, work)
    number = str(rows[0]["AccountNumber"])
    if number not in (known, customer["account_number"]):
        _check_vat(site.client, document, rows, work)
    work.remember("customer", key, number)
    _follow_merge(document, work, number)
    if _states(document) and keeps(work, key, document.get("merged", ()), number):
        party = site.creation.sites.party(rows, customer)
        if party:
            site.parties[customer["is_company"]].ensure(party, document, work)
        if document.get("addresses") and creates:
            site.creation.sites.ensure(rows, customer, uses(key, document["addresses"]), work)
        if party and creates and customer["is_company"]:
            site.contacts.ensure(key, party, document.get("contacts", ()), work)
    return Posted(number, number)


def shown_customer(site: Site, document: Document, work: Work) -> Document | None:
    """The number of the account with which the customer is linked, and its party as Fusion has it; None without one.

    Of an account that another customer keeps only the number is shown.
    """
    key = document["key"]
    number = work.known("customer", key)
    if not number:
        return None
    shown: Document = {"customer": {"account_number": number}}
    if _states(document) and number in work.known_among(KEPT, [key, *document.get("merged", ())]).values():
        rows = site.directory.sites("AccountNumber", number)
        party = site.creation.sites.party(rows, document["customer"]) if rows else None
        stated = {name: value for name, value in document.get("party", {}).items() if value is not None}
        there = {
            name: value if party and equal(name, value, party) else (party or {}).get(name)
            for name, value in stated.items()
        }
        addresses = [each for each in document.get("addresses", ()) if party and find(party, key, each)]
        shown |= {"party": there, "addresses": addresses}
    return shown


def _states(document: Document) -> bool:
    """Whether the document says how the account's party is to be."""
    return bool(document.get("party") or document.get("addresses"))


def _check_vat(client: Client, document: Document, rows: list[Document], work: Work) -> None:
    """Raises `Hold` for an account that was found by e-mail address and has another VAT number."""
    ours, number = document["customer"]["tax_number"], str(rows[0]["AccountNumber"])
    if work.approved(LINK, number, ours):
        return
    sites = client.items(client.path(ACTIVITIES), q=f"AccountNumber={quoted(number)}") if ours else ()
    theirs = {_plain(site.get("TaxRegistrationNumber")) for site in sites} - {""}
    if theirs and _plain(ours) not in theirs:
        raise Hold(
            "the account with the customer's e-mail address has another VAT number in Fusion",
            hint="Choose here whether this account is the customer; or correct the VAT number in Clarity or Fusion, or "
            f"{NEW_ACCOUNT}",
            code="look_alike",
            candidates=({**choice(number, rows[0], "customer", document["key"]), "approves": LINK},),
            compared=(number, ours),
        )


def _none(guest_account: str) -> Hold | Skip:
    if guest_account:
        return Skip("no account in Fusion is this customer: its orders are the guest account's")
    return Hold("no account in Fusion is this customer", hint=f"Please {NEW_ACCOUNT}", code="no_account")


def _take_over(document: Document, work: Work) -> None:
    """Where only a customer that was merged into this one is linked, its account is this one's now."""
    merged = document.get("merged", ())
    if merged and not work.known("customer", document["key"]):
        known = work.known_among("customer", merged)
        if number := next((known[id] for id in merged if id in known), None):
            work.remember("customer", document["key"], number)


def _follow_merge(document: Document, work: Work, number: str) -> None:
    for id, was in work.known_among("customer", document.get("merged", ())).items():
        if was != number:
            work.relink("customer", id, was, number)


def _plain(number: object) -> str:
    return "".join(char for char in str(number or "").upper() if char.isalnum())
