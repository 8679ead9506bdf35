"""A process of the fleet with a channel, on a database and a Valkey of the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet

import tasks.runtime
import tasks.watch
from integration.alerts import Condition
from integration.local.servers import Valkey
from integration.message import State
from integration.settings import Settings
from integration.store.database import Database
from integration.store.deliveries import Next
from integration.store.ends import move
from tasks.alert_rules import QUESTIONS
from tasks.runtime import Runtime
from tests.alerts.inbox import Hook
from tests.store.road import Road


class Watched:
    """A fleet whose alerts go to a hook; its time can be made to pass."""

    def __init__(self, runtime: Runtime, road: Road, hook: Hook) -> None:
        self.runtime = runtime
        self.road = road
        self.hook = hook

    def look(self) -> None:
        """What beat asks for."""
        tasks.watch.watch.apply(throw=True)

    def later(self, seconds: float) -> None:
        """Lets time pass for everything the watch remembers, and looks."""
        columns = {
            "alerts": ("raised_at", "seen_at", "ended_at", "reported_at"),
            "notices": ("made_at", "due_at"),
        }
        for table, names in columns.items():
            moved = ", ".join(f"{name} = {name} - make_interval(secs => %(seconds)s)" for name in names)
            self.road.run(f"update {table} set {moved}", {"seconds": seconds})
        self.look()

    def conditions(self, kind: str) -> list[Condition]:
        """What is found of one kind."""
        with self.runtime.database.transaction() as tx:
            return list(QUESTIONS[kind](self.runtime, tx))

    def set(self, **alerting: Any) -> None:
        """Changes a setting of the alerts."""
        settings = self.runtime.settings
        self.runtime.settings = replace(settings, alerts=replace(settings.alerts, **alerting))

    def pause(self, reason: str | None = "wrong key", hint: str = "Make a new one.") -> None:
        """Pauses Odoo for its credentials; resumes it without a reason."""
        self.road.run(
            """update installations set paused_at = case when %(reason)s::text is null then null else now() end,
                   paused_by = case when %(reason)s::text is null then null else 'fleet' end,
                   pause_reason = %(reason)s, pause_hint = %(hint)s where name = 'odoo-1'""",
            {"reason": reason, "hint": hint},
        )

    def fails(self, count: int, reason: str = "unknown SKU", state: State = State.DEAD) -> None:
        """So many more orders end dead (or held) for this reason."""
        for _ in range(count):
            self._number = getattr(self, "_number", 0) + 1
            claimed = self.road.claim(self.road.delivery(f"evt-{self._number}", order=str(self._number)))
            assert claimed
            with self.runtime.database.transaction() as tx:
                move(tx, [(claimed, Next(state, reason=reason, hint="Remove the cause.", code="reject"))])

    def repaired(self) -> None:
        self.road.run("update deliveries set state = 'done' where state in ('dead', 'held')")


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


@pytest.fixture
def environment(database_url: str, valkey: Valkey, hook: Hook, tmp_path: Any) -> dict[str, str]:
    return {
        "FLEET_HOME": str(tmp_path),
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{valkey.url.rpartition('/')[0]}/5",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "CLARITY_URL": "http://127.0.0.1:1",
        "ODOO_URL": "http://127.0.0.1:1",
        "FLEET_ALERT_URLS": hook.url,
    }


@pytest.fixture
def fleet(
    environment: dict[str, str], database: Database, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watched]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # Celery reads it for itself
    runtime = Runtime(Settings.load(environment))
    redis.Redis.from_url(environment["REDIS_URL"]).flushdb()
    monkeypatch.setattr(tasks.runtime, "_runtime", runtime)  # the task finds this one
    monkeypatch.setattr(tasks.runtime, "_owner", os.getpid())
    yield Watched(runtime, Road(database), hook)
    runtime.database.close()
