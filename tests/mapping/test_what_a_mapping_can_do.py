"""``mappings/README.md`` lists what a mapping can do: each entry is shown by a sample that uses it, and comes out."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from integration.errors import Failure
from integration.rules.mapping_check import run_sample, run_workflows
from integration.rules.translator import Mapping
from integration.rules.workflow import Definitions, load_definitions
from mappings import FOLDER

PAGE = (FOLDER / "README.md").read_text()
TABLE = PAGE.split("\n## What a mapping can do\n")[1].split("\n## ")[0]
ENTRIES = re.findall(r"^\| ([^|]+) \| `([^`]+)`[^|]* \| \[[^]]+\]\(([^)]+)\) \|$", TABLE, re.M)
"""What it is, the place of the row (or the key of a workflow), and the sample."""


@cache
def definitions(example: Path | None) -> Definitions:
    return load_definitions(FOLDER, instead=example)


def example_of(sample: Path) -> Path | None:
    parts = sample.relative_to(FOLDER).parts
    return FOLDER / parts[0] / parts[1] if parts[0] == "examples" else None


def used(mapping: Mapping, sample: dict[str, object]) -> set[str]:
    """The places of the rows that give a value in a sample, or of the one that refuses it."""
    if "expect" not in sample:
        with pytest.raises(Failure) as refused:
            mapping(sample["given"])
        found = re.search(r"row [0-9.]+ \(([^ )]+)", refused.value.reason)
        return {re.sub(r"\[\d+\]", "", found[1])} if found else set()
    fired: set[str] = set()
    mapping(sample["given"], fired)
    return {place_of(mapping, number) for number in fired}


def place_of(mapping: Mapping, number: str) -> str:
    parts = number.split(".")
    return ".".join(mapping.rows[".".join(parts[: end + 1])] for end in range(len(parts)))


@pytest.mark.parametrize(("what", "place", "link"), ENTRIES, ids=[what for what, *_ in ENTRIES])
def test_what_is_listed_is_shown_by_a_sample_that_uses_it(what: str, place: str, link: str) -> None:
    path = FOLDER / link
    sample, known = json.loads(path.read_text()), definitions(example_of(path))
    if "source" in sample:
        workflows = [each.body for each in known.rows() if each.kind == "workflow" and place in each.body]
        assert workflows
        assert run_workflows(known, sample) == []
        return
    mapping = known.mapping(path.parent.name)
    assert run_sample(mapping, sample) == []
    assert place in used(mapping, sample)


def test_every_line_of_the_table_is_an_entry() -> None:
    lines = [line for line in TABLE.splitlines() if line.startswith("| ")]
    assert len(lines) - 1 == len(ENTRIES) > 25
