"""The compose file, the Procfile and the lock say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.local.environment import Systems
from integration.local.fleet import _with_workers
from integration.local.processes import read_procfile

ROOT = Path(__file__).parents[1]
BESIDE = {"redis", "postgres", "migrate", "proxy"}
BROUGHT = {"redis", "postgres", "proxy"}
"""Services with an image of somebody else's."""
EXTENDED = {"file": "compose.yaml", "service": "worker-odoo"}
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


def test_the_readme_s_worker_of_an_added_system_is_the_one_that_up_starts() -> None:
    readme = (ROOT / "docker/README.md").read_text()
    (service,) = yaml.safe_load(readme.split("```yaml\n")[1].split("```")[0])["services"].items()
    added = Systems((), ("odoo", "odoo_eu"), {"odoo": "odoo", "odoo_eu": "odoo"})
    (program,) = [each for each in _with_workers(read_procfile(ROOT / "Procfile", {}), added) if "odoo_eu" in each.name]
    assert service == (program.name, {"extends": EXTENDED, "command": [program.command]})


def test_the_image_runs_as_nobody_special() -> None:
    users = re.findall(r"^USER (\S+)", (ROOT / "docker/Dockerfile").read_text(), re.M)
    assert users == ["fleet"]
    assert all(service.get("read_only") for name, service in COMPOSE.items() if name not in BROUGHT)


def needed(locked: dict[str, Any], name: str, without: frozenset[str] = frozenset()) -> set[str]:
    """A package of the lock and all that it needs, but for these and what only they need."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found | without:
            found.add(name)
            waiting += [each["name"] for each in locked[name].get("dependencies", ()) if "win32" not in str(each)]
            extras = locked[name].get("optional-dependencies", {}).values()
            waiting += [each["name"] for extra in extras for each in extra if each["name"] in locked]
    return found


def test_the_image_lacks_what_only_tests_need() -> None:
    (command,) = re.findall(r"^RUN (pip install .*?[^\\])\n", (ROOT / "docker/Dockerfile").read_text(), re.M | re.S)
    installed, removed = command.split("&&")
    assert "-r requirements.txt" in installed
    locked = {each["name"]: each for each in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    of_tests = needed(locked, "clarity-fleet") - needed(locked, "clarity-fleet", frozenset({"pytest", "responses"}))
    assert set(removed.split()[3:]) == of_tests
    assert removed.split()[:3] == ["pip", "uninstall", "--yes"]


@pytest.mark.parametrize("top", ["integration", "tasks", "mappings"])
def test_the_product_imports_nothing_that_only_tests_need(top: str) -> None:
    for path in (ROOT / top).rglob("*.py"):
        assert not re.search(r"^\s*(from|import) (pytest|responses|iniconfig|pluggy)\b", path.read_text(), re.M), path


def test_the_example_starts_nothing_by_accident() -> None:
    """Every secret in it is empty, and with empty ones neither compose nor the receiver starts."""
    example = dict(
        line.split("=", 1) for line in (ROOT / "docker/example.env").read_text().splitlines() if line and line[0] != "#"
    )
    secret = re.compile("KEY|SECRET|TOKEN$|AUTH|PASSWORD|ALERT_URLS")
    assert {name for name, value in example.items() if secret.search(name) and value} == set()
    assert {"FLEET_ENCRYPTION_KEYS", "FLOWER_BASIC_AUTH", "CLARITY_WEBHOOK_SECRETS"} <= set(example)


def test_the_requirements_are_those_of_the_lock() -> None:
    locked = dict(
        re.findall(r'^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"', (ROOT / "uv.lock").read_text(), re.M)
    )
    for name in ("requirements.txt", "tests/requirements.txt"):
        pinned = re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.M)
        assert pinned, name
        assert [(package, version) for package, version in pinned if locked.get(package) != version] == []
