"""What a connector promises, and what it is given.

A connector knows one system's protocol and nothing of the database or the queue: whatever it needs of those reaches
it as a `Work`.  Adding a system is a folder beside this file that offers a `Connector`, and one line in
``integration/connectors/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Document = dict[str, Any]
Gate = Callable[[], AbstractContextManager[None]]
"""Admission of one call at a target: entered before the request is sent, left when its answer is in."""


@dataclass(frozen=True)
class Request:
    """One call that takes effect, as it is frozen before it is sent; ``body`` is JSON, no secret is in it."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Posted:
    """What stands at the target after a post: its id there and the number people know it by.

    ``theirs`` is None when nothing had to be sent (an order cancelled before it was ever posted).
    """

    theirs: str | None
    number: str | None


class Work(Protocol):
    """One delivery under way, as a connector sees it."""

    def known(self, entity: str, id: str) -> str | None:
        """Their id of our object at this installation, if a crossref exists."""

    def reserve(self, entity: str, id: str) -> None:
        """Claims the right to create this object; raises `Throttled` when another delivery is at it."""

    def remember(self, entity: str, id: str, theirs: str) -> None:
        """Writes the crossref our id -> theirs, durably, at once."""

    def perform(self, effect: str, request: Request, send: Callable[[Request], Any]) -> Any:
        """Lets a call take effect once in this round, and returns its JSON answer.

        The intent with the frozen request is committed before ``send`` is called.  An effect that already succeeded
        in this round is not sent again: the recorded answer is returned.  One whose outcome is unknown is sent again
        with the frozen request, byte for byte; a connector for whose verb that is not safe looks first, and calls
        `found` when the effect is already there.
        """

    def found(self, effect: str, evidence: str) -> None:
        """Records that an effect stands at the target already, so it need not be sent."""

    def idempotency_key(self, effect: str) -> str:
        """The request key of this effect: the same for every repeat within the round."""


class Connector(Protocol):
    """One system."""

    kind: str
    retry: Mapping[int, float | None]
    """From try N wait so many seconds (full jitter); None = dead letter."""

    def whoami(self) -> str:
        """Who we are there.  Raises `Misconfigured` when the credentials do not work."""

    def enrich(self, entity: str, document: Document, work: Work) -> Document:
        """The target document with what only the target knows (ids of partner, products, taxes ...) filled in."""

    def post(self, entity: str, document: Document, work: Work) -> Posted:
        """Makes the target show the document: a list of ensure steps, each of which looks before it acts."""
