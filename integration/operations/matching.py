"""E-mail addresses are matched under a secret of this fleet, without being stored."""

from __future__ import annotations

from secrets import token_bytes

from integration.store import secrets
from integration.store.database import Transaction
from integration.vault import Vault


def match_secret(tx: Transaction, vault: Vault) -> bytes:
    """The secret of `vault.match_key`; it is made once, and outlives every rotation of the encryption keys."""
    return vault.open(secrets.get_or_make(tx, "match", lambda: vault.seal(token_bytes(32))))
