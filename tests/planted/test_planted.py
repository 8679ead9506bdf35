"""Tests that cannot fail prove nothing: each promise is broken in a copy of the project, and its test must notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from integration.embedded import Postgres, Valkey
from tests.planted.defects import DEFECTS, Defect

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


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.promise)
def test_a_broken_promise_is_noticed(copy: Path, postgres: Postgres, valkey: Valkey, defect: Defect) -> None:
    file = copy / defect.file
    sound = file.read_text()
    assert defect.code in sound, "the code has changed: plant the defect anew"
    file.write_text(sound.replace(defect.code, defect.defect))
    try:
        result = run(copy, defect.test, postgres, valkey)
    finally:
        file.write_text(sound)
    assert result.returncode == FAILED, result.stdout


def run(copy: Path, test: str, postgres: Postgres, valkey: Valkey) -> subprocess.CompletedProcess[str]:
    """Runs one test in the copy, on the servers that are up already."""
    servers = [f"--postgres-url={postgres.url}", f"--valkey-url={valkey.url}"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *servers, test]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
