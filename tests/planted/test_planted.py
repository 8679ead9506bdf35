"""Tests that cannot fail prove nothing: each promise is broken in a copy of the project, and its test must notice.

`fleet test tests/planted -m faults_long` does so with whole fleets, for some minutes each.
"""

from __future__ import annotations

import compileall
import json
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.local.servers import Postgres, Valkey
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
    # By hash, because a defect may leave a file's time and size as they were.
    compileall.compile_dir(place, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    return place


class Warm:
    """Runs pytest in the copy, in children of one process that has imported the libraries; see ``warm.py``."""

    def __init__(self, copy: Path, servers: list[str]) -> None:
        self._copy = copy
        self._servers = servers
        command = [sys.executable, "-P", str(Path(__file__).with_name("warm.py"))]
        self._parent = subprocess.Popen(command, cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, test: str, *options: str) -> tuple[int, str]:
        """One test up to its first failure; pytest's exit code, and what it printed."""
        assert self._parent.stdin
        assert self._parent.stdout
        output = self._copy / "output.txt"
        plugins = ["--disable-plugin-autoload", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
        arguments = ["-x", *plugins, "-m", "", *self._servers, *options, test]
        run = {"folder": str(self._copy), "arguments": arguments, "output": str(output)}
        self._parent.stdin.write(json.dumps(run) + "\n")
        self._parent.stdin.flush()
        code = int(self._parent.stdout.readline())
        return code, output.read_text(errors="replace")

    def end(self) -> None:
        self._parent.communicate(timeout=60)


@pytest.fixture(scope="module")
def warm(copy: Path, postgres: Postgres, valkey: Valkey) -> Iterator[Warm]:
    warm = Warm(copy, [f"--postgres-url={postgres.url}", f"--valkey-url={valkey.url}"])
    yield warm
    warm.end()


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
        *(pytest.param(each, id=each.promise) for each in DEFECTS),
        *(pytest.param(each, id=each.promise, marks=pytest.mark.faults_long) for each in TRIALS),
    ],
)
def test_a_broken_promise_is_noticed(copy: Path, warm: Warm, template: str, defect: Defect) -> None:
    files = [defect.file, *(name for name, _, _ in defect.also)]
    migrated = [] if any(file.endswith(".sql") for file in files) else [f"--template={template}"]
    with planted(copy, defect):
        code, said = warm.run(defect.test, *migrated)
    assert code == FAILED, said
    assert re.search(defect.verdict, said), said
