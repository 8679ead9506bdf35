"""``fleet alerts``: what is wrong, and whether every channel takes a notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from integration.cli import main
from integration.settings import Settings
from tests.alerts.conftest import Watched
from tests.alerts.inbox import SECRET_PATH, Hook


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner(env=environment | {"COLUMNS": "9999"}).invoke(main, ["alerts", *arguments])


def test_what_is_wrong_with_what_to_do(fleet: Watched, environment: dict[str, str]) -> None:
    assert run(environment, "ls").output == "Nothing is wrong.\n"
    fleet.pause("wrong key", "Make a new one.")
    fleet.look()
    shown = run(environment, "ls").output
    assert "credentials refused, odoo-1: wrong key" in shown
    assert "fix: Make a new one.  It is tried again each minute" in shown
    (alert,) = json.loads(run(environment, "ls", "--json").output)["rows"]
    assert (alert["kind"], alert["about"], alert["count"]) == ("credentials", "odoo-1", 0)
    assert alert["reported_at"] is not None

    fleet.pause(None)
    fleet.later(61)
    assert json.loads(run(environment, "ls", "--json").output) == {"rows": [], "next": None, "unsent": []}
    (resolved,) = json.loads(run(environment, "ls", "--resolved", "--json").output)["rows"]
    assert resolved["ended_at"] is not None


def test_a_channel_that_takes_nothing_is_shown(fleet: Watched, environment: dict[str, str]) -> None:
    fleet.hook.status = 404
    fleet.pause()
    fleet.look()
    shown = run(environment, "ls")
    assert "json://127.0.0.1: notices that could not be sent: 1; Failed to send JSON POST notification" in shown.output
    (unsent,) = json.loads(run(environment, "ls", "--json").output)["unsent"]
    assert (unsent["channel"], unsent["notices"]) == ("json://127.0.0.1", 1)
    assert SECRET_PATH not in shown.output


def test_a_test_notice_goes_to_every_channel(environment: dict[str, str], hook: Hook) -> None:
    other = Hook()
    environment["FLEET_ALERT_URLS"] = f"{hook.url}, {other.url}"
    tried = run(environment, "test")
    assert tried.exit_code == 0
    assert [line.split() for line in tried.output.splitlines()[1:]] == [
        ["1", "json://127.0.0.1", "ok", "-"],
        ["2", "json://127.0.0.1", "ok", "-"],
    ]
    assert hook.titles == other.titles == ["clarity-fleet: test"]

    other.status = 403
    tried = run(environment, "test", "--json")
    assert tried.exit_code == 1
    assert [row["result"] for row in json.loads(tried.output)["rows"]] == ["ok", "failed"]
    assert "403" in json.loads(tried.output)["rows"][1]["reason"]
    assert SECRET_PATH not in tried.output
    assert "pa55word" not in tried.output
    other.close()


def test_without_a_channel_it_says_what_to_set(environment: dict[str, str]) -> None:
    del environment["FLEET_ALERT_URLS"]
    tried = run(environment, "test")
    assert tried.exit_code == 1
    assert "FLEET_ALERT_URLS is not set" in tried.output


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", ()),
        ("slack://a/b/c", ("slack://a/b/c",)),
        (" jsons://one, jsons://two\njsons://three,", ("jsons://one", "jsons://two", "jsons://three")),
        (
            "mailto://u:p@a.example?to=b@b.example,c@c.example xmls://x",
            ("mailto://u:p@a.example?to=b@b.example,c@c.example", "xmls://x"),
        ),
    ],
)
def test_urls_are_separated_by_blanks_or_commas(text: str, urls: tuple[str, ...]) -> None:
    settings = Settings.load({"FLEET_HOME": "/nonexistent", "FLEET_ALERT_URLS": text})
    assert settings.alerts.urls == urls


def test_urls_from_a_mounted_secret_that_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text(f"jsons://hooks.example/{SECRET_PATH}\nslack://a/b/c\n")
    settings = Settings.load({"FLEET_HOME": "/nonexistent", "FLEET_ALERT_URLS_FILE": str(tmp_path / "urls")})
    assert len(settings.alerts.urls) == 2
    assert SECRET_PATH not in repr(settings)
