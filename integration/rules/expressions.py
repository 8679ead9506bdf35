"""JMESPath in mappings: what a mapping reads and asks; names, ``a || b`` and ``a == 'b'`` take a fast path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import methodcaller
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from integration.canonical import amount_names
from integration.rules.functions import EXPRESSIONS

PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
TEXT = re.compile(r"'[^'\\]*'")
OPTIONS = jmespath.Options(custom_functions=EXPRESSIONS)
INTERPRETER = TreeInterpreter(OPTIONS)
"""It keeps nothing of what it visits; jmespath itself makes one for each search, which takes as long as a short one."""
ORDERINGS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
EQUALITIES = {"eq": "==", "ne": "!="}
# JMESPath's own arithmetic knows int and float only.
BLIND_TO_DECIMALS = {"abs", "avg", "ceil", "floor", "max", "min", "to_number"}
MOST_COMPILED = 10_000


@lru_cache(MOST_COMPILED)
def compile_expression(text: str) -> Callable[[Any], Any]:
    """A function that evaluates the expression; what is not there is None.

    Raises ValueError for what is not JMESPath, for an unknown function, and for a comparison or arithmetic that
    JMESPath would get wrong on decimals; use ``gt``, ``lt``, ``eq``, ``sum`` instead.
    """
    if PLAIN.fullmatch(text):
        return _plain(text.split("."))
    if all(map(PLAIN.fullmatch, alternatives := text.split(" || "))):
        return _first([_plain(each.split(".")) for each in alternatives])
    try:
        compiled = jmespath.compile(text)
    except JMESPathError:
        raise ValueError("not a JMESPath expression") from None
    for problem in _problems(dict(compiled.parsed)):
        raise ValueError(problem)
    left, _, right = text.partition(" == ")
    if PLAIN.fullmatch(left) and TEXT.fullmatch(right):
        return _equals(_plain(left.split(".")), right[1:-1])
    return lambda document: INTERPRETER.visit(compiled.parsed, document)


def is_true(value: Any) -> bool:
    """Truth as in JMESPath: false, null and what is empty are not true; every number is."""
    return value is not None and value is not False and not (isinstance(value, (str, list, dict)) and not value)


def _plain(names: list[str]) -> Callable[[Any], Any]:
    if len(names) == 1:
        return methodcaller("get", names[0])

    def walk(document: Any) -> Any:
        for name in names:
            if not isinstance(document, dict):
                return None
            document = document.get(name)
        return document

    return walk


def _first(reads: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    *preferred, last = reads

    def first(document: Any) -> Any:
        for read in preferred:
            if is_true(found := read(document)):
                return found
        return last(document)

    return first


def _equals(read: Callable[[Any], Any], text: str) -> Callable[[Any], Any]:
    return lambda document: read(document) == text


def _problems(node: dict[str, Any]) -> Iterator[str]:
    name = str(node.get("value"))
    if node["type"] == "comparator":
        if name in ORDERINGS:
            yield f"{ORDERINGS[name]} is blind to decimals; write {name}(a, b)"
        elif money := sorted(_fields(node) & amount_names()):
            yield f"{EQUALITIES[name]} on the amount {money[0]}; write eq(a, b)"
    if node["type"] == "function_expression":
        if name not in EXPRESSIONS.FUNCTION_TABLE:
            yield f"there is no function {name}()"
        if name in BLIND_TO_DECIMALS:
            yield f"{name}() is blind to decimals"
    for child in _parts(node):
        yield from _problems(child)


def _fields(node: dict[str, Any]) -> set[str]:
    """The names that a comparison compares; those inside a function call or a filter are another matter."""
    if node["type"] == "field":
        return {node["value"]}
    if node["type"] in ("function_expression", "filter_projection"):
        return set()
    return {name for child in _parts(node) for name in _fields(child)}


def _parts(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The expressions below a node; those of a slice are numbers."""
    return [] if node["type"] == "slice" else list(node["children"])
