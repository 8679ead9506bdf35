"""What the reading commands print, in a file, in a pipe and in a terminal, whatever came in."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from integration.cli import main
from integration.message import State, Step
from integration.store import ends, fulfilment
from integration.store.database import Database
from integration.vault import Vault
from tests.store.road import Road

ESCAPES = "\x1b[31mRED\x1b]0;pwn\x07\x9b2J\u202e"
ESCAPED = r"\u001b[31mRED\u001b]0;pwn\u0007\u009b2J\u202e"
REASON = "no active Odoo product has the SKU that this order wants, nor has one of its variants; nothing is guessed"

Fleet = Callable[..., Result]


@pytest.fixture
def variables(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "FLEET_HOME": str(tmp_path),
    }


@pytest.fixture
def fleet(variables: dict[str, str]) -> Fleet:
    return lambda *arguments: CliRunner(env=variables | {"COLUMNS": "9999"}).invoke(main, arguments)


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


def in_a_terminal(variables: dict[str, str], *arguments: str) -> list[str]:
    """The lines that a terminal of 80 columns is given."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "integration.cli", *arguments]
    environment = os.environ | variables | {"COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs, stdin=theirs):
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 4096):
                said += piece
        except OSError:
            pass  # Linux: nobody holds the other end any more
    os.close(ours)
    return [line.rstrip() for line in said.decode().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()]


def test_escape_sequences_and_lone_surrogates_are_shown_not_obeyed(
    fleet: Fleet, road: Road, variables: dict[str, str]
) -> None:
    id = road.accept("evt-1").message
    vault = Vault([variables["FLEET_ENCRYPTION_KEYS"]])
    body = vault.seal(json.dumps({"number": ESCAPES, "carrier": "Kubek żółty", "sku": "\ud800"}).encode())
    road.run("update messages set body = %s, number = %s, type = %s", body, ESCAPES, f"order.{ESCAPES}")

    for arguments in (("ls",), ("show", str(id))):
        plain = fleet("messages", *arguments)
        assert plain.exit_code == 0, plain.exception
        assert ESCAPED in plain.output
        assert f"order.{ESCAPED}" in plain.output
        assert not set("\x1b\x07\x9b\u202e") & set(plain.output)

        document = fleet("messages", *arguments, "--json")
        assert not set("\x1b\x07\x9b\u202e") & set(document.output)
        found = json.loads(document.output)
        assert (found["number"] if "show" in arguments else found["rows"][0]["number"]) == ESCAPES

    assert '"sku": "\\ud800"' in plain.output
    assert '"carrier": "Kubek żółty"' in plain.output
    assert found["body"]["sku"] == "\ud800"


def held(road: Road, id: str = "evt-1") -> int:
    claimed = road.claim(road.delivery(id))
    assert claimed
    assert road.move(claimed, State.HELD, code="unknown_sku", reason=REASON, hint="Make it.") is State.HELD
    return claimed.id


def test_a_row_is_one_line_cut_short_in_a_terminal_only(fleet: Fleet, road: Road, variables: dict[str, str]) -> None:
    id = held(road)
    piped = fleet("held", "ls").output.splitlines()
    assert piped[0].split() == ["id", "number", "target", "code", "reason", "created", "at"]
    assert REASON in piped[1]
    assert piped[2:] == [
        f"1 like {id}: {REASON}",
        "  fix: Make it.",
        "1 order is held, in 1 delivery.",
        "`fleet held show ID` has all about one, and what you can do.",
    ]

    lines = in_a_terminal(variables, "held", "ls", "--each")
    assert len(lines) == 4, lines
    assert len(lines[1]) <= 80
    assert " ".join(lines[1].split()).startswith(f"{id} WEB-1001 odoo-1 unknown_sku {REASON[:25]}")
    assert re.search(r"…  (now|\d+ s ago)$", lines[1]), "a slow machine takes more than a second"

    whole = " ".join(line.strip() for line in in_a_terminal(variables, "held", "show", str(id)))
    assert REASON in whole


def test_what_people_type_again_is_never_cut(fleet: Fleet, road: Road, variables: dict[str, str]) -> None:
    held(road)
    fingerprint = str(road.value("select fingerprint from deliveries"))
    reason = f"no active Odoo product has the SKU of this order ({'x' * 80})"
    road.run("update deliveries set reason = %s, code = 'totals_mismatch'", reason)
    lines = in_a_terminal(variables, "held", "ls", "--kinds")
    assert fingerprint in lines[1]
    assert "totals_mismatch" in lines[1]
    assert "`fleet held approve --code totals_mismatch`" in " ".join(lines)


def test_each_fix_is_said_once_below_the_kinds_it_is_for(fleet: Fleet, road: Road) -> None:
    for n, reason in enumerate(("the sum is wrong", "the tax is wrong")):
        claimed = road.claim(road.delivery(f"evt-{n}", order=str(n)))
        assert claimed
        road.move(claimed, State.HELD, code="totals_mismatch", reason=reason, hint="Correct the order.")
    listed = fleet("held", "ls", "--kinds", "--limit", "2").output
    fix = "  fix: Correct the order.  Or let it pass as it is: `fleet held approve --code totals_mismatch`.\n"
    assert listed.count(fix) == 1
    assert listed.index("the sum is wrong") < listed.index(fix)
    assert "higher --limit" not in listed
    assert "1 kind more: a higher --limit shows it.\n" in fleet("held", "ls", "--kinds", "--limit", "1").output


