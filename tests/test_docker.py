"""The compose file, the Procfile and the lock say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BESIDE = {"redis", "postgres", "migrate"}
COMPOSE = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]


def procfile() -> dict[str, str]:
    lines = [line for line in (ROOT / "Procfile").read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(": ", 1) for line in lines)


def test_compose_runs_every_process_of_the_procfile_and_no_other() -> None:
    assert set(COMPOSE) - BESIDE == set(procfile())


@pytest.mark.parametrize("name", procfile())
def test_compose_runs_the_procfile_s_command(name: str) -> None:
    (command,) = COMPOSE[name]["command"]
    assert command.replace("$$", "$") == procfile()[name]


def test_the_image_runs_as_nobody_special() -> None:
    users = re.findall(r"^USER (\S+)", (ROOT / "docker/Dockerfile").read_text(), re.M)
    assert users == ["fleet"]
    assert all(service.get("read_only") for name, service in COMPOSE.items() if name not in {"redis", "postgres"})


def test_the_requirements_are_those_of_the_lock() -> None:
    locked = dict(
        re.findall(r'^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"', (ROOT / "uv.lock").read_text(), re.M)
    )
    for name in ("requirements.txt", "tests/requirements.txt"):
        pinned = re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.M)
        assert pinned, name
        assert [(package, version) for package, version in pinned if locked.get(package) != version] == []
