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
RESTART = re.compile(r"\brestart (the|it|them|all|every|each|its|your)\b|\bstart (it|them) again|Ctrl-C in", re.I)
"""How a person is asked for a restart in words of its own."""
PUBLISHED = re.compile(r"\b(mapping|table|workflow)s?\b", re.I)
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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_whoever_is_to_restart_something_is_given_the_command(path: Path) -> None:
    asked = [text for text in texts(ast.parse(path.read_text())) if RESTART.search(text)]
    assert [text for text in asked if "`fleet restart" not in text] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_restarts_for_what_is_published(path: Path) -> None:
    """Mappings, tables and workflows are in force in every process at once."""
    asked = [text for text in texts(ast.parse(path.read_text())) if "`fleet restart" in text]
    assert [text for text in asked if PUBLISHED.search(text)] == []


@pytest.mark.parametrize(
    "text",
    ["Set ODOO_URL and restart the fleet.", "Restart every worker.", "Stop it with Ctrl-C in its terminal, start it."],
)
def test_a_restart_without_its_command_would_be_found(text: str) -> None:
    assert RESTART.search(text)


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
