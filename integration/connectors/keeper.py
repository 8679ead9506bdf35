"""Which customer keeps a record that several customers of ours are: the first one, until it is another record.

Several customers may be one account or contact, for they state its number or a person has chosen it.  If each wrote
its own name and addresses there, they would overwrite each other in turn.
"""

from __future__ import annotations

from collections.abc import Collection

from integration.connectors.contract import Work

KEPT = "kept_record"
"""The crossref: our id of the customer, and the record it keeps."""


def keeps(work: Work, key: str, merged: Collection[str], theirs: str) -> bool:
    """Whether what this customer states is written to the record ``theirs``; the others are only linked with it.

    What a customer kept that was merged into this one, this one keeps.
    """
    return theirs in work.known_among(KEPT, [key, *merged]).values() or work.adopt(KEPT, key, theirs)
