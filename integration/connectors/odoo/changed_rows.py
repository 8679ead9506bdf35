"""What changed in Odoo, oldest first and page by page, each row once in a run.

Odoo keeps and sorts ``write_date`` to the microsecond, but answers and (since 19) compares whole seconds; before 19 it
compares a second with the microseconds.  All rows of one transaction bear the same time, that of its start.  So a page
never ends within a second by time: the second in which it would is read by id, in as many pages as it takes.  Only
``>=`` and ``<`` are used, which mean the same in every version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from integration.connectors.answers import endless
from integration.connectors.contract import Batch, Document
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.decode import moment, written

Row = dict[str, Any]
PAGE = 80
SECOND = timedelta(seconds=1)


def changed(
    client: Client, model: str, domain: list[Any], fields: Sequence[str], since: datetime, page: Document | None
) -> Batch:
    """The rows of that page with ``id``, ``write_date`` and ``fields``; a batch before the last may be empty.

    ``page`` is ``{"at": second, "after": id}``: of that second what comes after the id, or, where that is None,
    everything from that second on.
    """

    def search(order: str, *when: Any) -> list[Row]:
        names = ["write_date", *fields]
        rows: list[Row] = client.call(
            model, "search_read", domain=[*domain, *when], fields=names, order=order, limit=PAGE
        )
        return rows

    at, after = (page["at"], page["after"]) if page else (written(since), None)
    from_second = ["write_date", ">=", at]
    next: Document | None = None
    if after is None:
        rows = search("write_date, id", from_second)
        _check(model, rows, lambda row: row["write_date"] >= at)
        if len(rows) == PAGE:
            last = rows[-1]["write_date"]
            rows = [row for row in rows if row["write_date"] < last]
            next = {"at": last, "after": 0}
    else:
        following = written(moment(at) + SECOND)
        rows = search("id", from_second, ["write_date", "<", following], ["id", ">", after])
        _check(model, rows, lambda row: row["id"] > after and row["write_date"] == at)
        full = len(rows) == PAGE
        next = {"at": at, "after": rows[-1]["id"]} if full else {"at": following, "after": None}
    return Batch(rows, max((moment(row["write_date"]) for row in rows), default=None), next)


def _check(model: str, rows: list[Row], was_asked: Callable[[Row], bool]) -> None:
    """Rows that were not asked for lead back to pages that were read already, and so on for ever: `Endless`."""
    if len(rows) > PAGE or not all(map(was_asked, rows)):
        raise endless(f"search_read of {model}")
