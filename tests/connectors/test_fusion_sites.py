"""Sites that an account in the sandbox's Fusion lacks: added where FUSION_CREATE_ACCOUNTS says so, each once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from integration.connectors.contract import Document
from integration.connectors.fusion import Fusion
from integration.errors import Retry, Throttled
from tests.connectors.bench_documents import an_order_of, new_company, new_person
from tests.connectors.contract_suite import LosesAnswer
from tests.connectors.fusion_targets import ADDRESS_SET, Pod, Shop
from tests.connectors.odoo_targets import held, unique
from tests.connectors.work import Crossrefs, MemoryWork

NUMBER = {True: "A-20", False: "P-de-2"}
"""The account of the company and of the person."""


@pytest.fixture(params=[new_company, new_person], ids=["company", "person"])
def customer(running: Pod, request: pytest.FixtureRequest) -> Document:
    """A customer who has an account in Fusion, and two addresses of which that knows nothing."""
    running.fake.reset()
    stated: Document = request.param()
    return {**stated, "on_create": {"customer": {"account_number": NUMBER[stated["customer"]["is_company"]]}}}


@pytest.fixture
def shop(running: Pod) -> Shop:
    return Shop(running)


def connector(running: Pod, **options: str) -> Fusion:
    return running.connector(**{"create_accounts": ADDRESS_SET, **options})


def an_order(shop: Shop, customer: Document, **changes: Any) -> Document:
    order = an_order_of(shop, customer)
    number = NUMBER[customer["customer"]["is_company"]]
    return {**order, "customer": {**order["customer"], "account_number": number, **changes}}


def sites(running: Pod) -> list[tuple[str, str]]:
    """The uses that were added to accounts, each with its street."""
    books = running.fake.ledger()
    streets = {each["number"]: each["lines"] for party in books["parties"] for each in party["addresses"]}
    return sorted((site["use"], streets[site["address"]].split()[0]) for site in books["account_sites"])


def places(running: Pod, order: Document) -> list[str | None]:
    """Where an order is billed and shipped to: the streets that Fusion knows of its sites."""
    records = running.fake._records
    row = next(
        each
        for each in records.all("salesOrdersForOrderHub")
        if each["SourceTransactionId"] == order["key"] and each["StatusCode"] != "DOO_REFERENCE"
    )
    rows = [
        each for kind in ("hubOrganizations", "hubPersons") for party in records.all(kind) for each in party["Address"]
    ]
    streets = {each["AddressId"]: each["Address1"].split()[0] for each in rows}
    at = {site["SiteUseId"]: site["PartySiteId"] for site in records.all("customerAccountSitesLOV")}
    return [
        streets.get(at.get(int(row["billToCustomer"][0]["SiteUseId"]))),
        streets.get(int(row["shipToCustomer"][0]["SiteId"])),
    ]


def moved(customer: Document, kind: str, street: str) -> Document:
    """The customer with another address of this kind, in the place of the one that there was."""
    new = [each for each in customer["addresses"] if each["kind"] != kind]
    [was] = [each for each in customer["addresses"] if each["kind"] == kind]
    return {**customer, "addresses": [*new, {**was, "fields": {**was["fields"], "Address1": f"{street} {unique()}"}}]}


def test_an_order_ships_to_an_address_that_the_account_lacks(running: Pod, shop: Shop, customer: Document) -> None:
    order = an_order(shop, customer)
    shop.send(order, shop.new_work(), connector(running))
    assert sites(running) == [("SHIP_TO", "Dock")]
    assert places(running, order) == [None, "Dock"], "it is billed as before"
    again, calls = an_order(shop, customer), connector(running)
    running.calls.clear()
    shop.send(again, shop.new_work(), calls)
    assert [call for call in running.calls if "hub" in call] == [], "a site of ours is known by its number"
    assert places(running, again) == [None, "Dock"]


def test_a_changed_billing_address_is_billed_from_then_on(running: Pod, shop: Shop, customer: Document) -> None:
    connector(running).post("customer", customer, shop.work)
    assert sites(running) == [("BILL_TO", "Main"), ("SHIP_TO", "Dock")]
    changed = moved(customer, "billing", "Side")
    shop.work.new_round()
    connector(running).post("customer", changed, shop.work)
    assert sites(running) == [("BILL_TO", "Main"), ("BILL_TO", "Side"), ("SHIP_TO", "Dock")]
    for stated, street in ((changed, "Side"), (customer, "Main")):
        order = an_order(shop, stated)
        shop.send(order, shop.new_work(), connector(running))
        assert places(running, order) == [street, "Dock"]


def test_one_address_that_is_billed_and_shipped_to_is_one_site(running: Pod, shop: Shop, customer: Document) -> None:
    customer["addresses"].pop()
    connector(running).post("customer", customer, shop.work)
    assert sites(running) == [("BILL_TO", "Main"), ("SHIP_TO", "Main")]
    rows = running.fake._records.all("customerAccountSitesLOV")
    added = [row for row in rows if row["SiteUseId"] >= 300000009000000]
    assert len({row["CustomerAccountSiteId"] for row in added}) == 1


def test_without_the_setting_orders_take_the_sites_that_are_there(running: Pod, shop: Shop, customer: Document) -> None:
    order = an_order(shop, customer)
    shop.send(order, shop.new_work(), running.connector())
    assert (sites(running), places(running, order)) == ([], [None, None])


def test_orders_and_the_customer_at_once_add_each_site_once(running: Pod, shop: Shop, customer: Document) -> None:
    crossrefs, shared = Crossrefs(), [connector(running), connector(running)]
    orders = [an_order(shop, customer) for _ in range(10)]

    def send(place: int, job: Document) -> None:
        work = MemoryWork(crossrefs)
        while True:
            try:
                if "merged" in job:
                    shared[place % 2].post("customer", job, work)
                else:
                    shop.send(job, work, shared[place % 2])
                return
            except Throttled:
                continue

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(send, range(11), [*orders[:3], customer, *orders[3:]]))
    assert sites(running) == [("BILL_TO", "Main"), ("SHIP_TO", "Dock")]
    assert {places(running, order)[1] for order in orders} == {"Dock"}


class Stopped(MemoryWork):
    """A delivery that is stopped before it adds a site, until it ``goes_on``."""

    goes_on = False

    def perform(self, effect: str, *given: Any) -> Any:
        if effect.startswith("site.create") and not self.goes_on:
            raise Retry("stopped")
        return super().perform(effect, *given)


def test_while_one_adds_a_site_others_wait(running: Pod, shop: Shop, customer: Document) -> None:
    orders, first = [an_order(shop, customer), an_order(shop, customer)], Stopped(shop.crossrefs)
    with pytest.raises(Retry):
        shop.send(orders[0], first, connector(running))
    with pytest.raises(Throttled):
        shop.send(orders[1], shop.new_work(), connector(running))
    first.goes_on = True
    shop.send(orders[0], first, connector(running))
    shop.send(orders[1], shop.new_work(), connector(running))
    assert sites(running) == [("SHIP_TO", "Dock")]


@pytest.mark.parametrize("forgets", [False, True], ids=["remembers", "forgets"])
def test_a_lost_answer_is_one_site_though_the_sites_are_kept_in_memory(
    running: Pod, shop: Shop, customer: Document, forgets: bool
) -> None:
    order, work, shared = an_order(shop, customer), LosesAnswer(shop.crossrefs, 1), connector(running)
    with pytest.raises(Retry):
        shop.send(order, work, shared)
    assert work.outcomes[-1][0].startswith("site.create")
    if forgets:
        work.forget()
    shop.send(order, work, shared)
    assert len(sites(running)) == 1
    assert places(running, order) == [None, "Dock"]


def test_customers_of_one_account_share_a_site(running: Pod, shop: Shop, customer: Document) -> None:
    other = {**customer, "key": f"c-{unique()}"}
    for stated in (customer, other):
        order = an_order(shop, stated)
        shop.send(order, shop.new_work(), connector(running))
        assert places(running, order) == [None, "Dock"]
    assert sites(running) == [("SHIP_TO", "Dock")]


def test_the_guest_account_and_guests_get_no_site(running: Pod, shop: Shop, customer: Document) -> None:
    by_guest = an_order(shop, customer, key=None)
    by_number = an_order(shop, customer, account_number="90000")
    for order in (by_guest, by_number):
        shop.send(order, shop.new_work(), connector(running, guest_account="90000"))
        assert places(running, order) == [None, None]
    assert sites(running) == []


def test_a_person_adds_nothing_to_the_account_of_a_company(running: Pod, shop: Shop) -> None:
    running.fake.reset()
    order = an_order(shop, new_person(), account_number="A-20")
    shop.send(order, shop.new_work(), connector(running))
    assert (sites(running), places(running, order)) == ([], [None, None])


def test_a_dry_run_adds_nothing(running: Pod, shop: Shop, customer: Document) -> None:
    ids = connector(running).enrich("order", an_order(shop, customer), shop.work)["ids"]
    assert ids["account"]
    assert (ids["ship_to"], sites(running)) == ("to be made", [])


@pytest.mark.parametrize("status", [None, "I"], ids=["removed", "inactive"])
def test_a_site_that_was_taken_away_in_fusion_is_not_added_again(
    running: Pod, shop: Shop, customer: Document, status: str | None
) -> None:
    shop.send(an_order(shop, customer), shop.new_work(), connector(running))
    records = running.fake._records
    [site] = [row for row in records.all("customerAccountSitesLOV") if row["SiteUseId"] >= 300000009000000]
    with records.transaction():
        records.remove("customerAccountSitesLOV", site["SiteUseId"])
        if status:
            records.put("customerAccountSitesLOV", site["SiteUseId"], {**site, "Status": status})
    hold = held(lambda: shop.send(an_order(shop, customer), shop.new_work(), connector(running)))
    assert (hold.code, "ship-to" in hold.reason) == ("no_site", True)
    assert len(sites(running)) == (1 if status else 0)
    corrected = an_order(shop, moved(customer, "shipping", "Gate"))
    shop.send(corrected, shop.new_work(), connector(running))
    assert places(running, corrected) == [None, "Gate"]


def test_an_address_that_the_party_has_is_not_added_again(running: Pod, shop: Shop, customer: Document) -> None:
    """Whoever made it: what counts is its content."""
    [dock] = [each["fields"] for each in customer["addresses"] if each["kind"] == "shipping"]
    is_company = customer["customer"]["is_company"]
    records, kind = running.fake._records, "hubOrganizations" if is_company else "hubPersons"
    name = {True: "Trade customer 20", False: "Customer 2 (DE)"}[is_company]
    [party] = [row for row in records.all(kind) if row["PartyName"] == name]
    with records.transaction():
        own = {**dock, "AddressId": 300000000000999, "AddressNumber": "999", "Status": "A"}
        records.put(kind, party["PartyNumber"], {**party, "Address": [own]})
    order = an_order(shop, customer)
    shop.send(order, shop.new_work(), connector(running))
    assert places(running, order) == [None, "Dock"]
    [changed] = [row for row in records.all(kind) if row["PartyId"] == party["PartyId"]]
    assert [each["AddressNumber"] for each in changed["Address"]] == ["999"]
