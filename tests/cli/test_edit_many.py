"""One correction of many deliveries: a job that corrects the events, and what takes it back."""

from __future__ import annotations

import json
import re

from structlog.testing import capture_logs

from integration.message import State, Step
from integration.vault import Vault
from tests.cli.test_jobs import rows
from tests.cli.test_repair import EVENT, Fleet, audited, failed, fleet, road, variables, vault
from tests.operations.slices import carry_out
from tests.store.road import Road

__all__ = ["fleet", "road", "variables", "vault"]
SET = ("--event", "--set", "lines[sku=NO-SUCH].sku=SKU-1")
SECRET = "ring twice"


def unknown(road: Road, vault: Vault, count: int = 2) -> list[int]:
    return [failed(road, vault, State.HELD, "unknown_sku", event=f"evt-{n}", order=str(n)) for n in range(count)]


def edit(fleet: Fleet, *more: str) -> int:
    asked = fleet("held", "edit", "--code", "unknown_sku", *SET, *more, "--yes", "--json")
    return int(json.loads(asked.output)["job"]["id"])


def corrected(fleet: Fleet) -> list[tuple[str, str]]:
    return [(row["object_id"], row["decision"]) for row in rows(fleet, "decisions", "ls")]


def test_one_command_corrects_the_events_of_all_and_sends_them(fleet: Fleet, road: Road, vault: Vault) -> None:
    first, second = ids = unknown(road, vault)
    other = failed(road, vault, State.HELD, "unknown_sku", event="evt-x", order="x")
    right = {**EVENT, "data": {"notes": SECRET, "lines": [{"sku": "SKU-2"}]}}
    road.run("update messages set body = %s where external_id = 'evt-x'", vault.seal(json.dumps(right).encode()))
    id = edit(fleet, "--replay", "--why", "renamed")
    carry_out(road.database, vault)
    assert [(row["delivery"], row["result"], row["remark"]) for row in rows(fleet, "jobs", "show", id)] == [
        (first, "applied", None),
        (second, "applied", None),
        (other, "failed", "no row of lines has sku=NO-SUCH"),
    ]
    assert [road.state(each) for each in (*ids, other)] == [State.READY, State.READY, State.HELD]
    assert {road.value("select step from deliveries where id = %s", each) for each in ids} == {Step.TRANSFORM}
    assert corrected(fleet) == [("1", "lines.0.sku: NO-SUCH -> SKU-1"), ("0", "lines.0.sku: NO-SUCH -> SKU-1")]
    actions = [(action, delivery) for _, action, delivery, _ in audited(fleet)]
    assert actions == [("start", None), *((act, each) for each in ids for act in ("edit", "replay"))]


def test_a_defect_of_ours_fails_one_item_and_leaves_the_others_theirs(fleet: Fleet, road: Road, vault: Vault) -> None:
    """What no version of the fleet has stored is read as if it had."""
    first, odd, third = unknown(road, vault, 3)
    spoilt = vault.seal(f'"{SECRET}, for this event"'.encode())
    road.run("update deliveries set edited = 'event', document = %s where id = %s", spoilt, odd)
    id = edit(fleet, "--replay")
    with capture_logs() as logs:
        carry_out(road.database, vault)
    found = rows(fleet, "jobs", "show", id)
    assert [(row["delivery"], row["result"]) for row in found] == [
        (first, "applied"),
        (odd, "failed"),
        (third, "applied"),
    ]
    assert re.fullmatch(r"defect: TypeError at corrections\.py:\d+; report it .*", found[1]["remark"])
    assert [road.state(each) for each in (first, odd, third)] == [State.READY, State.HELD, State.READY]
    (logged,) = [each for each in logs if each["event"] == "job.defect"]
    assert (logged["job"], logged["delivery"], logged["error"]) == (id, odd, "TypeError")
    assert any(place.startswith("acts.py:") for place in logged["places"])
    assert SECRET not in str((logs, found))


def test_what_is_put_in_is_sealed_in_the_job(fleet: Fleet, road: Road, vault: Vault) -> None:
    unknown(road, vault)
    id = int(
        json.loads(
            fleet(
                "held", "edit", "--code", "unknown_sku", "--event", "--set", "notes=ask Jane", "--yes", "--json"
            ).output
        )["job"]["id"]
    )
    assert "Jane" not in str(road.value("select options from jobs where id = %s", id))
    assert rows(fleet, "jobs", "ls")[0]["options"] == {"why": None, "replay": False}
    carry_out(road.database, vault)
    assert {row["result"] for row in rows(fleet, "jobs", "show", id)} == {"applied"}


def test_of_an_object_with_two_targets_one_correction_is_for_both(fleet: Fleet, road: Road, vault: Vault) -> None:
    first, second = unknown(road, vault)
    road.run("update messages set object_id = '0'")
    id = edit(fleet)
    carry_out(road.database, vault)
    assert [(row["delivery"], row["result"], row["remark"]) for row in rows(fleet, "jobs", "show", id)] == [
        (first, "applied", None),
        (second, "skipped", "it was corrected with another delivery of its object"),
    ]
    assert len(corrected(fleet)) == 1


def test_a_correction_of_many_is_undone_where_nothing_has_come_of_it(fleet: Fleet, road: Road, vault: Vault) -> None:
    first, _ = unknown(road, vault)
    id = edit(fleet, "--set", "notes=at the door", "--replay")
    carry_out(road.database, vault)
    assert len(corrected(fleet)) == 4
    road.run("update deliveries set state = 'done' where id = %s", first)
    fleet("jobs", "cancel", id)
    back = json.loads(fleet("jobs", "undo", id, "--yes", "--json").output)["job"]["id"]
    carry_out(road.database, vault)
    assert [row["result"] for row in rows(fleet, "jobs", "show", back)] == ["skipped", "applied"]
    assert [object_id for object_id, _ in corrected(fleet)] == ["0", "0"]


def test_of_many_only_the_event_is_corrected_and_by_a_path(fleet: Fleet, road: Road, vault: Vault) -> None:
    unknown(road, vault)
    for arguments in (("--set", "notes=x"), ("--event",), ("--event", "--file", "pyproject.toml")):
        refused = fleet("held", "edit", "--code", "unknown_sku", *arguments, "--yes")
        assert (refused.exit_code, "say --event and --set PATH=VALUE" in refused.output) == (2, True)
    assert fleet("held", "edit", *SET).exit_code == 2
    for which in (("1",), ("--code", "unknown_sku", "--yes")):
        refused = fleet("held", "edit", *which, "--event", "--set", "notes")
        assert (refused.exit_code, "Error: 'notes' is not PATH=VALUE.  For example --set" in refused.output) == (
            2,
            True,
        )
    refused = fleet("held", "edit", "1", env={"VISUAL": None, "EDITOR": None})
    assert (refused.exit_code, "There is no terminal for an editor: say" in refused.output) == (2, True)
    assert rows(fleet, "jobs", "ls") == []
