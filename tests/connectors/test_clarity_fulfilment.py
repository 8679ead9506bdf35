"""Shipments and invoices at the sandbox's shop, by the Clarity connector over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from integration.canonical import freeze, thaw
from integration.connectors.clarity import Clarity
from integration.connectors.contract import Document, Request
from integration.errors import Hold, Reject, Retry
from integration.settings import System
from tests.connectors.test_clarity import Gate
from tests.connectors.work import Crossrefs, LossyWork, MemoryWork
from tests.sandbox.rig import Sandbox

REFS = {"shipment": "odoo-1/17", "invoice": "odoo-1/12"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), "http://127.0.0.1:1/")
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def shop(running: Sandbox) -> Sandbox:
    running.control("DELETE", "/faults")
    return running


def connector(shop: Sandbox, gate: Gate | None = None) -> Clarity:
    client = {"client_id": "fleet", "client_secret": "s3cret", "token_url": f"{shop.url}/clarity/oauth/token"}
    return Clarity(System("clarity", shop.api, 100, 8, 5, client), gate or Gate())


def post(shop: Sandbox, entity: str, document: Document, work: MemoryWork) -> tuple[str | None, str | None]:
    """As the road does it: the document comes out of a frozen one, and what is posted is remembered."""
    posted = connector(shop).post(entity, thaw(freeze(document)), work)
    if posted.theirs:
        work.remember(entity, document["body"]["externalRef"], posted.theirs)
    return posted.theirs, posted.number


def shipment(order_id: str, **changes: Any) -> Document:
    body = {
        "externalRef": REFS["shipment"],
        "carrier": "FedEx",
        "service": None,
        "trackingNumbers": ["1Z1", "1Z2"],
        "shippedAt": "2026-11-21T10:00:05Z",
        "lines": [{"orderLineId": "1", "quantity": Decimal("2.50")}],
    }
    return {"order_id": order_id, "body": body | changes}


def invoice(order_id: str, status: str = "open", **changes: Any) -> Document:
    body = {
        "externalRef": REFS["invoice"],
        "number": "INV/2026/00012",
        "currency": "EUR",
        "total": Decimal("118.0"),
        "tax": None,
        "balance": Decimal("0" if status == "paid" else "118.0"),
        "issuedOn": "2026-11-21",
        "dueOn": "2026-12-21",
    }
    return {"order_id": order_id, "status": status, "body": body | changes}


DOCUMENTS: dict[str, Callable[..., Document]] = {"shipment": shipment, "invoice": invoice}


def counted(shop: Sandbox, entity: str, order_id: str) -> list[dict[str, Any]]:
    """What Clarity has of the order, by its own ledger."""
    return [one for one in shop.ledger()[f"{entity}s"] if one["order_id"] == order_id]


def sent(work: MemoryWork) -> list[tuple[str, Any]]:
    """The bodies of the requests that were tried, by effect."""
    return [(one.effect, thaw(one.frozen)["body"]) for one in work.tries if one.frozen]


# -- both


@pytest.mark.parametrize("entity", DOCUMENTS)
def test_it_is_created_once_and_found_from_then_on(shop: Sandbox, entity: str) -> None:
    id, work = shop.order()["id"], MemoryWork()
    theirs, _ = post(shop, entity, DOCUMENTS[entity](id), work)
    assert work.outcomes == [(f"{entity}.create", "ok")]
    for later in (MemoryWork(work.crossrefs), MemoryWork()):  # by crossref, and by reference
        assert post(shop, entity, DOCUMENTS[entity](id), later)[0] == theirs
        assert [outcome for _, outcome in later.outcomes] == ["found", "found"]
    [present] = counted(shop, entity, id)
    assert (present["id"], present["external_ref"]) == (theirs, REFS[entity])
    assert (present["writes"], present["refused_duplicates"]) == (1, 0)


@pytest.mark.parametrize("entity", DOCUMENTS)
def test_two_systems_may_have_the_same_order(shop: Sandbox, entity: str) -> None:
    """Each a part of it: Clarity refuses what exceeds the order."""
    id = shop.order()["id"]
    part = (
        {"lines": [{"orderLineId": "1", "quantity": Decimal(1)}]}
        if entity == "shipment"
        else {"total": Decimal(1), "balance": Decimal(1)}
    )
    for ref in ("odoo-1/17", "fusion-1/CLARITY:1001/1509152 ä&?"):
        for _ in range(2):
            post(shop, entity, DOCUMENTS[entity](id, externalRef=ref, **part), MemoryWork())
    assert [one["writes"] for one in counted(shop, entity, id)] == [1, 1]


@pytest.mark.parametrize(
    ("entity", "effect", "changes"),
    [
        ("shipment", "shipment.create", {}),
        ("shipment", "shipment.update", {"carrier": "UPS"}),
        ("invoice", "invoice.create", {}),
        ("invoice", "invoice.status", {"balance": Decimal(100)}),
    ],
)
def test_repeats_after_a_lost_answer_send_nothing_twice(
    shop: Sandbox, entity: str, effect: str, changes: dict[str, Any]
) -> None:
    id, crossrefs = shop.order()["id"], Crossrefs()
    if changes:
        post(shop, entity, DOCUMENTS[entity](id), MemoryWork(crossrefs))
    work = LossyWork(effect, crossrefs)
    with pytest.raises(Retry):
        post(shop, entity, DOCUMENTS[entity](id, **changes), work)
    for _ in range(2):
        post(shop, entity, DOCUMENTS[entity](id, **changes), work)
    assert [outcome for name, outcome in work.outcomes if name == effect] == ["found"]
    [present] = counted(shop, entity, id)
    assert (present["writes"], present["refused_duplicates"]) == (2 if changes else 1, 0)
    work.forget()  # as if it had never been written down
    post(shop, entity, DOCUMENTS[entity](id, **changes), work)
    assert counted(shop, entity, id) == [present]


class LateWork(MemoryWork):
    """Between the look and the call, ``first`` happens."""

    def __init__(self, first: Callable[[], Any]) -> None:
        super().__init__()
        self._first: Callable[[], Any] | None = first

    def perform(self, effect: str, request: Request, send: Callable[[Request], Any]) -> Any:
        if self._first:
            first, self._first = self._first, None
            first()
        return super().perform(effect, request, send)


@pytest.mark.parametrize("fault", ["timeout_after_commit", "truncated_json"])
@pytest.mark.parametrize("entity", DOCUMENTS)
def test_an_answer_lost_after_the_effect_is_one_effect_in_the_end(shop: Sandbox, entity: str, fault: str) -> None:
    id = shop.order()["id"]
    work = LateWork(lambda: shop.fault("clarity", fault, path=f"/{entity}s", ms=50))
    with pytest.raises(Retry) as failure:
        post(shop, entity, DOCUMENTS[entity](id), work)
    assert (failure.value.unknown_outcome, work.outcomes) == (True, [(f"{entity}.create", "unknown")])
    post(shop, entity, DOCUMENTS[entity](id), work)
    assert work.outcomes[0] == (f"{entity}.create", "found")
    assert [one["writes"] for one in counted(shop, entity, id)] == [1]


@pytest.mark.parametrize("entity", DOCUMENTS)
def test_who_is_overtaken_takes_what_exists(shop: Sandbox, entity: str) -> None:
    id = shop.order()["id"]
    work = LateWork(lambda: post(shop, entity, DOCUMENTS[entity](id), MemoryWork()))
    post(shop, entity, DOCUMENTS[entity](id), work)
    assert work.outcomes[:2] == [(f"{entity}.create", "failed"), (f"{entity}.create", "found")]
    [present] = counted(shop, entity, id)
    assert (present["writes"], present["refused_duplicates"]) == (1, 1)


@pytest.mark.parametrize("entity", DOCUMENTS)
def test_what_was_removed_in_clarity_is_not_made_again(shop: Sandbox, entity: str) -> None:
    id, work = shop.order()["id"], MemoryWork()
    work.remember(entity, REFS[entity], "gone_1")
    with pytest.raises(Hold, match=f"the {entity} was removed in Clarity") as held:
        post(shop, entity, DOCUMENTS[entity](id), work)
    assert "not made a second time" in held.value.hint
    assert counted(shop, entity, id) == []


@pytest.mark.parametrize("entity", DOCUMENTS)
def test_an_unknown_order_is_held(shop: Sandbox, entity: str) -> None:
    with pytest.raises(Hold, match=r"no such record.*404"):
        post(shop, entity, DOCUMENTS[entity]("none"), MemoryWork())


@pytest.mark.parametrize(
    ("entity", "changes", "pointer"),
    [
        ("shipment", {"lines": [{"orderLineId": "99", "quantity": Decimal(1)}]}, "/lines/0/orderLineId"),
        ("invoice", {"currency": "USD"}, "/currency"),
        ("invoice", {"total": Decimal("118.005")}, "/total"),
    ],
)
def test_what_clarity_refuses_is_named_by_its_place(
    shop: Sandbox, entity: str, changes: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Reject, match=pointer) as rejected:
        post(shop, entity, DOCUMENTS[entity](shop.order()["id"], **changes), MemoryWork())
    assert "shipment or invoice" in (rejected.value.hint or "")


# -- shipments


def test_a_shipment_says_what_is_known_and_quantities_as_text(shop: Sandbox) -> None:
    id, work = shop.order()["id"], MemoryWork()
    theirs, number = post(shop, "shipment", shipment(id, shippedAt=None), work)
    assert number is None
    [(_, body)] = sent(work)
    assert set(body) == {"externalRef", "carrier", "trackingNumbers", "lines"}
    assert body["lines"] == [{"orderLineId": "1", "quantity": "2.5"}]
    [present] = counted(shop, "shipment", id)
    assert (present["id"], present["tracking"], present["lines"]) == (theirs, ["1Z1", "1Z2"], {"1": "2.5"})


def test_the_same_shipment_may_be_written_otherwise(shop: Sandbox) -> None:
    id = shop.order()["id"]
    first, _ = post(shop, "shipment", shipment(id), MemoryWork())
    halves = [{"orderLineId": "1", "quantity": Decimal("1.25")}] * 2
    other = {"shippedAt": "2026-11-21T11:00:05+01:00", "trackingNumbers": ["1Z2", "1Z1"], "lines": halves}
    assert post(shop, "shipment", shipment(id, carrier=None, **other), MemoryWork())[0] == first
    assert counted(shop, "shipment", id)[0]["writes"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"trackingNumbers": ["1Z1"]},
        {"trackingNumbers": []},
        {"carrier": "UPS", "service": "Express"},
        {"shippedAt": "2026-11-21T10:00:06Z"},
        {"lines": [{"orderLineId": "1", "quantity": "3"}]},
    ],
)
def test_a_changed_shipment_gets_the_difference_only(shop: Sandbox, changes: dict[str, Any]) -> None:
    id, crossrefs = shop.order()["id"], Crossrefs()
    theirs, _ = post(shop, "shipment", shipment(id), MemoryWork(crossrefs))
    given = changes | ({"lines": [{"orderLineId": "1", "quantity": Decimal(3)}]} if "lines" in changes else {})
    for work in (MemoryWork(crossrefs), MemoryWork()):
        assert post(shop, "shipment", shipment(id, **given), work)[0] == theirs
        assert sent(work) in ([("shipment.update", changes)], [])
    now = shop.get(f"/shipments/{theirs}").json()
    assert ({name: now[name] for name in changes}, now["version"]) == (changes, 2)


def test_who_changes_a_shipment_in_between_is_not_overwritten_unseen(shop: Sandbox) -> None:
    id = shop.order()["id"]
    theirs, _ = post(shop, "shipment", shipment(id), MemoryWork())
    work = LateWork(lambda: post(shop, "shipment", shipment(id, carrier="by hand"), MemoryWork()))
    with pytest.raises(Retry, match="changed in Clarity since") as failure:
        post(shop, "shipment", shipment(id, service="Express"), work)
    assert not failure.value.unknown_outcome
    post(shop, "shipment", shipment(id, service="Express"), work)
    assert sent(work) == [
        ("shipment.update", {"service": "Express"}),
        ("shipment.update", {"carrier": "FedEx", "service": "Express"}),
    ]
    assert shop.get(f"/shipments/{theirs}").json()["carrier"] == "FedEx"


# -- invoices


def test_an_invoice_says_what_is_known_and_amounts_as_text(shop: Sandbox) -> None:
    id, work = shop.order()["id"], MemoryWork()
    assert post(shop, "invoice", invoice(id), work)[1] == "INV/2026/00012"
    [(_, body)] = sent(work)
    assert "tax" not in body
    assert (body["total"], body["balance"], body["status"]) == ("118.00", "118.00", "open")
    yen, work = shop.order("jpy")["id"], MemoryWork()
    post(shop, "invoice", invoice(yen, currency="JPY", tax=Decimal("109.0")), work)
    assert [(body["total"], body["tax"]) for _, body in sent(work)] == [("118", "109")]


def test_payments_are_followed(shop: Sandbox) -> None:
    id, crossrefs = shop.order("b2b_po")["id"], Crossrefs()
    theirs, _ = post(shop, "invoice", invoice(id), MemoryWork(crossrefs))
    for status, balance in (
        ("partially_paid", "100.50"),
        ("partially_paid", "50.00"),
        ("open", "118.00"),
        ("paid", "0.00"),
    ):
        work = MemoryWork(crossrefs)
        assert post(shop, "invoice", invoice(id, status, balance=Decimal(balance)), work)[0] == theirs
        assert sent(work) == [("invoice.status", {"status": status, "balance": balance})]
        now = shop.get(f"/invoices/{theirs}").json()
        assert (now["status"], now["balance"]) == (status, balance)
    assert [one["writes"] for one in counted(shop, "invoice", id)] == [5]


def test_an_invoice_may_be_paid_when_it_comes(shop: Sandbox) -> None:
    id, work = shop.order("b2b_po")["id"], MemoryWork()
    post(shop, "invoice", invoice(id, "paid"), work)
    assert ([effect for effect, _ in sent(work)], counted(shop, "invoice", id)[0]["status"]) == (
        ["invoice.create"],
        "paid",
    )


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"total": Decimal(120), "dueOn": "2027-01-01"}, "total, dueOn"),
        ({"number": "INV/2026/00013"}, "number"),
        ({"tax": Decimal(1)}, "tax"),
        ({"issuedOn": "2026-11-22"}, "issuedOn"),
    ],
)
def test_an_invoice_that_was_issued_otherwise_is_held(shop: Sandbox, changes: dict[str, Any], names: str) -> None:
    id, work = shop.order()["id"], MemoryWork()
    post(shop, "invoice", invoice(id), work)
    with pytest.raises(Hold, match=f"after it was issued: Clarity has another {names}$") as held:
        post(shop, "invoice", invoice(id, "paid", **changes), MemoryWork(work.crossrefs))
    assert "credit note" in held.value.hint
    assert [(one["writes"], one["status"]) for one in counted(shop, "invoice", id)] == [(1, "open")]


def test_a_void_invoice_is_voided_whatever_its_sums(shop: Sandbox) -> None:
    id, crossrefs = shop.order()["id"], Crossrefs()
    post(shop, "invoice", invoice(id), MemoryWork(crossrefs))
    void = invoice(id, "void", total=Decimal(0), balance=Decimal("-0.005"), number=None)
    for _ in range(2):
        post(shop, "invoice", void, MemoryWork(crossrefs))
    assert [(one["writes"], one["status"]) for one in counted(shop, "invoice", id)] == [(2, "void")]


def test_a_void_invoice_that_never_existed_is_not_sent(shop: Sandbox) -> None:
    id, work = shop.order()["id"], MemoryWork()
    assert post(shop, "invoice", invoice(id, "void"), work) == (None, None)
    assert (work.tries, counted(shop, "invoice", id)) == ([], [])


@pytest.mark.parametrize(("before", "status"), [("paid", "open"), ("paid", "partially_paid"), ("void", "open")])
def test_no_step_back_is_taken_in_silence(shop: Sandbox, before: str, status: str) -> None:
    id, crossrefs = shop.order()["id"], Crossrefs()
    for first in ("open", before):
        post(shop, "invoice", invoice(id, first), MemoryWork(crossrefs))
    with pytest.raises(Hold, match=f"invoice as {before}, which cannot become {status}") as held:
        post(shop, "invoice", invoice(id, status), MemoryWork(crossrefs))
    assert "by hand" in held.value.hint
    assert counted(shop, "invoice", id)[0]["status"] == before


def test_what_is_there_is_shown_by_the_documents_names(shop: Sandbox) -> None:
    order = shop.order()
    sent = shipment(order["id"])
    asked = connector(shop)
    assert asked.shown("shipment", sent, MemoryWork()) is None
    post(shop, "shipment", sent, MemoryWork())
    shown = asked.shown("shipment", sent, MemoryWork())
    assert shown == {"body": {name: value for name, value in sent["body"].items() if value is not None}}
    other = asked.shown("shipment", shipment(order["id"], carrier="UPS"), MemoryWork())
    assert other
    assert other["body"]["carrier"] == "FedEx"
    assert asked.shown("order_status", {"order_id": order["id"]}, MemoryWork()) == {"status": order["status"]}
