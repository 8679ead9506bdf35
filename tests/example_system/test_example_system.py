"""A fourth system is added as `integration/README.md` says: folders of its own, and at most seven lines elsewhere.

The example, a plain REST ledger, lies in ``added`` as its files would lie in the project.  It is put into a copy, the
lines are added there, and its own tests run in the copy: the contract of connectors, its mappings' samples, and an
order from the inbox to its books.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from difflib import ndiff
from pathlib import Path

import pytest

from integration.local.servers import Postgres, Valkey
from tests.planted.test_planted import PARTS

ROOT = Path(__file__).parents[2]
ADDED = Path(__file__).with_name("added")
MOST_LINES = 7
LINES = {
    "integration/connectors/__init__.py": (
        ("from integration.connectors.odoo", "from integration.connectors.ledger import Ledger\n"),
        ('    "odoo": Odoo,\n', '    "ledger": Ledger,\n'),
    ),
    "integration/systems.py": (
        ('        Kind("odoo"', '        Kind("ledger", "erp", rate=5.0, concurrency=4, timeout=20.0),\n'),
    ),
    "Procfile": (("worker-upkeep:", "worker-ledger: python -m tasks worker -Q ledger -P threads -n ledger@%h\n"),),
}
"""In each file the lines to add, each before the text that it is written with."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the example in it."""
    place = tmp_path_factory.mktemp("with_ledger")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, place / part, ignore=shutil.ignore_patterns("__pycache__", "added", "planted"))
        else:
            shutil.copy(source, place / part)
    shutil.copytree(ADDED, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINES:
        (place / name).write_text(with_ledger(name))
    return place


def with_ledger(name: str) -> str:
    """A file of the project with the ledger's lines."""
    text = (ROOT / name).read_text()
    for before, line in LINES[name]:
        assert text.count(before) == 1, f"{name} has changed: {before}"
        text = text.replace(before, line + before)
    return text


def test_at_most_seven_lines_lie_outside_its_folders() -> None:
    lines = [
        line
        for name in LINES
        for line in ndiff((ROOT / name).read_text().splitlines(), with_ledger(name).splitlines())
        if line.startswith("+ ")
    ]
    assert 0 < len(lines) <= MOST_LINES, lines
    adding = (ROOT / "integration/README.md").read_text().split("## Adding a system")[1].split("\n## ")[0]
    for name in LINES:
        assert f"`{name.removeprefix('integration/')}`" in adding.replace("../", ""), name


def test_its_files_replace_none_of_the_project() -> None:
    files = [path.relative_to(ADDED) for path in ADDED.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert [name for name in files if (ROOT / name).exists()] == []
    assert {path.parts[:2] for path in files} == {
        ("integration", "connectors"),
        ("integration", "sandbox"),
        *((("mappings", name)) for name in ("ledger", "samples", "workflows")),
        ("tests", "ledger"),
    }


@pytest.mark.own_fleet
@pytest.mark.timeout(300)
def test_it_keeps_the_contract_and_takes_an_order(
    copy: Path, postgres: Postgres, valkey: Valkey, template: str
) -> None:
    servers = [f"--postgres-url={postgres.url}", f"--valkey-url={valkey.url}", f"--template={template}"]
    tests = [
        "tests/ledger",
        "tests/connectors/test_contract.py::test_a_verb_that_is_not_offered_is_refused_in_plain_words",
    ]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *servers, *tests],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed
    assert int(passed[1]) >= 10, run.stdout
