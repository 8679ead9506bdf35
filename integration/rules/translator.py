"""The mapping engine: a mapping document becomes a function from document to document.

A mapping is a list of rows.  A row says where a value goes (``to``), where it comes from (``from``: a JMESPath
expression, or a list of them), through which named functions it passes (``via``), and under which condition it
applies (``when``); ``default`` replaces an absent value, ``required`` refuses one.  A row with ``rows`` builds a
part: from the object that ``from`` finds, or one for each item of the list that ``each`` finds.  Inside a part, names
are those of the object or item, ``parent`` is what that is part of, ``root`` is the whole document and ``position``
counts the items from 1.

Several rows may go to the same place when all but the last are conditional: the first that gives a value wins.  Parts
made with ``each`` add to their list.

A row with ``"on": "create"`` gives an initial value: it applies when the object does not exist at the target yet, and
from then on the value is the target's own.  Such values are under ``on_create`` in the made document, at their place: a
connector that creates the object lays them over the document, one that changes it leaves them.

Everything is compiled once, to closures.  Nothing is evaluated as code and nothing has a side effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from integration.canonical import load
from integration.canonical.entities import entity as registered
from integration.errors import Failure, Hold, Misconfigured, Reject
from integration.rules.definition_fields import did_you_mean
from integration.rules.definition_problem import Problem, row_path
from integration.rules.expressions import compile_expression, is_true
from integration.rules.functions import FUNCTIONS, Function, Table, Unfit

Document = dict[str, Any]
Read = Callable[[Document], Any]

ON_CREATE = "on_create"
"""The key of a made document that has the values which apply at create only."""
PERSONAL = re.compile(r"customer|address|name|email|phone|notes|attributes|payments|tags", re.IGNORECASE)
LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Scope:
    """What a row sees beside its own item: the whole document, its own place, and where to note which rows fired."""

    root: Document
    path: str
    fired: set[str] | None

    def within(self, to: str, position: int | None) -> Scope:
        index = "" if position is None else f"[{position}]"
        return Scope(self.root, f"{self.path}{to}{index}.", self.fired)


Step = Callable[[Document, Scope, Document], None]


@dataclass(frozen=True)
class Mapping:
    """A compiled mapping.

    ``tables`` are the names of the value tables it uses, ``rows`` say where each row goes, ``body`` is what it was
    compiled from.
    """

    name: str
    source: str
    target: str
    tables: frozenset[str]
    rows: dict[str, str]
    steps: tuple[Step, ...]
    body: Document

    @classmethod
    def compile(cls, document: Document, tables: dict[str, Table]) -> Mapping:
        """From a document that has passed its schema, see `definition_schemas`.

        Raises `Misconfigured`, naming mapping and row, for the first of what else could not work at run time (an
        expression, a table that is not there, two rows for one place); `problems` has all of it.
        """
        compiler = _Compiler(document, tables)
        steps = tuple(compiler.rows(document["rows"], ""))
        if compiler.problems:
            raise compiler.error()
        return cls(
            name=document["name"],
            source=document["source"],
            target=document["target"],
            tables=frozenset(compiler.used_tables),
            rows=compiler.places,
            steps=steps,
            body=document,
        )

    def __call__(self, document: Any, fired: set[str] | None = None) -> Document:
        """The translated document, both ends checked by their schemas.

        ``fired`` collects the numbers of the rows that gave a value.  Raises `Reject` for a document that
        does not fit and `Hold` for a value that is in no table, naming row and place; personal values are not shown.
        """
        return self.apply(load(self.source, document), fired)

    def apply(self, given: Document, fired: set[str] | None = None) -> Document:
        """The same for a document that its schema has passed already.

        Values of rows with ``"on": "create"`` are under ``on_create``, a document of the same form; without such rows,
        or where none gives a value, the key is absent.
        """
        made: Document = {}
        scope = Scope(given, "", fired)
        for step in self.steps:
            step(given, scope, made)
        loaded: Document = load(self.target, made)
        return loaded


@dataclass(frozen=True)
class _Place:
    """A row, as errors name it; ``kind`` is that of the document it reads."""

    kind: str
    mapping: str
    number: str
    to: str
    source: str

    def failure(self, scope: Scope, problem: str, *, hint: str | None, value: Any) -> Failure:
        personal = registered(self.kind.rpartition(".")[2]).personal or PERSONAL.search(
            f"{scope.path} {self.to} {self.source}"
        )
        shown = "" if personal or value is None else f": {_shown(value)}"
        source = f" from {self.source}" if self.source else ""
        reason = f"{self.mapping} row {self.number} ({scope.path}{self.to}{source}): {problem}{shown}"
        if hint:
            return Hold(reason, hint=f"{hint} {{again}}", code="unmapped")
        return Reject(
            reason,
            hint="Correct {origin}; or, if it is right, the mapping's row, and run `fleet mapping publish`. {again}",
            code="untranslatable",
        )


def problems(document: Document, tables: dict[str, Table]) -> list[Problem]:
    """All that could not work of a document that has passed its schema; empty for one that can be compiled."""
    compiler = _Compiler(document, tables)
    list(compiler.rows(document["rows"], ""))
    return compiler.problems


class _Compiler:
    """Compiles one mapping, and collects what it uses, and what could not work, on the way."""

    def __init__(self, document: Document, tables: dict[str, Table]) -> None:
        self.mapping = document["name"]
        self.kind = document["source"]
        self.makes_canonical = "." not in document["target"]
        self.tables = tables
        self.used_tables: set[str] = set()
        self.places: dict[str, str] = {}
        self.problems: list[Problem] = []

    def wrong(self, problem: str, number: str, *key: str | int) -> None:
        self.problems.append(Problem((*row_path(number), *key), problem))

    def error(self) -> Misconfigured:
        first = self.problems[0]
        return Misconfigured(
            f"mapping {self.mapping} row {first.row}: {first.text}",
            hint="Correct the mapping and run `fleet mapping check`.",
            code="mapping",
        )

    def rows(self, rows: list[Document], within: str) -> Iterator[Step]:
        conditional: dict[str, bool] = {}
        for index, row in enumerate(rows, 1):
            number = f"{within}{index}"
            to = self._place_of(row, number)
            self._check_place(row, to, conditional, number)
            self.places[number] = to
            place = _Place(self.kind, self.mapping, number, to, _source(row))
            made = self._part(row, place) if "rows" in row else self._value(row, place)
            yield self._when(row, made, place, alternative=to in conditional and "each" not in row)
            conditional[to] = "when" in row

    def _place_of(self, row: Document, number: str) -> str:
        """Where the row's value goes in the made document."""
        to: str = row["to"]
        if to.split(".")[0] == ON_CREATE:
            self.wrong(f'{ON_CREATE} is for rows with "on": "create"', number, "to")
        if "on" not in row:
            return to
        if self.makes_canonical or "." in number or "each" in row:
            self.wrong('"on": "create" is for a value of a target\'s document, not of a list or a part', number, "on")
        return f"{ON_CREATE}.{to}"

    def _check_place(self, row: Document, to: str, conditional: dict[str, bool], number: str) -> None:
        for other, has_condition in conditional.items():
            if other == to and not has_condition and "each" not in row:
                self.wrong(f"an earlier row goes to {to} too, without a condition", number, "to")
            if other != to and _overlap(other, to):
                self.wrong(f"{to} and {other} cannot both be written", number, "to")
            if _is_initial(to) != _is_initial(other) and _overlap(_bare(to), _bare(other)):
                self.wrong(f"{_bare(to)} is written at every change too, so it has no initial value", number, "to")

    def _when(self, row: Document, step: Step, place: _Place, *, alternative: bool) -> Step:
        holds = self._expression(row["when"], place, "when") if "when" in row else None
        if holds is None and not alternative:
            return step
        keys = place.to.split(".")

        def conditional(document: Document, scope: Scope, made: Document) -> None:
            if alternative and _at(made, keys) is not None:
                return
            if holds is None or is_true(_ask(holds, document, scope, place)):
                step(document, scope, made)

        return conditional

    def _value(self, row: Document, place: _Place) -> Step:
        read = self._reader(row["from"], place, "from") if "from" in row else None
        calls = [self._call(named, row, place.number, index) for index, named in enumerate(row.get("via", []))]
        has_default, default = "default" in row, row.get("default")
        required = row.get("required", False)
        *parents, last = place.to.split(".")

        def step(document: Document, scope: Scope, made: Document) -> None:
            value = _ask(read, document, scope, place) if read else None
            for call in calls:
                if value is None:
                    break
                value = _apply(call, value, scope, place)
            if scope.fired is not None and (value is not None or read is None):
                scope.fired.add(place.number)
            if value is None:
                if required and default is None:
                    raise place.failure(scope, "required, but absent", hint=None, value=None)
                if not has_default:
                    return
                value = deepcopy(default)
            for key in parents:
                made = made.setdefault(key, {})
            made[last] = value

        return step

    def _part(self, row: Document, place: _Place) -> Step:
        if "each" in row:
            return self._items(row, place)
        read = self._reader(row.get("from", "@"), place, "from")
        steps = tuple(self.rows(row["rows"], place.number + "."))
        *parents, last = place.to.split(".")

        def step(document: Document, scope: Scope, made: Document) -> None:
            found = _ask(read, document, scope, place)
            if found is None:
                return
            for key in parents:
                made = made.setdefault(key, {})
            made[last] = _build(steps, found, document, scope, place)
            if scope.fired is not None:
                scope.fired.add(place.number)

        return step

    def _items(self, row: Document, place: _Place) -> Step:
        read = self._reader(row["each"], place, "each")
        steps = tuple(self.rows(row["rows"], place.number + "."))
        *parents, last = place.to.split(".")

        def step(document: Document, scope: Scope, made: Document) -> None:
            items = _ask(read, document, scope, place) or []
            for key in parents:
                made = made.setdefault(key, {})
            made.setdefault(last, []).extend(
                [_build(steps, item, document, scope, place, position) for position, item in enumerate(items, 1)]
            )
            if scope.fired is not None and items:
                scope.fired.add(place.number)

        return step

    def _reader(self, source: str | list[str], place: _Place, key: str) -> Read:
        if isinstance(source, str):
            return self._expression(source, place, key)
        reads = [self._expression(each, place, key, index) for index, each in enumerate(source)]
        return lambda document: [read(document) for read in reads]

    def _expression(self, text: Any, place: _Place, *key: str | int) -> Read:
        try:
            return compile_expression(str(text))
        except ValueError as error:
            self.wrong(f"{text!r}: {error}", place.number, *key)
            return lambda _: None

    def _call(self, named: str | list[Any], row: Document, number: str, index: int) -> Callable[[Any], Any]:
        name, *arguments = named if isinstance(named, list) else [named]
        function = FUNCTIONS.get(name)
        if function is None:  # what an older release stored may name a function that is gone
            self.wrong(f"there is no function {name!r}; `fleet mapping functions` lists them", number, "via", index)
            return lambda value: value
        if function.takes_table:
            arguments = [table := self._table(str(arguments[0]), number, index)]
            if index == 0:
                self._check_key(table, function, row.get("from"), number)
        call = function.call
        return (lambda value: call(value, *arguments)) if arguments else call

    def _check_key(self, table: Table, function: Function, given: Any, number: str) -> None:
        """Whether a row gives a table with columns as many values as it is looked up by."""
        wanted = len(table.columns) + function.beside_key
        if table.columns and (not isinstance(given, list) or len(given) != wanted):
            more = " and the rate" if function.beside_key else ""
            says = f"is no list of {wanted}: {function.name} takes {', '.join(table.columns)}{more} of {table.name}"
            self.wrong(says, number, "from")

    def _table(self, name: str, number: str, index: int) -> Table:
        if name not in self.tables:
            meant = did_you_mean(name, self.tables)
            self.wrong(f"there is no table {name!r} in mappings/tables{meant}", number, "via", index, 1)
            return Table.of(name, {"values": {}})
        self.used_tables.add(name)
        return self.tables[name]


