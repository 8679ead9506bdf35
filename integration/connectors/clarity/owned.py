"""What an ERP owns of a record of Clarity, which is its home: fields that are kept as the ERP has them.

Only what differs is sent, for the version that was looked at: who changes the record in between is not overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from integration.connectors.answers import to_number
from integration.connectors.clarity.client import Client, record_path
from integration.connectors.clarity.order_documents import given
from integration.connectors.clarity.problems import NotThere
from integration.connectors.contract import Document, Posted, Request, Work
from integration.connectors.initial import initial
from integration.errors import Hold, Misconfigured

NO_SCOPE = "insufficient_scope"
MERGE_PATCH = "application/merge-patch+json"

R = TypeVar("R")


@dataclass(frozen=True)
class Owned:
    """The records of one entity: ``amounts`` are those of their fields that are numbers."""

    entity: str
    amounts: Collection[str] = ()

    @property
    def effect(self) -> str:
        return f"{self.entity}.update"

    def path(self, id: Any) -> str:
        return record_path(f"{self.entity}s", str(id))

    def read(self, client: Client, id: Any) -> Document:
        """The record as it is now; `Hold` when Clarity has none of this id any more."""
        try:
            return client.get(self.path(id))
        except NotThere as absent:
            raise Hold(
                f"Clarity does not have the {self.entity} any more",
                hint="See who removed it. It is not made again: what the ERP has of it stays there. {again}",
                code="record_missing",
            ) from absent

    def keep(self, client: Client, record: Document, document: Document, work: Work) -> Posted:
        """Lets a record have the document's ``fields``, and those of ``on_create`` where Clarity has no value.

        What is null is left as Clarity has it.
        """
        lacking = {name: value for name, value in initial(document).get("fields", {}).items() if not record.get(name)}
        stated = given({**lacking, **document["fields"]})
        changes = {name: value for name, value in stated.items() if not self._same(name, value, record.get(name))}
        if changes:
            body = {name: f"{Decimal(value):f}" if name in self.amounts else value for name, value in changes.items()}
            headers = {"Content-Type": MERGE_PATCH, "If-Match": f'"v{record["version"]}"'}
            work.perform(self.effect, Request("PATCH", self.path(record["id"]), body, headers), client.send)
        else:
            work.found(self.effect, f"{record['id']} shows it")
        return Posted(str(record["id"]), None)

    def shown(self, record: Document, document: Document) -> Document:
        """The values as Clarity has them, where they mean the same as ours, ours."""
        fields = given(document["fields"])
        return {
            "fields": {
                name: value if self._same(name, value, record.get(name)) else record.get(name)
                for name, value in fields.items()
            }
        }

    def permitted(self, verb: Callable[[Client, Document, Work], R]) -> Callable[[Client, Document, Work], R]:
        """The verb; where our client may do nothing with these records, this one is held, and orders go on."""

        def permitted_verb(client: Client, document: Document, work: Work) -> R:
            try:
                return verb(client, document, work)
            except Misconfigured as refused:
                if refused.code != NO_SCOPE:
                    raise
                scopes = f"{self.entity}s:read and {self.entity}s:write"
                raise Hold(
                    refused.reason,
                    hint=f"Give the client of CLARITY_CLIENT_ID the scopes {scopes}. {{again}}",
                    code=NO_SCOPE,
                ) from refused

        return permitted_verb

    def _same(self, name: str, ours: Any, theirs: Any) -> bool:
        if name in self.amounts:
            return theirs is not None and to_number(ours) == to_number(theirs)
        if isinstance(ours, bool):
            return ours == bool(theirs)  # a Clarity that has never heard of a flag has it not set
        return bool(ours == theirs)
