"""One contract for every Odoo: the sandbox's over both protocols, and a real one over both with ``--live``."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Posted, Request
from integration.connectors.odoo import client
from integration.errors import Failure, Misconfigured, Retry, Throttled
from tests.connectors.odoo_targets import LiveTarget, SandboxTarget, Shop, Target, held
from tests.connectors.work import LossyWork, MemoryWork

NEW = [("partner.load", "ok"), ("order.load", "ok"), ("order.confirm", "ok"), ("order.date", "ok")]


# --- a new order


def test_who_we_are(target: Target) -> None:
    assert target.connector().whoami() == "clarity-int"


def test_a_new_order_is_confirmed_with_its_total_and_its_date(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    assert shop.work.outcomes == NEW
    fields = ("name", "state", "amount_total", "date_order", "client_order_ref", "origin", "partner_id")
    order = shop.target.one("sale.order", posted.theirs or 0, *fields)
    assert Posted(str(order["id"]), order["name"]) == posted
    assert (order["state"], order["amount_total"]) == ("sale", Decimal("68.49"))
    assert order["date_order"] == "2026-01-02 03:04:05"
    assert (order["client_order_ref"], order["origin"]) == (f"PO {document['key']}", f"WEB-{document['key']}")
    names = shop.target.owner("sale.order", "get_external_id", [order["id"]])
    assert names == {str(order["id"]): f"__clarity__.order__{document['key']}"}
    assert shop.target.lines(posted.theirs) == {
        "1": (3, Decimal("10.55"), 10, 0, Decimal("28.49")),
        "2": (2, 20, 0, 0, 40),
    }
    partner = shop.target.one("res.partner", order["partner_id"], "name", "email", "country_id", "state_id", "phone")
    assert (partner["name"], partner["phone"]) == (f"Jane {document['key']}", False)
    assert shop.target.one("res.country", partner["country_id"], "code")["code"] == "US"
    assert shop.target.one("res.country.state", partner["state_id"], "code")["code"] == "CA"


def test_a_warm_order_of_a_known_customer_takes_four_calls(shop: Shop) -> None:
    first = shop.two_lines()
    shop.send(first)
    second, work = shop.two_lines(partner=first["partner"]), shop.new_work()
    shop.target.calls = 0
    shop.send(second, work)
    # load(), the total and the customer (which may be archived or merged by now), confirmation and date.
    assert shop.target.calls == 4
    assert work.outcomes == NEW[1:]


def test_a_warm_order_of_a_new_customer_takes_six_calls(shop: Shop) -> None:
    shop.send(shop.two_lines(), shop.new_work())
    shop.target.calls = 0
    shop.send(shop.two_lines(), work := shop.new_work())
    assert shop.target.calls == 6
    assert work.outcomes == NEW


def test_a_confirmation_is_the_only_one_under_way(shop: Shop) -> None:
    shop.target.alone = 0
    shop.send(shop.two_lines())
    assert shop.target.alone == 1


def test_posting_it_again_changes_nothing(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    assert shop.send(document) == posted
    assert shop.work.outcomes[:4] == NEW
    shop.work.new_round()
    assert shop.send(document) == posted
    assert {outcome for _, outcome in shop.work.outcomes} == {"found"}
    assert len(shop.target.orders(document["order"]["origin"])) == 1


@pytest.mark.parametrize("effect", ["partner.load", "order.load", "order.confirm", "order.date"])
def test_an_answer_lost_after_the_effect_is_one_effect_in_the_end(shop: Shop, effect: str) -> None:
    document, work = shop.two_lines(), LossyWork(effect, shop.crossrefs)
    with pytest.raises(Retry):
        shop.send(document, work)
    posted = shop.send(document, work)
    assert [order["state"] for order in shop.target.orders(document["order"]["origin"])] == ["sale"]
    order = shop.target.one("sale.order", posted.theirs or 0, "date_order", "picking_ids")
    assert order["date_order"] == "2026-01-02 03:04:05"
    assert len(order["picking_ids"]) == 1
    domain = [["email", "=", document["partner"]["fields"]["email"]]]
    assert shop.target.owner("res.partner", "search_count", domain=domain) == 1
    assert set(dict(work.outcomes).values()) <= {"ok", "found"}


def test_many_at_once_make_one_order(shop: Shop) -> None:
    document = shop.connector.enrich("order", shop.two_lines(), shop.work)

    def post(_: int) -> str:
        work = MemoryWork()  # as if each had lost what the others know
        for _try in range(20):
            try:
                return shop.connector.post("order", document, work).theirs or ""
            except (Retry, Throttled):
                continue
        raise AssertionError("never got through")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(post, range(4)))) == 1
    assert len(shop.target.orders(document["order"]["origin"])) == 1


def test_totals_that_differ_are_held_before_anything_is_confirmed(shop: Shop) -> None:
    document = shop.two_lines(amount_total=Decimal("68.50"))
    failure = held(lambda: shop.send(document))
    assert failure.code == "total_differs"
    assert f"comes to 68.49 {shop.target.currency} in Odoo, in Clarity to 68.50 " in failure.reason
    assert [order["state"] for order in shop.target.orders(document["order"]["origin"])] == ["draft"]
    shop.work.new_round()
    corrected = {**document, "amount_total": Decimal("31.65"), "lines": [shop.line("1", "3", "10.55")]}
    posted = shop.send(corrected)
    assert shop.target.lines(posted.theirs) == {"1": (3, Decimal("10.55"), 0, 0, Decimal("31.65"))}
    assert ("order.drop_lines", "ok") in shop.work.outcomes


def test_a_total_that_a_person_lets_pass_is_confirmed(shop: Shop) -> None:
    document = shop.two_lines(amount_total=Decimal("68.50"))
    held(lambda: shop.send(document))
    shop.work.new_round()
    shop.work.accepted.add("total_differs")
    posted = shop.send(document)
    order = shop.target.one("sale.order", posted.theirs or 0, "state", "amount_total")
    assert (order["state"], order["amount_total"]) == ("sale", Decimal("68.49"))


def test_an_order_is_shown_by_its_documents_names(shop: Shop) -> None:
    document = shop.two_lines()
    connector = shop.target.connector()
    assert connector.shown("order", document, shop.work) is None
    shop.send(document)
    shown = connector.shown("order", document, shop.work)
    assert shown
    assert (shown["amount_total"], shown["currency"]) == (document["amount_total"], document["currency"])
    assert shown["order"] == {name: value for name, value in document["order"].items() if value is not None}
    assert [(line["key"], line["fields"]) for line in shown["lines"]] == [
        (line["key"], line["fields"]) for line in document["lines"]
    ]
    changed = {**document, "lines": [shop.line("1", "4", "10.55")]}
    other = connector.shown("order", changed, shop.work)
    assert other
    assert other["lines"][0]["fields"]["product_uom_qty"] == 3
    assert len(other["lines"]) == 2


class RacedWork(MemoryWork):
    """Somebody confirms the order in Odoo just before we do."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.crossrefs)
        self._target = shop.target

    def perform(self, effect: str, request: Request, send: Callable[[Request], Any]) -> Any:
        if effect == "order.confirm":
            self._target.owner("sale.order", "action_confirm", request.body["ids"])
        return super().perform(effect, request, send)


