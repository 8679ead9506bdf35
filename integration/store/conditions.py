"""Conditions: what a selection means in SQL, over messages ``m``, deliveries ``d`` and installations ``i``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from integration.message import OPEN, State


class Selected(Protocol):
    """A selection, by the names of the conditions below."""

    def given(self) -> Mapping[str, Any]:
        """What is given, by its name."""


LAST = 2**63 - 1
"""Every id is before it: where a list, newest first, begins."""
Condition = tuple[str, dict[str, Any]]
"""SQL, and the values it binds."""

OF_MESSAGES = {
    "type": "m.type = %(type)s",
    "number": "m.number = %(number)s",
    "object": "m.object_id = %(object)s",
    "email_key": "m.email_key = %(email_key)s",
}
OF_DELIVERIES = {
    "states": "{states}",
    "code": "d.code = %(code)s",
    "fingerprint": "d.fingerprint = %(fingerprint)s",
    "target": "%(target)s in (i.name, i.system)",
    "workflow": "d.workflow = %(workflow)s",
    "entity": "d.entity = %(entity)s",
    "pin": "left(d.pin, length(%(pin)s::text)) = %(pin)s::text",
}
WHICH = {"ids": "d.id = any (%(ids)s::bigint[])"}
WHEN = {"since": "d.finished_at >= %(since)s", "until": "d.finished_at < %(until)s"}
SOME = """m.id in (
    select d.message from messages m join deliveries d on d.message = m.id
    left join installations i on i.id = d.target where {})"""


def on_deliveries(chosen: Selected) -> Condition:
    """Of deliveries: times are about when they ended."""
    return _joined(chosen, OF_MESSAGES | OF_DELIVERIES | WHICH | WHEN)


def on_objects(chosen: Selected) -> Condition:
    """Of the deliveries of objects, whenever they ended; ids are those of deliveries."""
    return _joined(chosen, OF_MESSAGES | OF_DELIVERIES | WHICH)


def on_messages(chosen: Selected) -> Condition:
    """Of messages: times are about when they were received; one of their deliveries has what only deliveries have."""
    itself = OF_MESSAGES | {
        "ids": "m.id = any (%(ids)s::bigint[])",
        "since": "m.received_at >= %(since)s",
        "until": "m.received_at < %(until)s",
    }
    condition, values = _joined(chosen, itself)
    of_one, others = _joined(chosen, OF_DELIVERIES)
    return (f"{condition} and {SOME.format(of_one)}" if others else condition), values | others


def on_audit(chosen: Selected) -> Condition:
    """Of the audit ``a``: times are about when it was done; what else is given, the delivery concerned has."""
    times = {"since": "a.at >= %(since)s", "until": "a.at < %(until)s", "ids": "a.delivery = any (%(ids)s::bigint[])"}
    condition, values = _joined(chosen, times)
    concerned, others = _joined(chosen, OF_MESSAGES | OF_DELIVERIES)
    about = f"""a.delivery in (
        select d.id from messages m join deliveries d on d.message = m.id
        left join installations i on i.id = d.target where {concerned})"""
    return (f"{condition} and {about}" if others else condition), values | others


def _joined(chosen: Selected, conditions: Mapping[str, str]) -> Condition:
    given = {name: value for name, value in chosen.given().items() if name in conditions}
    sql = " and ".join(conditions[name] for name in given).format(states=_in_states(given.get("states", ())))
    return sql or "true", given


def _in_states(states: Any) -> str:
    """What the partial indexes on what is not finished can be used for, so that what is finished costs nothing."""
    wanted, waiting = set(states), {State.HELD, State.DEAD}
    among = "d.state = any (%(states)s::text[])"
    if wanted <= set(OPEN):
        return f"d.open and {among}"
    if wanted <= {*OPEN, *waiting} and not wanted <= waiting:
        return f"(d.open or d.state in ('held', 'dead')) and {among}"
    return among
