"""A customer of Clarity at Odoo: made once, corrected where Clarity owns a value, followed through merges.

For every Odoo, as in `test_odoo`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.connectors.contract import Document, Posted
from integration.errors import Throttled
from tests.connectors.odoo_targets import Shop, held, polish_vat, unique
from tests.connectors.test_odoo_customers import customer_of
from tests.connectors.work import MemoryWork

PLAIN = ("name", "email", "vat", "ref", "street", "city", "phone")


def customer(**changes: Any) -> Document:
    """A person with one address."""
    key = unique()
    email = f"{key}@example.com"
    fields = {"name": f"Jane {key}", "is_company": False, "email": email, "phone": None, "vat": None}
    partner = {"email": email, "fields": {**fields, "street": "Main 1"}, "country": "PL"}
    return {
        "key": f"c-{key}",
        "merged": [],
        "partner": {**partner, "state": None},
        "addresses": [],
        "contacts": [],
        **changes,
    }


def with_fields(document: Document, **fields: Any) -> Document:
    partner = document["partner"]
    return {**document, "partner": {**partner, "fields": {**partner["fields"], **fields}}}


def first(document: Document, ref: str, **values: Any) -> Document:
    """The customer with initial values."""
    return {**document, "on_create": {"partner": {"fields": {"ref": ref}, **values}}}


def company(document: Document, **fields: Any) -> Document:
    return with_fields(document, is_company=True, **fields)


def address(type: str, street: str) -> Document:
    return {"type": type, "fields": {"name": "Dock", "street": street, "city": "Łódź"}, "country": "PL", "state": None}


def person(key: str, name: str, email: str | None = None, phone: str | None = None) -> Document:
    return {"key": key, "fields": {"name": name, "email": email, "phone": phone}}


def post(shop: Shop, document: Document, work: MemoryWork | None = None) -> Posted:
    return shop.connector.post("customer", document, work or shop.new_work())


def row(shop: Shop, theirs: str | None, *fields: str) -> dict[str, Any]:
    assert theirs
    return shop.target.one("res.partner", theirs, *(fields or PLAIN))


def children(shop: Shop, theirs: str | None) -> list[tuple[str, str, str]]:
    assert theirs
    domain = [["parent_id", "=", int(theirs)]]
    rows = shop.target.owner("res.partner", "search_read", domain=domain, fields=["type", "name", "street"], order="id")
    return [(row["type"], row["name"], row["street"]) for row in rows]


def with_email(shop: Shop, document: Document) -> int:
    domain = [["email_normalized", "=", document["partner"]["email"]], ["parent_id", "=", False]]
    return int(shop.target.owner("res.partner", "search_count", domain=domain))


# --- one customer, one contact


def test_a_customer_is_made_once_and_corrected_where_clarity_owns_a_value(shop: Shop) -> None:
    document = first(customer(), "A-77", payment_term="30 Days")
    theirs = post(shop, document).theirs
    assert row(shop, theirs, "name", "ref", "street")["ref"] == "A-77"
    shop.target.owner("res.partner", "write", [int(str(theirs))], vals={"ref": "A-78", "comment": "kept"})
    vat = polish_vat()
    corrected = with_fields(document, name="Jane Corrected", vat=vat, street="Main 2")
    assert post(shop, corrected).theirs == theirs
    found = row(shop, theirs)
    assert (found["name"], found["vat"], found["street"]) == ("Jane Corrected", vat, "Main 2")
    assert found["ref"] == "A-78", "Odoo owns it"
    assert with_email(shop, document) == 1


def test_what_odoo_shows_already_is_not_written(shop: Shop) -> None:
    document = company(customer(contacts=[person("p-1", "Ada", "ada@example.com")]), vat=polish_vat())
    post(shop, document)
    work = shop.new_work()
    post(shop, document, work)
    assert work.tries == []


def test_what_clarity_leaves_empty_stays(shop: Shop) -> None:
    document = customer()
    theirs = post(shop, document).theirs
    vat = polish_vat()
    shop.target.owner("res.partner", "write", [int(str(theirs))], vals={"vat": vat, "phone": "1"})
    post(shop, document)
    assert (row(shop, theirs)["vat"], row(shop, theirs)["phone"]) == (vat, "1")


def test_first_orders_and_the_customer_at_once_make_one_contact(shop: Shop) -> None:
    document = customer()
    key, email = document["key"], document["partner"]["email"]
    fields = {"name": "Jane", "email": email, "is_company": False}
    partner = {"key": key, "email": email, "fields": fields, "country": None, "state": None}
    orders = [shop.two_lines(partner=partner) for _ in range(4)]

    def send(job: Document) -> int:
        work = shop.new_work()
        while True:
            try:
                if "merged" in job:
                    return int(str(post(shop, job, work).theirs))
                return customer_of(shop, shop.send(job, work).theirs)
            except Throttled:
                continue

    with ThreadPoolExecutor(5) as threads:
        found = set(threads.map(send, [*orders[:2], document, *orders[2:]]))
    assert len(found) == 1
    assert with_email(shop, document) == 1


def test_addresses_and_contacts_are_children_and_shared_with_orders(shop: Shop) -> None:
    delivery = address("delivery", "Side 2")
    document = company(customer(addresses=[address("invoice", "Main 1"), delivery], contacts=[person("p-1", "Ada")]))
    theirs = post(shop, document).theirs
    assert children(shop, theirs) == [
        ("invoice", "Dock", "Main 1"),
        ("delivery", "Dock", "Side 2"),
        ("contact", "Ada", "Main 1"),
    ]
    partner = {**document["partner"], "key": document["key"]}
    stated = {name: delivery[name] for name in ("fields", "country", "state")}
    order = shop.two_lines(partner=partner, delivery_address=stated)
    assert customer_of(shop, shop.send(order, shop.new_work()).theirs) == int(str(theirs))
    assert len(children(shop, theirs)) == 3, "the address of the order is the customer's"


def test_a_contact_is_corrected_where_it_is_and_found_by_its_address(shop: Shop) -> None:
    document = company(customer(contacts=[person("p-1", "Ada", "ada@example.com")]))
    theirs = post(shop, document).theirs
    made = shop.target.create("res.partner", name="Bob", email="Bob@example.com", parent_id=int(str(theirs)))
    people = [person("p-1", "Ada L.", "ada.l@example.com", "2"), person("p-2", "Robert", "bob@example.com")]
    post(shop, {**document, "contacts": people})
    assert [name for _, name, _ in children(shop, theirs)] == ["Ada L.", "Robert"]
    assert row(shop, str(made))["email"] == "bob@example.com"


def test_contacts_with_one_e_mail_address_are_each_their_own(shop: Shop) -> None:
    """The second one, who joins later, does not take the place of the first."""
    ada, bob = (person(key, name, f"{unique()}@example.com") for key, name in (("p-1", "Ada"), ("p-2", "Bob")))
    bob["fields"]["email"] = ada["fields"]["email"]
    document, work = company(customer(contacts=[ada])), shop.new_work()
    posted = post(shop, document, work)
    both = {**document, "contacts": [ada, bob]}
    for _ in range(2):
        work.new_round()
        post(shop, both, work)
        assert sorted(name for _, name, _ in children(shop, posted.theirs)) == ["Ada", "Bob"]
    assert [effect for effect, _ in work.outcomes if effect.startswith("contact.")] == []


def test_a_contact_with_an_account_of_its_own_shows_what_that_states(shop: Shop) -> None:
    """Otherwise the customer and the company's contact would overwrite each other in turn."""
    ada = person("p-1", "Ada of the company", f"{unique()}@example.com")
    document, work = company(customer(contacts=[ada])), shop.new_work()
    posted = post(shop, document, work)
    [(id, _)] = [
        (theirs, key)
        for (entity, key), theirs in shop.crossrefs.theirs.items()
        if entity == "contact" and key.startswith(document["key"])
    ]
    own = with_fields(customer(), name="Ada herself", email=ada["fields"]["email"])
    shop.crossrefs.theirs["customer", own["key"]] = id  # a person has chosen it
    for _ in range(2):
        for each in (own, document):
            post(shop, each, shop.new_work())
            assert [name for _, name, _ in children(shop, posted.theirs)] == ["Ada herself"]


