"""Reads the logs of a fleet: the last lines of each, in the order of their times, and those that come."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import Any

from integration.local.child_processes import LOGS_KEPT
from integration.terminal.log_lines import LEVELS, document, level_of, time_of

LOOK = 0.2
"""Seconds between two looks for new lines."""
EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """One line of a log.  One without a level or time of its own has those of the line before."""

    process: str
    at: datetime
    level: str
    text: str

    @property
    def shown(self) -> dict[str, Any]:
        """The line as a row: a structured one with its fields."""
        at = None if self.at == EARLIEST else self.at
        row = {"process": self.process, "at": at, "level": self.level}
        entry = document(self.text)
        return row | (entry or {"event": self.text}) | row


@dataclass(frozen=True)
class Wanted:
    """Which lines are asked for: the last ``count`` (all for None), of this level or above, no older than ``since``."""

    count: int | None
    level: str = "debug"
    since: datetime = EARLIEST

    def __contains__(self, line: Line) -> bool:
        return LEVELS.index(line.level) >= LEVELS.index(self.level) and line.at >= self.since


class Reader:
    """Makes lines of the text of one log."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._at = EARLIEST
        self._level = "info"

    def line(self, text: str) -> Line:
        self._at = time_of(text) or self._at
        self._level = level_of(text) or self._level
        return Line(self._process, self._at, self._level, text)


def names(logs: Path) -> list[str]:
    """Whose logs there are in this directory."""
    return sorted(file.stem for file in logs.glob("*.log"))


def last(logs: Path, processes: Iterable[str], wanted: Wanted) -> list[Line]:
    """What is wanted of these processes' logs, oldest first."""
    found = [_last_of(logs / f"{name}.log", wanted) for name in processes]
    lines = deque(merge(*found, key=attrgetter("at")), maxlen=wanted.count)
    return [*lines]


def follow(logs: Path, processes: Iterable[str], wanted: Wanted) -> Iterator[Line]:
    """Lines as they are written from now on, without an end; a log that is begun anew is followed."""
    followed = [_Followed(logs / f"{name}.log") for name in processes]
    while True:
        lines = [line for each in followed for line in each.new() if line in wanted]
        yield from sorted(lines, key=attrgetter("at"))
        if not lines:
            time.sleep(LOOK)


def _last_of(log: Path, wanted: Wanted) -> list[Line]:
    """Of one log and its older files: no more of these are read than are needed."""
    kept: deque[Line] = deque(maxlen=wanted.count)
    for file in (log, *(log.with_name(f"{log.name}.{number}") for number in range(1, LOGS_KEPT + 1))):
        if not file.exists() or (wanted.count is not None and len(kept) >= wanted.count):
            break
        older: deque[Line] = deque(maxlen=wanted.count)
        reader = Reader(log.stem)
        with file.open(encoding="utf-8", errors="replace") as text:
            older.extend(line for line in (reader.line(each.rstrip("\n")) for each in text) if line in wanted)
        kept = deque((*older, *kept), maxlen=wanted.count)
    return [*kept]


class _Followed:
    """One log from its present end on."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._reader = Reader(log.stem)
        self._file = self._log.open(encoding="utf-8", errors="replace") if log.exists() else None
        self._part = ""
        if self._file:
            self._file.seek(0, os.SEEK_END)

    def new(self) -> list[Line]:
        """The whole lines since the last look."""
        lines = self._read()
        if self._is_another():
            lines += self._read()  # what came between the look and the change
            if self._file:
                self._file.close()
            self._file = self._log.open(encoding="utf-8", errors="replace")
            lines += self._read()
        return lines

    def _read(self) -> list[Line]:
        *whole, self._part = (self._part + (self._file.read() if self._file else "")).split("\n")
        return [self._reader.line(text) for text in whole]

    def _is_another(self) -> bool:
        """Whether the log's name is that of another file by now."""
        try:
            there = self._log.stat()
        except FileNotFoundError:  # about to be made
            return False
        return self._file is None or os.fstat(self._file.fileno()).st_ino != there.st_ino
