"""The canonical payment: money that a customer has paid for an order, or is about to.

Clarity is the home of a payment.  Each capture is a payment of its own, with its own id, also where several belong to
one authorization.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from integration.canonical.faults import refuse
from integration.canonical.money import currencies, minor_digits, round_money
from integration.canonical.values import Amount, Id, Strict, Text, Time, quoted
from integration.errors import Hold

AUTHORIZED, CAPTURED, CHARGED_BACK = "authorized", "captured", "charged_back"
STATUSES = (AUTHORIZED, CAPTURED, "failed", "voided", CHARGED_BACK)
HINT = "Correct {origin}. {again}"


class Payment(Strict):
    """One payment; ``id`` and ``order_id`` are Clarity's.  ``paid_at`` is when the money was captured."""

    id = Id(required=True)
    order_id = Id(required=True)
    order_number = Text()
    method = Text()
    status = Text()
    amount = Amount(required=True)
    currency = Text()
    paid_at = Time()


def check_payment(payment: dict[str, Any], approves: Callable[[Hold], bool] = lambda _: False) -> None:
    """Passes a payment that can be posted as it is, or each of whose faults a person ``approves``.

    Raises `Hold` for an unknown status or currency (ISO 4217), without method, and for an amount that is not above
    zero or finer than the currency's minor unit.
    """
    refuse(_faults(payment), approves)


def _faults(payment: dict[str, Any]) -> Iterator[Hold]:
    currency, amount = payment["currency"], payment["amount"]
    if payment["status"] not in STATUSES:
        yield _unknown("status", payment["status"])
    if payment["status"] == CAPTURED and not payment["method"]:
        yield _unknown("method", None)
    if currency not in currencies():
        yield _unknown("currency", currency)
    elif amount != round_money(amount, currency):
        digits = minor_digits(currency)
        yield Hold(f"the amount has more than {digits} decimals of {currency}", hint=HINT, code="precision")
    if amount <= 0:
        yield Hold("the amount is not above zero", hint=HINT, code="no_amount")


def _unknown(what: str, value: str | None) -> Hold:
    if value is None:
        return Hold(f"the payment has no {what}", hint=HINT, code=f"no_{what}")
    return Hold(f"unknown {what} of the payment: {quoted(value)}", hint=HINT, code=f"unknown_{what}")
