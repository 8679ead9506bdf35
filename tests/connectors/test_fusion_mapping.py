"""The mapping to Fusion: orders of every kind arrive there to the cent, and no row can be taken away unnoticed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.canonical import check_order
from integration.errors import Failure
from integration.rules.mapping_check import check_definitions
from integration.rules.workflow import load_definitions
from integration.sandbox.clarity.generate import SOUND, generate
from mappings import FOLDER
from tests.connectors.fusion_targets import Shop, pod
from tests.connectors.work import MemoryWork

MAPPING = json.loads((FOLDER / "fusion" / "out" / "order.json").read_text())


def without_each_row(rows: list[dict[str, Any]], path: tuple[int, ...] = ()) -> Iterator[tuple[str, tuple[int, ...]]]:
    for index, row in enumerate(rows):
        yield f"{'.'.join(str(place + 1) for place in (*path, index))} {row['to']}", (*path, index)
        yield from without_each_row(row.get("rows", []), (*path, index))


@pytest.mark.parametrize("path", [pytest.param(path, id=name) for name, path in without_each_row(MAPPING["rows"])])
def test_a_row_that_is_taken_away_is_noticed(tmp_path: Path, path: tuple[int, ...]) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "mappings")
    mapping = deepcopy(MAPPING)
    rows = mapping["rows"]
    for place in path[:-1]:
        rows = rows[place]["rows"]
    del rows[path[-1]]
    (folder / "fusion" / "out" / "order.json").write_text(json.dumps(mapping))
    [checked] = check_definitions(folder, "fusion.out.order")
    assert checked.problems


def test_orders_of_every_kind_reach_fusion_to_the_cent(tmp_path: Path) -> None:
    workflow = next(each for each in load_definitions(FOLDER).workflows if each.name == "order-to-fusion")
    sent, refused = 0, []
    with pod(tmp_path) as target:
        shop = Shop(target)
        connector = target.connector(guest_account="90000")
        for number, order in enumerate(generate(2 * len(SOUND), 7, [])):
            event = {"data": {**order, "id": f"g-{number}", "number": f"WEB-{number}", "version": 1, **TIMES}}
            given = json.loads(json.dumps(event, default=str), parse_float=Decimal)
            canonical, _, document = workflow.translate(given, {"fusion"})
            try:
                check_order(canonical)
                shop.send(document, MemoryWork(), connector)
            except Failure as failure:
                refused.append(failure.reason)
                continue
            totals = target.order(document)["totals"]
            assert Decimal(totals["total"]) == canonical["totals"]["grand_total"]
            assert Decimal(totals["tax"]) == (canonical["totals"]["tax"] or 0)
            sent += 1
    assert (sent, refused) == (2 * len(SOUND), [])


TIMES = {"placedAt": "2026-11-20T10:15:29Z", "createdDate": None, "updatedDate": "2026-11-20T10:15:29Z"}
