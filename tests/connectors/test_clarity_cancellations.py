"""What an ERP cancels of an order, at the sandbox's shop over HTTP: once, and only what Clarity has beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from integration.canonical import freeze, thaw
from integration.connectors.clarity import Clarity
from integration.connectors.contract import Document, Posted
from integration.errors import Hold, Retry
from integration.settings import System
from tests.connectors.test_clarity import Gate
from tests.connectors.work import Crossrefs, LossyWork, MemoryWork
from tests.sandbox.rig import Sandbox

BOTH = Decimal(0), Decimal(0)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), "http://127.0.0.1:1/")
    sandbox.start()
    yield sandbox
    sandbox.stop()


def placed(shop: Sandbox, *, paid: bool = False) -> Document:
    """An order of five of line 1, with a discount of 5.00, and one of line 2."""
    order = shop.order()
    line = {**order["lines"][0], "quantity": "5", "unitPrice": "10", "discounts": []}
    lines = [
        {**line, "id": "1", "discounts": [{"id": "d", "code": "C", "amount": "5.00", "allocation": "line"}]},
        {**line, "id": "2", "quantity": "1"},
    ]
    money = {"id": "pay-1", "method": "card", "amount": "10.00", "status": "captured"}
    patch = {"lines": lines, "payments": [money] if paid else [], "shippingLines": [], "fees": [], "discounts": []}
    return dict(shop.control("PATCH", f"/orders/{order['id']}?settle=1", patch))


def cancellation(shop: Sandbox, kept: Decimal, other: Decimal = Decimal(1), *, paid: bool = False) -> Document:
    """What an ERP keeps of an order that is placed for it."""
    return cancelling(placed(shop, paid=paid)["id"], kept, other)


def cancelling(order_id: str, kept: Decimal, other: Decimal = Decimal(1)) -> Document:
    quantities = {"1": (Decimal(5), kept), "2": (Decimal(1), other)}
    lines = [
        {"order_line_id": id, "ordered": ordered, "kept": left}
        for id, (ordered, left) in quantities.items()
        if left < ordered
    ]
    return {"order_id": order_id, "external_ref": "odoo-1:S00012", "reason": "cancelled in the ERP", "lines": lines}


def post(shop: Sandbox, document: Document, work: MemoryWork | None = None, **options: str) -> Posted:
    client = {"client_id": "fleet", "client_secret": "s3cret", "token_url": f"{shop.url}/clarity/oauth/token"}
    connector = Clarity(System("clarity", shop.api, 100, 8, 5, client | options), Gate())
    return connector.post("cancellation", thaw(freeze(document)), work or MemoryWork())


def shown(shop: Sandbox, id: str) -> Document:
    return dict(shop.get(f"/orders/{id}").json())


def quantities(order: Document) -> dict[str, str]:
    return {line["id"]: line["quantity"] for line in order["lines"]}


def held(shop: Sandbox, document: Document, work: MemoryWork | None = None, **options: str) -> Hold:
    before = shown(shop, document["order_id"])
    with pytest.raises(Hold) as raised:
        post(shop, document, work, **options)
    assert shown(shop, document["order_id"]) == before
    assert raised.value.hint
    return raised.value


def test_a_line_is_lowered_to_what_is_kept_and_not_again(shop: Sandbox) -> None:
    document = cancellation(shop, Decimal(3))
    id = document["order_id"]
    post(shop, document)
    after = shown(shop, id)
    assert quantities(after) == {"1": "3", "2": "1"}
    assert after["lines"][0]["discounts"][0]["amount"] == "3.00"
    assert [(each["externalRef"], each["lines"]) for each in after["cancellations"]] == [
        ("odoo-1:S00012", [{"orderLineId": "1", "quantity": "2"}])
    ]
    again = MemoryWork()
    post(shop, document, again)
    assert again.outcomes == [("cancellation", "found")]
    assert shown(shop, id) == after
    post(shop, cancelling(id, Decimal(2)))  # and one less: what was lowered before does not count twice
    assert quantities(shown(shop, id)) == {"1": "2", "2": "1"}


def test_nothing_kept_is_a_cancelled_order_also_where_clarity_was_first(shop: Sandbox) -> None:
    document = cancellation(shop, *BOTH)
    id = document["order_id"]
    post(shop, document)
    after = shown(shop, id)
    assert after["status"] == "cancelled"
    again = MemoryWork()
    post(shop, document, again)
    assert (again.outcomes, shown(shop, id)) == ([("status", "found")], after)


@pytest.mark.parametrize(("kept", "effect"), [((Decimal(3),), "cancellation"), (BOTH, "status")])
def test_a_lost_answer_is_one_cancellation(shop: Sandbox, kept: tuple[Decimal, ...], effect: str) -> None:
    document, work = cancellation(shop, *kept), LossyWork(effect, Crossrefs())
    with pytest.raises(Retry):
        post(shop, document, work)
    version = shown(shop, document["order_id"])["version"]
    post(shop, document, work)
    assert shown(shop, document["order_id"])["version"] == version
    assert work.outcomes == [(effect, "found")]


def test_what_is_paid_waits_for_a_person(shop: Sandbox) -> None:
    document, work = cancellation(shop, Decimal(3), paid=True), MemoryWork()
    failure = held(shop, document, work)
    assert (failure.code, [each["approves"] for each in failure.candidates]) == ("paid", ["paid"])
    work.accepted.add("paid")
    post(shop, document, work)
    assert quantities(shown(shop, document["order_id"])) == {"1": "3", "2": "1"}
    post(shop, document := cancellation(shop, Decimal(3), paid=True), cancellations="all")
    assert quantities(shown(shop, document["order_id"])) == {"1": "3", "2": "1"}


def test_a_setting_lets_a_person_decide_each(shop: Sandbox) -> None:
    assert held(shop, cancellation(shop, Decimal(3)), cancellations="hold").code == "cancelled_at_target"


@pytest.mark.parametrize(
    ("patch", "kept", "code"),
    [
        ({"status": "partially_shipped"}, BOTH, "no_way"),
        ({"status": "shipped"}, (Decimal(3),), "no_way"),
        ("raised", (Decimal(3),), "changed_meanwhile"),
    ],
)
def test_what_clarity_cannot_follow_is_held(shop: Sandbox, patch: Any, kept: tuple[Decimal, ...], code: str) -> None:
    document = cancellation(shop, *kept)
    if patch == "raised":
        lines = shown(shop, document["order_id"])["lines"]
        patch = {"lines": [{**lines[0], "quantity": "7"}, lines[1]]}
    shop.control("PATCH", f"/orders/{document['order_id']}?settle=1", patch)
    assert held(shop, document).code == code