def test_of_a_contact_that_two_customers_share_the_first_keeps_the_fields(shop: Shop) -> None:
    one, two = company(customer(), name="First"), company(customer(), name="Second")
    posted = post(shop, one, shop.new_work())
    shop.crossrefs.theirs["customer", two["key"]] = str(posted.theirs)  # a person has chosen it
    for _ in range(2):
        for each in (two, one):
            assert post(shop, each, shop.new_work()).theirs == posted.theirs
            assert row(shop, posted.theirs, "name")["name"] == "First"


def test_a_contact_that_two_customers_share_already_is_held_until_one_keeps_it(shop: Shop) -> None:
    one, two = company(customer(), name="First"), company(customer(), name="Second")
    posted = post(shop, one, shop.new_work())
    shop.crossrefs.theirs["customer", two["key"]] = str(posted.theirs)
    del shop.crossrefs.theirs["kept_record", one["key"]]  # as it was before anybody kept a record
    work = shop.new_work()
    hold = held(lambda: post(shop, two, work))
    assert (hold.code, [choice["id"] for choice in hold.candidates]) == ("shared_record", ["keep", "link"])
    assert row(shop, posted.theirs, "name")["name"] == "First"
    linked = shop.new_work()
    linked.accepted.add("link_record")
    assert post(shop, two, linked).theirs == posted.theirs
    assert row(shop, posted.theirs, "name")["name"] == "First"
    work.accepted.add("keep_record")
    post(shop, two, work)
    assert row(shop, posted.theirs, "name")["name"] == "Second"
    post(shop, one, shop.new_work())
    assert row(shop, posted.theirs, "name")["name"] == "Second"


