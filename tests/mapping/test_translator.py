"""The mapping engine: what rows make, and the errors of a wrong mapping or a wrong document."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.canonical.hints import fill_for
from integration.errors import Failure, Hold, Misconfigured, Reject
from integration.rules.definition_schemas import problems
from integration.rules.functions import Table
from integration.rules.translator import Mapping

TABLES = {"colours": Table.of("colours", {"values": {"r": "red"}})}
DOCUMENT = {
    "id": "7",
    "colour": "r",
    "blank": "",
    "nothing": None,
    "price": Decimal("2.50"),
    "customer": {"name": "Ada", "phone": "r"},
    "parts": [{"id": "a", "bits": [{"n": 1}, {"n": 2}]}, {"id": "b", "bits": []}],
    "more": [{"id": "c"}],
}


def compiled(*rows: dict[str, Any], target: str = "there") -> Mapping:
    document = {"name": "test.thing", "source": "here", "target": target, "rows": list(rows)}
    assert problems("mapping", document) == []
    return Mapping.compile(document, TABLES)


@pytest.mark.parametrize(
    ("rows", "made"),
    [
        ([{"to": "a", "from": "id"}], {"a": "7"}),
        ([{"to": "a.b.c", "from": "customer.name"}], {"a": {"b": {"c": "Ada"}}}),
        ([{"to": "a", "from": "nothing"}], {}),
        ([{"to": "a", "from": "nothing", "default": None}], {"a": None}),
        ([{"to": "a", "from": "nothing", "via": ["upper"], "default": "x"}], {"a": "x"}),
        ([{"to": "a", "from": "blank", "via": ["trim"], "default": "x"}], {"a": "x"}),
        ([{"to": "a", "default": "constant"}], {"a": "constant"}),
        ([{"to": "a", "from": "colour", "via": [["lookup", "colours"], "upper"]}], {"a": "RED"}),
        (
            [{"to": "p", "each": "parts", "rows": [{"to": "c", "from": "parent.colour"}]}],
            {"p": [{"c": "r"}, {"c": "r"}]},
        ),
        ([{"to": "a", "from": ["id", "colour", "nothing"], "via": [["join", "-"]]}], {"a": "7-r"}),
        ([{"to": "a", "from": "id", "when": "blank"}], {}),
        ([{"to": "a", "from": "id", "when": "customer.name == 'Ada'"}], {"a": "7"}),
        ([{"to": "a", "from": "id", "when": "gt(price, '2.49')"}], {"a": "7"}),
        ([{"to": "a", "from": "nothing", "when": "id"}, {"to": "a", "from": "colour"}], {"a": "r"}),
        ([{"to": "a", "from": "id", "when": "id"}, {"to": "a", "default": "x"}], {"a": "7"}),
        ([{"to": "a.b", "from": "id", "when": "blank"}, {"to": "a.b", "default": "x"}], {"a": {"b": "x"}}),
        (
            [{"to": "who", "from": "customer", "rows": [{"to": "n", "from": "name"}, {"to": "of", "from": "root.id"}]}],
            {"who": {"n": "Ada", "of": "7"}},
        ),
        ([{"to": "who", "from": "nothing", "rows": [{"to": "n", "from": "name"}]}], {}),
        (
            [
                {"to": "all", "each": "parts", "rows": [{"to": "i", "from": "id"}]},
                {"to": "all", "each": "more", "rows": [{"to": "i", "from": "position", "via": [["prefix", "m"]]}]},
            ],
            {"all": [{"i": "a"}, {"i": "b"}, {"i": "m1"}]},
        ),
        ([{"to": "all", "each": "nothing", "rows": [{"to": "i", "from": "id"}]}], {"all": []}),
        (
            [
                {
                    "to": "x.all",
                    "each": "parts",
                    "rows": [{"to": "bits", "each": "bits", "rows": [{"to": "of", "from": ["n", "root.id"]}]}],
                }
            ],
            {"x": {"all": [{"bits": [{"of": [1, "7"]}, {"of": [2, "7"]}]}, {"bits": []}]}},
        ),
    ],
)
def test_what_rows_make(rows: list[dict[str, Any]], made: dict[str, Any]) -> None:
    assert compiled(*rows)(DOCUMENT) == made


def test_a_default_is_made_anew_for_every_document() -> None:
    mapping = compiled({"to": "taxes", "default": []})
    mapping(DOCUMENT)["taxes"].append("changed later")
    assert mapping(DOCUMENT) == {"taxes": []}


def test_rows_say_whether_they_had_a_value() -> None:
    fired: set[str] = set()
    mapping = compiled(
        {"to": "a", "from": "id"},
        {"to": "b", "from": "nothing", "default": 1},
        {"to": "c", "default": 1, "when": "blank"},
        {"to": "d", "each": "parts", "rows": [{"to": "i", "from": "id"}, {"to": "j", "from": "absent"}]},
    )
    mapping(DOCUMENT, fired)
    assert fired == {"1", "4", "4.1"}
    assert mapping.rows == {"1": "a", "2": "b", "3": "c", "4": "d", "4.1": "i", "4.2": "j"}


@pytest.mark.parametrize(
    ("row", "kind", "reason"),
    [
        (
            {"to": "c", "from": "id", "via": [["lookup", "colours"]]},
            Hold,
            "test.thing row 1 (c from id): not in the table colours: '7'",
        ),
        (
            {"to": "c", "from": "customer.name", "via": [["lookup", "colours"]]},
            Hold,
            "test.thing row 1 (c from customer.name): not in the table colours",
        ),
        (
            {"to": "who", "from": "customer", "rows": [{"to": "c", "from": "name", "via": [["lookup", "colours"]]}]},
            Hold,
            "test.thing row 1.1 (who.c from name): not in the table colours",
        ),
        (
            {"to": "p", "each": "parts", "rows": [{"to": "c", "from": "id", "via": [["lookup", "colours"]]}]},
            Hold,
            "test.thing row 1.1 (p[1].c from id): not in the table colours: 'a'",
        ),
        (
            {"to": "a", "from": "nothing", "required": True},
            Reject,
            "test.thing row 1 (a from nothing): required, but absent",
        ),
        ({"to": "a", "from": "price", "via": ["upper"]}, Reject, "test.thing row 1 (a from price): not text: '2.50'"),
        (
            {"to": "a", "from": "id", "via": [["time", "%Y"]]},
            Reject,
            "test.thing row 1 (a from id): not a time: '7'",
        ),
        (
            {"to": "a", "from": ["id"], "via": [["tax", "colours"]]},
            Reject,
            "test.thing row 1 (a from id): the value does not fit the function: '7'",
        ),
        (
            {"to": "a", "from": "length(price)"},
            Reject,
            "test.thing row 1 (a from length(price)): the expression does not fit the document",
        ),
        (
            {"to": "a", "from": "id", "when": "gt(colour, '1')"},
            Reject,
            "test.thing row 1 (a from id): not a number",
        ),
        (
            {"to": "a", "from": "id", "rows": [{"to": "b", "from": "c"}]},
            Reject,
            "test.thing row 1 (a from id): not an object",
        ),
    ],
)
def test_a_failure_names_mapping_row_and_path_and_no_personal_value(
    row: dict[str, Any], kind: type[Failure], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        compiled(row)(DOCUMENT)
    assert caught.value.reason == reason
    assert caught.value.hint


def test_an_unknown_value_says_which_table_wants_it() -> None:
    with pytest.raises(Hold) as caught:
        compiled({"to": "c", "from": "id", "via": [["lookup", "colours"]]})(DOCUMENT)
    assert caught.value.code == "unmapped"
    assert caught.value.hint == (
        "Add the value to mappings/tables/colours.json and run `fleet mapping publish`; or, if the value is wrong, "
        "correct it where it comes from. {again}"
    )


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("clarity.order", "Correct the order in Clarity; or, if it is right, the mapping's row, and run "
         "`fleet mapping publish`. What is changed in Clarity arrives by itself; else replay this."),
        ("odoo.shipment", "Correct the shipment in Odoo; or, if it is right, the mapping's row, and run "
         "`fleet mapping publish`. The shipment is read again as soon as it changes in Odoo."),
    ],
)  # fmt: skip
def test_what_to_do_about_a_document_depends_on_where_it_comes_from(source: str, hint: str) -> None:
    rows = [{"to": "a", "from": "absent", "required": True}]
    mapping = Mapping.compile({"name": "test.thing", "source": source, "target": "there", "rows": rows}, TABLES)
    with pytest.raises(Reject) as caught:
        mapping.apply({})
    assert fill_for(caught.value.hint, source) == hint


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"from": "id"}], "row 1: to is missing"),
        (["id"], "row 1: to is missing"),
        ([{"to": "a"}], "row 1: neither from nor default is given"),
        ([{"to": "a", "form": "id"}], "row 1: unknown key 'form'; did you mean from?"),
        ([{"to": "a", "from": "x", "rows": [], "default": 1}], "row 1: unknown key 'default'"),
        ([{"to": "a", "from": {"b": 1}}], 'row 1: from cannot be {"b": 1}'),
        ([{"to": "a", "from": "x", "when": None}], "row 1: when is not a condition"),
        ([{"to": "a", "from": "x", "on": "craete"}], 'row 1: on cannot be "craete"; did you mean create?'),
        ([{"to": "a", "from": "x", "via": "upper"}], 'row 1: via cannot be "upper"'),
        (
            [{"to": "a", "from": "x", "via": ["shout"]}],
            'row 1: via names "shout", which is no function; `fleet mapping functions` lists them',
        ),
        (
            [{"to": "p", "each": "x", "rows": [{"to": "a", "from": "x"}, {"to": "b", "from": "x", "via": ["uper"]}]}],
            'row 1.2: via names "uper", which is no function; did you mean upper?',
        ),
        (
            [{"to": "a", "from": "x", "via": [[]]}],
            "row 1: via names [], which is no function; `fleet mapping functions` lists them",
        ),
        (
            [{"to": "a", "from": "x", "via": ["split"]}],
            "row 1: via gives split 0 arguments, and it takes 1 (separator)",
        ),
        (
            [{"to": "a", "from": "x", "via": [["upper", 1]]}],
            "row 1: via gives upper 1 arguments, and it takes 0 (none)",
        ),
    ],
)
def test_a_mapping_of_another_form_does_not_pass_its_schema(rows: list[Any], problem: str) -> None:
    found = problems("mapping", {"name": "test.thing", "source": "here", "target": "there", "rows": rows})
    assert [*map(str, found)] == [problem]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            [{"to": "a", "from": "x", "via": [["lookup", "sizes"]]}],
            "row 1: there is no table 'sizes' in mappings/tables",
        ),
        ([{"to": "a", "from": "x y"}], "row 1: 'x y': not a JMESPath expression"),
        (
            [{"to": "a", "from": "x", "when": "total > `1`"}],
            "row 1: 'total > `1`': > is blind to decimals; write gt(a, b)",
        ),
        (
            [{"to": "p", "each": "x", "rows": [{"to": "a", "from": "unit_price == `1`"}]}],
            "row 1.1: 'unit_price == `1`': == on the amount unit_price; write eq(a, b)",
        ),
        (
            [{"to": "a", "from": "x"}, {"to": "a", "from": "y"}],
            "row 2: an earlier row goes to a too, without a condition",
        ),
        ([{"to": "a", "from": "x"}, {"to": "a.b", "from": "y"}], "row 2: a.b and a cannot both be written"),
        ([{"to": "a.b", "from": "x"}, {"to": "a", "from": "y"}], "row 2: a and a.b cannot both be written"),
    ],
)
def test_a_mapping_that_cannot_work_does_not_compile(rows: list[Any], problem: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        compiled(*rows)
    assert caught.value.reason == f"mapping test.thing {problem}"
    assert caught.value.hint == "Correct the mapping and run `fleet mapping check`."


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"to": "on_create.a", "from": "x"}], 'row 1: on_create is for rows with "on": "create"'),
        (
            [{"to": "a", "each": "x", "on": "create", "rows": [{"to": "b", "from": "c"}]}],
            'row 1: "on": "create" is for a value of a target\'s document, not of a list or a part',
        ),
        (
            [{"to": "a", "from": "x", "rows": [{"to": "b", "from": "c", "on": "create"}]}],
            'row 1.1: "on": "create" is for a value of a target\'s document, not of a list or a part',
        ),
        (
            [{"to": "a", "from": "x"}, {"to": "a.b", "from": "x", "on": "create"}],
            "row 2: a.b is written at every change too, so it has no initial value",
        ),
        (
            [{"to": "a", "from": "x", "on": "create"}, {"to": "a", "from": "x"}],
            "row 2: a is written at every change too, so it has no initial value",
        ),
        (
            [{"to": "a", "from": "x", "on": "create"}, {"to": "a.b", "from": "x", "on": "create"}],
            "row 2: on_create.a.b and on_create.a cannot both be written",
        ),
    ],
)
def test_an_initial_value_has_a_place_of_its_own(rows: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        compiled(*rows, target="there.thing")
    assert caught.value.reason == f"mapping test.thing {problem}"


def test_a_canonical_document_has_no_initial_values() -> None:
    with pytest.raises(Misconfigured, match="is for a value of a target's document"):
        compiled({"to": "a", "from": "id", "on": "create"})


def test_initial_values_are_made_apart() -> None:
    rows = [
        {"to": "key", "from": "id"},
        {"to": "who.name", "from": "customer.name", "on": "create"},
        {"to": "who.kind", "when": "blank", "default": "old", "on": "create"},
        {"to": "who.kind", "default": "new", "on": "create"},
        {"to": "home", "from": "customer", "on": "create", "rows": [{"to": "phone", "from": "phone"}]},
        {"to": "none", "from": "nothing", "on": "create"},
    ]
    made = compiled(*rows, target="there.thing")(DOCUMENT)
    assert made == {"key": "7", "on_create": {"who": {"name": "Ada", "kind": "new"}, "home": {"phone": "r"}}}
    silent = compiled(rows[0], rows[-1], target="there.thing")(DOCUMENT)
    assert silent == {"key": "7"}


def test_a_mapping_says_what_it_is() -> None:
    (problem,) = problems("mapping", {"name": "test.thing", "source": "here", "rows": []})
    assert str(problem) == "target is missing"
