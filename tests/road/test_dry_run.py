"""A dry run of one and of many, with the sandbox's Odoo at the other end: it shows, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

import mappings
from integration.cli import main
from integration.errors import Throttled
from integration.rules.workflow import Workflow, load_definitions
from integration.settings import Settings
from integration.store.database import Row
from tasks.dry_run import dry_run
from tasks.dry_runs import Summary
from tasks.runtime import SLOT_PATIENCE, Runtime
from tests.connectors.odoo_targets import SandboxTarget
from tests.road.answering import LINE, Odoo, Served
from tests.road.orders import NOWHERE

FOR_TWO = {
    "totals__subtotal": "36.00",
    "totals__discount": "5.10",
    "totals__tax": "8.20",
    "totals__grandTotal": "49.60",
    "totals__balanceDue": "29.60",
}
Fleet = Callable[..., Result]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.stop()


@pytest.fixture
def variables(stores: dict[str, str], served: Served) -> dict[str, str]:
    fake = served.fake
    own = {"ODOO_URL": served.url, "ODOO_DB": fake.name, "ODOO_USERNAME": fake.username, "ODOO_API_KEY": fake.api_key}
    soon = {"ODOO_RATE": "1000"}  # nothing here is about waiting for a place in the rate
    return {**stores, "CLARITY_URL": NOWHERE, **own, **soon, "FLEET_USER": "jane", "COLUMNS": "80"}


@pytest.fixture
def odoo(variables: dict[str, str], served: Served) -> Iterator[Odoo]:
    runtime = Runtime(Settings.load(variables))
    runtime.redis.flushdb()
    yield Odoo(runtime, served.fake)
    runtime.database.close()


@pytest.fixture
def fleet(variables: dict[str, str]) -> Fleet:
    return lambda *arguments: CliRunner(env=variables).invoke(main, [str(each) for each in arguments])


@pytest.fixture
def by_sku(tmp_path: Path) -> dict[str, Workflow]:
    """The shipped workflows, with a mapping that names an order's lines by their SKU."""
    folder = tmp_path / "mappings"
    shutil.copytree(mappings.FOLDER, folder)
    mapping = folder / "odoo" / "out" / "order.json"
    named = mapping.read_text().replace('"from": "name || sku"', '"from": "sku"')
    assert named != mapping.read_text()
    mapping.write_text(named)
    return {workflow.name: workflow for workflow in load_definitions(folder).workflows}


def test_one_shows_four_documents_and_where_a_value_comes_from(odoo: Odoo, fleet: Fleet) -> None:
    id = odoo.posted()
    odoo.change("sale.order", origin="by hand")
    shown = json.loads(fleet("replay", id, "--dry-run", "--json").output)
    assert shown["differing"] == [
        {
            "field": "order.origin",
            "event": {"id": "1", "number": "WEB-1"},
            "canonical": {"number": "WEB-1"},
            "would_be_sent": "WEB-1",
            "at_target": "by hand",
            "rows": [
                {"mapping": "odoo.out.order", "row": "7", "reads": ["number"]},
                {"mapping": "clarity.in.order", "row": "2", "reads": ["id", "number"]},
            ],
        }
    ]
    assert shown["event"]["data"]["lines"][0]["sku"] == shown["canonical"]["lines"][0]["sku"] == "SKU-1"
    assert shown["would_be_sent"]["order"]["origin"] == "WEB-1"
    assert shown["at_target"]["order"]["origin"] == "by hand"
    assert (shown["compared_with"], shown["stops"], shown["not_asked"]) == ("target", None, None)
    assert shown["first_effect"]["effect"] == "order.update"
    said = fleet("replay", id, "--dry-run").output.splitlines()
    at = said.index("order.origin")
    assert said[at + 2 : at + 5] == [
        "  canonical      number: WEB-1",
        "  would be sent  WEB-1",
        "  at target      by hand",
    ]


def test_one_that_the_target_does_not_have_is_shown_as_it_would_be_sent(odoo: Odoo, fleet: Fleet) -> None:
    held = odoo.held()
    shown = json.loads(fleet("replay", held, "--dry-run", "--json").output)
    assert (shown["at_target"], shown["stops"]["state"], shown["stops"]["code"]) == (None, "held", "unknown_sku")
    said = fleet("replay", held, "--dry-run").output
    assert "The target does not have it yet, or cannot show it.\nIt would be sent:\n" in said
    assert "it would end held: unknown SKU NO-SUCH\n  fix: " in said


