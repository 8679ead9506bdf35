"""A hop's claim and end: among several none suffers for another, and what cannot be written down is held."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integration.connectors.contract import Request
from integration.errors import Reject, Retry
from integration.local.servers import Valkey
from integration.message import Step
from integration.receiver import read_event
from integration.store import crossrefs, deliveries
from integration.store.crossrefs import Written
from integration.store.database import Row, Transaction
from tasks import pipeline, runner, steps
from tasks.celery import TOGETHER, app, spread
from tasks.intake import Intake
from tasks.runtime import Runtime
from tasks.tracking import Job
from tasks.work import DeliveryWork


class Hop:
    """The hop `transform ▸ validate` with bodies of the test's own; ``seen`` are the deliveries they were run for."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.seen: list[int] = []
        self.refused: set[int] = set()
        self.stolen: set[int] = set()
        self._intake = Intake(runtime)

    def deliveries(self, count: int, *, order: str | None = None) -> list[int]:
        """Deliveries to Odoo of as many new orders, or of events of one."""
        ids = []
        for number in range(count):
            name = uuid.uuid4().hex
            body = json.dumps({"type": "order.created", "data": {"id": order or name, "version": number}}).encode()
            with self.runtime.database.transaction() as tx:
                arriving = self._intake.arriving("clarity", read_event(name, body, "clarity"), body)
                (arrival,) = self._intake.accept(tx, [arriving])
                assert arrival
                ids.append(tx.value("select id from deliveries where message = %s", arrival.message))
        return ids

    def run(self, ids: list[int]) -> list[int]:
        bodies = {Step.TRANSFORM: self._body, Step.VALIDATE: lambda _: None}
        return [id for id, _ in runner.run(self.runtime, ids, Step.TRANSFORM, bodies)]

    def states(self, ids: list[int]) -> list[str]:
        return [row["state"] for row in self._rows(ids)]

    def steps(self, ids: list[int]) -> list[str]:
        return [row["step"] for row in self._rows(ids)]

    def _rows(self, ids: list[int]) -> list[Row]:
        with self.runtime.database.transaction() as tx:
            return tx.rows("select state, step from deliveries where id = any (%s::bigint[]) order by id", ids)

    def _body(self, job: Job) -> None:
        self.seen.append(job.delivery.id)
        if job.delivery.id in self.refused:
            raise Reject("not this one")
        if job.delivery.id in self.stolen:
            self.set("lease = gen_random_uuid()", job.delivery.id)

    def post(self, id: int, body: Callable[[Job], None]) -> None:
        """The hop at the target."""
        self.set("step = 'post', queue = 'odoo'", id)
        runner.run(self.runtime, [id], Step.POST, {Step.POST: body})

    def post_all(self, ids: list[int], body: Callable[[Job], None]) -> None:
        for id in ids:
            self.set("step = 'post', queue = 'odoo'", id)
        runner.run(self.runtime, ids, Step.POST, {Step.POST: body})

    def value(self, sql: str, id: int) -> Any:
        with self.runtime.database.transaction() as tx:
            return tx.value(sql, id)

    def set(self, what: str, id: int) -> None:
        with self.runtime.database.transaction() as tx:
            tx.run(f"update deliveries set {what} where id = %s", id)


@pytest.fixture
def hop(runtime: Runtime) -> Iterator[Hop]:
    yield Hop(runtime)
    runtime.redis.flushdb()
    runtime._credits.clear()


def test_all_go_on(hop: Hop) -> None:
    ids = hop.deliveries(5)
    assert hop.run(ids) == ids
    assert hop.steps(ids) == ["enrich"] * 5
    assert hop.seen == ids


def test_one_that_is_refused_stops_no_other(hop: Hop) -> None:
    one, bad, two = ids = hop.deliveries(3)
    hop.refused = {bad}
    assert hop.run(ids) == [one, two]
    assert hop.states(ids) == ["queued", "dead", "queued"]


