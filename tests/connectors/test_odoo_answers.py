"""What Odoo itself answers: the sandbox's Odoo as a real one."""

from __future__ import annotations

from typing import Any

import pytest

from integration.errors import Failure
from tests.connectors.odoo_targets import Target, unique

WIZARD = "base.partner.merge.automatic.wizard"
LINES = ["id", "partner_id/.id", "order_line/id", "order_line/product_id/.id", "order_line/price_unit"]


def load(target: Target, model: str, fields: list[str], *data: list[str]) -> dict[str, Any]:
    answer = target.owner(model, "load", fields=fields, data=list(data))
    assert isinstance(answer, dict)
    return answer


def contacts(target: Target, *emails: str) -> list[int]:
    return [target.create("res.partner", name="Jane", email=email) for email in emails]


def test_one_record_twice_in_one_load_is_one_record(target: Target) -> None:
    name = f"__clarity__.twice__{unique()}"
    answer = load(target, "res.partner", ["id", "name"], [name, "First"], [name, "Second"])
    assert len(set(answer["ids"])) == 1
    assert target.one("res.partner", answer["ids"][0], "name")["name"] == "Second"


def test_one_line_twice_in_one_load_is_refused(target: Target) -> None:
    (partner,) = contacts(target, "jane@example.com")
    domain = [["default_code", "=", target.sku_a]]
    product = str(target.owner("product.product", "search", domain=domain)[0])
    mark = unique()
    first = [f"__clarity__.order__{mark}", str(partner), f"__clarity__.order_line__{mark}", product, "1"]
    answer = load(target, "sale.order", LINES, first, ["", "", f"__clarity__.order_line__{mark}", product, "2"])
    assert answer["ids"] is False
    assert [message["message"] for message in answer["messages"]] == [
        "ON CONFLICT DO UPDATE command cannot affect row a second time\nHINT:  Ensure that no rows proposed for "
        "insertion within the same command have duplicate constrained values.\n"
    ]


def test_a_merge_moves_children_orders_and_external_ids(target: Target) -> None:
    mark = unique()
    name = f"__clarity__.merged__{mark}"
    was = load(target, "res.partner", ["id", "name", "email", "phone"], [name, "Jane", f"{mark}@x.example", "123"])
    (was_id,) = was["ids"]
    child = target.create("res.partner", name="Dock", type="delivery", parent_id=was_id)
    order = target.create("sale.order", partner_id=was_id)
    (stays,) = contacts(target, f"{mark}@x.example")
    target.merge(was_id, into=stays)
    assert target.owner("ir.model.data", "check_object_reference", module="__clarity__", xml_id=f"merged__{mark}") == [
        "res.partner",
        stays,
    ]
    assert target.one("res.partner", child, "parent_id")["parent_id"] == stays
    fields = ("partner_id", "partner_invoice_id", "partner_shipping_id")
    assert {target.one("sale.order", order, *fields)[field] for field in fields} <= {stays, child}
    assert target.one("res.partner", stays, "name", "phone") == {"id": stays, "name": "Jane", "phone": "123"}


@pytest.mark.parametrize("case", ["four", "parent"])
def test_what_a_merge_refuses(target: Target, case: str) -> None:
    email = f"{unique()}@x.example"
    ids = contacts(target, email, email)
    if case == "four":
        ids += contacts(target, email, email)
        says = "you cannot merge more than 3 contacts together"
    else:
        ids.append(target.create("res.partner", name="Jane", email=email, parent_id=ids[0]))
        says = "You cannot merge a contact with one of his parent."
    values = {"partner_ids": [[6, 0, ids]], "dst_partner_id": ids[0], "state": "selection"}
    wizard = target.create(WIZARD, **values)
    with pytest.raises(Failure, match=says):
        target.owner(WIZARD, "action_merge", [wizard])


def test_an_order_takes_nothing_of_another_company(target: Target) -> None:
    other = target.other_company()
    theirs = target.create("res.partner", name="Theirs", company_id=other)
    answer = load(target, "sale.order", ["id", "partner_id/.id"], [f"__clarity__.order__{unique()}", str(theirs)])
    assert answer["ids"] is False
    (message,) = answer["messages"]
    assert "“Customer” (partner_id: 'Theirs') belongs to another company.\n" in message["message"]
    assert message["message"].endswith("To avoid a mess, no company crossover is allowed!")


def test_an_archived_contact_is_read_and_taken_but_not_found(target: Target) -> None:
    email = f"{unique()}@x.example"
    archived = target.create("res.partner", name="Jane", email=email, active=False)
    assert target.owner("res.partner", "search", domain=[["email", "=", email]]) == []
    assert target.one("res.partner", archived, "active") == {"id": archived, "active": False}
    name = f"__clarity__.order__{unique()}"
    assert load(target, "sale.order", ["id", "partner_id/.id"], [name, str(archived)])["ids"]
    deleted = target.create("res.partner", name="Jane")
    target.owner("res.partner", "unlink", [deleted])
    assert target.owner("res.partner", "read", [deleted], fields=["name"]) == []
