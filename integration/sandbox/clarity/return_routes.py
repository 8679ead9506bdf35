"""The routes of returns, part of Clarity's API (3.1 of the contract)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, jsonify, request
from werkzeug.datastructures import MultiDict

from integration.sandbox.clarity import lists, order_documents, orders, returns
from integration.sandbox.clarity.problems import Problem, json_body
from integration.sandbox.clarity.records import Records
from integration.sandbox.clarity.replies import shown

Act = Callable[[sqlite3.Connection, str], Response]


class Returns:
    """``once`` lets a request with an Idempotency-Key take effect."""

    def __init__(self, records: Records, once: Callable[[Act], Response]) -> None:
        self._records = records
        self._once = once

    def routes(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        yield "GET", "/returns", self.list
        yield "GET", "/returns/<id>", self.show
        yield "POST", "/returns/<id>/status", self.push_status
        yield "GET", "/orders/<path:id>/returns", self.list_of_order
        yield "POST", "/orders/<path:id>/returns", self.create

    def list(self) -> Response:
        return jsonify(lists.page(self._records, returns.KIND, request.args))

    def list_of_order(self, id: str) -> Response:
        orders.existing(self._records, id)
        arguments = MultiDict([*request.args.items(multi=True), ("orderId", id)])
        return jsonify(lists.page(self._records, returns.KIND, arguments))

    def show(self, id: str) -> Response:
        return shown(returns.existing(self._records, id))

    def create(self, id: str) -> Response:
        body = json_body()

        def create(db: sqlite3.Connection, _key: str) -> Response:
            order = orders.existing(self._records, id)
            fields = returns.read(order, body)
            if order_documents.refuse(db, returns.KIND, id, fields["externalRef"]):
                problem = Problem(409, "already_exists", "The order has a return with this externalRef.")
                return problem.response()  # raised, it would take back that it was counted
            made = returns.create(db, order, fields)
            return shown(made, created_at=f"{request.path.partition('/orders/')[0]}/returns/{made['id']}")

        return self._once(create)

    def push_status(self, id: str) -> Response:
        body = json_body()

        def push(db: sqlite3.Connection, _key: str) -> Response:
            found = returns.existing(self._records, id)
            order = orders.existing(self._records, found["orderId"])
            return shown(returns.receive(db, order, found, body))

        return self._once(push)