def test_one_whose_lease_was_taken_over_keeps_no_other_from_its_end(hop: Hop) -> None:
    one, lost, two = ids = hop.deliveries(3)
    hop.stolen = {lost}
    assert hop.run(ids) == [one, two]
    assert hop.states(ids) == ["queued", "running", "queued"]


def test_one_whose_lane_is_free_between_claim_and_requeue_runs(hop: Hop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nudge that was refused is the only one it gets for a minute."""
    older, newer = hop.deliveries(2, order="1001")
    hop.set("state = 'queued', due_at = now()", newer)
    requeue = deliveries.requeue_behind_lane

    def when_the_older_has_ended(tx: Transaction, id: int) -> bool:
        hop.set("state = 'done', finished_at = now()", older)
        return requeue(tx, id)

    monkeypatch.setattr(deliveries, "requeue_behind_lane", when_the_older_has_ended)
    assert hop.run([newer]) == [newer]
    assert hop.seen == [newer]


def test_one_that_may_kill_its_worker_is_not_run_beside_others(hop: Hop) -> None:
    """Else all would be dead letters after the fifth worker that one of them has killed."""
    one, suspect, two = ids = hop.deliveries(3)
    hop.set("leases = 2", suspect)
    hop.run(ids)
    assert hop.seen == [one, two, suspect]


def test_of_one_lane_only_the_head_is_run(hop: Hop) -> None:
    ids = hop.deliveries(3, order="1001")
    assert hop.run(ids) == ids[:1]
    assert hop.seen == ids[:1]
    assert hop.states(ids) == ["queued", "waiting", "waiting"]


def send(request: Request) -> bool:  # noqa: ARG001
    return True


@pytest.mark.parametrize(
    "after",
    [
        lambda _: None,
        lambda work: work.perform("order.confirm", Request("POST", "/", None, {}), send),
        lambda work: work.found("order.confirm", "it is confirmed"),
    ],
    ids=["end", "perform", "found"],
)
def test_their_id_that_belongs_to_another_of_ours_is_held(hop: Hop, after: Callable[[DeliveryWork], None]) -> None:
    """As after a target was restored from a backup."""
    (id,) = hop.deliveries(1)
    with hop.runtime.database.transaction() as tx:
        crossrefs.write(tx, [Written(hop.runtime.installations["odoo"].id, "order", "another", "17", version=1)])

    def body(job: Job) -> None:
        job.work.perform("order.load", Request("POST", "/", None, {}), send)
        job.work.remember("order", job.delivery.object_id, "17")
        after(job.work)

    hop.post(id, body)
    assert hop.value("select state || ' ' || code from deliveries where id = %s", id) == "held taken"
    assert hop.value("select outcome from attempts where effect = 'order.load' and delivery = %s", id) == "ok"


def test_at_a_target_they_share_what_they_ask_and_none_suffers_for_another(hop: Hop) -> None:
    """Three post at once; one is refused, one finds that somebody has its lease, one is a defect of ours."""
    good, refused, defect, lost = ids = hop.deliveries(4)
    asked: list[int] = []

    def send(job: Job, request: Request) -> str:
        if job.delivery.id == refused:
            raise Reject("not this one")
        return "17"

    def body(job: Job) -> None:
        if job.delivery.id == lost:
            hop.set("lease = gen_random_uuid()", lost)
        job.work.known_among("product", ["a"])
        asked.append(job.delivery.id)
        job.work.perform("order.load", Request("POST", "/orders", {}, {}), lambda request: send(job, request))
        if job.delivery.id == defect:
            raise ZeroDivisionError

    hop.post_all(ids, body)
    assert asked == ids
    assert hop.states(ids) == ["done", "dead", "dead", "running"]
    outcomes = [hop.value("select max(outcome) from attempts where delivery = %s", id) for id in ids]
    assert outcomes == ["ok", "failed", "ok", None], "whoever lost its lease tried nothing"


def test_of_several_one_goes_as_a_probe(hop: Hop) -> None:
    ids, ran = hop.deliveries(3), []
    throttle = hop.runtime.throttles["odoo"]
    with throttle.admit() as admission:
        for _ in range(5):
            with pytest.raises(Retry), admission.call():
                raise Retry("no answer", counts_for_breaker=True)
    hop.runtime.redis.hset(f"throttle:{{{hop.runtime.installations['odoo'].name}}}", "open_until", 1)
    hop.post_all(ids, lambda job: ran.append(job.delivery.id))
    assert ran == ids[:1]
    assert hop.states(ids) == ["done", "waiting", "waiting"]
    assert [hop.value("select attempts from deliveries where id = %s", id) for id in ids] == [0, 0, 0]


def test_a_hop_takes_what_else_is_due_in_its_queue_and_goes_on_while_that_fills_it(hop: Hop) -> None:
    """But not beside one that has to run alone, and none of a replay, of which the dispatcher takes a share."""
    ids = hop.deliveries(TOGETHER + 3)
    replayed, suspect, *rest = ids
    hop.set("priority = 2", replayed)
    hop.set("leases = 2", suspect)
    bodies = {Step.TRANSFORM: hop._body, Step.VALIDATE: lambda _: None}
    taken = [len(each) for each in runner.rounds(hop.runtime, [suspect], Step.TRANSFORM, bodies, "ingest")]
    assert (taken, hop.seen) == ([1], [suspect])
    taken = [len(each) for each in runner.rounds(hop.runtime, [rest[0]], Step.TRANSFORM, bodies, "ingest")]
    assert taken == [TOGETHER, 1]
    assert sorted(hop.seen) == sorted([suspect, *rest])
    assert hop.states([replayed]) == ["ready"]


def test_nobody_nudges_where_nudges_wait(hop: Hop) -> None:
    """Whoever takes them takes what else is due."""
    assert hop.runtime.credit("odoo") > 1
    for _ in range(2):
        hop.runtime.redis.lpush("odoo", "a nudge")
    assert hop.runtime.credit("odoo") == 0
    ids = hop.deliveries(2)
    assert hop.run(ids) == []
    assert hop.states(ids) == ["ready", "ready"]


def test_a_nudge_for_several_that_comes_again_runs_none_again(hop: Hop) -> None:
    ids = hop.deliveries(3)
    assert hop.run(ids) == ids
    assert hop.run(ids) == []
    assert hop.seen == ids


def test_a_task_ends_though_memory_ran_out(hop: Hop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery would pass the error on, and never take the task for ended: the worker would wait for it for ever."""

    def exhaust(_: Job) -> None:
        raise MemoryError

    monkeypatch.setitem(steps.BODIES, Step.TRANSFORM, exhaust)
    (id,) = hop.deliveries(1)
    assert steps.transform.run(id) is None
    assert hop.states([id]) == ["running"]


def test_deliveries_of_one_nudge_go_on_together_under_an_id_of_their_own(runtime: Runtime, valkey: Valkey) -> None:
    several = pipeline.road([1, 2, 3, 4], Step.TRANSFORM, "ingest", "odoo")
    links = list(reversed(several.tasks[1:]))
    spread(links, [(1, "odoo"), (2, "fusion"), (3, "odoo")])
    with app.connection_for_read() as connection:
        messages = [connection.SimpleQueue(queue).get(timeout=2) for queue in ("odoo", "fusion")]
    assert [message.payload[0] for message in messages] == [[[1, 3]], [2]]
    assert [message.headers["argsrepr"] for message in messages] == ["([1, 3], 'odoo')", "(2, 'fusion')"]
    following = [message.payload[2]["chain"][0]["options"]["task_id"] for message in messages]
    assert len({message.headers["id"] for message in messages} | set(following)) == 4
