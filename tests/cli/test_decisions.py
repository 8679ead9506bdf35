"""What a person types to decide about many deliveries, and to see and revoke what was decided."""

from __future__ import annotations

import json

from integration.message import State
from integration.vault import Vault
from tests.cli.test_repair import Fleet, audited, failed, fleet, road, variables, vault
from tests.operations.slices import carry_out
from tests.store.road import Road

__all__ = ["fleet", "road", "variables", "vault"]


def held_for_sums(road: Road, vault: Vault, count: int) -> list[int]:
    made = [failed(road, vault, State.HELD, "totals_mismatch", event=f"evt-{n}", order=str(n)) for n in range(count)]
    road.run("update deliveries set about = 'digest', difference = 0.01 where id = any (%s)", made)
    return made


def test_many_of_a_kind_are_approved_at_once(fleet: Fleet, road: Road, vault: Vault) -> None:
    ids = held_for_sums(road, vault, 3)
    other = failed(road, vault, State.HELD, "unknown_sku", event="evt-x", order="x")
    assert fleet("held", "approve").exit_code == 2
    refused = fleet("held", "approve", "--code", "totals_mismatch")
    assert (refused.exit_code, "3 match, and here nobody can be asked: --yes answers" in refused.output) == (2, True)
    assert fleet("held", "approve", "--choose", "36", *ids).exit_code == 2
    assert {road.state(id) for id in ids} == {State.HELD}
    assert fleet("held", "approve", "--code", "totals_mismatch", "--yes", "--limit", "2").exit_code == 0
    carry_out(road.database)
    assert [road.state(id) for id in ids] == [State.HELD, State.READY, State.READY]
    assert fleet("held", "approve", ids[0], other).exit_code == 0
    carry_out(road.database)
    assert (road.state(ids[0]), road.state(other)) == (State.READY, State.HELD)
    (left,) = json.loads(
        fleet("jobs", "show", road.value("select max(id) from jobs"), "--result", "failed", "--json").output
    )["rows"]
    assert (left["delivery"], left["remark"]) == (other, "what is held as unknown_sku cannot go as it is")
    done = [(who, action) for who, action, _, _ in audited(fleet) if action != "replay"]
    assert done == [("jane", action) for action in ("start", "approve", "approve", "start", "approve")]


def test_many_are_resolved_at_once(fleet: Fleet, road: Road, vault: Vault) -> None:
    ids = held_for_sums(road, vault, 3)
    assert fleet("held", "resolve", "--code", "totals_mismatch", "--reason", "a test").exit_code == 2
    assert fleet("held", "resolve", ids[0], "--reason", "a test").output == "Resolved.\n"
    assert fleet("held", "resolve", "--code", "totals_mismatch", "--yes", "--reason", "a test").exit_code == 0
    carry_out(road.database)
    assert {road.state(id) for id in ids} == {State.SKIPPED}


def test_decisions_are_listed_and_revoked(fleet: Fleet, road: Road, vault: Vault) -> None:
    (id,) = held_for_sums(road, vault, 1)
    never = failed(road, vault, State.HELD, "unmapped", document=None, event="evt-x", order="x")
    fleet("held", "approve", id, "--why", "agreed")
    fleet("held", "edit", never, "--event", "--set", "notes=")
    correction, approval = json.loads(fleet("decisions", "ls", "--json").output)["rows"]
    assert (approval["decision"], approval["why"]) == ("totals_mismatch, sums may differ by 0.01", "agreed")
    assert (approval["installation"], correction["installation"]) == ("odoo-1", "clarity-1")
    assert correction["decision"] == "notes: *** -> "
    of_order = json.loads(fleet("decisions", "ls", "--number", "WEB-x", "--json").output)["rows"]
    assert [row["id"] for row in of_order] == [correction["id"]]
    assert "ring twice" not in fleet("decisions", "show", correction["id"]).output
    assert "ring twice" in fleet("decisions", "show", correction["id"], "--reveal").output
    assert f"decisions: {correction['id']}" in fleet("audit", "ls").output
    assert fleet("decisions", "revoke", correction["id"]).output == "Revoked.\n"
    assert fleet("decisions", "revoke", correction["id"], approval["id"]).exit_code == 1
    assert [row["id"] for row in json.loads(fleet("decisions", "ls", "--json").output)["rows"]] == [approval["id"]]
    found = json.loads(fleet("decisions", "ls", "--all", "--json").output)["rows"]
    assert [row["state"] for row in found] == ["revoked", "in force"]
    message = road.value("select message from deliveries where id = %s", never)
    assert [row["state"] for row in json.loads(fleet("messages", "show", message, "--json").output)["decisions"]] == [
        "revoked"
    ]
    assert [action for _, action, _, _ in audited(fleet)] == ["approve", "replay", "edit", "reveal", "revoke"]
