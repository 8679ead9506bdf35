"""Alerts: what can be wrong with the fleet, and the notice that people get.

A *condition* is something that is wrong now.  It becomes an *alert*, which lasts as long as the condition does.  A
*notice* is one message about every alert that has news at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from integration.logs import mask

LONGEST_LINE = 300
LONGEST_TITLE = 120
FLEET = "fleet"
"""What a condition is about that belongs to no installation."""


@dataclass(frozen=True)
class Kind:
    """A kind of condition.  ``title`` is what people call it.

    ``gathers``: many come at a time, so its first notice waits some seconds for the rest.  ``urgent``: its notice is
    sent at once, however recent the last one was.
    """

    name: str
    title: str
    gathers: bool = False
    urgent: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("credentials", "credentials refused", urgent=True),
        Kind("ledger", "ledger imbalance", urgent=True),
        Kind("redis", "Redis does not answer"),
        Kind("watch", "beat or worker-upkeep is down"),
        Kind("paused", "paused by an operator"),
        Kind("dying", "paused after deaths in a row", urgent=True),
        Kind("breaker", "breaker open"),
        Kind("dead", "dead letters", gathers=True),
        Kind("held", "held for a person", gathers=True),
        Kind("needs", "waiting for another object", gathers=True),
        Kind("queue", "queue too old"),
        Kind("job", "a job makes no progress"),
        Kind("polls", "polls keep failing"),
        Kind("silence", "no webhooks"),
        Kind("flood", "far more messages than usual"),
        Kind("refused", "webhooks refused"),
        Kind("rejected", "webhooks that cannot be read", gathers=True),
        Kind("conflict", "same event id, another body", gathers=True),
        Kind("budget", "failure budget"),
    )
}


@dataclass(frozen=True)
class Condition:
    """What is wrong now: of a kind, about an installation or a queue, ``count`` times, ``since`` then (None: now).

    ``says`` is one or more lines for a person, ``fix`` what to do.  Neither may hold personal data or secrets.
    ``level`` is for conditions that get worse by degrees.
    """

    kind: str
    about: str
    count: int
    says: str
    fix: str
    since: datetime | None = None
    level: int = 0


@dataclass(frozen=True)
class Alert:
    """A condition as it is remembered; ``ended_at`` is set once it has ended."""

    id: int
    kind: str
    about: str
    count: int
    says: str
    fix: str
    since: datetime
    ended_at: datetime | None

    @property
    def name(self) -> str:
        """What it is and about what: ``dead letters: odoo-1``."""
        return f"{KINDS[self.kind].title}: {self.about}"


@dataclass(frozen=True)
class Notice:
    """One message as plain text.  ``resolved`` is true when all its alerts have ended."""

    title: str
    body: str
    resolved: bool


TEST = Notice("clarity-fleet: test", "This is a test. Alerts of the fleet would arrive here. Nothing is wrong.", True)

POSTGRES_AWAY = Notice(
    "clarity-fleet: Postgres does not answer",
    "Webhooks are answered with 503, so Clarity sends them again; nothing moves, and no other alert is sent.\n"
    "What to do: See that the server at DATABASE_URL runs and can be reached; then everything continues by itself.",
    False,
)
POSTGRES_BACK = Notice("clarity-fleet: resolved: Postgres does not answer", "It answers again.", True)


def notice_of(alerts: Sequence[Alert], places: Mapping[str, str]) -> Notice:
    """One notice of all these alerts; ``places`` says which host an installation is."""
    active = [alert for alert in alerts if not alert.ended_at]
    resolved = [alert for alert in alerts if alert.ended_at]
    names = [_counted(alert) for alert in active] + [f"resolved: {alert.name}" for alert in resolved]
    several = [f"{len(active)} alerts"] * (len(active) > 1) + [f"{len(resolved)} resolved"] * (len(resolved) > 1)
    title = ", ".join(several) + " - " * bool(several) + "; ".join(names)
    body = "\n\n".join(_paragraph(alert, places) for alert in (*active, *resolved))
    return Notice(shortened(f"clarity-fleet: {title}", LONGEST_TITLE), body, not active)


def joined(notices: Sequence[Notice]) -> Notice:
    """Several notices, oldest first, as one."""
    if len(notices) == 1:
        return notices[0]
    body = "\n\n".join(f"{notice.title}\n\n{notice.body}" for notice in notices)
    return Notice(f"clarity-fleet: {len(notices)} notices", body, all(notice.resolved for notice in notices))


def shortened(text: str, longest: int = LONGEST_LINE) -> str:
    """The text, masked as the logs are, on one line of at most so many characters."""
    text = " ".join(mask(text).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _counted(alert: Alert) -> str:
    return f"{alert.name} ({alert.count})" if KINDS[alert.kind].gathers else alert.name


def _paragraph(alert: Alert, places: Mapping[str, str]) -> str:
    where = f"{alert.name} ({places[alert.about]})" if alert.about in places else alert.name
    if alert.ended_at:
        return f"resolved: {where}\nIt lasted from {_moment(alert.since)} to {_moment(alert.ended_at)}."
    lines = [f"{where}, since {_moment(alert.since)}", *alert.says.splitlines(), f"What to do: {alert.fix}"]
    return "\n".join(shortened(line) for line in lines)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
