"""A whole fleet as one object: databases, sandbox and the processes of the Procfile, started and stopped in order."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Self, TextIO

import redis

from integration import connectors, preflight, publishing
from integration.errors import Failure, Misconfigured
from integration.local import environment, ports, state
from integration.local.account import Account
from integration.local.child_processes import keep_private, private_file, stop_leftover
from integration.local.credentials import FILE, Credentials
from integration.local.environment import Systems
from integration.local.journal import Journal
from integration.local.processes import PROJECT, WORKER, Program, Screen, Supervisor, read_procfile
from integration.local.servers import Postgres, Server, Valkey, write_private
from integration.settings import Environment, Settings, home_of, operator, runtime_file
from integration.store import installations
from integration.store.database import Database, Transaction
from integration.store.migrate import migrate
from integration.systems import KINDS
from integration.vault import Vault

DRAIN = 30.0  # seconds in which a stage may finish what it does
# Consumers first, while everything they still need is up; then the doors; the sandbox last, as all others call it.
STAGES: tuple[Callable[[str], bool], ...] = (
    lambda name: name.startswith(WORKER) or name in {"dispatcher", "beat"},
    lambda name: name != "sandbox",
    lambda name: name == "sandbox",
)


class Silent:
    """A screen that shows nothing; the logs below the home still have it all."""

    def line(self, name: str, text: str) -> None: ...

    def note(self, text: str, *, warning: bool = False) -> None: ...

    def ready(self, name: str, waiting_for: list[str]) -> None: ...


class Fleet:
    """A running fleet.  ``environment`` is what its processes were given: `Settings.load(fleet.environment)`."""

    def __init__(
        self, variables: Mapping[str, str], *, screen: Screen | None = None, restartable: bool = False
    ) -> None:
        """``restartable`` is whether somebody starts it anew when ``asked`` holds the settings to do so with."""
        self.asked: SimpleQueue[dict[str, str]] = SimpleQueue()
        self.home = home_of(variables)
        self.environment: dict[str, str] = {}
        self.systems = Systems((), (), {})
        self.stopping = False
        self._variables = dict(variables)
        self._screen = screen or Silent()
        self._warnings: list[str] = []
        self._restartable = restartable
        self._since = datetime.now(UTC)
        self._revived: Counter[str] = Counter()
        self._published = ""
        self._journal: Journal | None = None
        self._lock: TextIO | None = None
        self._servers: list[Server] = []
        self._supervisor: Supervisor | None = None

    @property
    def working(self) -> bool:
        """Whether any of its processes has been started, and has not been stopped."""
        return self._supervisor is not None

    def start(
        self, *, sandbox: Iterable[str] = (), port_base: int | None = None, procfile: Path = PROJECT / "Procfile"
    ) -> Self:
        """Returns when everything is ready.  Raises `Failure`, with nothing left running, when that cannot be."""
        try:
            self._start(tuple(sandbox), port_base, procfile)
        except BaseException as error:
            if self._journal and isinstance(error, Failure):
                self._journal.failed(error)
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Drains and stops everything, then lets go of the home.  May be called at any time, and again."""
        self.stopping = True
        if self._lock:
            runtime_file(self.home).unlink(missing_ok=True)
        if self._supervisor:
            self._supervisor.stop(STAGES, DRAIN)
        for server in self._servers:
            server.stop()
        if self._journal:
            self._journal.close()
        if self._lock:
            state.clear(self.home)
            self._lock.close()
        self._supervisor, self._servers, self._lock, self._journal = None, [], None, None

    def force(self) -> None:
        """Makes a `stop` that is under way stop waiting; may be called from a signal handler."""
        if self._supervisor:
            self._supervisor.kill()
        for server in self._servers:
            if server.pid and server.running:
                os.kill(server.pid, signal.SIGQUIT if isinstance(server, Postgres) else signal.SIGKILL)

    def _start(self, sandbox: tuple[str, ...], port_base: int | None, procfile: Path) -> None:
        self._take_home()
        settings = preflight.checked(Settings.load(self._variables))
        self.systems = Systems.choose(settings, sandbox)
        credentials = self._credentials(settings)
        keys = environment.encryption_keys(settings, credentials)
        binds = ports.moved(settings.binds, port_base) if port_base else dict(settings.binds)
        programs = self._programs(procfile, binds)
        account = self._account(settings, programs)
        database_url, redis_url = self._start_servers(settings)
        self.environment = environment.for_processes(
            Environment(self._variables, {}).resolved(),
            settings,
            self.systems,
            credentials,
            binds=binds,
            encryption_keys=keys,
            database_url=database_url,
            redis_url=redis_url,
        )
        self._migrate(database_url, Vault(keys), preflight.FOREIGN_KEYS if settings.database_url else self._lost_key)
        sandbox_file = environment.sandbox_configuration(settings, self.systems, self.environment, credentials)
        write_private(self.sandbox_file, json.dumps(sandbox_file, indent=1), account)
        environment.publish(self.home, self.environment)
        self._warnings += preflight.misspelt(self._variables) + self.systems.warnings() + _lacking(settings)
        for warning in self._warnings:
            self._screen.note(warning, warning=True)
        self._supervisor = Supervisor(programs, self.home, self._screen, account)
        if account:
            self.environment["HOME"] = str(self.home)  # libpq looks for files in it
        self._supervisor.start(self.environment)
        self._publish_state()
        self._supervisor.watch(self.environment, self._look_after)

    def _take_home(self) -> None:
        """Locks the home and clears away what a fleet that was killed left in it: settings that are no longer true,
        processes that are in the way."""
        self._lock = _lock(self.home)
        (self.home / "log").mkdir(mode=0o700, exist_ok=True)
        self._screen = self._journal = Journal(self.home, self._screen)
        runtime_file(self.home).unlink(missing_ok=True)
        state.clear(self.home)
        for old in (*self.home.glob("beat-schedule*"), self.home / "run" / "sandbox.json"):
            old.unlink(missing_ok=True)
        for pid_file in (self.home / "run").glob("*.pid"):
            if pid_file.stem not in {Postgres.name, Valkey.name}:
                stop_leftover(pid_file)
                pid_file.unlink()

    def _credentials(self, settings: Settings) -> Credentials:
        """What was made at the first start.  A database whose key is gone gets no new one: what came in under that
        could be read by nobody once the old one is back."""
        ours = not settings.database_url and (self.home / Postgres.name / "data").exists()
        if ours and not settings.encryption_keys and not Credentials.hold_key(self.home):
            raise Misconfigured(
                f"the encryption key of the database in {self.home} is gone: {FILE} does not hold it",
                hint=self._lost_key,
            )
        return Credentials.load(self.home)

    @property
    def _lost_key(self) -> str:
        return (
            f"Restore {self.home / FILE} from a backup, or set FLEET_ENCRYPTION_KEYS to the key. To start afresh, "
            f"without anything that is stored, move {self.home / Postgres.name} away."
        )

    def _programs(self, procfile: Path, binds: Mapping[str, str]) -> list[Program]:
        """What is to run, once the addresses it wants to listen on are known to be free."""
        programs = _with_workers(read_procfile(procfile, binds), self.systems)
        if self.systems.played:
            command = f"'{sys.executable}' -m integration.sandbox --config '{self.sandbox_file}'"
            programs = [Program("sandbox", command, binds["sandbox"]), *programs]
        wanted = {program.name: program.bind for program in programs if program.bind}
        ports.check_free(wanted | ({"ops": binds["ops"]} if "receiver" in wanted else {}))
        return programs

    def _account(self, settings: Settings, programs: list[Program]) -> Account | None:
        """Whom the processes run as: who we are; for root the account of the fleet, if it may read what they need."""
        account = Account.own(settings.run_as)
        records = self.home / "sandbox"
        keep_private(records)
        if account is None:
            return None
        account.take(records)
        private = account.hindrance(Path(sys.executable), PROJECT / "Procfile", records)
        if private:
            self._warnings.append(
                f"the processes run as root: {account.name} may not read {private}; to change that, move it to where "
                "every user may go, such as /opt or /var/lib"
            )
            return None
        ports.check_allowed({each.name: each.bind for each in programs if each.bind}, account.name)
        return account

    def _start_servers(self, settings: Settings) -> tuple[str, str]:
        """The URLs of Postgres and Redis, after starting those we have to bring ourselves, both at once."""
        if settings.redis_url:
            _reach_redis(settings.redis_url)
        user = settings.run_as
        valkey = None if settings.redis_url else Valkey(self.home, user=user)
        postgres = None if settings.database_url else Postgres(self.home, user=user)
        self._servers = [server for server in (valkey, postgres) if server]
        with ThreadPoolExecutor() as pool:
            for server in pool.map(lambda server: server.start(), self._servers):
                self._screen.ready(server.name, [])
        return postgres.url if postgres else settings.database_url, valkey.url if valkey else settings.redis_url

    def _look_after(self) -> None:
        """What is to be done at every look at the processes."""
        self._revive_servers()
        self._obey()
        self._publish_state()

    def _obey(self) -> None:
        """Starts anew what another command has asked for: some processes, or all of it by whoever holds this fleet."""
        if not (request := state.take_request(self.home)) or not self._supervisor:
            return
        names, settings = request
        if names:
            self._supervisor.restart(names, DRAIN)
        elif self._restartable:
            self.asked.put(settings)

    def _publish_state(self) -> None:
        """Writes how the fleet is doing, if that has changed, to where every other command finds it."""
        if not self._supervisor:
            return
        programs = {
            name: {"state": process.state, "restarts": process.restarts, "pid": process.pid}
            for name, process in self._supervisor.processes.items()
        }
        servers = {
            each.name: {"state": state.UP, "restarts": self._revived[each.name], "pid": each.pid}
            for each in self._servers
        }
        written = {
            "pid": os.getpid(),
            "since": self._since.isoformat(),
            "restartable": self._restartable,
            "warnings": self._warnings,
            "programs": programs,
            "servers": servers,
        }
        if (text := json.dumps(written, indent=1)) != self._published:
            write_private(state.state_file(self.home), text)
            self._published = text

    def _revive_servers(self) -> None:
        for server in self._servers:
            if server.running:
                continue
            self._screen.note(f"{server.name} has gone; starting it again", warning=True)
            self._revived[server.name] += 1
            try:
                server.start()
            except Failure as failure:
                self._screen.note(failure.reason, warning=True)

    def _migrate(self, database_url: str, vault: Vault, hint: str) -> None:
        settings = Settings.load(self.environment)

        def check(tx: Transaction) -> None:
            preflight.check_keys(tx, vault, hint)
            publishing.check_files(tx, settings.kinds)

        for name in migrate(database_url, check):
            self._screen.note(f"migrated: {name}")
        with Database(database_url, connections=1).transaction() as tx:
            for text in installations.changes(tx, settings.systems.values()):
                self._screen.note(text, warning=True)
            if started := publishing.at_start(tx, settings.kinds, operator()):
                self._screen.note(started.text, warning=started.warning)

    @property
    def sandbox_file(self) -> Path:
        """What the sandbox is configured by when it starts."""
        return self.home / "sandbox" / "sandbox.json"


