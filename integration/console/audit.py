"""The audit: what people did, newest first."""

from __future__ import annotations

from flask import render_template, request

from integration.console.selected import before, next_page
from integration.console.site import Site
from integration.operations.objects import page_of
from integration.operations.selection import Selection
from integration.store import audit as books

PAGE = 100


def audit(site: Site) -> str:
    who, action = request.args.get("who") or None, request.args.get("action") or None
    with site.database.transaction() as tx:
        rows = books.entries(tx, Selection(), who=who, action=action, limit=PAGE + 1, before=before())
    page = page_of(rows, PAGE)
    return render_template("audit.html", rows=page.rows, who=who, action=action, next=next_page(page.next))
