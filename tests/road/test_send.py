"""`fleet send`: an order or an event from a file reaches the receiver, signed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.road.world import World


def send(world: World, *arguments: str, given: str | None = None) -> str:
    variables = {"PATH": os.defpath, "FLEET_HOME": str(world.fleet.home)}
    command = [sys.executable, "-m", "integration.cli", "send", *arguments]
    return subprocess.run(command, env=variables, input=given, capture_output=True, text=True, check=True).stdout


def test_an_order_and_an_event_are_sent(road: World, tmp_path: Path) -> None:
    (id,) = road.generate(1, "plain")
    road.finished(id)
    order = road.order(id) | {"version": 2}
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order))
    assert send(road, str(file)).startswith("202 ")
    assert send(road, "--type", "order.cancelled", str(file)).startswith("202 ")
    event = {"id": "evt-sent", "type": "order.updated", "timestamp": "2026-11-20T10:15:29Z", "data": order}
    assert send(road, "-", given=json.dumps(event)).startswith("202 ")
    types = {"order.created", "order.cancelled", "order.updated"}
    road.until(lambda: {row["type"] for row in road.deliveries(id)} >= types, 30)
