"""Every line is fulfilled once: who has an order keeps it, whatever the rules say later, until a person lets it go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from integration.canonical import thaw
from integration.cli import main
from integration.vault import Vault
from tests.road.world import World


@pytest.fixture
def approve(road: World) -> Callable[[int], None]:
    runner = CliRunner(env={**road.fleet.environment, "FLEET_USER": "jane"})

    def approve(delivery: int) -> None:
        result = runner.invoke(main, ["held", "approve", str(delivery)])
        assert result.exit_code == 0, result.output

    return approve


def at_fusion(road: World, id: str) -> list[tuple[str, int]]:
    orders = road.control("GET", "ledger")["fusion"]["orders"]
    return [(each["status"], each["created"]) for each in orders if each["source_id"] == id]


def in_odoo(road: World, id: str) -> list[tuple[str, int]]:
    return [(each["state"], each["created"]) for each in road.at_odoo(id)]


def becomes(road: World, id: str, type: str) -> None:
    """The order's customer is of another type in Clarity now."""
    customer = {**road.order(id)["customer"], "type": type, "company": "Example Ltd" if type == "company" else None}
    road.control("PATCH", f"orders/{id}", {"customer": customer})


def waits(road: World, id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is held of the order at Odoo, and what waits for that at Fusion."""

    def found(target: str, state: str, code: str) -> list[dict[str, Any]]:
        return [row for row in road.at(target, id) if (row["state"], row["code"]) == (state, code)]

    def both() -> list[list[dict[str, Any]]]:
        return [found("odoo", "held", "line_moves"), found("fusion", "waiting", "throttled")]

    road.until(lambda: all(both()), 30, lambda: road.all(id))
    held, waiting = both()
    return held[-1], waiting[0]


def test_an_order_whose_customer_becomes_a_company_stays_until_a_person_moves_it(
    road: World, approve: Callable[[int], None]
) -> None:
    (id,) = road.generate()
    road.finished(id)
    becomes(road, id, "company")
    held, waiting = waits(road, id)
    assert "is fulfilled by odoo-1, and the rules give it to another system now" in held["reason"]
    assert "is fulfilled by odoo-1, until that lets it go" in waiting["reason"]
    assert "fleet held approve" in held["hint"]
    assert (in_odoo(road, id), at_fusion(road, id)) == ([("sale", 1)], [])
    approve(held["id"])
    road.finished(id)
    assert (in_odoo(road, id), at_fusion(road, id)) == ([("cancel", 1)], [("OPEN", 1)])
    road.age([id], fusion=20)
    road.becomes(id, "completed")
    assert {each["external_ref"].partition("/")[0] for each in road.shipments(id)} == {"fusion-1"}
    road.balanced()


def test_a_move_that_clarity_takes_back_leaves_nothing_to_decide(road: World) -> None:
    (id,) = road.generate()
    road.finished(id)
    becomes(road, id, "company")
    waits(road, id)
    becomes(road, id, "person")
    road.finished(id, seconds=60)
    states = {row["state"] for row in road.deliveries(id)}
    assert states <= {"done", "skipped"}, road.all(id)
    assert (in_odoo(road, id), at_fusion(road, id)) == ([("sale", 1)], [])
    road.balanced()


def test_an_order_still_on_its_way_to_one_is_not_taken_by_the_other(road: World) -> None:
    """The newer version overtakes: the older one is slow at Odoo while the customer becomes a company."""
    road.fault("odoo", "latency", path="sale.order/load", ms=3000, times=1)
    (id,) = road.generate()
    road.until(lambda: any(each["hits"] for each in road.control("GET", "faults")), 20)
    becomes(road, id, "company")
    waits(road, id)
    assert (in_odoo(road, id), at_fusion(road, id)) == ([("sale", 1)], [])


def test_what_the_customer_takes_out_is_cancelled_where_it_was(road: World) -> None:
    """No line has moved, so there is nothing to decide."""
    (id,) = road.generate(1, "shared")
    road.finished(id)
    lines = [line for line in road.order(id)["lines"] if line["customAttributes"]["fulfilledBy"] == "odoo"]
    road.control("PATCH", f"orders/{id}?settle=1", {"lines": lines, "payments": []})
    road.until(lambda: at_fusion(road, id) == [("CANCELED", 1)], 30, lambda: (at_fusion(road, id), road.all(id)))
    road.finished(id)
    assert in_odoo(road, id) == [("sale", 1)]
    assert {row["state"] for row in road.deliveries(id)} <= {"done", "skipped"}, road.all(id)


def test_a_part_is_kept_beside_the_whole_order_only_where_it_is_not_all_of_it(road: World) -> None:
    whole, shared = road.generate()[0], road.generate(1, "shared")[0]
    road.finished(whole, shared)
    assert parts_kept(road, whole) == {"odoo-1": None}
    lines = road.order(shared)["lines"]
    carried = {target: len(part["lines"]) for target, part in parts_kept(road, shared).items()}
    assert set(carried) == {"odoo-1", "fusion-1"}
    assert 0 not in carried.values()
    assert sum(carried.values()) == len(lines)


def parts_kept(road: World, id: str) -> dict[str, Any]:
    """What is written down as the part of each target that has taken the order."""
    sql = """select i.name, d.document from deliveries d join installations i on i.id = d.target
             join messages m on m.id = d.message where m.object_id = %s and d.step = 'enrich' and d.state = 'done'"""
    with road.database.transaction() as tx:
        rows = tx.rows(sql, id)
    vault = Vault(road.settings.encryption_keys)
    return {row["name"]: thaw(vault.open(row["document"])).get("part") for row in rows}


def posted(road: World, id: str) -> list[dict[str, Any]]:
    """The order's deliveries that Odoo has taken."""
    return [row for row in road.at("odoo", id) if (row["step"], row["state"]) == ("enrich", "done")]


def test_a_line_that_names_another_erp_moves_alone(road: World, approve: Callable[[int], None]) -> None:
    (id,) = road.generate(1, "shared")
    road.finished(id)
    lines = road.order(id)["lines"]
    added = {**lines[0], "id": "99"}
    road.control("PATCH", f"orders/{id}?settle=1", {"lines": [*lines, added], "payments": []})
    road.until(lambda: len(posted(road, id)) == 2, 30, lambda: road.all(id))
    road.finished(id)
    assert {row["state"] for row in road.deliveries(id)} <= {"done", "skipped"}, road.all(id)
    moved = {**added, "customAttributes": {"fulfilledBy": "fusion"}}
    road.control("PATCH", f"orders/{id}?settle=1", {"lines": [*lines, moved]})
    held, _ = waits(road, id)
    assert held["reason"].startswith("line '99' ")
    approve(held["id"])
    road.finished(id)
    books = road.control("GET", "ledger")
    (pod,) = [each for each in books["fusion"]["orders"] if each["source_id"] == id]
    assert "99" in [line["id"] for line in pod["lines"]]
    assert (in_odoo(road, id), at_fusion(road, id)) == ([("sale", 1)], [("OPEN", 1)])
    road.age([id], odoo=6, fusion=20)
    road.becomes(id, "completed")
    assert sorted(line for each in road.shipments(id) for line in each["lines"]).count("99") == 1
