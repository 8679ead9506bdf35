"""Search domains: Odoo's prefix notation compiled to a test over one row.

Dates compare in whole seconds, as Odoo 19 does (``write_date > '…:01'`` means from second 02 on), and a domain value
with a zone is refused.  ``like`` takes ``%`` and ``_`` as wildcards, everywhere.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from integration.sandbox.odoo.errors import OdooError, not_faked, value_error
from integration.sandbox.odoo.schema import INDEXED, SORTED, Field

if TYPE_CHECKING:
    from integration.sandbox.odoo.records import Records

Row = dict[str, Any]
Test = Callable[[Row], bool]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_OPERATORS = {"=", "!=", "in", "not in", "like", "ilike", "not like", "not ilike", "=like", "=ilike", "child_of"}
_OPERANDS = {"!": 1, "&": 2, "|": 2}
_RELATIVE = re.compile(r"([+-]\d+)([dwHM])")
_UNITS = {"d": "days", "w": "weeks", "H": "hours", "M": "minutes"}


def compile_domain(records: Records, domain: Any) -> Test:
    """The test for rows of ``records``'s model; raises Odoo's ValueError or TypeError for a malformed domain."""
    if not isinstance(domain, list | tuple):
        raise OdooError("builtins.TypeError", f"Domain() invalid argument type for domain: {domain!r}")
    tokens = iter(domain)
    tests = []
    for token in tokens:
        tests.append(_compile(records, token, tokens))
    return lambda row: all(test(row) for test in tests)


def candidates(records: Records, domain: Any) -> set[int] | None:
    """Ids among which every match must be, by an index; None when only a scan will do."""
    model, database = records.model.name, records.env.database
    for name, how, value in _required(domain):
        if how in (">", ">=") and name == SORTED.get(model) and isinstance(value, str):
            return set(database.since(model, _moment(value, 19)))
        if how not in ("=", "in") or isinstance(value, str) and _is_relational(records, name):
            continue
        values = value if isinstance(value, list | tuple) else [value]
        if name == "id":
            return {id for id in values if isinstance(id, int)}
        if name in INDEXED.get(model, ()):
            return set().union(*(database.find(model, name, value or False) for value in values))
    return None


def _required(domain: Any) -> Iterator[Any]:
    """The conditions that every match meets: those under no operator."""
    operands = 0
    for token in domain:
        if operands:
            operands += _OPERANDS.get(token, 0) - 1 if isinstance(token, str) else -1
        elif isinstance(token, str):
            operands = _OPERANDS[token]
        else:
            yield token


def mentions(domain: Any, field: str) -> bool:
    return any(isinstance(token, list | tuple) and len(token) == 3 and token[0] == field for token in domain)


def _is_relational(records: Records, name: str) -> bool:
    field = records.model.fields.get(name)
    return field is not None and bool(field.relation)


def _compile(records: Records, item: Any, rest: Iterator[Any]) -> Test:
    if item == "!":
        inner = _compile(records, next(rest), rest)
        return lambda row: not inner(row)
    if item in ("&", "|"):
        left, right = _compile(records, next(rest), rest), _compile(records, next(rest), rest)
        if item == "&":
            return lambda row: left(row) and right(row)
        return lambda row: left(row) or right(row)
    if not isinstance(item, list | tuple) or len(item) != 3:
        raise value_error(f"Domain() invalid item in domain: {item!r}")
    name, how, value = item
    if how not in _OPERATORS and how not in _COMPARISONS:
        raise value_error(f"Invalid operator in condition ({name!r}, {how!r}, {value!r})")
    return _leaf(records, name, how, value)


def _leaf(records: Records, name: str, how: str, value: Any) -> Test:
    first, _, path = name.partition(".")
    field = records.field(first, f"Invalid field {records.model.name}.{first} in condition {(name, how, value)!r}")
    if path:
        return _through(records, field, path, how, value)
    if how == "child_of":
        return _child_of(records, field, value)
    if field.relation and (isinstance(value, str) or "like" in how):
        return _through(records, field, "display_name", how, value)
    if field.type in ("datetime", "date") and isinstance(value, str):
        value = _moment(value, 10 if field.type == "date" else 19)
    elif field.type in ("datetime", "date") and isinstance(value, list | tuple):
        value = [_moment(item, 19) if isinstance(item, str) else item for item in value]
    test = _value_test(how, value)
    return lambda row: test(_plain(field, records.value(row, first)))


def _through(records: Records, field: Field, path: str, how: str, value: Any) -> Test:
    related = records.env.records(field.relation)
    inner = _leaf(related, path, how, value)

    def test(row: Row) -> bool:
        target = records.value(row, field.name)
        ids = target if isinstance(target, list) else [target] if target else []
        rows = (related.row(id) for id in ids)
        return any(inner(found) for found in rows if found is not None)

    return test


def _child_of(records: Records, field: Field, value: Any) -> Test:
    related = records if field.name == "id" else records.env.records(field.relation)
    if "parent_id" not in related.model.fields:
        raise not_faked(f"child_of on {related.model.name}")
    roots = set(value if isinstance(value, list) else [value])

    def test(row: Row) -> bool:
        id = row["id"] if field.name == "id" else records.value(row, field.name)
        while id:
            if id in roots:
                return True
            found = related.row(id)
            id = found and found.get("parent_id")
        return False

    return test


def _value_test(how: str, value: Any) -> Callable[[Any], bool]:
    if how.startswith("not ") or how == "!=":
        inner = _value_test("=" if how == "!=" else how[4:], value)
        return lambda actual: not inner(actual)
    if how in ("=", "in"):
        wanted = [item or False if item != 0 else item for item in (value if isinstance(value, list) else [value])]
        return lambda actual: any(item in wanted for item in _items(actual))
    if how in _COMPARISONS:
        compare = _COMPARISONS[how]
        return lambda actual: actual is not False and compare(actual, value)
    pattern = _pattern(str(value), whole=how.startswith("="), any_case="ilike" in how)
    return lambda actual: isinstance(actual, str) and pattern.search(actual) is not None


def _items(actual: Any) -> list[Any]:
    return actual or [False] if isinstance(actual, list) else [actual]


@lru_cache(256)
def _pattern(text: str, *, whole: bool, any_case: bool) -> re.Pattern[str]:
    body = re.escape(text).replace("%", ".*").replace("_", ".")
    return re.compile(rf"\A{body}\Z" if whole else body, re.DOTALL | (re.IGNORECASE if any_case else 0))


def _plain(field: Field, value: Any) -> Any:
    return value[:19] if field.type == "datetime" and value else value


def _moment(text: str, length: int) -> str:
    """A domain's date as stored text: seconds only; ``-1d`` counts from now."""
    if relative := _RELATIVE.fullmatch(text):
        moved = datetime.now(UTC) + timedelta(**{_UNITS[relative[2]]: int(relative[1])})
        return moved.strftime("%Y-%m-%d %H:%M:%S")[:length]
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as malformed:
        raise value_error(str(malformed)) from malformed
    if parsed.tzinfo is not None:
        raise value_error(f"expecting only datetimes with no timezone: {text!r}")
    return parsed.strftime("%Y-%m-%d %H:%M:%S")[:length]
