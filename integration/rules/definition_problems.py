"""All that is wrong in the files of a folder that is laid out as ``mappings/``, each with its place in its file.

Loading stops at the first file with a problem; this goes through all of them, by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marshmallow import EXCLUDE, Schema

from integration.canonical import SCHEMAS
from integration.errors import Misconfigured
from integration.rules import definition_files as files
from integration.rules import translator
from integration.rules.carried import nested
from integration.rules.definition_fields import did_you_mean
from integration.rules.definition_problem import Conflict, Problem
from integration.rules.definition_problem import Path as At
from integration.rules.functions import Table
from integration.rules.json_places import Places, Position
from integration.rules.offers import Offers, refused
from integration.rules.rates import wrong_conversion
from integration.rules.split import fulfilled_twice, unshared
from integration.rules.workflow import wrong_transform

Document = dict[str, Any]
NOWHERE = "?"
"""How the place of a row begins that has none."""


@dataclass(frozen=True)
class Found:
    """A problem with its file, which is named as from the folder; what is not about a file has words alone.

    ``also`` are the places of what it conflicts with in other files.
    """

    problem: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    row: str | None = None
    path: str | None = None
    value: Any = None
    suggestion: str | None = None
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As compilers write it: ``odoo/out/order.json:7:12: row 1: via names ...``."""
        also = f" ({', '.join(self.also)})" if self.also else ""
        return f"{self.file}:{self.line}:{self.column}: {self.problem}{also}" if self.line else self.problem


@dataclass
class _File:
    path: Path
    kind: str
    name: str
    places: Places
    document: Document | None = None
    unreadable: str = ""
    wrong: list[Problem] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, kind: str) -> _File:
        made = cls(path, kind, files.name_of(kind, path), Places.of(path))
        try:
            made.document = files.read_json(path)
        except Misconfigured as error:
            made.unreadable = error.reason
        else:
            made.wrong += files.wrong_alone(path, kind, made.document)
        return made


def found_in(folder: Path, offers: Offers | None = None) -> list[Found]:
    """Everything that is wrong in the files of a folder; with ``offers``, also what no system offers."""
    try:
        mappings = files.mappings(folder)
    except Misconfigured as error:
        return [Found(f"{error.reason}. {error.hint}")]
    shipped = _Files.read(files.tables(folder), mappings, files.workflows(folder))
    shipped.look(offers)
    found = [shipped]
    for example in files.examples(folder):
        added = files.tables(example), files.mappings(example), sorted(example.glob("*.json"))
        found.append(_Files.read(*added, beside=shipped))
        found[-1].look(offers)
    alone = [each for part in found for file in part.all for each in _placed(file, folder)]
    if any(each.file and each.file.startswith("workflows/") for each in alone):
        return alone  # what a workflow shares with one that is wrong would be wrong, too
    return [*alone, *(between(each, folder) for each in shipped.conflicts())]


def between(conflict: Conflict, folder: Path) -> Found:
    """A conflict of several files, at its place in the first one, with its places in the others."""
    paths = [(files.path_of(kind, name, folder), at) for kind, name, at in conflict.places]
    (first, at), *others = [(path.relative_to(folder), Places.of(path).at(at)) for path, at in paths]
    also = tuple(f"{file}:{place.line}:{place.column}" for file, place in others)
    return Found(f"{conflict.text}. {conflict.hint}", str(first), *at, also=also)


@dataclass
class _Files:
    """The files of a folder, or those of an example, which are ``beside`` those of the folder."""

    tables: list[_File]
    mappings: list[_File]
    workflows: list[_File]
    beside: _Files | None = None

    @classmethod
    def read(
        cls, tables: list[Path], mappings: list[Path], workflows: list[Path], beside: _Files | None = None
    ) -> _Files:
        return cls(
            [_File.read(path, "table") for path in tables],
            [_File.read(path, "mapping") for path in mappings],
            [_File.read(path, "workflow") for path in workflows],
            beside,
        )

    @property
    def all(self) -> list[_File]:
        return [*self.tables, *self.mappings, *self.workflows]

    def look(self, offers: Offers | None) -> None:
        """Finds what of the files does not go together."""
        tables, bodies = self._tables(), self._bodies()
        for each in self.mappings:
            if each.document:
                each.wrong += _wrong_mapping(each.document, each.wrong, tables)
        rates = self._rates()
        for each in self.workflows:
            if each.document:
                each.wrong += _wrong_workflow(each.document, each.wrong, bodies, offers)
                each.wrong += _wrong_conversion(each.document, each.wrong, tables, rates, bodies)

    def conflicts(self) -> Iterator[Conflict]:
        """What sound workflows have in conflict with one another."""
        mappings = self._bodies()
        workflows = [each.document for each in self.workflows if each.document]
        orders = {name for name, mapping in mappings.items() if mapping and mapping["target"] == "order"}
        yield from fulfilled_twice(each for each in workflows if each["transform"][0] in orders)
        yield from unshared(workflows)

    def _tables(self) -> dict[str, Table]:
        """The value tables: rows look nothing up in one of rates."""
        own = {each.name: _table_of(each) for each in self.tables if not _has_rates(each)}
        return (self.beside._tables() if self.beside else {}) | own

    def _rates(self) -> set[str]:
        own = {each.name for each in self.tables if _has_rates(each)}
        return own | (self.beside._rates() if self.beside else set())

    def _bodies(self) -> dict[str, Document | None]:
        if self.beside:
            return self.beside._bodies()
        return {each.name: None if each.wrong else each.document for each in self.mappings}


