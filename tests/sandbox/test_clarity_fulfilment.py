"""The fake shop's shipments and invoices over HTTP, by the contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.sandbox.rig import Listener, Sandbox, eventually
from tests.sandbox.test_clarity import ask_token, problem

SHIPMENT = {"carrier": "FedEx", "trackingNumbers": ["1Z1"], "shippedAt": "2026-11-21T10:00:05Z"}


def shipment(order: dict[str, Any], ref: str = "odoo-1/17", **changes: Any) -> dict[str, Any]:
    """A shipment of the whole order."""
    lines = [{"orderLineId": line["id"], "quantity": line["quantity"]} for line in order["lines"]]
    return {"externalRef": ref, **SHIPMENT, "lines": lines, **changes}


def invoice(order: dict[str, Any], ref: str = "odoo-1/12", **changes: Any) -> dict[str, Any]:
    """An open invoice of the whole order."""
    total = order["totals"]["grandTotal"]
    amounts = {"currency": order["currency"], "total": total, "tax": order["totals"]["tax"], "balance": total}
    days = {"issuedOn": "2026-11-21", "dueOn": "2026-12-21"}
    return {"externalRef": ref, "number": "INV/2026/00012", **amounts, **days, "status": "open", **changes}


def created(sandbox: Sandbox, order: dict[str, Any], kind: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = sandbox.post(f"/orders/{order['id']}/{kind}s", body, f"{order['id']} {body['externalRef']}")
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def patch(sandbox: Sandbox, id: str, body: dict[str, Any], match: str | None = "*") -> requests.Response:
    headers = {**sandbox.headers, **({"If-Match": match} if match else {})}
    return requests.patch(f"{sandbox.api}/shipments/{id}", json=body, headers=headers, timeout=20)


def pointers(answer: requests.Response) -> list[str]:
    assert problem(answer) == (422, "validation_failed")
    return [error["pointer"] for error in answer.json()["errors"]]


def two_lines(sandbox: Sandbox) -> dict[str, Any]:
    """An order of two lines, of two pieces and one."""
    order = sandbox.order()
    lines = [{**order["lines"][0], "id": id, "quantity": quantity} for id, quantity in (("1", "2"), ("2", "1"))]
    changed: dict[str, Any] = sandbox.control("PATCH", f"/orders/{order['id']}?settle=1", {"lines": lines})
    return changed


@pytest.mark.parametrize("kind", ["shipment", "invoice"])
def test_one_is_created_found_by_its_reference_and_kept_through_a_crash(sandbox: Sandbox, kind: str) -> None:
    order = sandbox.order("fractional_qty")
    body = {"shipment": shipment, "invoice": invoice}[kind](order)
    answer = sandbox.post(f"/orders/{order['id']}/{kind}s", body, "k")
    made = answer.json()
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"v1"')
    assert answer.headers["Location"].endswith(f"/api/v1/{kind}s/{made['id']}")
    assert {name: made[name] for name in body} == body
    assert (made["orderId"], made["version"], made["createdDate"]) == (order["id"], 1, made["updatedDate"])
    other = sandbox.order(seed=2)
    created(sandbox, other, kind, {"shipment": shipment, "invoice": invoice}[kind](other))  # its reference is its own

    sandbox.kill()
    sandbox.start()
    assert sandbox.get(f"/{kind}s/{made['id']}").json() == made
    assert sandbox.get(f"/{kind}s/{made['id']}", headers={"If-None-Match": '"v1"'}).status_code == 304
    found = sandbox.get(f"/orders/{order['id']}/{kind}s", params={"externalRef": body["externalRef"]}).json()
    assert (found["items"], found["totalCount"], found["nextCursor"]) == ([made], 1, None)
    assert sandbox.get(f"/orders/{order['id']}/{kind}s?externalRef=other").json()["items"] == []
    page = sandbox.get(f"/{kind}s?pageSize=1").json()
    assert (page["totalCount"], page["items"]) == (2, [made])
    assert sandbox.get(f"/{kind}s", params={"cursor": page["nextCursor"]}).json()["totalCount"] == 2
    for path in (f"/{kind}s/none", f"/orders/none/{kind}s"):
        assert problem(sandbox.get(path)) == (404, "not_found")
    assert problem(sandbox.post(f"/orders/none/{kind}s", body, "n")) == (404, "not_found")


@pytest.mark.parametrize("kind", ["shipment", "invoice"])
def test_a_reference_exists_once_and_the_ledger_counts_what_was_refused(sandbox: Sandbox, kind: str) -> None:
    order = sandbox.order()
    body, path = {"shipment": shipment, "invoice": invoice}[kind](order), f"/orders/{order['id']}/{kind}s"
    assert problem(sandbox.post(path, body)) == (428, "idempotency_key_required")
    first, again = (sandbox.post(path, body, "k") for _ in range(2))
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert problem(sandbox.post(path, {**body, "number": "X"}, "k")) == (422, "idempotency_conflict")
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda key: sandbox.post(path, body, key), "abcd"))
    assert {problem(answer) for answer in others} == {(409, "already_exists")}
    [counted] = sandbox.ledger()[f"{kind}s"]
    assert (counted["order_id"], counted["id"]) == (order["id"], first.json()["id"])
    assert (counted["external_ref"], counted["writes"], counted["refused_duplicates"]) == (body["externalRef"], 1, 4)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"externalRef": None}, ["/externalRef"]),
        ({"externalRef": "x" * 256}, ["/externalRef"]),
        ({"externalRef": "\ud800"}, ["/externalRef"]),
        ({"carrier": 7, "number": "1"}, ["/number", "/carrier"]),
        ({"trackingNumbers": "1Z1"}, ["/trackingNumbers"]),
        ({"trackingNumbers": [""]}, ["/trackingNumbers"]),
        ({"shippedAt": "2026-11-21T10:00:05"}, ["/shippedAt"]),
        ({"lines": []}, ["/lines"]),
        ({"lines": [{"orderLineId": "99", "quantity": "1"}]}, ["/lines/0/orderLineId"]),
        ({"lines": [{"orderLineId": "1", "quantity": "0"}]}, ["/lines/0/quantity"]),
        ({"lines": [{"orderLineId": "1", "quantity": 1}]}, ["/lines/0/quantity"]),
        ({"lines": [{"orderLineId": "1", "quantity": "-1"}, 7]}, ["/lines/0/quantity", "/lines/1/orderLineId"]),
    ],
)
def test_shipments_are_judged_field_by_field(sandbox: Sandbox, changes: dict[str, Any], wrong: list[str]) -> None:
    order = sandbox.order()
    answer = sandbox.post(f"/orders/{order['id']}/shipments", shipment(order, **changes), "k")
    assert pointers(answer)[: len(wrong)] == wrong
    assert sandbox.ledger()["shipments"] == []


@pytest.mark.parametrize(
    ("traits", "changes", "wrong"),
    [
        ("plain", {"currency": "USD"}, ["/currency"]),
        ("plain", {"total": 10, "balance": None}, ["/total", "/balance"]),
        ("plain", {"tax": "1.005"}, ["/tax"]),
        ("jpy", {"tax": "1.5"}, ["/tax"]),
        ("kwd", {"tax": "1.0005"}, ["/tax"]),
        ("plain", {"balance": "-1.00"}, ["/balance"]),
        ("plain", {"balance": "999999.00"}, ["/balance"]),
        ("plain", {"status": "paid"}, ["/balance"]),
        ("plain", {"status": "draft"}, ["/status"]),
        ("plain", {"dueOn": "21.12.2026", "carrier": "x"}, ["/carrier", "/dueOn"]),
    ],
)
def test_invoices_are_judged_field_by_field(
    sandbox: Sandbox, traits: str, changes: dict[str, Any], wrong: list[str]
) -> None:
    order = sandbox.order(traits)
    assert pointers(sandbox.post(f"/orders/{order['id']}/invoices", invoice(order, **changes), "k")) == wrong
    assert sandbox.ledger()["invoices"] == []


@pytest.mark.parametrize(("traits", "tax"), [("plain", "1"), ("jpy", "1.0"), ("kwd", "1.005")])
def test_amounts_have_the_digits_of_their_currency(sandbox: Sandbox, traits: str, tax: str) -> None:
    order = sandbox.order(traits)
    assert created(sandbox, order, "invoice", invoice(order, tax=tax))["tax"] == tax


def test_a_shipment_is_patched_for_the_version_it_was_read_in(sandbox: Sandbox) -> None:
    order = sandbox.order()
    id = created(sandbox, order, "shipment", shipment(order))["id"]
    assert problem(patch(sandbox, id, {"carrier": "UPS"}, None)) == (428, "precondition_required")
    changed = patch(sandbox, id, {"carrier": "UPS", "trackingNumbers": None, "shippedAt": None}, '"v1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"v2"')
    assert (changed.json()["carrier"], changed.json()["trackingNumbers"], changed.json()["shippedAt"]) == (
        "UPS",
        [],
        None,
    )
    assert changed.json()["lines"] == shipment(order)["lines"]
    assert problem(patch(sandbox, id, {"carrier": "DHL"}, '"v1"')) == (412, "precondition_failed")
    assert patch(sandbox, id, {"carrier": "UPS"}).json()["version"] == 2
    assert pointers(patch(sandbox, id, {"externalRef": "x", "lines": None})) == ["/externalRef", "/lines"]
    assert pointers(patch(sandbox, id, {"lines": [{"orderLineId": "99", "quantity": "1"}]})) == ["/lines/0/orderLineId"]
    assert problem(patch(sandbox, "none", {})) == (404, "not_found")
    assert sandbox.ledger()["shipments"][0]["writes"] == 2


def test_the_order_says_how_far_it_is_fulfilled(sandbox: Sandbox) -> None:
    order = two_lines(sandbox)

    def follows() -> tuple[str, int]:
        now = sandbox.get(f"/orders/{order['id']}").json()
        return now["fulfillmentStatus"], now["version"] - order["version"]

    first = created(sandbox, order, "shipment", shipment(order, "a", lines=[{"orderLineId": "1", "quantity": "1"}]))
    assert follows() == ("partial", 1)
    created(sandbox, order, "shipment", shipment(order, "b", lines=[{"orderLineId": "2", "quantity": "1.0"}]))
    assert follows() == ("partial", 1)
    patch(sandbox, first["id"], {"lines": [{"orderLineId": "1", "quantity": "2"}]})
    assert follows() == ("fulfilled", 2)
    sandbox.post(f"/orders/{order['id']}/status", {"status": "processing"}, "p")
    sandbox.post(f"/orders/{order['id']}/status", {"status": "partially_shipped"}, "s")
    assert follows() == ("fulfilled", 4)
    assert [one["lines"] for one in sandbox.ledger()["shipments"]] == [{"1": "2"}, {"2": "1.0"}]


def test_no_more_is_shipped_than_was_ordered(sandbox: Sandbox) -> None:
    order = two_lines(sandbox)
    path = f"/orders/{order['id']}/shipments"

    def of(ref: str, *quantities: tuple[str, str]) -> dict[str, Any]:
        return shipment(order, ref, lines=[{"orderLineId": id, "quantity": quantity} for id, quantity in quantities])

    assert pointers(sandbox.post(path, of("a", ("2", "1"), ("1", "2.5")), "a")) == ["/lines/1/quantity"]
    assert pointers(sandbox.post(path, of("a", ("1", "1.5"), ("1", "1")), "b")) == ["/lines/1/quantity"]
    first = created(sandbox, order, "shipment", of("odoo-1/1", ("1", "1.5")))
    assert pointers(sandbox.post(path, shipment(order, "fusion-1/1"), "c")) == ["/lines/0/quantity"]
    second = created(sandbox, order, "shipment", of("fusion-1/1", ("1", "0.5"), ("2", "1")))
    more = patch(sandbox, second["id"], {"lines": [{"orderLineId": "1", "quantity": "0.6"}]})
    assert pointers(more) == ["/lines/0/quantity"]
    assert patch(sandbox, first["id"], {"lines": [{"orderLineId": "1", "quantity": "1"}]}).status_code == 200
    more = patch(sandbox, second["id"], {"lines": [{"orderLineId": "1", "quantity": "1"}]})
    assert more.status_code == 200
    assert [one["lines"] for one in sandbox.ledger()["shipments"]] == [{"1": "1"}, {"1": "1"}]


def test_a_status_that_says_more_than_the_shipments_is_believed(sandbox: Sandbox) -> None:
    order = two_lines(sandbox)
    for status in ("processing", "shipped"):
        sandbox.post(f"/orders/{order['id']}/status", {"status": status}, status + order["id"])
    created(sandbox, order, "shipment", shipment(order, lines=[{"orderLineId": "1", "quantity": "1"}]))
    assert sandbox.get(f"/orders/{order['id']}").json()["fulfillmentStatus"] == "fulfilled"


def test_only_what_is_shipped_at_all_counts(sandbox: Sandbox) -> None:
    order = sandbox.order("digital_mix")
    lines = [
        {"orderLineId": line["id"], "quantity": line["quantity"]} for line in order["lines"] if line["requiresShipping"]
    ]
    assert 0 < len(lines) < len(order["lines"])
    created(sandbox, order, "shipment", shipment(order, lines=lines))
    assert sandbox.get(f"/orders/{order['id']}").json()["fulfillmentStatus"] == "fulfilled"


def test_invoices_move_only_as_the_table_allows(sandbox: Sandbox) -> None:
    order = sandbox.order("b2b_po")
    made = created(sandbox, order, "invoice", invoice(order))
    path = f"/invoices/{made['id']}/status"
    assert problem(sandbox.post(path, {"status": "paid"})) == (428, "idempotency_key_required")
    same = sandbox.post(path, {"status": "open", "balance": f"{Decimal(made['balance']):.2f}"}, "a")
    assert (same.status_code, same.json()["version"]) == (200, 1)
    partly = sandbox.post(path, {"status": "partially_paid", "balance": "1.00"}, "b").json()
    assert (partly["status"], partly["balance"], partly["version"]) == ("partially_paid", "1.00", 2)
    assert sandbox.post(path, {"status": "partially_paid", "balance": "0.50"}, "c").json()["version"] == 3
    assert pointers(sandbox.post(path, {"status": "paid", "balance": "0.50"}, "d")) == ["/balance"]
    assert pointers(sandbox.post(path, {"status": "lost", "total": "1"}, "e")) == ["/total", "/status"]
    paid = sandbox.post(path, {"status": "paid"}, "f").json()
    assert (paid["status"], Decimal(paid["balance"])) == ("paid", 0)
    for index, status in enumerate(("open", "partially_paid", "void")):
        assert problem(sandbox.post(path, {"status": status}, f"g{index}")) == (409, "invalid_transition")
    assert problem(sandbox.post("/invoices/none/status", {"status": "paid"}, "h")) == (404, "not_found")
    [counted] = sandbox.ledger()["invoices"]
    assert (counted["number"], counted["total"], counted["status"], counted["writes"]) == (
        "INV/2026/00012",
        order["totals"]["grandTotal"],
        "paid",
        4,
    )
    other = sandbox.order("b2b_po", seed=2)
    voided = created(sandbox, other, "invoice", invoice(other, "second"))
    assert sandbox.post(f"/invoices/{voided['id']}/status", {"status": "void"}, "v").json()["status"] == "void"


def test_the_order_is_paid_once_its_invoices_are(sandbox: Sandbox) -> None:
    order = sandbox.order("b2b_po")
    total = Decimal(order["totals"]["grandTotal"])

    def payment() -> str:
        return str(sandbox.get(f"/orders/{order['id']}").json()["paymentStatus"])

    half = {"total": str(total - 1), "balance": str(total - 1), "tax": None}
    first = created(sandbox, order, "invoice", invoice(order, "a", **half))
    created(sandbox, order, "invoice", invoice(order, "wrong", status="void"))
    assert payment() == "pending"
    sandbox.post(f"/invoices/{first['id']}/status", {"status": "paid"}, "p")
    assert payment() == "partially_paid"  # one euro is not yet billed
    rest = {"total": "1.00", "tax": None, "balance": "0.00", "status": "paid"}
    created(sandbox, order, "invoice", invoice(order, "b", **rest))
    assert payment() == "paid"


def test_no_more_is_billed_than_was_ordered(sandbox: Sandbox) -> None:
    order = sandbox.order("b2b_po")
    path, total = f"/orders/{order['id']}/invoices", Decimal(order["totals"]["grandTotal"])

    def of(ref: str, amount: Decimal, **changes: Any) -> dict[str, Any]:
        return invoice(order, ref, total=str(amount), balance="0.00", tax=None, **changes)

    assert pointers(sandbox.post(path, of("a", total + 1), "a")) == ["/total"]
    first = created(sandbox, order, "invoice", of("odoo-1/1", total))
    assert pointers(sandbox.post(path, of("fusion-1/1", total), "b")) == ["/total"]
    created(sandbox, order, "invoice", of("odoo-1/void", total, status="void"))
    sandbox.post(f"/invoices/{first['id']}/status", {"status": "void"}, "v")
    created(sandbox, order, "invoice", of("odoo-1/2", total - 1))
    assert pointers(sandbox.post(path, of("odoo-1/3", Decimal("1.20")), "c")) == ["/total"]
    rounded = Decimal("0.01") * len(order["lines"])  # two invoices round each line by half a cent each
    created(sandbox, order, "invoice", of("odoo-1/4", 1 + rounded))


def test_an_order_paid_before_stays_paid(sandbox: Sandbox) -> None:
    order = sandbox.order()
    assert order["paymentStatus"] == "paid"
    balance = {"status": "partially_paid", "balance": "1.00"}
    created(sandbox, order, "invoice", invoice(order, **balance))
    assert sandbox.get(f"/orders/{order['id']}").json() == order


def test_every_change_is_reported(sandbox: Sandbox, listener: Listener) -> None:
    order = sandbox.order("b2b_po")
    sent = created(sandbox, order, "shipment", shipment(order))
    patched = patch(sandbox, sent["id"], {"carrier": "UPS"}).json()
    billed = created(sandbox, order, "invoice", invoice(order))
    paid = sandbox.post(f"/invoices/{billed['id']}/status", {"status": "paid"}, "p").json()
    events = eventually(lambda: len(listener.events()) >= 7 and listener.events())
    reported = {(event["type"], event["data"]["id"], event["data"]["version"]): event["data"] for event in events}
    assert set(reported) == {
        ("order.created", order["id"], 1),
        ("shipment.created", sent["id"], 1),
        ("order.updated", order["id"], 2),
        ("shipment.updated", sent["id"], 2),
        ("invoice.created", billed["id"], 1),
        ("invoice.paid", billed["id"], 2),
        ("order.updated", order["id"], 3),
    }
    assert reported["shipment.updated", sent["id"], 2] == patched
    assert reported["invoice.paid", billed["id"], 2] == paid
    assert (reported["order.updated", order["id"], 3]["paymentStatus"], len(events)) == ("paid", 7)


def test_the_scopes_of_orders_cover_them(sandbox: Sandbox) -> None:
    order = sandbox.order()
    id = created(sandbox, order, "shipment", shipment(order))["id"]

    def granted(scope: str) -> dict[str, str]:
        token = ask_token(sandbox, grant_type="client_credentials", scope=scope)[1]["access_token"]
        return {"Authorization": f"Bearer {token}"}

    reader, stranger = granted("orders:read"), granted("customers:read")
    assert sandbox.get(f"/shipments/{id}", headers=reader).status_code == 200
    for path in ("/shipments", "/invoices", f"/orders/{order['id']}/invoices"):
        assert problem(sandbox.get(path, headers=stranger)) == (403, "insufficient_scope")
    body = invoice(order)
    refused = sandbox.post(f"/orders/{order['id']}/invoices", body, "k", **reader)
    assert problem(refused) == (403, "insufficient_scope")


def test_a_reset_forgets_them_and_gives_no_number_twice(sandbox: Sandbox) -> None:
    order = sandbox.order()
    first = created(sandbox, order, "shipment", shipment(order))["id"]
    sandbox.control("POST", "/reset")
    assert (sandbox.ledger()["shipments"], sandbox.get("/shipments").json()["items"]) == ([], [])
    order = sandbox.order()
    assert created(sandbox, order, "shipment", shipment(order))["id"] != first
