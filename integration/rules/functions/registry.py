"""The closed list of functions, as it is filled, and what a function says of a value that it cannot use."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from integration.canonical.decimals import decimal_of


class Unfit(Exception):
    """This function cannot use this value.  With a ``hint`` the document is held, without one it is rejected."""

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True)
class Function:
    """One function: ``takes_table`` when its argument is the name of a table, ``in_expressions`` for JMESPath too.

    ``beside_key`` is how many values its list has after those that a table with columns is looked up by.
    """

    name: str
    call: Callable[..., Any]
    takes_table: bool
    in_expressions: bool
    beside_key: int

    @property
    def about(self) -> str:
        return (inspect.getdoc(self.call) or "").split("\n")[0]

    @property
    def arguments(self) -> list[str]:
        """The names of what a mapping writes after the function's name."""
        return list(inspect.signature(self.call).parameters)[1:]

    @property
    def repeats(self) -> bool:
        """Whether the last argument may be written several times."""
        *_, last = inspect.signature(self.call).parameters.values()
        return last.kind is inspect.Parameter.VAR_POSITIONAL


FUNCTIONS: dict[str, Function] = {}
F = TypeVar("F", bound=Callable[..., Any])


def function(*, takes_table: bool = False, in_expressions: bool = False, beside_key: int = 0) -> Callable[[F], F]:
    def register(call: F) -> F:
        FUNCTIONS[call.__name__] = Function(call.__name__, call, takes_table, in_expressions, beside_key)
        return call

    return register


def text_of(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("not text")
    return value


def number_of(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and (number := decimal_of(value)) is not None:
        return number
    raise Unfit("not a number")


def list_of(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unfit("not a list")
    return value
