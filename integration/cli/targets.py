"""``fleet targets``: the systems as the fleet may call them now, and what an operator decides about that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import click
import redis

from integration import preflight
from integration.errors import Failure, Throttled
from integration.settings import System, operator
from integration.store import cursors, installations, views
from integration.store.database import Row, Transaction
from integration.systems import variable
from integration.terminal.listing import show_rows
from integration.terminal.option_types import Rate, shown
from integration.terminal.render import console, json_option, remark, say, table
from integration.terminal.session import open_database
from integration.throttle import State, Throttle

COLUMNS = ("name", "url", "state", "rate", "hops", "open")
POLLS = ("target", "stream", "polled_at", "read_up_to", "next", "result")
BREAKER_OFF = "the breaker is switched off by hand: it is called however many calls fail"
ON_AGAIN = "`fleet targets limit {} --breaker on` when that is over."
LIMITER_AWAY = "unknown: Redis cannot be reached"


@click.group()
def targets() -> None:
    """The systems as the fleet may call them: state, rate, and how their polls get on.

    What is decided here holds at once, for every process on every machine, until it is decided otherwise.

    \b
    Examples:
      fleet targets ls
      fleet targets limit odoo 5/s
      fleet targets pause fusion --reason 'quarterly update'
      fleet targets resume fusion
    """


@targets.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the systems, whether they may be called now, what waits for them, and their polls.

    A system that is no longer configured is listed while deliveries wait for it.

    \b
    Examples:
      fleet targets ls
      fleet targets ls --json
    """
    settings = preflight.load()
    with open_database() as database, database.transaction() as tx:
        found = list(_targets(tx, settings.systems.values()))
    limits = _limits(settings.redis_url, found)
    rows = [{**each, **_state(each, limits.get(each["name"]))} for each in found]
    if as_json:
        show_rows([{name: row[name] for name in row if name not in {"settings", "decided"}} for row in rows])
    else:
        _show(rows)


@targets.command("limit")
@click.argument("target")
@click.argument("rate", type=Rate(), required=False)
@click.option("--concurrency", type=click.IntRange(1, 10_000), help="Hops at a time.")
@click.option("--breaker", type=click.Choice(("on", "off")), help="Whether to stop calling when too many calls fail.")
@click.option("--reset", is_flag=True, help="Back to what the settings say.")
def limit(target: str, rate: float | None, concurrency: int | None, breaker: str | None, reset: bool) -> None:
    """Limit how TARGET is called by the whole fleet: RATE is 5/s, 300/min, or a number of calls per second.

    What is not given stays as it is.  It goes before the settings (ODOO_RATE, ODOO_CONCURRENCY) until it is reset.

    \b
    Examples:
      fleet targets limit odoo 5/s
      fleet targets limit odoo-1 300/min --concurrency 2
      fleet targets limit fusion --breaker off
      fleet targets limit odoo --reset
    """
    given = rate is not None or concurrency is not None or breaker is not None
    if given == reset:
        raise click.UsageError("Say what: a rate, --concurrency or --breaker; or --reset alone.")
    with _deciding(target) as (tx, id, name):
        if reset:
            installations.unlimit(tx, id, operator())
        else:
            watched = None if breaker is None else breaker == "on"
            installations.limit(tx, id, operator(), rate=rate, concurrency=concurrency, breaker=watched)
    say(f"{name} has the limits of its settings." if reset else f"{name} is limited: `fleet targets ls`.")


@targets.command("pause")
@click.argument("target")
@click.option("--reason", help="Why.  It is stored in clear: no names, no addresses.")
def pause(target: str, reason: str | None) -> None:
    """Call nothing at TARGET until it is resumed.

    No hop and no poll starts there, and those under way stop before their next call.  What is for it waits, and spends
    no attempt; what comes from it by webhook is accepted.

    \b
    Examples:
      fleet targets pause odoo
      fleet targets pause fusion-1 --reason 'quarterly update'
    """
    with _deciding(target) as (tx, id, name):
        hint = f"`fleet targets resume {name}` resumes it."
        installations.pause(tx, id, reason or "no reason was given", hint, who=operator())
    say(f"{name} is paused.  {hint}")


