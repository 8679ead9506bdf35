"""Hints can be followed: no text names a command that does not exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from integration.canonical.hints import fill, plain
from integration.cli import main
from integration.settings import System

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for top in ("integration", "tasks")
    for path in (ROOT / top).rglob("*.py")
    if "sandbox" not in path.parts
)  # fmt: skip
NAMED = re.compile(r"`(?:\./)?fleet ([a-z]+(?: [a-z]+)*)")


def texts(tree: ast.AST) -> Iterator[str]:
    """The texts of a module that are no docstrings."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def exists(words: list[str]) -> bool:
    """Whether the words lead to a command; what follows a command are its arguments."""
    command: click.Command | None = main
    for word in words:
        if not isinstance(command, click.Group):
            return True
        command = command.get_command(click.Context(command), word)
        if command is None:
            return False
    return True


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_text_names_exists(path: Path) -> None:
    named = [words for text in texts(ast.parse(path.read_text())) for words in NAMED.findall(text)]
    assert [words for words in named if not exists(words.split())] == []


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("odoo", "odoo", "Set ODOO_TAX_23_INCLUDED for the order in Odoo (CLARITY_URL, XODOO_URL)."),
        ("odoo_eu", "odoo", "Set ODOO_EU_TAX_23_INCLUDED for the order in Odoo (CLARITY_URL, XODOO_URL)."),
        ("shop_b2b", "clarity", "Set ODOO_TAX_23_INCLUDED for the order in Odoo (SHOP_B2B_URL, XODOO_URL)."),
    ],
    ids=["odoo", "odoo_eu", "shop_b2b"],
)
def test_variables_are_shown_under_the_name_of_the_system_that_was_called(name: str, kind: str, shown: str) -> None:
    system = System(kind, "https://here.example", 1, 1, 1, {}, name=name)
    written = "Set ODOO_TAX_23_INCLUDED for {origin} (CLARITY_URL, XODOO_URL)."
    assert fill(written, "order", "odoo", system) == fill(shown, "order", "odoo", system) == shown
    assert plain(f"{written} {{again}}", system) == shown.replace("the order in Odoo", "it where it comes from")