def _is_initial(to: str) -> bool:
    return to.startswith(f"{ON_CREATE}.")


def _bare(to: str) -> str:
    return to.removeprefix(f"{ON_CREATE}.")


def _overlap(one: str, other: str) -> bool:
    """Whether one of two places is within the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _build(
    steps: tuple[Step, ...], part: Any, parent: Document, scope: Scope, place: _Place, position: int | None = None
) -> Document:
    if not isinstance(part, dict):
        raise place.failure(scope, "not an object", hint=None, value=None)
    made: Document = {}
    document = {**part, "parent": parent, "root": scope.root, "position": position}
    inner = scope.within(place.to, position)
    for step in steps:
        step(document, inner, made)
    return made


def _ask(read: Read, document: Document, scope: Scope, place: _Place) -> Any:
    try:
        return read(document)
    except Unfit as error:
        raise place.failure(scope, error.problem, hint=error.hint, value=None) from None
    except ValueError:
        raise place.failure(scope, "the expression does not fit the document", hint=None, value=None) from None


def _apply(call: Callable[[Any], Any], value: Any, scope: Scope, place: _Place) -> Any:
    try:
        return call(value)
    except Unfit as error:
        raise place.failure(scope, error.problem, hint=error.hint, value=value) from None
    except (ValueError, TypeError, LookupError, ArithmeticError):
        raise place.failure(scope, "the value does not fit the function", hint=None, value=value) from None


def _at(document: Any, keys: list[str]) -> Any:
    for key in keys:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _source(row: Document) -> str:
    source: Any = row.get("each", row.get("from", ""))
    return source if isinstance(source, str) else ", ".join(map(str, source))


def _shown(value: Any) -> str:
    text = ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
    return repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…")