def _has_rates(table: _File) -> bool:
    return table.document is not None and "rates" in table.document


def _table_of(each: _File) -> Table:
    """The table of a file, by what of it is sound: whether a row can look something up there."""
    unsound = each.document is None or any(wrong.path[:1] == ("columns",) for wrong in each.wrong)
    columns = [] if unsound else (each.document or {}).get("columns", [])
    return Table.of(each.name, {"values": {}, "columns": columns})


def _placed(each: _File, folder: Path) -> Iterator[Found]:
    file = str(each.path.relative_to(folder))
    if each.document is None:
        yield Found(each.unreadable, file, *(each.places.broken or Position(1, 1)))
    for wrong in sorted(each.wrong, key=lambda wrong: each.places.at(wrong.path)):
        yield Found(
            str(wrong),
            file,
            *each.places.at(wrong.path),
            row=wrong.row,
            path=".".join(map(str, wrong.path)),
            value=_value(each.document, wrong.path),
            suggestion=wrong.suggestion,
        )


def _value(document: Any, path: At) -> Any:
    """The text, number or flag at a path; None where there is none."""
    for key in path:
        try:
            document = document[key]
        except (LookupError, TypeError):
            return None
    return None if isinstance(document, dict | list) else document


def _wrong_mapping(mapping: Document, known: list[Problem], tables: dict[str, Table]) -> Iterator[Problem]:
    """What of a mapping cannot be compiled, and which of its places are none of the document that it makes."""
    sound = _sound(mapping, known)
    yield from translator.problems(sound, tables)
    kinds = [kind for kind in SCHEMAS if "." not in kind]
    for key in ("source", "target"):
        if "." not in sound[key] and sound[key] not in kinds and not any(each.path == (key,) for each in known):
            meant = did_you_mean(sound[key], kinds)
            yield Problem((key,), f"names {sound[key]!r}, which is no canonical document{meant}")
    if schema := SCHEMAS.get(sound["target"]):
        yield from _wrong_places(sound["rows"], schema, ("rows",))


def _wrong_places(rows: list[Document], schema: Schema, at: At) -> Iterator[Problem]:
    """Which rows go to no field of the made document: what they give would be dropped."""
    for index, row in enumerate(rows):
        within: Schema | None = schema
        for name in row["to"].split("."):
            if within is None or name.startswith(NOWHERE):
                break
            if name not in within.fields and within.unknown == EXCLUDE:
                meant = did_you_mean(name, within.fields)
                if meant or "note" not in row:
                    more = meant or "; a row that only checks a value has a note that says so"
                    yield Problem((*at, index, "to"), f"names {name!r}, which the document does not have{more}")
                break
            within = nested(within.fields.get(name))
        else:
            if "rows" in row and within:
                yield from _wrong_places(row["rows"], within, (*at, index, "rows"))


def _sound(mapping: Document, known: list[Problem]) -> Document:
    """The mapping without what its schema has refused, so that the rest of it is looked at, too."""
    made: Document = {"name": "", "source": "", "target": "", "rows": [], **deepcopy(mapping)}
    for each in known:
        row, path = made, each.path
        while path[:1] == ("rows",) and len(path) > 1 and isinstance(row.get("rows"), list):
            row, path = row["rows"][path[1]], path[2:]
        if path and isinstance(row, dict):
            row.pop(str(path[0]), None)
    return {"name": "", "source": "", "target": "", **made, "rows": _sound_rows(made.get("rows"))}


def _sound_rows(rows: Any) -> list[Document]:
    found = [row if isinstance(row, dict) else {} for row in (rows if isinstance(rows, list) else ())]
    return [
        {"to": f"{NOWHERE}{index}", "default": None, **row}
        | ({"rows": _sound_rows(row["rows"])} if "rows" in row else {})
        for index, row in enumerate(found)
    ]


def _wrong_conversion(
    workflow: Document,
    known: list[Problem],
    tables: dict[str, Table],
    rates: set[str],
    mappings: dict[str, Document | None],
) -> list[Problem]:
    refused_keys = {each.path[0] for each in known if each.path}
    if refused_keys & {"convert", "transform"} or "transform" not in workflow:
        return []
    orders = {name for name, body in mappings.items() if body is None or body["target"] == "order"}
    return list(wrong_conversion(workflow, tables, rates, orders))


def _wrong_workflow(
    workflow: Document, known: list[Problem], mappings: dict[str, Document | None], offers: Offers | None
) -> Iterator[Problem]:
    """What of a workflow is not there: mappings, and what no system offers."""
    refused_keys = {each.path[0] for each in known if each.path}
    sound = {key: value for key, value in workflow.items() if key not in refused_keys}
    if "transform" in sound:
        yield from wrong_transform(sound, mappings)
    if offers is not None:
        yield from refused(sound, offers)