def test_personal_values_are_masked_unless_they_are_revealed_which_is_audited(odoo: Odoo, fleet: Fleet) -> None:
    ids = [odoo.posted(notes="ring twice"), odoo.posted(notes="ring twice")]
    odoo.change("sale.order", note="leave it with Grace")
    for given in (ids[:1], ids):
        for form in ((), ("--json",), ("--no-target",)):
            said = fleet("replay", *given, "--dry-run", *form).output
            assert not any(each in said for each in ("ring twice", "Grace", "ada1@mail.example")), said
    assert odoo.audited() == []
    for given in (ids[:1], ids):
        said = fleet("replay", *given, "--dry-run", "--reveal").output
        assert all(each in said for each in ("ring twice", "Grace"))
    assert odoo.audited() == [
        ("jane", "reveal", ids[0], {}),
        (
            "jane",
            "reveal",
            None,
            {
                "of": "dry run",
                "selection": f"state held, state dead, state done, state skipped, id {ids[0]}, id {ids[1]}",
            },
        ),
    ]


def test_all_of_a_customer_is_masked(odoo: Odoo, fleet: Fleet) -> None:
    id = odoo.customer()
    odoo.change("res.partner", name="Grace Hopper")
    shown = json.loads(fleet("replay", id, "--dry-run", "--json").output)
    (name,) = [each for each in shown["differing"] if each["field"] == "partner.fields.name"]
    assert (name["would_be_sent"], name["at_target"]) == ("***", "***")
    assert name["event"] == name["canonical"] == {"email": "***", "id": "c-2", "name": "***"}
    text = json.dumps(shown) + fleet("replay", id, "--dry-run").output
    text += fleet("replay", "--type", "customer.created", "--state", "done", "--dry-run").output
    assert "partner.fields.name at odoo-1: 1 of 1" in text
    assert not [each for each in ("Grace", "Jane", "@") if each in text], text


@pytest.mark.parametrize("form", [(), ("--no-target",), ("--from-step", "enrich")], ids=" ".join)
def test_nothing_is_changed_here_or_there(odoo: Odoo, served: Served, fleet: Fleet, form: tuple[str, ...]) -> None:
    """Deliveries in all states; the customer of one is in Odoo already, and would be taken as ours."""
    known = odoo.held(sku="SOON")
    target = SandboxTarget(served.url, served.fake, "json2")
    target.create("res.partner", name="Ada Lovelace", email="ada1@mail.example")
    target.product(default_code="SOON")
    done, dead, opened = odoo.posted(), odoo.posted(), odoo.order()
    odoo.run("update deliveries set state = 'dead', code = 'http_400' where id = %s", dead)
    skipped = odoo.order(lines=[], customer__type="person", status="cancelled")
    odoo.send(skipped)
    assert [odoo.row(each)["state"] for each in (known, done, dead, opened)] == ["held", "done", "dead", "ready"]
    before = odoo.here(), odoo.there()
    some = [known, done, dead]
    for id in some:
        shown = fleet("replay", id, "--dry-run", *form)
        assert shown.exit_code == 0, shown.output
    closed = ["held", "dead", "done", "skipped"]
    many = fleet("replay", *[each for state in closed for each in ("--state", state)], "--dry-run", "--json", *form)
    assert json.loads(many.output)["looked_at"] >= len(some), many.output
    assert (odoo.here(), odoo.there()) == before
    assert fleet("replay", opened, "--dry-run").output.startswith(f"error: delivery {opened} is ready\n")


def test_of_many_the_fields_that_change_are_counted(odoo: Odoo, fleet: Fleet) -> None:
    ids = [odoo.posted() for _ in range(5)]
    odoo.change("sale.order", origin="by hand")
    as_before = ids.pop()
    odoo.run("update deliveries set state = 'held', code = 'x' where id = %s", as_before)
    odoo.change("sale.order", number=5, origin="WEB-5")
    held = [odoo.held() for _ in range(3)]
    found = json.loads(fleet("replay", *ids, as_before, *held, "--dry-run", "--json").output)
    assert found["targets"] == [
        {"target": "odoo-1", "looked_at": 8, "change": 4, "new": 0, "unchanged": 1, "not_sent": 3}
    ]
    (field,) = found["fields"]
    assert (field["field"], field["deliveries"], field["of"]) == ("order.origin", 4, 8)
    newest = [{"delivery": id, "from": "by hand", "to": f"WEB-{n}"} for n, id in enumerate(ids, 1)][:0:-1]
    assert field["examples"] == newest
    (other,) = found["not_sent"]
    assert (other["state"], other["code"], other["deliveries"]) == ("held", "unknown_sku", 3)
    assert other["example"] == held[-1]
    said = fleet("replay", "--code", "unknown_sku", "--dry-run").output
    assert f"3 held at odoo-1 (unknown_sku), such as {held[-1]}: unknown SKU NO-SUCH" in said


def test_a_changed_mapping_is_compared_with_what_was_last_sent_and_the_target_is_not_asked(
    odoo: Odoo, served: Served, by_sku: dict[str, Workflow]
) -> None:
    two = [{**LINE, "sku": "SKU-1", "id": id} for id in ("1", "2")]
    ids = [odoo.posted(lines=two, **FOR_TWO), odoo.posted(), odoo.posted()]
    held = odoo.held()
    served.calls.clear()
    found = odoo.look([*ids, held], by_sku, ask=False)
    assert served.calls == []
    assert found["targets"][0] == {
        "target": "odoo-1", "looked_at": 4, "change": 3, "new": 1, "unchanged": 0, "not_sent": 0
    }  # fmt: skip
    (field,) = found["fields"]
    assert (field["field"], field["deliveries"], field["of"]) == ("lines.*.fields.name", 3, 4)
    assert field["examples"][0] == {"delivery": ids[0], "from": "Bottle", "to": "SKU-1"}
    assert odoo.look(ids, {}, ask=False)["targets"][0]["unchanged"] == 3


