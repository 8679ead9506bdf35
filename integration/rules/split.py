"""Splits: every line of an order is fulfilled once; where several targets fulfil orders, rules decide which one does.

Workflows with ``lines`` that start from the same events are *siblings*: they share an order.  One of them carries what
belongs to the order as a whole: shipping, fees and discounts of the order, with their taxes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from integration.canonical.money import format_money
from integration.canonical.order import CANCELLED
from integration.canonical.split import no_part, part_with, remainder
from integration.errors import Hold, Misconfigured, Reject
from integration.rules.definition_problem import Conflict
from integration.rules.expressions import is_true
from integration.rules.functions import Unfit

Document = dict[str, Any]
LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Split:
    """Which sibling takes which lines: the compiled ``lines`` by workflow, the carrier of the charges first.

    A test reads the fields of one line, and the whole order as ``order``.  ``targets`` has each sibling's system; a
    workflow that was pinned by an older release has none.
    """

    tests: Mapping[str, Callable[[Document], Any]]
    targets: Mapping[str, str] = field(default_factory=dict)

    def part(self, workflow: str, order: Document, systems: Container[str] | None = None) -> Document:
        """What a workflow's target carries of the order.

        Only siblings whose target is one of ``systems``, those that take part, share it (None: all of them do).  If one
        alone is left, it takes every line, and its test does not count.

        Charges go with goods: where their carrier gets no line, the next sibling by name that gets one has them, so
        an order all of whose lines are for one target goes there whole.  A target without lines has the order as a
        cancelled one, because it may have had lines of an earlier version; so has every target of a cancelled order,
        whatever its lines are.  An order without lines belongs to no target: it is left whole, and `check_order` holds
        it.

        Raises `Hold` for a line that no sibling takes, or several, and for charges that are worth less than nothing
        together with the lines of their carrier; `Reject` for lines that a test does not fit.
        """
        if order["status"] in CANCELLED:
            return no_part(order)
        if not order["lines"]:
            return order
        taking = self._taking(workflow, systems)
        if len(taking) == 1 < len(self.tests):
            return order
        shares = self._shares(order, taking)
        carrier, *others = shares
        parts = {name: part_with(order, shares[name]) for name in others}
        parts[carrier] = remainder(order, shares[carrier], list(parts.values()))
        if others and parts[carrier]["totals"]["grand_total"] < 0:
            raise self._overdrawn(carrier, parts[carrier])
        return parts.get(workflow) or no_part(order)

    def _taking(self, workflow: str, systems: Container[str] | None) -> list[str]:
        return [
            name
            for name in self.tests
            if systems is None or name == workflow or name not in self.targets or self.targets[name] in systems
        ]

    def _shares(self, order: Document, taking: list[str]) -> dict[str, list[Document]]:
        """The lines of every sibling that gets any; first is who has the charges."""
        shares: dict[str, list[Document]] = {name: [] for name in taking}
        for position, line in enumerate(order["lines"], 1):
            shares[self._taker(position, line, order, taking)].append(line)
        return {name: lines for name, lines in shares.items() if lines}

    def _taker(self, position: int, line: Document, order: Document, taking: list[str]) -> str:
        takers = [name for name in taking if self._takes(name, position, {**line, "order": order})]
        if len(takers) == 1:
            return takers[0]
        shown = f"line {position} ({_shown(line['sku'], 'no SKU')}, {_shown(line['kind'], 'no kind', 'kind ')})"
        reason = f"both {takers[0]} and {takers[1]} take {shown}" if takers else f"no target takes {shown}"
        raise Hold(
            reason,
            hint="Correct the line's product in Clarity; or lines in mappings/workflows "
            f"({_files(takers or taking)}) so that exactly one takes it, and run `fleet mapping publish`. "
            "{again}",
            code="ambiguous_line" if takers else "unrouted_line",
        )

    def _takes(self, name: str, position: int, line: Document) -> bool:
        try:
            return is_true(self.tests[name](line))
        except (ValueError, Unfit):
            raise Reject(
                f"lines of {name} does not fit line {position}",
                hint=f"Correct lines in mappings/workflows/{name}.json and run `fleet mapping publish`. {{again}}",
            ) from None

    def _overdrawn(self, carrier: str, part: Document) -> Hold:
        total = format_money(part["totals"]["grand_total"], part["currency"])
        return Hold(
            f"the order's discounts are more than what {carrier} takes of it: {total}",
            hint="Give the discount on the lines in Clarity; or carries_charges to another workflow in "
            f"mappings/workflows ({_files(self.tests)}) and run `fleet mapping publish`. {{again}}",
            code="overdrawn_part",
        )


def fulfilled_once(workflows: Iterable[Document]) -> None:
    """Raises `Misconfigured` for the first of what is `fulfilled_twice`."""
    for twice in fulfilled_twice(workflows):
        raise Misconfigured(twice.text, hint=twice.hint)


def fulfilled_twice(workflows: Iterable[Document]) -> Iterator[Conflict]:
    """Each two workflows of one event that both fulfil every line of its orders.

    Either both have ``lines``, or one has ``"fulfils": false``: it is a copy for the books.
    """
    fulfilling = [each for each in workflows if each.get("fulfils", True)]
    for one, other in combinations(fulfilling, 2):
        shared = [event for event in one["on"] if event in other["on"]]
        if one["source"] != other["source"] or not shared or ("lines" in one and "lines" in other):
            continue
        yield Conflict(
            f"{one['name']} and {other['name']} both fulfil the lines of {shared[0]} from {one['source']}: "
            "each line would be shipped and billed twice",
            "Give both lines, so that each line is for one of them; or give one of them fulfils: false, as a copy "
            f"for the books ({_files([one['name'], other['name']])}).  mappings/examples has both.",
            tuple(("workflow", each["name"], ("on", each["on"].index(shared[0]))) for each in (one, other)),
        )


def unshared(workflows: Sequence[Document]) -> Iterator[Conflict]:
    """Each group of workflows with ``lines`` that cannot share their orders as `siblings`."""
    groups = [_sharing(workflow, workflows) for workflow in workflows if "lines" in workflow]
    yield from dict.fromkeys(filter(None, map(_unshared, groups)))


def siblings(workflow: Document, workflows: Sequence[Document]) -> list[list[str]]:
    """``[name, lines, target]`` of the workflows that share this one's orders, itself among them; the carrier's first.

    Raises `Misconfigured` unless they take the same orders by the same first mapping, each has a target of its own,
    and exactly one carries the charges.
    """
    found = _sharing(workflow, workflows)
    if wrong := _unshared(found):
        raise Misconfigured(wrong.text, hint=wrong.hint)
    return [[each["name"], each["lines"], each["target"]] for each in found]


def _sharing(workflow: Document, workflows: Iterable[Document]) -> list[Document]:
    """The workflows with ``lines`` of the same orders, the carrier's first."""
    found = [
        each
        for each in workflows
        if "lines" in each and each["source"] == workflow["source"] and set(each["on"]) & set(workflow["on"])
    ]
    return sorted(found, key=lambda each: (not each.get("carries_charges"), each["name"]))


