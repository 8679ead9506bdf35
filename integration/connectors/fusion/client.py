"""Calls to Fusion's REST resources: one item, all rows of a collection, and effects, with credentials on every call.

Fusion's REST is Oracle's ADF framework.  Its version is pinned, for it decides how queries are written (expressions
since 2), how children are nested (collections since 3) and how errors are told (JSON since 4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from integration.connectors.contract import Document, Gate, Request
from integration.connectors.fusion.errors import TRACE, NoSuchResource, NotThere, problem
from integration.connectors.http import Http
from integration.connectors.oauth import ClientCredentials
from integration.errors import Retry
from integration.settings import System

ITEM = "application/vnd.oracle.adf.resourceitem+json"
HEADERS = {
    "REST-Framework-Version": "4",
    "Accept": "application/json, application/vnd.oracle.adf.error+json",
}
RELEASE = "11.13.18.05"
PAGE = 200
"""Rows asked for at once; a pod gives 500 at most, and may give fewer than asked."""


class Client:
    """One Fusion pod as the client ``id``.  Threads may share it."""

    def __init__(self, system: System, gate: Gate) -> None:
        self.id = system.option("client_id")
        self._release = system.options.get("release") or RELEASE
        tokens = ClientCredentials(
            system.kind,
            system.option("token_url"),
            self.id,
            system.option("client_secret"),
            gate=gate,
            timeout=system.timeout,
            scope=system.options.get("scope", ""),
        )
        self._http = Http(
            system.url,
            timeout=system.timeout,
            gate=gate,
            problem=problem,
            headers=lambda: {**HEADERS, **tokens.headers()},
            renew=tokens.renew,
        )

    def path(self, resource: str, *keys: str, family: str = "fscm") -> str:
        """Where a collection is, or with keys one of its items or that item's children."""
        segments = "/".join(quote(key, safe="") for key in keys)
        return f"/{family}RestApi/resources/{self._release}/{resource}/{segments}".rstrip("/")

    def get(self, path: str, **params: str | int) -> Document:
        """The JSON object there; `NotThere` for a 404, else what `Http.send` raises."""
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        return self.send(Request("GET", path + query, None, {}))

    def items(self, path: str, **params: str | int) -> Iterator[Document]:
        """Every row of a collection, page by page.  Without ``orderBy`` a row that moves may come twice, or not."""
        offset, more = 0, True
        while more:
            rows, more = self.page(path, **{"onlyData": "true", **params}, limit=PAGE, offset=offset)
            yield from rows
            offset += len(rows)

    def page(self, path: str, **params: str | int) -> tuple[list[Document], bool]:
        """The rows of a collection that ``limit`` and ``offset`` ask for, maybe fewer, and whether there are more."""
        try:
            page = self.get(path, **params)
        except NotThere as absent:
            raise NoSuchResource(path) from absent
        rows, more = page.get("items"), bool(page.get("hasMore"))
        if not isinstance(rows, list) or (more and not rows):
            raise Retry(f"GET {path}: not a page of a collection", code="odd_page")
        return rows, more

    def children(self, item: Document, name: str, path: str, **params: str) -> list[Document]:
        """The children of an item read with ``expand``: an array until version 2, a collection since, maybe cut."""
        found = item.get(name)
        if isinstance(found, dict) and not found.get("hasMore"):
            found = found.get("items")
        return found if isinstance(found, list) else list(self.items(f"{path}/child/{name}", **params))

    def link(self, item: Document) -> str | None:
        """Where an item says it is itself: keys that only Fusion can make.  Whatever host it names, it is ours."""
        for link in item.get("links") or ():
            found = re.search(r"/\w+RestApi/resources/[^?#]+", str(link.get("href")))
            if found and link.get("rel") == "self":
                return found.group()
        return None

    def write(self, method: str, path: str, body: Document | None) -> Request:
        """A call that takes effect, ready to be frozen and sent."""
        return Request(method, path, body, {"Content-Type": ITEM} if body is not None else {})

    def send(self, request: Request) -> Document:
        """The answer's JSON object, with Fusion's trace id in it (what Oracle's support asks for)."""
        reply = self._http.send(request)
        answer = reply.json() or {}
        if not isinstance(answer, dict):
            raise Retry("the answer is not a JSON object", unknown_outcome=True, code="unreadable_answer")
        return {**answer, TRACE: reply.headers[TRACE]} if TRACE in reply.headers else answer


def quoted(value: Any) -> str:
    """A value as a string literal of an expression in ``q``."""
    return "'{}'".format(str(value).replace("'", "''"))
