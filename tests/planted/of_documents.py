"""Defects of what documents are read, checked and translated by."""

from __future__ import annotations

from tests.planted.defect import Defect

CANONICAL = "integration/canonical/"
ORDER = "tests/mapping/test_order.py::"
UNIQUE = "tests/mapping/test_unique.py"

DEFECTS = [
    Defect(
        "two rows with one id are held",
        f"{CANONICAL}unique.py",
        "len(ids := self._ids(rows)) == len(set(ids))",
        "self._ids(rows)",
        UNIQUE,
        "DID NOT RAISE",
    ),
    Defect(
        "no row is lost where rows are kept by an id",
        f"{CANONICAL}unique.py",
        "        if id in found:\n",
        "        if False:\n",
        UNIQUE,
        "test_rows_are_kept_by_a_key_or_held",
    ),
    Defect(
        "a charge that is twice in Fusion is noticed",
        "integration/connectors/fusion/order/difference.py",
        "        len(theirs) == len(ours)\n        and ",
        "        ",
        UNIQUE,
        "test_a_charge_that_is_twice_in_fusion_is_a_difference",
    ),
    Defect(
        "a line of quantity 0 reaches no target",
        "integration/workflow.py",
        "of.remaining(canonical) if of.remaining else canonical",
        "canonical",
        f"{ORDER}test_a_line_of_quantity_0_is_a_removed_line",
        r"assert \['1', '2'\] == \['1'\]",
    ),
    Defect(
        "refunds count",
        f"{CANONICAL}order_check.py",
        "refunded = _sum(",
        "refunded = Decimal(0) * _sum(",
        f"{ORDER}test_refunds_count_whatever_the_word",
        "captured payments 25.00 . balance due 8.00 makes 33.00 EUR",
    ),
    Defect(
        "the noise of floats is taken away",
        f"{CANONICAL}values.py",
        "self._finer(without_noise(number, DECIMALS))",
        "self._finer(number)",
        f"{ORDER}test_the_noise_of_floats_is_no_error",
        "more than 6 decimals",
    ),
    Defect(
        "a number that decimals cannot hold is refused",
        f"{CANONICAL}decimals.py",
        "    except ArithmeticError:",
        "    except ZeroDivisionError:",
        "tests/fuzz/test_bodies.py::test_what_was_a_defect_once_is_none",
        "InvalidOperation",
    ),
    Defect(
        "a number that would take all memory is refused",
        f"{CANONICAL}decimals.py",
        "return number if abs(number.adjusted()) <= largest_exponent else None",
        "return number",
        "tests/mapping/test_documents.py",
        "DID NOT RAISE",
    ),
    Defect(
        "one tracking number stays one",
        "integration/functions.py",
        "[A-Za-z0-9-]{8,}",
        "[A-Za-z0-9-]{1,}",
        "tests/mapping/test_functions.py",
        "1Z 999 AA1 01 2345 6784",
    ),
    Defect(
        "an order of downloads is completed",
        f"{CANONICAL}fulfilment.py",
        "if all(part.empty for part in parts):",
        "if not any(part.carried for part in parts):",
        "tests/store/test_progress.py::test_an_order_of_which_nothing_ships_is_completed_once_it_is_billed_and_paid",
        "Clarity completes what is shipped",
    ),
    Defect(
        "what no row reads is listed",
        "integration/carried.py",
        "    elif value not in NOTHING:\n",
        "    elif value in NOTHING:\n",
        "tests/mapping/test_carried.py",
        "test_what_a_row_reads_is_carried",
    ),
]
