"""Lines of logs: their level and time, whoever wrote them, and how they are shown to people."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

LEVELS = ("debug", "info", "warning", "error", "critical")
IMPORTANT = LEVELS[2:]
LEVEL = re.compile(r'"level": ?"(\w+)"|\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b|^\[([DIWEC]) |\b(LOG|FATAL|PANIC): ')
"""Ours, the standard library's, Flower's and Postgres's."""
NAMES = {"d": "debug", "i": "info", "w": "warning", "e": "error", "c": "critical"}
NAMES |= {"log": "info", "fatal": "critical", "panic": "critical"}
ISO = re.compile(r"\b(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?")
VALKEY = re.compile(r"^\d+:[A-Z] (\d\d \w{3} \d{4} \d\d:\d\d:\d\d)\.(\d{3})")

FLOWER = re.compile(r"^\[[DIWEC] (\d{6} \d\d:\d\d:\d\d) ")
"""In the machine's own time zone."""


def level_of(text: str) -> str | None:
    """One of `LEVELS`; None for a line without one, which belongs to the line before, as in a traceback."""
    if text.startswith("Traceback "):
        return "error"
    if not (found := LEVEL.search(text)):
        return None
    word = next(filter(None, found.groups())).lower()
    return NAMES.get(word, word if word in LEVELS else "info")


def time_of(text: str) -> datetime | None:
    """When a line was written, as it says itself."""
    entry = document(text)
    if entry and isinstance(entry.get("timestamp"), str):
        text = entry["timestamp"]
    try:
        if found := ISO.search(text[:80]):
            return datetime.fromisoformat(f"{found[1]}T{found[2]}.{(found[3] or '0'):0<6}+00:00")
        if found := VALKEY.match(text):
            return datetime.strptime(f"{found[1]}.{found[2]}", "%d %b %Y %H:%M:%S.%f").replace(tzinfo=UTC)
        if found := FLOWER.match(text):
            return datetime.strptime(found[1], "%y%m%d %H:%M:%S").astimezone(UTC)
    except ValueError:  # digits that are no date
        pass
    return None


def for_people(text: str) -> str:
    """A structured line as ``level event (name=value ...)``; every other line as it is."""
    entry = document(text)
    if entry is None or "event" not in entry:
        return text
    level, event, trace = entry.pop("level", ""), entry.pop("event"), entry.pop("exception", "")
    known = {"timestamp", "process", "logger"}
    rest = " ".join(f"{name}={value}" for name, value in entry.items() if name not in known)
    return f"{level} {event}" + (f" ({rest})" if rest else "") + (f"\n{trace}" if trace else "")


def document(text: str) -> dict[str, Any] | None:
    """The document that a structured line is; None for any other line."""
    try:
        entry = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
