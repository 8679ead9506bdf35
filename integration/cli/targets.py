"""``fleet targets``: the systems as the fleet may call them now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import click
import redis

from integration.cli.render import console, json_option, remark, show_json, table
from integration.cli.stores import open_database
from integration.errors import Throttled
from integration.settings import Settings, System
from integration.store import cursors, installations, views
from integration.store.database import Row, Transaction
from integration.throttle import State, Throttle

COLUMNS = ("name", "url", "state", "rate", "hops", "open")
POLLS = ("target", "stream", "polled_at", "read_up_to", "next", "result")
LIMITER_AWAY = "unknown: Redis cannot be reached"


@click.group()
def targets() -> None:
    """The systems as the fleet may call them: state, rate, and how their polls get on.

    \b
    Examples:
      fleet targets ls
      fleet targets ls --json
    """


@targets.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the systems, whether they may be called now, what waits for them, and their polls.

    A system that is not configured any more is listed as long as deliveries wait for it.
    """
    settings = Settings.load()
    with open_database() as database, database.transaction() as tx:
        found = list(_targets(tx, settings.systems.values()))
    limits = _limits(settings.redis_url, found)
    rows = [{**each, **_state(each, limits.get(each["name"]))} for each in found]
    if as_json:
        show_json([{name: value for name, value in row.items() if name != "system"} for row in rows])
    else:
        _show(rows)


def _targets(tx: Transaction, systems: Iterable[System]) -> Iterator[Row]:
    """Each configured system, and every other installation for which something still waits."""
    known = {(row["kind"], row["url"], row["database"]): row for row in installations.all_installations(tx)}
    waiting, polls = views.open_by_target(tx), cursors.all_cursors(tx)
    configured = {(system.kind, system.url, system.database): system for system in systems}
    for identity in (*configured, *(known.keys() - configured.keys())):
        row, system = known.get(identity, {}), configured.get(identity)
        count = waiting.get(row.get("id", 0), 0)
        if not system and not count:
            continue
        kind, url, database = identity
        yield {
            "name": row.get("name"),
            "kind": kind,
            "url": _without_credentials(url),
            "database": database,
            "configured": system is not None,
            "open": count,
            **{name: row.get(name) for name in ("paused_at", "paused_by", "pause_reason", "pause_hint")},
            "polls": [_poll(each) for each in polls if each["target"] == row.get("name")],
            "system": system,
        }


def _limits(redis_url: str, found: Sequence[Row]) -> Mapping[str, State]:
    """How each configured target may be called now, by name; empty where Redis does not answer."""
    client = redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2, retry=None)
    limits = {}
    for row in found:
        if row["name"] and row["system"]:
            try:
                limits[row["name"]] = Throttle(
                    client, row["name"], row["system"].rate, row["system"].concurrency
                ).state()
            except Throttled:
                return {}
    return limits


def _state(row: Row, limit: State | None) -> dict[str, Any]:
    """The word for a target's state with the reason where it is not ok, and its limits: configured and now."""
    system: System | None = row["system"]
    state, reason = _word(row, limit)
    return {
        "state": state,
        "reason": reason,
        "hint": row["pause_hint"],
        "limiter": None if not row["name"] or not system else "ok" if limit else LIMITER_AWAY,
        "rate": system and {"configured": system.rate, "now": limit and limit.rate},
        "concurrency": system and {"configured": system.concurrency, "taken": limit and limit.slots},
        "breaker": limit and limit.breaker,
    }


def _word(row: Row, limit: State | None) -> tuple[str, str | None]:
    if not row["configured"]:
        variable = f"{row['kind'].upper()}_URL"
        return "not configured", f"{row['open']} deliveries wait until {variable} is this URL again"
    if row["name"] is None:
        return "new", "no process of the fleet has started with it yet"
    if row["paused_at"]:
        return "paused", f"paused by {row['paused_by']}: {row['pause_reason']}"
    if limit is None:
        return "ok", None
    match limit.breaker:
        case "open":
            return "breaker open", f"too many calls failed: none for {limit.open_for:.0f} s, then one to see"
        case "half_open" | "probing":
            return "breaker open", "one call is to find out whether the target is well again"
    if limit.blocked_for:
        return "throttled", f"the target asked everybody to wait {limit.blocked_for:.0f} s more"
    if limit.rate < limit.cap:
        return "throttled", f"the target asked to slow down: {limit.rate:.1f} of {limit.cap:g} calls/s, and rising"
    return "ok", None


def _poll(row: Row) -> dict[str, Any]:
    names = ("stream", "polled_at", "since", "due_at", "running", "failures", "code", "reason", "hint")
    return {name: row[name] for name in names}


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _show(rows: Sequence[Row]) -> None:
    table(COLUMNS, [_cells(row) for row in rows], empty="No system is configured.")
    polls = [{**poll, "target": row["name"]} for row in rows for poll in row["polls"]]
    if polls:
        console.print("\n[bold]Polls[/]")
        table(POLLS, [_poll_cells(poll) for poll in polls], empty="")
    remarks = [(row["name"] or row["kind"], row["reason"], row["hint"]) for row in rows]
    remarks += [(f"{poll['target']} {poll['stream']}", poll["reason"], poll["hint"]) for poll in polls]
    if any(row["limiter"] == LIMITER_AWAY for row in rows):
        remarks.append(("rates", LIMITER_AWAY, "Until it answers, everything waits in Postgres."))
    if any(reason for _, reason, _ in remarks):
        console.print()
    for about, reason, hint in remarks:
        if reason:
            remark(about, reason, hint)


def _cells(row: Row) -> dict[str, Any]:
    rate, hops = row["rate"], row["concurrency"]
    now, taken = (rate or {}).get("now"), (hops or {}).get("taken")
    return {
        "name": row["name"] or row["kind"],
        "url": row["url"] + (f" ({row['database']})" if row["database"] else ""),
        "state": row["state"],
        "rate": rate and _rate(rate["configured"], now),
        "hops": hops and f"{'?' if taken is None else taken} of {hops['configured']}",
        "open": row["open"],
    }


def _rate(configured: float, now: float | None) -> str:
    return f"{configured:g}/s" if now in (None, configured) else f"{now:.3g} of {configured:g}/s"


def _poll_cells(poll: Row) -> dict[str, Any]:
    result = f"failed {poll['failures']} times" if poll["failures"] > 1 else "failed" if poll["failures"] else "ok"
    return {
        "target": poll["target"],
        "stream": poll["stream"],
        "polled_at": poll["polled_at"],
        "read_up_to": poll["since"],
        "next": "under way" if poll["running"] else poll["due_at"],
        "result": result if poll["polled_at"] or poll["failures"] else None,
    }
