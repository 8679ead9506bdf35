"""The shape of the house: layers, sizes and names, held by tests because nothing else would."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from integration.canonical import ENTITIES

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for top in ("integration", "tasks", "mappings") for path in (ROOT / top).rglob("*.py"))
PACKAGES = {"integration", "integration.rules", "tasks"}
ASIDE = {"integration.sandbox"}
"""Not in the layers: it has a contract of its own."""


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def trees() -> dict[str, ast.Module]:
    return {module(path): ast.parse(path.read_text()) for path in SOURCES}


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


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


def test_files_stay_short() -> None:
    files = [*SOURCES, *(ROOT / "tests").rglob("*.py")]
    lengths = {module(path): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > 400} == {}, "which noun is missing?"


def test_functions_stay_short() -> None:
    assert [
        f"{name}.{function.name}"
        for name, tree in trees().items()
        for function in functions(tree)
        if function.end_lineno and function.end_lineno - function.lineno >= 40
    ] == []


def test_names_say_what_things_are() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "processor", "data", "info"}
    found = []
    for name, tree in trees().items():
        given = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        for each in [name.rpartition(".")[2], *given]:
            words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r"_\1", each).lower())
            found += [f"{each} in {name}" for word in words if word in empty]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    assert [name for name, tree in trees().items() if tree.body and not ast.get_docstring(tree)] == []


def test_what_is_kept_in_memory_has_a_bound() -> None:
    """A cache of what others send grows for as long as the process lives; one without arguments holds one value."""
    assert [
        f"{name}.{function.name}"
        for name, tree in trees().items()
        for function in functions(tree)
        if "cache" in map(ast.unparse, function.decorator_list) and (function.args.args or function.args.kwonlyargs)
    ] == []


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
    """The lines that compare something called ``entity`` with an entity's name; an assertion is no choice."""
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
