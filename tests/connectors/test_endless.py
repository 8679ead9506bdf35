"""Lists that never end are a failure within a bounded number of calls, and absurd numbers an unreadable answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import responses
from requests import PreparedRequest

from integration.connectors import answers
from integration.connectors.answers import Endless
from integration.connectors.http import Reply
from integration.connectors.odoo import Odoo
from integration.errors import Retry
from integration.settings import System
from tests.connectors.fusion_answers import ORDERS, SITES, client, connector
from tests.connectors.test_clarity import URL as CLARITY
from tests.connectors.test_clarity_fulfilment import shipment
from tests.connectors.test_clarity_other_shops import another_shop
from tests.connectors.work import MemoryWork

ODOO = "https://odoo.example"
SINCE = datetime(2026, 11, 20, 10, tzinfo=UTC)
MOST = 600

Cursors = Callable[[], Any]
CURSORS: dict[str, Cursors] = {
    "A, B, A, B": lambda: itertools.cycle(["A", "B"]),
    "A, B, B, B": lambda: itertools.chain(["A"], itertools.repeat("B")),
    "a new one each time": lambda: map(str, itertools.count()),
    "A, B, C, A": lambda: itertools.cycle(["A", "B", "C"]),
}


def endless(url: str, method: str, page: Callable[[], dict[str, Any]]) -> list[PreparedRequest]:
    """The calls that were made of a list whose pages come from ``page``."""
    asked: list[PreparedRequest] = []

    def answer(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        asked.append(request)
        return 200, {"Content-Type": "application/json"}, json.dumps(page())

    responses.add_callback(method, url, answer)
    return asked


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("cursors", CURSORS)
@responses.activate
def test_a_list_of_clarity(cursors: str, rows: int) -> None:
    following = CURSORS[cursors]()
    items = [{"id": "9", "externalRef": "another"}] * rows
    asked = endless(f"{CLARITY}/orders/1/shipments", "GET", lambda: {"items": items, "nextCursor": next(following)})
    if cursors == "A, B, B, B":  # a shop that does not know cursors gives the same page again: that is its end
        created = f"{CLARITY}/orders/1/shipments"
        responses.add_callback(
            "POST", created, lambda made: (201, {}, json.dumps({**json.loads(made.body), "id": "10"}))
        )
        assert another_shop().post("shipment", shipment("1"), MemoryWork()).theirs == "10"
    else:
        with pytest.raises(Endless) as raised:
            another_shop().post("shipment", shipment("1"), MemoryWork())
        assert (raised.value.code, isinstance(raised.value, Retry)) == ("endless_list", True)
        assert raised.value.hint
    assert len(asked) < MOST


@pytest.mark.parametrize("new", [False, True])
@responses.activate
def test_a_collection_of_fusion(new: bool) -> None:
    count = itertools.count()
    row = {"AccountNumber": "1", "SiteUseId": 5}
    asked = endless(SITES, "GET", lambda: {"items": [{**row, "N": next(count) * new}], "hasMore": True})
    fusion = client()
    with pytest.raises(Endless):
        list(fusion.items(fusion.path("customerAccountSitesLOV")))
    assert len(asked) == (answers.MOST_PAGES if new else 2)


def poll(page: Callable[[Any], Any]) -> int:
    """How many pages of a stream are read until it fails for having no end."""
    place = None
    for read in range(MOST):
        try:
            place = page(place).next
        except Endless:
            return read
        assert place is not None
    raise AssertionError("it goes on for ever")


STAMPS = {
    "the same page": lambda: itertools.repeat("2026-11-20T10:00:05+00:00"),
    "the same page, before what was asked": lambda: itertools.repeat("2026-11-20T09:00:00+00:00"),
    "pages that alternate": lambda: itertools.cycle(["2026-11-20T10:00:05+00:00", "2026-11-20T10:00:04+00:00"]),
    "pages without times": lambda: itertools.repeat(None),
}


@pytest.mark.parametrize("stamps", STAMPS)
@responses.activate
def test_the_changes_of_fusion(stamps: str) -> None:
    stamp = STAMPS[stamps]()
    row = {"OrderKey": "OTHER:1", "HeaderId": 7}
    endless(ORDERS, "GET", lambda: {"items": [{**row, "LastUpdateDate": next(stamp)}] * 25, "hasMore": True})
    own = connector()
    assert poll(lambda place: own.changes("orders", SINCE, place, list)) <= 4


@pytest.mark.parametrize("protocol", ["json2", "jsonrpc"])
@pytest.mark.parametrize("times", [["10:00:05"], ["10:00:05", "10:00:07"], ["09:59:59"]])
@responses.activate
def test_the_changes_of_an_odoo_that_minds_no_domain(times: list[str], protocol: str) -> None:
    rows = [
        {"id": id, "write_date": f"2026-11-20 {times[id * len(times) // 81]}", "name": "I", "state": "posted"}
        for id in range(1, 81)
    ]
    amounts = {"currency_id": [1, "EUR"], "amount_total": 1.0, "amount_tax": 0.0, "amount_residual": 0.0}
    dates = {"payment_state": "paid", "invoice_date": "2026-11-20", "invoice_date_due": False}

    def answer(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        found: Any = 5 if b"authenticate" in bytes(request.body or b"") else []
        if b"account.move" in bytes(request.body or b"") + str(request.url).encode():
            found = [{**row, **amounts, **dates} for row in rows]
        if b"account.move.line" in bytes(request.body or b"") + str(request.url).encode():
            found = []
        body = {"jsonrpc": "2.0", "id": 1, "result": found} if protocol == "jsonrpc" else found
        return 200, {"Content-Type": "application/json"}, json.dumps(body)

    for path in ("json/2/account.move/search_read", "json/2/account.move.line/search_read", "jsonrpc"):
        responses.add_callback("POST", f"{ODOO}/{path}", answer)
    options = {"db": "shop", "username": "fleet", "api_key": "the-key", "protocol": protocol}
    odoo = Odoo(System("odoo", ODOO, 10, 4, 5.0, options), nullcontext)
    assert poll(lambda place: odoo.changes("invoices", SINCE, place, list)) <= 4


@pytest.mark.parametrize(
    "number", ["1e9999999999999999999", "1E-9999999999999999999", "1e999999", "9" * 5000, "NaN", "-Infinity", "[" * 100]
)
def test_a_number_that_nobody_can_mean_is_an_unreadable_answer(number: str) -> None:
    closed = number + "]" * number.count("[")
    with pytest.raises(Retry) as raised:
        Reply(200, {}, f'{{"total": {closed}}}'.encode()).json()
    assert (raised.value.code, raised.value.unknown_outcome) == ("unreadable_answer", True)
    assert answers.to_number(number) is None


def test_numbers_that_targets_do_show_are_read() -> None:
    shown = b"[1e-7, 97.31000000000001, 1E+3, 12345678901234567890, -0.0, 5.684341886080802e-14]"
    assert Reply(200, {}, shown).json() == [
        *map(Decimal, ("1e-7", "97.31000000000001", "1000")),
        12345678901234567890,
        Decimal("-0.0"),
        Decimal("5.684341886080802e-14"),
    ]
