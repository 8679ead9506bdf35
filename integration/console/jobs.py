"""Jobs: what is done about many deliveries at once.  A job is previewed, which freezes its items, and then started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from integration.console.selected import before, in_trouble, next_page, selected
from integration.console.site import Site, user
from integration.errors import Failure
from integration.operations import jobs as operations
from integration.operations.possible import check_approvable
from integration.store.database import Transaction

PAGE = 50
MOST = 100_000
"""Items of one job."""
CHANGES: Mapping[str, Callable[[Transaction, int, str], None]] = {
    "start": operations.start,
    "pause": operations.pause,
    "resume": operations.resume,
    "cancel": operations.cancel,
}


def jobs(site: Site) -> str:
    with site.database.transaction() as tx:
        page = operations.listed(tx, (), PAGE, before())
    return render_template("jobs.html", rows=page.rows, next=next_page(page.next))


def preview(site: Site) -> Response:
    """Freezes all that is selected as the items of a new job, and shows it; nothing is done yet."""
    act, chosen = request.form.get("act", ""), in_trouble(selected(request.form.get("selection", "")))
    if act not in ("replay", "approve", "resolve"):
        raise BadRequest("There is no such act.")
    options: dict[str, Any] = {}
    if act == "resolve":
        options["reason"] = request.form.get("reason", "").strip()[:500]
        if not options["reason"]:
            raise Failure("there is no reason", hint="Say why it is settled; the reason is kept with each delivery.")
    with site.database.transaction() as tx:
        made = operations.preview(tx, act, chosen, MOST, user().name, **options)
        if act == "approve":
            check_approvable(made)
    return redirect(url_for("job", id=made.id), 303)


def job(site: Site, id: int) -> str:
    """A job: before its start what it would do, and afterwards what it has done about each delivery."""
    result = request.args.get("result") or None
    with site.database.transaction() as tx:
        shown = operations.show(tx, id)
        page = operations.items(tx, id, result=result, limit=PAGE, after=_after())
        attended = operations.attended(tx)
    return render_template("job.html", shown=shown, rows=page.rows, next=next_page(page.next), attended=attended)


def change_job(site: Site, id: int) -> Response:
    """Starts, pauses, resumes, cancels or discards a job, or previews another one that undoes it."""
    change = request.form.get("change", "")
    with site.database.transaction() as tx:
        match change:
            case "discard":
                operations.discard(tx, id)
                return redirect(url_for("jobs"), 303)
            case "undo":
                id = operations.preview_undo(tx, id, user().name).id
            case _ if change in CHANGES:
                partial(CHANGES[change], tx, id, user().name)()
            case _:
                raise BadRequest("There is no such change.")
    return redirect(url_for("job", id=id), 303)


def _after() -> int:
    text = request.args.get("before", "")
    return int(text) if text.isdecimal() and len(text) < 19 else 0
