"""Targets: the systems as the fleet may call them, what waits for them, their polls, and what operators decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import redis

from integration.errors import Failure, Throttled
from integration.settings import Settings, System
from integration.store import cursors, installations, views
from integration.store.database import Database, Row, Transaction
from integration.systems import variable
from integration.throttle import State, Throttle

T = TypeVar("T")

LIMITER_AWAY = "unknown: Redis cannot be reached"
OF_OURS = frozenset({"settings", "decided"})
"""What a row is made of and nobody is shown."""


@dataclass(frozen=True)
class Decided(Generic[T]):
    """What was decided about the target ``name``, with the ``result`` of the act.

    ``at_once`` is false where Redis cannot be reached: the decision is stored, and holds as soon as Redis returns.
    """

    name: str
    result: T
    at_once: bool


def listed(tx: Transaction, settings: Settings) -> list[Row]:
    """Each configured system, and every other installation for which something still waits.

    Rows are ``{name, system, kind, url, database, configured, open, paused_at, paused_by, paused_user, pause_reason,
    pause_hint, polls, state, reason, hint, limiter, rate, concurrency, breaker}``: ``rate`` and ``concurrency`` by the
    settings, by hand, and now; ``reason`` says why the state is not ``ok``.
    """
    found = list(_targets(tx, settings.systems.values()))
    limits = _limits(settings.redis_url, found)
    rows = ({**each, **_state(each, limits.get(each["name"]))} for each in found)
    return [{name: value for name, value in row.items() if name not in OF_OURS} for row in rows]


def decide(
    database: Database, settings: Settings, target: str, act: Callable[[Transaction, int, str], T]
) -> Decided[T]:
    """Decides something about a target; what ``act`` writes for its id and name holds for every process at once.

    Raises `Failure` where there is no such target.
    """
    with database.transaction() as tx:
        row = _find(tx, settings.systems.values(), target)
        result = act(tx, row["id"], row["name"])
        decided = installations.decisions(tx)[row["id"]]
    system = settings.systems.get(row["system"])
    if not system or _identity(system) != _place(row):
        return Decided(row["name"], result, at_once=True)
    throttle = Throttle(_client(settings.redis_url), row["name"], system.rate, system.concurrency)
    return Decided(row["name"], result, at_once=throttle.decide(**decided))


def pause(tx: Transaction, id: int, name: str, reason: str | None, who: str) -> None:
    """Lets nothing be called at a target until it is resumed."""
    installations.pause(tx, id, reason or "no reason was given", resumes(name), who=who)


def resumes(name: str) -> str:
    """How the pause of a target ends."""
    return f"`fleet targets resume {name}` resumes it."


def _find(tx: Transaction, systems: Iterable[System], target: str) -> Row:
    """The installation of this name, or that of the configured system of this name."""
    known, configured = installations.all_installations(tx), [_identity(system) for system in systems]
    for row in known:
        if target == row["name"] or target == row["system"] and _place(row) in configured:
            return row
    names = ", ".join(row["name"] for row in known) or "none: start the fleet first"
    raise Failure(f"there is no target {target}", hint=f"Targets are: {names}.")


def _identity(system: System) -> tuple[str, str, str]:
    return system.kind, system.url, system.database


def _place(row: Row) -> tuple[str, str, str]:
    return row["kind"], row["url"], row["database"]


def _client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2, retry=None)


def _targets(tx: Transaction, systems: Iterable[System]) -> Iterator[Row]:
    """Each configured system, and every other installation for which something still waits."""
    known = {_place(row): row for row in installations.all_installations(tx)}
    waiting, polls = views.open_by_target(tx), cursors.all_cursors(tx)
    configured = {_identity(system): system for system in systems}
    for identity in (*configured, *(known.keys() - configured.keys())):
        row, system = known.get(identity, {}), configured.get(identity)
        count = waiting.get(row.get("id", 0), 0)
        if not system and not count:
            continue
        kind, url, database = identity
        name = system.name if system else row["system"]
        yield {
            "name": row.get("name"),
            "system": name,
            "kind": kind,
            "url": _without_credentials(url),
            "database": database,
            "configured": system is not None,
            "open": count,
            **{name: row.get(name) for name in ("paused_at", "paused_by", "paused_user", "pause_reason", "pause_hint")},
            "polls": [_poll(each, row) for each in polls if each["target"] == row.get("name")],
            "settings": system,
            "decided": {name: row.get(name) for name in ("rate", "concurrency", "breaker")},
        }


def _limits(redis_url: str, found: Sequence[Row]) -> Mapping[str, State]:
    """The state of each configured target, by name; empty where Redis does not answer."""
    client, limits = _client(redis_url), {}
    for row in found:
        if row["name"] and row["settings"]:
            try:
                limits[row["name"]] = Throttle(
                    client, row["name"], row["settings"].rate, row["settings"].concurrency
                ).state()
            except Throttled:
                return {}
    return limits


def _state(row: Row, limit: State | None) -> dict[str, Any]:
    """The word for a target's state with the reason where it is not ok; its limits by settings, by hand, and now."""
    system: System | None = row["settings"]
    decided = row["decided"]
    state, reason = _word(row, limit)
    return {
        "state": state,
        "reason": reason,
        "hint": row["pause_hint"],
        "limiter": None if not row["name"] or not system else "ok" if limit else LIMITER_AWAY,
        "rate": system and {"configured": system.rate, "set": decided["rate"], "now": limit and limit.rate},
        "concurrency": system
        and {"configured": system.concurrency, "set": decided["concurrency"], "taken": limit and limit.slots},
        "breaker": "off" if decided["breaker"] is False else limit and limit.breaker,
    }


def _word(row: Row, limit: State | None) -> tuple[str, str | None]:
    if not row["configured"]:
        url = variable(row["system"], "url")
        return "not configured", f"{row['open']} deliveries wait until {url} is this URL again"
    if row["name"] is None:
        return "new", "no process of the fleet has started with it yet"
    if row["paused_at"]:
        who = row["paused_user"] or "the fleet"
        return "paused", f"paused by {who} since {row['paused_at']:%Y-%m-%d %H:%M} UTC: {row['pause_reason']}"
    if limit is None:
        return "ok", None
    match limit.breaker:
        case "open":
            return "breaker open", f"too many calls failed: no call for {limit.open_for:.0f} s, then one as a test"
        case "half_open" | "probing":
            return "breaker open", "one call tests whether the target works again"
    if limit.blocked_for:
        return "throttled", f"the target asked for a pause of {limit.blocked_for:.0f} s more"
    if limit.rate < limit.cap:
        return "throttled", f"the target asked to slow down: {limit.rate:.3g} of {limit.cap:.3g} calls/s, and rising"
    return "ok", None


def _poll(row: Row, target: Row) -> dict[str, Any]:
    names = ("stream", "polled_at", "since", "due_at", "running", "failures", "code", "reason", "hint")
    return {**{name: row[name] for name in names}, "resting": target["paused_at"] is not None}


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
