"""What an order refers to: found in Odoo, created there, or held.  For every Odoo, as in `test_odoo`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from integration.connectors.odoo import catalog as catalog_of_odoo
from integration.connectors.odoo.customer.identity import guest_id
from integration.connectors.odoo.order import services
from integration.errors import Reject, Throttled
from tests.connectors.odoo_targets import SandboxTarget, Shop, Target, held, unique
from tests.connectors.work import MemoryWork

# --- customers


def test_an_existing_customer_is_found_by_e_mail(shop: Shop) -> None:
    document = shop.two_lines()
    email = document["partner"]["fields"]["email"]
    id = shop.target.create("res.partner", name="Known", email=email.upper())
    posted = shop.send(document)
    assert shop.target.one("sale.order", posted.theirs or 0, "partner_id")["partner_id"] == id
    assert shop.crossrefs.theirs["customer", f"c-{document['key']}"] == str(id)
    assert dict(shop.work.outcomes)["partner.load"] == "found"


def test_several_customers_with_the_address_are_held_with_masked_candidates(shop: Shop) -> None:
    document = shop.two_lines()
    email = document["partner"]["fields"]["email"]
    ids = [shop.target.create("res.partner", name=name, email=email) for name in ("Jane Doe", "Jim Roe")]
    failure = held(lambda: shop.send(document))
    known_as = {"entity": "customer", "key": f"c-{document['key']}"}
    assert failure.candidates == tuple(
        {"id": str(id), "label": f"J… {last}… (#{id})", **known_as} for id, last in zip(ids, "DR", strict=True)
    )
    assert shop.target.orders(document["order"]["origin"]) == []
    shop.work.remember("customer", f"c-{document['key']}", str(ids[1]))  # what choosing one comes to
    posted = shop.send(document)
    assert shop.target.one("sale.order", posted.theirs or 0, "partner_id")["partner_id"] == ids[1]


def test_a_guest_is_one_customer_however_many_the_orders(shop: Shop) -> None:
    first = shop.two_lines()
    first["partner"]["key"] = None
    second = shop.two_lines(partner={**first["partner"], "email": f" {first['partner']['email'].upper()} "})
    ids = [
        shop.target.one("sale.order", shop.send(document, shop.new_work()).theirs or 0, "partner_id")
        for document in (first, second)
    ]
    assert ids[0]["partner_id"] == ids[1]["partner_id"]
    names = shop.target.owner("res.partner", "get_external_id", [ids[0]["partner_id"]])
    guest = guest_id(first["partner"]["email"], "")
    assert names == {str(ids[0]["partner_id"]): f"__clarity__.guest__{guest}"}
    assert first["partner"]["fields"]["email"].partition("@")[0] not in guest


def test_guests_without_address_are_never_mixed_up(shop: Shop) -> None:
    documents = [shop.two_lines() for _ in range(2)]
    for document in documents:
        document["partner"] |= {"key": None, "email": None}
        document["partner"]["fields"].pop("email")
    partners = [
        shop.target.one("sale.order", shop.send(one, shop.new_work()).theirs or 0, "partner_id") for one in documents
    ]
    assert partners[0]["partner_id"] != partners[1]["partner_id"]


def test_a_company_with_its_contact_and_addresses(shop: Shop) -> None:
    document = shop.two_lines()
    document["partner"]["fields"] |= {"name": f"ACME {document['key']}", "is_company": True}
    document["contact"] = {"fields": {"name": "Jim Buyer", "email": f"jim-{document['key']}@example.com"}}
    street = {"name": "Dock 4", "street": "Main 1", "city": "Springfield", "zip": "12345"}
    document["invoice_address"] = {"fields": street, "country": "US", "state": "California"}
    document["delivery_address"] = {"fields": {**street, "street": "Side 2"}, "country": "PL", "state": "Nowhere"}
    posted = shop.send(document)
    fields = ("partner_id", "partner_invoice_id", "partner_shipping_id")
    order = shop.target.one("sale.order", posted.theirs or 0, *fields)
    children = [
        shop.target.one("res.partner", order[field], "name", "type", "parent_id", "street2", "state_id", "is_company")
        for field in fields
    ]
    assert [(child["name"], child["type"]) for child in children] == [
        ("Jim Buyer", "contact"),
        ("Dock 4", "invoice"),
        ("Dock 4", "delivery"),
    ]
    company = shop.target.one("res.partner", children[0]["parent_id"], "name", "is_company")
    assert {child["parent_id"] for child in children} == {company["id"]}
    assert (company["name"], company["is_company"]) == (f"ACME {document['key']}", True)
    assert [(child["street2"], bool(child["state_id"])) for child in children[1:]] == [
        (False, True),
        ("Nowhere", False),
    ]

    again = shop.two_lines(
        **{name: document[name] for name in ("partner", "contact", "invoice_address", "delivery_address")}
    )
    work = shop.new_work()
    assert shop.target.one("sale.order", shop.send(again, work).theirs or 0, *fields) | {"id": 0} == order | {"id": 0}
    assert work.outcomes == [("order.load", "ok"), ("order.confirm", "ok"), ("order.date", "ok")]


def test_a_region_without_its_country_stays_readable(shop: Shop) -> None:
    document = shop.two_lines()
    street = {"name": "Dock 4", "street": "Main 1", "street2": "Gate B", "city": "Springfield"}
    document["delivery_address"] = {"fields": street, "country": None, "state": "California"}
    posted = shop.send(document)
    order = shop.target.one("sale.order", posted.theirs or 0, "partner_shipping_id")
    address = shop.target.one("res.partner", order["partner_shipping_id"], "street2", "state_id", "country_id")
    assert (address["street2"], address["state_id"], address["country_id"]) == ("Gate B, California", False, False)


def test_an_unknown_country_is_held(shop: Shop) -> None:
    document = shop.two_lines()
    document["partner"]["country"] = "XX"
    assert held(lambda: shop.send(document)).reason == "unknown country XX"


def test_the_second_of_two_that_create_a_customer_waits(shop: Shop) -> None:
    document = shop.two_lines()
    shop.new_work().reserve("customer", f"c-{document['key']}")
    with pytest.raises(Throttled):
        shop.send(document)


# --- products, taxes, money, carriers


def test_unknown_products_are_held_together(shop: Shop) -> None:
    unknown = [f"NO-{unique()}" for _ in range(2)]
    lines = [shop.line(str(place), "1", "1", sku=sku) for place, sku in enumerate([*unknown, shop.target.sku_a])]
    failure = held(lambda: shop.send(shop.order(*lines, total="3")))
    assert (failure.reason, failure.code) == (f"unknown SKU {', '.join(sorted(unknown))}", "unknown_sku")
    assert shop.work.outcomes == []
    for sku in unknown:
        shop.target.product(default_code=sku)
    assert shop.send(shop.order(*lines, total="3")).theirs


def test_an_archived_product_is_unknown_and_a_doubled_one_ambiguous(shop: Shop) -> None:
    archived, doubled = shop.target.product(active=False), shop.target.product()
    shop.target.product(default_code=doubled)

    def reason(sku: str | None) -> str:
        return held(lambda: shop.send(shop.order(shop.line("1", "1", "1", sku=sku), total="1"))).reason

    assert reason(archived) == f"unknown SKU {archived}"
    assert reason(doubled) == f"several products have the SKU {doubled}"
    assert reason(None) == "line 1 has no SKU, and Odoo takes no line without a product"


def test_a_fallback_product_stands_in(shop: Shop) -> None:
    document = shop.order(shop.line("1", "1", "1", sku=f"NO-{unique()}"), total="1")
    posted = shop.send(document, connector=shop.target.connector(fallback_sku=shop.target.sku_b))
    (line,) = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"]
    product = shop.target.one("sale.order.line", line, "product_id", "name")
    assert (
        shop.target.one("product.product", product["product_id"], "default_code")["default_code"] == shop.target.sku_b
    )
    assert product["name"] == "Line 1"


def test_taxes_on_top_and_included(shop: Shop) -> None:
    rate = shop.target.rate
    on_top = shop.line("1", "1", "100", taxes=[{"rate": rate, "included": False}])
    included = shop.line("2", "2", "50", taxes=[{"rate": rate, "included": True}])
    total = Decimal(200) + Decimal(rate)
    posted = shop.send(shop.order(on_top, included, total=str(total)))
    lines = shop.target.lines(posted.theirs)
    assert [lines[key][3:] for key in "12"] == [(1, 100 + Decimal(rate)), (1, 100)]
    assert shop.target.one("sale.order", posted.theirs or 0, "amount_total")["amount_total"] == total


def test_an_unknown_tax_is_held(shop: Shop) -> None:
    document = shop.order(shop.line("1", "1", "1", taxes=[{"rate": "3.21", "included": True}]), total="1")
    failure = held(lambda: shop.send(document))
    assert failure.reason == "no sales tax of 3.21 % included in the price"
    assert "ODOO_TAX_3_21_INCLUDED=<name>" in (failure.hint or "")


def test_of_two_taxes_of_nothing_the_one_named_is_taken(shop: Shop) -> None:
    domain = [["amount", "=", 0], ["type_tax_use", "=", "sale"], ["price_include", "=", False]]
    if len(shop.target.owner("account.tax", "search", domain=domain)) < 2:
        shop.target.create("account.tax", name=f"0% {unique()}", amount=0, type_tax_use="sale")
    rows = shop.target.owner("account.tax", "search_read", domain=domain, fields=["name"])
    document = shop.order(shop.line("1", "1", "1", taxes=[{"rate": "0", "included": False}]), total="1")
    failure = held(lambda: shop.send(document))
    assert (failure.code, failure.reason) == (
        "ambiguous_at_target",
        "more than one sales tax of 0 % on top of the price",
    )
    assert "ODOO_TAX_0_EXCLUDED=<name>" in (failure.hint or "")
    posted = shop.send(document, connector=shop.target.connector(tax_0_excluded=rows[1]["name"]))
    (line,) = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"]
    assert shop.target.one("sale.order.line", line, "tax_ids")["tax_ids"] == [rows[1]["id"]]


def test_service_lines_have_products_without_taxes(shop: Shop) -> None:
    extras = [
        shop.line("shipping-1", "1", "9.99", sku=None, service="shipping"),
        shop.line("discount-1", "1", "-5", sku=None, service="discount"),
    ]
    posted = shop.send(shop.order(shop.line("1", "1", "10"), *extras, total="14.99"))
    ids = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"]
    lines = [shop.target.one("sale.order.line", id, "product_id", "is_delivery") for id in ids]
    assert [line["is_delivery"] for line in lines] == [False, True, False]
    products = [shop.target.one("product.product", line["product_id"], "type", "taxes_id") for line in lines[1:]]
    assert [(product["type"], product["taxes_id"]) for product in products] == [("service", [])] * 2
    names = shop.target.owner("product.product", "get_external_id", [product["id"] for product in products])
    assert sorted(names.values()) == ["__clarity__.service__discount", "__clarity__.service__shipping"]


def test_an_archived_service_product_is_found(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odoo says of an archived record what it says of one that is gone, unless it is asked for."""
    service = f"lab{unique()}"
    monkeypatch.setitem(services.NAMES, service, "Handling")
    document = shop.order(shop.line("fee-1", "1", "2", sku=None, service=service), total="2.00")
    shop.connector.enrich("order", document, shop.work)
    product = shop.crossrefs.theirs["service", service]
    shop.target.owner("product.product", "write", [int(product)], vals={"active": False})
    again = MemoryWork()
    found = shop.connector.enrich("order", document, again)
    assert [line["product"] for line in found["ids"]["lines"]] == [int(product)]
    assert again.crossrefs.theirs["service", service] == product


