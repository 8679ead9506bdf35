"""The rules of cursors: what a target changes is taken in once, whenever it was stamped, committed and read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2.errors
import pytest

from integration.connectors.contract import AsPosted, Change, Document, OpenKeys, Page, Parent, nothing_posted
from integration.errors import Failure, Misconfigured, Retry
from integration.store import crossrefs, cursors, installations
from integration.store.crossrefs import Written
from tasks import polls
from tasks.intake import Intake
from tasks.polls import Run, runs
from tasks.runtime import Runtime

NOW = datetime.now(UTC).replace(microsecond=0)
FAR = 1000
TYPES = {"pickings": "shipment.changed", "invoices": "invoice.changed"}


@dataclass
class Warehouse:
    """A system to be polled: changes with the stamp of their transaction, which may be seen later than that."""

    kind: str = "odoo"
    streams: tuple[str, ...] = ("pickings",)
    page_size: int = FAR
    records: dict[str, tuple[datetime, Document]] = field(default_factory=dict)
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    shut: Failure | None = None

    def put(self, id: str, at: datetime, **document: Any) -> None:
        self.records[id] = (at, {"name": id, **document})

    def changes(
        self,
        stream: str,
        since: datetime,
        page: Document | None,
        open_keys: OpenKeys,  # noqa: ARG002
        as_posted: AsPosted = nothing_posted,  # noqa: ARG002
    ) -> Page:
        self.asked.append((stream, since))
        self.before()
        found = sorted((at, id, document) for id, (at, document) in self.records.items() if at >= since)
        start = page["offset"] if page else 0
        shown = found[start : start + self.page_size]
        more = start + self.page_size < len(found)
        changes = tuple(
            Change(TYPES[stream], id, at, id, Parent("order", "8", "1001"), document) for at, id, document in shown
        )
        next = {"offset": start + self.page_size} if more else None
        return Page(changes, max((at for at, _, _ in shown), default=None), next)

    def whoami(self) -> str:
        if self.shut:
            raise self.shut
        return "fleet"


class Reader:
    """Polls the warehouse, and says what the inbox has of it."""

    def __init__(self, runtime: Runtime, warehouse: Warehouse) -> None:
        self.runtime = runtime
        self.warehouse = warehouse
        runtime._connectors["odoo"] = warehouse  # type: ignore[assignment]
        self._intake = Intake(runtime)
        with runtime.database.transaction() as tx:
            cursors.ensure(tx, self.installation, warehouse.streams)
            tx.run("update cursors set since = %s", NOW - timedelta(minutes=10))

    @property
    def installation(self) -> int:
        return self.runtime.installations["odoo"].id

    def poll(self) -> list[Run]:
        """One round of what is due, due or not."""
        self.run("update cursors set due_at = now() where lease is null")
        return self.poll_due()

    def poll_due(self) -> list[Run]:
        return list(runs(self.runtime, self._intake, "odoo"))

    def taken_in(self) -> list[str]:
        with self.runtime.database.transaction() as tx:
            return [row["number"] for row in tx.rows("select number from messages order by id")]

    def value(self, sql: str, *values: object) -> Any:
        with self.runtime.database.transaction() as tx:
            return tx.value(sql, *values)

    def run(self, sql: str, *values: object) -> None:
        with self.runtime.database.transaction() as tx:
            tx.run(sql, *values)


@pytest.fixture
def warehouse() -> Warehouse:
    return Warehouse()


@pytest.fixture
def reader(runtime: Runtime, warehouse: Warehouse) -> Iterator[Reader]:
    yield Reader(runtime, warehouse)


def test_what_changed_is_taken_in_once_however_often_it_is_read(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.put("A", NOW)
    warehouse.put("B", NOW)
    assert [run.accepted for run in reader.poll()] == [2]
    assert [(run.read, run.accepted) for run in reader.poll()] == [(2, 0)], "the overlap is read again"
    assert reader.taken_in() == ["A", "B"]


def test_what_a_crossref_knows_is_named_by_our_id(reader: Reader, warehouse: Warehouse) -> None:
    with reader.runtime.database.transaction() as tx:
        crossrefs.write(tx, [Written(reader.installation, "shipment", "s-1", "A")])
    warehouse.put("A", NOW)
    warehouse.put("B", NOW)
    reader.poll()
    assert reader.value("select array_agg(object_id order by object_id) from messages") == ["odoo-1/B", "s-1"]
    assert reader.value("select count(*) from deliveries where lane = 'clarity-1/shipment__s_2d1'") == 1
    assert [run.accepted for run in reader.poll()] == [0], "the overlap is known under that name"


def test_changes_of_one_second_on_two_pages(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.page_size = 1
    for id in "ABC":
        warehouse.put(id, NOW)
    reader.poll()
    assert reader.taken_in() == ["A", "B", "C"]


def test_another_change_in_the_same_second(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.put("A", NOW, tracking=None)
    reader.poll()
    warehouse.put("A", NOW, tracking="1Z")
    reader.poll()
    assert reader.taken_in() == ["A", "A"]
    assert reader.value("select count(distinct version) from messages") == 2, "what is read later is newer"


def test_a_return_to_an_earlier_state_is_a_change_too(reader: Reader, warehouse: Warehouse) -> None:
    for tracking in ("1Z1", "1Z2", "1Z1", "1Z1"):
        warehouse.put("A", NOW, tracking=tracking)
        reader.poll()
    assert reader.taken_in() == ["A", "A", "A"]


def test_a_transfer_and_an_invoice_with_one_id_are_two_objects(runtime: Runtime) -> None:
    reader = Reader(runtime, warehouse := Warehouse(streams=("pickings", "invoices")))
    warehouse.put("36", NOW)
    accepted = [sum(run.accepted for run in reader.poll()) for _ in range(10)]
    assert accepted == [2] + [0] * 9


def test_a_defect_in_one_stream_does_not_stop_the_others(runtime: Runtime) -> None:
    reader = Reader(runtime, warehouse := Warehouse(streams=("pickings", "invoices")))
    warehouse.put("A", NOW)

    def break_down() -> None:
        if warehouse.asked[-1][0] == "pickings":
            raise KeyError("a defect")

    warehouse.before = break_down
    reader.poll()
    assert reader.taken_in() == ["A"]
    assert reader.value("select failures from cursors where stream = 'pickings'") == 1


def test_a_call_longer_than_the_lease_keeps_it(
    reader: Reader, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "RENEW_EVERY", 0.05)
    warehouse.put("A", NOW)

    def be_slow() -> None:
        reader.run("update cursors set leased_until = now() + interval '0.3 seconds' where lease is not null")
        time.sleep(0.8)
        assert reader.poll_due() == []

    warehouse.before = be_slow
    assert [run.accepted for run in reader.poll()] == [1]


def test_a_long_run_lets_the_other_streams_have_their_turn(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "TURN", 0.0)
    reader = Reader(runtime, warehouse := Warehouse(streams=("pickings", "invoices"), page_size=1))
    for id in "ABC":
        warehouse.put(id, NOW)
    reader.poll()
    assert [stream for stream, _ in warehouse.asked[:4]] in (
        ["pickings", "invoices", "pickings", "invoices"],
        ["invoices", "pickings", "invoices", "pickings"],
    )
    assert reader.value("select count(distinct object_id) from messages") == 3


def test_a_late_committer_is_not_missed(reader: Reader, warehouse: Warehouse) -> None:
    """Its transaction began before the last poll, and so did its stamp; it was seen only afterwards."""
    warehouse.put("A", NOW)
    reader.poll()
    warehouse.put("late", NOW - timedelta(minutes=2))
    reader.poll()
    assert reader.taken_in() == ["A", "late"]


def test_what_came_hours_late_is_found_by_the_sweep(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.put("A", NOW)
    reader.poll()
    warehouse.put("hours late", NOW - timedelta(hours=20))
    reader.poll()
    assert reader.taken_in() == ["A"]
    reader.run("update cursors set swept_at = now() - interval '61 minutes'")
    reader.poll()
    assert reader.taken_in() == ["A", "hours late"]
    reader.poll()
    assert warehouse.asked[-1][1] > NOW - timedelta(hours=1), "only once an hour"


def test_the_mark_is_what_was_seen_and_never_the_time_of_the_poll(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.put("A", NOW - timedelta(minutes=8))
    reader.poll()
    reader.poll()
    assert reader.value("select since from cursors") == NOW - timedelta(minutes=8)
    warehouse.records.clear()
    reader.poll()
    assert reader.value("select since from cursors") == NOW - timedelta(minutes=8), "nothing seen, nothing moved"


def test_a_clock_that_is_ahead_at_the_target(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.put("tomorrow", NOW + timedelta(days=1))
    reader.poll()
    warehouse.put("today", datetime.now(UTC))
    reader.poll()
    assert reader.taken_in() == ["tomorrow", "today"]


def test_two_beats_at_once(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.page_size = 7
    for number in range(50):
        warehouse.put(f"{number:02}", NOW)
    with ThreadPoolExecutor(4) as pool:
        found = [run for each in [pool.submit(reader.poll_due) for _ in range(4)] for run in each.result()]
    assert sum(run.accepted for run in found) == 50
    assert sorted(reader.taken_in()) == [f"{number:02}" for number in range(50)]
    assert len([asked for asked in warehouse.asked if asked[0] == "pickings"]) == 8, (
        "one of them read, the others did not"
    )


def test_streams_of_one_installation_are_read_one_at_a_time(runtime: Runtime) -> None:
    reader = Reader(runtime, warehouse := Warehouse(streams=("pickings", "invoices")))
    with runtime.database.transaction() as tx:
        assert cursors.take(tx, reader.installation)
    with runtime.database.transaction() as tx:
        assert cursors.take(tx, reader.installation) is None
    assert reader.poll_due() == [], "what is read later must be newer"
    assert warehouse.asked == []


def test_the_index_lets_one_poll_of_an_installation_hold_a_lease(runtime: Runtime) -> None:
    reader = Reader(runtime, Warehouse(streams=("pickings", "invoices")))
    with pytest.raises(psycopg2.errors.UniqueViolation):
        reader.run("update cursors set lease = gen_random_uuid()")


def test_a_poll_killed_between_page_and_commit(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.page_size = 2
    for id in "ABCDE":
        warehouse.put(id, NOW)

    def die_on_the_second_page() -> None:
        if len(warehouse.asked) == 2:
            raise KeyboardInterrupt

    warehouse.before = die_on_the_second_page
    with pytest.raises(KeyboardInterrupt):
        reader.poll()
    assert reader.taken_in() == ["A", "B"]
    assert reader.poll() == [], "the lease is still held"
    reader.run("update cursors set leased_until = now() - interval '1 second'")
    reader.poll_due()
    assert reader.taken_in() == ["A", "B", "C", "D", "E"]
    assert reader.value("select count(*) from cursors where lease is not null") == 0


def test_a_page_read_under_a_lost_lease_moves_nothing(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.put("A", NOW)

    def be_overtaken() -> None:
        warehouse.before = lambda: None
        reader.run("update cursors set leased_until = now() - interval '1 second'")
        reader.poll_due()

    warehouse.before = be_overtaken
    (overtaken,) = reader.poll()
    assert overtaken == Run("pickings"), "its page does not count"
    assert reader.taken_in() == ["A"]
    assert reader.value("select polled_at is not null and lease is null from cursors") is True


def test_after_a_failure_the_run_goes_on_where_it_was(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.page_size = 1
    for id in "AB":
        warehouse.put(id, NOW)

    def fail_on_the_second_page() -> None:
        if len(warehouse.asked) == 2:
            raise Retry("no answer in time")

    warehouse.before = fail_on_the_second_page
    (run,) = reader.poll()
    assert run.failure and run.failure.reason == "no answer in time"
    assert reader.value("select reason from cursors") == "no answer in time"
    assert reader.value("select due_at > now() + interval '5 seconds' from cursors") is True
    reader.poll()
    assert reader.taken_in() == ["A", "B"]
    assert reader.value("select failures from cursors") == 0


def test_a_stream_that_is_closed_to_us_does_not_stop_the_target(runtime: Runtime) -> None:
    reader = Reader(runtime, warehouse := Warehouse(streams=("pickings", "invoices")))
    warehouse.put("A", NOW)

    def no_invoices() -> None:
        if warehouse.asked[-1][0] == "invoices":
            raise Misconfigured("no right to read invoices", hint="Give it.")

    warehouse.before = no_invoices
    reader.poll()
    assert reader.taken_in() == ["A"]
    assert paused(reader) == [None]
    warehouse.shut = Misconfigured("wrong key", hint="Another key.")
    reader.poll()
    assert paused(reader) == ["wrong key"]
    before = len(warehouse.asked)
    reader.poll()
    assert len(warehouse.asked) == before, "a paused target is not asked"


def paused(reader: Reader) -> list[str | None]:
    with reader.runtime.database.transaction() as tx:
        return [row["pause_reason"] for row in installations.all_installations(tx) if row["kind"] == "odoo"]


def test_a_hint_makes_it_due_early_but_not_more_often_than_every_five_seconds(
    reader: Reader, warehouse: Warehouse
) -> None:
    warehouse.put("A", NOW)
    reader.poll()
    assert reader.poll_due() == [], "the next poll is due in a minute"
    for _ in range(3):
        with reader.runtime.database.transaction() as tx:
            cursors.make_due(tx, reader.installation)
    assert reader.poll_due() == [], "it was polled a moment ago"
    assert reader.value("select due_at between now() and now() + interval '5 seconds' from cursors") is True
    reader.run("update cursors set started_at = now() - interval '6 seconds'")
    with reader.runtime.database.transaction() as tx:
        cursors.make_due(tx, reader.installation)
    assert len(reader.poll_due()) == 1


def test_what_belongs_to_an_order_is_kept_with_our_id_of_it(reader: Reader, warehouse: Warehouse) -> None:
    warehouse.put("A", NOW)
    reader.poll()
    assert reader.value("select part_of from messages where number = 'A'") == "1001", "as the external id has it"
    with reader.runtime.database.transaction() as tx:
        crossrefs.write(tx, [Written(reader.installation, "order", "ours", "8")])
    warehouse.put("B", NOW)
    reader.poll()
    assert reader.value("select part_of from messages where number = 'B'") == "ours"
