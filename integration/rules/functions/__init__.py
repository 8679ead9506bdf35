"""The functions that mappings may name: a closed list; a mapping can call nothing else.

A function takes the value of the row's pipeline, then the arguments written in the mapping.  It is
never given an absent value: a pipeline ends where its value is None.  It has no side effects and reads only its
arguments.  It raises `Unfit`, without quoting the value, for a value it cannot use; `allocate`, whose reasons are about
the order and not a row, raises `Hold` itself.

Each module has those of one noun.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import jmespath.functions

from integration.rules.functions import codes, credited_lines, lines, numbers, text, time
from integration.rules.functions.registry import FUNCTIONS, Function, Unfit
from integration.rules.functions.table import Table

__all__ = [
    "EXPRESSIONS",
    "FUNCTIONS",
    "Function",
    "Table",
    "Unfit",
    "codes",
    "credited_lines",
    "lines",
    "numbers",
    "text",
    "time",
]


def _in_expressions(called: Function) -> Callable[..., Any]:
    def method(_: Any, *arguments: Any) -> Any:
        return None if arguments[0] is None else called.call(*arguments)

    method.signature = [{"types": []}] * (1 + len(called.arguments))  # type: ignore[attr-defined]
    return method


EXPRESSIONS: jmespath.functions.Functions = types.new_class(
    "Expressions",
    (jmespath.functions.Functions,),
    exec_body=lambda namespace: namespace.update(
        {f"_func_{each.name}": _in_expressions(each) for each in FUNCTIONS.values() if each.in_expressions}
    ),
)()
"""JMESPath's functions and ours; ``sum`` is ours, because JMESPath's own refuses decimals."""
