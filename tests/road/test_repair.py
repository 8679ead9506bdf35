"""Repair on the road: what a person decides about held and dead deliveries takes effect, once, and is in the audit."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import mappings
from integration.cli import main
from tests.road.world import World

Run = Callable[..., str]


@pytest.fixture
def run(road: World) -> Run:
    """Runs a command of `fleet` on the world, as jane, and returns what it says."""
    runner = CliRunner(env={**road.fleet.environment, "FLEET_USER": "jane", "COLUMNS": "9999"})

    def run(*arguments: object) -> str:
        result = runner.invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
        return result.output

    return run


def came_to(road: World, target: str, order: str, state: str, seconds: float = 30.0) -> dict[str, Any]:
    """The first delivery of an order at a target, once it has come to this state."""

    def is_so() -> bool:
        rows = road.at(target, order)
        return bool(rows) and rows[0]["state"] == state

    road.until(is_so, seconds, lambda: (road.states(order), [row["reason"] for row in road.at(target, order)]))
    return road.at(target, order)[0]


def state(road: World, delivery: int) -> str:
    with road.database.transaction() as tx:
        return str(tx.value("select state from deliveries where id = %s", delivery))


def at_fusion(road: World, order: str) -> list[dict[str, Any]]:
    return [each for each in road.control("GET", "ledger")["fusion"]["orders"] if each["source_id"] == order]


def send(road: World, order: dict[str, Any], **changes: Any) -> str:
    """An order of the test's own, made from another."""
    id = f"own{time.time_ns()}"
    own = {**order, "id": id, "number": f"OWN-{id}", "externalIds": {}, **changes}
    event = {"id": f"evt_{id}", "type": "order.created", "timestamp": "2026-11-20T10:15:30Z", "data": own}
    assert road.send(event).status_code == 202
    return id


def shop_order(road: World, *traits: str) -> dict[str, Any]:
    (id,) = road.generate(1, *traits)
    road.finished(id)
    return road.order(id)


def audited(run: Run, delivery: int) -> list[str]:
    rows = json.loads(run("audit", "ls", "--delivery", delivery, "--json"))["rows"]
    assert {row["who"] for row in rows} <= {"jane"}
    return [row["action"] for row in reversed(rows)]


def test_a_corrected_field_of_a_refused_order_reaches_the_target(road: World, run: Run) -> None:
    order = send(road, shop_order(road, "b2b_po"), currency="COP")
    dead = came_to(road, "fusion", order, "dead")
    assert "TransactionalCurrencyCode" in dead["reason"]
    said = run("dead", "edit", dead["id"], "--set", "order.TransactionalCurrencyCode=EUR")
    assert said == (
        "Corrected in the target's document, for this delivery alone: order.TransactionalCurrencyCode.\n"
        f"`fleet dead replay {dead['id']}` sends it.\n"
    )
    run("dead", "edit", dead["id"], "--set", "order.CustomerPONumber=PO-corrected", "--replay")
    came_to(road, "fusion", order, "done")
    (standing,) = at_fusion(road, order)
    assert (standing["currency"], standing["purchase_order"]) == ("EUR", "PO-corrected")
    assert (standing["created"], standing["submissions"]) == (1, 1)
    assert audited(run, dead["id"]) == ["edit", "edit", "replay"]
    road.balanced()


def lost(road: World, order: str) -> dict[str, Any]:
    """The order's delivery to Fusion, a dead letter as soon as its call under way has failed."""
    with road.database.transaction() as tx:
        tx.run("update installations set paused_at = now() where kind = 'fusion'")
    delivery = came_to(road, "fusion", order, "waiting")
    with road.database.transaction() as tx:
        tx.run("update deliveries set state = 'dead', finished_at = now() where id = %s", delivery["id"])
        tx.run("update installations set paused_at = null where kind = 'fusion'")
    return delivery


