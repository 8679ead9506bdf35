"""What events are routed by: one published version of the definitions, and during a canary another for some objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from integration.rules.workflow import Definitions, Workflow


class Published(NamedTuple):
    """One version of the definitions."""

    version: int
    definitions: Definitions

    @property
    def pins(self) -> dict[str, str]:
        """The pin of each workflow by its name."""
        return {name: workflow.pin for name, workflow in self.current.items()}

    @property
    def current(self) -> dict[str, Workflow]:
        """Each workflow by its name."""
        return {workflow.name: workflow for workflow in self.definitions.workflows}


@dataclass(frozen=True)
class InForce:
    """The version for all objects, and a canary for ``share`` percent of them, if one is under way.

    ``newest`` is the newest version that was looked at, be it in force here or not.
    """

    whole: Published
    canary: Published | None
    share: int
    newest: int

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """From stored rows with the keys version, share, kind, name, hash and body."""
        found: dict[int, list[Mapping[str, Any]]] = {}
        shares: dict[int, int | None] = {}
        for row in rows:
            found.setdefault(row["version"], []).append(row)
            shares[row["version"]] = row["share"]
        whole, *canaries = (Published(version, Definitions.from_rows(found[version])) for version in sorted(found))
        canary = canaries[0] if canaries else None
        return cls(whole, canary, shares[canary.version] or 0 if canary else 0, max(found))

    def compiled(self) -> Self:
        """The same, with every workflow compiled; raises `Misconfigured` for what this release cannot use."""
        for each in filter(None, (self.whole, self.canary)):
            each.definitions.compiled()
        return self

    def entity_of(self, source: str, type: str) -> str | None:
        """The entity that events of this type are about, by the workflows that take them; None where none does."""
        versions = [each.definitions for each in (self.whole, self.canary) if each]
        return next((workflow.entity for each in versions for workflow in each.matching(source, type)), None)

    def of(self, object_id: str) -> Published:
        """The version for an object: always the same one, and within a larger share it stays in the canary."""
        return self.canary if self.canary and place_of(object_id) < self.share else self.whole


def place_of(object_id: str) -> int:
    """Where an object is among 0 to 99, by its id alone."""
    return int.from_bytes(hashlib.sha256(object_id.encode()).digest()[:8]) % 100
