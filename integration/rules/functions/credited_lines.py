"""The function of the lines of a credit note."""

from __future__ import annotations

from typing import Any

from integration.canonical import credited_lines
from integration.rules.functions.registry import function, list_of


@function(in_expressions=True)
def credited(rows: list[Any], ordered: list[Any]) -> list[dict[str, Any]]:
    """How much of each line of the order a credit note's rows take back, then what they take back besides."""
    return credited_lines.credited(list_of(rows), list_of(ordered))
