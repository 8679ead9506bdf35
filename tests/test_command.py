"""The script `fleet`, which systems take part, and what `fleet test` keeps away from the tests."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import integration.cli.test as of_tests
from integration.cli import COMMANDS, main
from integration.cli.test import isolated
from integration.errors import Misconfigured
from integration.local.environment import Systems
from integration.settings import Settings
from integration.systems import KINDS

ROOT = Path(__file__).parents[1]


def every_command(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """The words of each command, such as ``["held", "ls"]``."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        elif command:
            yield [*path, name]


CLARITY = {"CLARITY_URL": "https://shop.example/api/v1"}
ODOO = {"ODOO_URL": "https://erp.example"}


@pytest.mark.parametrize(
    ("variables", "sandbox", "configured", "played", "warnings"),
    [
        ({}, (), (), ("clarity", "odoo", "fusion"), []),
        (CLARITY | ODOO, (), ("clarity", "odoo"), (), []),
        (CLARITY, (), ("clarity",), (), ["no order goes anywhere: neither ODOO_URL nor FUSION_URL is set"]),
        (
            ODOO,
            (),
            ("odoo",),
            (),
            ["nothing will arrive and no status is reported back: CLARITY_URL is not set"],
        ),
        (ODOO, ("clarity",), ("odoo",), ("clarity",), []),
    ],
)
def test_the_sandbox_plays_all_or_what_it_is_asked_to(
    tmp_path: Path,
    variables: dict[str, str],
    sandbox: tuple[str, ...],
    configured: tuple[str, ...],
    played: tuple[str, ...],
    warnings: list[str],
) -> None:
    systems = Systems.choose(Settings.load({"FLEET_HOME": str(tmp_path)} | variables), sandbox)
    assert systems == Systems(configured, played, {name: name for name in KINDS})
    assert systems.warnings() == warnings


def test_the_sandbox_never_plays_a_system_that_is_configured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--sandbox odoo, but ODOO_URL is set"):
        Systems.choose(Settings.load({"FLEET_HOME": str(tmp_path)} | ODOO), ("odoo",))


def test_a_rounding_that_is_neither_carried_nor_held_is_refused(tmp_path: Path) -> None:
    def carries(**more: str) -> bool:
        return Settings.load({"FLEET_HOME": str(tmp_path)} | ODOO | more).systems["odoo"].carries_rounding

    assert (carries(), carries(ODOO_ROUNDING="line"), carries(ODOO_ROUNDING="hold")) == (True, True, False)
    with pytest.raises(Misconfigured, match="ODOO_ROUNDING is not one of line, hold"):
        carries(ODOO_ROUNDING="up")


def test_every_listed_command_exists() -> None:
    for name in COMMANDS:
        shown = CliRunner().invoke(main, [name, "--help"] if name != "test" else ["--help"])
        assert shown.exit_code == 0, name


def test_the_version_is_that_of_the_project() -> None:
    shown = CliRunner().invoke(main, ["--version"])
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (shown.exit_code, shown.output) == (0, f"clarity-fleet {wanted}\n")


@pytest.mark.parametrize("command", [*every_command()], ids=lambda words: " ".join(words))
def test_every_command_has_an_example(command: list[str]) -> None:
    shown = CliRunner().invoke(main, [*command, "--help"])
    assert re.search(rf"^ +(\S+=\S+ .*|.*\| )?fleet {' '.join(command)}", shown.output, re.M), shown.output


def test_the_tests_see_no_setting_of_the_machine() -> None:
    settings = {
        "FLEET_HOME": "/var/lib/clarity-fleet",
        "FLEET_ENCRYPTION_KEYS_FILE": "/run/secrets/keys",
        "CLARITY_URL": "https://shop.example",
        "ODOO_API_KEY": "k",
        "FUSION_URL": "https://erp.example",
        "DATABASE_URL": "postgresql://db.example/x",
        "REDIS_URL_FILE": "/run/secrets/redis",
        "PGHOST": "db.example",
        "CELERY_BROKER_URL": "redis://redis.example",
    }
    kept = {"HOME": "/home/anna", "LANG": "C", "FLEET_LIVE_ODOO_URL": "http://127.0.0.1:18069"}
    isolated_variables = isolated(settings | kept, "/var/empty")
    assert {name: value for name, value in isolated_variables.items() if name != "PATH"} == kept | {
        "FLEET_HOME": "/var/empty"
    }
    assert isolated_variables["PATH"].startswith(f"{Path(sys.executable).parent}:")


@pytest.mark.parametrize("failing", ["CHECKS", "FLEET", "TESTS", "TIMED"])
def test_whatever_fails_fails_the_run_and_is_shown_at_its_end(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CHECKS", "FLEET", "TESTS", "TIMED"):
        code = f"print('said by {kind}'); raise SystemExit({int(kind == failing)})"
        monkeypatch.setattr(of_tests, kind, {kind.lower(): [sys.executable, "-c", code]})
    done = CliRunner().invoke(main, ["test"])
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (1, f"failed: {failing.lower()}")
    lines = done.output.splitlines()
    assert [line.split()[0] for line in lines if " FAILED " in line] == [failing.lower()]
    assert sum(" passed " in line for line in lines) == 3
    assert lines.count("said by CHECKS") == (failing == "CHECKS"), "what passes is not shown"
    assert lines.count("said by FLEET") == (failing == "FLEET")


def test_an_old_python_gets_one_plain_line() -> None:
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('fleet', run_name='__main__')"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == (
        "Python 3.11 or newer is needed, this is 3.9; run it with a newer one: python3.12 ./fleet up\n"
    )


def test_a_python_without_venv_gets_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("fleet", "uv.lock", "requirements.txt", "tests/requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    code = "import runpy, sys; sys.modules['ensurepip'] = None; runpy.run_path('fleet', run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert ended.stderr.splitlines()[1:] == [
        f"This Python has no venv module; install it (Debian, Ubuntu: apt install {package}) or install uv"
    ]


def test_the_requirements_hold_exactly_what_is_locked() -> None:
    """Versions and hashes: what pip installs is what uv installs."""
    locked = {package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    required = {}
    for file in (ROOT / "requirements.txt", ROOT / "tests/requirements.txt"):
        for block in file.read_text().replace("\\\n", "").splitlines():
            if block and not block.lstrip().startswith("#"):
                name, _, version = block.split()[0].partition("==")
                hashes = {word.removeprefix("--hash=") for word in block.split() if word.startswith("--hash=")}
                required[name] = (version, hashes)
    for name, (version, hashes) in required.items():
        package = locked[name]
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert (version, hashes) == (package["version"], {file["hash"] for file in files}), name
    windows_only = {"colorama", "tzdata"}
    assert set(locked) - set(required) - windows_only == {"clarity-fleet"}


COMPLETED = {
    "bash": ("fleet rest", "1"),
    "zsh": ("fleet rest", "1"),
    "fish": ("fleet rest", "rest"),
}


@pytest.mark.parametrize("shell", COMPLETED)
def test_shells_complete_commands(shell: str) -> None:
    begun, word = COMPLETED[shell]
    environment = {"COMP_WORDS": begun, "COMP_CWORD": word}
    command = [sys.executable, "-m", "integration.cli"]

    def answer(variable: str, more: dict[str, str]) -> str:
        given = {"PATH": "/usr/bin:/bin", "_FLEET_COMPLETE": variable} | more
        return subprocess.run(command, env=given, capture_output=True, text=True, check=False).stdout

    assert "restart" in answer(f"{shell}_complete", environment)
    assert "status" not in answer(f"{shell}_complete", environment)
    assert "fleet" in answer(f"{shell}_source", {})
