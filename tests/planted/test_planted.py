"""Tests that cannot fail prove nothing: each promise is broken in a copy of the project, and its test must notice.

`fleet test tests/planted -m faults_long` does so with whole fleets, for some minutes each.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.embedded import Postgres, Valkey
from tests.planted.defect import Defect
from tests.planted.defects import DEFECTS, TRIALS

ROOT = Path(__file__).parents[2]
PARTS = ("integration", "tasks", "mappings", "tests", "pyproject.toml", "Procfile")
FAILED = 1  # pytest's exit code for "tests ran and some failed"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("planted")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, place / part, ignore=shutil.ignore_patterns("__pycache__", "planted"))
        else:
            shutil.copy(source, place / part)
    return place


@contextmanager
def planted(copy: Path, defect: Defect) -> Iterator[None]:
    sound: dict[str, str] = {}
    for name, code, wrong in ((defect.file, defect.code, defect.defect), *defect.also):
        text = (copy / name).read_text()
        assert code in text, "the code has changed: plant the defect anew"
        sound.setdefault(name, text)
        (copy / name).write_text(text.replace(code, wrong))
    try:
        yield
    finally:
        for name, text in sound.items():
            (copy / name).write_text(text)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "defect",
    [
        *(pytest.param(defect, id=defect.promise) for defect in DEFECTS),
        *(pytest.param(defect, id=defect.promise, marks=pytest.mark.faults_long) for defect in TRIALS),
    ],
)
def test_a_broken_promise_is_noticed(copy: Path, postgres: Postgres, valkey: Valkey, defect: Defect) -> None:
    with planted(copy, defect):
        result = run(copy, defect.test, postgres, valkey)
    assert result.returncode == FAILED, result.stdout
    assert re.search(defect.verdict, result.stdout), result.stdout


def run(copy: Path, test: str, postgres: Postgres, valkey: Valkey) -> subprocess.CompletedProcess[str]:
    """Runs one test in the copy, on the servers that are up already."""
    servers = [f"--postgres-url={postgres.url}", f"--valkey-url={valkey.url}"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "", *servers, test]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
