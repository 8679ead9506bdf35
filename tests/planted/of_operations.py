"""Defects of what operators see: one row for each object, what it costs to ask, and what is taken away unmasked."""

from __future__ import annotations

from tests.planted.defect import Defect

OBJECTS = "integration/store/objects.py"
ROWS = "integration/operations/objects.py"
STORY = "integration/operations/story.py"
LISTED = "tests/operations/test_objects.py::"
FLAT = "tests/operations/test_flat.py::"
STORIES = "tests/operations/test_story.py::"
TYPED = "tests/cli/test_objects.py::"

DEFECTS = [
    Defect(
        "an order is one row, however many events it has",
        OBJECTS,
        """and e.id < f.id and {OF_KIND.format("e")} limit 1)""",
        """and e.id < f.id and false and {OF_KIND.format("e")} limit 1)""",
        f"{LISTED}test_forty_bad_orders_of_several_events_are_forty_rows",
        "Left contains 60 more items",
    ),
    Defect(
        "an order is one row, too, where only what waits for a person is listed",
        OBJECTS,
        "select distinct coalesce(m.part_of, m.object_id) as object\n    from deliveries d",
        "select coalesce(m.part_of, m.object_id) as object\n    from deliveries d",
        f"{LISTED}test_a_list_is_narrowed_by_whatever_is_given",
        "assert",
    ),
    Defect(
        "what is held of a shipment is wrong with its order",
        OBJECTS,
        "or m.part_of = any (%(objects)s::text[]))",
        "or m.part_of is null and false)",
        f"{LISTED}test_what_is_held_of_a_part_is_wrong_with_its_order",
        "'shipment'",
    ),
    Defect(
        "an order and a customer of one id are two objects",
        OBJECTS,
        "and (d.entity = any (%(kinds)s::text[]) or d.entity = 'event'",
        "and (d.entity = any (%(kinds)s::text[]) or true or d.entity = 'event'",
        f"{LISTED}test_an_order_and_a_customer_of_one_id_are_two_objects",
        "ambiguous_customer",
    ),
    Defect(
        "Clarity was notified of what was pushed",
        OBJECTS,
        "case when d.step = 'push_status' and d.state = 'done' then d.document end",
        "case when d.step = 'push_status' then d.document end",
        f"{LISTED}test_clarity_was_notified_of_what_was_pushed_not_of_what_is_to_be",
        "",
    ),
    Defect(
        "a list of objects does not read what is finished",
        "integration/store/migrations/0022_objects.sql",
        "create index messages_of_kind on messages (split_part(type, '.', 1), id);",
        "",
        f"{FLAT}test_a_page_costs_nothing_for_what_is_finished[customers]",
        r"< 15000|1, 1",
    ),
    Defect(
        "what is not finished is found by the indexes on it",
        "integration/store/conditions.py",
        """return f"(d.open or d.state in ('held', 'dead')) and {among}\"""",
        "return among",
        f"{FLAT}test_a_page_costs_nothing_for_what_is_finished[orders not done]",
        "assert",
    ),
    Defect(
        "a walk over a time ends where that ends",
        OBJECTS,
        "if times != ALWAYS else None",
        "if times == ALWAYS else None",
        f"{FLAT}test_a_page_costs_nothing_for_what_is_finished[orders until]",
        r"< 15000",
    ),
    Defect(
        "a story names the delivery that has to end first",
        OBJECTS,
        "order by d.version, d.id limit 1) as id from unnest",
        "order by d.version desc, d.id desc limit 1) as id from unnest",
        f"{STORIES}test_the_delivery_ahead_is_named",
        "waits behind delivery 3",
    ),
    Defect(
        "what a person decided about is part of the story",
        STORY,
        'nothing = row["state"] == State.SKIPPED and row["id"] not in busy',
        'nothing = row["state"] == State.SKIPPED',
        f"{STORIES}test_what_was_skipped_and_decided_by_a_person_is_not_quiet",
        "assert not",
    ),
    Defect(
        "what is taken away is masked",
        "integration/operations/bodies.py",
        "body if reveal else masked(body, personal=personal)",
        "body",
        f"{TYPED}test_what_is_taken_away_is_masked_or_audited",
        "ring twice",
    ),
    Defect(
        "what is taken away unmasked is audited",
        "integration/operations/bodies.py",
        'audit.note(tx, who, "export", [None]',
        'audit.note(tx, who, "export", []',
        f"{TYPED}test_what_is_taken_away_is_masked_or_audited",
        "not enough values to unpack",
    ),
    Defect(
        "an e-mail address is in no record of who took what away",
        "integration/operations/bodies.py",
        'email_key="given" if chosen.email_key else None',
        "email_key=chosen.email_key",
        f"{TYPED}test_an_address_finds_what_is_its_own_and_is_written_nowhere",
        "email_key",
    ),
    Defect(
        "a cell is no formula",
        "integration/terminal/listing.py",
        """f"'{value}" if value.startswith(FORMULA) else value""",
        "value",
        f"{TYPED}test_a_cell_is_no_formula_to_a_spreadsheet",
        "cmd",
    ),
    Defect(
        "an order that waits for a person is counted once",
        OBJECTS,
        "and d.entity = any (%(kinds)s::text[]) group by 1\n)",
        "and d.entity = any (%(kinds)s::text[]) group by 1, d.id\n)",
        f"{LISTED}test_every_order_is_counted_once_wherever_it_is",
        "'held', 2",
    ),
    Defect(
        "a shipment is kept with the order that it belongs to",
        "tasks/polls.py",
        "number, part_of=part_of), freeze(body)",
        "number), freeze(body)",
        "tests/road/test_polls.py::test_what_belongs_to_an_order_is_kept_with_our_id_of_it",
        "assert None ==",
    ),
    Defect(
        "a tracking number is found by an index",
        "integration/store/migrations/0024_tracking_numbers.sql",
        "create index shipments_by_tracking_number on progress using gin ((body -> 'tracking'))\n"
        "    where entity = 'shipment' and body ? 'tracking';",
        "select 1;",
        "tests/operations/test_flat.py::test_nor_does_one_object_or_the_search_for_it",
        r"AssertionError: OLD-7",
    ),
    Defect(
        "a shipment's tracking numbers are kept",
        "tasks/fulfilment.py",
        'return counted | ({"tracking": tracking} if tracking else {})',
        "return counted",
        "tests/road/test_sent_back.py::test_the_tracking_numbers_of_what_left_find_the_order",
        r"\[\('1001', None\)\] == ",
    ),
]
