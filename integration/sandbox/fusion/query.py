"""The ``q`` parameter: query by example (framework version 1) and expressions (from version 2 on), and ``orderBy``.

Query by example is ``Attr=value;Attr2>value``, values bare or quoted.  Expressions quote their texts and know and, or,
not, parentheses, in, between, like and is null.  Version 1 takes both forms, as live pods do.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from integration.sandbox.fusion.schema import Attribute, Resource

Row = dict[str, Any]
Predicate = Callable[[Row], bool]

_TOKEN = re.compile(r"""\s*(?:(?P<text>'(?:[^']|'')*'|"[^"]*")|(?P<op><>|!=|<=|>=|[=<>(),])|(?P<word>[\w.+-]+))""")
_EXAMPLE = re.compile(r"\s*(\w+)\s*(<>|!=|<=|>=|=|<|>|\blike\b)\s*(.*?)\s*", re.IGNORECASE)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<>": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class BadQuery(Exception):
    """The text is no query, or names an attribute that cannot be filtered by."""


def parse(text: str, resource: Resource, framework: int) -> Predicate:
    """The filter that ``q`` asks for; raises `BadQuery`."""
    if framework > 1:
        return _Expression(text, resource).whole()
    parts = [part for part in re.findall(r"(?:'[^']*'|\"[^\"]*\"|[^;'\"])+", text) if part.strip()]
    return _every([_part(part, resource) for part in parts])


def order(text: str, resource: Resource) -> Callable[[list[Row]], list[Row]]:
    """The sorting that ``orderBy`` asks for: ``Attr:asc,Attr2:desc``; raises `BadQuery`."""
    keys = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(":")
        if name not in resource.attributes or direction not in {"", "asc", "desc"}:
            raise BadQuery(part)
        keys.append((name, direction == "desc"))

    def sort(rows: list[Row]) -> list[Row]:
        for name, descending in reversed(keys):
            key = _sort_key(name, resource.attributes[name])
            rows = sorted(rows, key=key, reverse=descending)
        return rows

    return sort


def _part(part: str, resource: Resource) -> Predicate:
    """One part of a version 1 query: an expression if it reads as one, otherwise an example."""
    try:
        return _Expression(part, resource).whole()
    except BadQuery:
        match = _EXAMPLE.fullmatch(part)
        if match is None:
            raise
    name, sign, value = match.groups()
    return _comparison(name, _queryable(name, resource), sign.lower(), value.strip("'\""))


class _Expression:
    """Recursive descent over the tokens; every method takes what it understands and returns a predicate."""

    def __init__(self, text: str, resource: Resource) -> None:
        self._resource = resource
        self._tokens: list[str] = []
        at = 0
        text = text.strip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise BadQuery(text)
            self._tokens.append(match.group().strip())
            at = match.end()

    def whole(self) -> Predicate:
        predicate = self._or()
        if self._tokens:
            raise BadQuery(self._tokens[0])
        return predicate

    def _or(self) -> Predicate:
        terms = [self._and()]
        while self._take("or"):
            terms.append(self._and())
        return terms[0] if len(terms) == 1 else lambda row: any(term(row) for term in terms)

    def _and(self) -> Predicate:
        terms = [self._term()]
        while self._take("and"):
            terms.append(self._term())
        return _every(terms)

    def _term(self) -> Predicate:
        if self._take("not"):
            denied = self._term()
            return lambda row: not denied(row)
        if self._take("("):
            inner = self._or()
            self._expect(")")
            return inner
        return self._condition()

    def _condition(self) -> Predicate:
        name = self._next()
        attribute = _queryable(name, self._resource)
        if self._take("is"):
            wanted = not self._take("not")
            self._expect("null")
            return lambda row: (row.get(name) is None) is wanted
        denied = self._take("not")
        predicate = self._test(name, attribute)
        return (lambda row: not predicate(row)) if denied else predicate

    def _test(self, name: str, attribute: Attribute) -> Predicate:
        if self._take("in"):
            self._expect("(")
            choices = [_comparison(name, attribute, "=", self._value(attribute))]
            while self._take(","):
                choices.append(_comparison(name, attribute, "=", self._value(attribute)))
            self._expect(")")
            return lambda row: any(choice(row) for choice in choices)
        if self._take("between"):
            low = _comparison(name, attribute, ">=", self._value(attribute))
            self._expect("and")
            high = _comparison(name, attribute, "<=", self._value(attribute))
            return _every([low, high])
        sign = self._next().lower()
        if sign not in _COMPARE and sign != "like":
            raise BadQuery(sign)
        return _comparison(name, attribute, sign, self._value(attribute))

    def _value(self, attribute: Attribute) -> str:
        """Only texts and times need their quotes."""
        token = self._next()
        if token[0] in "'\"":
            return token[1:-1].replace("''", "'")
        if attribute.kind in {"text", "time", "date"} or not re.fullmatch(r"[+-]?[\d.]+|true|false", token):
            raise BadQuery(token)
        return token

    def _next(self) -> str:
        if not self._tokens:
            raise BadQuery("the query ends too early")
        return self._tokens.pop(0)

    def _take(self, word: str) -> bool:
        if self._tokens and self._tokens[0].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise BadQuery(word)


def _queryable(name: str, resource: Resource) -> Attribute:
    attribute = resource.attributes.get(name)
    if attribute is None or not attribute.queryable:
        raise BadQuery(name)
    return attribute


def _comparison(name: str, attribute: Attribute, sign: str, text: str) -> Predicate:
    if sign == "like":
        pattern = re.compile(".*".join(map(re.escape, re.split(r"[%*]", text))))
        return lambda row: row.get(name) is not None and bool(pattern.fullmatch(str(row[name])))
    wanted, compare = comparable(attribute, text), _COMPARE[sign]
    return lambda row: row.get(name) is not None and compare(comparable(attribute, row[name]), wanted)


def comparable(attribute: Attribute, value: Any) -> Any:
    """A value as something that orders rightly."""
    try:
        match attribute.kind:
            case "id" | "number":
                return Decimal(str(value))
            case "flag":
                return {"true": True, "false": False}[str(value).lower()]
            case "time":
                moment = datetime.fromisoformat(str(value))
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (InvalidOperation, KeyError, ValueError) as error:
        raise BadQuery(str(value)) from error
    return str(value)


def _sort_key(name: str, attribute: Attribute) -> Callable[[Row], tuple[bool, Any]]:
    def key(row: Row) -> tuple[bool, Any]:
        value = row.get(name)
        return value is None, 0 if value is None else comparable(attribute, value)

    return key


def _every(predicates: list[Predicate]) -> Predicate:
    return predicates[0] if len(predicates) == 1 else lambda row: all(predicate(row) for predicate in predicates)
