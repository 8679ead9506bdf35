"""The address in what people and systems give as an e-mail address: as it is kept, and as it is compared."""

from __future__ import annotations

import re

NAMED = re.compile(r"\A[^<>]*<([^<>@\s]+@[^<>@\s]+)>\s*\Z")
IN_BRACKETS = re.compile(r"<([^<>\s@]+@[^<>\s@]+)>")
BARE = re.compile(r"(?<![^\s<>,;:\"()@])[^\s<>,;:\"()@]+@[^\s<>,;:\"()@]+")
LONGEST = 1000
"""Characters that are read: a path and its name have far fewer (RFC 5321 4.5.3.1)."""


def address_of(text: str) -> str:
    """The address without the name before it (RFC 5322 3.4); any other text as it is, without spaces around.

    >>> address_of('"Lovelace, Ada" <Ada@mail.example>'), address_of(" a@b.example; c@d.example ")
    ('Ada@mail.example', 'a@b.example; c@d.example')
    """
    named = NAMED.match(text)
    return named[1] if named else text.strip()


def email_address(text: str) -> str:
    """The first address in a text, in lower case, to be compared with another.

    A text without an address is returned without spaces around it.  Odoo's ``email_normalized`` does the same.

    >>> email_address('"Doe, Jane" <Jane@Mail.example>'), email_address(" A@B.example; c@d.example")
    ('jane@mail.example', 'a@b.example')
    """
    read = text[:LONGEST]
    if found := IN_BRACKETS.search(read):
        return found[1].lower()
    if found := BARE.search(read):
        return found[0].lower()
    return text.strip().lower()
