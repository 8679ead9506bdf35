"""Defects of who a customer is, and of what is remembered of one."""

from __future__ import annotations

from tests.planted.defect import Defect

CUSTOMERS = "tests/connectors/test_odoo_customers.py::"
FUSION = "tests/connectors/test_fusion_lookups.py::"
CONNECTOR = "integration/connectors/odoo/"

DEFECTS = [
    Defect(
        "of two customers at once one adopts a contact",
        "integration/store/crossrefs.py",
        '    tx.run("select pg_advisory_xact_lock(hashtextextended(%s, 0))", f"crossref {installation} {theirs}")\n',
        "",
        "tests/store/test_deliveries.py::test_of_two_who_adopt_one_record_at_once_one_gets_it",
        "DID NOT RAISE.*TimeoutError",
    ),
    Defect(
        "a contact that is another customer of ours is no match",
        f"{CONNECTOR}customer/identity.py",
        'if not names.get(row["id"], "").startswith(CUSTOMERS)]',
        "]",
        f"{CUSTOMERS}test_many_accounts_with_one_address_are_as_many_customers",
        "several contacts in Odoo could be this customer|len\\(set\\(found\\)\\) == 5",
        also=(
            (
                f"{CONNECTOR}customer/identity.py",
                'free = [row for row in free if str(row["id"]) not in taken]',
                "free = list(free)",
            ),
        ),
    ),
    Defect(
        "an employee's private order is not billed to the employer",
        f"{CONNECTOR}customer/identity.py",
        '["parent_id", "=", False], ["is_company", "=", is_company(partner)]',
        '["active", "=", True]',
        f"{CUSTOMERS}test_an_employees_private_order_is_not_the_employers",
        "several contacts in Odoo could be this customer",
    ),
    Defect(
        "a company with another VAT number is another company",
        f"{CONNECTOR}customer/identity.py",
        'if not another_vat(partner["fields"].get("vat"), row["vat"])]',
        "]",
        f"{CUSTOMERS}test_a_company_with_another_vat_number_is_another_company",
        "the customer has another VAT number in Clarity",
    ),
    Defect(
        "what belongs to another company of the same Odoo is no match",
        f"{CONNECTOR}catalog.py",
        '        return ["|", ["company_id", "=", False], ["company_id", "=", self.company()["id"]]]',
        "        return []",
        f"{CUSTOMERS}test_what_another_company_of_this_odoo_has_is_no_match",
        "several products have the SKU",
    ),
    Defect(
        "a merged customer is followed",
        f"{CONNECTOR}customer/remembered.py",
        "if id not in self._rows and (moved := self._moved(identity)):",
        "if False and (moved := self._moved(identity)):",
        f"{CUSTOMERS}test_the_orders_of_a_merged_customer_go_to_the_one_that_stays",
        "the customer's contact is not in Odoo any more",
    ),
    Defect(
        "an archived customer is not used in silence",
        f"{CONNECTOR}customer/remembered.py",
        'if row and row["active"] and not self._elsewhere(row):',
        "if row and not self._elsewhere(row):",
        f"{CUSTOMERS}test_an_archived_customer_is_held_with_the_choice",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "what was replaced since it was looked up is looked up again",
        f"{CONNECTOR}site.py",
        "            self.catalog.forget()\n",
        "",
        f"{CUSTOMERS}test_a_product_that_was_replaced_is_looked_up_again",
        "No matching record found for database id",
    ),
    Defect(
        "a VAT number that is given later is written",
        f"{CONNECTOR}customer/partner.py",
        "            Completion(self._client, self._work).ensure(customer, document)\n",
        "            pass\n",
        f"{CUSTOMERS}test_a_vat_number_given_later_is_written",
        '\\["vat"\\] == vat',
    ),
    Defect(
        "an order that is begun does not change its customer in silence",
        f"{CONNECTOR}order/reassignment.py",
        "    if not _begun(client, order):\n",
        "    if True:\n",
        f"{CUSTOMERS}test_an_order_that_is_begun_does_not_follow_in_silence",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "an order keeps its terms when its customer changes",
        f"{CONNECTOR}order/post.py",
        '        if "partner_id" in values:',
        "        if False:",
        f"{CUSTOMERS}test_an_order_follows_its_customer",
        "'payment_term_id': (False|None)",
    ),
    Defect(
        "an order follows its customer",
        f"{CONNECTOR}order/reassignment.py",
        'return {**changes, "partner_id": ids["partner"], **addresses}',
        "return {**changes, **addresses}",
        f"{CUSTOMERS}test_an_order_follows_its_customer",
        "assert now != customer",
    ),
    Defect(
        "in Fusion a private order is not billed to the employer",
        "integration/connectors/fusion/customer/accounts.py",
        "    if is_company is not None:\n",
        "    if False:\n",
        f"{FUSION}test_a_private_order_is_not_the_employers_nor_a_companys_a_persons",
        "300000000020001",
    ),
    Defect(
        "in Fusion a stated account is not replaced by one that has the e-mail address",
        "integration/connectors/fusion/customer/accounts.py",
        "if not (stated or chosen) and len(accounts) < 2:",
        "if len(accounts) < 2:",
        f"{FUSION}test_an_unknown_account_number_is_not_replaced_by_the_e_mail_address",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "in Fusion a submitted order does not change its customer in silence",
        "integration/connectors/fusion/order/difference.py",
        "    if another_customer(payload, order):\n",
        "    if False:\n",
        f"{FUSION}test_a_submitted_order_does_not_change_its_customer_in_silence",
        "DID NOT RAISE.*Hold",
    ),
]
