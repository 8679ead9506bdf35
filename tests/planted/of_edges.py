"""Defects of the edges: deadlines, addresses, and answers of other systems."""

from __future__ import annotations

from tests.planted.defect import Defect

CONNECTORS = "integration/connectors/"
ENDLESS = "tests/connectors/test_endless.py::"

DEFECTS = [
    Defect(
        "addresses are parsed as the client parses them",
        "integration/addresses.py",
        'host, other = (called.host or "").strip("[]"), split.hostname or ""',
        'host = other = urlsplit(url).hostname or ""',
        "tests/test_addresses.py::test_no_address_is_http_to_another_machine",
        "holds a user name|DID NOT RAISE",
        also=(("integration/addresses.py", "    if ODD.search(url):\n        return None\n", ""),),
    ),
    Defect(
        "an installation's identity holds no password",
        "integration/settings.py",
        '    url, login = without_login(options["url"])\n',
        '    url, login = options["url"], ""\n',
        "tests/test_addresses.py::test_credentials_are_no_part_of_where_a_system_is",
        "jane",
    ),
    Defect(
        "an installation keeps its crossrefs when the password leaves its URL",
        "integration/store/migrations/0009_no_credentials_in_urls.sql",
        "affected and place = 1",
        "affected and place = 0",
        "tests/store/test_installations.py::test_an_installation_keeps_what_is_its_own_when_its_password_leaves_its_url",
        "odoo-2",
    ),
    Defect(
        "an odd answer is no defect",
        f"{CONNECTORS}answers.py",
        "    except ODD as error:\n",
        "    except ZeroDivisionError as error:\n",
        "tests/connectors/test_odd_answers.py::test_who_odoo_says_we_are",
        "a defect: ",
    ),
    Defect(
        "a number that nobody can mean is unreadable",
        f"{CONNECTORS}answers.py",
        "decimal_of(str(value).strip(), LONGEST_NUMBER, LARGEST_EXPONENT)",
        "decimal_of(str(value).strip(), LONGEST_NUMBER, 10**9)",
        f"{ENDLESS}test_a_number_that_nobody_can_mean_is_an_unreadable_answer",
        "1e999999",
    ),
    Defect(
        "a list without an end is not read for ever",
        f"{CONNECTORS}answers.py",
        "        if mark(place) in seen:\n",
        "        if False:\n",
        f"{ENDLESS}test_a_collection_of_fusion",
        "500|MOST_PAGES",
    ),
    Defect(
        "a target's words are cut before patterns are tried on them",
        f"{CONNECTORS}http.py",
        "    text = message[:LONGEST_MESSAGE]\n",
        "    text = message\n",
        "tests/test_bounds.py::test_a_long_message_is_cut_before_what_is_personal_is_looked_for",
        "s of the processor",
    ),
]
