"""Defects of the records that customers share, and of the accounts that are made for them."""

from __future__ import annotations

from tests.planted.defect import Defect

CONNECTORS = "integration/connectors/"
CREATION = f"{CONNECTORS}fusion/customer/creation.py"
PARTIES = f"{CONNECTORS}fusion/customer/parties.py"
SITES = f"{CONNECTORS}fusion/customer/sites.py"
SERVICE = f"{CONNECTORS}fusion/customer/account_service.py"
ACCOUNTS = f"{CONNECTORS}fusion/customer/accounts.py"
PEOPLE = f"{CONNECTORS}fusion/customer/contacts.py"
CONTACTS = f"{CONNECTORS}odoo/customer/contacts.py"
MADE = "tests/connectors/test_fusion_accounts_made.py::"
FUSION = "tests/connectors/test_fusion_customer_post.py::"
ADDED = "tests/connectors/test_fusion_sites.py::"
PERSONS = "tests/connectors/test_fusion_contacts.py::"
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
        f"{FUSION}test_a_party_shows_what_clarity_states_and_is_written_only_where_it_differs",
        "first extra item: .'address.create",
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
        "        party = parties.numbered(number)\n",
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
        "a private person is made as a person",
        f"{CONNECTORS}fusion/site.py",
        "False: Parties(self.client, PERSONS)",
        "False: Parties(self.client, ORGANIZATIONS)",
        f"{MADE}test_a_person_is_a_person_in_fusion",
        "Invalid attribute|is required",
    ),
    Defect(
        "a person is not taken for a company of that name",
        CREATION,
        'if document["customer"]["is_company"]:  # two people',
        "if True:  # two people",
        f"{MADE}test_people_of_one_name_are_two_and_no_company",
        "an organization there has the customer's name",
    ),
    Defect(
        "a site is added by those only who may make accounts",
        ACCOUNTS,
        ' or not creation.covers(document["customer"]):',
        ":",
        f"{ADDED}test_without_the_setting_orders_take_the_sites_that_are_there",
        "CustomerAccountSiteEO",
    ),
    Defect(
        "the guest account gets no site",
        ACCOUNTS,
        'if str(rows[0].get("AccountNumber")) == self._guest_account:',
        "if False:",
        f"{ADDED}test_the_guest_account_and_guests_get_no_site",
        "Dock",
    ),
    Defect(
        "an order is billed where the customer is billed now",
        ACCOUNTS,
        "bill_to = own.get(BILL_TO) or _only(",
        "bill_to = _only(",
        f"{ADDED}test_a_changed_billing_address_is_billed_from_then_on",
        r"== \['Side', 'Dock'\]",
    ),
    Defect(
        "a site that an earlier try has added is found again",
        SITES,
        "        if not there:\n            self._service.add_use(",
        "        if True:\n            self._service.add_use(",
        f"{ADDED}test_a_lost_answer_is_one_site_though_the_sites_are_kept_in_memory",
        "2 == 1",
        also=((SERVICE, "return self.use(account, party_site, code) or send(frozen)", "return send(frozen)"),),
    ),
    Defect(
        "of several who need one site one adds it",
        SITES,
        "                work.reserve(SITE, _name(account, each))\n",
        "                pass\n",
        f"{ADDED}test_while_one_adds_a_site_others_wait",
        "DID NOT RAISE.*Throttled",
    ),
    Defect(
        "a site that people have taken away is not added again",
        SITES,
        "if there and not is_active(there) or not there and work.known(SITE, name):",
        "if False:",
        f"{ADDED}test_a_site_that_was_taken_away_in_fusion_is_not_added_again",
        "DID NOT RAISE|does not show it yet|Failed: ",
    ),
    Defect(
        "a second use of an address is a use of the same site",
        SERVICE,
        'if there else {"PartySiteId": party_site}',
        'if False else {"PartySiteId": party_site}',
        f"{ADDED}test_one_address_that_is_billed_and_shipped_to_is_one_site",
        "2 == 1",
    ),
    Defect(
        "a contact that Fusion has is found before one is made",
        PEOPLE,
        " or next(theirs, None)",
        "",
        f"{PERSONS}test_a_contact_that_fusion_has_is_found_by_address_and_name",
        r"\['Ada Roe', 'Ada Roe', 'Bob', 'Eve'\]|At index 1|'Ada Roe' != 'Bob'",
    ),
    Defect(
        "contacts with one e-mail address are two people",
        PEOPLE,
        "and _identity(row) == mine",
        "and _identity(row)[0] == mine[0]",
        f"{PERSONS}test_a_contact_that_fusion_has_is_found_by_address_and_name",
        "'Eve'",
    ),
    Defect(
        "a person becomes a contact once",
        PEOPLE,
        "if person and row is None:",
        "if person:",
        f"{PERSONS}test_two_contacts_with_one_address_are_two_people",
        "contact.relate",
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
