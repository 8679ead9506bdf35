"""What a running fleet writes of itself into its home for other commands, and what those ask of it there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integration.local.child_processes import started
from integration.local.servers import write_private

UP, STARTING, DOWN = "up", "starting", "down"
FORKS = "warm"
"""The process that only starts others."""


@dataclass(frozen=True)
class ProcessState:
    """One process: up, starting or down; ``restarts`` are its starts after the first.

    ``pid`` and ``since`` are those of its last start; None where it has none.
    """

    name: str
    state: str
    pid: int | None
    since: datetime | None
    restarts: int


@dataclass(frozen=True)
class FleetState:
    """A running fleet: its supervisor, its processes and its servers, and what it warned of when it started.

    ``restartable`` is whether it starts anew when it is asked to; the fleet of a demo does not.
    """

    pid: int
    since: datetime
    restartable: bool
    warnings: tuple[str, ...]
    programs: tuple[ProcessState, ...]
    servers: tuple[ProcessState, ...]


def state_file(home: Path) -> Path:
    """Where the fleet writes its state (mode 0600)."""
    return home / "run" / "state.json"


def read(home: Path) -> FleetState | None:
    """The fleet's state; None while it starts, and where none runs.  A process that is gone is down, whatever the
    file says."""
    try:
        written = json.loads(state_file(home).read_text())
    except FileNotFoundError:
        return None
    return FleetState(
        written["pid"],
        datetime.fromisoformat(written["since"]),
        written["restartable"],
        tuple(written["warnings"]),
        tuple(_process(home, name, each) for name, each in written["programs"].items()),
        tuple(_process(home, name, each) for name, each in written["servers"].items()),
    )


def running(home: Path) -> list[str]:
    """The names of the programs and servers in this home that run."""
    return sorted({file.stem for file in (home / "run").glob("*.pid") if _alive(file)} - {FORKS})


def ask_restart(home: Path, names: Iterable[str], settings: Mapping[str, str]) -> None:
    """Asks the fleet to start these processes anew; all of it, with these settings on top of its own, for none."""
    write_private(_request(home), json.dumps({"processes": [*names], "settings": dict(settings)}))


def take_request(home: Path) -> tuple[list[str], dict[str, str]] | None:
    """The processes and settings of a restart that was asked for, once."""
    try:
        asked = json.loads(_request(home).read_text())
    except FileNotFoundError:
        return None
    _request(home).unlink(missing_ok=True)
    return asked["processes"], asked["settings"]


def clear(home: Path) -> None:
    """Removes what a fleet left here."""
    for file in (state_file(home), _request(home)):
        file.unlink(missing_ok=True)


def _request(home: Path) -> Path:
    return home / "run" / "restart.json"


def _process(home: Path, name: str, written: Mapping[str, Any]) -> ProcessState:
    file = home / "run" / f"{name}.pid"
    if not _alive(file):
        return ProcessState(name, DOWN, None, None, written["restarts"])
    pid = int(file.read_text().split()[0])
    since = datetime.fromtimestamp(int(file.stat().st_mtime), UTC)
    return ProcessState(name, written["state"], pid, since, written["restarts"])


def _alive(file: Path) -> bool:
    try:
        pid, _, since = file.read_text().partition(" ")
    except FileNotFoundError:
        return False
    return pid.isdigit() and started(int(pid)) == since