def test_the_sum_of_many_is_no_larger_than_that_of_few(odoo: Odoo, by_sku: dict[str, Workflow]) -> None:
    id = odoo.posted()
    found = dry_run(odoo.runtime, id, None, by_sku)
    summary = Summary(ask=True, reveal=False)
    sizes = []
    for count in (10, 490):
        for number in range(count):
            summary.add({"id": number, "target": "odoo-1"}, found)
        sizes.append(len(json.dumps(summary.as_row(), default=str)))
    assert sizes[1] - sizes[0] < 10, "only counts have grown"


def test_many_are_read_page_by_page_up_to_the_limit(odoo: Odoo, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [odoo.held() for _ in range(5)]
    monkeypatch.setattr("integration.cli.replay.BATCH", 2)
    for limit, seen in ((100, 5), (4, 4), (3, 3)):
        found = json.loads(
            fleet("replay", "--code", "unknown_sku", "--dry-run", "--json", "--no-target", "--limit", limit).output
        )
        assert (found["matching"], found["looked_at"]) == (seen, seen)
    assert len(ids) == 5


def test_a_target_that_is_paused_is_left_in_peace(odoo: Odoo, fleet: Fleet, served: Served) -> None:
    ids = [odoo.posted(), odoo.posted()]
    odoo.runtime.throttles["odoo"].decide(rate=None, concurrency=None, breaker=True, paused=True)
    served.calls.clear()
    ended = fleet("replay", *ids, "--dry-run", "--json")
    assert ended.exit_code == 1
    assert "error: the target cannot be asked: an operator has paused the target\nfix: `--no-target`" in ended.output
    one = json.loads(fleet("replay", ids[0], "--dry-run", "--json").output)
    assert (one["at_target"], one["not_asked"]) == (None, "an operator has paused the target")
    assert one["would_be_sent"]["order"]["origin"] == "WEB-1"
    assert served.calls == []
    assert json.loads(fleet("replay", *ids, "--dry-run", "--json", "--no-target").output)["looked_at"] == 2


def test_at_a_busy_target_it_waits_for_its_place(odoo: Odoo) -> None:
    id, found = odoo.posted(), list[Row]()
    waiting = Thread(target=lambda: found.append(odoo.look([id], {})))
    with ExitStack() as others:
        while (state := odoo.runtime.throttles["odoo"].state()).slots < state.concurrency:
            with suppress(Throttled):  # the rate may be used up for a moment
                others.enter_context(odoo.runtime.throttles["odoo"].admit())
        waiting.start()
        time.sleep(SLOT_PATIENCE + 1)  # a hop would have been refused by now
        assert found == []
    waiting.join(60)
    assert [each["targets"][0]["unchanged"] for each in found] == [1]


def test_what_was_found_so_far_is_shown_when_a_person_interrupts_it(
    odoo: Odoo, served: Served, variables: dict[str, str]
) -> None:
    ids = [odoo.posted() for _ in range(3)]
    command = [sys.executable, "-m", "integration.cli", "replay", *map(str, ids), "--dry-run", "--json"]
    running = subprocess.Popen(  # whoever runs the tests in the background has Ctrl-C ignored
        command,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    seen: list[str] = []

    def interrupt(path: str) -> None:
        seen.append(path)
        if sum(each.endswith("sale.order/read") for each in seen) == 3:  # two for each: to show it, and to post it
            running.send_signal(signal.SIGINT)
            running.wait(30)

    served.on_call = interrupt
    said, _ = running.communicate(timeout=60)
    found = json.loads(said)
    assert (found["interrupted"], found["matching"], found["looked_at"]) == (True, 3, 1)
    assert running.returncode == 130


def test_without_a_dry_run_there_is_nothing_to_compare(fleet: Fleet) -> None:
    refused = fleet("replay", 1, "--no-target")
    assert (refused.exit_code, "--no-target goes with --dry-run" in refused.output) == (2, True)


def test_one_that_a_newer_version_has_overtaken_would_be_skipped(odoo: Odoo, fleet: Fleet) -> None:
    older = odoo.posted(version=3)
    odoo.posted(id="1", number="WEB-1", version=4)
    shown = json.loads(fleet("replay", older, "--dry-run", "--json").output)
    assert (shown["stops"]["state"], shown["stops"]["reason"]) == (
        "skipped",
        "superseded: version 4 was applied already",
    )
    assert shown["at_target"], "its documents are shown all the same"
