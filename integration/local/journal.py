"""The fleet's own log, ``log/fleet.log``: what is shown while it starts, runs and stops, one JSON document a line."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from integration.errors import Failure
from integration.local.child_processes import LOG_SIZE, LOGS_KEPT, PrivateLog
from integration.local.processes import Screen
from integration.logs import mask

NAME = "fleet"


def log_file(home: Path) -> Path:
    """The fleet's own log."""
    return home / "log" / f"{NAME}.log"


class Journal:
    """A screen that keeps what an operator wants to know, and shows all of it on another screen."""

    def __init__(self, home: Path, screen: Screen) -> None:
        self._screen = screen
        self._log = PrivateLog(
            log_file(home), maxBytes=LOG_SIZE, backupCount=LOGS_KEPT, encoding="utf-8", errors="replace"
        )

    def line(self, name: str, text: str) -> None:
        self._screen.line(name, text)

    def note(self, text: str, *, warning: bool = False) -> None:
        self._write("warning" if warning else "info", text)
        self._screen.note(text, warning=warning)

    def ready(self, name: str, waiting_for: list[str]) -> None:
        self._write("info", f"{name} is up")
        self._screen.ready(name, waiting_for)

    def failed(self, failure: Failure) -> None:
        """Keeps why the fleet did not start; whoever asked for it shows it."""
        self._write("error", failure.reason, fix=failure.hint)

    def close(self) -> None:
        self._log.close()

    def _write(self, level: str, text: str, **more: str | None) -> None:
        entry = {"event": mask(text), **more, "level": level, "timestamp": datetime.now(UTC).isoformat()}
        entry["process"] = NAME
        self._log.handle(logging.makeLogRecord({"msg": json.dumps(entry, ensure_ascii=False)}))
