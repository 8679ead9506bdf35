"""The files of a folder that is laid out as ``mappings/``: which there are, and what is wrong in one by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from integration.canonical import parse_json
from integration.errors import Misconfigured, Reject
from integration.rules.definition_problem import Path as At
from integration.rules.definition_problem import Problem
from integration.rules.definition_schemas import problems
from integration.rules.expressions import compile_expression

Document = dict[str, Any]
DIRECTIONS = ("in", "out")
"""A mapping ``in`` makes a canonical document of a system's own; one ``out`` makes a system's of a canonical one."""
NOT_SYSTEMS = ("tables", "workflows", "samples", "examples")
MOST_PROBLEMS = 5


def tables(folder: Path) -> list[Path]:
    return sorted((folder / "tables").glob("*.json"))


def examples(folder: Path) -> list[Path]:
    """The folders of the examples, each laid out as ``mappings/``, but with its workflows on top."""
    return sorted(path for path in (folder / "examples").glob("*") if path.is_dir())


def workflows(folder: Path, instead: Path | None = None) -> list[Path]:
    """The workflows of a folder; those in the folder ``instead`` take the place of those of the same name."""
    paths = {path.name: path for place in (folder / "workflows", instead) if place for path in place.glob("*.json")}
    return [path for _, path in sorted(paths.items())]


def mappings(folder: Path) -> list[Path]:
    """The mappings of a folder, each in ``<system>/in`` or ``<system>/out``; raises for one that is elsewhere."""
    found = [path for path in sorted(folder.rglob("*.json")) if path.relative_to(folder).parts[0] not in NOT_SYSTEMS]
    mappings = [path for path in found if path.parent != folder]
    for path in mappings:
        if path.parent.name not in DIRECTIONS or path.parent.parent.parent != folder:
            system = folder / path.relative_to(folder).parts[0]
            raise Misconfigured(
                f"the mapping {path.relative_to(folder)} has no direction",
                hint=f"Move {path} to {system}/in, if it makes a canonical document, else to {system}/out.",
            )
    return mappings


def name_of(kind: str, path: Path) -> str:
    """What the document in a file is called: a mapping after its folders and file, everything else after its file."""
    return f"{path.parts[-3]}.{path.parts[-2]}.{path.stem}" if kind == "mapping" else path.stem


def path_of(kind: str, name: str, folder: Path) -> Path:
    """Where in a folder the mapping or workflow of this name is, or would be."""
    if kind == "workflow":
        return folder / "workflows" / f"{name}.json"
    *folders, file = name.split(".")
    return folder.joinpath(*folders, f"{file}.json")


def read_json(path: Path) -> Document:
    """A JSON object from a file, read as strictly as what comes in from outside."""
    try:
        document = parse_json(path.read_bytes(), names_keys=True)
        json.dumps(document)
    except (OSError, Reject) as error:
        raise Misconfigured(f"{path.name} cannot be read: {error}", hint=f"Correct {path}.") from None
    except TypeError:
        raise Misconfigured(
            f"{path.name} holds a number with a fraction", hint=f"Write it as text in {path}."
        ) from None
    if not isinstance(document, dict):
        raise Misconfigured(f"{path.name} is not a JSON object", hint=f"Correct {path}.")
    return document


def read(path: Path, kind: str) -> Document:
    """The document in a file in which nothing is wrong; without ``$schema``, which is for editors alone."""
    document = read_json(path)
    if wrong := wrong_alone(path, kind, document):
        called = name_of(kind, path) if kind == "mapping" else path.name
        more = f"; and {len(wrong) - MOST_PROBLEMS} more" if len(wrong) > MOST_PROBLEMS else ""
        raise Misconfigured(
            f"{kind} {called}: {'; '.join(map(str, wrong[:MOST_PROBLEMS]))}{more}", hint=f"Correct {path}."
        )
    return without_schema(document)


def without_schema(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "$schema"}


def wrong_alone(path: Path, kind: str, document: Document) -> list[Problem]:
    """All that is wrong in the document of a file, whatever else is in the folder."""
    found = problems(kind, document)
    if kind != "table" and isinstance(name := document.get("name"), str) and name != name_of(kind, path):
        found.append(Problem(("name",), f"is not {name_of(kind, path)}, as the place of the file says"))
    if kind == "mapping":
        found += _wrong_direction(path, document.get("target"))
    if kind == "workflow":
        wrong = {each.path[:1] for each in found}
        found += [each for each in _wrong_expressions(document) if each.path[:1] not in wrong]
    return found


def _wrong_direction(path: Path, target: Any) -> Iterator[Problem]:
    inward = path.parts[-2] == "in"
    if isinstance(target, str) and ("." in target) == inward:
        than = f"is {target}, which is {'not ' if inward else ''}a canonical document"
        yield Problem(("target",), f"{than}; correct it, or move the file to the other direction and name it so")


def _wrong_expressions(workflow: Document) -> Iterator[Problem]:
    then, needs = workflow.get("then"), workflow.get("needs")
    asked: dict[At, Any] = {("when",): workflow.get("when"), ("lines",): workflow.get("lines")}
    asked[("then", "when")] = then.get("when") if isinstance(then, dict) else None
    for index, need in enumerate(needs if isinstance(needs, list) else ()):
        asked[("needs", index, "id")] = need.get("id") if isinstance(need, dict) else None
    for path, text in asked.items():
        if isinstance(text, str) and text:
            try:
                compile_expression(text)
            except ValueError as error:
                yield Problem(path, f"{text!r}: {error}")
