"""How commands carry out what is about many: a preview, a question, and the progress of the job that the fleet runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import click
from rich.progress import Progress

from integration.errors import Failure
from integration.operations import jobs
from integration.operations.jobs import Preview, Shown
from integration.settings import operator
from integration.store.database import Database, Row, Transaction
from integration.terminal.listing import show_rows
from integration.terminal.render import console, json_option, say, table

PREVIEW = ("count", "target", "state", "code", "examples")
ALL = 1_000_000
LOOK_EVERY = 0.5
"""Seconds between two looks at a job."""
LINE_EVERY = 5.0
"""Seconds between two lines about it where no bar can be drawn."""
STILL = 60.0
"""Seconds without any change after which a command leaves the job to the fleet."""


@dataclass(frozen=True)
class Manner:
    """How a job is carried out: without a question, without waiting for its end, and whether it is shown as JSON."""

    yes: bool
    detach: bool
    as_json: bool

    @classmethod
    def taken_from(cls, ids: Sequence[int], options: dict[str, Any]) -> Self:
        """What `carried_out` has added to a command's options; whoever has named the ids is not asked."""
        given = {each.name: options.pop(each.name) for each in fields(cls)}
        return cls(**given | {"yes": given["yes"] or bool(ids)})


DETACH = click.option("--detach", is_flag=True, help="Of more than one: do not wait for the end of the job.")
OPTIONS = (click.option("--yes", is_flag=True, help="Do not ask before more than one."), DETACH, json_option)


def carried_out(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that are the fields of `Manner`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def carry_out(database: Database, make: Callable[[Transaction], Preview], question: str, manner: Manner) -> None:
    """Previews a job, asks, has the fleet run it, and shows its progress until it ends or Ctrl-C leaves it alone.

    ``question`` has ``{}`` for how many items there are.  Raises a usage error, with no job made, where nobody can
    answer; and `Failure` in the end, where an item has failed.
    """
    with database.transaction() as tx:
        found = make(tx)
        asked = question.format(found.count)
        if not manner.yes and (manner.as_json or not sys.stdin.isatty()):
            raise click.UsageError(f"{found.count} match, and here nobody can be asked: --yes answers {asked!r}")
        if manner.yes:
            jobs.start(tx, found.id, operator())
    if not manner.yes:
        _ask(database, found, asked)
    try:
        shown = _follow(database, found.id, manner)
    except KeyboardInterrupt:
        say(_goes_on(found.id), err=manner.as_json)
        return
    if manner.as_json:
        with database.transaction() as tx:
            page = jobs.items(tx, found.id, result=None, limit=ALL)
        show_rows(page.rows, page.next, job=shown.job, waits_for=shown.waits_for, now=shown.now)
    if failed := shown.job["failed"]:
        says_why = f"`fleet jobs show {found.id} --result failed` says why."
        raise Failure(f"{failed} of {found.count} failed", hint=says_why)


def summary(shown: Shown) -> str:
    """A job in one sentence: ``Job 7 is done: 40 of 40 applied; now 38 done, 2 held as total_differs.``"""
    now = ", ".join(_state(row) for row in shown.now)
    return f"{so_far(shown.job)}{'; now ' if now else ''}{now}."


def so_far(job: Row) -> str:
    """How far it is, whatever its deliveries are now: ``Job 7 is running: 3 of 9 applied, 6 to come``"""
    return f"Job {job['id']} is {job['state']}: {results(job)}"


def results(job: Row) -> str:
    """What was done about its items: ``3 of 9 applied, 6 to come``, or ``6 not done`` where it is cancelled."""
    counts = [f"{job[name]} {name}" for name in ("skipped", "failed") if job[name]]
    counts += [f"{job['waiting']} {'not done' if job['state'] == 'cancelled' else 'to come'}"] if job["waiting"] else []
    return ", ".join([f"{job['applied']} of {job['items']} applied", *counts])


def waits_for(shown: Shown) -> Sequence[str]:
    """What keeps the items of a job waiting, a sentence for each paused target."""
    return [
        f"{row['count']} wait for {row['target']}, which is paused: {row['paused']}"
        for row in shown.waits_for
        if row["paused"]
    ]


def _ask(database: Database, found: Preview, asked: str) -> None:
    table(PREVIEW, found.rows, empty="")
    try:
        click.confirm(asked, abort=True)
    except click.Abort:
        with database.transaction() as tx:
            jobs.discard(tx, found.id)
        raise
    with database.transaction() as tx:
        jobs.start(tx, found.id, operator())


def _follow(database: Database, id: int, manner: Manner) -> Shown:
    """Shows how far it is until it ends, is paused, nothing changes any more, or no fleet runs."""
    shown, attended = _look(database, id)
    if not manner.as_json:
        say(f"Job {id}: {shown.job['items']} to {shown.job['act']}.")
    if manner.detach:
        if not manner.as_json:
            say(_goes_on(id) if attended else _waits(id))
        return shown
    shown, attended = _watch(database, id, quiet=manner.as_json)
    if not manner.as_json:
        for sentence in _says(shown, attended=attended):
            say(sentence)
    return shown


def _says(shown: Shown, *, attended: bool) -> Sequence[str]:
    """Where a job is when nobody looks at it any more."""
    id, runs = shown.job["id"], shown.job["state"] == "running"
    if runs and not attended:
        return [_waits(id)]
    why = [f"`fleet jobs show {id} --result skipped` says why."] if shown.job["skipped"] else []
    return [summary(shown), *why, *waits_for(shown), *([_goes_on(id)] if runs else [])]


def _watch(database: Database, id: int, *, quiet: bool) -> tuple[Shown, bool]:
    last: object = None
    changed_at = said_at = time.monotonic()
    has_bar = console.is_terminal and not console.is_dumb_terminal
    with Progress(console=console, disable=quiet or not has_bar, transient=True) as bars:
        bar = bars.add_task(f"Job {id}", total=None)
        while True:
            shown, attended = _look(database, id)
            job, now = shown.job, time.monotonic()
            bars.update(bar, total=job["items"], completed=job["items"] - job["waiting"])
            if (seen := (job["state"], job["waiting"], shown.now)) != last:
                last, changed_at = seen, now
                if now - said_at > LINE_EVERY and not (quiet or has_bar):
                    said_at = now
                    say(summary(shown))
            if job["state"] != "running" or not attended or now - changed_at > STILL:
                return shown, attended
            time.sleep(LOOK_EVERY)


def _look(database: Database, id: int) -> tuple[Shown, bool]:
    with database.transaction() as tx:
        return jobs.show(tx, id), jobs.attended(tx)


def _state(row: Row) -> str:
    return f"{row['count']} {row['state']}" + (f" as {row['code']}" if row["code"] else "")


def _goes_on(id: int) -> str:
    return f"Job {id} goes on by itself: `fleet jobs show {id}`; `fleet jobs cancel {id}` stops it."


def _waits(id: int) -> str:
    return f"No fleet runs: job {id} waits until one does (`fleet up`).  `fleet jobs cancel {id}` takes it back."
