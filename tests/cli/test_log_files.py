"""Logs as `fleet logs` reads them: their times and levels, only as much as is needed, and what is written meanwhile."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import pytest

from integration.local.child_processes import PrivateLog
from integration.terminal.log_files import Wanted, follow, last
from integration.terminal.log_lines import for_people, level_of, time_of

OURS = '{"event": "delivery.attempted", "code": "ok", "level": "info", "timestamp": "2026-11-30T06:00:01.5Z"}'
POSTGRES = "2026-11-30 06:00:00.123 UTC [42] FATAL:  the database system is starting up"
VALKEY = "42:M 30 Nov 2026 06:00:02.250 * Ready to accept connections tcp"


@pytest.mark.parametrize(
    ("text", "level", "at"),
    [
        (OURS, "info", datetime(2026, 11, 30, 6, 0, 1, 500_000, UTC)),
        (POSTGRES, "critical", datetime(2026, 11, 30, 6, 0, 0, 123_000, UTC)),
        (VALKEY, None, datetime(2026, 11, 30, 6, 0, 2, 250_000, UTC)),
        ("Traceback (most recent call last):", "error", None),
        ("order 2026-99-99 99:99:99 WARNING", "warning", None),
        ('{"timestamp": 5, "event": "x"}', None, None),
    ],
)
def test_the_level_and_time_of_a_line(text: str, level: str | None, at: datetime | None) -> None:
    assert (level_of(text), time_of(text)) == (level, at)


def test_a_structured_line_for_people() -> None:
    assert for_people(OURS) == "info delivery.attempted (code=ok)"
    assert for_people("{not json") == "{not json"


def test_a_line_without_a_level_belongs_to_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "beat.log").write_text(f"{OURS}\n{POSTGRES}\n  more of it\n{OURS}\n")
    lines = last(tmp_path, ["beat"], Wanted(None, "error"))
    assert [line.text for line in lines] == [POSTGRES, "  more of it"]
    assert lines[0].at == lines[1].at


def test_lines_of_several_logs_come_by_their_times_and_no_more_than_asked(tmp_path: Path) -> None:
    (tmp_path / "one.log").write_text(f"{OURS}\n")
    (tmp_path / "two.log").write_text(f"{POSTGRES}\n{VALKEY}\n")
    every = last(tmp_path, ["one", "two"], Wanted(10))
    assert [line.text for line in every] == [POSTGRES, OURS, VALKEY]
    assert last(tmp_path, ["one", "two"], Wanted(2)) == every[1:]
    assert last(tmp_path, ["one", "two"], Wanted(None, since=every[1].at)) == every[1:]
    assert last(tmp_path, ["one", "two"], Wanted(0)) == []


def write(log: PrivateLog, *texts: str) -> None:
    for text in texts:
        log.handle(logging.makeLogRecord({"msg": text}))


def test_older_files_are_read_where_they_are_needed(tmp_path: Path) -> None:
    log = PrivateLog(tmp_path / "beat.log", maxBytes=40, backupCount=3)
    write(log, *(f"line number {number:02}" for number in range(8)))
    log.close()
    assert (tmp_path / "beat.log.1").exists()
    texts = [line.text for line in last(tmp_path, ["beat"], Wanted(5))]
    assert texts == [f"line number {number:02}" for number in range(3, 8)]


def test_a_log_that_is_begun_anew_is_followed_without_a_gap(tmp_path: Path) -> None:
    """A line in another log ends each look: what was written before it and has not come by then never will."""
    log, other = (PrivateLog(tmp_path / f"{name}.log", maxBytes=40, backupCount=3) for name in ("beat", "other"))
    write(log, "before")
    write(other, "before")
    lines = follow(tmp_path, ["beat", "other"], Wanted(None))
    begun = threading.Event()

    def knock() -> None:
        while not begun.wait(0.05):
            write(other, "knock")

    knocking = threading.Thread(target=knock)
    knocking.start()
    assert next(lines).text == "knock"
    begun.set()
    knocking.join()
    came = []
    for number in range(3):
        write(log, "short", f"line {number} of more than twenty")  # the second begins a file anew
        write(other, f"end {number}")
        came += [*takewhile(lambda text, end=f"end {number}": text != end, (line.text for line in lines))]
        assert came[-1] == f"line {number} of more than twenty"
    assert [text for text in came if text != "knock"] == [
        text for number in range(3) for text in ("short", f"line {number} of more than twenty")
    ]
