"""The READMEs say what is so: their commands, settings, processes and files are held against the things themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import mappings
from integration.cli import COMMANDS
from integration.preflight import OTHERS, of_systems
from integration.rules.workflow import load_definitions
from integration.settings import Environment, Settings
from integration.systems import KINDS, of_role
from tests.faults.catalogue import ALL
from tests.picture import PICTURE
from tests.test_hints import exists

ROOT = Path(__file__).parents[1]
FOLDERS = (".", ".github", "docker", "integration", "integration/cli", "mappings", "tests", "tests/benchmarks")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.md"))]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in FILES}
ALL_TEXT = "\n".join(TEXTS.values())
FIRST = TEXTS["README.md"]
LINKS = [(name, target) for name, text in TEXTS.items() for target in re.findall(r"\]\(([^)]+)\)", text)]


def section(title: str) -> str:
    """The text below a heading, up to the next of its level or above, in the one README that has it."""
    ((before, text),) = re.findall(rf"^(#+) {re.escape(title)}\n(.*)", ALL_TEXT, re.M | re.S)
    return re.split(rf"^#{{1,{len(before)}}} ", text, maxsplit=1, flags=re.M)[0]


def first_cells(text: str) -> list[str]:
    """The code spans in the first column of a section's tables."""
    return [name for row in re.findall(r"^\| ([^|]+) \|", text, re.M) for name in re.findall(r"`([^`]+)`", row)]


def anchors(text: str) -> set[str]:
    """What a link can name in it: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_first_readme_is_short() -> None:
    assert len(FIRST.split()) <= 1500


def test_every_command_is_listed_and_no_other() -> None:
    assert first_cells(section("The command line")) == [f"fleet {name}" for name in COMMANDS]


def test_every_command_that_is_named_exists() -> None:
    plain = re.sub(r"^```.*?^```$", "", ALL_TEXT, flags=re.M | re.S)
    code = re.findall(r"`([^`]+)`", plain) + re.findall(r"^\$ (.+)$", ALL_TEXT, re.M)
    named = [words for text in code for words in re.findall(r"(?:^|\| )(?:\./)?fleet ([a-z]+(?: [a-z]+)*)", text)]
    assert [words for words in named if not exists(words.split())] == []
    assert len(named) > 50


def test_every_module_is_in_the_tree() -> None:
    named = set(re.findall(r"\w+", section("The tree")))
    modules = {path.stem for top in ("integration", "tasks") for path in (ROOT / top).glob("*.py")}
    assert sorted(modules - named - {"__init__", "__main__"}) == []


def test_every_setting_is_listed() -> None:
    env = Environment({}, {})
    Settings.read(ROOT, env)
    nobodys = {"CLARITY_POLL_SECONDS"}  # read with those of the other systems, but Clarity is not polled
    not_for_users = {"FLEET_SANDBOX_URL", "FLEET_SANDBOX_TOKEN", "FLEET_LIVE_*", *nobodys}
    listed = first_cells(section("Settings"))
    for name in {*env.asked, *OTHERS, *of_systems(env.kinds)} - not_for_users:
        pattern = re.escape(name).replace(r"\*", "<[A-Z]+>")
        assert any(re.fullmatch(pattern, each) for each in listed), name


def test_every_process_is_listed_and_no_other() -> None:
    processes = re.findall(r"^([a-z-]+): ", (ROOT / "Procfile").read_text(), re.M)
    assert first_cells(section("The processes")) == processes


@pytest.mark.parametrize(("name", "target"), LINKS)
def test_every_link_leads_somewhere(name: str, target: str) -> None:
    if target.startswith("https://"):
        return
    path, _, anchor = target.partition("#")
    file = (ROOT / name).parent / path if path else ROOT / name
    assert file.exists()
    assert not anchor or anchor in anchors(file.read_text())


def test_every_readme_can_be_reached_from_the_first() -> None:
    reached, left = set(), ["README.md"]
    while left:
        name = left.pop()
        if name in reached or name not in TEXTS:
            continue
        reached.add(name)
        targets = [(ROOT / name).parent / target.partition("#")[0] for at, target in LINKS if at == name]
        left += [str(path.resolve().relative_to(ROOT)) for path in targets if path.is_file()]
    assert reached == set(TEXTS)


def test_every_fault_that_a_guarantee_was_tested_under_can_be_played() -> None:
    tested_by = re.findall(r"^\|[^|]*\|[^|]*\| ([^|]*) \|", section("Guarantees"), re.M)
    named = re.findall(r"`([^`]+)`", " ".join(tested_by))
    assert [name for name in named if not any(name in fault.name for fault in ALL)] == []
    assert len(named) > 20


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = Settings.load(
        {"FLEET_HOME": "/nonexistent", "ODOO_URL": "http://127.0.0.1", "CLARITY_URL": "http://127.0.0.1"}
    )
    listed = section("Settings")
    for name, bind in settings.binds.items():
        assert f"| `FLEET_{name.upper()}_BIND` | `{bind}` |" in listed
    kinds = [KINDS[name] for name in ("odoo", "clarity", "fusion")]
    for cell, about in (
        ([kind.rate for kind in kinds], "requests per second"),
        ([kind.concurrency for kind in kinds], "calls at a time"),
        ([kind.timeout for kind in kinds], "seconds for one call"),
    ):
        assert f"| {', '.join(f'{number:.0f}' for number in cell)} | {about}" in listed
    assert settings.retry_scale == 1


@pytest.mark.parametrize("row", [json.loads(line) for line in re.findall(r"^\{\"to\".*\}$", ALL_TEXT, re.M)])
def test_the_example_rows_work(row: dict[str, object]) -> None:
    from integration.rules.translator import Mapping

    document = {"name": "readme", "source": "order", "target": "odoo.order", "rows": [row]}
    Mapping.compile(document, load_definitions(mappings.FOLDER).tables())


def test_the_files_that_are_the_core_are_short_enough_to_read() -> None:
    named = [path for path in first_cells(section("How it works")) if path.endswith(".py")]
    assert len(named) == 4
    for name in named:
        assert len((ROOT / name).read_text().splitlines()) < 250


def test_the_picture_shows_what_the_demo_prints() -> None:
    from integration.cli.demo import STATUSES, journeys

    heads = [str(column.header) for column in journeys([], of_role("erp", {name: name for name in KINDS}), []).columns]
    shown = re.sub(r"<[^>]+>", " ", PICTURE.read_text()).replace("&#160;", " ")
    assert [head for head in [*heads, STATUSES[-1]] if head not in shown] == []
