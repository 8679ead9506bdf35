"""Workflows: which event leads to which effect at which target, by which mappings.

*Definitions* are the mappings, value tables and workflows as they ship in ``mappings/``, each a plain JSON document
named by the hash of its content.  A workflow's stored form lists the hashes of everything it uses, so its own hash,
its *pin*, stands for all of it: a delivery that keeps the pin is translated by the same rules for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

from integration import translator
from integration.canonical import digest, parse_json
from integration.canonical.entities import entity
from integration.canonical.fulfilment import Stage
from integration.errors import Misconfigured, Reject, Skip
from integration.expressions import compile_expression, is_true
from integration.functions import Table, Unfit
from integration.split import Split, fulfilled_once, siblings

Document = dict[str, Any]

WORKFLOW_KEYS = {"name", "on", "source", "target", "entity", "transform"}
OPTIONAL_KEYS = {"about", "when", "otherwise", "then", "lines", "carries_charges", "fulfils"}
THEN_KEYS = {"push_status", "when", "at"}
STAGES = [stage.word for stage in Stage]


class Definition(NamedTuple):
    """One document of ``mappings/``; ``kind`` is mapping, table or workflow, ``hash`` that of the body."""

    kind: str
    name: str
    hash: str
    body: Document


class Translation(NamedTuple):
    """What an event has become: ``part`` is what the target carries of ``canonical``, ``target`` is its document."""

    canonical: Document
    part: Document
    target: Document


@dataclass(frozen=True)
class Workflow:
    """One event type's way to one target.

    ``then`` says what follows an effect: ``push_status`` is what the system ``at`` is told (the source, if none is
    named), if its ``when`` holds; a table of statuses by stage, or one status for whatever stage.  ``split`` is there
    when the target gets only some lines of an order.  Without ``fulfils`` the target has a copy for the books: what it
    ships and bills is not sent on.
    """

    name: str
    source: str
    target: str
    entity: str
    on: frozenset[str]
    then: Mapping[str, Any]
    pin: str
    transform: tuple[translator.Mapping, ...]
    when: Callable[[Document], Any] | None
    otherwise: str
    then_when: Callable[[Document], Any] | None
    split: Split | None
    fulfils: bool
    needs: tuple[tuple[str, Callable[[Document], Any]], ...] = ()

    @property
    def informs(self) -> str:
        """The system that is told a status."""
        told: str = self.then.get("at") or self.source
        return told

    def status_after(self, canonical: Document, stage: str | None) -> str | None:
        """The status to push once this document has taken effect and its order has come to a stage; None for none."""
        if self.then_when is not None and not is_true(self.then_when(canonical)):
            return None
        pushed: str | Mapping[str, str] | None = self.then.get("push_status")
        return pushed.get(stage or "") if isinstance(pushed, Mapping) else pushed

    def needed(self, canonical: Document) -> list[tuple[str, str]]:
        """Entity and id of each object that the target must have before this document is posted there."""
        found = [(entity, read(canonical)) for entity, read in self.needs]
        return [(entity, str(id)) for entity, id in found if id is not None]

    def translate(self, event: Document, systems: Container[str] | None = None) -> Translation:
        """The canonical document and what the target gets, from an event's envelope (the object is in its ``data``).

        ``part`` is ``canonical`` itself unless the workflow has ``lines``, or lines of the order were removed; with
        ``lines``, ``systems`` are those that take part in sharing (None: every system that a workflow names).  Raises
        `Skip` when the workflow's condition does not hold for the canonical document, and `Reject` or `Hold` for a
        document that cannot be translated, or split.
        """
        given = event.get("data") if isinstance(event, dict) else None
        if not isinstance(given, dict):
            raise Reject("the event holds no object in data", hint="The sender has to send it again, in full.")
        to_canonical, *onwards = self.transform
        canonical = to_canonical(given)
        if not self._wants(canonical):
            raise Skip(self.otherwise, settles=True)
        of = entity(self.entity)
        remaining = of.remaining(canonical) if of.remaining else canonical
        made = part = self.split.part(self.name, remaining, systems) if self.split else remaining
        for mapping in onwards:
            made = mapping.apply(made)
        return Translation(canonical, part, made)

    def _wants(self, canonical: Document) -> bool:
        try:
            return self.when is None or is_true(self.when(canonical))
        except (ValueError, Unfit):
            raise Reject(
                f"the condition of {self.name} does not fit the document",
                hint="Correct the workflow's condition and restart the fleet. {again}",
            ) from None


class Definitions:
    """A set of definitions, compiled when first used.  Several versions of one name may be among them."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._by_hash = {definition.hash: definition for definition in definitions}
        self._compiled: dict[str, Workflow] = {}

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """From stored rows with the keys kind, name, hash and body."""
        return cls(Definition(row["kind"], row["name"], row["hash"], row["body"]) for row in rows)

    def rows(self) -> list[Definition]:
        """What to store: every definition, to be kept under its hash."""
        return list(self._by_hash.values())

    @cached_property
    def workflows(self) -> tuple[Workflow, ...]:
        """All workflows, compiled; by name."""
        found = sorted(each.name + each.hash for each in self._by_hash.values() if each.kind == "workflow")
        return tuple(self.workflow(key[-64:]) for key in found)

    def matching(self, source: str, event_type: str) -> list[Workflow]:
        """The workflows that an event of this source and type starts."""
        return [each for each in self.workflows if each.source == source and event_type in each.on]

    def workflow(self, pin: str) -> Workflow:
        """The workflow with this pin; raises `Misconfigured` when it, or something it uses, is not here."""
        if pin not in self._compiled:
            self._compiled[pin] = self._compile(self._find(pin, f"workflow {pin[:12]}"))
        return self._compiled[pin]

    def mapping(self, name: str) -> translator.Mapping:
        """The mapping of this name; raises `Misconfigured` when there is none."""
        for definition in self._by_hash.values():
            if definition.kind == "mapping" and definition.name == name:
                return translator.Mapping.compile(definition.body, self.tables())
        known = ", ".join(sorted(each.name for each in self._by_hash.values() if each.kind == "mapping"))
        raise Misconfigured(f"there is no mapping {name}", hint=f"These are here: {known}.")

    def tables(self) -> dict[str, Table]:
        tables = (each for each in self._by_hash.values() if each.kind == "table")
        return {each.name: Table.of(each.name, each.body) for each in tables}

    def _compile(self, definition: Definition) -> Workflow:
        body = definition.body
        used = [self._find(hash, f"workflow {definition.name} uses {kind} {name}") for kind, name, hash in body["uses"]]
        tables = {each.name: Table.of(each.name, each.body) for each in used if each.kind == "table"}
        mappings = {each.name: each.body for each in used if each.kind == "mapping"}
        return Workflow(
            name=body["name"],
            source=body["source"],
            target=body["target"],
            entity=body["entity"],
            on=frozenset(body["on"]),
            then=body.get("then", {}),
            pin=definition.hash,
            transform=tuple(translator.Mapping.compile(mappings[name], tables) for name in body["transform"]),
            when=_condition(body["name"], "when", body.get("when")),
            then_when=_condition(body["name"], "when", body.get("then", {}).get("when")),
            split=_split(body),
            fulfils=body.get("fulfils", True),
            otherwise=body.get("otherwise") or f"the condition of {body['name']} does not hold",
        )

    def _find(self, hash: str, what: str) -> Definition:
        if hash not in self._by_hash:
            raise Misconfigured(f"{what}, which is not stored", hint="Restore the definition from a backup.")
        return self._by_hash[hash]


