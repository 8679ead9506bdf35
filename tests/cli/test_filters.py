"""What the filters of lists and repairs refuse, so that a typing error never looks like an all-clear."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from integration.cli import main
from integration.message import State
from integration.store.database import Database
from tests.store.road import Road

Fleet = Callable[..., Result]


@pytest.fixture
def fleet(database_url: str, tmp_path: Path) -> Fleet:
    variables = {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "FLEET_HOME": str(tmp_path),
        "COLUMNS": "9999",
    }
    return lambda *arguments: CliRunner(env=variables).invoke(main, arguments)


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


def held(road: Road, event: str, code: str, reason: str) -> str:
    """The fingerprint of a delivery that is held now."""
    claimed = road.claim(road.delivery(event, order=event))
    assert claimed
    road.move(claimed, State.HELD, code=code, reason=reason, hint="Make it.")
    found = road.value("select fingerprint from deliveries where id = %s", claimed.id)
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("filter", "says"),
    [
        (("--code", "unmaped"), "nothing was ever held or dead as 'unmaped'; did you mean unmapped?"),
        (("--target", "odo"), "there is no target 'odo'; did you mean odoo"),
        (("--workflow", "order-to-odo"), "there is no workflow 'order-to-odo'; "),
        (("--type", "order.creatd"), "there is no event type 'order.creatd'; did you mean order.created"),
        (("--entity", "ordr"), "there is no entity 'ordr'; did you mean order"),
        (("--fingerprint", "zzz"), "'zzz' is not a fingerprint: 12 digits of 0-9 and a-f, or the first 4 of them"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "until is not later than since"),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
@pytest.mark.parametrize("command", [("held", "ls"), ("held", "replay", "--yes"), ("messages", "ls"), ("audit", "ls")])
def test_a_value_that_cannot_exist_is_refused(
    fleet: Fleet, road: Road, command: tuple[str, ...], filter: tuple[str, ...], says: str
) -> None:
    held(road, "1", "unmapped", "no such code")
    refused = fleet(*command, *filter)
    assert refused.exit_code == 2, refused.output
    assert says in refused.output
    assert road.value("select state from deliveries") == "held"


def test_what_nothing_has_is_no_all_clear(fleet: Fleet, road: Road) -> None:
    assert fleet("held", "ls").output == "Nothing is held.\n"
    held(road, "1", "unmapped", "no such code")
    for filter in (
        ("--code", "unknown_sku"),
        ("--target", "fusion"),
        ("--type", "order.cancelled"),
        ("--number", "WEB-9"),
        ("--fingerprint", "0123456789ab"),
    ):
        listed = fleet("held", "ls", *filter)
        assert (listed.exit_code, listed.output) == (0, "No held delivery matches.\n"), filter
    assert fleet("dead", "ls", "--code", "unmapped").output == "No dead delivery matches.\n"


def test_a_value_that_only_old_deliveries_have_is_taken(fleet: Fleet, road: Road) -> None:
    held(road, "1", "totals_mismatch", "differs")
    road.run("update deliveries set workflow = 'order-to-ledger', code = 'total_mismatch', state = 'skipped'")
    road.run("update messages set type = 'order.packed'")
    held(road, "2", "totals_mismatch", "differs")
    for filter in (("--workflow", "order-to-ledger"), ("--type", "order.packed"), ("--code", "total_mismatch")):
        assert len(fleet("messages", "ls", *filter).output.splitlines()) == 2, filter


def test_the_beginning_of_a_fingerprint_is_enough(fleet: Fleet, road: Road) -> None:
    first = held(road, "1", "unmapped", "no such code")
    held(road, "2", "unknown_sku", "no such product")
    listed = fleet("held", "ls", "--each", "--fingerprint", first[:4]).output
    assert "1 order is held, in 1 delivery.\n" in listed
    assert "no such code" in listed
    assert "'abc' is not a fingerprint" in fleet("held", "ls", "--fingerprint", "abc").output

    road.run("update deliveries set fingerprint = 'abcd0000000' || id % 10")
    refused = fleet("held", "resolve", "--fingerprint", "abcd", "--reason", "a test", "--yes")
    assert refused.exit_code == 2
    assert "abcd begins several fingerprints: abcd0000000" in refused.output
    assert (
        "no fingerprint of what is held or dead begins with bcde" in fleet("held", "ls", "--fingerprint", "bcde").output
    )
