"""Each function a mapping may name: what it makes of a value, and what it says of one it cannot use."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import jmespath
import pytest

from integration.rules.expressions import OPTIONS, compile_expression
from integration.rules.functions import FUNCTIONS, Table, Unfit

RATES = Table.of("rates", {"values": {"VAT23": {"rate": "23"}, "SALES825": {"rate": "8.25"}, "NONE": None}})
BY_PLACE = Table.of(
    "by_place",
    {
        "columns": ["country", "region", "tax class"],
        "values": {
            "US/CA/food": {"rate": "0"},
            "US/CA/*": {"rate": "7.25", "name": "CA Sales"},
            "US/*/food": {"rate": "1", "name": "US Food"},
            "*/*/food": {"rate": "2"},
        },
    },
)
LENIENT = Table.of("lenient", {"values": {"A": 1}, "default": None})

TRACKING = "9400 1000 0000 0000 0000 00"
S10 = ["RR123456799DE", "RR123456808DE"]
LINK = "https://dhl.example/t/00340434"
CREDITED = {"key": "k", "kind": "line", "quantity": Decimal(1), "amount": Decimal(5)}
OF_THE_LINE = {"order_line_id": "1", "sku": "MUG-01", "kind": "line", "quantity": Decimal(1), "amount": Decimal(5)}

WORKING: list[tuple[str, Any, list[Any], Any]] = [
    ("upper", "Straße", [], "STRASSE"),
    ("lower", "ÄB", [], "äb"),
    ("trim", "  a b ", [], "a b"),
    ("trim", "   ", [], None),
    ("prefix", 3, ["fee-"], "fee-3"),
    ("split", "a, b,,c ", [","], ["a", "b", "c"]),
    ("codes", " 1Z1, 1Z2;1Z3\n1Z1 / 1Z-4 ", [], ["1Z1", "1Z2", "1Z3", "1Z-4"]),
    ("codes", " ; - ", [], None),
    ("codes", "1Z 999 AA1 01 2345 6784", [], ["1Z 999 AA1 01 2345 6784"]),
    ("codes", "JD01 4600 0064 9573 0127\n9400 1000 0000 0000 0000 00", [], ["JD01 4600 0064 9573 0127", TRACKING]),
    ("codes", "1Z999AA10123456784 1Z999AA10123456785", [], ["1Z999AA10123456784", "1Z999AA10123456785"]),
    ("codes", "0034043412 0034043413,0034043412", [], ["0034043412", "0034043413"]),
    ("codes", "RR 123456785 DE|RR123456799DE  RR123456808DE", [], ["RR 123456785 DE", *S10]),
    ("codes", "RR  123 456\t785 DE/ 7", [], ["RR 123 456", "785 DE", "7"]),
    ("codes", "picked up by the customer", [], ["picked up by the customer"]),
    ("codes", "https://dhl.example/t/00340434; 99.00.123456.12345678", [], [LINK, "99.00.123456.12345678"]),
    ("email", " ada@mail.example ", [], "ada@mail.example"),
    ("email", '"Lovelace, Ada" <ada@mail.example>', [], "ada@mail.example"),
    ("email", "Ada Lovelace<ada@mail.example> ", [], "ada@mail.example"),
    ("email", "<ada@mail.example>", [], "ada@mail.example"),
    ("email", "ada@mail.example, <bob@mail.example>", [], "bob@mail.example"),
    ("email", "Ada <at home>", [], "Ada <at home>"),
    ("email", " ", [], None),
    ("listed", {"engraving": "Ada", "size": Decimal("1.50")}, [], ["engraving: Ada", "size: 1.50"]),
    ("listed", {"gift": True, "parts": ["a", Decimal("0.1")]}, [], ["gift: true", 'parts: ["a", "0.1"]']),
    ("listed", {"engraving": "Ada", "fulfilledBy": "odoo"}, ["fulfilledBy"], ["engraving: Ada"]),
    ("listed", {"engraving": "", "size": None}, [], None),
    ("credited", [CREDITED], [[{"id": "1", "sku": "MUG-01", "keys": ["k"]}]], [OF_THE_LINE]),
    ("listed", "Ada", [], None),
    ("join", ["Acme", None, "", "Ada", "Acme"], [", "], "Acme, Ada"),
    ("join", [None, ""], [", "], None),
    ("mentions", "Express Saver", ["express"], True),
    ("mentions", "Standard", ["express"], False),
    ("html", 'a < b & c\n"d"', [], '<p>a &lt; b &amp; c<br>"d"</p>'),
    ("day", "2026-11-20T23:30:00Z", [], "2026-11-20"),
    ("time", "2026-11-20T10:15:29.250Z", ["%d.%m.%Y %H:%M:%S"], "20.11.2026 10:15:29"),
    ("sum", [Decimal("0.1"), "0.2", 3], [], Decimal("3.3")),
    ("sum", [], [], Decimal(0)),
    ("negate", Decimal("1.50"), [], Decimal("-1.50")),
    ("difference", [Decimal("5.00"), "1.20", 1], [], Decimal("2.80")),
    ("gt", Decimal("10"), ["9.99"], True),
    ("gt", Decimal("10"), ["10.00"], False),
    ("gte", Decimal("10"), ["10.00"], True),
    ("lt", "9.9", [10], True),
    ("lt", "10.0", [10], False),
    ("lte", "10.0", [10], True),
    ("eq", Decimal("1.20"), ["1.2"], True),
    ("eq", Decimal("1.20"), ["1.21"], False),
    ("line_price", [2, Decimal("12.30"), Decimal("22.14")], [], Decimal("12.30")),
    ("line_discount", [2, Decimal("12.30"), Decimal("22.14")], [], Decimal("10.00")),
    ("line_price", [3, Decimal("9.99"), Decimal("28.97")], [], Decimal("9.6566666667")),
    ("line_discount", [3, Decimal("9.99"), Decimal("28.97")], [], Decimal(0)),
    ("line_price", [3, Decimal("1.005"), Decimal("3.02")], [], Decimal("1.0066666667")),
    ("line_discount", [1, Decimal("2.00"), Decimal("0.00")], [], Decimal(100)),
    ("line_price", [0, Decimal("2.00"), Decimal("1.00")], [], Decimal("2.00")),
    ("tax_roundings", {"tax_included": True}, [], Decimal(0)),
    ("lookup", "NONE", [RATES], None),
    ("lookup", "unheard of", [LENIENT], None),
    ("tax", ["SALES825", Decimal("0.0825")], [RATES], "8.25"),
    ("tax", ["VAT23", Decimal("0.230")], [RATES], "23"),
    ("tax", ["US", "CA", "food", Decimal(0)], [BY_PLACE], "0"),
    ("tax", ["US", "CA", None, Decimal("0.0725")], [BY_PLACE], "7.25"),
    ("tax", ["US", "NV", "food", Decimal("0.01")], [BY_PLACE], "1"),
    ("tax", ["PL", None, "food", Decimal("0.02")], [BY_PLACE], "2"),
    ("tax_name", ["US", "CA", "toys", Decimal("0.0725")], [BY_PLACE], "CA Sales"),
    ("tax_name", ["US", "CA", "food", Decimal(0)], [BY_PLACE], None),
    ("tax_name", ["VAT23", Decimal("0.23")], [RATES], None),
    ("country", " pl", [], "PL"),
    ("region", "US-CA", [], "CA"),
    ("region", "CA", [], "CA"),
    ("region", "us-ca", [], "ca"),
    ("region", "Kujawsko-Pomorskie", [], "Kujawsko-Pomorskie"),
    ("region", "St-Gallen", [], "St-Gallen"),
    ("region", "La-Paz", [], "La-Paz"),
    ("region", "AL-ANBAR", [], "AL-ANBAR"),
    ("allocate", [], [[]], []),
    ("came_back", [], [[]], []),
]


@pytest.mark.parametrize(("name", "value", "arguments", "made"), WORKING)
def test_what_a_function_makes(name: str, value: Any, arguments: list[Any], made: Any) -> None:
    result = FUNCTIONS[name].call(value, *arguments)
    assert (result, type(result)) == (made, type(made))


def test_every_function_is_tried_and_says_what_it_does() -> None:
    assert {name for name, *_ in WORKING} == set(FUNCTIONS)
    assert [name for name, function in FUNCTIONS.items() if not function.about.endswith(".")] == []


@pytest.mark.parametrize(
    ("name", "value", "arguments", "problem", "held"),
    [
        ("upper", 3, [], "not text", False),
        ("sum", ["1", "x"], [], "not a number", False),
        ("sum", "123", [], "not a list", False),
        ("sum", [True], [], "not a number", False),
        ("gt", "NaN", [1], "not a number", False),
        ("gt", "1e", [1], "not a number", False),
        ("day", "yesterday", [], "not a time", False),
        ("join", "text", [","], "not a list", False),
        ("codes", 17, [], "not text", False),
        ("allocate", "1", [[]], "not a list", False),
        ("lookup", "VAT99", [RATES], "not in the table rates", True),
        (
            "tax",
            ["VAT23", Decimal("0.22")],
            [RATES],
            "the table rates says 23 % for this code, the order says another rate",
            True,
        ),
        ("tax", ["US", "NV", "toys", Decimal("0.01")], [BY_PLACE], "not in the table by_place", True),
        (
            "lookup",
            "US/CA/food",
            [BY_PLACE],
            "the table by_place is looked up by country, region, tax class, one value for each",
            False,
        ),
        ("country", "UK", [], "not an ISO 3166-1 country code", True),
        ("country", "EU", [], "not an ISO 3166-1 country code", True),
        ("tax_roundings", "2 x 9.99", [], "not a whole order", False),
    ],
)
def test_what_a_function_says_of_a_value_it_cannot_use(
    name: str, value: Any, arguments: list[Any], problem: str, held: bool
) -> None:
    with pytest.raises(Unfit) as caught:
        FUNCTIONS[name].call(value, *arguments)
    assert (caught.value.problem, caught.value.hint is not None) == (problem, held)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("gt(total, '10')", True),
        ("gt(total, lines[0].amount)", True),
        ("eq(sum(lines[].amount), total)", True),
        ("lines[?gt(amount, '5')].id", ["1"]),
        ("mentions(absent, 'x')", None),
        ("split(absent, ' ')[-1]", None),
        ("join(' ', split('Zoë Maria  Łęcka ', ' ')[:-1])", "Zoë Maria"),
        ("lines[1:].id == lines[:1].id", False),
        ("total", Decimal("10.50")),
        ("deep.er.est", None),
        ("absent || number || id", "N-1"),
        ("absent || empty", ""),
        ("number == 'N-1'", True),
        ("deep.er == '3'", False),
        ("number.absent == ''", False),
        ("empty == ''", True),
        ("number == 'N\\'1'", False),
        ("lines[-1].id", "2"),
    ],
)
def test_expressions_know_decimals(expression: str, found: Any) -> None:
    lines = [{"id": "1", "amount": Decimal("10.00")}, {"id": "2", "amount": Decimal("0.50")}]
    document = {"id": "1", "number": "N-1", "total": Decimal("10.50"), "lines": lines, "empty": "", "deep": {"er": 3}}
    assert compile_expression(expression)(document) == found
    assert jmespath.search(expression, document, options=OPTIONS) == found  # the fast path agrees


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("a b", "not a JMESPath expression"),
        ("", "not a JMESPath expression"),
        ("totals.grand_total > `0`", "> is blind to decimals; write gt(a, b)"),
        ("lines[?quantity >= `2`]", ">= is blind to decimals; write gte(a, b)"),
        ("totals.tax == `0`", "== on the amount tax; write eq(a, b)"),
        ("`0` != lines[0].unitPrice", "!= on the amount unitPrice; write eq(a, b)"),
        ("InvoiceBalanceAmount == `0`", "== on the amount InvoiceBalanceAmount; write eq(a, b)"),
        ("order_invoiced == order.amount", "== on the amount amount; write eq(a, b)"),
        ("order.lines[?left == `0`]", "== on the amount left; write eq(a, b)"),
        ("max(lines[].total)", "max() is blind to decimals"),
        ("total(lines)", "there is no function total()"),
        ("a && b[?system('ls')]", "there is no function system()"),
    ],
)
def test_expressions_that_would_go_wrong_do_not_compile(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        compile_expression(expression)
    assert str(caught.value) == problem
