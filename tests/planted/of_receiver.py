"""Defects of the receiver: what it takes, what it refuses, and what strangers may cost it."""

from __future__ import annotations

from tests.planted.defect import Defect

DEFECTS = [
    Defect(
        "a webhook secret that is not base64 is no key",
        "integration/signature.py",
        '        raise _refused("is not base64") from None\n',
        "        key = secret.encode()\n",
        "tests/receiver/test_signature.py::test_a_secret_that_is_none_is_refused_and_not_shown",
        r"Failed: DID NOT RAISE .*Misconfigured",
    ),
]
