"""The ``/_sandbox`` routes: faults, the ledger of what really took effect, and what each system can be asked for."""

from __future__ import annotations

import hmac
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response, jsonify, request

from integration.sandbox.clarity.problems import Problem, invalid, json_body
from integration.sandbox.faults import Fault, Faults
from integration.sandbox.routes import Erp, Pod, Shop, of_added
from integration.sandbox.systems import Systems

LOOPBACK = {"127.0.0.1", "::1"}


class Control:
    """The routes.  With a token, all but the ledger on loopback ask for it in ``X-Sandbox-Token``.

    Those of a system that is not played are not there.
    """

    def __init__(self, systems: Systems, faults: Faults, token: str | None) -> None:
        self._systems = systems
        self._faults = faults
        self._token = token
        self.guarded = token is not None

    def blueprint(self) -> Blueprint:
        control = Blueprint("control", __name__)
        for method, path, view in self._routes():
            control.add_url_rule(path, f"{method} {path}", view, methods=[method])
        control.before_request(self._admit)
        control.register_error_handler(Problem, Problem.response)
        return control

    def described(self) -> Iterator[tuple[str, str]]:
        """Every route as people write it, with the first line of what its view says of itself."""
        for method, path, view in self._routes():
            said = (inspect.getdoc(view) or "").partition("\n")[0].replace("``", "")
            yield f"{method} /_sandbox{path.replace('path:', '').replace('int:', '')}", said

    def _routes(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        yield "GET", "/ledger", self.ledger
        yield "GET", "/faults", self.list_faults
        yield "POST", "/faults", self.add_fault
        yield "DELETE", "/faults", self.clear_faults
        yield "POST", "/reset", self.reset
        if self._systems.clarity:
            yield from Shop(self._systems.clarity).routes()
        if self._systems.odoo:
            yield from Erp(self._systems.odoo).routes()
        if self._systems.fusion:
            yield from Pod(self._systems.fusion).routes()
        for name, system in self._systems.added.items():
            yield from of_added(system, f"/systems/{name}")

    def ledger(self) -> dict[str, Any]:
        """What really took effect, by system."""
        return {name: system.ledger() for name, system in self._systems.played()}

    def list_faults(self) -> Response:
        """The faults in force and how often each has fired."""
        return jsonify(self._faults.list())

    def add_fault(self) -> tuple[Response, int]:
        """``{target, kind}`` and, if wanted, ``{rate, duration, times, path, ms, retry_after}``: things go wrong."""
        try:
            self._faults.add(Fault(**json_body()))
        except (TypeError, ValueError) as error:
            raise invalid(("", str(error))) from error
        return jsonify(self._faults.list()), 201

    def clear_faults(self) -> Response:
        """Ends all faults."""
        return jsonify({"cleared": self._faults.clear()})

    def reset(self) -> Response:
        """Forgets all records and faults."""
        self._faults.clear()
        for _, system in self._systems.played():
            system.reset()
        return jsonify({"status": "empty"})

    def _admit(self) -> None:
        open_ledger = request.endpoint == "control.GET /ledger" and request.remote_addr in LOOPBACK
        given = request.headers.get("X-Sandbox-Token", "")
        if self._token and not open_ledger and not hmac.compare_digest(given.encode(), self._token.encode()):
            raise Problem(401, "invalid_token", "Send the sandbox's token in X-Sandbox-Token.")
