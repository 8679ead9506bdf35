"""The fleet's own parts: stores, keys, definitions, and the receiver of webhooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psycopg2
import redis
import requests

import mappings
from integration.cli.send import deliver, envelope
from integration.connectors.contract import Finding
from integration.errors import Failure, Hold
from integration.local import ports
from integration.local.environment import Systems
from integration.local.fleet import runs
from integration.preflight import misspelt
from integration.rules.mapping_check import check_definitions
from integration.settings import Settings, variables
from integration.signature import check_secret
from integration.store import views
from integration.store.database import Database
from integration.store.migrate import pending
from integration.systems import KINDS, variable
from integration.vault import Vault


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything that does not depend on a system; sends one test event to the receiver."""
    parts: dict[str, Callable[[Settings], Iterator[Finding]]] = {
        "settings": _names,
        "systems": _systems,
        "Postgres": _postgres,
        "Redis": _redis,
        "encryption": _keys,
        "mappings": _definitions,
        "webhook secret": _secrets,
        "receiver": _receiver,
    }
    for about, part in parts.items():
        try:
            yield from part(settings)
        except Failure as failure:
            yield Finding(about, "error", failure.reason, failure.hint)


def _names(_: Settings) -> Iterator[Finding]:
    for text in misspelt(variables()):
        yield Finding("settings", "warning", text, "Correct the name, or take it out of the environment.")


def _systems(settings: Settings) -> Iterator[Finding]:
    if not settings.systems:
        yield Finding("systems", "ok", "none is configured: with `fleet up` the sandbox plays all of them")
        return
    for text in Systems.choose(settings, ()).warnings():
        fix = "Set it, or let the sandbox play that system: `fleet up --sandbox NAME`."
        yield Finding("systems", "warning", text, fix)


def _postgres(settings: Settings) -> Iterator[Finding]:
    if not settings.database_url:
        yield Finding("Postgres", "ok", f"no fleet runs in {settings.home}: `fleet up` brings it along")
        return
    database = Database(settings.database_url, connections=1)
    try:
        with database.transaction() as tx:
            version, lacking = views.server_version(tx), pending(tx)
    except psycopg2.OperationalError:
        fix = "Check DATABASE_URL, and that the server runs and lets us in."
        yield Finding("Postgres", "error", "it does not answer: nothing is accepted and nothing moves", fix)
        return
    finally:
        database.close()
    if lacking:
        yield Finding("Postgres", "error", f"{version} lacks {', '.join(lacking)}", "Run `fleet migrate`.")
    else:
        yield Finding("Postgres", "ok", f"{version} answers and is up to date")


def _redis(settings: Settings) -> Iterator[Finding]:
    if not settings.redis_url:
        yield Finding("Redis", "ok", f"no fleet runs in {settings.home}: `fleet up` brings it along")
        return
    client = redis.Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=2, retry=None)
    try:
        server = client.info("server")
    except (redis.RedisError, ValueError):
        fix = "Check REDIS_URL, and that the server runs and lets us in."
        yield Finding("Redis", "error", "it does not answer: what is accepted waits in Postgres", fix)
        return
    name = "valkey" if "valkey_version" in server else "redis"
    yield Finding("Redis", "ok", f"{name.title()} {server[f'{name}_version']} answers")


def _keys(settings: Settings) -> Iterator[Finding]:
    if not settings.encryption_keys:
        if settings.database_url:
            fix = "Set it to the Fernet keys that the database was filled under."
            yield Finding("encryption", "error", "FLEET_ENCRYPTION_KEYS is not set", fix)
        return
    vault = Vault(settings.encryption_keys)
    try:
        for sealed in _sealed(settings):
            vault.open(sealed)
    except Hold as unreadable:
        fix = "Put the key that it was stored under back at the end of FLEET_ENCRYPTION_KEYS, and run `fleet restart`."
        yield Finding("encryption", "error", unreadable.reason, fix)
        return
    yield Finding("encryption", "ok", f"what is stored opens with the keys we have ({len(settings.encryption_keys)})")


def _sealed(settings: Settings) -> list[bytes]:
    """Stored values to open; none where Postgres is unavailable or empty, which another check reports."""
    if not settings.database_url:
        return []
    database = Database(settings.database_url, connections=1)
    try:
        with database.transaction() as tx:
            return views.sealed(tx)
    except psycopg2.Error:
        return []
    finally:
        database.close()


def _definitions(_: Settings) -> Iterator[Finding]:
    checked = check_definitions(mappings.FOLDER)
    for each in checked:
        for problem in each.problems:
            yield Finding("mappings", "error", f"{each.name}: {problem}", "See `fleet mapping check`.")
    if not any(each.problems for each in checked):
        yield Finding("mappings", "ok", "all mappings and workflows compile, and every sample comes out as expected")


def _secrets(settings: Settings) -> Iterator[Finding]:
    for name, secrets in _signing(settings):
        given = variable(name, "webhook_secrets")
        about = "webhook secret" if name in KINDS else f"webhook secret of {name}"
        if not secrets:
            fix = f"Set {given} to the secret that Clarity shows for the subscription."
            if settings.database_url:
                yield Finding(about, "error", "none is set: every webhook is refused", fix)
            else:
                yield Finding(about, "warning", "none is set: `fleet up` makes one, which Clarity must use", fix)
            continue
        for secret in secrets:
            check_secret(given, secret)
        yield Finding(about, "ok", "long enough")


def _signing(settings: Settings) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The configured systems that sign their webhooks, with their secrets."""
    return ((name, secrets) for name, secrets in settings.webhook_secrets.items() if name in settings.systems)


def _receiver(settings: Settings) -> Iterator[Finding]:
    """Sends a signed event of a type that no workflow takes: it is stored, and skipped."""
    bind = settings.binds["receiver"]
    if not runs(settings.home) and not _is_receiver(settings.binds["ops"]):
        yield Finding("receiver", "ok", "not tried: no fleet runs here")
        return
    for name, _ in _signing(settings):
        began = time.monotonic()
        answer = deliver(settings, envelope("{}", "webhook.test", None), name)
        if answer.status_code == 202:
            took = (time.monotonic() - began) * 1000
            yield Finding("receiver", "ok", f"verified and stored a webhook.test in {took:.0f} ms; it is skipped")
            continue
        fixes = {401: "Run `fleet restart`, so that the receiver has the secrets that are set.", 503: "See Postgres."}
        says = f"http://{bind}/webhooks/{name} answers {answer.status_code} to a signed event"
        yield Finding("receiver", "error", says, fixes.get(answer.status_code, "See the receiver's log."))


def _is_receiver(bind: str) -> bool:
    """Whether a receiver of a fleet answers operators there, and not some other program."""
    try:
        return ports.accepts(bind) and "postgres" in requests.get(f"http://{bind}/readyz", timeout=5).json()
    except (requests.RequestException, ValueError):
        return False
