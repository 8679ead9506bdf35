"""What a run of processes costs: CPU seconds and memory, read from /proc."""

from __future__ import annotations

import os
import signal
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(*roots: int, but: Container[int] = ()) -> list[int]:
    """These processes and all their descendants, ``but`` for these and theirs."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, ahead = [], list(roots)
    while ahead:
        pid = ahead.pop()
        found.append(pid)
        ahead += [child for child in parents.get(pid, []) if child not in but]
    return found


def processes(home: Path) -> dict[str, list[int]]:
    """The processes of the fleet in this home by their name in the Procfile, each with its children; servers, too.

    The one that has forked others is there by itself.
    """
    heads = {file.stem: int(file.read_text().split()[0]) for file in sorted((home / "run").glob("*.pid"))}
    return {name: tree(pid, but=set(heads.values()) - {pid}) for name, pid in heads.items()}


def of_fleet(home: Path, *without: str) -> list[int]:
    """The processes of the fleet in this home, servers included, but for the named ones."""
    return [pid for name, pids in processes(home).items() if name not in without for pid in pids]


def owners(home: Path) -> dict[int, str]:
    """By the local port of each connection over IPv4, which process of the fleet it belongs to."""
    sockets = {}
    for name, pids in processes(home).items():
        for pid in pids:
            sockets |= dict.fromkeys(_sockets(pid), name)
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(line[1].partition(":")[2], 16): sockets[line[9]] for line in lines if line[9] in sockets}


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of the sockets that a process has open."""
    with suppress(OSError):  # it has ended
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # so has this
                if (target := str(link.readlink())).startswith("socket:["):
                    yield target[8:-1]


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes and of their children that have ended."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def pss_mib(pids: Iterable[int]) -> float:
    """Proportional set size of these processes together."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


@contextmanager
def frozen(pids: Sequence[int]) -> Iterator[None]:
    """Stops these processes for the length of the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the others lies; 0.0 for none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
