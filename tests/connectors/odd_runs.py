"""Runs one thing that a connector does with each answer of its target distorted in turn."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.errors import Failure, Hold, Misconfigured, Reject, Retry, Skip
from tests.connectors.distorting import GONE, ODD, Distort, Place, Proxy, places, put, put_all
from tests.connectors.work import MemoryWork

ODD_AT_A_PLACE = 1
MOST_OTHERS = 30
KEYS = ("SourceTransactionLineId", "FulfillLineId", "order_line", "partner_id", "externalRef")
"""Their places are never left out."""
CONNECTORS = Path(__file__).parents[2] / "integration" / "connectors"
NAMES_READ = {name for file in CONNECTORS.rglob("*.py") for name in re.findall(r"\w+", file.read_text())}
NO_IDS: list[Any] = [GONE, None, [], {}, True, ""]
"""A text or a number may be an id, and nobody can see that it is another one's."""


@dataclass
class Run:
    """One thing that a connector does: ``act`` may be repeated, ``right`` says whether the target shows it, once."""

    act: Callable[[], Any]
    right: Callable[[], bool] = lambda: True
    work: MemoryWork = field(default_factory=MemoryWork)


Prepare = Callable[[], Run]
Distortion = tuple[int, Distort, str]


def hold_against(through: Proxy, prepare: Prepare) -> None:
    """Runs it with every answer distorted in turn."""
    through.distorts = None
    run = prepare()
    through.answers.clear()
    run.act()
    assert run.right()
    answers = list(through.answers)
    assert answers
    for number, distort, what in chosen(list(distortions(answers))):
        through.distorts = None
        run = prepare()
        through.answers.clear()
        through.distorts = number, distort
        try:
            run.act()
        except Failure as failure:
            assert isinstance(failure, Retry | Hold | Reject | Misconfigured | Skip), (what, failure)
            assert len(failure.reason) < 2100, what
            if not isinstance(failure, Retry):
                run.work.new_round()  # a person sends it again
        except Exception as error:
            raise AssertionError(f"a defect: {what}: {error!r}") from error
        through.distorts = None
        run.act()
        assert run.right(), what


def chosen(found: list[Distortion]) -> list[Distortion]:
    """Those at keys, and of the others so many as time allows, evenly."""
    at_keys = [one for one in found if any(f"'{key}')" in one[2] for key in KEYS)]
    return at_keys + [one for one in found if one not in at_keys][:: len(found) // MOST_OTHERS + 1]


def distortions(answers: list[tuple[str, Any]]) -> Iterator[Distortion]:
    """Each answer as a whole, by everything odd; each of its places once, by one of these, in turn.

    The places whose name is nowhere in the connectors are distorted together: nobody reads them one by one.
    """
    seen: set[tuple[str, Any]] = set()
    turn = itertools.cycle([GONE, *ODD])
    for number, (call, answer) in enumerate(answers):
        unread: list[tuple[Place, Any]] = []
        for place in places(answer):
            shape = call, tuple(step if isinstance(step, str) else 0 for step in place)
            if shape in seen and place:
                continue
            seen.add(shape)
            if place and isinstance(place[-1], str) and place[-1] not in NAMES_READ:
                unread.append((place, next(turn)))
                continue
            odds = ODD if not place else itertools.islice(turn, ODD_AT_A_PLACE)
            for odd in NO_IDS if place and place[-1] == "id" else odds:
                shown = "(whole)" if not place else str(place)
                yield number, put(place, odd), f"{call}: {'gone' if odd is GONE else odd!r} at {shown}"
        if unread:
            yield number, put_all(unread), f"{call}: places that nobody reads"