def _unshared(found: list[Document]) -> Conflict | None:
    """What keeps these workflows from sharing an order, as a conflict of their files."""
    problem = _problem(found)
    if problem is None:
        return None
    names = sorted(each["name"] for each in found)
    return Conflict(
        f"lines of {', '.join(names)}: {problem}",
        f"Correct {_files(names)} in mappings/workflows.",
        tuple(("workflow", name, ("lines",)) for name in names),
    )


def _problem(found: list[Document]) -> str | None:
    """What keeps these workflows from sharing an order; None of those that can."""
    orders: dict[str, Callable[[Document], Any]] = {
        "on": lambda each: set(each["on"]),
        "when": lambda each: each.get("when"),
        "entity": lambda each: each["entity"],
        "the first mapping": lambda each: each["transform"][0],
    }
    for name, read in orders.items():
        if any(read(each) != read(found[0]) for each in found):
            return f"they share orders, so they must have the same in {name}"
    targets = [each["target"] for each in found]
    if twice := next((target for target in targets if targets.count(target) > 1), None):
        return f"two of them lead to {twice}, which would have one order twice"
    carriers = [each["name"] for each in found if each.get("carries_charges")]
    if len(carriers) != 1:
        return f"exactly one must have carries_charges, not {' and '.join(carriers) or 'none'}"
    return None


def _files(workflows: Iterable[str]) -> str:
    return ", ".join(f"{name}.json" for name in sorted(workflows))


def _shown(value: str | None, absent: str, prefix: str = "") -> str:
    return prefix + value[:LONGEST_SHOWN] if value else absent
