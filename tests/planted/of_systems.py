"""Defects of named systems: what of one could pass for another's."""

from __future__ import annotations

from tests.planted.defect import Defect

SYSTEMS = "integration/systems.py"
NAMES = "tests/test_systems.py::"

DEFECTS = [
    Defect(
        "a hint names the variables of the system that was called",
        "integration/canonical/hints.py",
        "if system is None or system.name == system.kind:",
        "if True:",
        "tests/test_hints.py::test_variables_are_shown_under_the_name_of_the_system_that_was_called[odoo_eu]",
        "AssertionError",
    ),
    Defect(
        "ids of an added shop's objects are no other shop's",
        SYSTEMS,
        'return f"{system}/{id}"',
        "return id",
        f"{NAMES}test_ids_of_an_added_system_begin_with_its_name_and_come_back_bare",
        "AssertionError",
    ),
    Defect(
        "an id that reads as another shop's is refused",
        SYSTEMS,
        "if added := _added(id, systems):",
        "if added := _added(id, ()):",
        f"{NAMES}test_ids_of_an_added_system_begin_with_its_name_and_come_back_bare",
        "DID NOT RAISE",
    ),
    Defect(
        "a customer of an added shop is no other shop's",
        "integration/canonical/entities.py",
        '("id", "customer.id")',
        '("id",)',
        f"{NAMES}test_a_document_has_our_ids_on_the_way_in_and_those_of_its_home_on_the_way_back",
        "AssertionError",
    ),
    Defect(
        "a variable of an added system is no option of its kind's own",
        "integration/settings.py",
        "if not name.startswith(longer)",
        "if name",
        f"{NAMES}test_each_system_has_variables_of_its_own",
        "assert not",
    ),
    Defect(
        "an id that another system's object has is left as it is",
        "integration/canonical/home.py",
        "    if registered.home != kind:\n        return document\n",
        "",
        f"{NAMES}test_a_document_has_our_ids_on_the_way_in_and_those_of_its_home_on_the_way_back",
        "AssertionError",
    ),
    Defect(
        "a name offers what its kind does",
        "integration/connectors/__init__.py",
        "for name, kind in kinds.items()}",
        "for name, kind in kinds.items() if name == kind}",
        f"{NAMES}test_a_workflow_names_systems_by_their_own_names",
        "names 'shop_b2b', which is no system",
    ),
    Defect(
        "no name could be a setting of another system",
        "integration/preflight.py",
        "    _check_names(settings.kinds)\n",
        "",
        f"{NAMES}test_what_cannot_be_a_name_is_refused_with_the_way_out",
        "DID NOT RAISE",
    ),
    Defect(
        "what changed of one shop's customer is not sent to the other",
        "tasks/identity.py",
        "not is_home(target.system, delivery.object_id, runtime.settings.kinds)",
        "False",
        "tests/road/test_sent_back.py::test_what_changed_of_another_shops_customer_is_not_sent",
        r"'reason': 'the customer is not one of clarity'",
    ),
    Defect(
        "a known system keeps its name",
        "integration/store/installations.py",
        "    if was != name:",
        "    if not name:",
        "tests/store/test_installations.py::test_a_system_keeps_the_name_by_which_it_is_known",
        "DID NOT RAISE",
    ),
    Defect(
        "what left for one shop's order is not sent to the other",
        "tasks/fulfilment.py",
        "not is_home(target, order_id, kinds)",
        "False",
        "tests/road/test_sent_back.py::test_what_left_for_another_shops_order_is_not_sent",
        r"'reason': 'the order is not one of clarity'",
    ),
]
