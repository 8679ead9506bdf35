"""What changed in a collection: its rows in the order of their LastUpdateDate, page by page.

Pages follow the time, not the place: the next one begins at the last stamp of the one before.  By place alone a row
that changes meanwhile, and so moves to the end, would pull all behind it forward, and the next page would begin one
row too late.  Rows of the last second come twice that way.  Only where a whole page has one and the same stamp does the
place count within it; a row missed there, because another of that very second changed, is in reach of the next sweep.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog

from integration.canonical import digest
from integration.connectors.answers import endless
from integration.connectors.contract import Batch, Document
from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.decode import literal, moment, newest
from integration.errors import Reject

logger = structlog.get_logger(__name__)

LIMIT = 25
"""Rows of a page: for most of them more has to be read."""
MOST_OF_ONE_STAMP = 100_000
"""Rows with one and the same LastUpdateDate; more than this is a list without an end."""


class Listing:
    """A collection at ``path`` whose rows have the number ``key`` and a time of change, ``stamp``."""

    def __init__(self, client: Client, path: str, key: str, stamp: str = "LastUpdateDate") -> None:
        self._client = client
        self._path = path
        self._key = key
        self._stamp = stamp
        self._warned = False

    def changed(self, since: datetime, page: Document | None, where: str, **params: str) -> Batch:
        """The rows that changed at ``since`` or later and fit ``where``, or the ``page`` of them.

        None where the pod cannot be asked so: not every resource of every pod can be queried by LastUpdateDate.  What
        is there is then found by the orders that are open.
        """
        place = page or {"since": literal(since), "offset": 0}
        try:
            rows, more = self._client.page(
                self._path,
                q=" and ".join(filter(None, (f"{self._stamp} >= {quoted(place['since'])}", where))),
                orderBy=f"{self._stamp}:asc,{self._key}:asc",
                limit=LIMIT,
                offset=place["offset"],
                onlyData="true",
                **params,
            )
        except Reject as refused:
            self._warn(refused)
            return Batch([], None, None)
        if place.get("seen") in {digest(row) for row in rows} or place["offset"] > MOST_OF_ONE_STAMP:
            raise endless(f"GET {self._path}")
        seen = newest(row.get(self._stamp) for row in rows)
        return Batch(rows, seen, self._next(place, rows) if more else None)

    def _warn(self, refused: Reject) -> None:
        if not self._warned:
            logger.warning("poll.changes_unavailable", path=self._path, reason=refused.reason)
        self._warned = True

    def _next(self, place: Document, rows: list[dict[str, Any]]) -> Document:
        """Where the next page begins; within one stamp it must not show the first row again (``seen``)."""
        last = moment(rows[-1].get(self._stamp))
        if last and literal(last) > place["since"]:
            return {"since": literal(last), "offset": 0}
        return {
            "since": place["since"],
            "offset": place["offset"] + len(rows),
            "seen": place.get("seen") or digest(rows[0]),
        }
