"""Calls that several deliveries make at the same time, made as one.

Each delivery makes its calls for itself.  Within a batch (`side_by_side.run`) those of one kind become one call for at
most 16 of them, and each gets its own part of the answer:

==========================  ==========================================================================================
``load``                    of one model with the same columns: the rows, one after the other (Odoo 19 answers the ids
                            in the order of the rows, new records and known ones mixed)
``read``, ``web_read``      of the same fields, and ``get_external_id``: the ids of all
``search_read``             of the same fields, where these show which row belongs to which search: an "or" of all
``action_confirm``          the ids of all
what changes nothing else   when it is the very same call
==========================  ==========================================================================================

Odoo 19 does each of these in one transaction, whole or not at all: with one order of sixteen that is not a draft none
is confirmed, with one row that it refuses none is loaded.  So after a refusal those that Odoo's messages name are asked
alone and the others together, or one half after the other where it names none; in the end each that is refused has a
reason of its own.  Any other failure, of unknown outcome above all, is that of all who shared the call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Any, Protocol

from integration.connectors.answers import Answer, Rows
from integration.connectors.contract import Request
from integration.connectors.odoo import searches
from integration.connectors.odoo.answers import place_of_id
from integration.connectors.odoo.errors import conflicting
from integration.errors import Failure, Hold, Reject
from integration.side_by_side import together

MOST = 16
"""Objects of one call."""
Send = Callable[[Request, int], Any]
"""Sends a call that is made for so many objects, and returns its answer."""


class Bulk:
    """The calls of one client.  Threads may share it."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def look(self, request: Request) -> Any:
        """The answer to a call that changes nothing; nobody may change the answer, for others have it, too."""
        if kind := _kind_of(request):
            return self._joined(kind, request)
        return together((self, request.path, _but(request, ())), request, self._once, calls=True)

    def send(self, request: Request) -> Any:
        """The answer to a call that takes effect."""
        kind = _kind_of(request)
        return self._joined(kind, request) if kind else self._send(request, 1)

    def _joined(self, kind: _Kind, request: Request) -> Any:
        key = (self, request.path, _but(request, kind.varies))
        return together(key, request, partial(self._answers, kind), calls=True)

    def _once(self, requests: Sequence[Request]) -> list[Any]:
        return [self._send(requests[0], 1)] * len(requests)

    def _answers(self, kind: _Kind, requests: Sequence[Request]) -> list[Any]:
        starts = range(0, len(requests), MOST)
        return [answer for start in starts for answer in self._ask(kind, requests[start : start + MOST])]

    def _ask(self, kind: _Kind, requests: Sequence[Request]) -> list[Any]:
        """The answer to each of the requests, or the failure that is its own."""
        try:
            return self._ask_at_once(kind, requests)
        except _Refused as refused:
            named = sorted(refused.named)
        except (Hold, Reject) as refusal:
            if len(requests) == 1:
                return [refusal]
            named = []
        except Failure as failure:
            return [failure] * len(requests)
        places = range(len(requests))
        others = [place for place in places if place not in named]
        half = len(requests) // 2
        groups = [others, *([place] for place in named)] if named else [places[:half], places[half:]]
        found: dict[int, Any] = {}
        for group in filter(None, groups):
            found |= zip(group, self._ask(kind, [requests[place] for place in group]), strict=True)
        return [found[place] for place in places]

    def _ask_at_once(self, kind: _Kind, requests: Sequence[Request]) -> list[Any]:
        first, size = requests[0], len(requests)
        if size == 1:
            return [self._send(first, 1)]
        answer = self._send(replace(first, body={**first.body, **kind.join(requests)}), size)
        return kind.share(requests, answer)


class _Refused(Exception):
    """Odoo refuses the call, or its answer cannot be shared out; ``named`` are the places of those that it names."""

    def __init__(self, named: Collection[int] = ()) -> None:
        super().__init__()
        self.named = named


