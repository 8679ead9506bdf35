"""One order, two ERPs: every line goes to exactly one of them, or the order is held."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from integration.canonical import check_order
from integration.errors import Hold, Misconfigured, Reject, Skip
from integration.rules.workflow import Definitions, Workflow, load_definitions
from mappings import FOLDER
from tests.mapping.shop import order, put
from tests.mapping.splits import DOWNLOADS, GOODS, split_definitions, to_both

CLARITY = load_definitions(FOLDER).mapping("clarity.in.order")
CHARGES = ("shipping_lines", "fees", "discounts", "payments")


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Definitions]:
    return partial(split_definitions, tmp_path / "mappings")


@pytest.fixture
def both(load: Callable[..., Definitions]) -> list[Workflow]:
    """To Odoo what is physical and all charges, to Fusion the rest."""
    return to_both(load())


def event(*kinds: str | None, **changes: Any) -> dict[str, Any]:
    """An order of a line of each kind, 18.00 + 3.60 each, with shipping 5.00 + 1.00, a fee 0.50, a discount 0.10."""
    made = order()
    [line] = made["lines"]
    made["lines"] = [{**line, "id": str(place), "kind": kind} for place, kind in enumerate(kinds, 1)]
    subtotal, tax = Decimal("18.00") * len(kinds), Decimal("3.60") * len(kinds) + 1
    total = subtotal + tax + Decimal("5.40")
    discount = 2 * len(kinds) + Decimal("1.10")
    totals = {"subtotal": subtotal, "discount": discount, "tax": tax, "grandTotal": total, "balanceDue": total - 20}
    made["totals"] |= {name: str(amount) for name, amount in totals.items()}
    for path, value in changes.items():
        put(made, path.replace("__", "."), value)
    return {"data": made}


def amounts(part: dict[str, Any]) -> dict[str, str]:
    return {name: str(amount) for name, amount in part["totals"].items() if amount}


# --- what each target gets


def test_every_target_gets_its_lines_and_one_of_them_the_charges(both: list[Workflow]) -> None:
    given = event("physical", "digital", "physical")
    (whole, goods, sale), (again, downloads, sales_order) = [each.translate(given) for each in both]
    assert whole == again == CLARITY(given["data"])
    assert [[line["id"] for line in part["lines"]] for part in (goods, downloads)] == [["1", "3"], ["2"]]
    assert amounts(goods) == {
        "subtotal": "36.00",
        "discount": "5.10",
        "shipping": "5.00",
        "fees": "0.50",
        "tax": "8.20",
        "grand_total": "49.60",
        "balance_due": "51.20",
    }
    assert amounts(downloads) == {"subtotal": "18.00", "discount": "2.00", "tax": "3.60", "grand_total": "21.60"}
    assert [goods[name] for name in CHARGES] == [whole[name] for name in CHARGES]
    assert [downloads[name] for name in CHARGES] == [[], [], [], []]
    assert [line["key"] for line in sale["lines"]] == ["1", "3", "shipping-1", "fee-1", "discount-1"]
    assert (sale["amount_total"], sale["status"]) == (Decimal("49.60"), "confirmed")
    assert ([line["key"] for line in sales_order["lines"]], sales_order["charges"]) == (["2"], [])
    assert (sales_order["amount_total"], sales_order["status"]) == (Decimal("21.60"), "confirmed")


@pytest.mark.parametrize(("kind", "has_it"), [("physical", 0), ("digital", 1)])
def test_an_order_for_one_target_goes_there_whole_and_is_a_cancelled_one_for_the_other(
    both: list[Workflow], kind: str, has_it: int
) -> None:
    """With the charges, too: Fusion takes none without a line, and a discount alone is no order."""
    translations = [each.translate(event(kind, kind)) for each in both]
    whole, nothing = translations[has_it], translations[1 - has_it]
    assert whole.part == whole.canonical
    assert nothing.canonical["status"] == "confirmed"
    assert (nothing.part["status"], nothing.part["lines"], amounts(nothing.part)) == ("cancelled", [], {})
    assert [nothing.part[name] for name in CHARGES] == [[], [], [], []]
    assert (nothing.target["status"], nothing.target["lines"], nothing.target["key"]) == ("cancelled", [], "1001")


@pytest.mark.parametrize("status", ["cancelled", "void"])
def test_a_cancellation_reaches_everybody_whatever_its_lines_are(both: list[Workflow], status: str) -> None:
    unfit = event("physical", "gift_card", None, status=status, lines__0__taxes__0__code="NO-SUCH-TAX")
    for workflow in both:
        canonical, part, target = workflow.translate(unfit)
        assert (canonical["status"], len(canonical["lines"])) == (status, 3)
        assert (part["status"], part["lines"]) == (status, [])
        assert target["status"] == "cancelled"


def test_an_order_without_lines_is_left_to_the_check_of_the_whole(both: list[Workflow]) -> None:
    for workflow in both:
        translated = workflow.translate(event())
        assert translated.part["status"] == "confirmed"
        with pytest.raises(Hold, match="the order has no lines"):
            check_order(translated.canonical)


def test_the_condition_is_about_the_whole_order(load: Callable[..., Definitions]) -> None:
    when = {"when": "lines[?kind == 'physical']", "otherwise": "nothing to ship"}
    both = to_both(load(GOODS | when, DOWNLOADS | when))
    assert [len(each.translate(event("physical", "digital")).part["lines"]) for each in both] == [1, 1]
    for workflow in both:
        with pytest.raises(Skip, match="nothing to ship"):
            workflow.translate(event("digital"))


# --- what is held


@pytest.mark.parametrize(
    ("lines", "changes", "code", "reason", "files"),
    [
        (
            {"fusion": "kind == 'digital'"},
            {"lines__2__sku": "SKU-9"},
            "unrouted_line",
            "no target takes line 3 (SKU-9, kind gift_card)",
            "order-to-fusion.json, order-to-odoo.json",
        ),
        (
            {"fusion": "kind == 'digital'"},
            {"lines__2__sku": None, "lines__2__kind": None},
            "unrouted_line",
            "no target takes line 3 (no SKU, no kind)",
            "order-to-fusion.json, order-to-odoo.json",
        ),
        (
            {"odoo": "kind != 'gift_card'"},
            {},
            "ambiguous_line",
            "both order-to-odoo and order-to-fusion take line 2 (BOTTLE, kind digital)",
            "order-to-fusion.json, order-to-odoo.json",
        ),
    ],
)
def test_a_line_that_not_exactly_one_takes_holds_the_order_at_all(
    load: Callable[..., Definitions], lines: dict[str, str], changes: dict[str, Any], code: str, reason: str, files: str
) -> None:
    tests = {"odoo": GOODS["lines"], "fusion": DOWNLOADS["lines"], **lines}
    for workflow in to_both(load(GOODS | {"lines": tests["odoo"]}, {"lines": tests["fusion"]})):
        with pytest.raises(Hold) as caught:
            workflow.translate(event("physical", "digital", "gift_card", **changes))
        assert (caught.value.code, caught.value.reason) == (code, reason)
        assert caught.value.hint == (
            f"Correct the line's product in Clarity; or lines in mappings/workflows ({files}) so that exactly one "
            "takes it, and run `fleet mapping publish`. {again}"
        )


def test_a_test_that_does_not_fit_a_line_rejects_the_order(load: Callable[..., Definitions]) -> None:
    for workflow in to_both(load(GOODS, {"lines": "gt(name, '1')"})):
        with pytest.raises(Reject) as caught:
            workflow.translate(event("physical"))
        assert caught.value.reason == "lines of order-to-fusion does not fit line 1"
        assert caught.value.hint == (
            "Correct lines in mappings/workflows/order-to-fusion.json and run `fleet mapping publish`. {again}"
        )


def test_a_discount_that_is_more_than_its_carrier_takes_holds_the_order_at_all(both: list[Workflow]) -> None:
    changes = {"discounts__0__amount": "30.00", "totals__grandTotal": "19.70", "totals__balanceDue": "-0.30"}
    for workflow in both:
        with pytest.raises(Hold) as caught:
            workflow.translate(event("physical", "digital", **changes))
        assert caught.value.code == "overdrawn_part"
        assert caught.value.reason == "the order's discounts are more than what order-to-odoo takes of it: -1.90 EUR"
        assert "(order-to-fusion.json, order-to-odoo.json)" in (caught.value.hint or "")


# --- what is refused at the start


@pytest.mark.parametrize(
    ("odoo", "fusion", "reason"),
    [
        (GOODS, {**DOWNLOADS, "carries_charges": True}, "not order-to-fusion and order-to-odoo"),
        ({"lines": "sku", "carries_charges": False}, DOWNLOADS, "exactly one must have carries_charges, not none"),
        ({"carries_charges": False}, {}, "lines of order-to-fusion, order-to-odoo: exactly one must have"),
        (GOODS, {**DOWNLOADS, "on": ["order.created"]}, "they share orders, so they must have the same in on"),
        (GOODS, {**DOWNLOADS, "when": "number"}, "they share orders, so they must have the same in when"),
        (GOODS, {**DOWNLOADS, "entity": "sale"}, "they share orders, so they must have the same in entity"),
        (GOODS, {**DOWNLOADS, "target": "odoo"}, "two of them lead to odoo, which would have one order twice"),
        (
            GOODS,
            {"lines": "kind = 'digital'"},
            "order-to-fusion.json: lines \"kind = 'digital'\": not a JMESPath expression",
        ),
        (GOODS, {"lines": "total > `1`"}, "> is blind to decimals; write gt(a, b)"),
        (
            {**GOODS, "transform": ["odoo.in.invoice"]},
            {**DOWNLOADS, "transform": ["odoo.in.invoice"]},
            "workflow order-to-fusion.json: only an order has lines to split",
        ),
    ],
)
def test_workflows_that_cannot_share_orders_are_refused(
    load: Callable[..., Definitions], odoo: dict[str, Any], fusion: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(odoo, fusion)
    assert reason in caught.value.reason
    assert caught.value.hint


def test_orders_that_are_read_in_two_ways_are_not_shared(load: Callable[..., Definitions], tmp_path: Path) -> None:
    body = json.loads((FOLDER / "clarity" / "in" / "order.json").read_text())
    load()
    (tmp_path / "mappings" / "clarity" / "in" / "gift.json").write_text(json.dumps(body | {"name": "clarity.in.gift"}))
    with pytest.raises(Misconfigured) as caught:
        load(GOODS, DOWNLOADS | {"transform": ["clarity.in.gift", "fusion.out.order"]})
    assert caught.value.reason == (
        "lines of order-to-fusion, order-to-odoo: they share orders, so they must have the same in the first mapping"
    )
    assert caught.value.hint == "Correct order-to-fusion.json, order-to-odoo.json in mappings/workflows."


def test_other_sources_and_other_events_share_nothing(load: Callable[..., Definitions]) -> None:
    alone = {**DOWNLOADS, "carries_charges": True}
    odoo, _ = to_both(load(GOODS, {**alone, "source": "odoo"}))
    assert odoo.translate(event("physical")).part == CLARITY(event("physical")["data"])
    _, fusion = to_both(load(GOODS, {**alone, "on": ["order.refunded"]}))
    with pytest.raises(Hold, match="no target takes line 1"):
        fusion.translate(event("physical"))


# --- fulfilled once

COPY = {"fulfils": False}


def workflow(folder: Path, name: str, without: tuple[str, ...] = (), **changes: Any) -> None:
    path = folder / "mappings" / "workflows" / f"{name}.json"
    body = {key: value for key, value in json.loads(path.read_text()).items() if key not in without}
    path.write_text(json.dumps(body | changes))


@pytest.fixture
def in_full(load: Callable[..., Definitions], tmp_path: Path) -> Callable[..., Definitions]:
    """The definitions with both workflows of an order without ``lines``, and these changes to each."""

    def load_both(odoo: dict[str, Any], fusion: dict[str, Any]) -> Definitions:
        load()
        for name, changes in (("order-to-odoo", odoo), ("order-to-fusion", fusion)):
            workflow(tmp_path, name, ("lines", "carries_charges"), **changes)
        return load_definitions(tmp_path / "mappings")

    return load_both


@pytest.mark.parametrize(
    ("odoo", "fusion"),
    [
        ({}, {}),
        (GOODS, {}),
        ({}, {**DOWNLOADS, "carries_charges": True}),
        ({}, {"on": ["order.created", "order.refunded"]}),
        ({"when": "customer.type == 'person'"}, {"when": "customer.type == 'company'"}),
        ({"fulfils": True}, {"target": "odoo"}),
    ],
)
def test_two_workflows_that_fulfil_the_same_order_are_refused(
    in_full: Callable[..., Definitions], odoo: dict[str, Any], fusion: dict[str, Any]
) -> None:
    with pytest.raises(Misconfigured) as caught:
        in_full(odoo, fusion)
    assert caught.value.reason == (
        "order-to-fusion and order-to-odoo both fulfil the lines of order.created from clarity: "
        "each line would be shipped and billed twice"
    )
    assert caught.value.hint == (
        "Give both lines, so that each line is for one of them; or give one of them fulfils: false, as a copy for the "
        "books (order-to-fusion.json, order-to-odoo.json).  mappings/examples has both."
    )


@pytest.mark.parametrize(("odoo", "fusion"), [({}, COPY), (COPY, {}), (COPY, COPY), ({}, {"on": ["order.refunded"]})])
def test_one_that_fulfils_and_a_copy_have_the_order_in_full(
    in_full: Callable[..., Definitions], odoo: dict[str, Any], fusion: dict[str, Any]
) -> None:
    definitions = in_full(odoo, fusion)
    for each, changes in zip(to_both(definitions), (odoo, fusion), strict=True):
        stored = Definitions.from_rows([vars_of(row) for row in definitions.rows()]).workflow(each.pin)
        assert (each.fulfils, stored.fulfils) == (changes.get("fulfils", True),) * 2
        assert stored.translate(event("physical", "digital")).part == CLARITY(event("physical", "digital")["data"])


def vars_of(row: Any) -> dict[str, Any]:
    return dict(row._asdict())


def test_of_the_targets_that_take_part_the_only_one_takes_all(both: list[Workflow]) -> None:
    given = event("physical", "digital")
    for each in both:
        whole = each.translate(given, {"clarity", each.target}).part
        assert whole == CLARITY(given["data"])
        assert len(each.translate(given, {"clarity", "odoo", "fusion"}).part["lines"]) == 1


def test_a_line_of_a_target_that_takes_no_part_is_held_while_two_others_do(
    load: Callable[..., Definitions], tmp_path: Path
) -> None:
    load(GOODS, {"lines": "kind == 'digital'"})
    third = {"name": "order-to-sap", "target": "sap", "lines": "kind == 'gift_card'"}
    body = json.loads((tmp_path / "mappings" / "workflows" / "order-to-fusion.json").read_text()) | third
    (tmp_path / "mappings" / "workflows" / "order-to-sap.json").write_text(json.dumps(body))
    for each in to_both(load_definitions(tmp_path / "mappings")):
        assert len(each.translate(event("physical", "gift_card"), {"odoo", "fusion", "sap"}).part["lines"]) < 2
        with pytest.raises(Hold, match="no target takes line 2"):
            each.translate(event("physical", "gift_card"), {"odoo", "fusion"})


def test_an_older_pin_without_targets_goes_on_as_it_did(load: Callable[..., Definitions]) -> None:
    definitions = load()
    rows = [vars_of(row) for row in definitions.rows()]
    for row in rows:
        if "siblings" in row["body"]:
            row["body"] = {**row["body"], "siblings": [each[:2] for each in row["body"]["siblings"]]}
    pin = to_both(definitions)[0].pin
    part = Definitions.from_rows(rows).workflow(pin).translate(event("physical", "digital"), {"odoo"}).part
    assert [line["id"] for line in part["lines"]] == ["1"]


# --- pins


def test_a_siblings_rule_is_part_of_the_pin_and_an_old_pin_keeps_the_old_rule(
    load: Callable[..., Definitions],
) -> None:
    old = load(GOODS, {"lines": "kind == 'digital'"})
    new = load(GOODS, {"lines": "kind == 'digital' || kind == 'gift_card'"})
    (before, _), (after, _) = to_both(old), to_both(new)
    assert before.pin != after.pin
    rows = [(kind, name, hash, json.loads(json.dumps(body, sort_keys=True))) for kind, name, hash, body in old.rows()]
    stored = [dict(zip(("kind", "name", "hash", "body"), row, strict=True)) for row in (*rows, *new.rows())]
    definitions = Definitions.from_rows(stored)
    given = event("gift_card", "physical")
    assert [line["id"] for line in definitions.workflow(after.pin).translate(given).part["lines"]] == ["2"]
    with pytest.raises(Hold, match="no target takes line 1"):
        definitions.workflow(before.pin).translate(given)


def test_who_carries_the_charges_is_part_of_the_pin(load: Callable[..., Definitions]) -> None:
    (before, _), (after, _) = to_both(load()), to_both(load(GOODS | {"carries_charges": False}, GOODS | DOWNLOADS))
    pins = {
        each.pin
        for each in (*to_both(load()), *to_both(load({"lines": "sku", "carries_charges": False}, GOODS | DOWNLOADS)))
    }
    assert before.pin != after.pin
    assert len(pins) == 4
