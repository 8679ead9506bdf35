"""What an ERP owns of a customer, at the sandbox's Clarity over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import responses

from integration.connectors.clarity import Clarity
from integration.connectors.contract import Document, Request
from integration.errors import Hold, Retry
from integration.settings import System
from tests.connectors.test_clarity import Gate
from tests.connectors.work import LossyWork, MemoryWork
from tests.sandbox.rig import Sandbox


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), "http://127.0.0.1:1/")
    sandbox.start()
    yield sandbox
    sandbox.stop()


def connector(shop: Sandbox) -> Clarity:
    options = {"client_id": "fleet", "client_secret": "s3cret", "token_url": f"{shop.url}/clarity/oauth/token"}
    return Clarity(System("clarity", shop.api, 100, 8, 5, options), Gate())


def registered(shop: Sandbox, **fields: Any) -> str:
    made: dict[str, str] = shop.control("POST", "/customers", {"type": "company", "name": "ACME", **fields})
    return made["id"]


def stated(id: str, initial: Document | None = None, **fields: Any) -> Document:
    return {"customer_id": id, "fields": fields, "on_create": {"fields": initial or {}}}


def test_only_what_differs_is_written_and_only_once(shop: Sandbox) -> None:
    id = registered(shop, paymentTerms="NET15", creditHold=False)
    document = stated(id, paymentTerms="NET30", creditHold=False, creditLimit=Decimal("500.0"), accountNumber=None)
    work = MemoryWork()
    assert connector(shop).post("customer", document, work).theirs == id
    found = shop.get(f"/customers/{id}").json()
    assert (found["version"], found["paymentTerms"], found["creditLimit"]) == (2, "NET30", "500.0")
    assert [effect for effect, _ in work.outcomes] == ["customer.update"]
    again = MemoryWork()
    connector(shop).post("customer", stated(id, paymentTerms="NET30", creditLimit=Decimal(500)), again)
    assert (again.outcomes, shop.get(f"/customers/{id}").json()["version"]) == ([("customer.update", "found")], 2)


def test_what_clarity_owns_is_an_initial_value_only(shop: Sandbox) -> None:
    id = registered(shop)
    for number in ("PL1", "PL2"):
        connector(shop).post("customer", stated(id, {"taxId": number}), MemoryWork())
        assert shop.get(f"/customers/{id}").json()["taxId"] == "PL1"


def test_a_credit_hold_is_set_and_lifted_and_none_is_none(shop: Sandbox) -> None:
    id = registered(shop)
    for hold, version in ((False, 1), (True, 2), (False, 3)):
        connector(shop).post("customer", stated(id, creditHold=hold), MemoryWork())
        assert shop.get(f"/customers/{id}").json()["version"] == version


def test_a_customer_that_was_merged_leads_to_the_one_that_stays(shop: Sandbox) -> None:
    stays, goes = registered(shop), registered(shop)
    shop.control("POST", f"/customers/{stays}/merge", {"others": [goes]})
    assert connector(shop).post("customer", stated(goes, paymentTerms="NET60"), MemoryWork()).theirs == stays
    assert shop.get(f"/customers/{stays}").json()["paymentTerms"] == "NET60"


def test_one_that_clarity_does_not_have_is_held(shop: Sandbox) -> None:
    with pytest.raises(Hold) as raised:
        connector(shop).post("customer", stated("c-nobody", paymentTerms="NET60"), MemoryWork())
    assert raised.value.code == "record_missing"


def test_a_change_in_between_is_not_overwritten(shop: Sandbox) -> None:
    id = registered(shop)

    class Meanwhile(MemoryWork):
        def perform(self, effect: str, request: Request, send: Any) -> Any:
            shop.control("PATCH", f"/customers/{id}", {"paymentTerms": "NET90"})
            return super().perform(effect, request, send)

    with pytest.raises(Retry):
        connector(shop).post("customer", stated(id, paymentTerms="NET30"), Meanwhile())
    assert shop.get(f"/customers/{id}").json()["paymentTerms"] == "NET90"


@responses.activate(assert_all_requests_are_fired=True)
def test_without_the_scope_only_the_customer_is_held() -> None:
    url = "https://clarity.example/api/v1"
    responses.post("https://clarity.example/token", json={"access_token": "t", "expires_in": 3600})
    refusal = {"status": 403, "code": "insufficient_scope"}
    responses.get(f"{url}/customers/c-1", json=refusal, status=403, content_type="application/problem+json")
    options = {"client_id": "fleet", "client_secret": "s", "token_url": "https://clarity.example/token"}
    clarity = Clarity(System("clarity", url, 100, 8, 5, options), Gate())
    with pytest.raises(Hold, match="our client may not do this") as raised:
        clarity.post("customer", stated("c-1", paymentTerms="NET30"), MemoryWork())
    assert "customers:write" in str(raised.value.hint)


def test_a_lost_answer_changes_nothing_twice(shop: Sandbox) -> None:
    id = registered(shop)
    work = LossyWork("customer.update", MemoryWork().crossrefs)
    with pytest.raises(Retry):
        connector(shop).post("customer", stated(id, paymentTerms="NET30"), work)
    assert connector(shop).post("customer", stated(id, paymentTerms="NET30"), work).theirs == id
    assert shop.get(f"/customers/{id}").json()["version"] == 2


def test_what_it_shows_and_what_it_is(shop: Sandbox) -> None:
    id = registered(shop, paymentTerms="NET30", creditLimit="500.00")
    document = stated(id, paymentTerms="NET45", creditLimit=Decimal(500))
    shown = connector(shop).shown("customer", document, MemoryWork())
    assert shown == {"fields": {"paymentTerms": "NET30", "creditLimit": Decimal(500)}}
    assert connector(shop).fetch("customer", id)["name"] == "ACME"
