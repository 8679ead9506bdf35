"""Samples check the mappings: each shows what a mapping makes of one document, and every row needs a sample.

A sample is ``mappings/samples/<mapping>/<case>.json``: ``about``, ``given``, and ``expect`` (the document made) or
``held`` or ``rejected`` (words that the reason contains).  Amounts are decimal strings; 1.20 equals 1.2.

Samples of the workflows are in ``mappings/workflows/samples``, those of each example beside it.  ``given`` is an order
as its ``source`` has it, ``on`` the type of the event; ``expect`` has the ids of the lines that each workflow gets,
where the ``systems`` take part (all of them, if none are named); ``shows`` has by workflow what expressions find in
what its target carries of the order.

What is `accepted` is written into the samples for review: whatever a mapping makes now is then what they expect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from integration.errors import Failure, Hold, Misconfigured, Reject
from integration.rules.added_rows import numbers_of
from integration.rules.carried import not_carried, read_after_all
from integration.rules.definition_files import examples, mappings, read_json
from integration.rules.definition_problems import Found, between, found_in
from integration.rules.definition_schemas import DOCUMENTS, json_schema
from integration.rules.expressions import compile_expression
from integration.rules.offers import Offers
from integration.rules.owners import owned_twice
from integration.rules.translator import Mapping
from integration.rules.workflow import Definitions, load_definitions

ROW = re.compile(r"^\S+ row [\d.]+ (?=\()")
"""How a reason begins that names a row of a mapping."""

REFUSALS: dict[str, type[Failure]] = {"held": Hold, "rejected": Reject}


@dataclass(frozen=True)
class Checked:
    """What the check of one mapping found: ``problems``, empty when all is well.

    ``not_carried`` are the fields of its samples that no row reads and that it does not leave out on purpose;
    ``accepted`` are the files that were written because a change was accepted.
    """

    name: str
    rows: int = 0
    samples: int = 0
    problems: list[Found] = field(default_factory=list)
    not_carried: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)


def check_definitions(
    folder: Path, name: str | None = None, *, accept: bool = False, offers: Offers | None = None
) -> list[Checked]:
    """Runs every sample of every mapping (or of the one named) in a folder laid out as ``mappings/``.

    Finds samples whose mapping makes another document, rows and mappings without a sample, samples without a mapping,
    tables that nothing uses, fields with two owners and a JSON Schema that is out of date.  What cannot be compiled
    comes first, all of it, and no sample is run while there is any; with ``offers`` also what no system offers.  With
    ``accept`` it writes what the mappings make into samples that expect another document, and the JSON Schemas.
    """
    if found := found_in(folder, offers):
        return _by_file(found)
    try:
        definitions = load_definitions(folder)
        all_ = [definitions.mapping(each.name) for each in definitions.rows() if each.kind == "mapping"]
        chosen = [definitions.mapping(name)] if name else all_
        checked = [_check_mapping(mapping, folder / "samples" / mapping.name, accept) for mapping in chosen]
    except Misconfigured as error:
        return [Checked(name or "mappings", problems=[Found(f"{error.reason}. {error.hint}")])]
    if name is None:
        loose = [Found(each) for each in _loose_ends(definitions, all_, folder)]
        loose += [between(each, folder) for each in owned_twice(definitions.workflows)]
        checked.append(Checked("tables and workflows", problems=loose))
        checked.append(_check_schemas(folder, accept))
        checked.append(_check_workflows(folder, None))
        for example in examples(folder):
            if any(example.glob("*.json")):
                checked.append(_check_workflows(folder, example))
            checked += _check_added(folder, example, accept)
    return checked


def _by_file(found: list[Found]) -> list[Checked]:
    """What was found in each file; what is about none of them is about the mappings."""
    files = dict.fromkeys(each.file or "mappings" for each in found)
    return [Checked(file, problems=[each for each in found if (each.file or "mappings") == file]) for file in files]


def run_sample(mapping: Mapping, sample: dict[str, Any], fired: set[str] | None = None) -> list[str]:
    """How what the mapping makes of a sample differs from what the sample expects; empty when it does not."""
    refusal = next((key for key in REFUSALS if key in sample), None)
    if refusal is None and "expect" not in sample:
        return ["it has neither expect nor held nor rejected"]
    try:
        made = mapping(sample.get("given"), fired)
    except Failure as error:
        if refusal is None or not isinstance(error, REFUSALS[refusal]):
            return [f"it is {type(error).__name__}: {error.reason}"]
        return [] if sample[refusal] in error.reason else [f"it is {refusal} for another reason: {error.reason}"]
    if refusal is not None:
        return [f"it should be {refusal}, but was translated"]
    return list(differences(sample["expect"], made))


def differences(expected: Any, made: Any, path: str = "") -> Iterator[str]:
    """One line per place where two documents differ; amounts are compared as numbers."""
    if isinstance(expected, dict) and isinstance(made, dict):
        for key in [*expected, *(key for key in made if key not in expected)]:
            inner = f"{path}.{key}".removeprefix(".")
            if key not in made:
                yield f"{inner} is missing, expected {expected[key]!r}"
            elif key not in expected:
                yield f"{inner} is {_plain(made[key])!r}, expected nothing"
            else:
                yield from differences(expected[key], made[key], inner)
    elif isinstance(expected, list) and isinstance(made, list):
        if len(expected) != len(made):
            yield f"{path} has {len(made)} items, expected {len(expected)}"
        for index, (each, other) in enumerate(zip(expected, made, strict=False)):
            yield from differences(each, other, f"{path}[{index}]")
    elif not _same(expected, made):
        yield f"{path} is {_plain(made)!r}, expected {expected!r}"


def _check_mapping(mapping: Mapping, folder: Path, accept: bool) -> Checked:
    problems: list[Found] = []
    accepted: list[str] = []
    fired: set[str] = set()
    samples = {path: read_json(path) for path in sorted(folder.glob("*.json"))}
    for path, sample in samples.items():
        found = run_sample(mapping, sample, fired)
        if found and accept and _accept(mapping, sample, path):
            accepted.append(path.name)
        else:
            file = f"samples/{mapping.name}/{path.name}"
            problems += [Found(f"sample {path.name}: {problem}", file) for problem in found]
    problems += [
        Found(f"row {row} ({to}) has no sample that exercises it", row=row)
        for row, to in mapping.rows.items()
        if row not in fired
    ]
    problems += [Found(f"left_out names {path}, which a row reads") for path in read_after_all(mapping.body)]
    dropped = not_carried(mapping.body, [sample.get("given", {}) for sample in samples.values()])
    return Checked(mapping.name, len(mapping.rows), len(samples), problems, dropped, accepted)


def _accept(mapping: Mapping, sample: dict[str, Any], path: Path) -> bool:
    """Writes what the mapping makes of the sample into it, be that another reason; False where one of both is refused.

    The reason is written without the number of the row, which changes with every row that is added above it.

    A sample whose document is refused now, or is not any more, says what a person has to decide.
    """
    refusal = next((key for key in REFUSALS if key in sample), None)
    try:
        made = mapping(sample.get("given"))
    except Failure as error:
        if refusal is None or not isinstance(error, REFUSALS[refusal]):
            return False
        _write(path, sample | {refusal: ROW.sub("", error.reason)})
        return True
    if refusal is not None:
        return False
    _write(path, sample | {"expect": _rewritten(sample.get("expect"), made)})
    return True


def _rewritten(expected: Any, made: Any) -> Any:
    """The made document as a sample has it: what is equal stays as it was written, keys keep their order."""
    if isinstance(made, dict):
        before = expected if isinstance(expected, dict) else {}
        keys = [*(key for key in before if key in made), *(key for key in made if key not in before)]
        return {key: _rewritten(before.get(key), made[key]) for key in keys}
    if isinstance(made, list):
        items = expected if isinstance(expected, list) else []
        return [_rewritten(items[at] if at < len(items) else None, each) for at, each in enumerate(made)]
    return expected if _same(expected, made) else _plain(made)


def _check_schemas(folder: Path, accept: bool) -> Checked:
    """Whether the published JSON Schemas are those that documents are checked by."""
    found = Checked("JSON Schemas")
    for kind in DOCUMENTS:
        path = folder / f"{kind}.schema.json"
        schema = json_schema(kind)
        if path.exists() and read_json(path) == schema:
            continue
        if accept:
            _write(path, schema)
            found.accepted.append(path.name)
        else:
            says = f"{path.name} is out of date; `fleet mapping check --accept` writes it"
            found.problems.append(Found(says, path.name))
    return found


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _check_workflows(folder: Path, example: Path | None) -> Checked:
    """Runs the samples of the workflows, or of an example that takes their place."""
    name = f"examples/{example.name}" if example else "workflows"
    files = sorted(((example or folder / "workflows") / "samples").glob("*.json"))
    try:
        definitions = load_definitions(folder, instead=example)
        found = {path.name: run_workflows(definitions, read_json(path)) for path in files}
    except Misconfigured as error:
        return Checked(name, problems=[Found(f"{error.reason}. {error.hint}")])
    problems = [Found(f"sample {file}: {problem}") for file, problems in found.items() for problem in problems]
    return Checked(name, samples=len(files), problems=problems)


def _check_added(folder: Path, example: Path, accept: bool) -> Iterator[Checked]:
    """Runs the samples of the mappings to which an example adds rows; each of these rows needs one."""
    for path in mappings(example):
        added = read_json(path)
        mapping = load_definitions(folder, instead=example).mapping(added["name"])
        checked = _check_mapping(mapping, example / "samples" / mapping.name, accept)
        numbers = numbers_of(mapping.body["rows"], added["rows"])
        problems = [each for each in checked.problems if each.row is None or each.row in numbers]
        yield replace(checked, name=f"examples/{example.name}/{mapping.name}", rows=len(numbers), problems=problems)


def run_workflows(definitions: Definitions, sample: dict[str, Any]) -> list[str]:
    systems = sample.get("systems")
    started = definitions.matching(sample.get("source", ""), sample.get("on", ""))
    taking = [each for each in started if systems is None or each.target in systems]
    refusal = next((key for key in REFUSALS if key in sample), None)
    try:
        parts = {each.name: each.translate({"data": sample["given"]}, systems).part for each in taking}
    except Failure as error:
        if refusal is None or not isinstance(error, REFUSALS[refusal]) or sample[refusal] not in error.reason:
            return [f"it is {type(error).__name__}: {error.reason}"]
        return []
    if refusal is not None:
        return [f"it should be {refusal}, but was translated"]
    lines = {name: [line["id"] for line in part["lines"]] for name, part in parts.items()}
    shown = {
        name: {text: compile_expression(text)(parts.get(name)) for text in expressions}
        for name, expressions in sample.get("shows", {}).items()
    }
    return [*differences(sample.get("expect"), lines), *differences(sample.get("shows", {}), shown)]


def _loose_ends(definitions: Definitions, mappings: list[Mapping], folder: Path) -> Iterator[str]:
    used = {table for mapping in mappings for table in mapping.tables}
    for table in sorted(set(definitions.tables()) - used):
        yield f"no mapping uses the table {table}"
    converting = {workflow.conversion.rates.name for workflow in definitions.workflows if workflow.conversion}
    for table in sorted({each.name for each in definitions.rows() if "rates" in each.body} - converting):
        yield f"no workflow converts by the table {table}"
    known = {mapping.name for mapping in mappings}
    for samples in sorted(path.name for path in (folder / "samples").glob("*") if path.is_dir()):
        if samples not in known:
            yield f"samples/{samples} belongs to no mapping"
    transforming = {mapping.name for workflow in definitions.workflows for mapping in workflow.transform}
    ready = [path for example in examples(folder) for path in example.glob("*.json")]  # to be copied
    transforming |= {name for path in ready for name in read_json(path).get("transform", ())}
    for name in sorted(known - transforming):
        yield f"no workflow uses the mapping {name}"


def _same(expected: Any, made: Any) -> bool:
    if isinstance(made, Decimal) and isinstance(expected, (str, int)) and not isinstance(expected, bool):
        try:
            return Decimal(expected) == made
        except InvalidOperation:
            return False
    return type(expected) is type(made) and bool(expected == made)


def _plain(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value
