"""How values look on a page: times, money, counts, states; the same words as on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Flask
from markupsafe import Markup

from integration.canonical.entities import noun
from integration.canonical.money import format_money
from integration.console.charts import bars
from integration.console.site import user
from integration.message import OPEN, State
from integration.store.database import Row


def register(app: Flask) -> None:
    """Makes these known to all templates."""
    app.jinja_env.filters |= {"ago": ago, "utc": utc, "noun": noun, "worth": worth, "counted": counted, "at": at_target}
    app.jinja_env.globals |= {"bars": bars, "user": user, "is_open": lambda state: state in OPEN}
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def ago(moment: datetime | None) -> Markup:
    """How long ago, with the exact time for who points at it or has it read out."""
    if moment is None:
        return Markup("–")
    seconds = (datetime.now(UTC) - moment).total_seconds()
    text = "now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= size:
            count = int(abs(seconds) // size)
            text = f"{count} {unit} ago" if seconds > 0 else f"in {count} {unit}"
            break
    return Markup('<time datetime="{0}" title="{1}">{2}</time>').format(moment.isoformat(), utc(moment), text)


def utc(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "–"


def worth(row: Row) -> str:
    """The value of an object, or of several of one currency.

    >>> worth({"value": None, "currency": None})
    'not known'
    """
    return format_money(row["value"], row["currency"]) if row["value"] is not None else "not known"


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "order"), counted(1200, "order")
    ('1 order', '1,200 orders')
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def at_target(place: Row, object: str) -> str:
    """Where an object is at a target: its number there, or how far it is on the way."""
    known: Any = place["number"] or (place["theirs"] if place["theirs"] != object else None)
    match place["state"]:
        case State.DONE | None:
            return known or "done"
        case State.SKIPPED:
            return known or "–"
    return f"{known or ''} {place['step'] if place['state'] in OPEN else place['state']}".strip()
