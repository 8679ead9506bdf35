"""How much an order asks of Odoo, Clarity, Postgres, Redis and Celery: exact numbers, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.benchmarks.counts import BURST, Counted, Counts

NAMES = ("http", "statements", "transactions", "fsyncs", "redis", "messages")
# What one order asks for.  Whoever makes it less lowers the number; of a burst scheduling decides, so these are bounds.
NEW = (7, 28, 18, 6, 11, 3)
KNOWN = (5, 25, 15, 5, 11, 3)
IN_A_BURST = (3, 8, 6.5, 2.5, 6, 1)
TRIES = 12

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def counted() -> Iterator[Counted]:
    with Counted.running() as counted:
        yield counted


def totals(found: Counts) -> dict[str, int]:
    return {name: getattr(found, name) for name in NAMES}


def least(asked: Callable[[int], Counts], wanted: Sequence[int]) -> None:
    """Of orders alike, since who has to wait on a busy machine asks again; none may ask for less."""
    found: list[Counts] = []
    for number in range(TRIES):
        found.append(asked(number))
        fewest = {name: min(totals(each)[name] for each in found) for name in NAMES}
        asked_for = dict(zip(NAMES, wanted, strict=True))
        shared = {"fsyncs": min(fewest["fsyncs"], asked_for["fsyncs"])}  # by transactions that end at one moment
        if fewest == asked_for | shared:
            return
    raise AssertionError(f"{fewest}, not {wanted}: {found[-1]}")


def test_an_order_of_a_new_customer(counted: Counted) -> None:
    least(lambda number: counted.new(1, f"new-{number}"), NEW)


def test_an_order_of_a_known_customer(counted: Counted) -> None:
    least(lambda number: counted.known(f"known-{number}"), KNOWN)


def test_orders_that_come_at_once(counted: Counted) -> None:
    found = counted.new(BURST, "burst")
    over = {
        name: total / BURST
        for (name, total), bound in zip(totals(found).items(), IN_A_BURST, strict=True)
        if total > bound * BURST
    }
    assert over == {}, found
