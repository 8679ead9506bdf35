"""Clarity's API, as far as an order's status needs it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.benchmarks.cheap.wire import Answer, Call

Row = dict[str, Any]
PATH = "/api/v1/orders/"


class Clarity:
    """Every order there may be, each with the statuses that it was brought to."""

    def __init__(self) -> None:
        self.statuses: dict[str, list[str]] = defaultdict(list)

    def answer(self, call: Call) -> Answer:
        id, _, what = call.path.removeprefix(PATH).partition("/")
        if what == "status" and call.method == "POST":
            self.statuses[id].append(call.json()["status"])
        elif what or call.method != "GET":
            return Answer(404, {"title": "there is no such resource"})
        status = (self.statuses.get(id) or ["confirmed"])[-1]
        return Answer(200, {"id": id, "number": f"B-{id}", "version": 2, "status": status})