def compiled_definitions(folder: Path) -> Definitions:
    """As `load_definitions`, with every mapping and workflow compiled, be it used or not."""
    definitions = load_definitions(folder)
    for each in definitions.rows():
        if each.kind == "mapping":
            definitions.mapping(each.name)
        elif each.kind == "workflow":
            definitions.workflow(each.hash)
    return definitions


def load_definitions(folder: Path, instead: Path | None = None) -> Definitions:
    """The definitions in a folder laid out as ``mappings/``; raises `Misconfigured` for what cannot work.

    Workflows in the folder ``instead`` take the place of those of the same name.
    """
    tables = [_define("table", path.stem, read_json(path)) for path in sorted((folder / "tables").glob("*.json"))]
    mappings = [
        _define("mapping", f"{path.parent.name}.{path.stem}", read_json(path))
        for path in sorted(folder.glob("*/*.json"))
        if path.parent.name not in ("tables", "workflows", "samples", "examples")
    ]
    for definition in mappings:
        _check_name(definition)
    paths = {path.name: path for place in (folder / "workflows", instead) if place for path in place.glob("*.json")}
    bodies = {path: _read_workflow(path) for _, path in sorted(paths.items())}
    orders = {each.name for each in mappings if each.body.get("target") == "order"}
    fulfilled_once(body for body in bodies.values() if body["transform"][0] in orders)
    workflows = [_workflow(path, bodies, mappings, tables) for path in bodies]
    return Definitions([*tables, *mappings, *workflows])


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


