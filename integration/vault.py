"""Encryption at rest: only the fleet's keys open what is sealed here.

Bodies, documents, frozen requests and answers are sealed before they are stored.  Keys come from
``FLEET_ENCRYPTION_KEYS``, newest first: the first one seals, every one opens.  A rotation puts a new key in
front, runs `Vault.rotate` over what is stored (``fleet keys rotate``), and then removes the old key.

A sealed value is its form (`PLAIN` or `PACKED`), a nonce of 12 random bytes, and AES-256-GCM's ciphertext with its tag;
the form is authenticated, too.  Random nonces are good for 2**32 seals under one key (NIST SP 800-38D 8.3: two are then
the same with a chance of 2**-32).  With some 12 seals an order that is 350 million orders, in all processes together:
rotate the key before.  Values of 0.1.0 are Fernet tokens, begin with `FERNET`, and are still opened.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from integration.errors import Hold, Misconfigured

LONGEST_ADDRESS = 320
"""Characters of an e-mail address (RFC 5321 4.5.3.1: 64 before the @ and 255 behind it).  Longer text is no address."""


PLAIN, PACKED, FERNET = b"\x01", b"\x02", b"gAAAA"
NONCE = 12
SMALL = 200
"""Bytes up to which compression costs more time than it saves room; most of what is sealed is less."""


class Vault:
    """Seals and opens bytes under a list of keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Takes Fernet keys, newest first; raises `Misconfigured` when one is not a key or there is none."""
        if not keys:
            raise Misconfigured(
                "FLEET_ENCRYPTION_KEYS holds no key",
                hint="Start the fleet with `./fleet up`, which makes one.",
            )
        self._keys = [_Key(key, place) for place, key in enumerate(keys, start=1)]

    def seal(self, content: bytes) -> bytes:
        """The content, encrypted under the newest key; compressed if it is not `SMALL`."""
        # An order of 4 KB becomes a third or less for Postgres to write.  Higher levels cost more than they save.
        if len(content) > SMALL:
            return self._keys[0].seal(PACKED, zlib.compress(content, 1))
        return self._keys[0].seal(PLAIN, content)

    def open(self, token: bytes | memoryview) -> bytes:
        """What was sealed; raises `Hold` ("unreadable") when no key opens it or it was altered."""
        return self._opened(bytes(token))[1]

    def opener(self, token: bytes | memoryview) -> int:
        """Which of the keys opens it, 0 being the newest; raises `Hold` when none does."""
        return self._keys.index(self._opened(bytes(token))[0])

    def rotate(self, token: bytes | memoryview) -> bytes | None:
        """The same content sealed under the newest key, None if it is already; raises `Hold` when no key opens it."""
        key, content = self._opened(bytes(token))
        return None if key is self._keys[0] else self.seal(content)

    def _opened(self, token: bytes) -> tuple[_Key, bytes]:
        for key in self._keys:
            try:
                return key, key.open(token)
            except (InvalidTag, InvalidToken):
                pass  # it may be another's
        raise _unreadable()


class _Key:
    """One key of the list, for both forms."""

    def __init__(self, key: str, place: int) -> None:
        self._fernet = _fernet(key, place)
        # Fernet uses both halves of the key as they are; here a key of its own is derived from the whole (RFC 5869).
        derived = HKDF(SHA256(), 32, salt=None, info=b"clarity-fleet vault AES-256-GCM")
        self._aes = AESGCM(derived.derive(urlsafe_b64decode(key)))

    def seal(self, form: bytes, content: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return form + nonce + self._aes.encrypt(nonce, content, form)

    def open(self, token: bytes) -> bytes:
        """Raises `InvalidTag` or `InvalidToken` when this key did not seal it, or it was altered."""
        form = token[:1]
        if token.startswith(FERNET):
            return zlib.decompress(self._fernet.decrypt(token))
        if form not in {PLAIN, PACKED} or len(token) < 1 + NONCE:
            raise InvalidTag
        content = self._aes.decrypt(token[1 : 1 + NONCE], token[1 + NONCE :], form)
        return zlib.decompress(content) if form == PACKED else content


def new_key() -> str:
    """A fresh key for ``FLEET_ENCRYPTION_KEYS``."""
    return Fernet.generate_key().decode()


def fingerprint(key: str) -> str:
    """Eight hex digits by which people distinguish keys; they say nothing of the key."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


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
        hint="Put the key that sealed it back at the end of FLEET_ENCRYPTION_KEYS and run `fleet restart`. {again}",
        code="unreadable",
    )
