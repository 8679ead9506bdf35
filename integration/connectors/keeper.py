"""Which customer keeps a record that several customers of ours are: the first one, until it is another record.

Several customers may be one account or contact, for they state its number or a person has chosen it.  If each wrote
its own name and addresses there, they would overwrite each other in turn.
"""

from __future__ import annotations

from collections.abc import Collection

from integration.connectors.contract import Work
from integration.errors import Hold

KEPT = "kept_record"
"""The crossref: our id of the customer, and the record it keeps."""
KEEP, LINK = "keep_record", "link_record"
"""What a person may decide where several customers are one record already and none of them keeps it."""


def keeps(work: Work, key: str, merged: Collection[str], theirs: str) -> bool:
    """Whether what this customer states is written to the record ``theirs``; the others are only linked with it.

    What a customer kept that was merged into this one, this one keeps.  Raises `Hold` where another customer is the
    record, too, and nobody keeps it.
    """
    own = [key, *merged]
    if theirs in work.known_among(KEPT, own).values():
        return True
    alone = theirs in work.known_among("customer", merged).values() or not work.taken("customer", key, [theirs])
    if alone or work.approved(KEEP, key, theirs):
        return work.adopt(KEPT, key, theirs)
    if work.taken(KEPT, key, [theirs]) or work.approved(LINK, key, theirs):
        return False
    raise Hold(
        "another customer of Clarity is the same record at the target, and it is not known whose name and addresses it "
        "shows",
        hint="Choose here whether this customer's are written there. If the two are one customer, merge them in "
        "Clarity; if not, give each an account number of its own there.",
        code="shared_record",
        candidates=(
            {"id": "keep", "label": "this customer's name and addresses are written", "approves": KEEP},
            {"id": "link", "label": "this customer is only linked: its orders go there", "approves": LINK},
        ),
        compared=(key, theirs),
    )