def _define(kind: str, name: str, body: Document) -> Definition:
    if kind == "table" and not isinstance(body.get("values"), dict):
        raise Misconfigured(f"table {name} has no values", hint=f"Correct mappings/tables/{name}.json.")
    return Definition(kind, name, digest({"kind": kind, "name": name, "body": body}), body)


def _check_name(definition: Definition) -> None:
    if definition.body.get("name") != definition.name:
        raise Misconfigured(
            f"the mapping in {definition.name.replace('.', '/')}.json is not named {definition.name}",
            hint="Name a mapping after its folder and file.",
        )


def _read_workflow(path: Path) -> Document:
    body = read_json(path)
    wrong = [f"{key} is missing" for key in sorted(WORKFLOW_KEYS - set(body))]
    wrong += [f"unknown key {key}" for key in sorted(set(body) - WORKFLOW_KEYS - OPTIONAL_KEYS)]
    if not wrong and body["name"] != path.stem:
        wrong.append(f"its name is not {path.stem}")
    wrong += [*_wrong_conditions(body), *_wrong_then(body.get("then", {}))]
    if wrong:
        raise Misconfigured(f"workflow {path.name}: {'; '.join(wrong)}", hint=f"Correct {path}.")
    _condition(body["name"], "when", body.get("when"))
    _condition(body["name"], "lines", body.get("lines"))
    _condition(body["name"], "when", body.get("then", {}).get("when"))
    return body


def _wrong_conditions(body: Document) -> Iterator[str]:
    yield from (f"{key} is not a condition" for key in ("when", "lines") if key in body and not _is_text(body[key]))
    if "carries_charges" in body and "lines" not in body:
        yield "carries_charges without lines"
    if not isinstance(body.get("carries_charges", False), bool):
        yield "carries_charges is neither true nor false"
    if not isinstance(body.get("fulfils", True), bool):
        yield "fulfils is neither true nor false"
    if body.get("fulfils") is False and "lines" in body:
        yield "lines of a copy: what does not fulfil has the order in full"


def _wrong_then(then: Any) -> Iterator[str]:
    if not isinstance(then, dict):
        yield "then is not an object"
        return
    yield from (f"then: unknown key {key}" for key in sorted(set(then) - THEN_KEYS))
    if then and "push_status" not in then:
        yield "then: push_status is missing"
    if "when" in then and not _is_text(then["when"]):
        yield "then: when is not a condition"
    if "at" in then and not _is_text(then["at"]):
        yield "then: at is not the name of a system"
    pushed = then.get("push_status", "-")
    statuses = list(pushed.values()) if isinstance(pushed, dict) else [pushed]
    if not statuses or not all(map(_is_text, statuses)):
        yield "then: push_status is neither a status nor a table of statuses by stage"
    for stage in sorted(set(pushed) - set(STAGES)) if isinstance(pushed, dict) else ():
        yield f"then: there is no stage {stage}; stages are {', '.join(STAGES)}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _workflow(
    path: Path, bodies: dict[Path, Document], mappings: list[Definition], tables: list[Definition]
) -> Definition:
    body = bodies[path]
    by_name = {each.name: each for each in mappings}
    values = {each.name: Table.of(each.name, each.body) for each in tables}
    used: dict[str, Definition] = {}
    for name in body["transform"]:
        if name not in by_name:
            raise Misconfigured(f"workflow {path.name}: there is no mapping {name}", hint=f"Correct {path}.")
        used[name] = by_name[name]
        needed = translator.Mapping.compile(by_name[name].body, values).tables
        used |= {f"table {each.name}": each for each in tables if each.name in needed}
    stored = {**body, "uses": [[each.kind, each.name, each.hash] for each in used.values()]}
    if "lines" in body:
        if by_name[body["transform"][0]].body["target"] != "order":
            raise Misconfigured(f"workflow {path.name}: only an order has lines to split", hint=f"Correct {path}.")
        stored["siblings"] = siblings(body, bodies.values())
    return _define("workflow", body["name"], stored)


def _split(body: Document) -> Split | None:
    tests = {name: _condition(name, "lines", text) for name, text, *_ in body.get("siblings", ())}
    targets = {name: target[0] for name, _, *target in body.get("siblings", ()) if target}
    return Split({name: test for name, test in tests.items() if test}, targets) if tests else None


def _condition(workflow: str, key: str, text: str | None) -> Callable[[Document], Any] | None:
    if not text:
        return None
    try:
        return compile_expression(text)
    except ValueError as error:
        raise Misconfigured(
            f"workflow {workflow}: {key} {text!r}: {error}", hint="Correct the workflow's condition."
        ) from None
