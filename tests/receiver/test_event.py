"""What the receiver reads of an event to find it by: its object, its number, and whose it is."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from integration.receiver import read_event


def read(**data: Any) -> Any:
    return read_event("evt-1", json.dumps({"type": "order.created", "data": {"id": "1", **data}}).encode(), "clarity")


@pytest.mark.parametrize(
    ("number", "found"), [("WEB-1", "WEB-1"), (1001, "1001"), (None, None), ("", None), (True, None), ({}, None)]
)
def test_a_number_is_found_whatever_it_is_written_as(number: Any, found: str | None) -> None:
    assert read(number=number).number == found


@pytest.mark.parametrize(
    ("email", "found"),
    [
        ("ada@mail.example", "ada@mail.example"),
        ('"Lovelace, Ada" <ada@mail.example>', "ada@mail.example"),
        (" ", None),
        (7, None),
        (None, None),
    ],
)
def test_a_customer_is_found_by_the_address_alone(email: Any, found: str | None) -> None:
    assert read(customer={"email": email}).email == found


@pytest.mark.parametrize(
    ("total", "currency", "found"),
    [
        ("10.50", "EUR", (Decimal("10.50"), "EUR")),
        (12, "JPY", (Decimal(12), "JPY")),
        ("-3", "EUR", (Decimal(-3), "EUR")),
        ("1e99999", "EUR", (None, None)),
        ("ten", "EUR", (None, None)),
        (True, "EUR", (None, None)),
        ("10.50", "euro", (None, None)),
        ("10.50", None, (None, None)),
        (None, "EUR", (None, None)),
    ],
)
def test_an_order_is_worth_what_it_says_if_it_can_be_read(total: Any, currency: Any, found: Any) -> None:
    event = read(totals={"grandTotal": total}, currency=currency)
    assert (event.value, event.currency) == found
    assert read(totals=[], currency=7).value is None


def test_only_an_order_is_worth_something() -> None:
    body = {"type": "customer.updated", "data": {"id": "1", "currency": "EUR", "totals": {"grandTotal": "10"}}}
    assert read_event("evt-1", json.dumps(body).encode(), "clarity").value is None


def test_a_byte_order_mark_is_ignored() -> None:
    assert read_event("evt-1", b'\xef\xbb\xbf{"type": "order.created", "data": {"id": 7}}', "clarity").object_id == "7"
