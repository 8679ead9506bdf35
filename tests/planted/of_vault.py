"""Defects of what is encrypted at rest."""

from __future__ import annotations

from tests.planted.defect import Defect

VAULT = "tests/test_vault.py::"

DEFECTS = [
    Defect(
        "the form of a sealed value is authenticated, too",
        "integration/vault.py",
        "self._aes.encrypt(nonce, content, form)",
        "self._aes.encrypt(nonce, content, None)",
        f"{VAULT}test_altered_bytes_are_held_not_read",
        "DID NOT RAISE|Error",
        also=(("integration/vault.py", "token[1 + NONCE :], form)", "token[1 + NONCE :], None)"),),
    ),
    Defect(
        "no nonce is used twice",
        "integration/vault.py",
        "        nonce = os.urandom(NONCE)\n",
        "        nonce = os.urandom(1) * NONCE\n",
        f"{VAULT}test_no_two_values_share_a_nonce",
        "10000",
    ),
    Defect(
        "what the first release sealed is opened",
        "integration/vault.py",
        "        if token.startswith(FERNET):\n",
        "        if False:\n",
        f"{VAULT}test_what_the_first_release_sealed_is_opened_and_rotated",
        "no key opens",
    ),
    Defect(
        "a rotation lets the old key go",
        "integration/vault.py",
        "return None if key is self._keys[0] else",
        "return None if key in self._keys else",
        f"{VAULT}test_rotation_lets_the_old_key_go",
        "assert None",
    ),
]
