"""Clarity's HTTP API: our sandbox contract for "Clarity API v1", not the vendor's.

What the contract has and this sandbox does not play answers 501 and says so.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from integration.sandbox.clarity import events, lists, money, orders
from integration.sandbox.clarity.access import RateLimit, Tokens
from integration.sandbox.clarity.cancellations import cancel_lines
from integration.sandbox.clarity.customers import CUSTOMERS
from integration.sandbox.clarity.fulfilment import Fulfilment
from integration.sandbox.clarity.idempotency import Idempotency
from integration.sandbox.clarity.inventory import Inventory
from integration.sandbox.clarity.problems import Problem, invalid, json_body, missing, not_faked
from integration.sandbox.clarity.products import PRODUCTS
from integration.sandbox.clarity.records import Document, Records
from integration.sandbox.clarity.replies import check_version, shown
from integration.sandbox.clarity.return_routes import Returns
from integration.sandbox.clarity.versioned import Versioned
from integration.sandbox.clarity.webhooks import Sender
from integration.sandbox.config import ClarityConfig

ROOT = "/api/v1"
PATCHABLE = {"externalIds", "notes", "customAttributes", "tags"}
ORDER_PARTS = (
    *("currency", "taxIncluded", "customer", "lines", "shippingLines", "fees", "discounts", "payments", "totals"),
    *("billingAddress", "shippingAddress"),
)


class Api:
    """The routes.  The table in `blueprint` is the list of what is played."""

    def __init__(self, records: Records, sender: Sender, config: ClarityConfig) -> None:
        self._records = records
        self._sender = sender
        self._tokens = Tokens(config)
        self._limit = RateLimit(config)
        self._idempotency = Idempotency(records)
        self._fulfilment = Fulfilment(records, self._changing, sender.wake)
        self._returns = Returns(records, self._changing)
        self._inventory = Inventory(records, self._changing)
        self._webhook_url = config.webhook_url

    def blueprint(self) -> Blueprint:
        api = Blueprint("clarity", __name__)
        routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("POST", "/oauth/token", self._tokens.issue),
            ("GET", f"{ROOT}/orders", self.list_orders),
            ("POST", f"{ROOT}/orders", self.create_order),
            ("GET", f"{ROOT}/orders/<path:id>", self.show_order),
            ("PATCH", f"{ROOT}/orders/<path:id>", self.patch_order),
            ("POST", f"{ROOT}/orders/<path:id>/status", self.push_status),
            ("GET", f"{ROOT}/orders/<path:id>/payments", self.list_payments),
            ("POST", f"{ROOT}/orders/<path:id>/cancellations", partial(cancel_lines, self._records, self._changing)),
            *((method, f"{ROOT}{path}", view) for method, path, view in self._fulfilment.routes()),
            *((method, f"{ROOT}{path}", view) for method, path, view in self._returns.routes()),
            *((method, f"{ROOT}{path}", view) for method, path, view in self._inventory.routes()),
            *self.of_records(CUSTOMERS),
            *self.of_records(PRODUCTS),
            ("GET", f"{ROOT}/products/by-sku/<sku>", self.show_product_by_sku),
            ("GET", f"{ROOT}/webhook-subscriptions", self.list_subscriptions),
            ("PATCH", f"{ROOT}/webhook-subscriptions/<id>", self.patch_subscription),
            ("POST", f"{ROOT}/webhook-subscriptions/<id>/test", self.test_subscription),
            ("GET", f"{ROOT}/webhook-deliveries", self.list_deliveries),
            ("POST", f"{ROOT}/webhook-deliveries/<id>/redeliver", self.redeliver),
            ("GET", f"{ROOT}/health", self.health),
            ("GET", f"{ROOT}/version", self.version),
        )
        for method, path, view in routes:
            api.add_url_rule(path, f"{method} {path}".replace(".", "_"), view, methods=[method])
        for path in (
            "/",
            "/<path:rest>",
            f"{ROOT}/orders/<path:id>/<any(shipments,invoices,payments,refunds,returns):part>",
        ):
            api.add_url_rule(path, f"else {path}", self.not_played, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        api.before_request(self._admit)
        api.after_request(_mark)
        api.register_error_handler(Problem, Problem.response)
        api.register_error_handler(HTTPException, _as_problem)
        return api

    def list_orders(self) -> Response:
        return jsonify(lists.page(self._records, "order", request.args))

    def create_order(self) -> Response:
        return self._changing(self._create_order)

    def show_order(self, id: str) -> Response:
        return shown(orders.existing(self._records, id))

    def patch_order(self, id: str) -> Response:
        patch = json_body(("application/json", "application/merge-patch+json"))
        if unknown := sorted(set(patch) - PATCHABLE):
            raise invalid(*((f"/{name}", "cannot be changed here") for name in unknown))
        with self._records.transaction() as db:
            order = orders.existing(self._records, id)
            check_version(order)
            order = orders.merge(db, order, patch, "api")
        self._sender.wake()
        return shown(order)

    def push_status(self, id: str) -> Response:
        body = json_body()
        external_ref = body.get("externalRef")
        if not isinstance(body.get("status"), str):
            raise invalid(("/status", "is missing"))
        if external_ref is not None and not (isinstance(external_ref, str) and 0 < len(external_ref) <= 255):
            raise invalid(("/externalRef", "is a text of 1 to 255 characters"))

        def push(db: sqlite3.Connection, key: str) -> Response:
            order = orders.existing(self._records, id)
            status = body["status"]
            changed = orders.set_status(db, order, status, "api")
            orders.record_push(db, id, status, changed=changed, external_ref=external_ref, key=key)
            return shown(order)

        return self._changing(push)

    def list_payments(self, id: str) -> Response:
        orders.existing(self._records, id)
        arguments = MultiDict([*request.args.items(multi=True), ("orderId", id)])
        return jsonify(lists.page(self._records, "payment", arguments))

    def of_records(self, of: Versioned) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        """The routes of the records of one kind: list, show and change."""
        path = f"{ROOT}/{of.kind}s"

        def change(id: str) -> Response:
            patch = json_body(("application/json", "application/merge-patch+json"))
            with self._records.transaction() as db:
                record = of.existing(self._records, id)
                check_version(record)
                record = of.patch(db, record, patch)
            self._sender.wake()
            return shown(record)

        yield "GET", path, lambda: jsonify(lists.page(self._records, of.kind, request.args))
        yield "GET", f"{path}/<id>", lambda id: shown(of.existing(self._records, id))
        yield "PATCH", f"{path}/<id>", change

    def show_product_by_sku(self, sku: str) -> Response:
        found = self._records.rows("SELECT document FROM objects WHERE kind = 'product' AND number = ?", sku)
        if not found:
            raise missing("product")
        return jsonify(json.loads(found[0]["document"]))

    def list_subscriptions(self) -> Response:
        return jsonify({"items": [self._subscription(events.SUBSCRIPTION)]})

    def patch_subscription(self, id: str) -> Response:
        body = json_body(("application/json", "application/merge-patch+json"))
        self._subscription(id)
        if set(body) != {"status"} or body["status"] not in {"active", "paused"}:
            raise invalid(("/status", "only this can be changed, to active or paused"))
        with self._records.transaction() as db:
            db.execute("UPDATE subscription SET status = ?, failures = 0", (body["status"],))
        self._sender.wake()
        return jsonify(self._subscription(id))

    def test_subscription(self, id: str) -> Response:
        self._subscription(id)
        with self._records.transaction() as db:
            event = events.record(db, "webhook.test", {"id": id, "message": "It works."})
        self._sender.wake()
        return _accepted(event)

    def list_deliveries(self) -> Response:
        size, index = request.args.get("pageSize", 50, int), request.args.get("pageIndex", 0, int)
        size, index = max(1, min(size, lists.LARGEST_PAGE)), max(0, index)
        found = events.deliveries(self._records, request.args.get("status"), size, index * size)
        return jsonify({"items": found, "pageIndex": index, "pageSize": size})

    def redeliver(self, id: str) -> Response:
        with self._records.transaction() as db:
            if not events.redeliver(db, id):
                raise missing("webhook delivery")
        self._sender.wake()
        return _accepted(id)

    def health(self) -> Response:
        return jsonify({"status": "ok"})

    def version(self) -> Response:
        return jsonify({"apiVersion": events.API_VERSION, "name": "Clarity sandbox (our contract, not the vendor's)"})

    def not_played(self, **_parts: str) -> Response:
        raise not_faked(f"{request.method} {request.path}")

    def _admit(self) -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if re.fullmatch(r"[\w.:-]{1,128}", given) else f"req_{secrets.token_hex(8)}"
        if ROOT in request.path and not request.path.endswith((f"{ROOT}/health", f"{ROOT}/version")):
            self._limit.take()
            self._tokens.check()

    def _changing(self, act: Callable[[sqlite3.Connection, str], Response]) -> Response:
        answer = self._idempotency.once(act, orders.record_replay)
        self._sender.wake()
        return answer

    def _create_order(self, db: sqlite3.Connection, _key: str) -> Response:
        given = json_body()
        if absent := [name for name in ORDER_PARTS if name not in given]:
            raise invalid(*((f"/{name}", "is missing") for name in absent))
        try:
            wrong = money.contradictions(given)
        except money.Unreadable as unreadable:
            raise invalid((unreadable.pointer, "has parts that are missing or no amounts")) from unreadable
        if wrong:
            raise Problem(422, "totals_mismatch", "The order does not add up.", errors=tuple(wrong))
        order = orders.create(db, given, "api")
        return shown(order, created_at=f"{request.path}/{order['id']}")

    def _subscription(self, id: str) -> Document:
        row = self._records.rows("SELECT * FROM subscription WHERE id = ?", id)
        if not row:
            raise missing("webhook subscription")
        return {
            "id": id,
            "url": self._webhook_url,
            "events": ["*"],
            "payload": "full",
            "status": row[0]["status"],
            "createdDate": row[0]["created"],
            "failureCount": row[0]["failures"],
            "lastDelivery": row[0]["last_delivery"],
        }


def _accepted(id: str) -> Response:
    answer = jsonify({"id": id, "status": "pending"})
    answer.status_code = 202
    return answer


def _mark(answer: Response) -> Response:
    answer.headers["X-Request-Id"] = g.get("request_id", "")
    answer.headers["Clarity-Api-Version"] = events.API_VERSION
    answer.headers.extend(g.get("rate_limit", {}))
    return answer


def _as_problem(error: HTTPException) -> Response:
    return Problem(error.code or 500, str(error.name).lower().replace(" ", "_"), error.description or "").response()