@pytest.fixture
def bills_deliveries(target: Target) -> Iterator[None]:
    """A company that bills what is delivered, by the setting in the window of Sales."""

    def set_policy(policy: str) -> None:
        settings = target.create("res.config.settings", default_invoice_policy=policy)
        target.owner("res.config.settings", "execute", [settings])

    set_policy("delivery")
    yield
    set_policy("order")


@pytest.mark.usefixtures("bills_deliveries")
def test_what_is_created_takes_nothing_from_odoos_defaults(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    service = f"lab{unique()}"
    monkeypatch.setitem(services.NAMES, service, "Handling")  # one that stands in no Odoo yet
    extra = shop.line("fee-1", "1", "9.99", sku=None, service=service)
    line = shop.line("1", "1", "10", sku=shop.target.product())
    order = shop.send(shop.order(line, extra, total="19.99")).theirs or 0
    ids = shop.target.one("sale.order", order, "order_line")["order_line"]
    goods, fee = (shop.target.one("sale.order.line", id, "qty_to_invoice", "product_id") for id in ids)
    assert (goods["qty_to_invoice"], fee["qty_to_invoice"]) == (0, 1)
    fields = ["type", "invoice_policy", "taxes_id", "supplier_taxes_id", "sale_ok", "purchase_ok", "is_storable"]
    fields += ["tracking", "expense_policy", "service_tracking", "company_id", "list_price"]
    made = shop.target.one("product.product", fee["product_id"], *fields)
    assert [made[field] for field in fields] == [
        *("service", "order", [], [], True, False, False),
        *("none", "no", "no", False, 0),
    ]


def test_a_foreign_currency_takes_its_pricelist_and_of_several_the_one_named(shop: Shop) -> None:
    domain = [["name", "=", "JPY"], ["active", "in", [True, False]]]
    (currency,) = shop.target.owner("res.currency", "search_read", domain=domain, fields=["active"])
    if not currency["active"]:
        shop.target.owner("res.currency", "write", [currency["id"]], vals={"active": True})
    name = f"Yen {unique()}"
    pricelist, other = (
        shop.target.create("product.pricelist", name=each, currency_id=currency["id"]) for each in (name, f"{name} too")
    )
    document = shop.order(shop.line("1", "3", "333"), total="999", currency="JPY")
    failure = held(lambda: shop.send(document))
    assert (failure.code, failure.reason) == ("ambiguous_at_target", "more than one pricelist in JPY")
    assert "ODOO_PRICELIST_JPY=<name>" in (failure.hint or "")
    failure = held(lambda: shop.send(document, connector=shop.target.connector(pricelist_jpy="Yen")))
    assert (failure.code, failure.reason) == ("not_found_at_target", "no pricelist in JPY named “Yen”")
    posted = shop.send(document, connector=shop.target.connector(pricelist_jpy=name))
    order = shop.target.one("sale.order", posted.theirs or 0, "currency_id", "pricelist_id", "amount_total")
    assert (order["currency_id"], order["pricelist_id"]) == (currency["id"], pricelist)
    assert order["amount_total"] == 999
    if not isinstance(shop.target, SandboxTarget):  # other tests use the same Odoo
        shop.target.owner("product.pricelist", "write", [pricelist, other], vals={"active": False})


def test_a_currency_without_pricelist_is_held(shop: Shop) -> None:
    failure = held(lambda: shop.send(shop.order(shop.line("1", "1", "1"), total="1", currency="XTS")))
    assert failure.reason == "no pricelist in XTS"
    assert "ODOO_PRICELIST_XTS" in (failure.hint or "")


def test_what_is_not_there_and_bothers_nobody_is_remembered_for_a_while(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, name = shop.target.connector(), f"Carrier {unique()}"
    catalog = connector.site.catalog
    assert catalog.carrier(name) is None
    shop.target.calls = 0
    assert catalog.carrier(name) is None
    assert shop.target.calls == 0
    id = shop.target.carrier(name)
    monkeypatch.setattr(catalog_of_odoo, "ABSENT_SECONDS", 0.0)
    assert catalog.carrier(name) == id
    shop.target.calls = 0
    assert catalog.carrier(name) == id, "what is there is remembered for longer"
    assert shop.target.calls == 0


def test_products_are_remembered_and_unknown_ones_asked_for_afresh(shop: Shop) -> None:
    catalog, new = shop.target.connector().site.catalog, f"SKU-{unique()}"
    assert catalog.products([shop.target.sku_a])
    shop.target.calls = 0
    assert catalog.products([shop.target.sku_a])
    assert shop.target.calls == 0
    held(lambda: catalog.products([shop.target.sku_a, new]))
    shop.target.product(default_code=new)
    assert catalog.products([shop.target.sku_a, new]).keys() == {shop.target.sku_a, new}


def test_payment_term_and_carrier_by_name(shop: Shop) -> None:
    document = shop.order(shop.line("1", "1", "1"), total="1", payment_term="30 Days", carrier="NO <CARRIER>")
    posted = shop.send(document)
    order = shop.target.one("sale.order", posted.theirs or 0, "payment_term_id", "note", "carrier_id")
    assert shop.target.one("account.payment.term", order["payment_term_id"], "name")["name"] == "30 Days"
    assert order["carrier_id"] is False
    assert "Carrier: NO &lt;CARRIER&gt;" in order["note"]
    known = shop.target.owner("delivery.carrier", "search_read", domain=[], fields=["name"], limit=1)[0]
    posted = shop.send(shop.order(shop.line("1", "1", "1"), total="1", carrier=known["name"]), shop.new_work())
    assert shop.target.one("sale.order", posted.theirs or 0, "carrier_id")["carrier_id"] == known["id"]
    unknown = shop.order(shop.line("1", "1", "1"), total="1", payment_term="Some Day")
    assert held(lambda: shop.send(unknown, shop.new_work())).reason == "no payment term “Some Day”"


def test_a_unit_of_measure_by_name(shop: Shop) -> None:
    lines = [shop.line("1", "1", "1", uom="Units"), shop.line("2", "1", "1")]
    posted = shop.send(shop.order(*lines, total="2"))
    ids = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"]
    units = {shop.target.one("sale.order.line", id, "product_uom_id")["product_uom_id"] for id in ids}
    assert units == {
        shop.target.owner("uom.uom", "search_read", domain=[["name", "=", "Units"]], fields=["name"])[0]["id"]
    }


def test_a_unit_the_product_is_not_sold_in_is_held(shop: Shop) -> None:
    """Odoo itself would make pieces of the kilograms, one of each."""
    document = shop.order(shop.line("1", "2", "10", uom="kg"), total="20")
    failure = held(lambda: shop.send(document))
    assert failure.code == "unit_differs"
    assert "is in “kg”" in failure.reason
    assert shop.target.orders(document["order"]["origin"]) == []


@pytest.mark.parametrize(
    ("own", "packaging", "ordered"),
    [("Units", None, "Pack of 6"), ("Units", "kg", "kg"), ("kg", None, "g"), ("Days", None, "Hours")],
)
def test_a_product_is_sold_in_its_packagings_and_what_converts(
    shop: Shop, own: str, packaging: str | None, ordered: str
) -> None:
    def unit(name: str) -> int:
        return int(shop.target.owner("uom.uom", "search", domain=[["name", "=", name]])[0])

    sku = shop.target.product(uom_id=unit(own), uom_ids=[[6, 0, [unit(packaging)]]] if packaging else [])
    order = shop.send(shop.order(shop.line("1", "2", "10", uom=ordered, sku=sku), total="20")).theirs or 0
    [line] = shop.target.one("sale.order", order, "order_line")["order_line"]
    assert shop.target.one("sale.order.line", line, "product_uom_id")["product_uom_id"] == unit(ordered)


def test_a_field_odoo_does_not_have_is_rejected_without_its_value(shop: Shop) -> None:
    document = shop.two_lines()
    document["order"]["no_such_field"] = "Jane Doe"
    with pytest.raises(Reject) as raised:
        shop.send(document)
    assert raised.value.code == "builtins.ValueError"
    assert "Jane" not in raised.value.reason + (raised.value.hint or "")
