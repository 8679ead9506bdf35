"""The contacts of a company in the sandbox's Fusion: each is made once, and found before it is made."""

from __future__ import annotations

import pytest

from integration.connectors.contract import Document
from integration.errors import Retry
from tests.connectors.bench_documents import new_company
from tests.connectors.contract_suite import LosesAnswer
from tests.connectors.fusion_targets import ADDRESS_SET, Pod
from tests.connectors.odoo_targets import unique
from tests.connectors.work import Crossrefs, MemoryWork

ADA = {"FirstName": "Ada", "LastName": "Roe", "EmailAddress": "office@roe.example", "RawPhoneNumber": "1"}
BOB = {"LastName": "Bob", "EmailAddress": "office@roe.example"}


def with_contacts(company: Document, **contacts: Document) -> Document:
    usage = {"usage": "CUSTOMER_CONTACT"}
    return {**company, "contacts": [{"key": key, "fields": each, **usage} for key, each in contacts.items()]}


@pytest.fixture
def company(running: Pod) -> Document:
    """One with an account and two contacts, who share an address."""
    running.fake.reset()
    linked = {**new_company(), "on_create": {"customer": {"account_number": "A-20"}}}
    return with_contacts(linked, a=ADA, b=BOB)


def post(running: Pod, document: Document, work: MemoryWork | None = None, address_set: str = ADDRESS_SET) -> None:
    running.connector(create_accounts=address_set).post("customer", document, work or MemoryWork())


def contacts(running: Pod) -> list[str]:
    """Who Fusion shows as a contact of account A-20's party."""
    rows = running.fake._records.all("contacts")
    return sorted(row["ContactName"] for row in rows if row["AccountPartyNumber"] == "30200")


def test_two_contacts_with_one_address_are_two_people(running: Pod, company: Document) -> None:
    work = MemoryWork()
    post(running, company, work)
    assert contacts(running) == ["Ada Roe", "Bob"]
    work.new_round()
    post(running, company, work)
    assert (contacts(running), work.outcomes) == (["Ada Roe", "Bob"], [])


def test_what_changes_of_a_contact_is_written(running: Pod, company: Document) -> None:
    work = MemoryWork()
    post(running, company, work)
    work.new_round()
    post(running, with_contacts(company, a={**ADA, "LastName": "Doe", "EmailAddress": "ada@roe.example"}), work)
    assert contacts(running) == ["Ada Doe", "Bob"], "who left the customer in Clarity stays"
    assert [effect.partition(":")[0] for effect, _ in work.outcomes] == ["contact.update"]


def test_a_contact_that_fusion_has_is_found_by_address_and_name(running: Pod, company: Document) -> None:
    post(running, company)
    another = {**company, "key": f"c-{unique()}"}
    post(running, with_contacts(another, x={**ADA, "EmailAddress": "Office@Roe.example"}, y={**BOB, "LastName": "Eve"}))
    assert contacts(running) == ["Ada Roe", "Bob", "Eve"]


@pytest.mark.parametrize("forgets", [False, True], ids=["remembers", "forgets"])
def test_a_lost_answer_is_one_contact(running: Pod, company: Document, forgets: bool) -> None:
    for nth in range(12):
        running.fake.reset()
        work = LosesAnswer(Crossrefs(), nth)
        try:
            post(running, company, work)
        except Retry:
            work = MemoryWork(Crossrefs()) if forgets else work
            post(running, company, work)
            assert contacts(running) == ["Ada Roe", "Bob"], nth
            related = [row.get("Relationship", ()) for row in running.fake._records.all("hubOrganizations")]
            assert sum(map(len, related)) == 2, nth
        else:
            assert nth > 7, "each of the calls was lost"
            return
    pytest.fail("more calls than there are")


def test_without_the_setting_no_contact_is_made(running: Pod, company: Document) -> None:
    post(running, company, address_set="")
    assert contacts(running) == []
