"""The ``/_sandbox`` routes: making orders and faults, and the ledger of what really took effect."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from integration.sandbox.clarity import Clarity, demo, generate
from integration.sandbox.clarity.problems import Problem, invalid, json_body
from integration.sandbox.faults import Fault, Faults
from integration.sandbox.odoo import Odoo

LOOPBACK = {"127.0.0.1", "::1"}
MOST_AT_ONCE = 20_000


class Control:
    """The routes.  With a token, all but the ledger on loopback ask for it in ``X-Sandbox-Token``."""

    def __init__(self, clarity: Clarity, odoo: Odoo, faults: Faults, token: str | None) -> None:
        self._clarity = clarity
        self._odoo = odoo
        self._faults = faults
        self._token = token

    def blueprint(self) -> Blueprint:
        control = Blueprint("control", __name__)
        routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("GET", "/ledger", self.ledger),
            ("POST", "/orders", self.place),
            ("POST", "/orders/generate", self.generate),
            ("POST", "/orders/demo", self.demo),
            ("PATCH", "/orders/<path:id>", self.change),
            ("POST", "/orders/<path:id>/cancel", self.cancel),
            ("GET", "/faults", self.list_faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("POST", "/odoo/failures", self.fail_odoo),
            ("POST", "/reset", self.reset),
        )
        for method, path, view in routes:
            control.add_url_rule(path, f"{method} {path}", view, methods=[method])
        control.before_request(self._admit)
        control.register_error_handler(Problem, Problem.response)
        return control

    def ledger(self) -> dict[str, Any]:
        return {"clarity": self._clarity.ledger(), "odoo": self._odoo.ledger()}

    def place(self) -> tuple[Response, int]:
        """Stores a full order, right or wrong, with the id it brings or a new one."""
        return jsonify(self._clarity.place([json_body()])[0]), 201

    def generate(self) -> tuple[Response, int]:
        """``{count, seed, traits}``: made-up orders."""
        body = json_body()
        count = body.get("count", 1)
        if not isinstance(count, int) or not 0 < count <= MOST_AT_ONCE:
            raise invalid(("/count", f"is a number from 1 to {MOST_AT_ONCE}"))
        try:
            drafts = generate.generate(count, body.get("seed", 0), list(body.get("traits") or ()))
        except generate.UnknownTrait as error:
            raise invalid(("/traits", str(error))) from error
        placed = self._clarity.place(drafts)
        return jsonify([_summary(order) for order in placed]), 201

    def demo(self) -> tuple[Response, int]:
        """A dozen varied orders, each with its story."""
        body = json_body() if request.content_length else {}
        told = demo.stories(body.get("seed", 0))
        placed = self._clarity.place([order for _, order in told])
        shown = [{**_summary(order), "story": story} for order, (story, _) in zip(placed, told, strict=True)]
        return jsonify(shown), 201

    def change(self, id: str) -> Response:
        """A merge patch; with ``?settle=1`` every amount is computed anew."""
        patch = json_body(("application/json", "application/merge-patch+json"))
        try:
            return jsonify(self._clarity.change(id, patch, settle=bool(request.args.get("settle"))))
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise invalid(("", "the patched order has parts that are missing or no amounts")) from error

    def cancel(self, id: str) -> Response:
        return jsonify(self._clarity.cancel(id))

    def fail_odoo(self) -> tuple[Response, int]:
        """``{name, times, model, method}``: the next calls fail by Odoo's own exceptions, or as ``load_conflict``."""
        try:
            self._odoo.fail_next(**json_body())
        except TypeError as error:
            raise invalid(("", str(error))) from error
        return jsonify({"status": "planted"}), 201

    def list_faults(self) -> Response:
        return jsonify(self._faults.list())

    def add_fault(self) -> tuple[Response, int]:
        """``{target, kind}`` and, if wanted, ``rate duration times path ms retry_after``."""
        try:
            self._faults.add(Fault(**json_body()))
        except (TypeError, ValueError) as error:
            raise invalid(("", str(error))) from error
        return jsonify(self._faults.list()), 201

    def clear_faults(self) -> Response:
        return jsonify({"cleared": self._faults.clear()})

    def reset(self) -> Response:
        """Forgets all records and faults."""
        self._faults.clear()
        self._clarity.reset()
        self._odoo.reset()
        return jsonify({"status": "empty"})

    def _admit(self) -> None:
        open_ledger = request.endpoint == "control.GET /ledger" and request.remote_addr in LOOPBACK
        given = request.headers.get("X-Sandbox-Token", "")
        if self._token and not open_ledger and not hmac.compare_digest(given.encode(), self._token.encode()):
            raise Problem(401, "invalid_token", "Send the sandbox's token in X-Sandbox-Token.")


def _summary(order: dict[str, Any]) -> dict[str, Any]:
    total = order["totals"]["grandTotal"]
    return {"id": order["id"], "number": order["number"], "total": total, "currency": order["currency"]}
