"""Accounts that are made in the sandbox's Fusion for customers without one, where FUSION_CREATE_ACCOUNTS says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from integration.connectors.contract import Document
from integration.connectors.fusion.customer.parties import party_name
from integration.connectors.fusion.soap import values
from integration.errors import Hold, Misconfigured, Reject, Throttled
from integration.sandbox.fusion.schema import PERSON, RELATIONSHIP
from tests.connectors.bench_documents import an_order_of, new_company, new_person
from tests.connectors.fusion_targets import ADDRESS_SET, Pod, Shop
from tests.connectors.odoo_targets import held
from tests.connectors.work import Crossrefs, MemoryWork


def sites_of(running: Pod, document: Document) -> list[tuple[str, str]]:
    """The uses of the sites of a customer's accounts, each with the street."""
    books = running.fake.ledger()
    [party] = [one for one in books["parties"] if one["name"] == party_name(document["party"])]
    streets = {each["number"]: each["lines"] for each in party["addresses"]}
    sites = (site for site in books["account_sites"] if site["party"] == party["number"])
    return sorted((site["use"], streets[site["address"]].split()[0]) for site in sites)


def post(running: Pod, document: Document, work: MemoryWork | None = None, **options: str) -> Any:
    connector = running.connector(**{"create_accounts": ADDRESS_SET, **options})
    return connector.post("customer", document, work or MemoryWork())


@pytest.fixture
def company(running: Pod) -> Document:
    running.fake.reset()
    return new_company()


@pytest.fixture(params=[new_company, new_person], ids=["company", "person"])
def customer(running: Pod, request: pytest.FixtureRequest) -> Document:
    running.fake.reset()
    made: Document = request.param()
    return made


def test_a_customer_gets_an_account_that_is_billed_and_shipped_to(running: Pod, customer: Document) -> None:
    work = MemoryWork()
    posted = post(running, customer, work)
    assert sites_of(running, customer) == [("BILL_TO", "Main"), ("SHIP_TO", "Dock")]
    assert (posted.theirs, work.known("customer", customer["key"])) == (posted.number, posted.number)
    assert [effect for effect, _ in work.outcomes] == ["party.create", "account.create"]


def test_a_person_is_a_person_in_fusion(running: Pod) -> None:
    """The account of somebody who is taken for a company would be taxed and reported as one."""
    running.fake.reset()
    running.calls.clear()
    person = new_person()
    post(running, person)
    assert running.calls.count("POST hubPersons") == 1
    rows = running.fake._records.all("hubPersons")
    assert [row["FirstName"] for row in rows if row["LastName"] == person["party"]["LastName"]] == ["Jane"]


def test_what_changes_of_a_person_is_written(running: Pod) -> None:
    running.fake.reset()
    person, work = new_person(), MemoryWork()
    post(running, person, work)
    work.new_round()
    moved = {**person, "party": {**person["party"], "LastName": "Doe", "RawPhoneNumber": "600 700 800"}}
    post(running, moved, work)
    [party] = running.fake.ledger()["parties"]
    assert (party["name"], party["phone"]) == ("Jane Doe", "600 700 800")
    assert [effect for effect, _ in work.outcomes] == ["party.update"]


def test_people_of_one_name_are_two_and_no_company(running: Pod) -> None:
    running.fake.reset()
    one, other = new_person(), new_person()
    one["party"] |= {"FirstName": "Trade customer", "LastName": "31"}
    other["party"] = one["party"]
    assert post(running, one).theirs != post(running, other).theirs


def test_one_address_is_billed_and_shipped_to(running: Pod, company: Document) -> None:
    company["addresses"].pop()
    post(running, company)
    assert sites_of(running, company) == [("BILL_TO", "Main"), ("SHIP_TO", "Main")]


def test_without_the_setting_nothing_is_made(running: Pod, company: Document) -> None:
    assert held(lambda: post(running, company, create_accounts="")).code == "no_account"
    assert running.fake.ledger()["parties"] == []


def test_guests_get_no_account(running: Pod, customer: Document) -> None:
    shop = Shop(running)
    guest = {**an_order_of(shop, customer), "customer": {**customer["customer"], "key": None, "account_number": None}}
    connector = running.connector(create_accounts=ADDRESS_SET)
    assert held(lambda: connector.enrich("order", guest, shop.work)).code == "no_account"
    assert running.fake.ledger()["parties"] == []


@pytest.mark.parametrize("lacks", ["addresses", "party"])
def test_a_customer_without_name_or_address_is_held(running: Pod, customer: Document, lacks: str) -> None:
    hold = held(lambda: post(running, {**customer, lacks: type(customer[lacks])()}))
    assert hold.code == "no_account"
    assert ("address" if lacks == "addresses" else "name") in hold.reason
    assert running.fake.ledger()["parties"] == []


