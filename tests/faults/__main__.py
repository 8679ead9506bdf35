"""``fleet test --faults``: one trial after the other, each with a seed of its own that brings it back."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.faults.catalogue import ALL
from tests.faults.trial import Fault, Trial
from tests.road.world import World

RENEWED_AFTER = 8
"""Trials on one fleet: its sandbox's ledger, which every trial reads, grows."""


@dataclass(frozen=True)
class Result:
    """How a trial ended; ``verdict`` is "ok" or what was broken."""

    fault: str
    seed: int
    orders: int
    verdict: str
    seconds: float


class Fleets:
    """A fleet that is well: made anew when it has seen much, or something that it did not survive."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._world: World | None = None
        self._trials = 0

    def well(self) -> World:
        if self._world is None or self._trials == RENEWED_AFTER:
            self.end()
            home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="clarity-fleet-faults-")))
            home.chmod(0o711)  # Postgres runs as another user
            self._world, self._trials = self._stack.enter_context(World.running(home)), 0
        self._trials += 1
        return self._world

    def end(self) -> None:
        """Stops the fleet, if there is one."""
        self._world = None
        self._stack.close()


def run(fleets: Fleets, fault: Fault, seed: int) -> Result:
    """One trial; whatever goes wrong in it is its verdict."""
    began, verdict = time.monotonic(), "ok"
    world = fleets.well()
    trial = Trial(world, seed)
    try:
        fault.run(trial)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        verdict = f"{where}: {error}{_last_words(world.fleet.home / 'log')}"
        fleets.end()
    return Result(fault.name, seed, len(trial.orders), verdict, round(time.monotonic() - began, 1))


def _last_words(log: Path) -> str:
    """What the fleet's logs say of defects."""
    lines = (line for file in sorted(log.glob("*.log")) for line in file.read_text(errors="replace").splitlines())
    return "".join(f"\n  {line[:500]}" for line in lines if '"defect"' in line or "Traceback" in line)


def plan(faults: Sequence[Fault], seed: int, minutes: float | None) -> Iterator[tuple[Fault, int]]:
    """Each fault once, or round and round until the time is over; every trial's seed is one more."""
    deadline = time.monotonic() + (minutes or 0) * 60
    for number in itertools.count(seed):
        if time.monotonic() > deadline if minutes else number == seed + len(faults):
            return
        yield faults[number % len(faults)], number


@click.command()
@click.option("--seed", type=int)
@click.option("--minutes", type=float)
@click.option("--only", default="")
@click.option("--json", "as_json", is_flag=True)
def main(seed: int | None, minutes: float | None, only: str, as_json: bool) -> None:
    """Breaks things; the options are those of `fleet test`."""
    faults = [fault for fault in ALL if only == fault.name] or [fault for fault in ALL if only in fault.name]
    if not faults:
        raise click.UsageError(f"no fault is called so; there are: {', '.join(fault.name for fault in ALL)}")
    console, fleets, results = Console(stderr=as_json), Fleets(), []
    try:
        for fault, number in plan(faults, random.randrange(10**6) if seed is None else seed, minutes):
            console.print(f"{fault.name}, seed {number} …", highlight=False)
            results.append(run(fleets, fault, number))
            console.print(f"  {results[-1].verdict} ({results[-1].seconds:.0f} s)", markup=False, highlight=False)
    except KeyboardInterrupt:
        console.print("interrupted; the last seed printed is where to go on")
    finally:
        fleets.end()
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=1))
    else:
        console.print(_table(results))
    raise SystemExit(any(result.verdict != "ok" for result in results))


def _table(results: Sequence[Result]) -> Table:
    table = Table("fault", "seed", "orders", "verdict", "seconds", box=None)
    for result in results:
        verdict = result.verdict.partition("\n")[0][:100]
        table.add_row(result.fault, str(result.seed), str(result.orders), verdict, f"{result.seconds:.0f}")
    return table


if __name__ == "__main__":
    main(prog_name="fleet test --faults")
