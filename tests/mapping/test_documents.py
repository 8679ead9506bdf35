"""JSON is read strictly, and written so that nothing is lost and equal content has equal bytes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from integration.canonical import digest, dump_json, freeze, parse_json, thaw
from integration.errors import Reject

ABSURD = "a number is too long or too large: at most 40 characters and an exponent of at most 30 are read"


@pytest.mark.parametrize(
    ("raw", "code", "reason"),
    [
        (b"", "malformed", "not JSON: Expecting value at character 0"),
        (b"<html>", "malformed", "not JSON: Expecting value at character 0"),
        (b'{"a": 1', "malformed", "not JSON: Expecting ',' delimiter at character 7"),
        (b'{"a": 1} x', "malformed", "not JSON: Extra data at character 9"),
        (b'{"a": "\xff"}', "malformed", "not UTF-8 at byte 7"),
        (
            b"\xef\xbb\xbf\xef\xbb\xbf1",
            "malformed",
            "not JSON: Expecting value at character 0",
        ),
        (b'{"a": "\x00"}', "malformed", "not JSON: Invalid control character at character 7"),
        (b'{"a": NaN}', "malformed", "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "malformed", "-Infinity is not a JSON number"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "duplicate_key", "a key occurs twice in one object"),
        ('{"Zoë L": 1, "Zoë L": 2}'.encode(), "duplicate_key", "a key occurs twice in one object"),
        (b'{"a": 1e999999999}', "absurd_number", ABSURD),
        (b'{"a": 1e-999999999}', "absurd_number", ABSURD),
        (b'{"a": 1e9999999999999999999}', "absurd_number", ABSURD),
        (b'{"a": 1e-9999999999999999999}', "absurd_number", ABSURD),
        (b'{"a": -0.1E-99999999999999999999999}', "absurd_number", ABSURD),
        (b'{"a": ' + b"9" * 5000 + b"}", "absurd_number", ABSURD),
        (b'{"a": 0.' + b"1" * 5000 + b"}", "absurd_number", ABSURD),
        (b"[" * 65 + b"]" * 65, "too_deep", "nested deeper than 64 levels"),
        (b"[" * 100_000 + b"]" * 100_000, "too_deep", "nested deeper than 64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep", "nested deeper than 64 levels"),
    ],
)
def test_what_is_not_strict_json_is_rejected(raw: bytes, code: str, reason: str) -> None:
    with pytest.raises(Reject) as caught:
        parse_json(raw)
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert caught.value.hint == "The sender has to correct it and send it again."


def test_a_duplicate_key_is_named_in_a_file_of_the_reader_s_own() -> None:
    for raw, reason in [
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', 'the key "c" occurs twice in one object'),
        ('{"Zoë L": 1, "Zoë L": 2}'.encode(), "a key occurs twice in one object"),
    ]:
        with pytest.raises(Reject) as caught:
            parse_json(raw, names_keys=True)
        assert caught.value.reason == reason


def test_fractions_are_read_as_decimals_and_whole_numbers_as_ints() -> None:
    document = parse_json(b'{"price": 12.30, "tiny": 1e-7, "count": 3, "text": "\\ud800\\u0000"}')
    assert document == {"price": Decimal("12.30"), "tiny": Decimal("1e-7"), "count": 3, "text": "\ud800\x00"}
    assert str(document["price"]) == "12.30"
    assert type(document["count"]) is int


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": "\xef\xbb\xbf"}') == {"a": "\ufeff"}


def test_nesting_of_64_levels_is_read() -> None:
    assert parse_json(b"[" * 64 + b"]" * 64) is not None


DOCUMENT = {
    "b": [Decimal("1.20"), Decimal("5"), Decimal("-0.00"), Decimal("1E+3"), Decimal("1e-9"), 5, -7, True, None, {}, []],
    "a": {"$d": "1.20", "lone \ud800 surrogate": "NUL \x00, quotes \"', ä, 🌍"},
}


def test_a_frozen_document_comes_back_digit_for_digit() -> None:
    thawed = thaw(freeze(DOCUMENT))
    assert thawed == DOCUMENT
    assert [repr(value) for value in thawed["b"]] == [repr(value) for value in DOCUMENT["b"]]


def test_frozen_documents_are_plain_json() -> None:
    assert json.loads(freeze({"total": Decimal("12.30"), "one": Decimal(1)})) == {"total": 12.3, "one": 1.0}


def test_dumped_documents_have_sorted_keys_and_plain_decimals() -> None:
    document = {"b": Decimal("1E+3"), "a": [Decimal("1.20"), 1, "ä\ud800"]}
    assert dump_json(document) == b'{"a":["1.20",1,"\\u00e4\\ud800"],"b":"1000"}'


def test_the_digest_is_of_the_meaning() -> None:
    assert digest({"a": Decimal("1.20"), "b": [1]}) == digest({"b": [1], "a": Decimal("1.2")})
    assert digest({"a": Decimal("100")}) == digest({"a": Decimal("1E+2")})
    assert digest({"a": Decimal("10")}) != digest({"a": Decimal("1")})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
    assert digest({"a": None}) != digest({})


def test_what_is_no_document_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="object is not part of a document"):
        freeze({"a": object()})
