"""The address in what people and systems give as an e-mail address."""

from __future__ import annotations

import re

IN_BRACKETS = re.compile(r"<([^<>\s@]+@[^<>\s@]+)>")
BARE = re.compile(r"[^\s<>,;:\"()@]+@[^\s<>,;:\"()@]+")
LONGEST = 1000
"""Characters that are read: a path and its name have far fewer (RFC 5321 4.5.3.1)."""


def email_address(text: str) -> str:
    """The first address in a text, in lower case: that of ``"Name" <a@b>`` is ``a@b`` (RFC 5322 3.4).

    A text without an address stands for itself, without spaces around.  Odoo's ``email_normalized`` does the same.

    >>> email_address('"Doe, Jane" <Jane@Mail.example>'), email_address(" A@B.example; c@d.example")
    ('jane@mail.example', 'a@b.example')
    """
    read = text[:LONGEST]
    if found := IN_BRACKETS.search(read):
        return found[1].lower()
    if found := BARE.search(read):
        return found[0].lower()
    return text.strip().lower()
