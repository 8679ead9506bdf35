"""Ports that no test of another process can take between our look and our use: each process has a block of its own.

A block is claimed by the lock on a file, which ends with the process, so runs in other directories keep off it, too.
"""

from __future__ import annotations

import fcntl
import itertools
import random
import socket
import tempfile
from pathlib import Path

from integration.local.servers import LOOPBACK
from integration.settings import Settings

BLOCKS = range(10_000, 20_000, 200)
"""Below those of the bundled servers of any fleet, and of those that the system gives away."""
FIRST_HALF = 100
"""So many are given away here, one after the other; the bundled servers of this process draw theirs from the rest."""


def free_port() -> int:
    """One that is given to nobody else until all others of the block have been."""
    return free_ports(1)


def free_ports(count: int = len(Settings.load({"FLEET_HOME": "/nonexistent"}).binds)) -> int:
    """The first of so many in a row; by default as many as a fleet needs."""
    for _ in range(FIRST_HALF):
        given = list(itertools.islice(_ports, count))
        if given[-1] - given[0] == count - 1 and all(map(_is_free, given)):
            return given[0]
    raise AssertionError(f"no {count} free ports among {_block} to {_block + FIRST_HALF}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _claimed() -> int:
    """The first port of a block that is ours as long as we live."""
    for first in random.sample(BLOCKS, len(BLOCKS)):
        try:
            file = (Path(tempfile.gettempdir()) / f"clarity-fleet-tests-{first}.lock").open("a")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # it is another's
            continue
        _held.append(file)
        return first
    raise AssertionError(f"no free block of ports between {BLOCKS.start} and {BLOCKS.stop}")


_held: list[object] = []
_block = _claimed()
_ports = itertools.cycle(range(_block, _block + FIRST_HALF))
OF_SERVERS = range(_block + FIRST_HALF, _block + BLOCKS.step)
