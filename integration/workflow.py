"""Workflows: which event leads to which effect at which target, by which mappings.

*Definitions* are the mappings, value tables and workflows as they ship in ``mappings/``, each a plain JSON document
named by the hash of its content.  A workflow's stored form lists the hashes of everything it uses, so its own hash,
its *pin*, covers all of it: a delivery that keeps the pin is always translated by the same rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

from integration import translator
from integration.canonical import digest, parse_json
from integration.canonical.entities import entity
from integration.canonical.home import with_home_ids, with_our_ids
from integration.carried import read_paths
from integration.definition_fields import did_you_mean
from integration.definition_schemas import problems
from integration.errors import Misconfigured, Reject, Skip
from integration.expressions import compile_expression, is_true
from integration.functions import Table, Unfit
from integration.offers import Offers, refused
from integration.split import Split, fulfilled_once, siblings

Document = dict[str, Any]
DIRECTIONS = ("in", "out")
"""A mapping ``in`` makes a canonical document of a system's own; one ``out`` makes a system's of a canonical one."""
NOT_SYSTEMS = ("tables", "workflows", "samples", "examples")
MOST_PROBLEMS = 5


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

    ``then`` says what follows an effect: its ``system`` gets ``push_status`` as its ``entity``, if ``when`` holds; a
    table of statuses by stage, or one status for every stage.  ``needs`` are the objects that the target must have
    first: pairs of entity and compiled expression, see `needed`.  ``split`` is there when the target gets only some
    lines of an order.  Without ``fulfils`` the target has a copy for the books: what it ships and bills is not sent on.
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
    needs: tuple[tuple[str, Callable[[Document], Any]], ...]
    split: Split | None
    fulfils: bool

    @property
    def informs(self) -> str:
        """The system that gets the status; a release before 0.2 stored it as ``at``, or not, and meant the source."""
        system: str = self.then.get("system") or self.then.get("at") or self.source
        return system

    @cached_property
    def reads(self) -> frozenset[str | None]:
        """The fields of an object that the first mapping reads, but for those that pass (`Entity`); None: all of it."""
        body, passing = self.transform[0].body, entity(self.entity).passing
        paths = read_paths({**body, "rows": [row for row in body["rows"] if row["to"] not in passing]})
        return frozenset(path[0] if path else None for path in paths)

    def needed(self, canonical: Document) -> list[tuple[str, str]]:
        """Entity and id of each object that the target must have before this document is posted there, each once.

        A need whose id is absent is none; one whose expression gives a list is one for each of its ids.  Raises
        `Reject` for an expression that does not fit the document.
        """
        found: dict[tuple[str, str], None] = {}
        for named, read in self.needs:
            try:
                ids = read(canonical)
            except (ValueError, Unfit):
                raise Reject(
                    f"the need of {self.name} for its {named} does not fit the document",
                    hint="Correct needs in the workflow and run `fleet mapping publish`. {again}",
                ) from None
            found |= {(named, str(id)): None for id in (ids if isinstance(ids, list) else [ids]) if id is not None}
        return list(found)

    def status_after(self, canonical: Document, stage: str | None) -> str | None:
        """The status to push once this document has taken effect and its order has come to a stage; None for none."""
        if self.then_when is not None and not is_true(self.then_when(canonical)):
            return None
        pushed: str | Mapping[str, str] | None = self.then.get("push_status")
        return pushed.get(stage or "") if isinstance(pushed, Mapping) else pushed

    def translate(self, event: Document, systems: Container[str] | None = None) -> Translation:
        """The canonical document and what the target gets, from an event's envelope (the object is in its ``data``).

        ``part`` is ``canonical`` itself unless the workflow has ``lines``, or lines of the order were removed; with
        ``lines``, ``systems`` are those that take part in sharing (None: every system that a workflow names).  The
        target's document has initial values under ``on_create``, see `Mapping.apply`.  Raises
        `Skip` when the workflow's condition does not hold for the canonical document, and `Reject` or `Hold` for a
        document that cannot be translated, or split.
        """
        given = event.get("data") if isinstance(event, dict) else None
        if not isinstance(given, dict):
            raise Reject("the event holds no object in data", hint="The sender has to send it again, in full.")
        to_canonical, *onwards = self.transform
        kind, _, _ = to_canonical.source.partition(".")
        canonical = with_our_ids(self.entity, to_canonical(given), self.source, kind, systems or ())
        if not self._takes(canonical):
            raise Skip(self.otherwise, settles=True)
        of = entity(self.entity)
        remaining = of.remaining(canonical) if of.remaining else canonical
        made = part = self.split.part(self.name, remaining, systems) if self.split else remaining
        for mapping in onwards:
            made = mapping.apply(made)
        return Translation(canonical, part, with_home_ids(self.entity, made, self.target))

    def _takes(self, canonical: Document) -> bool:
        try:
            return self.when is None or is_true(self.when(canonical))
        except (ValueError, Unfit):
            raise Reject(
                f"the condition of {self.name} does not fit the document",
                hint="Correct the workflow's condition and run `fleet mapping publish`. {again}",
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

    def compiled(self) -> Self:
        """The same, with every mapping and workflow compiled; raises `Misconfigured` for one that cannot work."""
        for each in self._by_hash.values():
            if each.kind == "mapping":
                self.mapping(each.name)
            elif each.kind == "workflow":
                self.workflow(each.hash)
        return self

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
        known = sorted(each.name for each in self._by_hash.values() if each.kind == "mapping")
        raise Misconfigured(
            f"there is no mapping {name}{did_you_mean(name, known)}", hint=f"These are here: {', '.join(known)}."
        )

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
            then_when=_condition(body["name"], "then.when", body.get("then", {}).get("when")),
            needs=tuple(
                (need["entity"], _expression(body["name"], "needs", need["id"])) for need in body.get("needs", ())
            ),
            split=_split(body),
            fulfils=body.get("fulfils", True),
            otherwise=body.get("otherwise") or f"the condition of {body['name']} does not hold",
        )

    def _find(self, hash: str, what: str) -> Definition:
        if hash not in self._by_hash:
            raise Misconfigured(f"{what}, which is not stored", hint="Restore the definition from a backup.")
        return self._by_hash[hash]


def compiled_definitions(folder: Path, offers: Offers | None = None) -> Definitions:
    """As `load_definitions`, with every mapping and workflow compiled, be it used or not."""
    return load_definitions(folder, offers=offers).compiled()


def load_definitions(folder: Path, instead: Path | None = None, offers: Offers | None = None) -> Definitions:
    """The definitions in a folder laid out as ``mappings/``; raises `Misconfigured` for what cannot work.

    Workflows in the folder ``instead`` take the place of those of the same name.  With ``offers``, what the connectors
    can post, workflows that name another system or entity are refused.
    """
    tables = [_define("table", path.stem, _read(path, "table")) for path in sorted((folder / "tables").glob("*.json"))]
    mappings = [_read_mapping(path) for path in _mapping_files(folder)]
    paths = {path.name: path for place in (folder / "workflows", instead) if place for path in place.glob("*.json")}
    bodies = {path: _read_workflow(path) for _, path in sorted(paths.items())}
    for path, body in bodies.items():
        if wrong := refused(body, offers) if offers is not None else []:
            raise Misconfigured(f"workflow {path.name}: {'; '.join(wrong)}", hint=f"Correct {path}.")
    orders = {each.name for each in mappings if each.body["target"] == "order"}
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


def _read(path: Path, kind: str, called: str | None = None) -> Document:
    """The document in a file, which has passed its schema; without ``$schema``, which is for editors alone."""
    document = read_json(path)
    if wrong := problems(kind, document):
        more = f"; and {len(wrong) - MOST_PROBLEMS} more" if len(wrong) > MOST_PROBLEMS else ""
        raise Misconfigured(
            f"{kind} {called or path.name}: {'; '.join(wrong[:MOST_PROBLEMS])}{more}", hint=f"Correct {path}."
        )
    return {key: value for key, value in document.items() if key != "$schema"}


def _define(kind: str, name: str, body: Document) -> Definition:
    return Definition(kind, name, digest({"kind": kind, "name": name, "body": body}), body)


def _mapping_files(folder: Path) -> list[Path]:
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


def _read_mapping(path: Path) -> Definition:
    system, direction, entity = path.parts[-3], path.parts[-2], path.stem
    name = f"{system}.{direction}.{entity}"
    body = _read(path, "mapping", name)
    if body["name"] != name:
        raise Misconfigured(
            f"the mapping in {system}/{direction}/{entity}.json is not named {name}",
            hint=f"Name a mapping after its folders and file, in {path}.",
        )
    if ("." in body["target"]) == (direction == "in"):
        raise Misconfigured(
            f"mapping {name} makes {body['target']}, "
            f"which is {'not ' if direction == 'in' else ''}a canonical document",
            hint=f"Correct target in {path}; or move the file to the other direction and name it so.",
        )
    return _define("mapping", name, body)


def _read_workflow(path: Path) -> Document:
    body = _read(path, "workflow")
    if body["name"] != path.stem:
        raise Misconfigured(f"workflow {path.name}: its name is not {path.stem}", hint=f"Correct {path}.")
    _condition(body["name"], "when", body.get("when"))
    _condition(body["name"], "lines", body.get("lines"))
    _condition(body["name"], "then.when", body.get("then", {}).get("when"))
    for need in body.get("needs", ()):
        _expression(body["name"], "needs", need["id"])
    return body


def _workflow(
    path: Path, bodies: dict[Path, Document], mappings: list[Definition], tables: list[Definition]
) -> Definition:
    body = bodies[path]
    by_name = {each.name: each for each in mappings}
    values = {each.name: Table.of(each.name, each.body) for each in tables}
    used: dict[str, Definition] = {}
    made: str | None = None
    for name in body["transform"]:
        if name not in by_name:
            raise Misconfigured(
                f"workflow {path.name}: there is no mapping {name}{did_you_mean(name, by_name)}",
                hint=f"Correct {path}.",
            )
        used[name] = by_name[name]
        reads, makes = by_name[name].body["source"], by_name[name].body["target"]
        if made is None and "." in makes or made not in (None, reads):
            raise Misconfigured(
                f"workflow {path.name}: transform has {name} after {made or 'nothing'}, but it reads {reads}",
                hint=f"Correct {path}: first a mapping to the canonical document, then one from it.",
            )
        made = makes
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
    return _expression(workflow, key, text) if text else None


def _expression(workflow: str, key: str, text: str) -> Callable[[Document], Any]:
    try:
        return compile_expression(text)
    except ValueError as error:
        raise Misconfigured(
            f"workflow {workflow}: {key} {text!r}: {error}", hint="Correct the expression in the workflow."
        ) from None
