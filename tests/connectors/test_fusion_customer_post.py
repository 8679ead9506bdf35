"""A customer of Clarity in the sandbox's Fusion: linked with its account once, and what changes of accounts there."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.connectors.contract import Document, Posted
from integration.errors import Skip
from tests.connectors.fusion_targets import Pod
from tests.connectors.odoo_targets import held
from tests.connectors.work import Crossrefs, MemoryWork

ANA = {"email": "ana@example.test", "is_company": True, "tax_number": None}
"""A contact of account 77001."""


def customer(merged: list[str] | None = None, account_number: str | None = None, **stated: Any) -> Document:
    first = {"on_create": {"customer": {"account_number": account_number}}} if account_number else {}
    return {"key": f"c-{uuid.uuid4().hex[:8]}", "merged": merged or [], "customer": {**ANA, **stated}, **first}


def post(running: Pod, document: Document, work: MemoryWork | None = None, guest_account: str = "") -> Posted:
    return running.connector(guest_account=guest_account).post("customer", document, work or MemoryWork())


@pytest.mark.parametrize(
    ("stated", "account"),
    [({}, "77001"), ({"account_number": "A-7"}, "A-7"), ({"email": "ANA@example.test"}, "77001")],
)
def test_a_customer_is_linked_with_its_account(running: Pod, stated: Document, account: str) -> None:
    work = MemoryWork()
    document = customer(**stated)
    assert post(running, document, work) == Posted(account, account)
    assert work.known("customer", document["key"]) == account
    assert running.connector().shown("customer", document, work) == {"customer": {"account_number": account}}


def test_many_at_once_are_one_account(running: Pod) -> None:
    document, crossrefs = customer(), Crossrefs()
    with ThreadPoolExecutor(5) as threads:
        found = list(threads.map(lambda _: post(running, document, MemoryWork(crossrefs)).theirs, range(10)))
    assert set(found) == {"77001"}


def test_one_without_account_is_held_or_is_the_guest_accounts(running: Pod) -> None:
    document = customer(email="nobody@example.test")
    assert held(lambda: post(running, document)).code == "no_account"
    with pytest.raises(Skip):
        post(running, document, guest_account="90000")


def test_a_person_is_not_linked_with_the_employers_account(running: Pod) -> None:
    assert held(lambda: post(running, customer(is_company=False))).code == "no_account"


def test_an_account_with_another_vat_number_is_held_with_the_choice(running: Pod) -> None:
    running.fake.correct_account("77001", {"TaxRegistrationNumber": "PL 526-000-12-46"})
    try:
        assert post(running, customer(tax_number="pl5260001246")).theirs == "77001"
        document, work = customer(tax_number="DE123456788"), MemoryWork()
        hold = held(lambda: post(running, document, work))
        assert (hold.code, [choice["id"] for choice in hold.candidates]) == ("look_alike", ["77001"])
        work.accepted.add("link_account")
        assert post(running, document, work).theirs == "77001"
    finally:
        running.fake.correct_account("77001", {"TaxRegistrationNumber": None})


def test_customers_merged_in_clarity_are_one_account_from_now_on(running: Pod) -> None:
    goes, work = customer(account_number="A-8"), MemoryWork()
    post(running, goes, work)
    taken_over = customer([goes["key"]], email=None)
    assert post(running, taken_over, work).theirs == "A-8"
    stays = customer([goes["key"]], account_number="A-9")
    post(running, {**stays, "merged": []}, work)
    assert post(running, stays, work).theirs == "A-9"
    assert work.relinked == [("customer", goes["key"], "A-8", "A-9")]


# --- what Clarity owns of a customer is written to the party of its account


def company(street: str = "Main Street 1", **party: Any) -> Document:
    """A customer with account A-20, a name of its own and one address."""
    document = customer(account_number="A-20")
    fields = {"Address1": street, "City": "Side", "PostalCode": "00-001", "Country": "PL"}
    return {
        **document,
        "party": {"OrganizationName": "Roe & Sons", "EmailAddress": "office@roe.test", **party},
        "addresses": [{"kind": "billing", "primary": True, "fields": fields}],
    }


def party_of(running: Pod, number: str) -> Document:
    [party] = [row for row in running.fake.ledger()["parties"] if row["number"] == number]
    return dict(party)


A_20 = "30200"
"""The number of the party of account A-20."""


def test_a_party_shows_what_clarity_states_and_is_written_only_where_it_differs(running: Pod) -> None:
    document, work = company(RawPhoneNumber="600 700 800"), MemoryWork()
    post(running, document, work)
    assert party_of(running, A_20)["name"] == "Roe & Sons"
    assert [each["lines"] for each in party_of(running, A_20)["addresses"]] == ["Main Street 1"]
    assert [effect.partition(":")[0] for effect, _ in work.outcomes] == ["party.update", "address.create"]
    work.new_round()
    running.calls.clear()
    post(running, {**document, "party": {**document["party"], "RawPhoneNumber": "600-700-800"}}, work)
    assert work.outcomes == []
    assert [call for call in running.calls if not call.startswith("GET")] == []


def test_an_address_that_changes_is_added_and_the_old_one_stays(running: Pod) -> None:
    running.fake.reset()
    work, document = MemoryWork(), company()
    post(running, document, work)
    [address] = document["addresses"]
    moved = {**address, "fields": {**address["fields"], "Address1": "Side Street 2"}}
    work.new_round()
    post(running, {**document, "addresses": [moved]}, work)
    lines = [each["lines"] for each in party_of(running, A_20)["addresses"]]
    assert lines == ["Main Street 1", "Side Street 2"]


def test_of_an_account_that_two_customers_share_the_first_keeps_the_party(running: Pod) -> None:
    """Otherwise each event of the one would overwrite what the other has written."""
    running.fake.reset()
    crossrefs = Crossrefs()
    first, second = company(), company(street="Elsewhere 9", OrganizationName="Another Name")
    assert post(running, first, MemoryWork(crossrefs)).theirs == "A-20"
    for _ in range(2):
        assert post(running, second, MemoryWork(crossrefs)).theirs == "A-20"
        assert party_of(running, A_20)["name"] == "Roe & Sons"
    shown = running.connector().shown("customer", second, MemoryWork(crossrefs))
    assert shown == {"customer": {"account_number": "A-20"}}
    # Merged in Clarity, the one that stays keeps what the other has kept.
    stays = {**second, "merged": [first["key"]]}
    post(running, stays, MemoryWork(crossrefs))
    assert party_of(running, A_20)["name"] == "Another Name"


def test_without_rows_for_the_party_nothing_is_read_or_written(running: Pod) -> None:
    running.calls.clear()
    post(running, customer(account_number="A-20"))
    assert [call for call in running.calls if "hubOrganizations" in call] == []


@pytest.mark.parametrize("failure", ["forbidden", "not_granted"])
def test_a_party_that_may_not_be_read_holds_this_customer_only(running: Pod, failure: str) -> None:
    document, work = company(), MemoryWork()
    running.fail_next(failure, 1, "hubOrganizations")
    hold = held(lambda: post(running, document, work))
    assert hold.code == "party_unreadable"
    assert "party and addresses" in str(hold.hint)
    assert work.known("customer", document["key"]) == "A-20"


def test_accounts_are_read_when_they_change(running: Pod) -> None:
    running.fake.correct_account("A-11", {"TaxRegistrationNumber": "DE123456788"})
    since = datetime.now(UTC) - timedelta(seconds=10)
    page = running.connector().changes("customers", since, None, lambda _: [])
    changes = {change.id: change for change in page.changes}
    assert changes["A-11"].document == {"AccountNumber": "A-11", "TaxRegistrationNumber": "DE123456788"}
    assert changes["A-11"].type == "customer.changed"
    assert "A-12" not in changes


def test_a_client_that_may_not_read_accounts_has_no_changes(running: Pod) -> None:
    running.fail_next("not_granted", 1, "receivablesCustomerAccountSiteActivities")
    assert running.connector().changes("customers", datetime.now(UTC), None, lambda _: []).changes == ()