@targets.command("resume")
@click.argument("target")
def resume(target: str) -> None:
    """Call TARGET again, whether an operator or the fleet has paused it.

    A target whose credentials are still refused is paused again.

    \b
    Examples:
      fleet targets resume odoo
    """
    with _deciding(target) as (tx, id, name):
        resumed = installations.resume(tx, id, who=operator())
    say(f"{name} goes on." if resumed else f"{name} is not paused.")


@contextmanager
def _deciding(target: str) -> Iterator[tuple[Transaction, int, str]]:
    """The id and name of a target, and a transaction to decide in; what it commits holds for every process at once."""
    settings = preflight.load()
    with open_database() as database, database.transaction() as tx:
        row = _find(tx, settings.systems.values(), target)
        yield tx, row["id"], row["name"]
        decided = installations.decisions(tx)[row["id"]]
    system = settings.systems.get(row["system"])
    if system and _identity(system) == _place(row):
        throttle = Throttle(_client(settings.redis_url), row["name"], system.rate, system.concurrency)
        if not throttle.decide(**decided):
            click.echo("Redis cannot be reached: the decision is stored, and holds as soon as Redis returns.", err=True)


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


def _show(rows: Sequence[Row]) -> None:
    table(COLUMNS, [_cells(row) for row in rows], empty="No system is configured.")
    polls = [{**poll, "target": row["name"]} for row in rows for poll in row["polls"]]
    if polls:
        console.print("\n[bold]Polls[/]")
        table(POLLS, [_poll_cells(poll) for poll in polls], empty="")
    remarks = [(row["name"] or row["system"], row["reason"], row["hint"]) for row in rows]
    remarks += [(row["name"], BREAKER_OFF, ON_AGAIN.format(row["name"])) for row in rows if row["breaker"] == "off"]
    remarks += [
        (f"{poll['target']} {poll['stream']}", poll["reason"], poll["hint"]) for poll in polls if not poll["resting"]
    ]
    if any(row["limiter"] == LIMITER_AWAY for row in rows):
        remarks.append(("rates", LIMITER_AWAY, "Until it answers, everything waits in Postgres."))
    if any(reason for _, reason, _ in remarks):
        console.print()
    for about, reason, hint in remarks:
        if reason:
            remark(about, reason, hint)


def _cells(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"] or row["system"],
        "url": row["url"] + (f" ({row['database']})" if row["database"] else ""),
        "state": row["state"],
        "rate": row["rate"] and _rate(**row["rate"]),
        "hops": row["concurrency"] and _hops(**row["concurrency"]),
        "open": row["open"],
    }


def _rate(configured: float, set: float | None, now: float | None) -> str:
    cap = set or configured
    slowed = "" if now in (None, cap) else f"{now:.3g} of "
    return slowed + shown(cap) + (f" (settings: {shown(configured)})" if set else "")


def _hops(configured: int, set: int | None, taken: int | None) -> str:
    hops = f"{'?' if taken is None else taken} of {set or configured}"
    return hops + (f" (settings: {configured})" if set else "")


def _poll_cells(poll: Row) -> dict[str, Any]:
    result = f"failed {poll['failures']} times" if poll["failures"] > 1 else "failed" if poll["failures"] else "ok"
    return {
        "target": poll["target"],
        "stream": poll["stream"],
        "polled_at": poll["polled_at"],
        "read_up_to": poll["since"],
        "next": "under way" if poll["running"] else None if poll["resting"] else poll["due_at"],
        "result": "resting" if poll["resting"] else result if poll["polled_at"] or poll["failures"] else None,
    }
