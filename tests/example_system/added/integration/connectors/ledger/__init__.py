"""A plain REST ledger: takes completed orders as entries, each under a reference that it keeps unique."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from integration.connectors.contract import Connector, Finding, Setting, Verbs
from integration.connectors.ledger.client import Client
from integration.connectors.ledger.order.post import post_order, shown_order


class Ledger(Connector[Client]):
    """One ledger."""

    kind = "ledger"
    retry: Mapping[int, float | None] = {1: 10.0, 2: 60.0, 6: None}
    opens = Client
    settings = (Setting("api_key", "the key of the ledger's API", secret=True, required=True),)
    verbs: Mapping[str, Verbs[Client]] = {"order": Verbs(post=post_order, shown=shown_order)}

    def examine(self) -> Iterator[Finding]:
        """Who we are there."""
        yield Finding("credentials", "ok", f"the ledger knows us as {self.whoami()}")
