"""A delivery that may kill its worker runs alone."""

from __future__ import annotations

import threading
import time

import pytest

from integration.message import Event, Step
from integration.store import dispatch
from integration.store.deliveries import POISONED
from tasks.intake import Intake
from tasks.runner import run
from tasks.runtime import Runtime
from tasks.shared_lock import SharedLock
from tasks.tracking import Job


def test_many_run_together_and_one_runs_alone() -> None:
    lock, log, started = SharedLock(), [], threading.Barrier(3)

    def together(name: str) -> None:
        with lock.hold(alone=False):
            log.append(f"{name} in")
            started.wait(5)
            time.sleep(0.1)
            log.append(f"{name} out")

    def alone() -> None:
        with lock.hold(alone=True):
            log.append("alone in")
            time.sleep(0.1)
            log.append("alone out")

    pair = [threading.Thread(target=together, args=(name,)) for name in "ab"]
    for thread in pair:
        thread.start()
    started.wait(5)
    suspect = threading.Thread(target=alone)
    suspect.start()
    time.sleep(0.05)
    late = threading.Thread(target=lambda: lock.hold(alone=False).__enter__() or log.append("late in"))
    late.start()
    for thread in (*pair, suspect, late):
        thread.join(5)
    assert sorted(log[:2]) == ["a in", "b in"]
    assert sorted(log[2:4]) == ["a out", "b out"]
    assert log[4:] == ["alone in", "alone out", "late in"]


def test_what_exhausts_the_memory_is_tried_again_until_it_is_poison(runtime: Runtime) -> None:
    """Nothing is written when memory runs out, for it may have been another's fault."""
    with runtime.database.transaction() as tx:
        intake = Intake(runtime)
        intake.accept(tx, [intake.arriving("clarity", Event("evt-1", "order.created", "1001", 1, "WEB-1"), b"{}")])
        id = tx.value("select id from deliveries")

    def exhaust(job: Job) -> None:
        raise MemoryError

    for _ in range(POISONED):
        with pytest.raises(MemoryError):
            run(runtime, [id], Step.TRANSFORM, {Step.TRANSFORM: exhaust})
        with runtime.database.transaction() as tx:
            tx.run("update deliveries set leased_until = now() - interval '1 second'")
            assert dispatch.redrive(tx) == 1
    assert run(runtime, [id], Step.TRANSFORM, {}) == []
    with runtime.database.transaction() as tx:
        assert tx.row("select state, code from deliveries") == {"state": "dead", "code": "poison"}


def test_poison_waits_for_no_place_at_its_target(runtime: Runtime) -> None:
    """Where each of its tries takes down the worker, the target's slots are taken until those leases lapse."""
    with runtime.database.transaction() as tx:
        intake = Intake(runtime)
        intake.accept(tx, [intake.arriving("clarity", Event("evt-1", "order.created", "1001", 1, "WEB-1"), b"{}")])
        tx.run("update deliveries set step = 'enrich', queue = 'odoo', leases = %s", POISONED)
        id = tx.value("select id from deliveries")
    runtime.throttles["odoo"].decide(rate=None, concurrency=None, breaker=True, paused=True)
    assert run(runtime, [id], Step.ENRICH, {}) == []
    with runtime.database.transaction() as tx:
        assert tx.row("select state, code from deliveries") == {"state": "dead", "code": "poison"}
