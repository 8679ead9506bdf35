"""What strangers write is worked on in time that grows with its length, and no faster.

The patterns are found by walking the modules and the calls of ``re`` in them, so a new one is held, too.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import time
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import integration
import tasks
from integration import alerts, logs, masking
from integration.canonical import values
from integration.connectors import http as http_module
from integration.connectors.fusion import errors as fusion_errors
from integration.connectors.http import Reply, plain
from integration.connectors.odoo import errors as odoo_errors
from integration.connectors.odoo.order import difference
from integration.errors import Failure, Retry
from integration.message import clear, external_id, read_external_id
from integration.rules.functions import FUNCTIONS, Unfit
from integration.vault import match_key

ROOT = Path(__file__).parents[1]
LONG = 1_000_000
LINEAR = 100_000
SECONDS = 1.0
"""Of the processor, for so many characters: what takes time with the square of the length takes minutes for either."""

CLASSES = {
    "letters": "a",
    "capitals": "A",
    "digits": "7",
    "blanks": " ",
    "tabs": "\t",
    "newlines": "\n",
    "quotes": '"',
    "apostrophes": "'",
    "opened quotations": "“",
    "closed quotations": "”",
    "at signs": "@",
    "dots": ".",
    "dashes": "-",
    "underscores": "_",
    "slashes": "/",
    "colons": ":",
    "equals": "=",
    "percents": "%",
    "plus": "+",
    "commas": ",",
    "ampersands": "&",
    "opened brackets": "[",
    "closed brackets": "]",
    "opened braces": "{",
    "opened tags": "<",
    "closed tags": ">",
    "backslashes": "\\",
    "combining marks": "\u0301",
    "combining marks of two classes": "\u0301\u0316",
    "surrogates": "\ud800",
    "nul": "\x00",
    "escapes": "\x1b[",
    "addresses": "a@a.",
    "half addresses": "a.a",
    "addresses without an end": "a@",
    "quoted letters": "'a",
    "quotes and blanks": '" ',
    "words": "Jane ",
    "digits and dashes": "7-",
    "numbers and blanks": "7 a",
    "secrets": "password=",
    "secrets in quotes": 'password="',
    "tokens": "bearer ",
    "schemes": "://",
    "users in URLs": "://a",
    "hints": "/hints/odoo/",
    "web tokens": "eyJ",
    "resources": "/aRestApi",
    "heads": "<head",
    "character references": "&#1",
    "named references": "&amp",
    "escaped at signs": "%40",
    "external ids": "__a",
    "ids": "_5f",
}


def text(class_: str, length: int) -> str:
    unit = CLASSES[class_]
    return (unit * (length // len(unit) + 1))[:length]


def within_bounds(work: Callable[[], Any], what: str) -> None:
    began = time.process_time()
    work()
    took = time.process_time() - began
    assert took < SECONDS, f"{what}: {took:.1f} s of the processor"


def modules() -> Iterator[Any]:
    for package in (integration, tasks):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "sandbox" not in found.name and not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def compiled(value: Any, depth: int = 2) -> Iterator[re.Pattern[str]]:
    """The patterns in a module's variable, and in what it holds.  (By ``type``: a proxy of Celery's would wake up.)"""
    if type(value) is re.Pattern:
        yield value
    elif depth and type(value) in (list, tuple, set, frozenset):
        for each in value:
            yield from compiled(each, depth - 1)
    elif depth and type(value) is dict:
        for each in value.values():
            yield from compiled(each, depth - 1)


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """Every pattern that a module holds, and every literal that is given to a function of ``re``, but for BOUNDED."""
    found: dict[str, re.Pattern[str]] = {}
    for module in modules():
        for name, value in vars(module).items():
            for pattern in compiled(value):
                if isinstance(pattern.pattern, str):
                    found[f"{pattern.pattern} ({module.__name__}.{name})"] = pattern
        found |= written_in(module)
    return found


def written_in(module: Any) -> dict[str, re.Pattern[str]]:
    with tokenize.open(module.__file__) as file:
        source = file.read()
    if "import re" not in source:
        return {}
    tree = ast.parse(source)
    bounded = {name.rpartition(".")[2] for name in BOUNDED if name.startswith(f"{module.__name__}.")}
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in bounded
        for inner in ast.walk(node)
    }
    found = {}
    for node in ast.walk(tree):
        if id(node) not in skipped and isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
            for literal in node.args[:1]:
                if isinstance(literal, ast.Constant) and isinstance(literal.value, str):
                    # What is matched as a whole is tried at one place only.
                    anchor = r"\A" if ast.unparse(node.func) in ("re.fullmatch", "re.match") else ""
                    pattern = re.compile(f"{anchor}(?:{literal.value})" if anchor else literal.value)
                    found[f"{literal.value} ({module.__name__}:{node.lineno})"] = pattern
    return found


def reply(said: str) -> Reply:
    return Reply(400, {"content-type": "application/json"}, json.dumps({"title": said}).encode())


def html_reply(said: str) -> Reply:
    return Reply(400, {"content-type": "text/html"}, said.encode("utf-8", "replace"))


def mapped(name: str) -> Callable[[str], Any]:
    """A function that a mapping may name, given one text."""

    def call(said: str) -> Any:
        try:
            return FUNCTIONS[name].call(said, *[","] * len(FUNCTIONS[name].arguments))
        except Unfit:
            return None

    return call


BOUNDED: dict[str, Callable[[str], Any]] = {
    "integration.connectors.http.plain": plain,
    "integration.connectors.fusion.errors.said_by": lambda said: fusion_errors.said_by(html_reply(said)),
}
"""Functions that cut what they are given before they try a pattern on it."""
FOREIGN: dict[str, Callable[[str], Any]] = {
    **BOUNDED,
    "what Odoo refuses": lambda said: odoo_errors.classify({"name": said, "message": said}),
    "what load() refuses": lambda said: pytest.raises(
        Failure, odoo_errors.loaded, {"ids": False, "messages": [{"message": said}]}, "order"
    ),
    "what Fusion refuses": lambda said: fusion_errors.problem(reply(said)),
    "an error page": lambda said: fusion_errors.problem(html_reply(said)),
    "a note": lambda said: difference.same(said, f"<p>{said}"),
    "a guest's address": lambda said: match_key(f"a{said}", b"a secret of 16 bytes or more"),
    "a line of the log": logs.mask,
    "a value of the log": lambda said: logs._value("event", said, 2),
    "a reason": lambda said: masking.without_personal(Retry(said).reason, {"customer": {"name": said}}),
    "a notice": alerts.shortened,
    "an external id": lambda said: external_id("order", said),
    "an external id that is read": lambda said: read_external_id(said),
    "an id": clear,
    "a number": lambda said: values.NUMBER.fullmatch(said),
    "a pause": lambda said: http_module._pause(said, Reply(429, {"date": said}, b"")),
    **{
        f"{name}()": mapped(name)
        for name in FUNCTIONS
        if not FUNCTIONS[name].takes_table and name not in {"allocate", "line_price", "line_discount"}
    },
}


CUT = {*BOUNDED, "what Odoo refuses", "what load() refuses", "a guest's address", "a value of the log", "a reason"}
"""What cuts before it works gets a megabyte."""


@pytest.mark.parametrize("class_", CLASSES)
def test_every_pattern_is_linear(class_: str) -> None:
    said = f"a{text(class_, LINEAR)}\n!"
    for name, pattern in patterns().items():
        within_bounds(lambda pattern=pattern: pattern.split(said), f"{name} on {class_}")  # type: ignore[misc]


@pytest.mark.parametrize("class_", CLASSES)
def test_whatever_reads_what_strangers_write_is_linear(class_: str) -> None:
    for name, work in FOREIGN.items():
        said = text(class_, LONG if name in CUT else LINEAR)
        within_bounds(lambda work=work, said=said: work(said), f"{name} of {class_}")  # type: ignore[misc]


def test_patterns_are_found_wherever_they_are() -> None:
    assert len(patterns()) > 25
    assert any(name.endswith("(integration.logs._PATTERNS)") for name in patterns())
    assert any("integration.store.ends:" in name for name in patterns())


def test_a_long_message_is_cut_before_what_is_personal_is_looked_for() -> None:
    assert plain("Jane Doe " * 200_000).startswith("Jane Doe")
    assert plain("x" * 150_000) == "…"
    within_bounds(lambda: plain("[ " * 60_000), "a message of opened brackets")
    assert plain("[ " * 60_000) == "…"
    secret = 'said "' + "Jane Doe " * 1_000
    assert plain(secret) == "said …"
    assert "Jane" not in plain("[" + "Jane " * 1_000)
    assert "jane" not in plain("to " + "jane" * 500 + "@example.com")
    assert len(Retry("x" * 10_000).reason) == 2000
