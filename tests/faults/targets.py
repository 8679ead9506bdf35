"""The systems we call: slow, overloaded, cut off before and after the effect, failing in ways of their own."""

from __future__ import annotations

import signal
import time

from tests.faults.trial import Trial, fault

EFFECTS = {
    "odoo": ("res.partner/load", "sale.order/load", "action_confirm", "sale.order/write"),
    "fusion": ("POST /fusion/fscmRestApi", "PATCH /fusion/fscmRestApi"),
    "clarity": ("/status", "/shipments", "/invoices"),
}
"""The calls that take effect: a part of method and path, by system."""
STORMS = (
    *("429", "500", "502_html", "503", "reset_before", "html"),
    *("truncated_json", "timeout_after_commit", "repeated"),
)
LONG = 12.0
"""Seconds of an outage."""
TIMEOUT = 2
"""Seconds for a whole answer, where answers take longer than that."""
ODOO_OWN = (
    "psycopg2.errors.SerializationFailure",
    "psycopg2.errors.DeadlockDetected",
    "psycopg2.errors.LockNotAvailable",
    "psycopg2.OperationalError",
    "load_conflict",
)
FUSION_OWN = ("busy", "empty_page", "unqueryable", "not_submitted")


@fault(short=True)
def answer_lost_after_commit(trial: Trial) -> None:
    """The connection breaks after each kind of call has taken effect: was it done, or was it not?"""
    for target, paths in EFFECTS.items():
        for path in paths:
            trial.world.fault(target, "timeout_after_commit", path=path, ms=50, times=trial.random.randint(1, 3))
    with trial.traffic():
        trial.moment()


@fault(at=[(kind,) for kind in STORMS])
def storm(trial: Trial, kind: str) -> None:
    """For some seconds every third call of every system comes to this."""
    with trial.traffic():
        for target in EFFECTS:
            trial.world.fault(target, kind, rate=0.3, duration=6, ms=300)
        time.sleep(6)


@fault()
def throttled_without_saying_for_how_long(trial: Trial) -> None:
    """429 without Retry-After."""
    with trial.traffic():
        for target in EFFECTS:
            trial.world.fault(target, "429", rate=0.5, duration=6, retry_after=0)
        time.sleep(6)


@fault(at=[(target,) for target in EFFECTS])
def out_of_order(trial: Trial, target: str) -> None:
    """One system answers every call with a 5xx, longer than any schedule of tries lasts."""
    with trial.traffic():
        trial.moment()
        trial.world.fault(target, trial.random.choice(("500", "502_html", "503")), duration=LONG)
        time.sleep(LONG)


@fault()
def slow(trial: Trial) -> None:
    """Every call of every system takes a second longer."""
    with trial.traffic():
        for target in EFFECTS:
            trial.world.fault(target, "latency", ms=1000, duration=8)
        time.sleep(8)


@fault(at=[(target,) for target in EFFECTS])
def answers_trickle_in(trial: Trial, target: str) -> None:
    """Every second call takes effect, and its answer begins at once but is not whole by the time we give up."""
    setting, worker = f"{target.upper()}_TIMEOUT", f"worker-{target}"
    trial.world.fleet.environment[setting] = str(TIMEOUT)
    try:
        trial.world.restart(worker, signal.SIGTERM)
        with trial.traffic():
            for path in EFFECTS[target]:
                trial.world.fault(target, "trickle", path=path, rate=0.5, duration=10, ms=TIMEOUT * 2000)
            time.sleep(10)
        faults = trial.world.control("GET", "faults")
        assert any(each["hits"] for each in faults), "nothing was slow"
    finally:
        del trial.world.fleet.environment[setting]
        trial.world.restart(worker, signal.SIGTERM)


@fault(at=[("clarity",), ("fusion",)])
def token_expired(trial: Trial, target: str) -> None:
    """Tokens expire in mid-flight, one after the other."""
    with trial.traffic():
        for _ in range(5):
            trial.moment(1.0)
            trial.world.fault(target, "401_expire", times=1)


@fault()
def key_revoked(trial: Trial) -> None:
    """Odoo does not know our key: the target is paused, not one delivery fails, and it is resumed when it does."""
    with trial.traffic():
        trial.moment()
        trial.world.fault("odoo", "401_expire", duration=5)
        time.sleep(5)


@fault()
def failures_of_odoo(trial: Trial) -> None:
    """Transactions that lost against another, at every kind of call that takes effect."""
    with trial.traffic():
        for _ in range(12):
            name, path = trial.random.choice(ODOO_OWN), trial.random.choice(EFFECTS["odoo"])
            model, method = path.split("/") if "/" in path else ("sale.order", path)
            trial.world.control("POST", "odoo/failures", {"name": name, "model": model, "method": method})
            trial.moment(0.5)


@fault()
def odoo_asks_first(trial: Trial) -> None:
    """A confirmation is answered by a window with a question instead of true, and nothing is done: a person replays."""
    asked = {"name": "window", "model": "sale.order", "method": "action_confirm"}
    with trial.traffic():
        for _ in range(3):
            trial.world.control("POST", "odoo/failures", asked)
            trial.moment(1.0)
    trial.replay("asks_first")


@fault(at=[(name,) for name in FUSION_OWN])
def failures_of_fusion(trial: Trial, name: str) -> None:
    """What a pod answers although nothing is broken, some of it inside a 2xx.  A draft needs a person, who replays."""
    with trial.traffic():
        for _ in range(4):
            trial.world.control("POST", "fusion/failures", {"name": name})
            trial.moment(1.0)
    if name == "not_submitted":
        trial.replay(name)
