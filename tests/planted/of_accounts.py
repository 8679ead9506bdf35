"""Defects of the records that customers share, and of the accounts that are made for them."""

from __future__ import annotations

from tests.planted.defect import Defect

CONNECTORS = "integration/connectors/"
CREATION = f"{CONNECTORS}fusion/customer/creation.py"
PARTIES = f"{CONNECTORS}fusion/customer/parties.py"
CONTACTS = f"{CONNECTORS}odoo/customer/contacts.py"
MADE = "tests/connectors/test_fusion_accounts_made.py::"
FUSION = "tests/connectors/test_fusion_customer_post.py::"
ODOO = "tests/connectors/test_odoo_customer_post.py::"
CONTRACT = "tests/connectors/test_contract.py::"

DEFECTS: list[Defect] = [
    Defect(
        "of several customers that are one record only the first is written",
        f"{CONNECTORS}keeper.py",
        "    if work.taken(KEPT, key, [theirs]) or work.approved(LINK, key, theirs):\n        return False\n",
        "    if work.taken(KEPT, key, [theirs]) or work.approved(LINK, key, theirs):\n        return True\n",
        f"{FUSION}test_of_an_account_that_two_customers_share_the_first_keeps_the_party",
        "Another Name",
    ),
    Defect(
        "a record that nobody keeps is no second customer's in silence",
        f"{CONNECTORS}keeper.py",
        'or not work.taken("customer", key, [theirs])',
        "or True",
        f"{ODOO}test_a_contact_that_two_customers_share_already_is_held_until_one_keeps_it",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "one contact in Odoo is one of ours",
        CONTACTS,
        "rows.pop(int(theirs))",
        "rows[int(theirs)]",
        f"{ODOO}test_contacts_with_one_e_mail_address_are_each_their_own",
        r"\['Bob'\] == \['Ada', 'Bob'\]",
    ),
    Defect(
        "a contact with an account of its own is not overwritten by its employer's",
        CONTACTS,
        'if str(row["id"]) not in customers:',
        "if True:",
        f"{ODOO}test_a_contact_with_an_account_of_its_own_shows_what_that_states",
        "Ada of the company",
    ),
    Defect(
        "a party is written only where it differs",
        PARTIES,
        " and not equal(name, value, party)",
        "",
        f"{FUSION}test_a_party_shows_what_clarity_states_and_is_written_only_where_it_differs",
        "party.update",
    ),
    Defect(
        "an address that the party has is not added again",
        PARTIES,
        'if not find(party, document["key"], address):',
        "if True:",
        f"{CONTRACT}TestFusion::test_what_is_posted_twice_takes_effect_once",
        "already exists",
    ),
    Defect(
        "a party that may not be read holds its customer, and not the target",
        PARTIES,
        "except (AccessRefused, NoSuchResource) as refused:",
        "except AccessRefused as refused:",
        f"{FUSION}test_a_party_that_may_not_be_read_holds_this_customer_only",
        "NoSuchResource",
    ),
    Defect(
        "no account is made unless that is wanted",
        CREATION,
        "self._may_create and ",
        "",
        f"{MADE}test_without_the_setting_nothing_is_made",
        "Hold|fault|Reject",
    ),
    Defect(
        "a party that an earlier try has made is found again",
        CREATION,
        "        party = self._parties.numbered(number)\n",
        "        party = None\n",
        f"{CONTRACT}TestFusionThatMakesAccounts::test_a_lost_answer_is_one_effect",
        "an organization there has the customer's name",
    ),
    Defect(
        "an account that an earlier try has made is found again",
        CREATION,
        "account = self._service.of_party(id) or self._service.create(",
        "account = self._service.create(",
        f"{CONTRACT}TestFusionThatMakesAccounts::test_a_lost_answer_is_one_effect",
        "== 1",
    ),
    Defect(
        "of several who need one account one makes it",
        CREATION,
        '        work.reserve("customer", key)\n',
        "",
        f"{MADE}test_first_orders_and_the_customer_at_once_make_one_account",
        "an organization there has|already exists|assert",
    ),
    Defect(
        "an account is not made beside one of the same name in silence",
        CREATION,
        "if not parties or work.approved(NEW, key, name):",
        "if True:",
        f"{MADE}test_a_namesake_is_held_with_the_choice",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "a dry run makes no account",
        f"{CONNECTORS}fusion/order/enrich.py",
        '    return {**document, "ids": ids(site, document, work)}\n\n\ndef with_account',
        '    return with_account(site, {**document, "ids": ids(site, document, work)}, work)\n\n\ndef with_account',
        f"{MADE}test_a_dry_run_makes_nothing",
        "is None",
    ),
    Defect(
        "a SOAP fault is a refusal",
        f"{CONNECTORS}fusion/errors.py",
        "    if is_fault(reply):\n",
        "    if False:\n",
        f"{MADE}test_a_fault_is_a_refusal_and_the_next_try_goes_on_where_it_was",
        "Retry",
    ),
]
