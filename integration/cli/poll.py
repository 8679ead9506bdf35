"""``fleet poll``: reads a system's changes now, before its next poll is due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console

from integration import logs
from integration.connectors import CONNECTORS
from integration.errors import Failure
from integration.store import cursors, installations
from integration.store.database import Row, Transaction
from integration.store.inbox import Arrival, Arriving
from integration.terminal.listing import show_rows
from integration.terminal.option_types import Moment, SystemName
from integration.terminal.render import json_option, remark, say, table
from integration.terminal.session import open_runtime
from tasks.intake import Intake
from tasks.polls import runs
from tasks.runtime import Runtime

COLUMNS = ("stream", "read", "new", "result")
ENDED = {"this command": "ok", "the fleet": "read by the fleet's own poll: ok"}
PAUSE = 0.3
"""Seconds between two looks at a poll that another process runs."""

Report = Callable[[str], None]
"""Shows the progress."""


@click.command()
@click.argument("system", type=SystemName())
@click.option("--since", type=Moment(), help="Read again from this date or time on.  Nothing is accepted twice.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=60.0,
    show_default=True,
    help="Seconds to wait for a poll of the fleet that is under way.",
)
@json_option
@click.pass_context
def poll(ctx: click.Context, system: str, since: datetime | None, wait: float, as_json: bool) -> None:
    """Read what changed at SYSTEM now, not when the next poll is due: shipments, invoices, customers.

    New changes are accepted as those of the fleet's own polls are.  Exit code 1 when something could not be read.

    \b
    Examples:
      fleet poll odoo
      fleet poll fusion --since 2026-11-20
      fleet poll odoo --since 2026-11-20T08:30:00+01:00 --json
    """
    logs.configure("poll", level="WARNING")
    logging.getLogger("tasks.polls").setLevel(logging.CRITICAL)  # the table shows what it would log
    with open_runtime() as own, Console(stderr=True).status("") as status:
        round = Round(own, system, wait, status.update)
        round.ask(since)
        outcomes = round.run()
    if as_json:
        show_rows(outcomes, target=round.name, since=since)
    else:
        _show(outcomes)
    ctx.exit(1 if any(each["reason"] for each in outcomes) else 0)


class Round:
    """One poll of every stream of a system, by this process or, if that is quicker, by the fleet."""

    def __init__(self, own: Runtime, system: str, patience: float, report: Report) -> None:
        """Raises `Failure` for a system that is not configured, not polled, or paused."""
        self._streams = _streams(own, system)
        self._own = own
        self._system = system
        self._installation = own.installations[system].id
        self._patience = patience
        self._report = report
        self._before: dict[str, datetime] = {}
        self.name = own.installations[system].name
        if paused := self._paused():
            reason, hint = paused
            raise Failure(reason, hint=hint)

    def ask(self, since: datetime | None) -> None:
        """Makes every stream due, from ``since`` on; waits while a poll is under way, and raises `Failure` after."""
        said = False
        while not self._asked(since):
            if not said:
                say(f"waiting for the poll of {self.name} that the fleet has under way", err=True)
            said = True
            if not self._wait():
                raise Failure(
                    f"a poll of the fleet still reads {self.name}",
                    hint="Try again when it has ended (`fleet targets ls` shows it), or wait longer with --wait.",
                )

    def run(self) -> list[Row]:
        """The outcome of each stream: ``{stream, read, new, by, code, reason, hint}``; a reason is a failure's."""
        read: dict[str, Row] = {}
        self._report(f"reading {self.name}")
        intake = Counting(self._own, lambda count: self._report(f"reading {self.name}: {count} new so far"))
        while True:
            for run in runs(self._own, intake, self._system):
                failure = run.failure.__dict__ if run.failure else {}
                read[run.stream] = _outcome(run.stream, run.read, run.accepted, "this command", failure)
            states = self._states()
            left = [stream for stream in self._streams if not self._settled(states[stream])]
            if not left or self._paused() or not self._wait():
                return [read.get(stream) or self._by_the_fleet(states[stream], left) for stream in self._streams]

    def _asked(self, since: datetime | None) -> bool:
        with self._own.database.transaction() as tx:
            cursors.ensure(tx, self._installation, self._streams)
            states = self._states(tx)
            if any(state["running"] for state in states.values()):
                return False
            if since and cursors.rewind(tx, self._installation, since) < len(states):
                return False
            cursors.make_due(tx, self._installation, at_once=True)
            self._before = {stream: state["due_at"] for stream, state in self._states(tx).items()}
            return True

    def _settled(self, state: Row) -> bool:
        """Whether a run has ended since it was asked for: it says when the next one is due."""
        return not state["running"] and state["due_at"] != self._before[state["stream"]]

    def _by_the_fleet(self, state: Row, left: Sequence[str]) -> Row:
        if state["stream"] not in left:
            return _outcome(state["stream"], None, None, "the fleet", state)
        reason, hint = self._paused() or ("a poll of the fleet still reads it", "Look again with `fleet targets ls`.")
        return _outcome(state["stream"], None, None, None, {"code": "not_read", "reason": reason, "hint": hint})

    def _states(self, tx: Transaction | None = None) -> dict[str, Row]:
        if tx is None:
            with self._own.database.transaction() as tx:
                return self._states(tx)
        return {row["stream"]: row for row in cursors.all_cursors(tx) if row["target"] == self.name}

    def _paused(self) -> tuple[str, str] | None:
        with self._own.database.transaction() as tx:
            (row,) = (row for row in installations.all_installations(tx) if row["id"] == self._installation)
        if row["paused_at"] is None:
            return None
        return f"{self.name} is paused: {row['pause_reason']}", row["pause_hint"] or "It is asked again each minute."

    def _wait(self) -> bool:
        """Waits a moment; False once patience is at its end."""
        self._patience -= PAUSE
        if self._patience >= 0:
            time.sleep(PAUSE)
        return self._patience >= 0


class Counting(Intake):
    """An intake that reports how much it has accepted."""

    def __init__(self, runtime: Runtime, report: Callable[[int], None]) -> None:
        super().__init__(runtime)
        self._count = 0
        self._report = report

    def accept(self, tx: Transaction, arriving: Sequence[Arriving]) -> list[Arrival | None]:
        self._count += len(arriving)
        self._report(self._count)
        return super().accept(tx, arriving)


def _streams(own: Runtime, system: str) -> tuple[str, ...]:
    """The streams that the system is polled for; `Failure` naming the systems that are polled."""
    systems = own.settings.systems
    streams = {name: tuple(CONNECTORS[each.kind].streams) for name, each in systems.items()}
    polled = {name: names for name, names in streams.items() if names}
    if system not in polled:
        why = "is not polled: it sends webhooks" if system in systems else "is not configured"
        hint = f"Systems that are polled here: {', '.join(polled)}." if polled else "No configured system is polled."
        raise Failure(f"{system} {why}", hint=hint)
    return polled[system]


def _outcome(stream: str, read: int | None, new: int | None, by: str | None, failure: Mapping[str, Any]) -> Row:
    why = {name: failure.get(name) for name in ("code", "reason", "hint")}
    return {"stream": stream, "read": read, "new": new, "by": by, **why}


def _show(outcomes: Sequence[Row]) -> None:
    rows = [{**each, "result": "failed" if each["reason"] else ENDED[each["by"]]} for each in outcomes]
    table(COLUMNS, rows, empty="Nothing can be asked for.")
    for each in outcomes:
        if each["reason"]:
            remark(each["stream"], each["reason"], each["hint"])
