"""Tests that cannot fail prove nothing: each promise is broken in a copy of the project, and its test must notice.

`fleet test tests/planted -m faults_long` does so with whole fleets, for some minutes each.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.local.servers import Postgres, Valkey
from tests.patience import NAME, SHORT
from tests.planted.defect import Defect
from tests.planted.defects import DEFECTS, TRIALS
from tests.warm import Warm

ROOT = Path(__file__).parents[2]
PARTS = ("integration", "tasks", "mappings", "tests", "pyproject.toml", "Procfile")
PLUGINS = ("--disable-plugin-autoload", "-p", "pytest_timeout", "-p", "no:cacheprovider")
FAILED = 1  # pytest's exit code for "tests ran and some failed"
_times = itertools.count(1)
"""When a file was changed, in seconds since 1970: what was compiled of one defect is taken for no other's."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With what has been compiled of it: for some hundred programs that would be most of their work."""
    place = tmp_path_factory.mktemp("planted")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, place / part, ignore=shutil.ignore_patterns("planted"))
        else:
            shutil.copy(source, place / part)
    return place


@pytest.fixture(scope="module")
def warm(copy: Path) -> Iterator[Warm]:
    with Warm(copy) as warm:
        yield warm


@contextmanager
def planted(copy: Path, defect: Defect) -> Iterator[None]:
    sound: dict[str, tuple[str, int]] = {}
    for name, code, wrong in ((defect.file, defect.code, defect.defect), *defect.also):
        text = (copy / name).read_text()
        assert code in text, "the code has changed: plant the defect anew"
        sound.setdefault(name, (text, (copy / name).stat().st_mtime_ns))
        write(copy / name, text.replace(code, wrong), next(_times) * 10**9)
    try:
        yield
    finally:
        for name, (text, time) in sound.items():
            write(copy / name, text, time)


def write(file: Path, text: str, time: int) -> None:
    """``time``, in nanoseconds, is when the file was changed as far as anybody sees."""
    file.write_text(text)
    os.utime(file, ns=(time, time))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "defect",
    [
        *(pytest.param(each, id=each.promise) for each in DEFECTS),
        *(pytest.param(each, id=each.promise, marks=pytest.mark.faults_long) for each in TRIALS),
    ],
)
def test_a_broken_promise_is_noticed(
    copy: Path, warm: Warm, postgres: Postgres, valkey: Valkey, template: str, defect: Defect
) -> None:
    files = [defect.file, *(name for name, _, _ in defect.also)]
    servers = [f"--postgres-url={postgres.url}", f"--valkey-url={valkey.url}"]
    migrated = [] if any(file.endswith(".sql") for file in files) else [f"--template={template}"]
    command = ["pytest", "-x", *PLUGINS, "-m", "", *servers, *migrated, defect.test]
    environment = os.environ | {"PYTHONPATH": str(copy), NAME: SHORT}
    with planted(copy, defect):
        done = warm.run(*command, environment=environment, changed=files, timeout=600)
    said = done.stdout + done.stderr
    assert done.returncode == FAILED, said
    assert re.search(defect.verdict, said), said