def test_the_attributes_of_a_line_are_below_its_name(shop: Shop) -> None:
    document = shop.two_lines()
    document["lines"][0] |= {"attributes": ["engraving: Ada & Bob", "size: 1.50"]}
    document["lines"][0]["fields"]["name"] = "Bottle"
    work = shop.new_work()
    posted = shop.send(document, work)
    lines = shop.target.one("sale.order", posted.theirs or 0, "order_line")["order_line"]
    names = [shop.target.one("sale.order.line", line, "name")["name"] for line in lines]
    assert names[0] == "Bottle\nengraving: Ada & Bob\nsize: 1.50"
    shop.send(document, again := shop.new_work())
    assert ("order.update", "ok") not in again.outcomes, "it shows them already"
    shown = shop.target.connector().shown("order", document, again)
    assert shown
    assert shown["lines"][0]["fields"]["name"] == "Bottle", "a dry run finds no difference"


def test_an_order_that_somebody_confirms_at_the_same_time_is_found(shop: Shop) -> None:
    work = RacedWork(shop)
    posted = shop.send(shop.two_lines(), work)
    assert work.outcomes == [*NEW[:2], ("order.confirm", "failed"), ("order.confirm", "found"), ("order.date", "ok")]
    order = shop.target.one("sale.order", posted.theirs or 0, "state", "date_order")
    assert (order["state"], order["date_order"]) == ("sale", "2026-01-02 03:04:05")


