"""Calls to Clarity: paths, lists, and credentials on every call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from integration.connectors.answers import pages
from integration.connectors.clarity.answers import changed, page, record, results
from integration.connectors.clarity.problems import BY_HAND, problem
from integration.connectors.contract import Document, Gate, Request
from integration.connectors.oauth import http_with_tokens
from integration.errors import Misconfigured, Reject
from integration.settings import System
from integration.systems import variable

PAGE_SIZE = "200"
CANCELLATIONS = ("unpaid", "all", "hold")


class Client:
    """Clarity's API, called as the client ``id``.  Threads may share it."""

    def __init__(self, system: System, gate: Gate) -> None:
        self.id = system.option("client_id")
        self.cancellations = _cancellations(system)
        self._http = http_with_tokens(system, gate, problem)

    def whoami(self) -> str:
        """The client's id, after it has read an order."""
        self.page("/orders", pageSize="1")
        return self.id

    def get(self, path: str) -> Document:
        """The record there; raises what `Http.send` does."""
        return self._http.read(Request("GET", path, None, {}), record)

    def items(self, path: str, **filters: str) -> Iterator[Document]:
        """What a list holds, page by page; raises what `Http.send` does, and `Endless` for one that has no end."""

        def read(cursor: Any) -> tuple[list[Document], Any]:
            rows, following = self.page(path, **filters, pageSize=PAGE_SIZE, **({"cursor": cursor} if cursor else {}))
            # A Clarity that does not know cursors gives the same page again.
            return rows, following if following != cursor else None

        return pages(f"GET {path}", read, str)

    def page(self, path: str, **asked: str) -> tuple[list[Document], str | None]:
        """A page of a list, and the cursor of the next one."""
        return self._http.read(Request("GET", f"{path}?{urlencode(asked)}", None, {}), page)

    def send(self, request: Request) -> Document:
        """The record as it is after the call; raises what `Http.send` does."""
        return self._http.read(request, changed if request.path.endswith("/status") else record)

    def send_levels(self, request: Request, size: int) -> list[Document]:
        """How Clarity has taken each of these stock levels, in their order; raises what `Http.send` does."""
        return self._http.read(request, lambda answer: results(answer, size), size=size, share=0.0)


def _cancellations(system: System) -> str:
    """What an ERP may cancel: what is ``unpaid`` (if not set), ``all``, or nothing, for a person decides: ``hold``."""
    value = system.options.get("cancellations") or CANCELLATIONS[0]
    if value not in CANCELLATIONS:
        name = variable(system.name, "cancellations")
        choices = ", ".join(CANCELLATIONS)
        raise Misconfigured(f"{name} is none of {choices}", hint=f"Set {name} to {choices}, or not at all.")
    return value


def order_path(id: str) -> str:
    """Where an order is; `Reject` for an id that a URL cannot carry as one segment."""
    return record_path("orders", id)


def record_path(collection: str, id: str) -> str:
    """Where a record of a collection is; `Reject` for an id that a URL cannot carry as one segment."""
    try:
        segment = quote(id, safe="")
    except UnicodeEncodeError:
        segment = ""
    if segment in {"", ".", ".."}:
        raise Reject(
            f"an id of Clarity's {collection} cannot be part of a URL",
            hint=f"Clarity cannot be asked about it: {BY_HAND}",
        )
    return f"/{collection}/{segment}"
