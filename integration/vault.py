"""Encryption at rest: only the fleet's keys open what is sealed here.

Bodies, documents, frozen requests and answers are sealed before they are stored.  Keys come from
``FLEET_ENCRYPTION_KEYS``, newest first: the first one seals, every one opens.  A rotation puts a new key in
front, runs `Vault.rotate` over what is stored (``fleet keys rotate``), and then removes the old key.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
import zlib
from collections.abc import Sequence
from contextlib import suppress

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from integration.errors import Hold, Misconfigured

LONGEST_ADDRESS = 320
"""Characters of an e-mail address (RFC 5321 4.5.3.1: 64 before the @ and 255 behind it).  Longer text is no address."""


class Vault:
    """Seals and opens bytes under a list of Fernet keys (AES-128-CBC with HMAC-SHA256)."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Takes Fernet keys, newest first; raises `Misconfigured` when one is not a key or there is none."""
        if not keys:
            raise Misconfigured(
                "FLEET_ENCRYPTION_KEYS holds no key",
                hint="Start the fleet with `./fleet up`, which makes one.",
            )
        fernets = [_fernet(key, place) for place, key in enumerate(keys, start=1)]
        self._newest, self._fernet = fernets[0], MultiFernet(fernets)

    def seal(self, content: bytes) -> bytes:
        """The content, compressed and encrypted under the newest key."""
        # An order of 4 KB: 28 us for the compression, 14 of them saved by the cipher, and a third of the bytes
        # (or less) for Postgres to write.  Higher levels cost more than they save.
        return self._fernet.encrypt(zlib.compress(content, 1))

    def open(self, token: bytes | memoryview) -> bytes:
        """What was sealed; raises `Hold` ("unreadable") when no key opens it or it was altered."""
        try:
            return zlib.decompress(self._fernet.decrypt(bytes(token)))
        except InvalidToken as error:
            raise _unreadable() from error

    def rotate(self, token: bytes | memoryview) -> bytes | None:
        """The same content sealed under the newest key, None if it is already; raises `Hold` when no key opens it."""
        with suppress(InvalidToken):
            self._newest.decrypt(bytes(token))
            return None
        try:
            return self._fernet.rotate(bytes(token))
        except InvalidToken as error:
            raise _unreadable() from error


def new_key() -> str:
    """A fresh key for ``FLEET_ENCRYPTION_KEYS``."""
    return Fernet.generate_key().decode()


def match_key(email: str, secret: bytes) -> str:
    """32 hex digits that represent an e-mail address: equal for equal addresses, nothing without the secret.

    Case, surrounding blanks and, up to 320 characters, the Unicode form make no difference.  ``secret`` is one secret
    per fleet, of at least 16 bytes, that never changes: a rotation of the encryption keys keeps it, else known
    guests would become new ones.  Raises ValueError for an empty address, which would be shared by all who gave none.
    """
    address = email.strip()
    if len(address) <= LONGEST_ADDRESS:  # NFC sorts runs of combining marks, in time that grows with their square
        address = unicodedata.normalize("NFC", address).strip()
    address = address.lower()
    if not address or len(secret) < 16:
        raise ValueError("an e-mail address and a secret of at least 16 bytes are needed")
    return hmac.new(secret, address.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def _fernet(key: str, place: int) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        raise Misconfigured(
            f"key {place} of FLEET_ENCRYPTION_KEYS is not a key",
            hint="A key is 32 bytes in URL-safe base64 (44 characters); several are separated by commas.",
        ) from error


def _unreadable() -> Hold:
    return Hold(
        "no key opens what is stored here",
        hint="Put the key it was sealed under back at the end of FLEET_ENCRYPTION_KEYS and restart the fleet. {again}",
        code="unreadable",
    )
