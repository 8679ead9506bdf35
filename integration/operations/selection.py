"""The selection: which deliveries, messages or objects a list, a count, an export or a repair is about.

The command line, the console and a saved address all speak of it in the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from integration.errors import Failure
from integration.message import State

WAITING = (State.HELD, State.DEAD)
"""What waits for a person."""
UNFINISHED = (State.READY, State.QUEUED, State.RUNNING, State.WAITING, *WAITING)


@dataclass(frozen=True)
class Selection:
    """What is meant has all that is given here; nothing given means everything.

    ``target`` is an installation or a system, ``number`` what people call the object, ``object`` our id of it,
    ``email_key`` the HMAC of an e-mail address, which is never kept itself, ``pin`` the beginning of the hash of the
    definitions that were used.  ``ids`` are those of what is listed.  ``since`` and ``until`` are about when a delivery
    ended, when a message was received, or when the first event of an object was.
    """

    states: Sequence[State] = ()
    ids: Sequence[int] = ()
    code: str | None = None
    fingerprint: str | None = None
    target: str | None = None
    workflow: str | None = None
    type: str | None = None
    number: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    entity: str | None = None
    object: str | None = None
    email_key: str | None = None
    pin: str | None = None

    def given(self) -> Mapping[str, Any]:
        """What is given, by its name; several states or ids as a list."""
        values = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: list(value) if name in SEVERAL else value for name, value in values if value}

    def query(self) -> str:
        """The selection as the query of a URL, without personal data: ``state=held&target=odoo``."""
        return urlencode([(SEVERAL.get(name, name), text) for name, text in self._texts()])

    def __str__(self) -> str:
        """For people: ``state held, target odoo``."""
        return ", ".join(f"{SEVERAL.get(name, name)} {text}" for name, text in self._texts()) or "everything"

    @classmethod
    def from_query(cls, query: str) -> Self:
        """What `query` wrote.  Raises `Failure` for a name or a value that a selection cannot have."""
        read: dict[str, Any] = {}
        for name, text in parse_qsl(query, keep_blank_values=True):
            place = PLURAL.get(name, name)
            if place not in {each.name for each in fields(cls)} or name in SEVERAL:
                raise Failure(f"nothing is selected by {name!r}", hint=f"What can be given: {', '.join(names())}.")
            value = _read(place, text)
            read[place] = (*read.get(place, ()), value) if place in SEVERAL else value
        return cls(**read)

    def _texts(self) -> Iterable[tuple[str, str]]:
        for name, value in self.given().items():
            yield from ((name, _text(each)) for each in (value if name in SEVERAL else [value]))


SEVERAL = {"states": "state", "ids": "id"}
PLURAL = {one: several for several, one in SEVERAL.items()}


def names() -> list[str]:
    """By what a selection is made, as a query names it."""
    return [SEVERAL.get(each.name, each.name) for each in fields(Selection)]


def _text(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _read(name: str, text: str) -> Any:
    try:
        match name:
            case "states":
                return State(text)
            case "ids":
                return int(text)
            case "since" | "until":
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        hint = {"states": f"One of {', '.join(State)}.", "ids": "A number."}.get(
            name, "A time such as 2026-11-20T08:30Z."
        )
        raise Failure(f"{SEVERAL.get(name, name)} cannot be {text!r}", hint=hint) from None
    return text
