"""What reads documents that are right takes what marshmallow takes, and makes the same of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import pytest
from marshmallow import RAISE, Schema, ValidationError, fields

from integration.canonical import SCHEMAS
from integration.canonical.reader import reader
from integration.canonical.values import Id, Rows, Text
from integration.rules.workflow import load_definitions
from mappings import FOLDER

CHANGES = 80
"""So many are made of each document."""
GONE = object()
EXTRA = "one more"
ODD: list[Any] = [
    *(GONE, None, "", " ", "x", "\0", "7", "12.50", "1e3", "true", "2026-11-20T10:00:00+02:00", "2026-11-20", "9" * 50),
    *(
        0,
        7,
        -1,
        2**63,
        True,
        False,
        1.5,
        Decimal("0.10"),
        Decimal("1E+40"),
        Decimal("NaN"),
        Decimal("19.9900000000002"),
    ),
    *([], {}, [{}], [None], [[]], ["x"], {"id": 1}, {"id": "1", "lines": []}, [{"id": "1"}, 7]),
]


@cache
def documents() -> dict[str, list[Any]]:
    """What the samples are given and expected to make, by schema."""
    found: dict[str, list[Any]] = defaultdict(list)
    definitions = load_definitions(FOLDER)
    for path in sorted((FOLDER / "samples").glob("*/*.json")):
        sample, mapping = json.loads(path.read_text(), parse_float=Decimal), definitions.mapping(path.parent.name)
        found[mapping.source].append(sample["given"])
        if "expect" in sample:
            found[mapping.target].append(sample["expect"])
    return found


def loaded(load: Any, document: Any) -> str:
    """What comes of it, decimals digit for digit; a refusal is one, whatever it says."""
    try:
        return repr(in_order(load(document)))
    except ValidationError:
        return "refused"


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(each) for each in value] if isinstance(value, list) else value


def changed(document: Any, rng: Random) -> Any:
    """A copy in which one value is odd, or one more is there."""
    copy = deepcopy(document)
    holder, key = rng.choice([*places(copy)])
    odd = rng.choice(ODD)
    if odd is GONE and key != EXTRA:
        del holder[key]
    else:
        holder[key] = deepcopy(odd)
    return copy


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys: Any = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])
    if isinstance(value, dict):
        yield value, EXTRA


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_document_is_read_as_its_schema_loads_it(name: str) -> None:
    schema, read, rng = SCHEMAS[name], reader(SCHEMAS[name]), Random(name)
    seen: set[str] = set()
    for document in documents()[name]:
        for each in [document, *(changed(document, rng) for _ in range(CHANGES))]:
            expected = loaded(schema.load, each)
            assert loaded(read, each) == expected
            seen.add(expected)
    assert "refused" in seen
    assert len(seen) > CHANGES / 4


@pytest.mark.parametrize("odd", [None, [], "x", 7, {}])
@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_no_document_at_all_is_refused_alike(name: str, odd: Any) -> None:
    assert loaded(reader(SCHEMAS[name]), odd) == loaded(SCHEMAS[name].load, odd)


class Inner(Schema):
    """Refuses what it does not name, as marshmallow does by default."""

    id = Id(data_key="ID", required=True)
    word = fields.String(validate=lambda text: text != "no")


class Outer(Schema):
    class Meta:
        unknown = RAISE

    rows = Rows(Inner)
    many = fields.Nested(Inner, many=True, load_default=None)
    few = fields.List(Text(), validate=lambda texts: len(texts) < 3)
    inner = fields.Nested(Inner, unknown="include")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"rows": [{"ID": 1, "word": "yes"}], "many": [{"ID": "2"}], "few": ["a", None, ""][:2], "inner": {"ID": 3}},
        {"rows": [{"ID": 1, "id": 2}]},
        {"rows": [{"ID": 1, "word": "no"}]},
        {"rows": [{}]},
        {"rows": {"ID": 1}},
        {"many": [{"ID": "2", "x": 1}]},
        {"few": ["a", "b", "c"]},
        {"few": ("a", "b")},
        {"inner": {"ID": 3, "other": [1]}},
        {"inner": None},
        {"other": 1},
    ],
    ids=repr,
)
def test_so_is_one_of_a_schema_with_other_settings(document: Any) -> None:
    assert loaded(reader(Outer()), document) == loaded(Outer().load, document)
