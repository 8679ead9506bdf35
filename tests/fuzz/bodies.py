"""Bodies that nobody has thought of: real documents, changed in their structure, then in their bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

from integration.canonical import freeze
from integration.sandbox.clarity.generate import TRAITS, generate
from mappings import FOLDER

Document = dict[str, Any]
Place = tuple[Any, Any]
"""A container of a document and the key or index of one of its values."""

ORDERS = 120
EVENTS = ("order.created", "order.updated", "order.cancelled", "order.status_changed")
SOURCES = {"odoo": ("shipment.changed", "invoice.changed"), "fusion": ("shipment.changed", "invoice.changed")}

# fmt: off
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7, 2**31, 2**53, 2**63, -(2**63), 10**38, [], {}, [[]], [None], [{}], {"": None},
    {"id": {}},
    Decimal("0.1"), Decimal("-0.0"), Decimal("1e30"), Decimal("1e-30"), Decimal("-9.999999999999999999999999999"),
    Decimal("19.990000000000002"), Decimal("0.30000000000000004"), Decimal("999999999999.999999"), Decimal("1E+11"),
    "", " ", "0", "-0", "00", "1", "-1", "0.000001", "0.0000001", "999999999999.999999", "1000000000000", "9" * 39,
    "9" * 41,
    "1e5", "1e99999999", "1e-99999999", "NaN", "-Infinity", "sNaN1", "1_000", "1,5", "1.234,56", "٣", "²", "½", "+1",
    ".5", "5.",
    "null", "true", "[]", "{}", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ufeff", "\u202e\u2066", "é", "e\u0301",
    "🌍" * 50,
    "Ω" * 300, "x" * 5000, " " * 4000, "\n" * 500, "<a@b>", '"A, B" <a@b.example>', "a@b, c@d", "@", "Ada <",
    "1Z 999 AA1 01 2345 6784",
    "EUR", "eur", "JPY", "KWD", "CLF", "XXX", "USDT", "PL", "US-CA", "XX-", "-", "--", "cancelled", "void",
    "on_hold", "shipped",
    "completed", "done", "posted", "paid", "draft", "physical", "digital", "gift_card", "VAT23", "NET30", "EA",
    "shipping-1", "fee-1",
    "2026-11-20T10:15:29Z", "2026-11-20", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z",
    "2026-W01-1T00:00:00Z", "20261120T101529Z", "2026-11-20T24:00:00Z", "2026-11-20T10:15:60Z",
    "2026-11-20T10:15:29+99:99",
    "../../etc/passwd", "' or 1=1 --", "{{7*7}}", "%s%n", "=1+1", "<script>", "order__1", "a_b__c", "root",
    "position", "@@", "`1`",
)
KEYS = (
    "id", "key", "root", "position", "lines", "totals", "status", "version", "customer", "sku", "quantity",
    "unitPrice", "lineTotal",
    "taxes", "refunds", "payments", "customAttributes", "number", "email", "countryCode", "region", "", "__class__",
    "\x00", "é",
)
# fmt: on


@cache
def originals() -> tuple[tuple[str, Document], ...]:
    """Every sample of what a source sends, and orders as the sandbox makes them up; each with its source."""
    found: list[tuple[str, Document]] = []
    for path in sorted(FOLDER.glob("samples/*/*.json")):
        source, _, entity = path.parent.name.partition(".")
        given = json.loads(path.read_text())["given"]
        if entity == "order" and source == "clarity":
            found.append(("clarity", _event("order.created", given)))
        elif source in SOURCES and entity != "order":
            found.append((source, _event(f"{entity}.changed", given)))
    traits = [trait for trait in TRAITS if trait != "250_lines"]
    for number, order in enumerate(generate(ORDERS, 1, traits)):
        times = {"placedAt": "2026-11-20T10:15:29Z", "createdDate": "2026-11-20T10:15:29Z", "updatedDate": None}
        order |= {"id": str(1000 + number), "number": f"WEB-{number}", "version": 1, **times}
        found.append(("clarity", _event(EVENTS[number % len(EVENTS)], order)))
    return tuple(found)


def _event(type: str, document: Document) -> Document:
    return {"id": "evt-1", "type": type, "timestamp": "2026-11-20T10:15:30Z", "data": document}


def body(rng: Random) -> tuple[str, bytes]:
    """A source, and what it might send on a bad day."""
    source, original = rng.choice(originals())
    document: Any = deepcopy(original)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 5, 8))):
        document = rng.choice(CHANGES)(document, rng)
    raw = freeze(document) if rng.random() < 0.5 else _unescaped(document)
    for _ in range(rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 2, 4))):
        raw = rng.choice(SPOILS)(raw, rng)
    return source, raw


def _unescaped(document: Any) -> bytes:
    """The same with its text as UTF-8 instead of escapes; decimals as the numbers that they are."""
    return json.dumps(json.loads(freeze(document), parse_float=_Literal), ensure_ascii=False).encode("utf-8", "replace")


class _Literal(float):
    """A number that is written with the digits that it was read with."""

    def __new__(cls, text: str) -> _Literal:
        made = super().__new__(cls, text)
        made.text = text  # type: ignore[attr-defined]
        return made

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]


# Changes of the structure


def _places(node: Any) -> Iterator[Place]:
    parts: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in parts:
        yield node, key
        yield from _places(value)


def _a_place(document: Any, rng: Random, wanted: Callable[[Any], bool] = lambda _: True) -> Place | None:
    places = [(node, key) for node, key in _places(document) if wanted(node[key])]
    return rng.choice(places) if places else None


def _odd_value(document: Any, rng: Random) -> Any:
    if place := _a_place(document, rng, lambda value: not isinstance(value, dict | list) or rng.random() < 0.1):
        place[0][place[1]] = deepcopy(rng.choice(ODD))
    return document


def _other_value(document: Any, rng: Random) -> Any:
    """A value from somewhere else in the document, or from another one."""
    other = document if rng.random() < 0.5 else rng.choice(originals())[1]
    place, source = _a_place(document, rng), _a_place(other, rng)
    if place and source:
        place[0][place[1]] = deepcopy(source[0][source[1]])
    return document


def _gone(document: Any, rng: Random) -> Any:
    if place := _a_place(document, rng):
        del place[0][place[1]]
    return document


def _another_key(document: Any, rng: Random) -> Any:
    if place := _a_place({"": document}, rng, lambda value: isinstance(value, dict)):
        place[0][place[1]][rng.choice(KEYS)] = deepcopy(rng.choice(ODD))
    return document


def _twice(document: Any, rng: Random) -> Any:
    """Rows again: as they are, with another id, many of them."""
    if place := _a_place(document, rng, lambda value: isinstance(value, list) and bool(value)):
        rows = place[0][place[1]]
        times = rng.choice((1, 1, 2, 5, 40)) if rng.random() < 0.999 else 2000
        rows.extend(deepcopy(rng.choice(rows)) for _ in range(times))
        for index, row in enumerate(rows):
            if isinstance(row, dict) and rng.random() < 0.5:
                row["id"] = rng.choice((str(index), index, None, "1"))
    return document


def _shuffled(document: Any, rng: Random) -> Any:
    if place := _a_place(document, rng, lambda value: isinstance(value, list)):
        rng.shuffle(place[0][place[1]])
    return document


def _other_type(document: Any, rng: Random) -> Any:
    """A number for its text, text for its number, a list of one for a value, and the other way round."""
    place = _a_place(document, rng)
    if place is None:
        return document
    node, key = place
    match node[key]:
        case str() as text if text.replace(".", "", 1).isdecimal() and text.isascii():
            node[key] = Decimal(text) if "." in text or rng.random() < 0.3 else int(text)
        case bool() | None:
            node[key] = str(node[key])
        case int() | Decimal() as number:
            node[key] = str(number)
        case [first, *_]:
            node[key] = first
        case value:
            node[key] = [value]
    return document


def _other_amount(document: Any, rng: Random) -> Any:
    """An amount with the noise of a float, another sign, a digit more, or none at all."""

    is_amount = lambda value: isinstance(value, str) and value.replace(".", "", 1).isdecimal() and value.isascii()  # noqa: E731
    if place := _a_place(document, rng, is_amount):
        node, key = place
        number = Decimal(node[key][:20])
        changes = (lambda: -number, lambda: number + Decimal("1e-14"), lambda: number * 10, lambda: number / 3)
        node[key] = f"{rng.choice((*changes, lambda: Decimal(0), lambda: number + Decimal('0.01')))():f}"
    return document


def _deep(document: Any, rng: Random) -> Any:
    if place := _a_place(document, rng):
        for _ in range(rng.choice((1, 5, 30, 61, 70, 100))):
            place[0][place[1]] = {"a": place[0][place[1]]} if rng.random() < 0.5 else [place[0][place[1]]]
    return document


def _long(document: Any, rng: Random) -> Any:
    if place := _a_place(document, rng, lambda value: isinstance(value, str)):
        alphabet = rng.choice(
            ("x", " ", "1", "-", "é", "🌍", "<", "@", "a b ", "&lt;", "1Z 9/", ",", "\n", "x@", "\u0301")
        )
        place[0][place[1]] = alphabet * (rng.choice((10, 300, 4000)) if rng.random() < 0.99 else 200_000)
    return document


def _whole(_document: Any, rng: Random) -> Any:
    return deepcopy(rng.choice((*ODD, {"type": "order.created"}, {"type": "order.created", "data": rng.choice(ODD)})))


CHANGES: tuple[Callable[[Any, Random], Any], ...] = (
    *(_odd_value,) * 8, *(_other_value,) * 3, *(_other_amount,) * 3, *(_gone,) * 3, *(_other_type,) * 3, *(_twice,) * 2,
    _another_key, _shuffled, _deep, _long, _whole,
)  # fmt: skip


# Changes of the bytes


def _cut(raw: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(raw) + 1)
    return raw[:start] + raw[start + rng.choice((1, 1, 2, 10, len(raw))) :]


def _put(raw: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(raw) + 1)
    return raw[:start] + rng.choice(INSERTED) + raw[start:]


def _flip(raw: bytes, rng: Random) -> bytes:
    made = bytearray(raw)
    for _ in range(rng.choice((1, 1, 3, 20)) if made else 0):
        made[rng.randrange(len(made))] = rng.choice(
            (rng.randrange(256), rng.choice(b'{}[]",:\\0123456789eE.-tfn \x00'))
        )
    return bytes(made)


def _number(raw: bytes, rng: Random) -> bytes:
    """Another number for the one that is there."""
    text = rng.choice(NUMBERS)
    old = rng.choice((b'"1"', b'"2"', b"1", b"null", b"true", b'"0.00"'))
    return raw.replace(old, text, rng.choice((1, -1)))


def _encoded(raw: bytes, rng: Random) -> bytes:
    return raw.decode("utf-8", "replace").encode(
        rng.choice(("utf-16", "utf-8-sig", "latin-1", "utf-7", "cp037")), "replace"
    )


INSERTED = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc0\x80", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", b"\\", b'"', b"{",
    b"}", b"[", b"]", b",",
    b"NaN", b"Infinity", b"-", b"1e999999", b"//x\n", b"/**/", b"'", b"\x1b[2J", b'{"a":1,"a":2}', b"[" * 70,
    b"[" * 5000, b'{"":' * 70,
)  # fmt: skip
NUMBERS = (
    b"1e9999999999999999999", b"-1e99999999", b"1e-99999999", b"0e99", b"1E400", b"9" * 39, b"9" * 5000,
    b"0." + b"1" * 60, b"-0",
    b"0.1e31", b"1e30", b"1e-30", b"01", b"+1", b"0x10", b"1.", b".1", b"1e", b"--1", b"1.0000000000000002",
    b"123456789012.1234567",
)  # fmt: skip
SPOILS: tuple[Callable[[bytes, Random], bytes], ...] = (_cut, _put, _put, _flip, _flip, _number, _number, _encoded)
