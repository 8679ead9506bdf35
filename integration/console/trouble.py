"""Trouble: what waits for a person, by cause; a cause with its deliveries; and one delivery with all about it."""

from __future__ import annotations

from typing import Any

from flask import render_template
from werkzeug.exceptions import NotFound

from integration.canonical import ACCEPTABLE, thaw
from integration.canonical.entities import entity
from integration.console.selected import before, in_trouble, next_page, selected
from integration.console.site import Site
from integration.masking import masked
from integration.operations.differences import leaves
from integration.operations.objects import page_of
from integration.operations.totals import concerned
from integration.store import attempts, decisions, repair, views

PAGE = 50


def trouble(site: Site) -> str:
    """One row for each cause, the most frequent first."""
    chosen = in_trouble(selected())
    with site.database.transaction() as tx:
        groups, objects = repair.kinds(tx, chosen), concerned(tx, chosen)
    return render_template("trouble.html", groups=groups, objects=objects, chosen=chosen)


def group(site: Site, fingerprint: str) -> str:
    """The deliveries of one cause, and what can be done about all of them."""
    chosen = in_trouble(selected(fingerprint=fingerprint))
    with site.database.transaction() as tx:
        kinds = repair.kinds(tx, chosen)
        page = page_of(repair.matching(tx, chosen, PAGE + 1, before()), PAGE)
    acceptable = any(kind["code"] in ACCEPTABLE and kind["state"] == "held" for kind in kinds)
    return render_template(
        "group.html",
        kinds=kinds,
        rows=page.rows,
        chosen=chosen,
        acceptable=acceptable,
        next=next_page(page.next),
        fingerprint=fingerprint,
    )


def delivery(site: Site, id: int) -> str:
    """One delivery: what is wrong, what to do, what was tried, and what would be sent, masked."""
    with site.database.transaction() as tx:
        row = views.delivery(tx, id)
        if row is None:
            raise NotFound
        tries, decided = attempts.of_delivery(tx, id), decisions.of_delivery(tx, id)
    document: Any = thaw(site.vault.open(row["document"])) if row["document"] else None
    personal = entity(row["entity"]).personal
    return render_template(
        "delivery.html",
        row=row,
        tries=tries,
        decided=decided,
        candidates=thaw(site.vault.open(row["candidates"])) if row["candidates"] else [],
        document=list(leaves(masked(document, personal=personal))) if document else [],
        acceptable=row["state"] == "held" and row["code"] in ACCEPTABLE,
    )
