"""Shipments and invoices at shops that are not like the sandbox's: what it never answers, by `responses`."""

from __future__ import annotations

import json
import time

import pytest
import responses

from integration.connectors.clarity import Clarity
from integration.connectors.contract import Document
from integration.errors import Hold, Retry
from integration.settings import System
from tests.connectors.test_clarity import TOKEN_URL, URL, Gate
from tests.connectors.test_clarity_fulfilment import DOCUMENTS, REFS, invoice, shipment
from tests.connectors.work import MemoryWork


def another_shop() -> Clarity:
    options = {"client_id": f"{time.time_ns()}", "client_secret": "s", "token_url": TOKEN_URL}
    responses.post(TOKEN_URL, json={"access_token": "t", "expires_in": 3600})
    return Clarity(System("clarity", URL, 100, 8, 5, options), Gate())


def page(*refs: str, following: str | None = None) -> Document:
    body = invoice("1")["body"]
    amounts = {"total": "118", "balance": "118.000"}
    items = [{**body, **amounts, "id": f"{ref} {index}", "externalRef": ref} for index, ref in enumerate(refs)]
    return {"items": [{**item, "status": "open", "version": 1} for item in items], "nextCursor": following}


@pytest.mark.parametrize("second", [page(REFS["invoice"], following="two"), page(REFS["invoice"])])
@responses.activate
def test_a_shop_without_filters_is_looked_through(second: Document) -> None:
    responses.get(f"{URL}/orders/1/invoices", json=page("odoo-1/1", "ODOO-1/12", following="two"))
    responses.get(f"{URL}/orders/1/invoices", json=second)
    assert another_shop().post("invoice", invoice("1"), MemoryWork()).theirs == f"{REFS['invoice']} 0"
    asked = [call.request.params for call in responses.calls if call.request.method == "GET"]
    assert [each.get("cursor") for each in asked] == [None, "two"]
    assert {each["externalRef"] for each in asked} == {REFS["invoice"]}


@responses.activate
def test_a_shop_that_has_it_twice_is_for_a_person() -> None:
    responses.get(f"{URL}/orders/1/invoices", json=page(REFS["invoice"], "odoo-1/1", REFS["invoice"]))
    with pytest.raises(Hold, match="2 invoices with our reference"):
        another_shop().post("invoice", invoice("1"), MemoryWork())


@pytest.mark.parametrize("entity", DOCUMENTS)
@pytest.mark.parametrize("status", [404, 405, 501])
@responses.activate
def test_a_shop_that_offers_none_holds_these_alone(entity: str, status: int) -> None:
    problem = {"status": status, "content_type": "application/problem+json", "body": json.dumps({"code": "not_found"})}
    responses.get(f"{URL}/orders/1/{entity}s", **problem)
    responses.get(f"{URL}/orders/1", json={"id": "1"})
    with pytest.raises(Hold, match="Clarity (has no|does not offer)") as held:
        another_shop().post(entity, DOCUMENTS[entity]("1"), MemoryWork())
    assert "CLARITY_URL is the root of the API with its version" in held.value.hint
    assert "mappings/workflows" in held.value.hint


@responses.activate
def test_a_refused_key_is_not_used_for_the_next_version() -> None:
    standing = page(REFS["invoice"])["items"][0]
    for version in (1, 2):
        responses.get(f"{URL}/orders/1/invoices", json={"items": [{**standing, "version": version}]})
    path = f"{URL}/invoices/odoo-1%2F12%200/status"
    responses.post(path, json={"code": "invalid_transition"}, status=409, content_type="application/problem+json")
    responses.post(path, json={**standing, "status": "paid", "balance": "0"})
    clarity, work = another_shop(), MemoryWork()
    with pytest.raises(Hold):
        clarity.post("invoice", invoice("1", "paid"), work)
    clarity.post("invoice", invoice("1", "paid"), work)
    keys = [call.request.headers["Idempotency-Key"] for call in responses.calls if call.request.url == path]
    assert len(keys) == len(set(keys)) == 2


@responses.activate
def test_a_reference_that_is_taken_and_not_shown_is_looked_for_again() -> None:
    responses.get(f"{URL}/orders/1/shipments", json={"items": []})
    taken = {"status": 409, "content_type": "application/problem+json", "json": {"code": "already_exists"}}
    responses.post(f"{URL}/orders/1/shipments", **taken)
    with pytest.raises(Retry, match="our reference already"):
        another_shop().post("shipment", shipment("1"), MemoryWork())


def taken(entity: str, answer: Document, shown: Document) -> MemoryWork:
    """Posts to a shop that has none yet, which answers so to the creation, and shows it so when it is asked."""
    responses.get(f"{URL}/orders/1/{entity}s", json={"items": []})
    responses.post(f"{URL}/orders/1/{entity}s", json={"id": "7", "version": 1, **answer}, status=201)
    responses.get(f"{URL}/{entity}s/7", json={"id": "7", "version": 1, **shown})
    work = MemoryWork()
    another_shop().post(entity, DOCUMENTS[entity]("1"), work)
    return work


RIGHT = {
    "invoice": {"currency": "EUR", "total": "118.0", "tax": "18.84", "balance": "118", "status": "open"},
    "shipment": {"lines": [{"orderLineId": "1", "quantity": "2.500"}]},
}
WRONG = [
    ("invoice", {"total": "118.01"}, "total"),
    ("invoice", {"balance": "0", "status": "paid"}, "balance, status"),
    ("invoice", {"currency": "USD"}, "currency"),
    ("shipment", {"lines": [{"orderLineId": "1", "quantity": "1"}]}, "lines"),
    ("shipment", {"lines": []}, "lines"),
]


@pytest.mark.parametrize(("entity", "wrong", "names"), WRONG)
@pytest.mark.parametrize("answers", [True, False], ids=["in the answer", "when asked"])
@responses.activate
def test_what_a_shop_takes_otherwise_than_it_was_sent_is_held(
    entity: str, wrong: Document, names: str, answers: bool
) -> None:
    shown = {**RIGHT[entity], **wrong}
    with pytest.raises(Hold, match=f"Clarity took the {entity}, but shows another {names} than it was sent") as held:
        taken(entity, shown if answers else {}, shown)
    assert held.value.code == "shown_otherwise"


@pytest.mark.parametrize("entity", DOCUMENTS)
@pytest.mark.parametrize("answers", [True, False], ids=["in the answer", "when asked"])
@responses.activate
def test_a_shop_that_writes_it_in_its_own_way_has_taken_it(entity: str, answers: bool) -> None:
    work = taken(entity, RIGHT[entity] if answers else {}, RIGHT[entity])
    assert work.outcomes == [(f"{entity}.create", "ok")]
    assert any(call.request.url == f"{URL}/{entity}s/7" for call in responses.calls) is not answers


@responses.activate
def test_a_shipment_that_a_shop_does_not_change_as_it_was_sent_is_held() -> None:
    body = shipment("1")["body"]
    standing = {**body, "id": "7", "version": 1, "lines": [{"orderLineId": "1", "quantity": "1"}]}
    responses.get(f"{URL}/orders/1/shipments", json={"items": [standing]})
    responses.patch(f"{URL}/shipments/7", json=standing)
    with pytest.raises(Hold, match="but shows another lines than it was sent"):
        another_shop().post("shipment", shipment("1"), MemoryWork())
