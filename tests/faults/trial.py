"""A trial: orders come and change, earlier ones ship and are billed, while one thing breaks; then all of it is judged.

The same seed makes the same orders and takes the same decisions; how long things take is up to the machine.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import requests

from integration.local.processes import PROJECT, WORKER_READY
from tests.faults.verdict import PATIENCE, judge
from tests.road.world import World

LEAST, MOST = 12, 40
"""Orders that come during a trial, beside those that ship, and more while a call is awaited."""
ALONE = ("plain", "b2b_po")
"""What Odoo, or Fusion, fulfils alone."""
TRAITS = (
    *ALONE,
    *("b2b_po+shared", "guest+shared", "same_customer+shared", "usd+shared", "jpy+shared", "multi_tax+shared"),
    *("tax_excluded+shared", "digital_mix+shared", "notes+shared", "express+shared", "fractional_qty+shared"),
    *("discount_percent+shared", "order_discount+shared", "gift_card+shared", "unicode+shared"),
)
"""Nearly all are shared, so that whatever breaks at either ERP meets an order."""
SHIPPING = ("b2b_po+shared", "tax_excluded+shared", "multi_tax+shared")
SLOW = 1500
"""Milliseconds: so long takes a call in whose midst something is to happen."""


class Trial:
    """One fault's run on a fleet that is well.

    ``orders`` are all that it placed; ``shipping`` are those of them that ship and are billed while it lasts, and
    ``changed`` has the customer's reference that was given to an order last.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = Random(seed)
        self.orders: list[str] = []
        self.shipping: list[str] = []
        self.changed: dict[str, str] = {}
        self._withheld: list[str] = []
        self._shop = Random(f"{seed}/shop")
        self._stop = threading.Event()
        self._awaited = threading.Event()

    def moment(self, most: float = 1.5) -> None:
        """Lets a random while pass, at most so many seconds."""
        time.sleep(self.random.uniform(0, most))

    @contextmanager
    def traffic(self) -> Iterator[None]:
        """Orders come, change, ship and are billed for as long as the block lasts, and longer if they are too few."""
        self.shipping = self._place(3, SHIPPING)
        self.world.finished(*self.shipping, seconds=120)
        shop = threading.Thread(target=self._trade, daemon=True)
        shop.start()
        try:
            yield
        finally:
            self._stop.set()
            shop.join()

    def withheld(self, count: int) -> list[str]:
        """Places orders that Clarity reports to nobody, and leaves as they are; only before the traffic begins."""
        self.world.fault("webhooks", "drop")
        self._withheld = ids = self._place(count, TRAITS)
        self.world.until(lambda: not self.world.control("GET", "ledger")["clarity"]["webhooks"]["pending"], 30)
        self.world.clear_faults()
        return ids

    def crowd(self, count: int) -> None:
        """Places so many orders at once."""
        self._place(count, TRAITS)

    def in_mid_call(self, target: str, path: str) -> None:
        """Returns while a call is under way whose method and path contain this; it takes effect after a while.

        Orders come until then, be they more than a trial has: on a busy machine all may be posted before.
        """
        self.world.fault(target, "latency", path=path, ms=SLOW, times=1)
        self._awaited.set()
        self.world.until(lambda: self._hit(target, path), 60, lambda: f"no call of {path} at {target}")
        self._awaited.clear()
        self.moment(SLOW / 1000)

    @contextmanager
    def another(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """One more process of the fleet beside the supervisor's, asked to end after the block; a worker when ready."""
        with (self.world.fleet.home / "log" / "another.log").open("w+") as log:
            process = subprocess.Popen(
                command, cwd=PROJECT, env=self.world.fleet.environment, stdout=log, stderr=subprocess.STDOUT, text=True
            )
            try:
                if "worker" in command:
                    self.world.until(lambda: bool(WORKER_READY.search(_read(log.name))), 60, lambda: _read(log.name))
                yield process
            finally:
                process.terminate()
                process.wait(60)

    def replay(self, code: str) -> None:
        """As a person does who has removed the cause: everything that is held or dead once it all has ended, again.

        Something has to have ended with this code.
        """
        self.world.finished(*self.orders, seconds=PATIENCE)
        codes = {row["code"] for id in self.orders for row in self.world.deliveries(id)}
        assert code in codes, f"nothing ended as {code}: {codes}"
        self.command("replay", "--state", "held", "--state", "dead", "--yes")

    def command(self, *arguments: str) -> None:
        """A command of `fleet`, as in a second terminal."""
        subprocess.run(
            [sys.executable, "-m", "integration.cli", *arguments],
            cwd=PROJECT,
            env=self.world.fleet.environment,
            check=True,
            capture_output=True,
        )

    def judge(self) -> None:
        """Waits until everything has ended; raises `AssertionError` for the first promise that was not kept."""
        judge(self.world, self.orders, self.shipping, self.changed)

    def _hit(self, target: str, path: str) -> bool:
        faults = self.world.control("GET", "faults")
        return any(each["hits"] for each in faults if (each["target"], each["path"]) == (target, path))

    def _trade(self) -> None:
        placed = 0
        while not self._stop.is_set() or placed < LEAST:
            sells = (self._sell, self._sell) if placed < MOST or self._awaited.is_set() else ()
            try:
                placed += self._shop.choice((*sells, self._change, self._ship))()
            except requests.RequestException:  # the sandbox is the one that was asked to break
                time.sleep(0.5)
            time.sleep(self._shop.uniform(0.0, 0.3))

    def _sell(self) -> int:
        return len(self._place(self._shop.randint(1, 3), TRAITS))

    def _change(self) -> int:
        """Somebody corrects an order in Clarity: its newest state has to reach the ERPs."""
        if known := [id for id in self.orders if id not in (*self.shipping, *self._withheld)]:
            id, number = self._shop.choice(known[-4:]), f"PO-{self._shop.randint(1, 10**9)}"
            self.world.control("PATCH", f"orders/{id}", {"purchaseOrderNumber": number})
            self.changed[id] = number
        return 0

    def _ship(self) -> int:
        erp, split = self._shop.choice(("odoo", "fusion")), self._shop.random() < 0.4
        self.world.age([self._shop.choice(self.shipping)], split=split, **{erp: self._shop.randint(1, 3)})
        return 0

    def _place(self, count: int, traits: Sequence[str]) -> list[str]:
        drawn = [self._shop.choice(traits) for _ in range(count)]
        ids = self.world.generate(count, *drawn, seed=self._shop.randint(1, 10**9))
        self.orders += ids
        return ids


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read()


@dataclass(frozen=True)
class Fault:
    """What breaks.  ``short`` ones belong to every test run, all of them to the long form."""

    name: str
    happen: Callable[[Trial], None]
    short: bool

    def run(self, trial: Trial) -> None:
        """Lets it happen once and judges; raises `AssertionError`."""
        trial.world.clear_faults()
        self.happen(trial)
        trial.judge()


FAULTS: dict[str, Fault] = {}
"""All of them by name; filled by the modules beside this one."""


def fault(*, short: bool = False, at: Sequence[tuple[str, ...]] = ((),)) -> Callable[[Callable[..., None]], object]:
    """Registers a function as a fault, or as one for each of these arguments: ``name:argument:argument``."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        for arguments in at:
            name = ":".join((function.__name__.replace("_", "-"), *arguments))
            FAULTS[name] = Fault(name, lambda trial, given=arguments: function(trial, *given), short)
        return function

    return register
