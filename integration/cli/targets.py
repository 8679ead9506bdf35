"""``fleet targets``: the systems as the fleet may call them now, and what an operator decides about that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from integration import preflight
from integration.operations import targets as operations
from integration.operations.targets import Decided
from integration.settings import operator
from integration.store import installations
from integration.store.database import Row, Transaction
from integration.terminal.listing import show_rows
from integration.terminal.option_types import Rate, shown
from integration.terminal.render import console, json_option, remark, say, table
from integration.terminal.session import open_database

T = TypeVar("T")

COLUMNS = ("name", "url", "state", "rate", "hops", "open")
POLLS = ("target", "stream", "polled_at", "read_up_to", "next", "result")
BREAKER_OFF = "the breaker is switched off by hand: it is called however many calls fail"
ON_AGAIN = "`fleet targets limit {} --breaker on` when that is over."


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
    with open_database() as database, database.transaction() as tx:
        rows = operations.listed(tx, preflight.load())
    if as_json:
        show_rows(rows)
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
    watched = None if breaker is None else breaker == "on"

    def act(tx: Transaction, id: int, _: str) -> None:
        if reset:
            installations.unlimit(tx, id, operator())
        else:
            installations.limit(tx, id, operator(), rate=rate, concurrency=concurrency, breaker=watched)

    name = _decide(target, act).name
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
    name = _decide(target, lambda tx, id, name: operations.pause(tx, id, name, reason, operator())).name
    say(f"{name} is paused.  {operations.resumes(name)}")


@targets.command("resume")
@click.argument("target")
def resume(target: str) -> None:
    """Call TARGET again, whether an operator or the fleet has paused it.

    A target whose credentials are still refused is paused again.

    \b
    Examples:
      fleet targets resume odoo
    """
    decided = _decide(target, lambda tx, id, _: installations.resume(tx, id, who=operator()))
    say(f"{decided.name} goes on." if decided.result else f"{decided.name} is not paused.")


def _decide(target: str, act: Callable[[Transaction, int, str], T]) -> Decided[T]:
    with open_database() as database:
        decided = operations.decide(database, preflight.load(), target, act)
    if not decided.at_once:
        click.echo("Redis cannot be reached: the decision is stored, and holds as soon as Redis returns.", err=True)
    return decided


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
    if any(row["limiter"] == operations.LIMITER_AWAY for row in rows):
        remarks.append(("rates", operations.LIMITER_AWAY, "Until it answers, everything waits in Postgres."))
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