def _with_workers(programs: Iterable[Program], systems: Systems) -> list[Program]:
    """The programs, with the worker of each kind once for every system of it that takes part, under its name."""
    made = []
    for program in programs:
        kind = program.name.removeprefix(WORKER)
        if kind == program.name or kind not in KINDS:
            made.append(program)
            continue
        word = re.compile(rf"(?<![\w-]){kind}(?![\w-])")
        for name in (name for name in systems.present if systems.kinds[name] == kind):
            made.append(replace(program, name=f"{WORKER}{name}", command=word.sub(name, program.command)))
    return made


def _reach_redis(url: str) -> None:
    """Raises `Misconfigured` when a Redis of somebody's own does not answer, or does not let us in."""
    try:
        redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5).ping()
    except redis.RedisError as error:
        why = "it does not let us in" if isinstance(error, redis.AuthenticationError) else type(error).__name__
        raise Misconfigured(
            f"Redis does not answer: {why}", hint="Check REDIS_URL, and that the server runs."
        ) from None


def _lacking(settings: Settings) -> list[str]:
    """What the configured systems still lack before they can be called."""
    return [
        f"{name} cannot be called yet: {', '.join(missing)} not set"
        for name, system in settings.systems.items()
        if (missing := connectors.missing(system))
    ]


def runs(home: Path) -> bool:
    """Whether a fleet holds this home."""
    try:
        with (home / "run" / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _lock(home: Path) -> TextIO:
    """Takes the home for this process until the file is closed, or the process ends in whatever way."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o711)
        (home / "run").mkdir(exist_ok=True, mode=0o700)
        lock = private_file(home / "run" / "lock", "a")
    except OSError as error:
        raise Failure(
            f"{home} cannot be used: {error.strerror}", hint="Set FLEET_HOME to a directory of yours."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failure(
            f"a fleet already runs in {home} (pid {(home / 'run' / 'lock').read_text()})",
            hint="`./fleet urls` shows where; `./fleet stop` stops it; or set FLEET_HOME for a second one.",
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
