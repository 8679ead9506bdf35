"""How much an order asks of the others, exactly: calls, statements, transactions, waits for the disk, messages.

What an idle fleet does as well is left out, so the figures are the same on any machine.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from integration.local.fleet import Fleet
from integration.store.database import Database
from tests.benchmarks.load import order_of, send
from tests.benchmarks.measure import frozen, owners, processes
from tests.benchmarks.observed import Command, Commands, Statement, Statements
from tests.benchmarks.targets import Cheap, receiver_of
from tests.ports import free_ports

WARM = 48
AGAIN = 4
"""So many orders of the same products go ahead of what is counted: products are remembered for a minute only."""
BURST = 64
IDLE = 7.0
"""Seconds in which everything comes round that an idle fleet does by the clock."""
SETTLED = 1.0
PATIENCE = 60.0
RATES = dict.fromkeys(("ODOO_RATE", "CLARITY_RATE", "FUSION_RATE"), "100000")
ROAD = ("receiver", "dispatcher", "worker-ingest", "worker-odoo", "worker-fusion", "worker-clarity")
"""The processes that carry orders; the others poll and watch by the clock."""
BY_ITSELF = "dispatcher"
"""It asks Postgres by the clock, be it for an order or not."""
POLLED = "select count(*) > 0 and bool_and(polled_at is not null) from cursors"
STATES = """select d.state, count(*) from deliveries d join messages m on m.id = d.message
            where m.external_id like %s group by d.state"""


@dataclass(frozen=True)
class Counts:
    """What a number of orders asked for, in all.

    ``fsyncs`` are those that a commit waited for: several commits may wait for one.  ``redis`` counts scripts and
    commands, ``messages`` what was put into Celery's queues.  The ``calls`` are by their name, the statements by the
    process that made them, the ``commands`` by what they ask.
    """

    orders: int
    http: int
    statements: int
    transactions: int
    fsyncs: int
    redis: int
    messages: int
    calls: Mapping[str, int] = field(default_factory=dict, compare=False)
    statements_of: Mapping[str, int] = field(default_factory=dict, compare=False)
    commands: Mapping[str, int] = field(default_factory=dict, compare=False)


class Counted:
    """A fleet on a cheap target, all of whose calls, statements and commands are counted."""

    def __init__(self, fleet: Fleet, cheap: Cheap, statements: Statements, commands: Commands) -> None:
        self.fleet = fleet
        self.cheap = cheap
        self._statements = statements
        self._commands = commands
        self._idle: set[tuple[str, str]] = set()
        """Process, and kind of statement or command."""
        self._database = Database(fleet.environment["DATABASE_URL"], connections=1)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Counted]:
        """One whose processes have carried some orders, so that what they keep in memory is there."""
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clarity-fleet-counts-")))
            home.chmod(0o711)  # Postgres runs as another user
            cheap = stack.enter_context(Cheap.running())
            statements = Statements(home / "database")
            given = {"DATABASE_URL": stack.enter_context(statements.running())}
            given |= {"FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(), "PATH": os.environ["PATH"]}
            fleet = Fleet({**given, "FLEET_HOME": str(home), **RATES, **cheap.variables}).start(port_base=free_ports())
            stack.callback(fleet.stop)
            commands = Commands(fleet.environment["REDIS_URL"])
            stack.enter_context(commands.running())
            counted = cls(fleet, cheap, statements, commands)
            stack.callback(counted._database.close)
            counted.carry(cheap.orders(WARM, "warm"), "warm")
            counted._rest()
            yield counted

    def new(self, count: int, run: str) -> Counts:
        """Of so many orders, each of a new customer; no worker takes one before all of them are accepted."""
        return self._count([order_of(f"{run}-{number}", skus=run) for number in range(count)], run)

    def known(self, run: str) -> Counts:
        """Of one order of a customer who has ordered before."""
        return self._count([order_of(f"{run}-again", customer=f"warm-{run}-0", skus=run)], run)

    def _count(self, orders: Sequence[dict[str, Any]], run: str) -> Counts:
        warm = f"warm-{run}"
        self.carry([order_of(f"{warm}-{number}", skus=run) for number in range(AGAIN)], warm)
        time.sleep(SETTLED)
        with frozen(self._pids("beat", "worker-upkeep")):  # they write, too
            fsyncs, calls, place = self._fsyncs(), self.cheap.calls(), self._place()
            self.carry(orders, run, at_once=len(orders) > 1)
            time.sleep(SETTLED)
            statements, commands = self._since(place)
            fsyncs, calls = self._fsyncs() - fsyncs, self.cheap.calls() - calls
        statements = [(process, each) for process, each in statements if (process, each.kind) not in self._idle]
        commands = [(process, each) for process, each in commands if (process, each.kind) not in self._idle]
        return Counts(
            orders=len(orders),
            http=calls.total(),
            statements=sum(not each.quiet for _, each in statements),
            transactions=transactions(each for _, each in statements),
            fsyncs=fsyncs,
            redis=sum(each.name != "LPUSH" for _, each in commands),
            messages=sum(each.messages for _, each in commands),
            calls=dict(calls),
            statements_of=dict(Counter(process for process, each in statements if not each.quiet)),
            commands=dict(Counter(each.kind for _, each in commands)),
        )

    def carry(self, orders: Sequence[dict[str, Any]], run: str, *, at_once: bool = False) -> None:
        """Sends these orders' events, and waits until Clarity has the status of each."""
        with frozen(self._pids(*ROAD[1:]) if at_once else ()):
            assert send(*receiver_of(self.fleet), orders, run).refused == 0
        self._until(lambda: self._states(run) == {"done": 2 * len(orders)}, lambda: self._states(run))

    def _fsyncs(self) -> int:
        """See `Statements.fsyncs`; the dispatcher, which writes nothing of its own, keeps its connections."""
        ports = owners(self.fleet.home).items()
        return self._statements.fsyncs(port for port, process in ports if process != "dispatcher")

    def _rest(self) -> None:
        """Learns what each process asks for while the fleet is idle, once the first polls are over."""
        self._until(self._has_polled, lambda: "a stream has not been read")
        time.sleep(SETTLED)
        place = self._place()
        time.sleep(IDLE)
        statements, commands = self._since(place)
        self._idle = {(process, each.kind) for process, each in statements if not each.quiet}
        self._idle |= {(process, each.kind) for process, each in commands}

    def _place(self) -> tuple[int, int]:
        return self._statements.place(), self._commands.place()

    def _since(self, place: tuple[int, int]) -> tuple[list[tuple[str, Statement]], list[tuple[str, Command]]]:
        """What the processes that carry orders have asked of Postgres and of Redis since then."""
        process = {port: name for port, name in owners(self.fleet.home).items() if name in ROAD}
        statements, commands = self._statements.since(place[0]), self._commands.since(place[1])
        return (
            [(process[each.port], each) for each in statements if process.get(each.port, BY_ITSELF) != BY_ITSELF],
            [(process[each.port], each) for each in commands if each.port in process and not each.by_the_clock],
        )

    def _pids(self, *names: str) -> list[int]:
        return [pid for name, pids in processes(self.fleet.home).items() if name in names for pid in pids]

    def _states(self, run: str) -> dict[str, int]:
        """How many deliveries of the run are in each state."""
        with self._database.statement() as tx:
            return {row["state"]: row["count"] for row in tx.rows(STATES, f"evt_{run}_%")}

    def _has_polled(self) -> bool:
        with self._database.statement() as tx:
            return bool(tx.value(POLLED))

    def _until(self, condition: Callable[[], bool], say: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"not carried in {PATIENCE} s: {say()}"
            time.sleep(0.1)


def transactions(statements: Iterable[Statement]) -> int:
    """How many transactions these statements were; one that is not within ``begin`` and ``commit`` is one by itself."""
    count, under_way = 0, set()
    for each in statements:
        if each.ends:
            under_way.discard(each.session)
        elif each.begins:
            under_way.add(each.session)
            count += 1
        elif not each.quiet:
            count += each.session not in under_way
    return count


def run() -> dict[str, Counts]:
    """One order alone, and a burst."""
    with Counted.running() as counted:
        return {
            "one, new customer": counted.new(1, "one"),
            "one, known customer": counted.known("known"),
            f"{BURST} at once, new customers": counted.new(BURST, "burst"),
        }