def test_a_contact_that_belongs_to_a_company_leaves_the_company_as_it_is(shop: Shop) -> None:
    employer = shop.target.create("res.partner", name="ACME", is_company=True, street="Head 1")
    employee = shop.target.create("res.partner", name="Jane", parent_id=employer)
    document = customer()
    shop.crossrefs.theirs["customer", document["key"]] = str(employee)  # as a person has chosen
    post(shop, with_fields(document, vat=polish_vat()))
    assert (row(shop, str(employer))["street"], row(shop, str(employer))["vat"]) == ("Head 1", False)
    assert row(shop, str(employee))["name"] == document["partner"]["fields"]["name"]


# --- who is the customer


def test_a_contact_with_the_account_number_is_the_customer(shop: Shop) -> None:
    document = customer()
    number = f"A-{unique()}"
    shop.target.create("res.partner", name="Other", email=document["partner"]["email"])
    known = shop.target.create("res.partner", name="Known", ref=number)
    document = first(document, number)
    assert post(shop, document).theirs == str(known)
    assert row(shop, str(known))["email"] == document["partner"]["email"]


@pytest.mark.parametrize("alike", ["kind", "vat"])
def test_look_alikes_are_held_with_the_choice(shop: Shop, alike: str) -> None:
    document = company(customer(), vat=polish_vat())
    email = document["partner"]["email"]
    other = {"is_company": alike == "vat", "vat": polish_vat() if alike == "vat" else False}
    id = shop.target.create("res.partner", name="Alike", email=email, **other)
    work = shop.new_work()
    hold = held(lambda: post(shop, document, work))
    assert (hold.code, [choice["id"] for choice in hold.candidates]) == ("look_alike", [str(id), "new"])
    assert email not in f"{hold.reason} {hold.hint} {hold.candidates}"
    work.accepted.add("new_customer")
    assert post(shop, document, work).theirs != str(id)


