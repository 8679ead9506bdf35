"""Defects in connectors that the contract of all connectors has to notice."""

from __future__ import annotations

from tests.planted.defect import Defect

CONNECTORS = "integration/connectors/"
CONTRACT = "tests/connectors/test_contract.py::"

DEFECTS: list[Defect] = [
    Defect(
        "of several that could be the customer none is taken",
        f"{CONNECTORS}odoo/customer/identity.py",
        "        if len(rows) > 1:\n",
        "        if len(rows) > 9:\n",
        f"{CONTRACT}TestOdoo::test_what_could_be_two_is_held_until_a_person_chooses",
        "DID NOT RAISE",
    ),
    Defect(
        "a stream pages within one moment",
        f"{CONNECTORS}fusion/changed_rows.py",
        '        "offset": place["offset"] + len(rows),\n',
        '        "offset": place["offset"] + len(rows) + 1,\n',
        f"{CONTRACT}TestFusion::test_a_stream_loses_nothing_of_one_moment",
        "found} >= expected",
    ),
    Defect(
        "a record is found by its reference",
        f"{CONNECTORS}clarity/order_documents.py",
        "        record = self._read(known) if known else self._search()\n",
        "        record = self._read(known) if known else None\n",
        f"{CONTRACT}TestClarity::test_what_is_posted_twice_takes_effect_once",
        "already_exists|reference",
    ),
    Defect(
        "a target's words lose the addresses in them",
        f"{CONNECTORS}http.py",
        """    text = re.sub(r\"""(["“«])[^"”»]*["”»]|(?<!\\w)'[^']*'(?!\\w)|\\[[^\\]]*\\]\""", "…", text)\n""",
        "",
        f"{CONTRACT}TestOdoo::test_no_reason_holds_personal_values",
        "for value in PERSONAL",
    ),
    Defect(
        "what a user may not do is asked of the whole system",
        f"{CONNECTORS}contract.py",
        "                site.whoami()\n                raise\n",
        "                raise\n",
        "tests/connectors/test_odoo.py::test_a_refusal_holds_the_order_or_pauses_the_target",
        "Misconfigured|AccessRefused",
    ),
    Defect(
        "a setting that is required is asked for",
        f"{CONNECTORS}__init__.py",
        "if each.required)",
        "if not each.required)",
        "tests/cli/test_doctor.py::test_settings_that_are_missing_are_named",
        "CLARITY_TOKEN_URL",
    ),
]
