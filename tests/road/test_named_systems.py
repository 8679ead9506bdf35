"""Two shops and two Odoos in one fleet: what is alike in them, down to the order's id, never mixes."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from click.testing import CliRunner

import mappings
from integration.cli import main
from integration.cli.send import deliver
from integration.local import processes
from integration.message import external_id
from integration.store import cursors, installations
from tests.road.test_customer_events import at_rest, contact, deliveries, states
from tests.road.test_customers import odoo
from tests.road.world import FINISHED, World

pytestmark = pytest.mark.own_fleet

CODE = ("integration", "tasks", "mappings")
SHOP, ODOO = "shop_b2b", "odoo_eu"
BACK = ("shipment", "invoice")


def workflows() -> Iterator[dict[str, Any]]:
    """Those of the added systems: a line of the added shop says for which of the two Odoos it is."""
    shipped = {path.stem: json.loads(path.read_text()) for path in (mappings.FOLDER / "workflows").glob("*.json")}
    order = shipped["order-to-odoo"]
    for target, lines, carries in (("odoo", "!=", True), (ODOO, "==", False)):
        own = {"name": f"{SHOP}-order-to-{target}", "source": SHOP, "target": target, "carries_charges": carries}
        yield order | own | {"lines": f"attributes.fulfilledBy {lines} '{ODOO}'"}
    for source in ("odoo", ODOO):
        for entity in BACK:
            back = shipped[f"odoo-{entity}-to-clarity"]
            own = {"name": f"{source}-{entity}-to-{SHOP}", "source": source, "target": SHOP}
            yield back | own | {"then": back["then"] | {"system": SHOP}}
    for name, source, target in (("customer-to-odoo", SHOP, "odoo"), ("odoo-customer-to-clarity", "odoo", SHOP)):
        yield shipped[name] | {"name": f"{source}-customer-to-{target}", "source": source, "target": target}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    project = tmp_path_factory.mktemp("project")
    for name in CODE:
        shutil.copytree(processes.PROJECT / name, project / name)  # as compiled: a dozen processes start at once
    shutil.copy(processes.PROJECT / "Procfile", project)
    for workflow in workflows():
        (project / "mappings" / "workflows" / f"{workflow['name']}.json").write_text(json.dumps(workflow))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "PROJECT", project)
        patch.setattr(mappings, "FOLDER", project / "mappings")  # what a start publishes
        systems = f"{ODOO}=odoo,{SHOP}=clarity"
        with World.running(tmp_path_factory.mktemp("fleet"), FLEET_SYSTEMS=systems) as world:
            yield world


def place(world: World, order: dict[str, Any], target: str = "odoo") -> str:
    """Places an order of the same id in the added shop; our id of it."""
    lines = [{**line, "customAttributes": {"fulfilledBy": target}} for line in order["lines"]]
    placed = world.control("POST", f"systems/{SHOP}/orders", {**order, "lines": lines})
    assert placed["id"] == order["id"]
    return f"{SHOP}/{order['id']}"


def twice(world: World, target: str = "odoo") -> tuple[str, str]:
    """One order in both shops, the added one's for a target: our ids of the two."""
    (id,) = world.generate(1, "plain")
    return id, place(world, world.order(id), target)


def at_odoo(world: World, name: str, id: str) -> list[dict[str, Any]]:
    """The orders at one of the Odoos under our id."""
    wanted = f"__clarity__.{external_id('order', id)}"
    return [order for order in world.control("GET", "ledger")[name]["orders"] if order["external_id"] == wanted]


