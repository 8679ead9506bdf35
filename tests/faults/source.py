"""Clarity as the source of events: doubled, late, lost and reordered webhooks, secrets that change."""

from __future__ import annotations

import base64
import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.faults.trial import Trial, fault

COPIES = 5
DAYS_AGO = "2026-11-01T08:00:00Z"
LARGEST = 1024 * 1024


@fault(short=True)
def equal_webhooks_at_once(trial: Trial) -> None:
    """The same event five times in the same instant, and every other event twice: one is new, the rest are known."""
    orders = trial.withheld(4)
    trial.world.fault("webhooks", "duplicate")
    with trial.traffic():
        for id in orders:
            trial.moment(0.5)
            order = trial.world.order(id)
            event = {"id": f"evt_{id}_once", "type": "order.created", "timestamp": order["updatedDate"], "data": order}
            with ThreadPoolExecutor(COPIES) as senders:
                answers = [answer.status_code for answer in senders.map(trial.world.send, [event] * COPIES)]
            assert sorted(answers) == [200] * (COPIES - 1) + [202]


@fault(at=[("reorder",), ("drop",), ("bad_signature",), ("stale_timestamp",), ("two_signatures",)])
def webhooks(trial: Trial, kind: str) -> None:
    """Some events overtake others, are lost and sent again later, or signed wrongly at first."""
    with trial.traffic():
        trial.world.fault("webhooks", kind, rate=0.4, duration=6, ms=trial.random.randint(500, 4000))
        time.sleep(6)


@fault()
def webhooks_days_late(trial: Trial) -> None:
    """Events of old states arrive after the newer ones, as new ones of their own."""
    orders = trial.withheld(4)
    old = {id: trial.world.order(id) for id in orders}
    with trial.traffic():
        for id in orders:
            trial.changed[id] = number = f"PO-{trial.random.randint(1, 10**9)}"
            trial.world.control("PATCH", f"orders/{id}", {"purchaseOrderNumber": number})
            trial.moment(0.5)
        trial.world.finished(*orders, seconds=120)
        for id in orders:
            event = {"id": f"evt_{id}_late", "type": "order.created", "timestamp": DAYS_AGO, "data": old[id]}
            assert trial.world.send(event).status_code == 202


@fault()
def secret_rotated(trial: Trial) -> None:
    """The new secret is accepted beside the old one, then used by Clarity, then it is the only one."""
    world, fleet = trial.world, trial.world.fleet
    old, new = (
        fleet.environment["CLARITY_WEBHOOK_SECRETS"],
        f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
    )
    sandbox = fleet.sandbox_file
    with trial.traffic():
        for secret, restarted in ((f"{new},{old}", "receiver"), (new, "sandbox"), (new, "receiver")):
            if restarted == "sandbox":
                configuration = json.loads(sandbox.read_text())
                configuration["clarity"]["webhook_secret"] = secret
                sandbox.write_text(json.dumps(configuration))
            else:
                fleet.environment["CLARITY_WEBHOOK_SECRETS"] = secret
            world.restart(restarted)
            world.until(lambda: _up(trial), 60)
            trial.moment()


@fault()
def large_documents(trial: Trial) -> None:
    """Ten megabytes are refused at the door; an order too large for an event is fetched, however large it is."""
    orders = trial.withheld(2)
    with trial.traffic():
        whole = {
            "id": "evt_large",
            "type": "order.created",
            "timestamp": DAYS_AGO,
            "data": {"notes": "x" * 10 * LARGEST},
        }
        assert trial.world.send(whole).status_code == 413
        for id in orders:
            trial.world.control("PATCH", f"orders/{id}", {"customAttributes": {"padding": "x" * (LARGEST - 100_000)}})
        trial.orders += trial.world.generate(2, "250_lines+shared")


def _up(trial: Trial) -> bool:
    """Whether the receiver and the sandbox answer."""
    try:
        trial.world.control("GET", "faults")
        return requests.get(f"http://{trial.world.settings.binds['receiver']}/healthz", timeout=5).ok
    except requests.RequestException:
        return False
