"""The fake Clarity's payments: made of what an order lists, or one by one, and every status an event."""

from __future__ import annotations

import pytest

from tests.sandbox.rig import Listener, Sandbox
from tests.sandbox.test_clarity_customers import events


def test_payments_are_taken_and_captured_and_their_events_hold_them_in_full(
    sandbox: Sandbox, listener: Listener
) -> None:
    order = sandbox.order()
    assert sandbox.get(f"/orders/{order['id']}/payments").json()["items"] == [], "an order alone reports none"
    listed = sandbox.control("POST", f"/orders/{order['id']}/payments")
    assert [each["amount"] for each in listed] == [each["amount"] for each in order["payments"]]
    given = {"method": "card", "amount": "1.00", "status": "authorized"}
    [made] = sandbox.control("POST", f"/orders/{order['id']}/payments", given)
    captured = sandbox.control("PATCH", f"/payments/{made['id']}", {"status": "captured"})
    found = events(listener, made["id"], 2)
    assert [event["type"] for event in found] == ["payment.authorized", "payment.captured"]
    assert [event["data"] for event in found] == [made, captured]
    assert (made["capturedDate"], captured["capturedDate"]) == (None, captured["updatedDate"])
    assert sandbox.get(f"/orders/{order['id']}/payments").json()["totalCount"] == len(listed) + 1
    with pytest.raises(AssertionError, match="409"):
        sandbox.control("PATCH", f"/payments/{made['id']}", {"status": "failed"})
    with pytest.raises(AssertionError, match="422"):
        sandbox.control("POST", f"/orders/{order['id']}/payments", {"method": "card", "amount": "-1"})
