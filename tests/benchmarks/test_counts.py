"""How much an order asks of Odoo, Clarity, Postgres, Redis and Celery: exact numbers, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.benchmarks.counts import BURST, Counted, Counts

NAMES = ("http", "statements", "transactions", "fsyncs", "redis", "messages")
# What one order asks for.  Whoever makes it less lowers the number; of a burst scheduling decides, so these are bounds.
NEW = (7, 26, 18, 6, 11, 3)
KNOWN = (5, 23, 15, 5, 11, 3)
IN_A_BURST = (3, 8, 6.5, 2.5, 6, 1)

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def counted() -> Iterator[Counted]:
    with Counted.running() as counted:
        yield counted


def totals(found: Counts) -> dict[str, int]:
    return {name: getattr(found, name) for name in NAMES}


def least(found: Sequence[Counts]) -> dict[str, int]:
    """Of several orders alike: who has to wait on a busy machine asks again."""
    return {name: min(totals(each)[name] for each in found) for name in NAMES}


def test_an_order_of_a_new_customer(counted: Counted) -> None:
    found = [counted.new(1, f"new-{number}") for number in range(3)]
    assert least(found) == dict(zip(NAMES, NEW, strict=True)), found


def test_an_order_of_a_known_customer(counted: Counted) -> None:
    found = [counted.known(f"known-{number}") for number in range(3)]
    assert least(found) == dict(zip(NAMES, KNOWN, strict=True)), found


def test_orders_that_come_at_once(counted: Counted) -> None:
    found = counted.new(BURST, "burst")
    over = {
        name: total / BURST
        for (name, total), bound in zip(totals(found).items(), IN_A_BURST, strict=True)
        if total > bound * BURST
    }
    assert over == {}, found