@pytest.mark.parametrize(
    "arguments", [("messages", "ls", "--limit", "-1"), ("held", "ls", "--limit", "0"), ("dead", "show", "9" * 20)]
)
def test_numbers_that_cannot_be_are_usage_errors(fleet: Fleet, arguments: tuple[str, ...]) -> None:
    refused = fleet(*arguments)
    assert refused.exit_code == 2
    assert "is not in the range" in refused.output
    assert "'abc' is not a valid number." in fleet(*arguments[:-1], "abc").output


def test_what_does_not_exist_is_named_with_the_command_that_lists(fleet: Fleet, road: Road) -> None:
    id = road.delivery("evt-1")
    assert fleet("messages", "show", "99999").output == (
        "error: there is no message 99999\nfix: `fleet messages ls` lists those there are.\n"
    )
    assert fleet("held", "show", str(id)).output == (
        f"error: delivery {id} is not held, it is ready\nfix: `fleet held ls` lists what is held.\n"
    )
    assert fleet("dead", "show", "99999").output == (
        "error: there is no delivery 99999\nfix: `fleet dead ls` lists what is dead.\n"
    )
    assert fleet("dead", "show", "99999").exit_code == 1


def test_an_empty_list_says_why_it_is_empty(fleet: Fleet, road: Road) -> None:
    assert fleet("messages", "ls").output == "No messages.  Send one with `fleet send FILE`, or try `fleet demo`.\n"
    road.accept("evt-1")
    assert fleet("messages", "ls", "--number", "nope").output == "No message matches.\n"
    assert fleet("messages", "ls", "--number", "WEB-1001").output.split()[-2:] == ["1", "ready"]


def test_tries_that_failed_and_the_step_that_was_last(fleet: Fleet, road: Road, variables: dict[str, str]) -> None:
    id = road.delivery("evt-1")
    road.run("update messages set body = %s", Vault([variables["FLEET_ENCRYPTION_KEYS"]]).seal(b"{}"))
    road.run("update deliveries set step = %s, attempts = 2", Step.ENRICH.value)
    claimed = road.claim(id, (Step.ENRICH,))
    assert claimed
    message = claimed.message
    under_way = json.loads(fleet("messages", "show", str(message), "--json").output)
    assert [(each["step"], each["failed_tries"]) for each in under_way["rows"]] == [("enrich", 2)]

    road.move(claimed, State.DONE)
    done = json.loads(fleet("messages", "show", str(message), "--json").output)
    assert [(each["step"], each["failed_tries"]) for each in done["rows"]] == [("post", 2)]
    shown = fleet("messages", "show", str(message)).output.splitlines()
    heading = next(line for line in shown if line.startswith("id  "))
    assert heading.split() == ["id", "target", "workflow", "mapping", "step", "state", "failed", "tries", "due", "at"]


def test_held_shows_the_failed_tries_beside_all_attempts(fleet: Fleet, road: Road) -> None:
    shown = json.loads(fleet("held", "show", str(held(road)), "--json").output)
    assert (shown["failed_tries"], shown["rows"]) == (0, [])


def test_what_a_rounding_line_carries_is_shown_with_its_delivery(
    fleet: Fleet, road: Road, variables: dict[str, str]
) -> None:
    id = road.delivery("evt-1")
    road.run("update messages set body = %s", Vault([variables["FLEET_ENCRYPTION_KEYS"]]).seal(b"{}"))
    claimed = road.claim(id)
    assert claimed
    with road.database.transaction() as tx:
        ends.note_rounding(tx, claimed, Decimal("-0.020"), "EUR")
    road.move(claimed, State.DONE)
    shown = fleet("messages", "show", str(claimed.message)).output
    assert f"delivery {id}: a rounding line carries -0.02 EUR" in shown
    [row] = json.loads(fleet("messages", "show", str(claimed.message), "--json").output)["rows"]
    assert (Decimal(row["rounding"]), row["rounding_currency"]) == (Decimal("-0.02"), "EUR")


def test_the_ledger_sums_what_rounding_lines_carry(fleet: Fleet, road: Road) -> None:
    assert json.loads(fleet("ledger", "--json").output)["rounding"] == []
    with road.database.transaction() as tx:
        for order, rounding, currency in (("1", "0.02", "EUR"), ("2", "-0.05", "EUR"), ("3", "0.001", "KWD")):
            carried = {"lines": [], "amount": "1", "currency": currency, "rounding": rounding}
            fulfilment.carry(tx, [(road.odoo.id, order, carried)])
        fulfilment.carry(tx, [(road.odoo.id, "4", {"lines": [], "amount": "1", "currency": "EUR"})])
        fulfilment.carry(tx, [(road.odoo.id, "2", {"lines": [], "amount": "1", "currency": "EUR", "rounding": "0.01"})])
    shown = json.loads(fleet("ledger", "--json").output)["rounding"]
    assert shown == [
        {"target": "odoo-1", "currency": "EUR", "orders": 2, "rounding": "0.03"},
        {"target": "odoo-1", "currency": "KWD", "orders": 1, "rounding": "0.001"},
    ]
    assert "odoo-1  EUR       2       0.03" in fleet("ledger").output