class _Kind(Protocol):
    """How several calls become one."""

    @property
    def varies(self) -> Collection[str]:
        """The parts of the body in which the calls may differ."""

    def join(self, requests: Sequence[Request]) -> dict[str, Any]:
        """What these parts are in the one call."""

    def share(self, requests: Sequence[Request], answer: Any) -> list[Any]:
        """The answer to each; raises `_Refused` when there is none."""


class _OfIds:
    """Calls with ids that answer a row or a name for each."""

    varies = ("ids",)

    def join(self, requests: Sequence[Request]) -> dict[str, Any]:
        return {"ids": sorted({id for request in requests for id in request.body["ids"]})}

    def share(self, requests: Sequence[Request], answer: Any) -> list[Any]:
        if isinstance(answer, dict):
            return [Answer({str(id): answer[str(id)] for id in request.body["ids"]}) for request in requests]
        rows = {row["id"]: row for row in answer}
        return [Rows(rows[id] for id in request.body["ids"] if id in rows) for request in requests]


class _Confirm(_OfIds):
    """It answers True; or a window that asks something first, of which order nobody knows."""

    def share(self, requests: Sequence[Request], answer: Any) -> list[Any]:
        if answer is not True:
            raise _Refused
        return [answer] * len(requests)


class _Search:
    """searches whose rows show by which of them they were found."""

    varies = ("domain",)

    def join(self, requests: Sequence[Request]) -> dict[str, Any]:
        limit = requests[0].body.get("limit")
        domain = searches.any_of([request.body["domain"] for request in requests])
        return {"domain": domain, **({"limit": limit * len(requests)} if limit else {})}

    def share(self, requests: Sequence[Request], answer: Any) -> list[Any]:
        limit = requests[0].body.get("limit")
        shares = [[row for row in answer if searches.finds(request.body["domain"], row)] for request in requests]
        found = {row["id"] for share in shares for row in share}
        if (limit and len(answer) >= limit * len(requests)) or len(found) < len(answer):
            raise _Refused
        return [Rows(share[:limit]) for share in shares]


class _Load:
    """Imports: a record for each row that names one, and none for the rows that go on with its lines."""

    varies = ("data",)

    def join(self, requests: Sequence[Request]) -> dict[str, Any]:
        return {"data": [row for request in requests for row in request.body["data"]]}

    def share(self, requests: Sequence[Request], answer: Any) -> list[Any]:
        if not answer["ids"]:
            if conflicting(answer["messages"]):
                return [answer] * len(requests)
            raise _Refused(self._named(requests, answer["messages"]))
        place = place_of_id(requests[0].body["fields"])
        records = [sum(1 for row in request.body["data"] if row[place]) for request in requests]
        ends = list(accumulate(records))
        return [
            Answer(ids=Rows(answer["ids"][end - count : end]), messages=Rows())
            for end, count in zip(ends, records, strict=True)
        ]

    @staticmethod
    def _named(requests: Sequence[Request], messages: Sequence[Any]) -> set[int]:
        """The places of the requests whose rows the messages are about."""
        owners = [place for place, request in enumerate(requests) for _ in request.body["data"]]
        rows = (message["rows"].get("from") for message in messages if isinstance(message.get("rows"), dict))
        return {owners[row] for row in rows if isinstance(row, int) and 0 <= row < len(owners)}


OF_IDS, CONFIRM, SEARCH, LOAD = _OfIds(), _Confirm(), _Search(), _Load()
KINDS: dict[str, _Kind] = {
    "read": OF_IDS,
    "web_read": OF_IDS,
    "get_external_id": OF_IDS,
    "action_confirm": CONFIRM,
    "search_read": SEARCH,
    "load": LOAD,
}


def _kind_of(request: Request) -> _Kind | None:
    """How the call may be joined with others; None when it may not."""
    method, body = request.path.rpartition("/")[2], request.body
    if method == "search_read" and not searches.separable(body):
        return None
    if method == "load" and place_of_id(body["fields"]) is None:
        return None
    return KINDS.get(method)


def _but(request: Request, parts: Collection[str]) -> str:
    """All of the body but these parts; equal for calls that may be one."""
    return repr(sorted((name, value) for name, value in request.body.items() if name not in parts))
