"""Calls to Fusion: one item, all rows of a collection, effects, and SOAP services, with credentials on every call.

Fusion's REST is Oracle's ADF framework.  Its version is pinned, for it decides how queries are written (expressions
since 2), how children are nested (collections since 3) and how errors are written (JSON since 4).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from integration.canonical import digest
from integration.connectors.answers import Answer, pages, reading
from integration.connectors.contract import Document, Gate, Request
from integration.connectors.fusion.answers import collection, description, item
from integration.connectors.fusion.errors import TRACE, NoSuchResource, NotThere, problem
from integration.connectors.fusion.soap import values
from integration.connectors.http import LARGEST_EXCERPT
from integration.connectors.oauth import http_with_tokens
from integration.errors import Retry
from integration.settings import System

ITEM = "application/vnd.oracle.adf.resourceitem+json"
HEADERS = {
    "REST-Framework-Version": "4",
    "Accept": "application/json, application/vnd.oracle.adf.error+json",
}
RELEASE = "11.13.18.05"
RESOURCE = re.compile(r"/\w+RestApi/resources/[^?#]+")
LONGEST_LINK = 2000
PAGE = 200
"""Rows asked for at once; a pod gives 500 at most, and may give fewer than asked."""


class Client:
    """One Fusion pod as the client ``id``.  Threads may share it."""

    def __init__(self, system: System, gate: Gate) -> None:
        self.id = system.option("client_id")
        self._release = system.options.get("release") or RELEASE
        scope = system.options.get("scope", "")
        self._http = http_with_tokens(system, gate, problem, scope=scope, headers=HEADERS)

    def path(self, resource: str, *keys: str, family: str = "fscm") -> str:
        """Where a collection is, or with keys one of its items or that item's children."""
        segments = "/".join(quote(key, safe="") for key in keys)
        return f"/{family}RestApi/resources/{self._release}/{resource}/{segments}".rstrip("/")

    def get(self, path: str, **params: str | int) -> Document:
        """The item there; `NotThere` for a 404, else what `Http.send` raises."""
        return self._traced(_get(path, params), item)

    def described(self, path: str) -> Document:
        """What the resource at a path says of itself."""
        return self._traced(_get(f"{path}/describe", {}), description)

    def items(self, path: str, **params: str | int) -> Iterator[Document]:
        """Every row of a collection, page by page.  Without ``orderBy`` a row that moves may come twice, or not."""

        def read(place: Any) -> tuple[list[Document], Any]:
            offset = place[0] if place else 0
            rows, more = self.page(path, **{"onlyData": "true", **params}, limit=PAGE, offset=offset)
            return rows, (offset + len(rows), digest(rows)) if more else None

        # A pod that does not count offsets answers the same rows again, however far it is asked.
        return pages(f"GET {path}", read, lambda place: place[1])

    def page(self, path: str, **params: str | int) -> tuple[list[Document], bool]:
        """The rows of a collection that ``limit`` and ``offset`` ask for, maybe fewer, and whether there are more."""
        try:
            return self._http.read(_get(path, params), collection)
        except NotThere as absent:
            raise NoSuchResource(path) from absent

    def children(self, item: Document, name: str, path: str, **params: str) -> list[Document]:
        """The children of an item read with ``expand``: an array until version 2, a collection since, maybe cut."""
        found = item.get(name)
        if isinstance(found, dict) and not found.get("hasMore"):
            found = found.get("items")
        return found if isinstance(found, list) else list(self.items(f"{path}/child/{name}", **params))

    def link(self, item: Document) -> str | None:
        """Where an item says it is itself: keys that only Fusion can make.  Whatever host it names, it is ours."""
        for link in item.get("links") or ():
            found = RESOURCE.search(str(link.get("href"))[:LONGEST_LINK])
            if found and link.get("rel") == "self":
                return found.group()
        return None

    def write(self, method: str, path: str, body: Document | None) -> Request:
        """A call that takes effect, ready to be frozen and sent."""
        return Request(method, path, body, {"Content-Type": ITEM} if body is not None else {})

    def send(self, request: Request) -> Document:
        """The item that a call answers which takes effect; empty where there is no content.

        In it is Fusion's trace id, which is what Oracle's support asks for.
        """
        return self._traced(request, lambda answer: {} if answer is None else item(answer))

    def invoke(self, request: Request) -> list[Document]:
        """The values that a SOAP service answers to a call (`soap.Service.request`)."""
        reply = self._http.send(replace(request, body=request.body.encode()), headers={"Accept": "text/xml"})
        try:
            with reading(f"{request.method} {request.path}"):
                return [Answer(row) for row in values(reply.body)]
        except Retry as odd:
            odd.excerpt = reply.body[:LARGEST_EXCERPT]
            raise

    def _traced(self, request: Request, meaning: Callable[[Any], Document]) -> Document:
        reply = self._http.send(request)
        answer = reply.read(f"{request.method} {request.path.partition('?')[0]}", meaning)
        if TRACE in reply.headers:
            answer[TRACE] = reply.headers[TRACE]
        return answer


def _get(path: str, params: Mapping[str, str | int]) -> Request:
    query = f"?{urlencode(params, quote_via=quote)}" if params else ""
    return Request("GET", path + query, None, {})


def quoted(value: Any) -> str:
    """A value as a string literal of an expression in ``q``."""
    return "'{}'".format(str(value).replace("'", "''"))
