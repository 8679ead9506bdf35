"""Functions of text."""

from __future__ import annotations

import html as html_text
import json
import re
from decimal import Decimal
from typing import Any

from integration.canonical.email import address_of
from integration.rules.functions.registry import function, list_of, text_of

CODE_BREAKS = re.compile(r"[,;|\t\v\f\r\n\x85\u2028\u2029]+")
WHOLE_CODE = re.compile(r"\A(?=[A-Za-z-]*[0-9])[A-Za-z0-9-]{8,}\Z")
"""Eight characters at least, a digit among them: groups in which carriers print a number are shorter."""


@function()
def upper(text: str) -> str:
    """In capital letters."""
    return text_of(text).upper()


@function()
def lower(text: str) -> str:
    """In small letters."""
    return text_of(text).lower()


@function()
def trim(text: str) -> str | None:
    """Without white space at both ends; absent if nothing is left."""
    return text_of(text).strip() or None


@function()
def prefix(value: Any, start: str) -> str:
    """The value with ``start`` before it."""
    return f"{start}{value}"


@function(in_expressions=True)
def split(text: str, separator: str) -> list[str]:
    """The parts between separators, trimmed, without empty ones."""
    return [part.strip() for part in text_of(text).split(separator) if part.strip()]


@function()
def codes(text: str) -> list[str] | None:
    """The codes that somebody typed side by side, each once; one that is written with blanks stays one.

    Commas, semicolons, slashes, bars and line breaks part them, and blanks where every part looks like a whole number
    of a parcel: carriers print one number in groups ("1Z 999 AA1 01 2345 6784").  An address on the web is one code.
    """
    found: list[str] = []
    for part in CODE_BREAKS.split(text_of(text)):
        for piece in [part] if "://" in part else part.split("/"):
            words = piece.split()
            found += words if all(map(WHOLE_CODE.match, words)) else [" ".join(words)]
    return [code for code in dict.fromkeys(found) if any(map(str.isalnum, code))] or None


@function()
def email(text: str) -> str | None:
    """The address of an e-mail: of "Name <a@b>" it is a@b; absent if nothing is there."""
    return address_of(text_of(text)) or None


@function()
def listed(attributes: Any, *but: str) -> list[str] | None:
    """The entries of an object that have a value, each as "name: value", but those named; absent if none is left."""
    filled = attributes.items() if isinstance(attributes, dict) else ()
    kept = {name: value for name, value in filled if name not in but and value not in (None, "", [], {})}
    return [f"{name}: {_shown(value)}" for name, value in kept.items()] or None


@function()
def join(parts: list[Any], separator: str) -> str | None:
    """The parts that are there, each once, with the separator between them; absent if there are none."""
    return separator.join(dict.fromkeys(str(part) for part in list_of(parts) if part not in (None, ""))) or None


@function(in_expressions=True)
def mentions(text: str, word: str) -> bool:
    """True when the word occurs in the text; capital and small letters are the same."""
    return word.lower() in text_of(text).lower()


@function()
def html(text: str) -> str:
    """The text as one HTML paragraph, with its special characters escaped and its line breaks kept."""
    return "<p>" + "<br>".join(html_text.escape(text_of(text), quote=False).splitlines()) + "</p>"


def _shown(value: Any) -> str:
    """A value as people read it: numbers in plain digits, what has parts as JSON."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False, default=lambda number: f"{number:f}")
    return str(value)
