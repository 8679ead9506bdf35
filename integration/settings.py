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
from pathlib import Path
from typing import Self

from integration.addresses import check_address, check_channel, without_login
from integration.errors import Misconfigured

KINDS = ("clarity", "odoo", "fusion")
TAKES_A_LOGIN = {"odoo"}
"""Systems whose URL may hold ``user:password@``, for a proxy before it; the others have no use for it."""
DEFAULT_LIMITS = {"clarity": (20.0, 8), "odoo": (10.0, 4), "fusion": (5.0, 4)}
DEFAULT_TIMEOUT = {"clarity": 60.0, "odoo": 60.0, "fusion": 120.0}
DEFAULT_POLL = {"clarity": 60.0, "odoo": 15.0, "fusion": 30.0}
REQUIRED = {
    "clarity": ("token_url", "client_id", "client_secret"),
    "odoo": ("api_key",),
    "fusion": ("token_url", "client_id", "client_secret", "business_unit"),
}
"""The options without which a system cannot be called."""


@dataclass(frozen=True)
class System:
    """One configured system: where it is, how it may be called, and its own options (``ODOO_DB`` is ``db``).

    ``url`` holds no credentials; those that its variable holds are the option ``url_login`` ("user:password").
    ``rate`` is in requests per second, ``timeout`` in seconds for one call as a whole, ``poll_seconds`` lie between two
    polls.
    """

    kind: str
    url: str
    rate: float
    concurrency: int
    timeout: float
    options: Mapping[str, str] = field(repr=False)
    poll_seconds: float = 60.0

    @property
    def database(self) -> str:
        """The part of the installation's identity beside its URL; empty for systems without databases."""
        return self.options.get("db", "")

    def missing(self) -> list[str]:
        """The variables that have to be set before this system can be called."""
        return [f"{self.kind}_{name}".upper() for name in REQUIRED[self.kind] if not self.options.get(name)]

    def option(self, name: str) -> str:
        """The option, or `Misconfigured` naming the variable to set."""
        value = self.options.get(name, "")
        if not value:
            variable = f"{self.kind}_{name}".upper()
            raise Misconfigured(
                f"{variable} is not set", hint=f"Set {variable} (or {variable}_FILE) and restart the fleet."
            )
        return value


class Environment:
    """The environment's variables, with ``_FILE`` variants and the defaults of a running fleet below them."""

    def __init__(self, variables: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        self._variables = variables
        self._defaults = defaults

    def get(self, name: str, default: str = "") -> str:
        if value := self._variables.get(name, ""):
            return value
        if path := self._variables.get(f"{name}_FILE", ""):
            return _read_secret(name, Path(path))
        return self._defaults.get(name, default)

    def number(self, name: str, default: float) -> float:
        text = self.get(name)
        try:
            number = float(text) if text else default
        except ValueError:
            number = -1.0
        if not 0 < number < 1e9:
            raise Misconfigured(
                f"{name} is not a positive number: {text!r}", hint=f"Set {name} to a number such as 10."
            )
        return number

    def names(self, prefix: str) -> Iterable[str]:
        found = {name.removesuffix("_FILE") for name in (*self._variables, *self._defaults) if name.startswith(prefix)}
        return sorted(found)


@dataclass(frozen=True)
class Alerting:
    """Who is told when something is wrong, and when.

    ``urls`` are Apprise's and hold secrets.  ``repeat`` and ``queue_age`` are in seconds: what was told is told again
    no sooner; nothing that is due may wait for longer.  ``budget`` is how many percent of a day's deliveries may fail.
    """

    urls: tuple[str, ...] = field(repr=False)
    repeat: float
    queue_age: float
    budget: float


@dataclass(frozen=True)
class Settings:
    """Everything a process needs to know about where it runs."""

    home: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    binds: Mapping[str, str]
    systems: Mapping[str, System]
    retry_scale: float
    retention_days: float
    alerts: Alerting

    @classmethod
    def load(cls, given: Mapping[str, str] | None = None) -> Self:
        """Reads the environment; raises `Misconfigured` for a value that cannot be right."""
        given = os.environ if given is None else given
        home = home_of(given)
        env = Environment(given, _running_fleet(home))
        return cls(
            home=home,
            database_url=env.get("DATABASE_URL"),
            redis_url=env.get("REDIS_URL"),
            encryption_keys=_split(env.get("FLEET_ENCRYPTION_KEYS")),
            webhook_secrets=_split(env.get("CLARITY_WEBHOOK_SECRETS")),
            binds={
                "receiver": env.get("FLEET_RECEIVER_BIND", "127.0.0.1:8000"),
                "flower": env.get("FLEET_FLOWER_BIND", "127.0.0.1:5555"),
                "sandbox": env.get("FLEET_SANDBOX_BIND", "127.0.0.1:8090"),
            },
            systems={kind: system for kind in KINDS if (system := _system(kind, env))},
            retry_scale=env.number("FLEET_RETRY_SCALE", 1.0),
            retention_days=env.number("FLEET_RETENTION_DAYS", 90.0),
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


def _system(kind: str, env: Environment) -> System | None:
    prefix = kind.upper() + "_"
    default_rate, default_concurrency = DEFAULT_LIMITS[kind]
    rate = env.number(prefix + "RATE", default_rate)  # read even where the URL is not set: the sandbox may play it
    concurrency = int(env.number(prefix + "CONCURRENCY", default_concurrency))
    timeout = env.number(prefix + "TIMEOUT", DEFAULT_TIMEOUT[kind])
    poll_seconds = env.number(prefix + "POLL_SECONDS", DEFAULT_POLL[kind])
    options = {name.removeprefix(prefix).lower(): env.get(name) for name in env.names(prefix)}
    if not options.get("url"):
        return None
    options["url"], options["url_login"] = _address(kind, options)
    return System(
        kind=kind,
        url=options["url"],
        rate=rate,
        concurrency=concurrency,
        timeout=timeout,
        options=options,
        poll_seconds=poll_seconds,
    )


def _address(kind: str, options: Mapping[str, str]) -> tuple[str, str]:
    """The system's URL without the credentials in it, and these; `Misconfigured` for any address that cannot be used.

    Every option that ends in ``url`` is an address.
    """
    for name in (name for name, value in options.items() if name.endswith("url") and value):
        variable, (address, login) = f"{kind}_{name}".upper(), without_login(options[name])
        check_address(variable, options[name])
        if login and (name != "url" or kind not in TAKES_A_LOGIN):
            raise Misconfigured(
                f"{variable} holds a user name or a password, for which there is no use",
                hint=f"Take user:password@ out of {variable}: credentials are variables of their own.",
            )
        if name == "url" and not {"?", "#"}.isdisjoint(address):
            raise Misconfigured(
                f"{variable} holds a query or a fragment",
                hint=f"Take what begins with ? or # out of {variable}: the paths of the API are put behind it.",
            )
    url, login = without_login(options["url"])
    return url.rstrip("/"), login


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


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
        return path.read_text().strip()
    except OSError as error:
        raise Misconfigured(
            f"{name}_FILE cannot be read: {error.strerror}",
            hint=f"Check the path in {name}_FILE and who may read it.",
        ) from error
