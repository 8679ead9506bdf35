"""What is looked at before anything starts: the same at every door, be it `fleet up`, one process or one command.

Each look raises `Misconfigured` with the fix, so that nothing starts with a setting, a definition, a key or a database
that cannot be right.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import permutations
from urllib.parse import urlsplit

import psycopg2
import psycopg2.extensions

from integration.connectors import CONNECTORS
from integration.errors import Hold, Misconfigured
from integration.settings import Environment, Settings, home_of
from integration.signature import check_secret
from integration.store import migrate, secrets
from integration.store.database import Database, Transaction
from integration.systems import ADDED, OF_EVERY_SYSTEM, variable
from integration.vault import Vault

RENAMED = {"FLEET_PG_USER": "FLEET_RUN_AS"}
"""Settings that once had another name."""
OTHERS = ("FLEET_HOME", "FLEET_USER", "FLEET_SANDBOX_URL", "FLEET_SANDBOX_TOKEN", "FLEET_LIVE_*")
"""Settings beside those of systems and those that `Settings` reads by name."""
ALIKE = 0.85
"""How much of two names has to agree (0 to 1) for one to be a slip of the other."""
FOREIGN_KEYS = (
    "Put the key that it was filled under back into FLEET_ENCRYPTION_KEYS; the database of another fleet needs the "
    "keys of that fleet."
)


def load() -> Settings:
    """The settings of this process, complete and checked: the only way in for whoever works with the stores."""
    return checked(Settings.load().need_stores())


def checked(settings: Settings) -> Settings:
    """These settings, once every key, secret and address among them has been parsed as its user parses it."""
    if settings.encryption_keys:
        Vault(settings.encryption_keys)
    _check_names(settings.kinds)
    for name, given in settings.webhook_secrets.items():
        for secret in given:
            check_secret(variable(name, "webhook_secrets"), secret)
    try:
        psycopg2.extensions.parse_dsn(settings.database_url)
    except psycopg2.ProgrammingError:
        raise Misconfigured(
            "DATABASE_URL is not an address of Postgres",
            hint="Set DATABASE_URL to one such as postgresql://user:password@host:5432/fleet.",
        ) from None
    if settings.redis_url:
        _check_redis(settings.redis_url)
    return settings


def misspelt(variables: Mapping[str, str]) -> list[str]:
    """Variables that look like settings of the fleet and are none, each with the name that may be meant."""
    env = Environment(variables, {})
    Settings.read(home_of(variables), env)
    others = (*OTHERS, *of_systems(env.kinds))
    given = env.settings() - env.asked
    found = []
    for name in sorted(name for name in given if not any(fnmatchcase(name, other) for other in others)):
        near = difflib.get_close_matches(name, [*env.asked, *others], 1, ALIKE)
        if meant := RENAMED.get(name) or (near[0] if near else None):
            found.append(f"{name} is not a setting: {meant} is")
        elif name.startswith("FLEET_"):
            found.append(f"{name} is not a setting")
    return found


def of_systems(kinds: Mapping[str, str]) -> list[str]:
    """The settings of these systems, ``*`` for any text; ``kinds`` has the kind of each by its name."""
    return [variable(name, option) for name, kind in kinds.items() for option in _options(kind)]


def _options(kind: str) -> Iterator[str]:
    yield from OF_EVERY_SYSTEM
    yield from (setting.name for setting in CONNECTORS[kind].settings)


def _check_names(kinds: Mapping[str, str]) -> None:
    """Raises `Misconfigured` where a variable of one system could be a setting of another."""
    for name, other in permutations(kinds, 2):
        rest = name.removeprefix(f"{other}_")
        if rest != name and any(f"{option}_".startswith(f"{rest}_") for option in _options(kinds[other])):
            raise Misconfigured(
                f"{ADDED} holds the name {name}: {variable(name, 'url')} could also be a setting of {other}",
                hint=f"Choose another name in {ADDED}, not {other}_ with a setting's name behind it.",
            )


def check_database(database: Database, vault: Vault) -> None:
    """Raises `Misconfigured` for a database that lacks migrations, or was filled under keys that are not ours."""
    with database.transaction() as tx:
        if lacking := migrate.pending(tx):
            raise Misconfigured(f"the database lacks {', '.join(lacking)}", hint="Run `fleet migrate`.")
        check_keys(tx, vault)


def check_keys(tx: Transaction, vault: Vault, hint: str = FOREIGN_KEYS) -> None:
    """Opens what was sealed last, and every secret of the fleet's own."""
    try:
        for sealed in secrets.examples(tx):
            vault.open(sealed)
    except Hold:
        raise Misconfigured(
            "the encryption keys do not open what is stored in this database", hint=hint, code="foreign_keys"
        ) from None


def _check_redis(url: str) -> None:
    try:
        parts = urlsplit(url)
        database = parts.path.strip("/") or "0"
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname or parts.port == 0 or not database.isdigit():
            raise ValueError(url)
    except ValueError:
        raise Misconfigured(
            "REDIS_URL is not an address of Redis", hint="Set REDIS_URL to one such as redis://:password@host:6379/0."
        ) from None
