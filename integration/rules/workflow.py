"""Workflows: which event leads to which effect at which target, by which mappings.

*Definitions* are the mappings, value tables and workflows as they ship in ``mappings/``, each a plain JSON document
named by the hash of its content.  A workflow's stored form lists the hashes of everything it uses, so its own hash,
its *pin*, covers all of it: a delivery that keeps the pin is always translated by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

from integration.canonical import digest
from integration.canonical.entities import entity
from integration.canonical.home import with_home_ids, with_our_ids
from integration.errors import Misconfigured, Reject, Skip
from integration.rules import definition_files as files
from integration.rules import translator
from integration.rules.added_rows import with_rows
from integration.rules.carried import read_paths
from integration.rules.definition_fields import did_you_mean
from integration.rules.definition_problem import Problem
from integration.rules.expressions import compile_expression, is_true
from integration.rules.functions import Table, Unfit
from integration.rules.offers import Offers, refused
from integration.rules.rates import Conversion, Rates, wrong_conversion
from integration.rules.split import Split, fulfilled_once, siblings

Document = dict[str, Any]


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
    With a ``conversion`` its orders are in another currency.
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
    conversion: Conversion | None

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

    def translate(
        self, event: Document, systems: Container[str] | None = None, kept: Document | None = None
    ) -> Translation:
        """The canonical document and what the target gets, from an event's envelope (the object is in its ``data``).

        ``part`` is ``canonical`` itself unless the workflow has ``lines``, lines of the order were removed, or it was
        converted (``kept``: how that was done before, see `Conversion`).  With ``lines``, ``systems`` are those that
        take part in sharing (None: every system that a workflow names).  The target's document has initial values
        under ``on_create``, see `Mapping.apply`.  Raises `Skip` when the workflow's condition does not hold for the
        canonical document, and `Reject` or `Hold` for a document that cannot be translated, split or converted.
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
        part = self.split.part(self.name, remaining, systems) if self.split else remaining
        made = part = self.conversion.converted(part, kept) if self.conversion else part
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
        return _value_tables(each for each in self._by_hash.values() if each.kind == "table")

    def _compile(self, definition: Definition) -> Workflow:
        body = definition.body
        used = [self._find(hash, f"workflow {definition.name} uses {kind} {name}") for kind, name, hash in body["uses"]]
        tables = _value_tables(each for each in used if each.kind == "table")
        rates = {each.name: Rates.of(each.name, each.body) for each in used if "rates" in each.body}
        convert = body.get("convert")
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
            conversion=Conversion(convert["to"], rates[convert["by"]]) if convert else None,
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

    Workflows of an example, the folder ``instead``, take the place of those of the same name; its tables are beside
    the others, and the rows of its mappings are added to theirs (`with_rows`).  With ``offers``, what the connectors
    can post, workflows that name another system or entity are refused.
    """
    tables, mappings = _read("table", files.tables(folder)), _read("mapping", files.mappings(folder))
    if instead:
        tables += _read("table", files.tables(instead))
        mappings = _with_added(mappings, _read("mapping", files.mappings(instead)))
    bodies = {path: files.read(path, "workflow") for path in files.workflows(folder, instead)}
    for path, body in bodies.items():
        if wrong := refused(body, offers) if offers is not None else []:
            raise Misconfigured(f"workflow {path.name}: {'; '.join(map(str, wrong))}", hint=f"Correct {path}.")
    orders = {each.name for each in mappings if each.body["target"] == "order"}
    fulfilled_once(body for body in bodies.values() if body["transform"][0] in orders)
    workflows = [_workflow(path, bodies, mappings, tables) for path in bodies]
    return Definitions([*tables, *mappings, *workflows])


def _read(kind: str, paths: Iterable[Path]) -> list[Definition]:
    return [_define(kind, files.name_of(kind, path), files.read(path, kind)) for path in paths]


def _with_added(mappings: list[Definition], added: list[Definition]) -> list[Definition]:
    rows = {each.name: each.body for each in added}
    if unknown := sorted(rows.keys() - {each.name for each in mappings}):
        raise Misconfigured(
            f"there is no mapping {unknown[0]}, to which an example adds rows", hint="Correct its name and place."
        )
    return [
        _define("mapping", each.name, with_rows(each.body, rows[each.name])) if each.name in rows else each
        for each in mappings
    ]


def _define(kind: str, name: str, body: Document) -> Definition:
    return Definition(kind, name, digest({"kind": kind, "name": name, "body": body}), body)


def _workflow(
    path: Path, bodies: dict[Path, Document], mappings: list[Definition], tables: list[Definition]
) -> Definition:
    body = bodies[path]
    by_name = {each.name: each for each in mappings}
    values, rates = _value_tables(tables), {each.name for each in tables if "rates" in each.body}
    orders = {each.name for each in mappings if each.body["target"] == "order"}
    used: dict[str, Definition] = {}
    of_mappings = wrong_transform(body, {each.name: each.body for each in mappings})
    for wrong in (*of_mappings, *wrong_conversion(body, values, rates, orders)):
        raise Misconfigured(f"workflow {path.name}: {wrong.text}", hint=f"Correct {path}.")
    for name in body["transform"]:
        used[name] = by_name[name]
        needed = translator.Mapping.compile(by_name[name].body, values).tables
        used |= {f"table {each.name}": each for each in tables if each.name in needed}
    used |= {f"table {each.name}": each for each in tables if each.name == body.get("convert", {}).get("by")}
    stored = {**body, "uses": [[each.kind, each.name, each.hash] for each in used.values()]}
    if "lines" in body:
        if body["transform"][0] not in orders:
            raise Misconfigured(f"workflow {path.name}: only an order has lines to split", hint=f"Correct {path}.")
        stored["siblings"] = siblings(body, list(bodies.values()))
    return _define("workflow", body["name"], stored)


def wrong_transform(workflow: Document, mappings: Mapping[str, Document | None]) -> Iterator[Problem]:
    """What keeps the mappings of a workflow from leading from its source's document to its target's.

    Of a mapping that is None no more is known than its name.
    """
    unknown = [(index, name) for index, name in enumerate(workflow["transform"]) if name not in mappings]
    for index, name in unknown:
        file = files.path_of("mapping", name, Path())
        yield Problem(("transform", index), f"there is no mapping {name} ({file}){did_you_mean(name, mappings)}")
    made: str | None = None
    for index, name in enumerate(workflow["transform"]):
        mapping = mappings.get(name)
        if mapping is None:
            return
        reads, makes = mapping["source"], mapping["target"]
        if made is None and "." in makes or made not in (None, reads):
            first = "first comes a mapping to the canonical document, then one from it"
            yield Problem(
                ("transform", index), f"transform has {name} after {made or 'nothing'}, but it reads {reads}; {first}"
            )
            return
        made = makes


def _value_tables(tables: Iterable[Definition]) -> dict[str, Table]:
    """The tables that rows look values up in; one of rates is for workflows."""
    return {each.name: Table.of(each.name, each.body) for each in tables if "values" in each.body}


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
