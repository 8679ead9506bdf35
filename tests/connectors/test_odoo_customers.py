"""Who the customer of an order is: the identity rule, and how it holds when people tidy up in Odoo.

For every Odoo, as in `test_odoo`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from integration.connectors.contract import Document
from integration.connectors.odoo.customer.identity import another_vat
from integration.errors import Throttled
from tests.connectors.odoo_targets import Shop, held, polish_vat, unique


def as_written(vat: str) -> str:
    """As people write it: with blanks and dashes, in lower case."""
    return f"{vat[:2].lower()} {vat[2:5]}-{vat[5:8]}-{vat[8:10]}-{vat[10:]}"


def customer_of(shop: Shop, order: str | None) -> int:
    """The contact for whom the order is, above the person who placed it."""
    assert order
    partner = shop.target.one("sale.order", order, "partner_id")["partner_id"]
    return int(shop.target.one("res.partner", partner, "commercial_partner_id")["commercial_partner_id"])


def again(shop: Shop, document: Document, **partner: Any) -> Document:
    """Another order of the same customer."""
    return shop.two_lines(
        partner={**document["partner"], **partner},
        **{name: document[name] for name in ("contact", "invoice_address", "delivery_address")},
    )


def with_address(shop: Shop) -> Document:
    document = shop.two_lines()
    document["delivery_address"] = {"fields": {"name": "Dock", "street": "Side 2", "city": "Łódź"}, "country": "PL"}
    return document


def company(document: Document, vat: str | None = None) -> Document:
    fields = {**document["partner"]["fields"], "name": "ACME", "is_company": True, "vat": vat}
    document["partner"] |= {"fields": fields, "country": "PL", "state": None}
    return document


# --- a match is this customer, or none


def test_many_accounts_with_one_address_are_as_many_customers(shop: Shop) -> None:
    first = shop.two_lines()
    documents = [again(shop, first, key=f"c-{unique()}") for _ in range(4)]
    documents += [again(shop, first, key=None) for _ in range(2)]

    def send(document: Document) -> int:
        work = shop.new_work()
        while True:
            try:
                return customer_of(shop, shop.send(document, work).theirs)
            except Throttled:
                continue

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(send, documents))
    assert len(set(found)) == 5, found
    assert found[4] == found[5], "a guest is one customer"
    domain = [["email", "=", first["partner"]["fields"]["email"]]]
    assert shop.target.owner("res.partner", "search_count", domain=domain) == 5
    assert [send(again(shop, document)) for document in documents] == found
    assert send(again(shop, first, key=f"c-{unique()}")) not in found, "nor is one that comes later any of them"


def test_a_contact_of_odoo_becomes_one_customer_only(shop: Shop) -> None:
    first = shop.two_lines()
    id = shop.target.create("res.partner", name="Known", email=first["partner"]["fields"]["email"])
    assert customer_of(shop, shop.send(first).theirs) == id
    for key in (f"c-{unique()}", None):
        assert customer_of(shop, shop.send(again(shop, first, key=key), shop.new_work()).theirs) != id


def test_an_employees_private_order_is_not_the_employers(shop: Shop) -> None:
    document = shop.two_lines()
    email = document["partner"]["fields"]["email"]
    employer = shop.target.create("res.partner", name="ACME", email=email, is_company=True)
    shop.target.create("res.partner", name="Jane", email=email, parent_id=employer)
    assert customer_of(shop, shop.send(document).theirs) != employer
    order = company(again(shop, document, key=f"c-{unique()}"))
    assert customer_of(shop, shop.send(order, shop.new_work()).theirs) == employer


def test_a_guest_is_another_one_as_a_company_and_with_another_vat_number(shop: Shop) -> None:
    document = shop.two_lines()
    document["partner"]["key"] = None
    vats = polish_vat(), polish_vat()
    orders = [document, *(company(again(shop, document), vat) for vat in (*vats, vats[0], None))]
    found = [customer_of(shop, shop.send(order, shop.new_work()).theirs) for order in orders]
    assert len(set(found)) == 3, found
    assert found[1] == found[3] == found[4]


@pytest.mark.parametrize(("theirs", "matches"), [("same", True), ("written", True), ("other", False), ("none", True)])
def test_a_company_with_another_vat_number_is_another_company(shop: Shop, theirs: str, matches: bool) -> None:
    vat = polish_vat()
    document = company(shop.two_lines(), vat)
    given = {"same": vat, "written": as_written(vat), "other": polish_vat(), "none": False}[theirs]
    fields = {"name": "ACME", "email": document["partner"]["fields"]["email"], "is_company": True, "vat": given}
    id = shop.target.create("res.partner", **fields)
    customer = customer_of(shop, shop.send(document).theirs)
    assert (customer == id) is matches
    kept = shop.target.one("res.partner", customer, "vat")["vat"]
    assert kept == (as_written(vat) if theirs == "written" else vat), "without a country Odoo keeps what is written"


def test_a_company_is_found_by_its_vat_number_alone(shop: Shop) -> None:
    vat = polish_vat()
    id = shop.target.create("res.partner", name="ACME", is_company=True, vat=vat)
    shop.target.create("res.partner", name="Jane, of the same number", is_company=False, vat=vat)
    document = company(shop.two_lines(), vat)
    shop.target.create("res.partner", name="ACME 2", is_company=True, email=document["partner"]["email"])
    assert customer_of(shop, shop.send(document).theirs) == id


@pytest.mark.parametrize(
    ("ours", "theirs", "another"),
    [
        ("PL5260001246", "5260001246", False),
        ("PL5260001246", "DE5260001246", True),
        ("526-000-12-46", "5260001246", False),
        ("PL5260001246", "/", False),
        (None, "PL5260001246", False),
        ("5260001246", "15260001246", True),
    ],
)
def test_which_vat_numbers_are_different(ours: str | None, theirs: str, another: bool) -> None:
    assert another_vat(ours, theirs) is another


def test_a_name_before_the_address_makes_no_other_customer(shop: Shop) -> None:
    document = shop.two_lines()
    document["partner"]["key"] = None
    email = document["partner"]["fields"]["email"]
    named = again(shop, document, email=f'"Doe, Jane" <{email.upper()}>')
    orders = [shop.send(order, shop.new_work()).theirs for order in (document, named)]
    assert customer_of(shop, orders[0]) == customer_of(shop, orders[1])


def test_what_another_company_of_this_odoo_has_is_no_match(shop: Shop) -> None:
    other = shop.target.other_company()
    document = shop.two_lines()
    email = document["partner"]["fields"]["email"]
    theirs = shop.target.create("res.partner", name="Theirs", email=email, company_id=other)
    shop.target.product(default_code=document["lines"][0]["sku"], company_id=other)
    posted = shop.send(document)
    assert customer_of(shop, posted.theirs) != theirs
    twice = shop.target.product()
    shop.target.product(default_code=twice)
    failure = held(lambda: shop.send(shop.order(shop.line("1", "1", "1", sku=twice), total="1")))
    assert failure.code == "ambiguous_sku"
    assert "every company" in (failure.hint or "")


# --- what is remembered may be merged, archived or deleted


def test_the_orders_of_a_merged_customer_go_to_the_one_that_stays(shop: Shop) -> None:
    document = with_address(shop)
    was = customer_of(shop, shop.send(document).theirs)
    stays = shop.target.create("res.partner", name="Jane", email=document["partner"]["fields"]["email"])
    shop.target.merge(was, into=stays)
    work = shop.new_work()
    posted = shop.send(again(shop, document), work)
    assert customer_of(shop, posted.theirs) == stays
    assert work.relinked == [("customer", document["partner"]["key"], str(was), str(stays))]
    assert shop.target.one("res.partner", stays, "name")["name"] == "Jane", "the contact that stays is left as it is"
    order = shop.target.one("sale.order", posted.theirs or 0, "partner_shipping_id")
    assert shop.target.one("res.partner", order["partner_shipping_id"], "street")["street"] == "Side 2"


def test_a_found_customer_is_followed_by_the_addresses_it_was_given(shop: Shop) -> None:
    document = with_address(shop)
    email = document["partner"]["fields"]["email"]
    was = shop.target.create("res.partner", name="Known", email=email)
    assert customer_of(shop, shop.send(document).theirs) == was
    stays = shop.target.create("res.partner", name="Jane", email=email)
    shop.target.merge(was, into=stays)
    work = shop.new_work()
    assert customer_of(shop, shop.send(again(shop, document), work).theirs) == stays
    assert work.relinked == [("customer", document["partner"]["key"], str(was), str(stays))]


def test_an_address_merged_into_its_customer_is_the_customer(shop: Shop) -> None:
    document = with_address(shop)
    posted = shop.send(document)
    order = shop.target.one("sale.order", posted.theirs or 0, "partner_id", "partner_shipping_id")
    other = shop.target.create("res.partner", name="Dock 4", type="delivery", parent_id=order["partner_id"])
    shop.target.merge(order["partner_shipping_id"], into=other)
    posted = shop.send(again(shop, document), shop.new_work())
    assert shop.target.one("sale.order", posted.theirs or 0, "partner_shipping_id")["partner_shipping_id"] == other
    assert shop.target.one("res.partner", other, "name")["name"] == "Dock 4"


def test_a_deleted_customer_is_held_and_made_anew_when_a_person_says_so(shop: Shop) -> None:
    document = shop.two_lines()
    shop.connector.enrich("order", document, shop.work)
    gone = shop.crossrefs.theirs["customer", document["partner"]["key"]]
    shop.target.owner("res.partner", "unlink", [int(gone)])
    work = shop.new_work()
    failure = held(lambda: shop.send(document, work))
    assert (failure.code, [one["id"] for one in failure.candidates]) == ("customer_gone", ["new"])
    work.accepted.add(failure.candidates[0]["approves"])
    customer = customer_of(shop, shop.send(document, work).theirs)
    assert customer != int(gone)
    assert customer_of(shop, shop.send(again(shop, document), shop.new_work()).theirs) == customer


@pytest.mark.parametrize("choice", ["unarchive", "new", "other"])
def test_an_archived_customer_is_held_with_the_choice(shop: Shop, choice: str) -> None:
    document = with_address(shop)
    was = customer_of(shop, shop.send(document).theirs)
    shop.target.owner("res.partner", "write", [was], vals={"active": False})
    other = shop.target.create("res.partner", name="Jim Roe", email=document["partner"]["fields"]["email"])
    work, order = shop.new_work(), again(shop, document)
    failure = held(lambda: shop.send(order, work))
    assert failure.code == "customer_archived"
    assert "Jane" not in failure.reason
    choices = {one["id"]: one for one in failure.candidates}
    assert set(choices) == {"unarchive", "new", str(other)}
    if choice == "other":
        known = choices[str(other)]
        work.remember(known["entity"], known["key"], known["id"])  # what choosing one comes to
    else:
        work.accepted.add(choices[choice]["approves"])
    posted = shop.send(order, work)
    customer = customer_of(shop, posted.theirs)
    assert {"unarchive": customer == was, "new": customer not in (was, other), "other": customer == other}[choice]
    assert shop.target.one("res.partner", was, "active")["active"] is (choice == "unarchive")
    address = shop.target.one("sale.order", posted.theirs or 0, "partner_shipping_id")["partner_shipping_id"]
    assert shop.target.one("res.partner", address, "parent_id")["parent_id"] == customer
    later = shop.send(again(shop, document), shop.new_work()).theirs
    assert customer_of(shop, later) == customer
    assert shop.target.one("sale.order", later or 0, "partner_shipping_id")["partner_shipping_id"] == address


def test_a_customer_that_was_given_to_another_company_is_held(shop: Shop) -> None:
    document = with_address(shop)
    was = customer_of(shop, shop.send(document).theirs)
    shop.target.to_another_company(was)
    work, order = shop.new_work(), again(shop, document)
    failure = held(lambda: shop.send(order, work))
    assert failure.code == "customer_elsewhere"
    assert [one["id"] for one in failure.candidates] == ["new"]
    work.accepted.add("new_customer")
    assert customer_of(shop, shop.send(order, work).theirs) != was


def test_an_archived_address_that_is_used_again_comes_back(shop: Shop) -> None:
    document = with_address(shop)
    address = shop.target.one("sale.order", shop.send(document).theirs or 0, "partner_shipping_id")
    shop.target.owner("res.partner", "write", [address["partner_shipping_id"]], vals={"active": False})
    shop.send(again(shop, document), shop.new_work())
    assert shop.target.one("res.partner", address["partner_shipping_id"], "active")["active"] is True


def test_a_product_that_was_replaced_is_looked_up_again(shop: Shop) -> None:
    sku = shop.target.product()
    fee, work = shop.line("2", "1", "5", sku=None, service="fee"), shop.new_work()
    order = shop.order(shop.line("1", "1", "10", sku=sku), fee, total="15")
    enriched = shop.connector.enrich("order", order, work)
    product = enriched["ids"]["lines"][0]["product"]
    shop.target.owner("product.product", "unlink", [product])
    shop.target.product(default_code=sku)
    posted = shop.connector.post("order", enriched, work)
    line = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"][0]
    assert shop.target.one("sale.order.line", line, "product_id")["product_id"] != product


# --- an order of another customer


def test_an_order_follows_its_customer(shop: Shop) -> None:
    document, other = with_address(shop), with_address(shop)
    document["payment_term"] = "30 Days"
    posted = shop.send(document)
    customer = customer_of(shop, posted.theirs)
    terms = shop.target.one("sale.order", posted.theirs or 0, "payment_term_id", "note")
    assert all(terms.values())
    addresses = {name: other[name] for name in ("contact", "invoice_address", "delivery_address")}
    shop.send({**document, "partner": other["partner"], **addresses}, shop.new_work())
    now = customer_of(shop, posted.theirs)
    assert now != customer
    order = shop.target.one("sale.order", posted.theirs or 0, "state", "partner_invoice_id", "partner_shipping_id")
    assert order["state"] == "sale"
    assert shop.target.one("sale.order", posted.theirs or 0, "payment_term_id", "note") == terms
    assert order["partner_invoice_id"] == now
    assert shop.target.one("res.partner", order["partner_shipping_id"], "parent_id")["parent_id"] == now
    work = shop.new_work()
    shop.send({**document, "partner": other["partner"], **addresses}, work)
    assert dict(work.outcomes)["order.update"] == "found"


@pytest.mark.parametrize("begun", ["delivered", "invoiced"])
def test_an_order_that_is_begun_does_not_follow_in_silence(shop: Shop, begun: str) -> None:
    document, other = shop.two_lines(), shop.two_lines()
    posted = shop.send(document)
    assert posted.theirs
    customer = customer_of(shop, posted.theirs)
    if begun == "delivered":
        shop.target.deliver(posted.theirs)
    else:
        values = {"advance_payment_method": "delivered", "sale_order_ids": [[6, 0, [int(posted.theirs)]]]}
        wizard = shop.target.create("sale.advance.payment.inv", **values)
        shop.target.owner("sale.advance.payment.inv", "create_invoices", [wizard])
    changed, work = {**document, "partner": other["partner"]}, shop.new_work()
    failure = held(lambda: shop.send(changed, work))
    assert failure.code == "customer_changed"
    assert f"(#{customer})" in failure.reason
    assert "Jane" not in failure.reason
    assert customer_of(shop, posted.theirs) == customer
    work.accepted.add(failure.candidates[0]["approves"])
    shop.send(changed, work)
    order = shop.target.one("sale.order", posted.theirs, "partner_id", "partner_invoice_id")
    assert order["partner_id"] == order["partner_invoice_id"] == customer


def test_another_person_of_the_same_customer_is_no_other_customer(shop: Shop) -> None:
    document = company(shop.two_lines())
    document["contact"] = {"fields": {"name": "Jim Buyer"}}
    posted = shop.send(document)
    shop.target.deliver(posted.theirs or "")
    customer = customer_of(shop, posted.theirs)
    shop.send({**document, "contact": {"fields": {"name": "Ann Buyer"}}}, shop.new_work())
    assert customer_of(shop, posted.theirs) == customer


# --- VAT numbers and names that come later


def test_a_vat_number_given_later_is_written(shop: Shop) -> None:
    document = company(shop.two_lines())
    customer = customer_of(shop, shop.send(document).theirs)
    assert not shop.target.one("res.partner", customer, "vat")["vat"]
    work = shop.new_work()
    vat = polish_vat()
    shop.send(company(again(shop, document), vat), work)
    assert shop.target.one("res.partner", customer, "vat")["vat"] == vat
    assert ("partner.update", "ok") in work.outcomes
    work = shop.new_work()
    shop.send(company(again(shop, document), as_written(vat)), work)
    assert "partner.update" not in dict(work.outcomes)


@pytest.mark.parametrize("known", [True, False])
def test_a_vat_number_that_odoo_refuses_is_held_by_its_name(shop: Shop, known: bool) -> None:
    document, vat = company(with_address(shop)), polish_vat()
    if known:
        shop.send(document)
    wrong = f"{vat[:-1]}{(int(vat[-1]) + 1) % 10}"
    failure = held(lambda: shop.send(company(again(shop, document), wrong), shop.new_work()))
    assert failure.code == "vat_refused"
    assert "VAT number (tax_id)" in failure.reason
    assert "PL1234567883" in failure.reason, "what is expected"
    assert "parent_id" not in failure.reason
    assert wrong[2:] not in f"{failure.reason} {failure.hint}"
    assert "ACME" not in failure.reason


def test_another_vat_number_than_the_customers_is_decided_by_a_person(shop: Shop) -> None:
    vat, other = polish_vat(), polish_vat()
    document = company(shop.two_lines(), vat)
    customer = customer_of(shop, shop.send(document).theirs)
    for choice, kept in (("odoo", vat), ("clarity", other)):
        order, work = company(again(shop, document), other), shop.new_work()
        failure = held(lambda order=order, work=work: shop.send(order, work))
        assert failure.code == "vat_differs"
        work.accepted |= {one["approves"] for one in failure.candidates if one["id"] == choice}
        assert customer_of(shop, shop.send(order, work).theirs) == customer
        assert shop.target.one("res.partner", customer, "vat")["vat"] == kept


def test_a_name_replaces_its_placeholder_and_nothing_else(shop: Shop) -> None:
    document = shop.two_lines()
    name = document["partner"]["fields"]["name"]
    document["partner"]["fields"]["name"] = document["partner"]["email"]
    customer = customer_of(shop, shop.send(document).theirs)
    for given, kept in ((name, name), ("Somebody Else", name)):
        fields = {**document["partner"]["fields"], "name": given}
        shop.send(again(shop, document, fields=fields), shop.new_work())
        assert shop.target.one("res.partner", customer, "name")["name"] == kept