def test_first_orders_and_the_customer_at_once_make_one_account(running: Pod, customer: Document) -> None:
    shop, crossrefs = Shop(running), Crossrefs()
    connector = running.connector(create_accounts=ADDRESS_SET)
    orders = [an_order_of(shop, customer) for _ in range(10)]

    def send(job: Document) -> None:
        work = MemoryWork(crossrefs)
        while True:
            try:
                if "merged" in job:
                    connector.post("customer", job, work)
                else:
                    shop.send(job, work, connector)
                return
            except Throttled:
                continue

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(send, [*orders[:7], customer, *orders[7:]]))
    assert sites_of(running, customer) == [("BILL_TO", "Main"), ("SHIP_TO", "Dock")]
    assert {running.order(order)["created"] for order in orders} == {1}


def test_a_dry_run_makes_nothing(running: Pod, company: Document) -> None:
    shop = Shop(running)
    connector = running.connector(create_accounts=ADDRESS_SET)
    enriched = connector.enrich("order", an_order_of(shop, company), shop.work)
    assert enriched["ids"]["account"] is None
    assert connector.shown("order", enriched, shop.work) is None
    assert running.fake.ledger()["parties"] == []


def test_a_namesake_is_held_with_the_choice(running: Pod, company: Document) -> None:
    """Two accounts of one company would divide its debts; two companies may have one name."""
    company["party"]["OrganizationName"] = "Trade customer 31"
    work = MemoryWork()
    hold = held(lambda: post(running, company, work))
    assert (hold.code, [choice["id"] for choice in hold.candidates]) == ("look_alike", ["A-31", "new"])
    assert running.fake.ledger()["parties"] == []
    work.accepted.add("new_account")
    assert post(running, company, work).theirs not in (None, "A-31")
    chosen = MemoryWork()
    other = {**new_company(), "party": company["party"]}
    chosen.remember("customer", other["key"], "A-32")
    assert post(running, other, chosen).theirs == "A-32"


def test_a_source_system_that_fusion_does_not_know_is_named(running: Pod, company: Document) -> None:
    hold = held(lambda: post(running, company, source_system="OTHER"))
    assert hold.code == "HZ-120559"
    assert "FUSION_SOURCE_SYSTEM" in str(hold.hint)


def test_a_fault_is_a_refusal_and_the_next_try_goes_on_where_it_was(running: Pod, company: Document) -> None:
    work = MemoryWork()
    running.fail_next("fault", 1, "CustomerAccountService")
    with pytest.raises(Reject, match="Failed to validate") as refused:
        post(running, company, work)
    assert refused.value.code == "JBO-27024"
    work.new_round()
    assert post(running, company, work).theirs
    assert sites_of(running, company) == [("BILL_TO", "Main"), ("SHIP_TO", "Dock")]


def test_a_name_that_xml_cannot_hold_is_written_as_far_as_it_can(running: Pod, company: Document) -> None:
    company["party"]["OrganizationName"] = "Roe \x0b& Sons <Ltd>"
    assert post(running, company).theirs


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<a>",
        b"<a/>",
        b"<!DOCTYPE a><a/>",
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>',
    ],
)
def test_what_is_no_answer_of_a_service_is_not_read(body: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        values(body)


def test_a_lost_account_is_never_made_a_second_time(running: Pod, company: Document) -> None:
    """Also where the fleet has lost all that it knew of the customer."""
    first = post(running, company).theirs
    assert post(running, company, MemoryWork()).theirs == first
    assert isinstance(first, str)
    with pytest.raises(Hold):
        post(running, {**company, "key": "another", "addresses": []})


def test_a_setting_that_is_no_id_is_said_at_once(running: Pod) -> None:
    with pytest.raises(Misconfigured, match="FUSION_CREATE_ACCOUNTS"):
        running.connector(create_accounts="yes")


def test_doctor_tries_the_service(running: Pod) -> None:
    connector = running.connector(create_accounts=ADDRESS_SET)
    assert {finding.about: finding.verdict for finding in connector.examine()}["new accounts"] == "ok"
    running.fail_next("fault", 1, "CustomerAccountService")
    assert {finding.about: finding.verdict for finding in connector.examine()}["new accounts"] == "warning"


def test_doctor_names_what_a_pod_calls_otherwise(running: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing public lists the attributes of hubPersons, and a row of the mapping may name another."""
    monkeypatch.delitem(PERSON.attributes, "FirstName")
    monkeypatch.delitem(RELATIONSHIP.attributes, "SubjectPartyId")
    connector = running.connector(create_accounts=ADDRESS_SET)
    found = [each.says for each in connector.examine() if each.about == "new accounts" and each.verdict == "error"]
    assert found == ["hubPersons of this pod has no FirstName", "Relationship of this pod has no SubjectPartyId"]