# --- an order that exists already


def test_a_confirmed_order_gets_the_difference_only(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    shop.work.new_round()
    lines = [shop.line("1", "1", "10.55", "10"), shop.line("3", "1", "5.01", sku=shop.target.sku_b)]
    changed = {**document, "lines": lines, "amount_total": Decimal("14.51")}
    changed["order"] = {**document["order"], "note": "Ring once"}
    assert shop.send(changed) == posted
    done = [name for name, outcome in shop.work.outcomes if outcome == "ok" and name != "order.date"]  # put back
    assert done == ["order.update", "order.add_lines"]
    assert shop.target.lines(posted.theirs) == {
        "1": (1, Decimal("10.55"), 10, 0, Decimal("9.50")),
        "2": (0, 20, 0, 0, 0),
        "3": (1, Decimal("5.01"), 0, 0, Decimal("5.01")),
    }
    order = shop.target.one("sale.order", posted.theirs or 0, "note", "date_order")
    assert "Ring once" in order["note"]
    assert order["date_order"] == "2026-01-02 03:04:05"


def test_what_the_state_forbids_is_held_with_what_odoo_says(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    shop.target.deliver(posted.theirs or "")
    shop.work.new_round()
    less = {**document, "lines": [shop.line("1", "1", "10.55", "10"), document["lines"][1]]}
    failure = held(lambda: shop.send(less))
    assert "cannot be decreased below the amount already delivered" in failure.reason
    assert shop.target.lines(posted.theirs)["1"][0] == 3


def test_another_product_on_a_confirmed_line_is_held(shop: Shop) -> None:
    document = shop.order(shop.line("1", "1", "5"), total="5")
    shop.send(document)
    shop.work.new_round()
    swapped = {**document, "lines": [shop.line("1", "1", "5", sku=shop.target.sku_b)]}
    assert held(lambda: shop.send(swapped)).code == "product_changed"


def test_an_order_confirmed_in_odoo_is_found_although_we_forgot_it(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    forgetful = MemoryWork()
    assert shop.send(document, forgetful) == posted
    tries = [outcome for effect, outcome in forgetful.outcomes if effect == "order.load"]
    assert tries == ["failed", "found"]  # load() refuses what is confirmed
    assert ("order.confirm", "found") in forgetful.outcomes
    assert len(shop.target.orders(document["order"]["origin"])) == 1


def test_before_odoo_17_the_order_is_looked_for_first(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    monkeypatch.setattr(client, "GUARDS_SINCE", 99)  # of JSON-RPC; JSON-2 came with 19
    assert shop.send(document, forgetful := MemoryWork()) == posted
    tries = [outcome for effect, outcome in forgetful.outcomes if effect == "order.load"]
    assert tries == (["failed", "found"] if shop.json2 else ["found"])


def test_an_order_deleted_in_odoo_is_not_made_again(shop: Shop) -> None:
    document = shop.two_lines(amount_total=Decimal("1"))
    held(lambda: shop.send(document))
    theirs = shop.crossrefs.theirs["order", document["key"]]
    shop.target.owner("sale.order", "action_cancel", [int(theirs)])
    shop.crossrefs.theirs["order", document["key"]] = "999999999"
    assert held(lambda: shop.send(document)).code == "record_missing"
    assert len(shop.target.orders(document["order"]["origin"])) == 1


# --- cancelled


def test_an_order_cancelled_before_it_was_posted_sends_nothing(shop: Shop) -> None:
    document = shop.two_lines(status="cancelled")
    assert shop.send(document) == Posted(None, None)
    assert shop.work.outcomes == []
    assert shop.target.orders(document["order"]["origin"]) == []


def test_an_order_is_cancelled_once(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    work = LossyWork("order.cancel", shop.crossrefs)
    with pytest.raises(Retry):
        shop.send({**document, "status": "cancelled"}, work)
    assert shop.send({**document, "status": "cancelled"}, work) == posted
    assert work.outcomes == [("order.cancel", "found")]
    assert [order["state"] for order in shop.target.orders(document["order"]["origin"])] == ["cancel"]


def test_an_order_deleted_in_odoo_and_cancelled_in_clarity_is_done(shop: Shop) -> None:
    """Both agree that there is none."""
    document = shop.two_lines(amount_total=Decimal("1"))
    held(lambda: shop.send(document))  # its total differs, so it is a draft
    theirs = shop.crossrefs.theirs["order", document["key"]]
    shop.target.owner("sale.order", "action_cancel", [int(theirs)])
    if isinstance(shop.target, SandboxTarget):  # whose user may not delete orders
        with shop.target.fake.database.transaction():
            shop.target.fake.database.delete("sale.order", int(theirs))
    else:
        shop.target.owner("sale.order", "unlink", [int(theirs)])
    work = shop.new_work()
    assert shop.send({**document, "status": "cancelled"}, work) == Posted(theirs, None)
    assert work.outcomes == [("order.cancel", "found")]
    assert held(lambda: shop.send(document, shop.new_work())).code == "record_missing"


def test_a_delivered_order_is_not_cancelled(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    shop.target.deliver(posted.theirs or "")
    assert held(lambda: shop.send({**document, "status": "cancelled"}, shop.new_work())).code == "delivered"
    assert [order["state"] for order in shop.target.orders(document["order"]["origin"])] == ["sale"]


def test_an_order_cancelled_in_odoo_stays_so(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    shop.target.owner("sale.order", "action_cancel", [int(posted.theirs or 0)])
    assert held(lambda: shop.send(document, shop.new_work())).code == "cancelled_at_target"
    assert [order["state"] for order in shop.target.orders(document["order"]["origin"])] == ["cancel"]


# --- what only the sandbox can be made to do, and only the real one has


@pytest.mark.parametrize(
    ("fault", "model", "method", "code"),
    [
        ("psycopg2.errors.SerializationFailure", "sale.order", "action_confirm", "write_conflict"),
        ("load_conflict", "sale.order", "load", "write_conflict"),
        ("load_conflict", "res.partner", "load", "write_conflict"),
    ],
)
def test_a_write_conflict_is_tried_again(shop: Shop, fault: str, model: str, method: str, code: str) -> None:
    if not isinstance(shop.target, SandboxTarget):
        pytest.skip("only the sandbox fails on request")
    shop.target.fake.fail_next(fault, model=model, method=method)
    document = shop.two_lines()
    with pytest.raises(Retry) as raised:
        shop.send(document)
    assert (raised.value.code, raised.value.counts_for_breaker, raised.value.unknown_outcome) == (code, False, False)
    assert shop.send(document).theirs


def test_an_order_that_odoo_asks_about_is_held_until_a_person_has_confirmed_it(shop: Shop) -> None:
    if not isinstance(shop.target, SandboxTarget):
        pytest.skip("only the sandbox asks on request")
    shop.target.fake.fail_next("window", model="sale.order", method="action_confirm")
    document = shop.two_lines()
    assert held(lambda: shop.send(document)).code == "asks_first"
    (order,) = shop.target.orders(document["order"]["origin"])
    assert order["state"] == "draft"
    assert shop.work.outcomes[-1] == ("order.confirm", "failed")
    shop.target.owner("sale.order", "action_confirm", [order["id"]])
    assert shop.send(document).theirs == str(order["id"])
    assert ("order.confirm", "found") in shop.work.outcomes


def test_a_refusal_holds_the_order_or_pauses_the_target(shop: Shop) -> None:
    if isinstance(shop.target, LiveTarget):
        options = shop.target.sales_only.options
        connector = shop.target.connector(username=options["username"], api_key=options["api_key"])
        assert connector.whoami() == "sales-only"
        assert held(lambda: shop.send(shop.two_lines(), connector=connector)).code == "access_error"
        return
    assert isinstance(shop.target, SandboxTarget)
    shop.target.fake.fail_next("odoo.exceptions.AccessError", model="sale.order", method="load")
    assert held(lambda: shop.send(shop.two_lines(), shop.new_work())).code == "access_error"
    shop.target.fake.fail_next("odoo.exceptions.AccessError", model="sale.order", method="load")
    shop.target.fake.fail_next("odoo.exceptions.AccessError", model="sale.order", method="search_read")
    failure: type[Failure] = Misconfigured
    with pytest.raises(failure, match="lacks rights"):
        shop.send(shop.two_lines(), shop.new_work())
