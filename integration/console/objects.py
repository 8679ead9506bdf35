"""Objects: one box that finds any of them, lists of one row each, and the whole story of one."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from integration.canonical.entities import ENTITIES
from integration.console.selected import before, next_page, selected
from integration.console.site import Site
from integration.operations import objects
from integration.operations.story import story as story_of

PAGE = 50


def find(site: Site) -> str | Response:
    """What has this number, id, SKU, tracking number or e-mail address; a single one is shown at once."""
    text = request.args.get("text", "").strip()[:200]
    if not text:
        return render_template("find.html", text="", rows=[])
    with site.database.transaction() as tx:
        rows = objects.find(tx, site.vault, text, site.email_key(text))
    if len(rows) == 1:
        return redirect(url_for("story", of=rows[0]["entity"], id=rows[0]["object"]), 303)
    return render_template("find.html", text=text, rows=rows)


def object_list(site: Site, of: str) -> str:
    """One row for each object that is meant, the last one to appear first."""
    _check(of)
    chosen = selected()
    with site.database.transaction() as tx:
        page = objects.listed(tx, site.vault, of, chosen, PAGE, before())
    systems = sorted({each["system"] for row in page.rows for each in row["targets"]})
    return render_template(
        "objects.html", of=of, rows=page.rows, systems=systems, chosen=chosen, next=next_page(page.next)
    )


def story(site: Site, of: str, id: str) -> str:
    """All that happened with one object and its parts, in both directions."""
    _check(of)
    with site.database.transaction() as tx:
        its = story_of(tx, site.vault, of, id)
    if not its.events:
        raise NotFound
    everything = "all" in request.args
    quiet = len({each["message"] for each in its.events if each["quiet"]})
    events = [each for each in its.events if everything or not each["quiet"]]
    return render_template("story.html", of=of, its=its, events=events, quiet=quiet, everything=everything)


def _check(of: str) -> None:
    if of not in ENTITIES or not ENTITIES[of].home:
        raise NotFound
