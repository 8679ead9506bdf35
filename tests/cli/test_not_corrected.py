"""What nobody corrects: which object a document is about.  It is refused in words, and nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from integration.message import State
from integration.operations.corrections import Correctable
from integration.operations.editing import corrected
from integration.store import deliveries
from integration.vault import Vault
from tests.cli.test_jobs import rows
from tests.cli.test_repair import TARGET, Fleet, failed, fleet, road, stored, variables, vault
from tests.store.road import Road

__all__ = ["fleet", "road", "variables", "vault"]
ORDER = {
    "id": "1001",
    "number": "WEB-1001",
    "version": 3,
    "customer": {"id": "c-7", "email": "jane@mail.example"},
    "lines": [{"id": "1", "sku": "NO-SUCH"}],
}
IDENTIFYING = ("id=1111", "number=WEB-1111", "version=4", "customer.id=c-8")


def of_event(road: Road, vault: Vault, count: int = 1) -> list[int]:
    ids = [failed(road, vault, State.HELD, "unmapped", event=f"evt-{n}", order=str(n)) for n in range(count)]
    road.run("update messages set body = %s", vault.seal(json.dumps({"type": "order.created", "data": ORDER}).encode()))
    return ids


def untouched(fleet: Fleet, road: Road, ids: list[int]) -> None:
    assert {road.state(id) for id in ids} == {State.HELD}
    assert rows(fleet, "decisions", "ls", "--all") == rows(fleet, "jobs", "ls") == []
    assert road.value("select count(*) from audit where action <> 'reveal'") == 0


@pytest.mark.parametrize("setting", IDENTIFYING)
def test_what_identifies_an_object_is_not_corrected_in_its_event(
    fleet: Fleet, road: Road, vault: Vault, setting: str
) -> None:
    ids = of_event(road, vault, 3)
    name = setting.partition("=")[0]
    says = f"error: {name} says which order this is about: it cannot be corrected\n"
    harmless = ("--set", "lines.0.sku=SKU-1", "--set", setting)
    for arguments in (
        ("edit", ids[0], "--event", *harmless, "--replay"),
        ("approve", ids[0], "--event", *harmless),
        ("edit", "--code", "unmapped", "--event", *harmless, "--yes"),
    ):
        refused = fleet("held", *arguments)
        assert (refused.exit_code, refused.output.startswith(says)) == (1, True), refused.output
    untouched(fleet, road, ids)


def test_nor_in_a_whole_document(fleet: Fleet, road: Road, vault: Vault, tmp_path: Path) -> None:
    ids = of_event(road, vault)
    for number, change in enumerate(({"id": "1111"}, {"customer": None})):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(ORDER | change))
        refused = fleet("held", "edit", *ids, "--event", "--file", file)
        assert (refused.exit_code, "says which order this is about" in refused.output) == (1, True), refused.output
    untouched(fleet, road, ids)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("key=1111", "key says which order this is about: it cannot be corrected"),
        ("version=4", "version says which order this is about: it cannot be corrected"),
        ("customer.key=c-8", "customer.key says which order this is about: it cannot be corrected"),
        ("lines=null", "lines is a list: it cannot be null"),
        ("lines.0.quantity=-1", "lines.0.quantity is below zero"),
    ],
)
def test_nor_is_it_in_the_document_of_a_target(fleet: Fleet, road: Road, vault: Vault, setting: str, says: str) -> None:
    target = {**TARGET, "customer": {"key": "c-7"}}
    id = failed(road, vault, State.HELD, "unknown_sku", document={"canonical": {}, "target": target})
    refused = fleet("held", "edit", id, "--set", "order.PaymentTerms=30 Net", "--set", setting)
    assert (refused.exit_code, refused.output.startswith(f"error: {says}\n")) == (1, True), refused.output
    assert stored(road, vault, id)["target"] == target
    untouched(fleet, road, [id])


@pytest.mark.parametrize(
    ("entity", "given", "setting"),
    [
        ("customer", {"id": "c-7", "mergedIds": ["c-8"], "email": "a@b.example"}, 'mergedIds=["c-9"]'),
        ("product", {"id": "p-1", "sku": "SKU-1"}, "sku=SKU-2"),
        ("shipment", {"object_id": "odoo-1/17", "order_id": "1001"}, "order_id=1002"),
    ],
)
def test_every_entity_names_what_identifies_it(
    road: Road, vault: Vault, entity: str, given: dict[str, Any], setting: str
) -> None:
    id = failed(road, vault, State.HELD, "unmapped", document=None)
    road.run("update deliveries set entity = %s", entity)
    road.run("update messages set body = %s", vault.seal(json.dumps({"type": "x", "data": given}).encode()))
    with road.database.transaction() as tx:
        delivery = deliveries.look(tx, id)
    assert delivery
    was = Correctable.of(delivery, vault, event=True)
    with pytest.raises(Exception, match=f"says which {entity} this is about"):
        was.check(corrected(was.document, [setting]))


def test_a_path_that_none_of_many_has_is_refused_before_there_is_a_job(fleet: Fleet, road: Road, vault: Vault) -> None:
    ids = of_event(road, vault, 3)
    refused = fleet("held", "edit", "--code", "unmapped", "--event", "--set", "lines.0.skew=X", "--yes")
    assert (refused.exit_code, refused.output.startswith("error: the document has no lines.0.skew\n")) == (1, True)
    untouched(fleet, road, ids)


def test_what_cannot_be_approved_of_many_is_refused_before_there_is_a_job(
    fleet: Fleet, road: Road, vault: Vault
) -> None:
    ids = of_event(road, vault, 3)
    refused = fleet("held", "approve", "--code", "unmapped", "--yes")
    assert (refused.exit_code, "what is held as unmapped cannot go as it is" in refused.output) == (1, True)
    untouched(fleet, road, ids)
    differs = failed(road, vault, State.HELD, "total_differs", event="evt-9", order="9")
    assert "to approve" in fleet("held", "approve", *ids, differs, "--yes").output
