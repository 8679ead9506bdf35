"""The settings: the only reader of the environment.

Every name may also be given as ``<NAME>_FILE`` (a path whose content is the value, for mounted secrets).  What the
environment leaves open is taken from the file that a running ``fleet up`` keeps in its home, so that every command
in a second terminal talks to that fleet.
"""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

from integration.addresses import check_address, check_channel, without_login
from integration.errors import Misconfigured
from integration.systems import ADDED, KINDS, Kind, named, variable

OWN = ("FLEET_", "FLOWER_BASIC_AUTH", "DATABASE_URL", "REDIS_URL")
"""How the names of settings that are no system's begin."""
ROUNDING = ("line", "hold")
"""How a difference between totals that rounding explains is treated: carried by a line of its own, or held."""


@dataclass(frozen=True)
class System:
    """One configured system: where it is, how it may be called, and its own options (``ODOO_DB`` is ``db``).

    ``name`` is its kind unless it is given another.  ``url`` holds no credentials; those that its variable holds are
    the option ``url_login`` ("user:password").  ``rate`` is in requests per second, ``timeout`` in seconds for one call
    as a whole, ``poll_seconds`` lie between two polls.
    """

    kind: str
    url: str
    rate: float
    concurrency: int
    timeout: float
    options: Mapping[str, str] = field(repr=False)
    poll_seconds: float = 60.0
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.kind)

    @property
    def database(self) -> str:
        """The part of the installation's identity beside its URL; empty for systems without databases."""
        return self.options.get("db", "")

    @property
    def carries_rounding(self) -> bool:
        """Whether a difference that rounding explains is carried (``line``, the default), not held (``hold``)."""
        return self.options.get("rounding", "line") == "line"

    def option(self, name: str) -> str:
        """The option, or `Misconfigured` naming the variable to set."""
        value = self.options.get(name, "")
        if not value:
            absent = variable(self.name, name)
            raise Misconfigured(
                f"{absent} is not set", hint=f"Set {absent} (or {absent}_FILE) and run `fleet restart`."
            )
        return value


