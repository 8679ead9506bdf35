"""A fleet, measured: at full load, at a rate, its receiver alone, and idle."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console

from integration.local.fleet import Fleet
from integration.store.database import Database
from tests.benchmarks import rivals
from tests.benchmarks.load import order_of, send
from tests.benchmarks.measure import cpu_seconds, frozen, of_fleet, percentile, processes, pss_mib
from tests.benchmarks.report import Result
from tests.benchmarks.targets import Cheap, Sandbox, Target, doubled, receiver_of
from tests.ports import free_ports

RATES = {"ODOO_RATE": "100000", "CLARITY_RATE": "100000", "ODOO_CONCURRENCY": "64", "CLARITY_CONCURRENCY": "64"}
WARM = 50
PATIENCE = 120.0
IDLE_POLLS = 10


class Measured:
    """A fleet whose Odoo and Clarity are played by one target."""

    def __init__(self, fleet: Fleet, target: Target, console: Console) -> None:
        self.fleet = fleet
        self.target = target
        self._console = console
        self._database = Database(fleet.environment["DATABASE_URL"], connections=1)

    @classmethod
    @contextmanager
    def on(cls, target: str, console: Console, *, fusion: bool = False, **more: str) -> Iterator[Measured]:
        """One of its own, in a home of its own, on the ``cheap`` target or the ``sandbox``; ``more`` are settings.

        The cheap one also plays ``fusion``, if it is to.
        """
        with ExitStack() as stack:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="clarity-fleet-bench-"))
            variables = {"PATH": os.environ["PATH"], "FLEET_HOME": home, "FLEET_SANDBOX_AGE_SECONDS": "0"}
            cheap = stack.enter_context(Cheap.running()) if target == "cheap" else None
            if cheap:
                variables |= cheap.variables | (cheap.with_fusion if fusion else {})
            fleet = Fleet(variables | more)
            stack.callback(fleet.stop)
            with console.status(f"starting a fleet on the {target} target"):
                fleet.start(sandbox=() if cheap else ("clarity", "odoo"), port_base=free_ports())
            measured = cls(fleet, cheap or Sandbox(fleet.environment), console)
            stack.callback(measured._database.close)
            yield measured

    def carried(
        self, name: str, run: str, count: int, *, rate: float | None = None, warm: int = WARM, companies: bool = False
    ) -> Result:
        """As many orders as come in, or so many each second, of people or of ``companies``; ``warm`` ones before that
        are not measured."""
        pss = pss_mib(of_fleet(self.fleet.home, "flower", "sandbox"))
        for part, number in ((f"warm-{run}", warm), (run, count)):
            orders = self.target.orders(number, f"fleet-{part}", companies=companies)
            before = self._cpu()
            with self._console.status(f"{name}: {number} orders ({part}, {self.target.name})"):
                began = time.monotonic()
                sent = send(*receiver_of(self.fleet), orders, part, rate=rate)
                self._wait(part, number)
            seconds = time.monotonic() - began
            used = self._cpu()
        cpu = {process: (until - before.get(process, 0.0)) / count for process, until in used.items()}
        waits = self._latencies(run)
        return Result(
            name,
            self.target.name,
            accepted=count / sent.seconds,
            orders=count / seconds,
            p50=percentile(waits, 0.5),
            p99=percentile(waits, 0.99),
            answer_p99=percentile(sent.answers, 0.99),
            cpu=sum(used for process, used in cpu.items() if not process.startswith("(")),
            pss=pss,
            lost=count - self._done(run) + sent.refused,
            doubled=doubled(self.target, f"fleet-{run}"),
            cpu_of=cpu,
        )

    def receiver(self) -> Result:
        """The receiver while nobody works on what it accepts."""
        orders = [order_of(f"alone-{number}") for number in range(rivals.INSERTS)]
        frozen_ones = of_fleet(self.fleet.home, "receiver", "postgres", "valkey")
        with self._console.status("its receiver alone"), frozen(frozen_ones):
            sent = send(*receiver_of(self.fleet), orders, "alone")
        return Result(
            "its receiver alone",
            accepted=rivals.INSERTS / sent.seconds,
            answer_p99=percentile(sent.answers, 0.99),
            lost=sent.refused,
        )

    def idle(self, sandbox: Sandbox) -> Result:
        """Ships and bills every order, waits until all of that has come back, then reads it again and again."""
        with self._console.status("the fleet, idle"):
            sandbox.control("POST", "odoo/advance", {"steps": 3})
            accepted = -1
            while accepted != (accepted := self._polled()):
                pass
            began = time.monotonic()
            before = accepted
            for _ in range(IDLE_POLLS):
                accepted = self._polled()
            minutes = (time.monotonic() - began) / 60
        return Result("the fleet, idle", sandbox.name, idle=(accepted - before) / minutes)

    def _cpu(self) -> dict[str, float]:
        """The seconds of CPU of each process so far, in brackets those of the target."""
        used = {name: cpu_seconds(pids) for name, pids in processes(self.fleet.home).items()}
        target = self.target.cpu() if isinstance(self.target, Cheap) else used.pop("sandbox")
        return {**used, f"({self.target.name})": target}

    def _polled(self) -> int:
        """How many messages there are once every stream has been read to its end again, and nothing is under way."""
        with self._database.statement() as tx:
            asked = tx.value("select clock_timestamp()")
            tx.run("update cursors set due_at = now()")
        read = (
            "select not exists (select from cursors where (started_at >= %s and polled_at >= started_at) is not true)"
        )
        still = "select not exists (select from deliveries where open)"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with self._database.statement() as tx:
                if tx.value(read, asked) and tx.value(still):
                    break
            time.sleep(0.1)
        with self._database.statement() as tx:
            return int(tx.value("select count(*) from messages"))

    def _wait(self, run: str, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self._done(run) < count and time.monotonic() < deadline:
            time.sleep(0.1)

    def _done(self, run: str) -> int:
        """How many orders of this run have been posted and pushed."""
        with self._database.statement() as tx:
            return int(
                tx.value(
                    """select count(*) from deliveries d join messages m on m.id = d.message
                       where d.step = 'push_status' and d.state in ('done', 'skipped') and m.external_id like %s""",
                    f"evt_{run}_%",
                )
            )

    def _latencies(self, run: str) -> list[float]:
        """Seconds from the commit of the webhook to the posted order."""
        with self._database.statement() as tx:
            rows = tx.rows(
                """select extract(epoch from d.finished_at - m.received_at)::float as seconds
                   from deliveries d join messages m on m.id = d.message
                   where d.entity = 'order' and d.state = 'done' and m.external_id like %s""",
                f"evt_{run}_%",
            )
        return [row["seconds"] for row in rows]