def targets(world: World, *arguments: str) -> str:
    result = CliRunner(env={**world.fleet.environment, "FLEET_USER": "jane"}).invoke(main, ["targets", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def done_at(world: World, id: str, installation: str) -> bool:
    """Whether an order was posted there, and nothing about it is left to be done."""
    states = {row["state"] for row in world.deliveries(id) if row["target"] == installation}
    return "done" in states and states <= FINISHED


def test_one_id_of_two_shops_is_two_orders_and_each_comes_back_to_its_own_shop(pairs: World) -> None:
    id, other = twice(pairs)
    pairs.finished(id, other)
    assert [len(at_odoo(pairs, "odoo", ours)) for ours in (id, other)] == [1, 1]
    assert [at_odoo(pairs, ODOO, ours) for ours in (id, other)] == [[], []]
    names = [f"__clarity__.{external_id('order', ours)}" for ours in (id, other)]
    pairs.control("POST", "odoo/advance", {"orders": [names[1]], "steps": 6})
    pairs.until(lambda: pairs.order(id, SHOP)["status"] == "completed", 60, lambda: pairs.all(id))
    assert pairs.order(id)["status"] == "processing"
    pairs.control("POST", "odoo/advance", {"orders": [names[0]], "steps": 6})
    pairs.until(lambda: pairs.order(id)["status"] == "completed", 60, lambda: pairs.all(id))
    books = pairs.control("GET", "ledger")
    for what in ("shipments", "invoices"):
        found = [{each["external_ref"] for each in books[shop][what]} for shop in ("clarity", SHOP)]
        assert all(found)
        assert not found[0] & found[1]
    pairs.until(lambda: all(row["state"] in FINISHED for row in both_ways(pairs)), 30)
    ends = {(row["target"], row["state"]) for row in both_ways(pairs)}
    assert ends == {(f"{shop}-1", state) for shop in ("clarity", SHOP) for state in ("done", "skipped")}
    with pairs.database.transaction() as tx:
        customers = tx.rows("select our_id from crossrefs where entity = 'customer' and our_id like '%%/%%'")
    assert all(row["our_id"].startswith(f"{SHOP}/") for row in customers)
    pairs.balanced()


def both_ways(world: World) -> list[dict[str, Any]]:
    """What was made of the shipments and invoices of the first Odoo, for each shop."""
    with world.database.transaction() as tx:
        return tx.rows(
            """select i.name as target, d.state, d.reason from deliveries d join installations i on i.id = d.target
               where d.entity = any (%s) and d.step <> 'push_status'""",
            list(BACK),
        )


def test_one_id_of_two_shops_is_two_customers_and_each_is_shown_in_its_own_shop(pairs: World) -> None:
    id = f"c-{uuid.uuid4().hex[:8]}"
    ours = {"clarity": id, SHOP: f"{SHOP}/{id}"}
    for system, path in (("clarity", "customers"), (SHOP, f"systems/{SHOP}/customers")):
        given = {"id": id, "type": "person", "name": system, "email": f"{id}@{system.replace('_', '-')}.test"}
        assert pairs.control("POST", path, given)["id"] == id
    contacts = {}
    for system, own in ours.items():
        at_rest(pairs, own)
        contacts[system] = contact(pairs, own)
    assert contacts["clarity"] != contacts[SHOP]
    odoo(pairs, "res.partner", "write", ids=[contacts[SHOP]], vals={"ref": "B2B-1"})
    pairs.poll_all()
    shown = lambda system: pairs.shop("GET", f"customers/{id}", system).get("accountNumber")  # noqa: E731
    pairs.until(lambda: shown(SHOP) == "B2B-1", 30, lambda: (shown(SHOP), states(pairs, ours[SHOP])))
    at_rest(pairs, ours[SHOP])
    assert not shown("clarity")
    skipped = {row["reason"] for row in deliveries(pairs, ours[SHOP]) if row["target"] == "clarity-1"}
    assert skipped == {"the customer is not one of clarity"}


def test_one_is_paused_and_the_other_goes_on(pairs: World) -> None:
    targets(pairs, "pause", ODOO)
    id, other = twice(pairs, ODOO)
    pairs.finished(id)
    assert len(at_odoo(pairs, "odoo", id)) == 1
    pairs.until(lambda: [row["queue"] for row in queued(pairs, other) if row["target"] == ODOO] == [ODOO], 20)
    assert at_odoo(pairs, ODOO, other) == []
    targets(pairs, "resume", ODOO)
    pairs.until(lambda: done_at(pairs, other, f"{ODOO}-1"), 30, lambda: pairs.states(other))
    assert len(at_odoo(pairs, ODOO, other)) == 1
    assert at_odoo(pairs, "odoo", other) == []


def queued(world: World, id: str) -> list[dict[str, Any]]:
    """The queue in which each delivery of an order that has not ended is, by its target's name."""
    with world.database.transaction() as tx:
        return tx.rows(
            """select d.queue, i.system as target from deliveries d join messages m on m.id = d.message
               join installations i on i.id = d.target where m.object_id = %s and d.open""",
            id,
        )


def test_wrong_credentials_at_one_pause_only_that(pairs: World) -> None:
    pairs.fault("odoo", "401_expire", system=ODOO)
    id, other = twice(pairs, ODOO)
    pairs.finished(id)
    pairs.until(lambda: paused(pairs) == {f"{ODOO}-1": "fleet"}, 30, lambda: (paused(pairs), pairs.states(other)))
    with pairs.database.transaction() as tx:  # of the order or of a poll, whichever came first
        hint = tx.value("select pause_hint from installations where name = %s", f"{ODOO}-1")
    assert "set ODOO_EU_API_KEY and " in hint
    pairs.clear_faults()
    targets(pairs, "resume", ODOO)
    pairs.until(lambda: done_at(pairs, other, f"{ODOO}-1"), 30, lambda: pairs.states(other))
    assert paused(pairs) == {}


def paused(world: World) -> dict[str, str]:
    with world.database.transaction() as tx:
        rows = installations.all_installations(tx)
    return {row["name"]: row["paused_by"] for row in rows if row["paused_at"]}


def test_each_has_limits_and_cursors_of_its_own(pairs: World) -> None:
    targets(pairs, "limit", ODOO, "7/s")
    with pairs.database.transaction() as tx:
        rates = {row["name"]: row["rate"] for row in installations.all_installations(tx)}
        streams = {(row["target"], row["stream"]) for row in cursors.all_cursors(tx)}
    targets(pairs, "limit", ODOO, "--reset")
    assert (rates[f"{ODOO}-1"], rates["odoo-1"]) == (7.0, None)
    of = {name: {stream for target, stream in streams if target == name} for name in ("odoo-1", f"{ODOO}-1")}
    assert of["odoo-1"] == of[f"{ODOO}-1"] != set()
    keys = {key.decode() for key in pairs.redis.keys("throttle:*")}
    assert {f"throttle:{{{name}-1}}" for name in ("odoo", ODOO, "clarity", SHOP)} <= keys
    listed = {row["name"]: row["system"] for row in json.loads(targets(pairs, "ls", "--json"))["rows"]}
    assert (listed[f"{ODOO}-1"], listed["odoo-1"]) == (ODOO, "odoo")


def refused(world: World) -> list[str]:
    """What `fleet messages refused` says there is to do."""
    result = CliRunner(env=world.fleet.environment).invoke(main, ["messages", "refused", "--json"])
    assert result.exit_code == 0, result.output
    return [row["fix"] for row in json.loads(result.stdout)["rows"]]


def test_each_has_a_path_and_a_secret_of_its_own(pairs: World) -> None:
    event = ("evt_named_1", b'{"id": "evt_named_1", "type": "webhook.test", "data": {}}')
    assert deliver(pairs.settings, event, SHOP).status_code == 202
    assert deliver(pairs.settings, event, "clarity").status_code == 202  # one id of two sources is two events
    receiver = f"http://{pairs.settings.binds['receiver']}"
    tokens = {name: pairs.settings.systems[name].options["hint_token"] for name in ("odoo", ODOO)}
    for name, token in tokens.items():
        assert requests.post(f"{receiver}/hints/{name}/{token}", timeout=20).status_code == 204
    assert requests.post(f"{receiver}/hints/{ODOO}/{tokens['odoo']}", timeout=20).status_code == 404
    secrets = pairs.settings.webhook_secrets
    assert secrets["clarity"] != secrets[SHOP]
    mixed = replace(pairs.settings, webhook_secrets={SHOP: secrets["clarity"]})
    assert deliver(mixed, event, SHOP).status_code == 401
    pairs.until(lambda: any("SHOP_B2B_WEBHOOK_SECRETS" in fix for fix in refused(pairs)), 20, lambda: refused(pairs))
    pairs.balanced()