def test_an_edit_after_a_lost_answer_does_not_double(road: World, run: Run) -> None:
    order = shop_order(road, "b2b_po")
    road.fault("fusion", "timeout_after_commit", path="POST /fusion/fscmRestApi", ms=2000, times=1)
    id = send(road, order)
    road.until(lambda: bool(at_fusion(road, id)), 20, lambda: road.states(id))
    dead = lost(road, id)
    assert at_fusion(road, id)[0]["created"] == 1
    with road.database.transaction() as tx:
        assert tx.value("select outcome from attempts where delivery = %s", dead["id"]) == "unknown"
    run("dead", "edit", dead["id"], "--set", "order.CustomerPONumber=PO-2", "--replay")
    came_to(road, "fusion", id, "done")
    (standing,) = at_fusion(road, id)
    assert (standing["purchase_order"], standing["created"], standing["refused_duplicates"]) == ("PO-2", 1, 0)
    road.balanced()


def test_a_corrected_mapping_counts(road: World, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (id, company) = ids = road.generate(2, "unknown_tax_code+tax_excluded", "unknown_tax_code+tax_excluded+b2b_po")
    held = [came_to(road, target, id, "held") for target, id in zip(("odoo", "fusion"), ids, strict=True)]
    corrected = tmp_path / "mappings"
    shutil.copytree(mappings.FOLDER, corrected)
    table = corrected / "tables" / "taxes.json"
    taxes = json.loads(table.read_text())
    rate = str(float(road.order(id)["lines"][0]["taxes"][0]["rate"]) * 100)
    taxes["values"]["VATX"] = {"rate": rate.removesuffix(".0")}
    table.write_text(json.dumps(taxes))
    for sample in corrected.glob("samples/*/held_tax_code.json"):  # which shows that the code is unknown
        sample.unlink()
    run("held", "replay", held[0]["id"])
    came_to(road, "odoo", id, "held")
    run("mapping", "publish", "--folder", corrected, "--yes")
    for each in held:
        run("held", "replay", "--number", each["number"], "--yes")
    run("mapping", "rollback", "--yes")
    road.finished(*ids)
    road.exactly_once(ids)
    assert [audited(run, each["id"]) for each in held] == [["replay", "replay"], ["replay"]]
    road.balanced()


def test_differing_sums_pass_only_as_they_are_approved(road: World, run: Run) -> None:
    id, company = road.generate(2, "mismatch", "mismatch+b2b_po")
    held = came_to(road, "odoo", id, "held")
    assert held["code"] == "totals_mismatch"
    assert "send it as it is" in run("held", "show", held["id"])
    run("held", "approve", held["id"])
    came_to(road, "odoo", id, "done")
    (standing,) = road.at_odoo(id)
    assert (standing["state"], standing["confirmed"]) == ("sale", 1)
    at_pod = came_to(road, "fusion", company, "held")
    assert (at_pod["code"], at_fusion(road, company)) == ("totals_mismatch", [])
    run("held", "approve", at_pod["id"])
    came_to(road, "fusion", company, "done")
    assert [(each["created"], each["submissions"]) for each in at_fusion(road, company)] == [(1, 1)]
    assert audited(run, held["id"]) == ["approve", "replay"], "it is asked once for the same money"
    road.balanced()


def test_a_correction_of_the_event_is_translated(road: World, run: Run) -> None:
    (id,) = road.generate(1, "unknown_sku")
    held = came_to(road, "odoo", id, "held")
    order = road.order(id)
    place = next(n for n, line in enumerate(order["lines"]) if not str(line["sku"]).startswith("SKU-"))
    run("held", "edit", held["id"], "--event", "--set", f"lines.{place}.sku=SKU-1")
    run("held", "replay", held["id"])
    came_to(road, "odoo", id, "done")
    assert len(road.at_odoo(id)) == 1
    road.until(lambda: len(road.at("odoo", id)) > 1, 30, lambda: road.states(id))  # our own status comes back
    road.finished(id)
    assert road.at("odoo", id)[-1]["state"] == "skipped"
    (again,) = json.loads(run("replay", road.at("odoo", id)[-1]["id"], "--json"))["rows"]
    road.until(lambda: state(road, again["again"]) == "done", 20, lambda: road.states(id))  # by the correction, too
    road.balanced()


def test_what_is_done_can_be_sent_again_and_takes_no_second_effect(road: World, run: Run) -> None:
    (id,) = road.generate()
    road.until(lambda: len(road.at("odoo", id)) > 1, 30, lambda: road.states(id))  # our own status comes back
    road.finished(id)
    done, *_, newest = road.at("odoo", id)
    for sent in (done["id"], newest["id"]):  # the echo takes nothing from what was applied
        (again,) = json.loads(run("replay", sent, "--json"))["rows"]
        assert again["delivery"] == sent != again["again"]
        road.until(lambda made=again["again"]: state(road, made) == "done", 20, lambda: road.states(id))
    assert [row["confirmed"] for row in road.at_odoo(id)] == [1]
    road.balanced()


def test_a_dry_run_shows_both_sides_and_changes_nothing(road: World, run: Run) -> None:
    order = shop_order(road, "b2b_po+shared")
    id = order["id"]

    def here_and_there() -> str:
        """What a replay would change; our own status comes back meanwhile, as an event of its own."""
        rows = [road.at("odoo", id)[0], road.at("fusion", id)[0]]
        replays = [row for row in road.deliveries(id) if row["replay_of"]]
        return json.dumps([road.at_odoo(id), at_fusion(road, id), rows, replays], sort_keys=True, default=str)

    before = here_and_there()
    for target in ("odoo", "fusion"):
        row = road.at(target, id)[0]
        reported = json.loads(run("replay", row["id"], "--dry-run", "--json"))
        assert reported["at_target"]
        assert reported["differing"] == []
        assert reported["equal"] > 5
    assert here_and_there() == before


def test_every_kind_of_delivery_can_be_tried(road: World, run: Run) -> None:
    (id,) = road.generate(1)
    road.finished(id)
    road.age([id], odoo=5)
    road.becomes(id, "completed", 60)
    with road.database.transaction() as tx:
        rows = tx.rows(
            """select d.id, d.entity from deliveries d join messages m on m.id = d.message
               where %s in (m.object_id, m.part_of) and d.state in ('done', 'skipped') and d.pin is not null""",
            id,
        )
    assert {row["entity"] for row in rows} >= {"order", "shipment", "invoice", "order_status"}
    ids = [row["id"] for row in rows]
    found = json.loads(run("replay", *ids, "--dry-run", "--json"))
    assert found["looked_at"] == len(ids)
    assert {each["state"] for each in found["not_sent"]} <= {"skipped"}, found["not_sent"]
    for id in ids:
        assert json.loads(run("replay", id, "--dry-run", "--json"))["delivery"] == id
        assert f"Delivery {id}" in run("replay", id, "--dry-run", "--no-target")


TIMES = """
select max(m.received_at) as came, max(extract(epoch from d.finished_at - m.received_at))::float as waited
from deliveries d join messages m on m.id = d.message
where m.object_id = any (%s) and m.type = 'order.created' and d.entity = 'order'"""


def test_a_thousand_replays_leave_live_orders_their_way(road: World, run: Run) -> None:
    order = shop_order(road, "b2b_po+shared")
    wrong = {**order["totals"], "grandTotal": str(Decimal(order["totals"]["grandTotal"]) + 1)}
    ids = [send(road, order, totals=wrong) for _ in range(500)]

    def held() -> int:
        with road.database.transaction() as tx:
            rows = "select count(*) from deliveries d join messages m on m.id = d.message where m.object_id = any (%s)"
            return int(tx.value(f"{rows} and d.state = 'held'", ids))

    road.until(lambda: held() == 1000, 60, held)
    with ThreadPoolExecutor(1) as pool:
        replay = pool.submit(run, "replay", "--code", "totals_mismatch", "--type", "order.created", "--yes")
        live = road.generate(5)
        road.finished(*live)
        replay.result()
    road.until(lambda: held() == 1000, 60, held)
    with road.database.transaction() as tx:
        (times,) = tx.rows(TIMES, live)
        ended = tx.value("select max(moved_at) from deliveries where code = 'totals_mismatch'")
    assert times["came"] < ended, "they were under way together"
    assert times["waited"] < 10.0, "a live order waits for no replay"
    road.exactly_once(live)
    road.balanced()


def test_what_is_resolved_is_skipped(road: World, run: Run) -> None:
    (id,) = road.generate(1, "no_customer")
    dead = came_to(road, "odoo", id, "dead")
    run("dead", "resolve", dead["id"], "--reason", "a test order")
    assert road.at("odoo", id)[0]["reason"] == "resolved by jane: a test order"
    assert audited(run, dead["id"]) == ["resolve"]
    road.balanced()