class Environment:
    """The environment's variables, with ``_FILE`` variants and the defaults of a running fleet below them.

    ``asked`` are the names that somebody has read: the settings there are.
    """

    def __init__(self, variables: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        self.asked: set[str] = set()
        self._variables = variables
        self._defaults = defaults

    def get(self, name: str, default: str = "") -> str:
        self.asked.add(name)
        if value := self._variables.get(name, ""):
            return value
        if path := self._variables.get(f"{name}_FILE", ""):
            return _read_secret(name, Path(path))
        return self._defaults.get(name, default)

    def number(self, name: str, default: float, *, or_zero: bool = False) -> float:
        """A positive number, 0 too if ``or_zero``; raises `Misconfigured` for anything else."""
        text = self.get(name)
        try:
            number = float(text) if text else default
        except ValueError:
            number = -1.0
        if not (0 < number < 1e9 or or_zero and number == 0):
            kind = "neither 0 nor a positive number" if or_zero else "not a positive number"
            raise Misconfigured(f"{name} is {kind}: {text!r}", hint=f"Set {name} to a number such as 10.")
        return number

    def whole(self, name: str, default: int) -> int:
        """A positive whole number; raises `Misconfigured` for anything else."""
        number = self.number(name, default)
        if number != int(number):
            raise Misconfigured(f"{name} is not a whole number: {self.get(name)!r}", hint=f"Set {name} to 1 or more.")
        return int(number)

    def address(self, name: str, default: str) -> str:
        """Where to listen, as ``host:port``; raises `Misconfigured` for what is no address."""
        bind = self.get(name, default)
        try:
            split_address(bind)
        except ValueError:
            raise Misconfigured(
                f"{name} is not an address: {bind!r}", hint=f"Set {name} to one such as 127.0.0.1:8000."
            ) from None
        return bind

    def listed(self, name: str) -> tuple[str, ...]:
        """Values between commas; raises `Misconfigured` where there are only commas and blanks."""
        text = self.get(name)
        values = tuple(part.strip() for part in text.split(",") if part.strip())
        if text and not values:
            raise Misconfigured(f"{name} holds no value", hint=f"Set {name}, or take it out of the environment.")
        return values

    def resolved(self) -> dict[str, str]:
        """The variables, with the content of each ``<NAME>_FILE`` of ours as ``<NAME>`` in place of the path."""
        ours = self.settings()
        files = {f"{name}_FILE" for name in ours if self._variables.get(f"{name}_FILE")}
        plain = {name: value for name, value in self._variables.items() if name not in files}
        return plain | {name: self.get(name) for name in (file.removesuffix("_FILE") for file in files)}

    def choice(self, name: str, words: tuple[str, ...]) -> str:
        """One of a few words; the first one if it is absent."""
        word = self.get(name) or words[0]
        if word not in words:
            raise Misconfigured(f"{name} is not one of {', '.join(words)}", hint=f"Set {name} to {words[0]}.")
        return word

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """The kind of every system by its name, be it configured or not; raises what `named` does."""
        return named(self.listed(ADDED))

    def settings(self) -> set[str]:
        """The names among these variables that begin like a setting."""
        prefixes = (*OWN, *(variable(name, "") for name in self.kinds))
        return {name for prefix in prefixes for name in self.names(prefix)}

    def options(self, system: str) -> dict[str, str]:
        """The options of a system: what its name is the first part of, and no longer name of another system."""
        prefix = variable(system, "")
        longer = tuple(variable(name, "") for name in self.kinds if name.startswith(f"{system}_"))
        names = (name for name in self.names(prefix) if not name.startswith(longer))
        return {name.removeprefix(prefix).lower(): self.get(name) for name in names}

    def names(self, prefix: str) -> Iterable[str]:
        found = {name.removesuffix("_FILE") for name in (*self._variables, *self._defaults) if name.startswith(prefix)}
        return sorted(found)


@dataclass(frozen=True)
class Alerting:
    """Where alerts go, and when.

    ``urls`` are Apprise's and hold secrets.  ``repeat`` and ``queue_age`` are in seconds: an alert is sent again
    no sooner; a due delivery may wait no longer.  ``budget`` is how many percent of a day's deliveries may fail.
    """

    urls: tuple[str, ...] = field(repr=False)
    repeat: float
    queue_age: float
    budget: float


@dataclass(frozen=True)
class Settings:
    """Everything a process needs to know about where it runs.

    ``kinds`` has the kind of every system by its name, ``systems`` those that are configured.  ``webhook_secrets`` are
    those of each system that signs, configured or not.  A webhook has at most ``webhook_limit`` bytes, and
    ``webhook_deadline`` seconds to arrive as a whole.
    """

    home: Path
    run_as: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    webhook_secrets: Mapping[str, tuple[str, ...]] = field(repr=False)
    binds: Mapping[str, str]
    webhook_limit: int
    webhook_deadline: float
    kinds: Mapping[str, str]
    systems: Mapping[str, System]
    retry_scale: float
    retention_days: float
    sandbox_age: float
    flower_login: str = field(repr=False)
    pause_after_deaths: int
    alerts: Alerting

    @classmethod
    def load(cls, given: Mapping[str, str] | None = None) -> Self:
        """Reads the environment; raises `Misconfigured` for a value that cannot be right."""
        given = os.environ if given is None else given
        home = home_of(given)
        return cls.read(home, Environment(given, _running_fleet(home)))

    @classmethod
    def read(cls, home: Path, env: Environment) -> Self:
        """The settings of an environment; raises `Misconfigured` for a value that cannot be right."""
        return cls(
            home=home,
            run_as=env.get("FLEET_RUN_AS", "clarity-fleet"),
            database_url=env.get("DATABASE_URL"),
            redis_url=env.get("REDIS_URL"),
            encryption_keys=env.listed("FLEET_ENCRYPTION_KEYS"),
            webhook_secrets={
                name: env.listed(variable(name, "webhook_secrets"))
                for name, kind in env.kinds.items()
                if KINDS[kind].signs
            },
            binds={
                "receiver": env.address("FLEET_RECEIVER_BIND", "127.0.0.1:8000"),
                "flower": env.address("FLEET_FLOWER_BIND", "127.0.0.1:5555"),
                "sandbox": env.address("FLEET_SANDBOX_BIND", "127.0.0.1:8090"),
                "ops": env.address("FLEET_OPS_BIND", "127.0.0.1:8002"),
                "console": env.address("FLEET_CONSOLE_BIND", "127.0.0.1:8001"),
            },
            webhook_limit=int(env.number("FLEET_WEBHOOK_LIMIT", 5 * 1024 * 1024)),
            webhook_deadline=env.number("FLEET_WEBHOOK_DEADLINE", 10.0),
            kinds=env.kinds,
            systems=_systems(env),
            retry_scale=env.number("FLEET_RETRY_SCALE", 1.0),
            retention_days=env.number("FLEET_RETENTION_DAYS", 90.0),
            sandbox_age=env.number("FLEET_SANDBOX_AGE_SECONDS", 2.0, or_zero=True),
            flower_login=_login("FLOWER_BASIC_AUTH", env),
            pause_after_deaths=env.whole("FLEET_PAUSE_AFTER_DEATHS", 20),
            alerts=Alerting(
                urls=_urls(env.get("FLEET_ALERT_URLS")),
                repeat=env.number("FLEET_ALERT_REPEAT", 1800.0),
                queue_age=env.number("FLEET_ALERT_QUEUE_AGE", 600.0),
                budget=env.number("FLEET_ALERT_BUDGET", 1.0),
            ),
        )

    def need_stores(self) -> Self:
        """These settings, or `Misconfigured` when no Postgres, Redis or encryption key is known."""
        required = (
            ("DATABASE_URL", self.database_url),
            ("REDIS_URL", self.redis_url),
            ("FLEET_ENCRYPTION_KEYS", self.encryption_keys),
        )
        for name, value in required:
            if not value:
                raise Misconfigured(
                    f"{name} is not set and no fleet runs in {self.home}",
                    hint=f"Start one with `./fleet up`, or set {name}.",
                )
        return self


def variables() -> dict[str, str]:
    """The environment as this process was given it, to be passed on to processes of ours."""
    return dict(os.environ)


def operator() -> str:
    """Who is at the keyboard, for the audit: ``FLEET_USER``, else the user of the operating system."""
    try:
        return os.environ.get("FLEET_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as containers have
        return f"uid {os.geteuid()}"


def home_of(given: Mapping[str, str]) -> Path:
    """``FLEET_HOME``: where a fleet keeps its state; ``/var/lib/clarity-fleet`` for root."""
    if home := given.get("FLEET_HOME"):
        return Path(home).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/clarity-fleet")
    return Path(given.get("HOME") or "~").expanduser() / ".local/share/clarity-fleet"


def runtime_file(home: Path) -> Path:
    """Where a running ``fleet up`` writes the environment it gave its processes (mode 0600)."""
    return home / "run" / "environment.json"


def _running_fleet(home: Path) -> Mapping[str, str]:
    try:
        return dict(json.loads(runtime_file(home).read_text()))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}


def _systems(env: Environment) -> dict[str, System]:
    """The configured systems by name; raises `Misconfigured` for two names of one system."""
    found = {name: system for name, kind in env.kinds.items() if (system := _system(name, KINDS[kind], env))}
    places: dict[tuple[str, str, str], str] = {}
    for name, system in found.items():
        other = places.setdefault((system.kind, system.url, system.database), name)
        if other != name:
            raise Misconfigured(
                f"{variable(name, 'url')} and {variable(other, 'url')} are one system under two names",
                hint=f"Unset one of them, or correct {variable(name, 'url')}.",
            )
    return found


def _system(name: str, kind: Kind, env: Environment) -> System | None:
    """The system of this name; what it may be set to is read even where its URL is not: the sandbox may play it."""
    rate = env.number(variable(name, "rate"), kind.rate)
    concurrency = env.whole(variable(name, "concurrency"), kind.concurrency)
    timeout = env.number(variable(name, "timeout"), kind.timeout)
    poll_seconds = env.number(variable(name, "poll_seconds"), kind.poll_seconds)
    if kind.role == "erp":
        env.choice(variable(name, "rounding"), ROUNDING)
    if not env.get(variable(name, "url")):
        return None
    options = env.options(name)
    options["url"], options["url_login"] = _address(name, kind, options)
    return System(
        kind=kind.name,
        url=options["url"],
        rate=rate,
        concurrency=concurrency,
        timeout=timeout,
        options=options,
        poll_seconds=poll_seconds,
        name=name,
    )


def split_address(bind: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:8000`` or ``[::1]:8000``; raises ValueError."""
    host, _, port = bind.rpartition(":")
    if not host or not 0 < int(port) < 65536:
        raise ValueError(bind)
    return host.strip("[]"), int(port)


def _login(name: str, env: Environment) -> str:
    login = env.get(name)
    user, _, password = login.partition(":")
    if login and not (user and password):
        raise Misconfigured(f"{name} is not user:password", hint=f"Set {name} to a user, a colon and a password.")
    return login


def _address(system: str, kind: Kind, options: Mapping[str, str]) -> tuple[str, str]:
    """The system's URL without the credentials in it, and these; `Misconfigured` for any address that cannot be used.

    Every option that ends in ``url`` is an address.
    """
    for option in (option for option, value in options.items() if option.endswith("url") and value):
        name, (address, login) = variable(system, option), without_login(options[option])
        check_address(name, options[option])
        if login and not (option == "url" and kind.login):
            raise Misconfigured(
                f"{name} holds a user name or a password, for which there is no use",
                hint=f"Take user:password@ out of {name}: credentials are variables of their own.",
            )
        if option == "url" and not {"?", "#"}.isdisjoint(address):
            raise Misconfigured(
                f"{name} holds a query or a fragment",
                hint=f"Take what begins with ? or # out of {name}: the paths of the API are put behind it.",
            )
    url, login = without_login(options["url"])
    return url.rstrip("/"), login


def _urls(text: str) -> tuple[str, ...]:
    """URLs between blanks or commas; a comma within a URL belongs to it.  `Misconfigured` for http elsewhere."""
    urls = tuple(
        part for part in re.split(r"(?<![\s,])[\s,]+(?=[A-Za-z][\w+.-]*://)|\s+", text.strip(" \t\r\n,")) if part
    )
    for url in urls:
        check_channel("FLEET_ALERT_URLS", url)
    return urls


def _read_secret(name: str, path: Path) -> str:
    try:
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Misconfigured(
            f"{name}_FILE cannot be read: {why}", hint=f"Check the path in {name}_FILE and who may read it."
        ) from None
    if not secret:
        raise Misconfigured(f"the file of {name}_FILE is empty", hint=f"Write the value of {name} into it.")
    return secret
