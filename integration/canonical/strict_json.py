"""JSON as this project reads and writes it: strictly, with decimals, and always the same bytes for the same content.

A *document* is made of dict, list, str, int, `Decimal`, bool and None.  Floats are not part of it: money and
quantities would lose what they say.  Text may hold any code point, lone surrogates too; they are written as escapes.
"""

from __future__ import annotations

import hashlib
import json
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn

from integration.canonical.decimals import LIMITS, LONGEST, decimal_of
from integration.errors import Reject

DEEPEST = 64
NESTS = (dict, list)
PLAIN_KEY = re.compile(r"[A-Za-z0-9_.\-]{1,40}", re.ASCII)
HINT = "The sender has to correct it and send it again."


def parse_json(raw: bytes, *, names_keys: bool = False) -> Any:
    """The document in ``raw``; numbers with a fraction or an exponent become `Decimal`.

    A byte order mark before it is ignored (RFC 8259, 8.1).  Raises `Reject` for what is not UTF-8 or not JSON, and for
    what parsers disagree about or choke on: duplicate keys, NaN and Infinity, numbers of more than 40 characters or
    with an exponent beyond 30, nesting deeper than 64.  The reason never quotes the content, and no name of a field
    either, which a sender may make of a person's: only with ``names_keys``, for a file of the reader's own, it names a
    duplicate key, and the line and column of what is not JSON.
    """
    try:
        document = (_NAMING if names_keys else _STRICT).decode(raw.removeprefix(BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        raise Reject(f"not UTF-8 at byte {error.start}", hint=HINT, code="malformed") from None
    except json.JSONDecodeError as error:
        problem = error.msg.removesuffix(" at")
        place = f"line {error.lineno}, column {error.colno}" if names_keys else f"character {error.pos}"
        raise Reject(f"not JSON: {problem} at {place}", hint=HINT, code="malformed") from None
    except RecursionError:
        raise _too_deep() from None
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and is_too_deep(document):
        raise _too_deep()
    return document


def dump_json(document: Any) -> bytes:
    """Canonical bytes: sorted keys, no spaces, ASCII; a decimal becomes a string of plain digits, all of them kept."""
    return _write(document, lambda number: f'"{number:f}"').encode("ascii")


def digest(document: Any) -> str:
    """SHA-256 (hex) of what the document means: the order of keys and trailing zeros of decimals do not count."""
    return hashlib.sha256(_write(document, _meaning).encode("ascii")).hexdigest()


def freeze(document: Any) -> bytes:
    """Bytes that `thaw` turns into an equal document, with decimals as decimals, digit for digit.

    It is plain JSON: a decimal is a number with a fraction or an exponent (``5`` is an int, ``5e0`` a decimal), so no
    tag can be mistaken for somebody's text.
    """
    return _write(document, _number).encode("ascii")


def thaw(frozen: bytes) -> Any:
    """The document that was frozen."""
    return _THAWING.decode(frozen.decode())


def _write(value: Any, decimal: Callable[[Decimal], str]) -> str:
    kind = type(value)
    if kind is dict:
        parts = []
        for key in sorted(value):
            item = value[key]
            text = encode_basestring_ascii(item) if type(item) is str else _write(item, decimal)
            parts.append(f"{encode_basestring_ascii(key)}:{text}")
        return "{" + ",".join(parts) + "}"
    if kind is Decimal:
        return decimal(value)
    return _write_other(value, decimal)


def _write_other(value: Any, decimal: Callable[[Decimal], str]) -> str:
    match value:  # the most frequent first
        case str():
            return encode_basestring_ascii(value)
        case dict():
            return _write(dict(value), decimal)
        case None:
            return "null"
        case Decimal():
            return decimal(value)
        case list() | tuple():
            return "[" + ",".join([_write(item, decimal) for item in value]) + "]"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return decimal(Decimal(repr(value)))
    raise TypeError(f"{type(value).__name__} is not part of a document")


def _number(number: Decimal) -> str:
    text = str(number)
    return text if "." in text or "E" in text else text + "e0"


def _meaning(number: Decimal) -> str:
    text = f"{number:f}"
    return f'"{text.rstrip("0").rstrip(".") if "." in text else text}"'


def _integer(text: str) -> int:
    if len(text) > LONGEST:
        raise _absurd_number()
    return int(text)


def _decimal(text: str) -> Decimal:
    number = decimal_of(text)
    if number is None:
        raise _absurd_number()
    return number


def _constant(name: str) -> NoReturn:
    raise Reject(f"{name} is not a JSON number", hint=HINT, code="malformed")


def _unnamed(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Reject("a key occurs twice in one object", hint=HINT, code="duplicate_key")
    return found


def _named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    count = Counter(key for key, _ in pairs)
    for key in count:
        if count[key] > 1 and PLAIN_KEY.fullmatch(key):
            raise Reject(f'the key "{key}" occurs twice in one object', hint=HINT, code="duplicate_key")
    return _unnamed(pairs)


# Made once: to make a decoder takes as long as to read a short document.
_STRICT, _NAMING = (
    json.JSONDecoder(parse_int=_integer, parse_float=_decimal, parse_constant=_constant, object_pairs_hook=hook)
    for hook in (_unnamed, _named)
)
_THAWING = json.JSONDecoder(parse_float=Decimal)


def is_too_deep(document: Any) -> bool:
    """Whether it is nested deeper than 64 levels."""
    level = [document] if isinstance(document, NESTS) else []
    for _ in range(DEEPEST - 1):
        parts = [node.values() if isinstance(node, dict) else node for node in level]
        level = [child for part in parts for child in part if isinstance(child, NESTS)]
        if not level:
            return False
    return any(level)


def _absurd_number() -> Reject:
    return Reject(f"a number is too long or too large: {LIMITS} are read", hint=HINT, code="absurd_number")


def _too_deep() -> Reject:
    return Reject(f"nested deeper than {DEEPEST} levels", hint=HINT, code="too_deep")
