"""Workflows: which event leads to which effect at which target, by which mappings.

*Definitions* are the mappings, value tables and workflows as they ship in ``mappings/``, each a plain JSON document
named by the hash of its content.  A workflow's stored form lists the hashes of everything it uses, so its own hash,
its *pin*, stands for all of it: a delivery that keeps the pin is translated by the same rules for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

from integration import translator
from integration.canonical import digest, parse_json
from integration.errors import Misconfigured, Reject, Skip
from integration.expressions import compile_expression, is_true
from integration.functions import Table, Unfit

Document = dict[str, Any]

WORKFLOW_KEYS = {"name", "on", "source", "target", "entity", "transform"}
OPTIONAL_KEYS = {"about", "when", "otherwise", "then", "uses"}


class Definition(NamedTuple):
    """One document of ``mappings/``; ``kind`` is mapping, table or workflow, ``hash`` that of the body."""

    kind: str
    name: str
    hash: str
    body: Document


@dataclass(frozen=True)
class Workflow:
    """One event type's way to one target.

    ``then`` says what follows an effect: ``push_status`` is what the source is told, if its ``when`` holds.
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

    def status_after(self, canonical: Document) -> str | None:
        """The status to push to the source once this document has taken effect; None for none."""
        if self.then_when is not None and not is_true(self.then_when(canonical)):
            return None
        status: str | None = self.then.get("push_status")
        return status

    def translate(self, event: Document) -> tuple[Document, Document]:
        """The canonical document and the target's, from an event's envelope (the object is in its ``data``).

        Raises `Skip` when the workflow's condition does not hold for the canonical document, and `Reject` or `Hold`
        for a document that cannot be translated.
        """
        given = event.get("data") if isinstance(event, dict) else None
        if not isinstance(given, dict):
            raise Reject("the event holds no object in data", hint="The sender has to send it again, in full.")
        to_canonical, *onwards = self.transform
        canonical = to_canonical(given)
        if not self._wants(canonical):
            raise Skip(self.otherwise, settles=True)
        made = canonical
        for mapping in onwards:
            made = mapping.apply(made)
        return canonical, made

    def _wants(self, canonical: Document) -> bool:
        try:
            return self.when is None or is_true(self.when(canonical))
        except (ValueError, Unfit):
            raise Reject(
                f"the condition of {self.name} does not fit the document",
                hint="Correct the workflow's condition and restart the fleet, then send the order again.",
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
            when=_condition(body),
            then_when=_condition(body.get("then", {}) | {"name": body["name"]}),
            otherwise=body.get("otherwise") or f"the condition of {body['name']} does not hold",
        )

    def _find(self, hash: str, what: str) -> Definition:
        if hash not in self._by_hash:
            raise Misconfigured(f"{what}, which is not stored", hint="Restore the definition from a backup.")
        return self._by_hash[hash]


def load_definitions(folder: Path) -> Definitions:
    """The definitions in a folder laid out as ``mappings/``; raises `Misconfigured` for what cannot work."""
    tables = [_define("table", path.stem, read_json(path)) for path in sorted((folder / "tables").glob("*.json"))]
    mappings = [
        _define("mapping", f"{path.parent.name}.{path.stem}", read_json(path))
        for path in sorted(folder.glob("*/*.json"))
        if path.parent.name not in ("tables", "workflows", "samples")
    ]
    for definition in mappings:
        _check_name(definition)
    workflows = [_workflow(path, mappings, tables) for path in sorted((folder / "workflows").glob("*.json"))]
    return Definitions([*tables, *mappings, *workflows])


def read_json(path: Path) -> Document:
    """A JSON object from a file, read as strictly as what comes in from outside."""
    try:
        document = parse_json(path.read_bytes())
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


def _workflow(path: Path, mappings: list[Definition], tables: list[Definition]) -> Definition:
    body = read_json(path)
    missing, unknown = WORKFLOW_KEYS - set(body), set(body) - WORKFLOW_KEYS - OPTIONAL_KEYS
    if missing or unknown or body.get("name") != path.stem:
        wrong = [*(f"{key} is missing" for key in sorted(missing)), *(f"unknown key {key}" for key in sorted(unknown))]
        problem = "; ".join(wrong) or f"its name is not {path.stem}"
        raise Misconfigured(f"workflow {path.name}: {problem}", hint=f"Correct {path}.")
    by_name = {each.name: each for each in mappings}
    values = {each.name: Table.of(each.name, each.body) for each in tables}
    used: dict[str, Definition] = {}
    for name in body["transform"]:
        if name not in by_name:
            raise Misconfigured(f"workflow {path.name}: there is no mapping {name}", hint=f"Correct {path}.")
        used[name] = by_name[name]
        needed = translator.Mapping.compile(by_name[name].body, values).tables
        used |= {f"table {each.name}": each for each in tables if each.name in needed}
    _condition(body)
    _condition(body.get("then", {}) | {"name": body["name"]})
    uses = [[each.kind, each.name, each.hash] for each in used.values()]
    return _define("workflow", body["name"], {**body, "uses": uses})


def _condition(body: Document) -> Callable[[Document], Any] | None:
    if not body.get("when"):
        return None
    try:
        return compile_expression(body["when"])
    except ValueError as error:
        raise Misconfigured(
            f"workflow {body['name']}: when {body['when']!r}: {error}", hint="Correct the workflow's condition."
        ) from None
