"""What a person has decided about the object of a delivery under way: what passes, and what is corrected."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from integration.canonical import digest
from integration.canonical.correction import Correction
from integration.errors import Hold
from integration.store.database import Row

SUMS = ("totals_mismatch", "total_differs", "invoices_differ")
"""Codes of checks that compare sums."""


class Decided:
    """The decisions in force for one version of an object, oldest first.

    ``lapsed`` collects the ids of those that the version shows to be about another value.
    """

    def __init__(self, rows: Iterable[Row], open: Callable[[bytes], bytes]) -> None:
        """Takes rows as `integration.store.deliveries.Delivery` has them; ``open`` opens what is sealed."""
        self._rows = list(rows)
        self._open = open
        self._accepted: list[Decimal] = []
        self.lapsed: set[int] = set()

    def corrected(self, document: Any) -> Any:
        """The document with what was corrected in it, as far as it still has the values that were wrong."""
        for row in self._of("set"):
            correction = Correction.thaw(self._open(base64.b64decode(row["change"])))
            made = correction.apply(document)
            if made is None:
                self.lapsed.add(row["id"])
            else:
                document = made
        return document

    def keep_about(self, sums: Callable[[Any], Sequence[Any]], canonical: Any) -> None:
        """Lets approvals of differing sums lapse that are about other ``sums`` (`Entity`) than the document has."""
        if differing := [row for row in self._of("approve") if row["difference"] is not None]:
            about = {digest([each]) for each in sums(canonical)}
            self.lapsed.update(row["id"] for row in differing if row["about"] not in about)

    def lapse(self, code: str) -> None:
        """Lets approvals of this code lapse: there is nothing left that they are about."""
        self.lapsed.update(row["id"] for row in self._of("approve") if row["code"] == code)

    def accept(self, difference: Decimal) -> None:
        """Accepts that sums differ by so much, as was decided for what the object belongs to."""
        self._accepted.append(difference)

    def approves(self, fault: Hold) -> bool:
        """Whether a person lets the object pass the check that has found this."""
        if fault.difference is not None:
            return self.accepts(fault.difference)
        return self.approved(fault.code, *fault.compared)

    def approved(self, code: str, *compared: object) -> bool:
        """Whether a person lets the object pass the check of this code, which compares these values."""
        rows = [row for row in self._of("approve") if row["code"] == code]
        return bool(rows) and bool({None, digest(list(compared))} & {row["about"] for row in rows})

    def accepts(self, difference: Decimal) -> bool:
        """Whether a person accepts that sums of the object differ by so much."""
        rows = [row for row in self._of("approve") if row["difference"] is not None]
        accepted = [*self._accepted, *(Decimal(row["difference"]) for row in rows)]
        return self._unbound() or any(difference <= each for each in accepted)

    def _unbound(self) -> bool:
        """Whether sums were approved by a release that did not write down by how much they differ."""
        return any(row["difference"] is None and row["code"] in SUMS for row in self._of("approve"))

    def _of(self, kind: str) -> list[Row]:
        return [row for row in self._rows if row["kind"] == kind and row["id"] not in self.lapsed]
