"""What was measured, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.table import Table

from tests.benchmarks.counts import Counts


@dataclass(frozen=True)
class Result:
    """One row: rates are per second, times in seconds, ``cpu`` per order, ``pss`` in MiB when idle.

    ``target`` is what played Odoo and Clarity.  ``cpu_of`` is the CPU per order of each process, and of the target
    itself, which is not part of ``cpu``.  ``idle`` is how many messages a minute a fleet accepts to which nothing new
    is sent.
    """

    name: str
    target: str = ""
    accepted: float | None = None
    orders: float | None = None
    p50: float | None = None
    p99: float | None = None
    answer_p99: float | None = None
    cpu: float | None = None
    pss: float | None = None
    lost: int | None = None
    doubled: int | None = None
    idle: float | None = None
    cpu_of: Mapping[str, float] = field(default_factory=dict)


COLUMNS = ("accepted/s", "orders/s", "p50 s", "p99 s", "answer p99 ms", "CPU ms/order", "PSS MiB", "lost", "doubled")


def table(results: Sequence[Result]) -> Table:
    """The results, one row each."""
    drawn = _table("", "target", *COLUMNS, "messages/min")
    for each in results:
        drawn.add_row(
            each.name,
            each.target,
            _shown(each.accepted, ".0f"),
            _shown(each.orders, ".1f"),
            _shown(each.p50, ".3f"),
            _shown(each.p99, ".3f"),
            _shown(each.answer_p99 and each.answer_p99 * 1000, ".0f"),
            _shown(each.cpu and each.cpu * 1000, ".1f"),
            _shown(each.pss, ".0f"),
            _shown(each.lost, "d"),
            _shown(each.doubled, "d"),
            _shown(each.idle, ".0f"),
        )
    return drawn


def processes(results: Sequence[Result]) -> Table:
    """The CPU of each process in ms per order, a column for each result that knows it."""
    known = [each for each in results if each.cpu_of]
    drawn = _table("CPU ms/order of", *(f"{each.name}, {each.target}" for each in known))
    names = sorted({name for each in known for name in each.cpu_of}, key=lambda name: -known[0].cpu_of.get(name, 0))
    for name in names:
        drawn.add_row(name, *(_shown(_ms(each.cpu_of.get(name)), ".2f") for each in known))
    return drawn


def counts(found: Mapping[str, Counts]) -> Table:
    """How much an order asks of the others."""
    drawn = _table("an order asks for", "calls", "statements", "transactions", "fsyncs", "Redis", "messages")
    for name, each in found.items():
        totals = (each.http, each.statements, each.transactions, each.fsyncs, each.redis, each.messages)
        drawn.add_row(name, *(f"{total / each.orders:.4g}" for total in totals))
    return drawn


def ratios(results: Sequence[Result]) -> dict[str, float]:
    """End to end against the naive way, and the receiver against a bare insert."""
    found = {}
    for naive in (each for each in results if each.name == "naive Celery"):
        ours = next(each for each in results if each.name == "the fleet" and each.target == naive.target)
        assert ours.orders and naive.orders
        found[f"orders/s to naive Celery, {naive.target} target"] = round(ours.orders / naive.orders, 2)
    accepted = {each.name: each.accepted for each in results}
    receiver, insert = accepted.get("its receiver alone"), accepted.get("Flask, one insert, commit")
    if receiver and insert:
        found["accepted/s to Flask with one insert"] = round(receiver / insert, 2)
    return found


def _table(first: str, *others: str) -> Table:
    drawn = Table(box=None, header_style="bold")
    for number, name in enumerate((first, *others)):
        drawn.add_column(name, justify="right" if number else "left")
    return drawn


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
