"""Sealing, opening, rotation, and the key that stands for an e-mail address."""

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet

from integration.errors import Hold, Misconfigured
from integration.vault import PACKED, PLAIN, SMALL, Vault, match_key, new_key

OLD, NEW = new_key(), new_key()
BODY = json.dumps({"lines": [{"sku": f"SKU-{i}", "name": "Łódź", "price": "12.30"} for i in range(80)]}).encode()
SECRET = b"a secret of the fleet, 32 bytes."


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    vault = Vault([NEW])
    sealed = vault.seal(BODY)
    assert vault.open(sealed) == BODY
    assert vault.open(memoryview(sealed)) == BODY
    assert vault.open(vault.seal(b"")) == b""
    assert sealed != vault.seal(BODY)


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, 100_000])
def test_a_value_of_any_size_is_encrypted(size: int) -> None:
    content = (b"jane@example.com " * (size // 17 + 1))[:size]
    sealed = Vault([NEW]).seal(content)
    assert Vault([NEW]).open(sealed) == content
    assert size < 3 or content[:8] not in sealed  # one byte may be in any bytes
    assert len(sealed) <= min(size, 2000) + 29


def test_no_two_values_share_a_nonce() -> None:
    vault = Vault([NEW])
    assert len({vault.seal(b"same")[1:13] for _ in range(10_000)}) == 10_000


def test_an_order_takes_less_room_sealed_than_in_clear() -> None:
    assert len(Vault([NEW]).seal(BODY)) < len(BODY) / 2


def test_another_fleets_key_holds_the_message_with_the_fix() -> None:
    with pytest.raises(Hold) as held:
        Vault([NEW]).open(Vault([OLD]).seal(BODY))
    assert held.value.code == "unreadable"
    assert "FLEET_ENCRYPTION_KEYS" in (held.value.hint or "")


def of_0_1_0(content: bytes, key: str) -> bytes:
    """As the first release sealed it."""
    return Fernet(key).encrypt(zlib.compress(content, 1))


def altered(sealed: bytes) -> list[bytes]:
    """Each byte of it changed, the form exchanged for the other, and each end cut off."""
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(min(len(sealed), 300))]
    changed.append(bytes([sealed[0] ^ PLAIN[0] ^ PACKED[0]]) + sealed[1:])
    return [*changed, *(sealed[:end] for end in range(min(len(sealed), 60))), sealed[:-1], sealed[1:], sealed + b"A"]


@pytest.mark.parametrize("content", [b"", b"small", BODY], ids=len)
def test_altered_bytes_are_held_not_read(content: bytes) -> None:
    first = urlsafe_b64decode(of_0_1_0(content, NEW))
    vault = Vault([NEW, OLD])
    for wrong in [*altered(vault.seal(content)), *map(urlsafe_b64encode, altered(first))]:
        for read in (vault.open, vault.rotate):
            with pytest.raises(Hold, match="no key opens"):
                read(wrong)


def test_what_the_first_release_sealed_is_opened_and_rotated() -> None:
    both = Vault([NEW, OLD])
    sealed = of_0_1_0(BODY, OLD)
    assert both.open(memoryview(sealed)) == BODY
    rotated = both.rotate(sealed)
    assert rotated
    assert Vault([NEW]).open(rotated) == BODY
    assert both.rotate(of_0_1_0(BODY, NEW)) is None, "it is under the newest key already"


def test_rotation_lets_the_old_key_go() -> None:
    sealed = Vault([OLD]).seal(BODY)
    both = Vault([NEW, OLD])
    assert both.open(sealed) == BODY
    rotated = both.rotate(memoryview(sealed))
    assert rotated
    assert both.rotate(rotated) is None, "it is under the newest key already"
    assert Vault([NEW]).open(rotated) == BODY
    with pytest.raises(Hold):
        Vault([OLD]).open(rotated)
    with pytest.raises(Hold):
        Vault([OLD]).open(both.seal(BODY))


@pytest.mark.parametrize("bad", ["short", "ä" * 44, NEW[:-4], ""], ids=["short", "no ASCII", "cut off", "empty"])
def test_a_key_that_is_none_is_named_by_its_place_not_its_text(bad: str) -> None:
    with pytest.raises(Misconfigured) as error:
        Vault([NEW, bad])
    assert error.value.reason == "key 2 of FLEET_ENCRYPTION_KEYS is not a key"


def test_no_key_at_all_is_said_so() -> None:
    with pytest.raises(Misconfigured, match="holds no key"):
        Vault([])


def test_one_address_has_one_key_however_it_is_written() -> None:
    key = match_key("anna@shop.example", SECRET)
    assert key == match_key("  Anna@Shop.EXAMPLE \n", SECRET)
    assert match_key("zo\u00e9@shop.example", SECRET) == match_key("zoe\u0301@shop.example", SECRET)
    assert key != match_key("anna@shop.example", b"another secret of 32 bytes......")
    assert key != match_key("anne@shop.example", SECRET)


def test_the_key_of_an_address_never_changes() -> None:
    """Business keys at a target are made of it: another value would make a new customer of every guest."""
    assert match_key("anna@shop.example", SECRET) == "e98aca8eac99c814e8e80101eeb0bf3a"


@pytest.mark.parametrize(("email", "secret"), [("", SECRET), ("  ", SECRET), ("anna@shop.example", b"short")])
def test_no_address_has_no_key(email: str, secret: bytes) -> None:
    with pytest.raises(ValueError, match="are needed"):
        match_key(email, secret)
