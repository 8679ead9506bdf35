"""Targets: whether each system may be called, what waits for it, its polls; and the decisions of operators."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from integration.console.site import Site, user
from integration.errors import Failure
from integration.operations import targets as operations
from integration.store import installations
from integration.store.database import Transaction

FASTEST = 10_000.0
"""Calls per second, and hops at a time."""


def targets(site: Site) -> str:
    with site.database.transaction() as tx:
        rows = operations.listed(tx, site.settings)
    return render_template("targets.html", rows=rows)


def change_target(site: Site, name: str) -> Response:
    """Pauses, resumes or limits a target, for the whole fleet."""
    change, reason = request.form.get("change", ""), request.form.get("reason", "").strip()[:500]
    limits = {"rate": _number("rate"), "concurrency": _number("concurrency")} if change == "limit" else {}

    def act(tx: Transaction, id: int, name: str) -> Any:
        match change:
            case "pause":
                return operations.pause(tx, id, name, reason, user().name)
            case "resume":
                return installations.resume(tx, id, who=user().name)
            case "limit":
                hops = limits["concurrency"]
                whole = None if hops is None else int(hops)
                return installations.limit(tx, id, user().name, rate=limits["rate"], concurrency=whole)
            case "unlimit":
                return installations.unlimit(tx, id, user().name)
        raise BadRequest("There is no such change.")

    operations.decide(site.database, site.settings, name, act)
    return redirect(url_for("targets"), 303)


def _number(field: str) -> float | None:
    """A positive number that was typed; None where nothing was."""
    text = request.form.get(field, "").strip()
    try:
        number = float(text) if text else None
    except ValueError:
        number = -1.0
    if number is not None and not 0 < number <= FASTEST:
        raise Failure(f"{field} cannot be {text[:20]!r}", hint="Give a positive number, such as 5.")
    return number
