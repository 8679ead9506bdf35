"""What a person types about many deliveries at once, and what the commands print."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest

from integration.message import State
from integration.vault import Vault
from tests.cli.test_decisions import held_for_sums
from tests.cli.test_reading import in_a_terminal
from tests.cli.test_repair import Fleet, audited, failed, fleet, road, variables, vault
from tests.operations.slices import carry_out
from tests.store.road import Road

__all__ = ["fleet", "road", "variables", "vault"]


def approve(fleet: Fleet, *more: str) -> Any:
    return fleet("held", "approve", "--code", "totals_mismatch", "--why", "agreed", "--yes", *more)


def rows(fleet: Fleet, *command: object) -> list[dict[str, Any]]:
    found = json.loads(fleet(*command, "--json").output)
    assert {"rows", "next"} <= found.keys()
    return list(found["rows"])


def test_a_job_is_shown_with_what_was_done_about_each(fleet: Fleet, road: Road, vault: Vault) -> None:
    ids = held_for_sums(road, vault, 3)
    assert fleet("jobs", "ls").output == "There is no job.\n"
    started = json.loads(approve(fleet, "--detach", "--json").output)
    id = started["job"]["id"]
    assert [(row["delivery"], row["result"], row["state"]) for row in started["rows"]] == [
        (each, "waiting", "held") for each in ids
    ]
    road.run("update deliveries set round = round + 1 where id = %s", ids[0])
    carry_out(road.database)
    road.run("update deliveries set state = 'done' where id = %s", ids[1])
    (job,) = rows(fleet, "jobs", "ls")
    counts = {name: job[name] for name in ("items", "waiting", "applied", "skipped", "failed")}
    assert counts == {"items": 3, "waiting": 0, "applied": 2, "skipped": 1, "failed": 0}
    assert (job["act"], job["who"], job["options"]) == ("approve", "jane", {"why": "agreed"})
    shown = fleet("jobs", "show", id).output
    assert f"Job {id} is running: 2 of 3 applied, 1 skipped; now 1 done, 1 ready." in shown
    assert "why:        agreed" in shown
    assert [(row["result"], row["remark"], row["state"]) for row in rows(fleet, "jobs", "show", id)] == [
        ("skipped", "it was corrected or sent again meanwhile", "held"),
        ("applied", None, "done"),
        ("applied", None, "ready"),
    ]
    assert [row["delivery"] for row in rows(fleet, "jobs", "show", id, "--result", "skipped")] == [ids[0]]
    first = json.loads(fleet("jobs", "show", id, "--limit", "1", "--json").output)
    assert [row["delivery"] for row in rows(fleet, "jobs", "show", id, "--next", first["next"])] == ids[1:]
    assert fleet("jobs", "show", "99").output.startswith("error: there is no job 99\n")


def test_a_job_is_paused_resumed_cancelled_and_undone(fleet: Fleet, road: Road, vault: Vault) -> None:
    ids = held_for_sums(road, vault, 2)
    approve(fleet)
    (job,) = rows(fleet, "jobs", "ls", "--state", "running")
    id = job["id"]
    assert fleet("jobs", "pause", id).output == f"Paused.  Job {id} is paused: 0 of 2 applied, 2 to come.\n"
    carry_out(road.database)
    assert {road.state(each) for each in ids} == {State.HELD}
    assert fleet("jobs", "pause", id).output == (f"error: job {id} is paused\nfix: What is running can be paused.\n")
    assert fleet("jobs", "undo", id, "--yes").output.startswith(f"error: job {id} is paused\n")
    assert [row["state"] for row in rows(fleet, "jobs", "resume", id)] == ["running"]
    carry_out(road.database)
    assert fleet("jobs", "cancel", id).output.startswith(f"Cancelled.  Job {id} is cancelled: 2 of 2 applied; now 2")
    refused = fleet("jobs", "undo", id)
    assert (
        refused.exit_code,
        f"2 match, and here nobody can be asked: --yes answers 'Take 2 of job {id} back?'" in refused.output,
    ) == (2, True)
    assert len(rows(fleet, "jobs", "ls")) == 1, "a job that nobody confirms is not kept"
    assert fleet("jobs", "undo", id, "--yes").exit_code == 0
    carry_out(road.database)
    assert rows(fleet, "decisions", "ls") == []
    assert [row["undoes"] for row in rows(fleet, "jobs", "ls")] == [id, None]
    done = [(action, detail.get("job")) for _, action, _, detail in audited(fleet) if "job" in detail]
    assert done == [
        ("start", id),
        ("pause", id),
        ("resume", id),
        ("cancel", id),
        ("start", rows(fleet, "jobs", "ls")[0]["id"]),
    ]


def test_what_a_cancelled_job_has_left_is_not_done(
    fleet: Fleet, road: Road, vault: Vault, variables: dict[str, str]
) -> None:
    held_for_sums(road, vault, 2)
    approve(fleet)
    fleet("jobs", "cancel", rows(fleet, "jobs", "ls")[0]["id"])
    lines = in_a_terminal(variables, "jobs", "ls")
    assert "cancelled  0 of 2 applied, 2 not done  jane" in lines[1]
    assert max(map(len, lines)) <= 80


def test_what_cannot_be_approved_ends_the_command_with_an_error(fleet: Fleet, road: Road, vault: Vault) -> None:
    """The fleet has done its part already: a command that looks again says what was left out."""
    failed(road, vault, State.HELD, "unknown_sku")
    failed(road, vault, State.HELD, "total_differs", event="evt-2", order="1002")
    id = json.loads(fleet("held", "approve", "--target", "odoo", "--yes", "--json").output)["job"]["id"]
    carry_out(road.database)
    assert {row["remark"] for row in rows(fleet, "jobs", "show", id)} == {
        "what is held as unknown_sku cannot go as it is",
        None,
    }


def test_one_is_acted_on_at_once_in_the_same_shape(fleet: Fleet, road: Road, vault: Vault) -> None:
    (id,) = held_for_sums(road, vault, 1)
    assert rows(fleet, "held", "approve", id) == [{"delivery": id, "again": id, "result": "applied"}]
    other = failed(road, vault, State.DEAD, "http_400", event="evt-2", order="1002")
    assert rows(fleet, "replay", other) == [{"delivery": other, "again": other, "result": "applied"}]
    third = failed(road, vault, State.DEAD, "http_400", event="evt-3", order="1003")
    assert rows(fleet, "dead", "resolve", third, "--reason", "a test") == [
        {"delivery": third, "again": None, "result": "applied"}
    ]
    assert rows(fleet, "dead", "resolve", "--code", "http_400", "--reason", "a test", "--yes") == []
    assert fleet("jobs", "ls").output == "There is no job.\n"


@pytest.mark.parametrize("answer", ["n", "y"])
def test_who_is_asked_sees_what_is_meant(
    fleet: Fleet, road: Road, vault: Vault, variables: dict[str, str], answer: str
) -> None:
    held_for_sums(road, vault, 4)
    command = [sys.executable, "-m", "integration.cli", "held", "approve", "--code", "totals_mismatch"]
    said = answered_in_a_terminal(command, {**os.environ, **variables}, answer)
    assert "totals_mismatch  WEB-0, WEB-1, WEB-2" in said
    assert "Let 4 go as they are? [y/N]" in said
    jobs = rows(fleet, "jobs", "ls")
    assert [job["state"] for job in jobs] == (["running"] if answer == "y" else [])


def answered_in_a_terminal(command: list[str], environment: dict[str, str], answer: str) -> str:
    """What a command prints in a terminal in which somebody gives this answer."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        said = b""
        with suppress(OSError):  # the terminal is closed at the other side
            while more := os.read(ours, 4096):
                said += more
        process.wait()
    os.close(ours)
    return said.decode()


def test_ctrl_c_leaves_the_job_to_the_fleet(fleet: Fleet, road: Road, vault: Vault, variables: dict[str, str]) -> None:
    held_for_sums(road, vault, 2)
    road.run("update watch set asked_at = now() + interval '1 hour'")  # a fleet runs, and is slow
    command = [sys.executable, "-u", "-m", "integration.cli", "held", "approve", "--code", "totals_mismatch", "--yes"]
    with subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().endswith(": 2 to approve.\n")
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    assert (process.returncode, "goes on by itself: `fleet jobs show" in said) == (0, True)
    assert [job["state"] for job in rows(fleet, "jobs", "ls")] == ["running"]
