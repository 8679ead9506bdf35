"""What plays Odoo and Clarity while the fleet and its rivals are measured: the sandbox, or a target that is cheap."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import requests

from integration.local.fleet import Fleet
from tests.benchmarks.load import orders_of
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
NEVER = "1000000"
"""Seconds between two polls of what does not change by itself."""


class Target(Protocol):
    """Odoo and Clarity, which send nothing by themselves."""

    name: str

    def orders(self, count: int, run: str, *, companies: bool = False) -> list[dict[str, Any]]:
        """New orders of new customers, people or companies, as Clarity's events hold them."""

    def late(self, **milliseconds: int) -> None:
        """So many milliseconds pass before each of these systems answers."""

    def pushed(self) -> set[str]:
        """The ids of the orders that Clarity was shown a status of."""

    def made(self) -> list[str]:
        """The number of each order in Odoo."""


class Sandbox:
    """The fleet's own sandbox, with real rules and at 1 ms a call.  It sends no webhook by itself."""

    name = "sandbox"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = environment["FLEET_SANDBOX_URL"]
        self._headers = {"X-Sandbox-Token": environment["FLEET_SANDBOX_TOKEN"]}
        self.control("POST", "faults", {"target": "webhooks", "kind": "drop"})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self._url}/_sandbox/{path}", json=body, headers=self._headers, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def late(self, **milliseconds: int) -> None:
        for target, late in milliseconds.items():
            self.control("POST", "faults", {"target": target, "kind": "latency", "ms": late})

    def orders(self, count: int, run: str, *, companies: bool = False) -> list[dict[str, Any]]:
        return [self.control("POST", "orders", order) for order in orders_of(count, run, companies=companies)]

    def pushed(self) -> set[str]:
        return {push["order_id"] for push in self.control("GET", "ledger")["clarity"]["status_pushes"]}

    def made(self) -> list[str]:
        return [str(order["origin"]) for order in self.control("GET", "ledger")["odoo"]["orders"]]


class Cheap:
    """A process of its own that answers with less than 0.3 ms of CPU a call, and counts its calls.

    ``variables`` are the settings by which a fleet finds it.
    """

    name = "cheap"

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self._url = url = f"http://127.0.0.1:{port}"
        client = {"CLIENT_ID": "cheap", "CLIENT_SECRET": "cheap"}
        odoo = {"ODOO_URL": url, "ODOO_DB": "cheap", "ODOO_API_KEY": "cheap", "ODOO_POLL_SECONDS": NEVER}
        clarity = {"URL": f"{url}/api/v1", "TOKEN_URL": f"{url}/oauth/token", **client}
        fusion = {"URL": url, "TOKEN_URL": f"{url}/oauth2/v1/token", **client, "BUSINESS_UNIT": "Cheap"}
        self.variables = odoo | {f"CLARITY_{name}": value for name, value in clarity.items()}
        self.with_fusion = {"FUSION_POLL_SECONDS": NEVER} | {f"FUSION_{name}": value for name, value in fusion.items()}

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Cheap]:
        """One of its own for the length of the block."""
        port = free_port()
        command = [sys.executable, "-m", "tests.benchmarks.cheap", str(port)]
        process = subprocess.Popen(command, cwd=ROOT)
        try:
            cheap = cls(process.pid, port)
            cheap._wait()
            yield cheap
        finally:
            process.terminate()
            process.wait(10)

    def late(self, **milliseconds: int) -> None:
        self._control("POST", json=milliseconds)

    def calls(self) -> Counter[str]:
        """How often each call was made so far, the searches of polls left out."""
        return Counter(self._control("GET")["calls"])

    def cpu(self) -> float:
        """The seconds of CPU that it has used."""
        return float(self._control("GET")["cpu"])

    def orders(self, count: int, run: str, *, companies: bool = False) -> list[dict[str, Any]]:
        return orders_of(count, run, companies=companies)

    def pushed(self) -> set[str]:
        return {id for id, statuses in self._effects()["clarity"].items() if statuses}

    def made(self) -> list[str]:
        return [str(order["origin"]) for order in self._effects()["odoo"]]

    def _effects(self) -> dict[str, Any]:
        return self._control("GET", params="effects")

    def _control(self, method: str, **more: Any) -> dict[str, Any]:
        answer = requests.request(method, f"{self._url}/_cheap", timeout=30, **more)
        answer.raise_for_status()
        return dict(answer.json())

    def _wait(self) -> None:
        for _ in range(200):
            try:
                self.calls()
                return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.05)
        raise AssertionError("the cheap target does not answer")


def doubled(target: Target, run: str) -> int:
    """How many orders of a run exist more than once in Odoo."""
    counts = Counter(number for number in target.made() if number.startswith(f"B-{run}"))
    return sum(count > 1 for count in counts.values())


def receiver_of(fleet: Fleet) -> tuple[str, str]:
    """Where a fleet takes Clarity's webhooks, and the secret that signs them."""
    url = f"http://{fleet.environment['FLEET_RECEIVER_BIND']}/webhooks/clarity"
    return url, fleet.environment["CLARITY_WEBHOOK_SECRETS"].split(",")[0]