def test_several_that_fit_are_held_with_the_candidates(shop: Shop) -> None:
    document = customer()
    ids = [shop.target.create("res.partner", name=name, email=document["partner"]["email"]) for name in "AB"]
    hold = held(lambda: post(shop, document))
    assert (hold.code, [choice["id"] for choice in hold.candidates]) == ("ambiguous_customer", [str(id) for id in ids])


def test_another_customer_of_ours_is_no_look_alike(shop: Shop) -> None:
    first = customer()
    theirs = post(shop, first).theirs
    second = company({**customer(), "partner": {**first["partner"]}})
    assert post(shop, second).theirs != theirs


# --- merges


def test_customers_merged_in_clarity_are_one_contact_from_now_on(shop: Shop) -> None:
    stays, goes = customer(), customer()
    ids = [post(shop, each).theirs for each in (stays, goes)]
    work = shop.new_work()
    assert post(shop, {**stays, "merged": [goes["key"]]}, work).theirs == ids[0]
    assert work.relinked == [("customer", goes["key"], ids[1], ids[0])]
    assert row(shop, ids[1])["name"], "what was there stays there"


def test_who_is_known_by_a_merged_customer_only_takes_its_contact_over(shop: Shop) -> None:
    goes = customer()
    theirs = post(shop, goes).theirs
    stays = customer(merged=[goes["key"]])
    assert post(shop, stays).theirs == theirs
    assert row(shop, theirs)["name"] == stays["partner"]["fields"]["name"]


def test_contacts_merged_in_odoo_are_followed(shop: Shop) -> None:
    document = customer()
    theirs = int(str(post(shop, document).theirs))
    stays = shop.target.create("res.partner", name="Stays", email=document["partner"]["email"])
    shop.target.merge(theirs, into=stays)
    assert post(shop, document).theirs == str(stays)
    assert row(shop, str(stays))["name"] == document["partner"]["fields"]["name"]


# --- what Odoo shows, and what changes there


def test_a_dry_run_finds_what_differs(shop: Shop) -> None:
    document = customer()
    assert shop.connector.shown("customer", document, shop.new_work()) is None
    theirs = post(shop, document).theirs
    stated = {name: value for name, value in document["partner"]["fields"].items() if value is not None}
    assert shop.connector.shown("customer", document, shop.new_work()) == {"partner": {"fields": stated}}
    shop.target.owner("res.partner", "write", [int(str(theirs))], vals={"street": "Elsewhere"})
    shown = shop.connector.shown("customer", document, shop.new_work())
    assert shown == {"partner": {"fields": {**stated, "street": "Elsewhere"}}}


def test_what_odoo_owns_of_a_customer_is_read_when_it_changes(shop: Shop) -> None:
    theirs = post(shop, customer()).theirs
    (term,) = shop.target.owner("account.payment.term", "search", domain=[["name", "=", "30 Days"]], limit=1)
    values = {"property_payment_term_id": term, "ref": "A-9", "trust": "bad", "credit_limit": 500}
    shop.target.owner("res.partner", "write", [int(str(theirs))], vals=values)
    since, page, found = datetime.now(UTC) - timedelta(seconds=5), None, {}
    while True:
        read = shop.connector.changes("customers", since, page, lambda _: [])
        found |= {change.id: change for change in read.changes}
        if (page := read.next) is None:
            break
    change = found[str(theirs)]
    assert (change.type, change.number, change.parent) == ("customer.changed", None, None)
    limit = change.document.pop("credit_limit")
    assert limit in (None, 500), "only accounting users are shown it"
    assert change.document == {"ref": "A-9", "vat": None, "payment_term": "30 Days", "trust": "bad"}
