"""Defects of products: which record one is, who owns which value, and what is never guessed."""

from __future__ import annotations

from tests.planted.defect import Defect

CONNECTOR = "integration/connectors/odoo/product/"
POST = "tests/connectors/test_odoo_products.py::"
VARIANTS = "tests/connectors/test_odoo_variants.py::"
CHECK = "tests/mapping/test_product.py::"

DEFECTS = [
    Defect(
        "several products of one SKU are held with the choice",
        f"{CONNECTOR}identity.py",
        "if len(candidates) > 1:",
        "if False:",
        f"{POST}test_several_products_of_one_sku_are_held_with_the_choice",
        "'sku_taken', \\[\\]|DID NOT RAISE.*Hold",
    ),
    Defect(
        "an archived product has its SKU, too",
        f"{CONNECTOR}identity.py",
        '["active", "in", [True, False]], ',
        "",
        f"{POST}test_a_product_that_odoo_has_is_found_by_its_sku",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "no two products of Odoo get one barcode",
        f"{CONNECTOR}post.py",
        "if changed.keys() & UNIQUE:",
        "if False:",
        f"{POST}test_a_sku_or_barcode_of_another_product_is_held",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "what Odoo owns of a product is written once",
        f"{CONNECTOR}post.py",
        "changed = changes(self._columns.of(self._document), row)",
        "changed = changes(self._columns.of(with_initial(self._document)), row)",
        f"{POST}test_a_product_is_made_once_and_corrected_where_clarity_owns_a_value",
        "Odoo owns it",
        also=(
            (
                f"{CONNECTOR}post.py",
                "map(plain, self._columns.of(self._document))",
                "map(plain, self._columns.of(with_initial(self._document)))",
            ),
        ),
    ),
    Defect(
        "a product that is not sold any more is archived",
        f"{CONNECTOR}post.py",
        "self._status.archive(theirs)",
        "pass",
        f"{POST}test_a_product_that_is_not_sold_any_more_is_archived_and_comes_back",
        "assert True is False",
    ),
    Defect(
        "what a person has archived in Odoo comes back only if a person says so",
        f"{CONNECTOR}status.py",
        "refusals.check_archived(rows[0])",
        "pass",
        f"{POST}test_a_product_that_odoo_has_is_found_by_its_sku",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "a product that was deleted in Odoo is not made again in silence",
        f"{CONNECTOR}post.py",
        "if not self._work.approved(NEW, ENTITY, self._key, before):",
        "if False:",
        f"{POST}test_a_product_that_was_deleted_in_odoo_is_held_with_the_choice",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "goods are not taken for a service in silence",
        f"{CONNECTOR}post.py",
        "self._refusals.check_type(row)",
        "pass",
        f"{POST}test_another_type_is_held_and_a_kit_stays_what_it_is",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "a price is written in Odoo's own currency only",
        f"{CONNECTOR}refusals.py",
        "if currency != own:",
        "if False:",
        f"{POST}test_a_price_in_another_currency_is_held",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "a price with tax is not written as one without",
        f"{CONNECTOR}refusals.py",
        "included is not None and (not included) in",
        "included is not None and included is None and (not included) in",
        f"{POST}test_a_price_with_the_tax_in_it_is_held_where_odoo_adds_it",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "a product that is deleted arrives whatever else is wrong with it",
        "integration/canonical/product.py",
        "if status == ARCHIVED:",
        "if False:",
        f"{CHECK}test_what_is_not_right_is_held_or_approved",
        "Hold",
    ),
    Defect(
        "a variant that is made is one record, whichever answer is lost",
        f"{CONNECTOR}several.py",
        " or by_name.get(external_id(VARIANT, key))",
        "",
        f"{VARIANTS}test_whichever_answer_is_lost_each_variant_is_there_once",
        "sku_taken|another product in Odoo has this SKU",
    ),
    Defect(
        "what Clarity does not sell any more of a product is archived",
        f"{CONNECTOR}several.py",
        "        if left:\n",
        "        if False:\n",
        f"{VARIANTS}test_a_variant_is_added_corrected_and_taken_away",
        "\\[True, True, True\\] == \\[True, False, True\\]",
    ),
    Defect(
        "one of several variants is not renamed as if it were all",
        f"{CONNECTOR}post.py",
        "self._refusals.check_alone(row)",
        "pass",
        f"{VARIANTS}test_one_of_several_variants_is_not_taken_for_a_product",
        "DID NOT RAISE.*Hold",
    ),
    Defect(
        "variants that are different products stay so",
        f"{CONNECTOR}several.py",
        "if len(templates) > 1:",
        "if False:",
        f"{VARIANTS}test_variants_that_are_different_products_are_held",
        "'variant_price' == 'variants_apart'",
    ),
    Defect(
        "a product is found by its SKU",
        "integration/canonical/entities.py",
        'number_at="sku",',
        "",
        f"{CHECK}test_a_product_is_found_by_its_sku",
        "'7' == 'MUG-01'",
    ),
]
