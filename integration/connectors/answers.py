"""The border around answers: whatever is not as it was promised is an unreadable answer, and never a defect here.

A target's JSON is read inside `reading` (or by `Http.read`, which does the same): there a missing key, a wrong type or
an absurd number means that the answer is odd.  Outside of it the same error is a defect of ours.  What was read comes
as `Answer` and `Rows`, which say so themselves when something is looked for that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NoReturn

from integration.canonical.decimals import decimal_of
from integration.errors import Retry

LONGEST_NUMBER = 100
LARGEST_EXPONENT = 60
"""Of a number in an answer: a double may be written with all its decimals; Decimal would make megabytes of more."""
MOST_PAGES = 500
"""Of one list that is read whole."""
ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
HINT = (
    "See in the log of the target, or of the proxy before it, what it answered to this call; the beginning of the "
    "answer is kept with the attempt. It is asked again by itself."
)


class Answer(dict[str, Any]):
    """A JSON object of an answer; a key that it lacks is an unreadable answer."""

    __slots__ = ()

    def __missing__(self, key: str) -> NoReturn:
        raise unreadable(f"an object of the answer has no {str(key)[:40]}")


class Rows(list[Any]):
    """A list of an answer; a place that it lacks is an unreadable answer."""

    __slots__ = ()

    def __getitem__(self, place: Any) -> Any:
        try:
            return super().__getitem__(place)
        except IndexError:
            raise unreadable("a list of the answer is too short") from None


def unreadable(reason: str) -> Retry:
    """The failure for an answer that cannot be used.  What the call has done is unknown."""
    failure = Retry(reason, unknown_outcome=True, code="unreadable_answer")
    failure.hint = HINT
    return failure


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Within it nothing but answers is read: an error of their shape is `Retry` with the code unreadable_answer."""
    try:
        yield
    except ODD as error:
        raise unreadable(f"{what}: the answer is not what was promised ({type(error).__name__})") from error


def integer(text: str) -> int:
    """An integer of JSON; ValueError for one that nobody can mean."""
    if len(text) > LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(text)


def decimal(text: str) -> Decimal:
    """A number of JSON with a fraction or an exponent; ValueError for one that nobody can mean."""
    number = to_number(text)
    if number is None:
        raise ValueError("a number is too long or too large")
    return number


def to_number(value: Any) -> Decimal | None:
    """A number as a target shows it, as a number or as text; None when it is none, or none that can be meant."""
    return decimal_of(str(value).strip(), LONGEST_NUMBER, LARGEST_EXPONENT)


def objects(value: Any) -> Rows:
    """A list of objects; TypeError for anything else."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TypeError("not a list of objects")
    return Rows(value)


class Endless(Retry):
    """A list that would be read for ever."""


def pages(
    what: str, read: Callable[[Any], tuple[Iterable[Any], Any]], mark: Callable[[Any], Hashable]
) -> Iterator[Any]:
    """The items of a list that comes page by page.

    ``read`` takes where a page begins (None: at the start) and returns its items and where the next one begins, None
    after the last.  Raises `Endless` when a page begins where one did before, by its ``mark``, and after 500 pages.
    """
    place: Any = None
    seen: set[Hashable] = set()
    for _ in range(MOST_PAGES):
        items, place = read(place)
        yield from items
        if place is None:
            return
        if mark(place) in seen:
            raise endless(what)
        seen.add(mark(place))
    raise endless(what)


def endless(what: str) -> Endless:
    """The failure for a list that has no end."""
    failure = Endless(f"{what}: the list has no end, its pages repeat themselves or are too many", code="endless_list")
    failure.hint = HINT
    return failure
