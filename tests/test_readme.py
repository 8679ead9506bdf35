"""The README says what is so: its commands, settings, processes and files are held against the things themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import mappings
from integration.cli import COMMANDS
from integration.preflight import OTHERS
from integration.settings import Environment, Settings
from integration.systems import KINDS, patterns
from integration.workflow import load_definitions
from tests.faults.catalogue import ALL

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """The code spans in the first column of a section's tables."""
    return [name for row in re.findall(r"^\| ([^|]+) \|", text, re.M) for name in re.findall(r"`([^`]+)`", row)]


def test_every_command_is_listed_and_no_other() -> None:
    assert first_cells(section("The command line")) == [f"fleet {name}" for name in COMMANDS]


def test_every_module_is_in_the_tree() -> None:
    tree = README.split("| layer | where |")[1].split("\n### ")[0]
    named = set(re.findall(r"\w+", tree))
    modules = {path.stem for top in ("integration", "tasks") for path in (ROOT / top).glob("*.py")}
    assert sorted(modules - named - {"__init__", "__main__"}) == []


def test_every_setting_is_listed() -> None:
    env = Environment({}, {})
    Settings.read(ROOT, env)
    nobodys = {"CLARITY_POLL_SECONDS"}  # read with those of the other systems, but Clarity is not polled
    not_for_users = {"FLEET_SANDBOX_URL", "FLEET_SANDBOX_TOKEN", "FLEET_LIVE_*", *nobodys}
    listed = first_cells(section("Settings"))
    for name in {*env.asked, *OTHERS, *patterns(env.kinds)} - not_for_users:
        pattern = re.escape(name).replace(r"\*", "<[A-Z]+>")
        assert any(re.fullmatch(pattern, each) for each in listed), name


def test_every_process_is_listed_and_no_other() -> None:
    processes = re.findall(r"^([a-z-]+): ", (ROOT / "Procfile").read_text(), re.M)
    assert first_cells(README.split("### The processes")[1].split("\n## ")[0]) == processes


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_fault_that_a_promise_was_tested_under_can_be_played() -> None:
    tested_by = re.findall(r"^\|[^|]*\|[^|]*\| ([^|]*) \|", section("What is promised, and where it stops"), re.M)
    named = re.findall(r"`([^`]+)`", " ".join(tested_by))
    assert [name for name in named if not any(name in fault.name for fault in ALL)] == []
    assert len(named) > 20


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = Settings.load(
        {"FLEET_HOME": "/nonexistent", "ODOO_URL": "http://127.0.0.1", "CLARITY_URL": "http://127.0.0.1"}
    )
    for name, bind in settings.binds.items():
        assert f"| `FLEET_{name.upper()}_BIND` | `{bind}` |" in README
    kinds = [KINDS[name] for name in ("odoo", "clarity", "fusion")]
    for cell, about in (
        ([kind.rate for kind in kinds], "requests per second"),
        ([kind.concurrency for kind in kinds], "hops at a time"),
        ([kind.timeout for kind in kinds], "seconds for one call"),
    ):
        assert f"| {', '.join(f'{number:.0f}' for number in cell)} | {about}" in README
    assert settings.retry_scale == 1


@pytest.mark.parametrize(
    "row", [json.loads(line) for line in re.findall(r"^\{.*\}$", section("What an analyst may change"), re.M)]
)
def test_the_example_rows_work(row: dict[str, object]) -> None:
    from integration.translator import Mapping

    document = {"name": "readme", "source": "order", "target": "odoo.order", "rows": [row]}
    Mapping.compile(document, load_definitions(mappings.FOLDER).tables())


def test_the_five_files_of_the_road_are_short_enough_to_read() -> None:
    for name in ("integration/receiver.py", "integration/store/inbox.py", "tasks/pipeline.py", "tasks/steps.py"):
        assert len((ROOT / name).read_text().splitlines()) < 250
