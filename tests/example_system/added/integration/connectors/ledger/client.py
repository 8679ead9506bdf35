"""Calls to the ledger's REST API: JSON, and a key on every call."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from integration.connectors.answers import objects
from integration.connectors.contract import Document, Gate, Request
from integration.connectors.http import Http, Reply
from integration.errors import Failure, Hold, Misconfigured, Retry
from integration.settings import System


class AlreadyThere(Retry):
    """The ledger has an entry with this reference."""


class Client:
    """One ledger.  Threads may share it."""

    def __init__(self, system: System, gate: Gate) -> None:
        headers = {"Authorization": f"Bearer {system.option('api_key')}"}
        self._http = Http(system.url, timeout=system.timeout, gate=gate, problem=_problem, headers=headers)

    def whoami(self) -> str:
        """The name that the ledger has for our key."""
        return str(self._http.read(Request("GET", "/me", None, {}), lambda answer: answer["name"]))

    def find(self, reference: str) -> Document | None:
        """The entry with this reference; None when there is none."""
        request = Request("GET", f"/entries?reference={quote(reference, safe='')}", None, {})
        rows = self._http.read(request, lambda answer: [_entry(each) for each in objects(answer["entries"])])
        return next((row for row in rows if row["reference"] == reference), None)

    def send(self, request: Request) -> Document:
        """The entry as it is after the call."""
        return self._http.read(request, _entry)


def _entry(answer: Any) -> Document:
    if not isinstance(answer["id"], int) or not isinstance(answer["reference"], str):
        raise TypeError("not an entry")
    return {**answer}


def _problem(reply: Reply) -> Failure | None:
    if reply.status in {401, 403}:
        return Misconfigured(f"the ledger refuses our key ({reply.status})", hint="Check LEDGER_API_KEY.")
    if reply.status == 409:
        return AlreadyThere("the ledger has an entry with this reference", code="already_there")
    if reply.status == 422:
        return Hold("the ledger refuses the entry", hint="See in the ledger's log what it expects.", code="refused")
    return None
