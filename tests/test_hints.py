"""What an operator is told to do is something that he can do: no hint names a command that is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for top in ("integration", "tasks")
    for path in (ROOT / top).rglob("*.py")
    if "sandbox" not in path.parts
)  # fmt: skip
MISSING = re.compile(r"\breplay|\breject (it|this)|\bresolve (it|this)|choose one of|correct the document", re.I)


def told(tree: ast.AST) -> Iterator[str]:
    """The texts of a module that are no docstrings."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_is_told_to_do_what_he_cannot(path: Path) -> None:
    assert [text for text in told(ast.parse(path.read_text())) if MISSING.search(text)] == []
