"""The ledger of the sandbox: entries in memory, each under a unique reference."""

from __future__ import annotations

import itertools
from typing import Any

from flask import Blueprint, Response, jsonify, request

Row = dict[str, Any]


class Ledger:
    """One ledger; ``entries`` are its books, by reference, and ``writes`` counts the changes of each."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self._numbers = itertools.count(1)
        self.entries: dict[str, Row] = {}
        self.writes: dict[str, int] = {}
        self.blueprint = Blueprint("ledger", __name__)
        self.blueprint.before_request(self._check_key)
        self.blueprint.get("/me")(lambda: {"name": "fleet"})
        self.blueprint.get("/entries")(self._list)
        self.blueprint.post("/entries")(self._create)
        self.blueprint.patch("/entries/<int:id>")(self._change)

    def _check_key(self) -> tuple[Response, int] | None:
        if request.headers.get("Authorization") != f"Bearer {self._api_key}":
            return jsonify(error="unknown key"), 401
        return None

    def _list(self) -> Row:
        found = self.entries.get(request.args["reference"])
        return {"entries": [found] if found else []}

    def _create(self) -> tuple[Row, int]:
        body: Row = request.get_json()
        if body["reference"] in self.entries:
            return {"error": "the reference is taken"}, 409
        entry = self.entries[body["reference"]] = {"id": next(self._numbers), **body}
        self.writes[body["reference"]] = 1
        return entry, 201

    def _change(self, id: int) -> Row:
        [entry] = [each for each in self.entries.values() if each["id"] == id]
        entry |= request.get_json()
        self.writes[entry["reference"]] += 1
        return entry
