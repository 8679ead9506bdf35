"""Our own processes: killed at every stage, frozen, doubled, replaced one by one under load."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import ExitStack

from integration.local.processes import PROJECT, read_procfile
from tests.faults.targets import EFFECTS
from tests.faults.trial import Trial, fault

LAPSED = 23.0
"""Seconds after which a lease of 20 s is somebody else's, in Postgres and by its holder's own clock."""
PROCESSES = [program.name for program in read_procfile(PROJECT / "Procfile", {})]
STAGES = {
    ("worker-odoo", "customer"): ("odoo", "res.partner/load"),
    ("worker-odoo", "order"): ("odoo", "sale.order/load"),
    ("worker-odoo", "confirmation"): ("odoo", "action_confirm"),
    ("worker-odoo", "change"): ("odoo", "sale.order/write"),
    ("worker-fusion", "look-up"): ("fusion", "GET /fusion/fscmRestApi"),
    ("worker-fusion", "order"): ("fusion", "POST /fusion/fscmRestApi"),
    ("worker-fusion", "change"): ("fusion", "PATCH /fusion/fscmRestApi"),
    ("worker-clarity", "fetch"): ("clarity", "GET /clarity/api/v1/orders/"),
    ("worker-clarity", "status"): ("clarity", "/status"),
    ("worker-clarity", "shipment"): ("clarity", "/shipments"),
    ("worker-clarity", "invoice"): ("clarity", "/invoices"),
    ("worker-upkeep", "transfers"): ("odoo", "stock.picking/search_read"),
    ("worker-upkeep", "invoices"): ("odoo", "account.move/search_read"),
    ("worker-upkeep", "receivables"): ("fusion", "receivablesInvoices"),
}
"""In which call a worker is killed: the system, and a part of method and path."""
BULK = ("res.partner/search_read", "res.partner/load", "sale.order/load", "sale.order/read", "action_confirm")
"""The calls that Odoo's worker makes once for all the orders of a hop."""
DEAD_BY = 400.0
"""Seconds: five leases of 20 s, and the growing pauses before a worker that keeps dying is started again."""


@fault(short=True)
def workers_killed_and_frozen_in_mid_post(trial: Trial) -> None:
    """Calls are under way that take effect all the same, and nobody has written down what they came to: one worker is
    dead, the other ERP's is frozen past its lease.  Another one takes its deliveries over; thawed, it must notice.
    """
    world = trial.world
    killed, frozen = trial.random.sample(("odoo", "fusion"), 2)
    with trial.traffic():
        trial.moment()
        trial.in_mid_call(frozen, trial.random.choice(EFFECTS[frozen]))
        with world.frozen(f"worker-{frozen}") as thaw, trial.another(*_second(frozen)):
            lapses = time.monotonic() + LAPSED
            trial.in_mid_call(killed, trial.random.choice(EFFECTS[killed]))
            world.restart(f"worker-{killed}")
            time.sleep(max(lapses - time.monotonic(), 0))
            thaw()


@fault(at=[*STAGES])
def killed_in_mid_call(trial: Trial, worker: str, stage: str) -> None:
    """A worker dies in each of the calls that its work is made of."""
    with trial.traffic():
        trial.moment()
        trial.in_mid_call(*STAGES[worker, stage])
        trial.world.restart(worker)


@fault(at=[(path,) for path in BULK])
def killed_in_mid_bulk(trial: Trial, path: str) -> None:
    """Odoo's worker dies in a call that it makes for sixteen orders: nobody knows what has become of any of them."""
    with trial.traffic():
        with trial.world.frozen("worker-odoo") as thaw:
            trial.crowd(16)
            threading.Timer(2.0, thaw).start()
            trial.in_mid_call("odoo", path)
        trial.world.restart("worker-odoo")


@fault(at=[(name,) for name in PROCESSES])
def killed(trial: Trial, process: str) -> None:
    """A process of the Procfile dies at two random moments."""
    with trial.traffic():
        for _ in range(2):
            trial.moment()
            trial.world.restart(process)


@fault()
def all_killed_at_once(trial: Trial) -> None:
    """The machine loses its power: every process and both servers, without any warning."""
    with trial.traffic():
        trial.moment()
        for process in (*PROCESSES, "postgres", "valkey"):
            trial.world.kill(process, signal.SIGKILL)
        trial.moment(5.0)


@fault()
def restarted_one_by_one(trial: Trial) -> None:
    """As for a new version: each is asked to end, finishes or gives back what it has, and a new one takes its place."""
    with trial.traffic():
        for process in trial.random.sample(PROCESSES, len(PROCESSES)):
            trial.moment(0.5)
            trial.world.restart(process, signal.SIGTERM)


@fault()
def scaled_out_and_in(trial: Trial) -> None:
    """A second worker of a queue comes by Celery's own command line, works, and goes."""
    with trial.traffic():
        with trial.another(*_second("odoo")):
            trial.moment(4.0)
        trial.moment()


@fault()
def two_beats_and_two_dispatchers(trial: Trial) -> None:
    """Somebody starts a second set by mistake."""
    schedule = str(trial.world.fleet.home / "second-schedule")
    with ExitStack() as second, trial.traffic():
        second.enter_context(trial.another("python", "-m", "tasks.dispatcher"))
        second.enter_context(trial.another("python", "-m", "tasks", "beat", "--schedule", schedule))
        trial.moment(10.0)


@fault()
def poison(trial: Trial) -> None:
    """A delivery in whose midst its worker dies each time (of memory, say) becomes a dead letter, alone.

    Repaired, it is replayed, unless a newer state of its order has come and gone through.
    """
    (id,) = trial.withheld(1)
    world = trial.world
    world.fault("odoo", "latency", path="/json/2/", ms=200)
    with trial.traffic():
        order = world.order(id)
        world.send(
            {"id": f"evt_{id}_poison", "type": "order.created", "timestamp": order["updatedDate"], "data": order}
        )
        died, deadline = 0, time.monotonic() + DEAD_BY
        while (now := _lease(trial, id)) != ("dead", 0):
            assert time.monotonic() < deadline, f"it is {now} and not dead"
            if now == ("running", died + 1):
                world.kill("worker-odoo", signal.SIGKILL)
                died += 1
            time.sleep(0.02)
    poisoned = [order for order in trial.orders if "poison" in {row["code"] for row in world.at("odoo", order)}]
    assert poisoned == [id], f"given up: {poisoned}"
    world.clear_faults()
    trial.replay("poison")


def _second(queue: str) -> list[str]:
    return ["celery", "-A", "tasks", "worker", "-Q", queue, "-P", "threads", "-c", "16", "-n", f"{queue}2@%h"]


def _lease(trial: Trial, id: str) -> tuple[str, int]:
    """State of the order's delivery to Odoo, and the leases that it has used up without an outcome."""
    with trial.world.database.transaction() as tx:
        row = tx.row(
            """select d.state, d.leases from deliveries d join messages m on m.id = d.message
               where m.object_id = %s and d.queue = 'odoo' and d.origin is null order by d.id limit 1""",
            id,
        )
    return (row["state"], row["leases"]) if row else ("", 0)
