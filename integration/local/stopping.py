"""Stops or starts anew, from outside, the fleet that holds a home."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from integration.errors import Failure
from integration.local import state
from integration.local.child_processes import started
from integration.local.fleet import DRAIN, runs
from integration.local.journal import log_file
from integration.local.processes import START_TIMEOUT
from integration.local.state import FleetState

LOOK = 0.1
"""Seconds between two looks."""


def stop(home: Path, waits_for: Callable[[list[str]], None]) -> bool:
    """Stops the fleet in order and returns once all of it has ended; False where none ran.

    ``waits_for`` hears the names of the processes that still run, whenever they change.
    """
    if not runs(home):
        return False
    pid = int((home / "run" / "lock").read_text())
    since = started(pid)
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        raise Failure(f"the fleet belongs to another user (pid {pid})", hint="Stop it as that user.") from None
    except ProcessLookupError:
        return False
    heard: list[str] = []
    while since and started(pid) == since:
        names = state.running(home)
        if names and names != heard:
            waits_for(names)
            heard = names
        time.sleep(LOOK)
    return True


def restart(home: Path, names: Sequence[str], settings: Mapping[str, str]) -> FleetState:
    """Starts these programs of the running fleet anew, or all of it with these settings; returns when they are up.

    Raises `Failure` where that cannot be, or does not come to pass.
    """
    before = state.read(home)
    if not runs(home) or not before:
        raise Failure(f"no fleet runs in {home}, or it is still starting", hint="`fleet status` shows it.")
    if not names and not before.restartable:
        raise Failure("this fleet is not one of `fleet up`", hint="Stop it, and start one with `fleet up --detach`.")
    since = started(before.pid)
    state.ask_restart(home, names, settings)
    deadline = time.monotonic() + 4 * DRAIN + START_TIMEOUT
    while time.monotonic() < deadline:
        time.sleep(LOOK)
        if started(before.pid) != since:
            raise _last_failure(home)
        if (now := state.read(home)) and _is_done(before, now, names):
            return now
    waiting = ", ".join(names) or "the fleet"
    raise Failure(f"{waiting} did not come up again", hint="`fleet logs` says why.")


def _is_done(before: FleetState, now: FleetState, names: Sequence[str]) -> bool:
    """Whether what was asked for is up again.  Raises `Failure` for a process that ended again."""
    if not names:
        return now.since != before.since
    earlier = {each.name: each for each in before.programs}
    done = True
    for each in now.programs:
        if each.name in names:
            if each.restarts > earlier[each.name].restarts + 1:
                raise Failure(f"{each.name} ended again after its restart", hint=f"See `fleet logs {each.name}`.")
            done = done and each.restarts > earlier[each.name].restarts and each.state == state.UP
    return done


def _last_failure(home: Path) -> Failure:
    """Why the fleet did not start again, as its log has it."""
    for line in reversed(log_file(home).read_text(errors="replace").splitlines()):
        entry = json.loads(line) if line.startswith("{") else {}
        if entry.get("level") == "error":
            return Failure(entry["event"], hint=entry.get("fix"))
    return Failure("the fleet has ended", hint=f"See {log_file(home)}.")
