"""The shape of the house: layers, sizes and names, held by tests because nothing else would."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from integration.canonical import ENTITIES

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for top in ("integration", "tasks", "mappings") for path in (ROOT / top).rglob("*.py"))
PACKAGES = {"integration", "tasks"}
ASIDE = {"integration.sandbox"}
"""Not in the layers: it has a contract of its own."""


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layers() -> set[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {name.strip() for layer in contracts[0]["layers"] for name in layer.split("|")}


def test_every_module_has_its_layer() -> None:
    """import-linter says nothing of a module that no layer names."""
    placed = layers() | ASIDE
    homeless = [
        name for name in map(module, SOURCES) if not any(name == each or name.startswith(f"{each}.") for each in placed)
    ]
    assert set(homeless) == PACKAGES, "name its layer in pyproject.toml"


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))], ids=module)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400, "which noun is missing?"


@pytest.mark.parametrize("path", SOURCES, ids=module)
def test_functions_stay_short(path: Path) -> None:
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    long = [node.name for node in functions if node.end_lineno and node.end_lineno - node.lineno >= 40]
    assert long == []


@pytest.mark.parametrize("path", SOURCES, ids=module)
def test_names_say_what_things_are(path: Path) -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "processor", "data", "info"}
    tree = ast.parse(path.read_text())
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    words = {
        word for name in [path.stem, *names] for word in re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", name).lower())
    }
    assert not words & empty


@pytest.mark.parametrize("path", SOURCES, ids=module)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "a module docstring is missing"


@pytest.mark.parametrize("path", SOURCES, ids=module)
def test_what_is_kept_in_memory_has_a_bound(path: Path) -> None:
    """A cache of what others send grows for as long as the process lives; one without arguments holds one value."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    unbounded = [
        node.name
        for node in functions
        if "cache" in map(ast.unparse, node.decorator_list) and (node.args.args or node.args.kwonlyargs)
    ]
    assert unbounded == []


def test_only_settings_read_the_environment() -> None:
    readers = [
        module(path)
        for path in SOURCES
        if re.search(r"\bos\.(environ|getenv)\b|from os import environ", path.read_text())
    ]
    assert set(readers) <= {"integration.settings"}


ENTITY_NAMES = frozenset(ENTITIES)


def entities_named(tree: ast.AST) -> list[int]:
    """The lines on which a text is exactly an entity's name, documentation apart."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in ENTITY_NAMES and id(node) not in docs
    ]


def entities_compared(tree: ast.AST) -> list[int]:
    """The lines that compare something called ``entity`` with an entity's name; what is asserted is no choice."""
    asserted = {id(node.test) for node in ast.walk(tree) if isinstance(node, ast.Assert)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare | ast.Match)
        and id(node) not in asserted
        and re.search(r"\bentity$", ast.unparse(node.left if isinstance(node, ast.Compare) else node.subject))
        and entities_named(node)
    ]


def test_no_entity_is_named_in_motion() -> None:
    """What one entity alone needs is its line in the registry, or its tracking."""
    motion = [path for path in SOURCES if path.parent.name == "tasks" and path.name != "fulfilment.py"]
    assert len(motion) > 15
    assert {path.name: found for path in motion if (found := entities_named(ast.parse(path.read_text())))} == {}


def test_nothing_asks_which_entity_it_is() -> None:
    sources = [path for path in SOURCES if "sandbox" not in path.parts]
    asking = {path.name: found for path in sources if (found := entities_compared(ast.parse(path.read_text())))}
    assert asking == {}


@pytest.mark.parametrize(
    "planted",
    [
        'if entity == "order": pass',
        'x = job.delivery.entity != "order"',
        'if row.entity in ("order", "invoice"): pass',
        'match entity:\n    case "order": pass',
    ],
)
def test_a_question_which_entity_it_is_would_be_found(planted: str) -> None:
    tree = ast.parse(planted)
    assert entities_compared(tree) == [1]
    assert entities_named(tree)
