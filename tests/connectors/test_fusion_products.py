"""A product of Clarity in the sandbox's Fusion: one item or one for each variant, found by number or made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Document, Posted
from integration.errors import Reject, Skip, Throttled
from tests.connectors.bench_documents import fusion_product
from tests.connectors.fusion_targets import Pod, Shop
from tests.connectors.odoo_targets import held, unique
from tests.connectors.work import Crossrefs, LossyWork, MemoryWork

MAKES = {"create_items": "MST", "organization": "W01"}


def post(running: Pod, document: Document, work: MemoryWork | None = None, **options: str) -> Posted:
    return running.connector(**(options or MAKES)).post("product", document, work or MemoryWork())


def there(running: Pod, document: Document) -> list[dict[str, Any]]:
    """The document's items as the pod's books show them, by organization."""
    skus = {each["sku"] for each in document["items"]}
    rows = [row for row in running.fake.ledger()["items"] if row["number"] in skus]
    return sorted(rows, key=lambda row: (row["organization"], row["number"]))


def with_fields(document: Document, **fields: str) -> Document:
    [item] = document["items"]
    return {**document, "items": [{**item, "fields": {**item["fields"], **fields}}]}


def seeded(sku: str = "SKU-41", **fields: str) -> Document:
    """A product with the SKU of an item that the pod has already."""
    document = with_fields(fusion_product(), **fields)
    return {**document, "items": [{**document["items"][0], "sku": sku}]}


def shirt(*sizes: str) -> Document:
    document, key = fusion_product(), unique()
    items = [{"key": size, "sku": f"{key}-{size}", "fields": {"ItemDescription": f"Shirt {size}"}} for size in sizes]
    return {**document, "key": f"p-{key}", "items": items}


@pytest.fixture(autouse=True)
def fresh(running: Pod) -> None:
    running.fake.reset()
    running.calls.clear()


def test_an_item_is_made_in_the_item_master_and_assigned_and_written_only_where_it_differs(running: Pod) -> None:
    document, work = fusion_product(), MemoryWork()
    posted = post(running, document, work)
    rows = there(running, document)
    assert [(row["organization"], row["status"], row["unit"]) for row in rows] == [
        ("MST", "Active", "Each"),
        ("W01", "Active", "Each"),
    ]
    assert {(str(row["id"]), row["weight"]) for row in rows} == {(posted.theirs, 0.355)}
    assert posted.number == document["items"][0]["sku"]
    running.fake.correct_item(str(posted.number), {"UnitWeightQuantity": 0.4, "ItemStatusValue": "Engineer"})
    work.new_round()
    assert post(running, document, work).theirs == posted.theirs
    assert work.tries == [], "what Fusion owns, and what is the same, is not written"
    post(running, with_fields(document, ItemDescription="Cup"), work)
    assert [effect for effect, _ in work.outcomes] == [f"item.update:MST/{posted.number}"]
    assert {(row["description"], row["weight"], row["status"]) for row in there(running, document)} == {
        ("Cup", 0.4, "Engineer")
    }


def test_a_lost_answer_is_one_item(running: Pod) -> None:
    document = fusion_product()
    work = LossyWork(f"item.create:MST/{document['items'][0]['sku']}", Crossrefs())
    with pytest.raises(Exception, match="the connection broke"):
        post(running, document, work)
    running.fake.correct_item(document["items"][0]["sku"], {"ItemDescription": "Seen by people"})
    assert post(running, document, work).theirs == str(there(running, document)[0]["id"])
    assert running.calls.count("POST itemsV2") == 2, "one for each organization"


def test_a_frozen_creation_is_looked_up_before_it_is_repeated(running: Pod) -> None:
    """Also where the list of items does not show it yet when the delivery looks first."""
    catalogue, body = running.connector(**MAKES).site.catalogue, {"ItemNumber": unique(), "ItemDescription": "Mug"}
    body |= {"ItemClass": "Root Item Class", "PrimaryUOMValue": "Each"}
    work = LossyWork(f"item.create:MST/{body['ItemNumber']}", Crossrefs())
    with pytest.raises(Exception, match="the connection broke"):
        catalogue.create("MST", body, work)
    assert catalogue.create("MST", body, work)
    assert running.calls.count("POST itemsV2") == 1


def test_without_permission_no_item_is_made(running: Pod) -> None:
    document = fusion_product()
    for options, why in (({"organization": "MST"}, "no item with this SKU"), ({"organization": ""}, "do not follow")):
        with pytest.raises(Skip, match=why):
            post(running, document, **options)
    assert there(running, document) == []
    post(running, seeded(ItemDescription="Cup"), organization="MST")
    assert {row["description"] for row in running.fake.ledger()["items"]} == {"Cup"}
    assert "POST itemsV2" not in running.calls


def test_an_item_is_one_product_of_ours(running: Pod) -> None:
    crossrefs = Crossrefs()
    first = seeded()
    post(running, first, MemoryWork(crossrefs))
    assert held(lambda: post(running, seeded(), MemoryWork(crossrefs))).code == "sku_taken"
    assert there(running, first)[0]["description"] == first["items"][0]["fields"]["ItemDescription"]


def test_events_that_come_at_once_make_one_item(running: Pod) -> None:
    document, crossrefs = fusion_product(), Crossrefs()

    def send(_: int) -> str | None:
        while True:
            try:
                return post(running, document, MemoryWork(crossrefs)).theirs
            except Throttled:
                continue

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(send, range(4)))) == 1
    assert running.calls.count("POST itemsV2") == 2


def test_what_clarity_does_not_sell_any_more_is_inactive_and_comes_back(running: Pod) -> None:
    document, work = fusion_product(), MemoryWork()
    theirs = post(running, document, work).theirs
    work.remember("product", document["key"], str(theirs))
    archived = {**document, "archived": True, "items": [{"key": None, "sku": None, "fields": {}}]}
    work.new_round()
    assert post(running, archived, work).theirs == theirs
    assert {row["status"] for row in there(running, document)} == {"Inactive"}
    work.new_round()
    post(running, document, work)
    assert {row["status"] for row in there(running, document)} == {"Active"}
    assert post(running, {**archived, "key": "p-unknown"}).theirs is None


def test_what_people_made_inactive_is_held_while_clarity_sells_it(running: Pod) -> None:
    document, work = seeded(), MemoryWork()
    running.fake.correct_item("SKU-41", {"ItemStatusValue": "Inactive"})
    assert held(lambda: post(running, document, work)).code == "product_archived"
    work.accepted.add("activate_item")
    post(running, document, work)
    assert {row["status"] for row in there(running, document)} == {"Active"}


def test_a_sku_that_changes_is_held(running: Pod) -> None:
    document, work = fusion_product(), MemoryWork()
    work.remember("product", document["key"], str(post(running, document, work).theirs))
    other = {**document, "items": [{**document["items"][0], "sku": unique()}]}
    assert held(lambda: post(running, other, work)).code == "sku_differs"
    work.remember("product", document["key"], "300000000999999")
    assert held(lambda: post(running, document, work)).code == "product_gone"
    work.accepted.add("new_item")
    assert post(running, document, work).theirs == str(there(running, document)[0]["id"])


def test_each_variant_is_an_item_and_one_that_goes_is_inactive(running: Pod) -> None:
    document, work = shirt("M", "L", "XL"), MemoryWork()
    posted = post(running, document, work)
    work.remember("product", document["key"], str(posted.theirs))
    assert posted == Posted(f"variants/{document['key']}", None)
    assert [row["description"] for row in there(running, document)[:3]] == ["Shirt L", "Shirt M", "Shirt XL"]
    work.new_round()
    fewer = {**document, "items": [*document["items"][:1], shirt("S")["items"][0]]}
    post(running, fewer, work)
    assert [row["status"] for row in there(running, document)[:3]] == ["Inactive", "Active", "Inactive"]
    assert [row["status"] for row in there(running, fewer)[:2]] == ["Active", "Active"]
    work.new_round()
    post(running, {**document, "archived": True, "items": [{"key": None, "sku": None, "fields": {}}]}, work)
    assert {row["status"] for row in there(running, document) + there(running, fewer)} == {"Inactive"}


def test_a_product_that_becomes_several_is_held(running: Pod) -> None:
    document, work = shirt("M", "L"), MemoryWork()
    work.remember("product", document["key"], str(there(running, seeded()) or "300000000001041"))
    assert held(lambda: post(running, document, work)).code == "form_differs"


def test_what_fusion_refuses_is_a_dead_letter_with_its_words(running: Pod) -> None:
    document = fusion_product()
    document["on_create"]["fields"]["Template"] = "Nobody's"
    with pytest.raises(Reject, match=r"The value of attribute Template isn't valid.*\(/Template\)") as refused:
        post(running, document)
    assert "order" not in str(refused.value.hint)


def test_an_order_finds_an_item_that_was_made_a_moment_ago(running: Pod) -> None:
    """What Fusion does not know is asked for again by the next order."""
    shop, document = Shop(running), fusion_product()
    connector = running.connector(**MAKES)
    [item] = document["items"]
    order = shop.two_lines()
    order["lines"][0]["sku"] = item["sku"]
    assert held(lambda: shop.send(order, connector=connector)).code == "unknown_sku"
    connector.post("product", document, MemoryWork())
    assert shop.send(order, shop.new_work(), connector).theirs


def test_what_changes_of_an_item_is_read_from_the_item_master(running: Pod) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    connector = running.connector(**MAKES)
    assert connector.changes("products", since, None, list).changes == ()
    running.fake.correct_item("SKU-42", {"UnitWeightQuantity": 0.4, "WeightUOMValue": "Kilogram"})
    [change] = connector.changes("products", since, None, list).changes
    assert (change.type, change.id, change.number) == ("product.changed", "300000000001042", "SKU-42")
    assert change.document == {"UnitWeightQuantity": Decimal("0.4"), "WeightUOMValue": "Kilogram"}
    running.calls.clear()
    assert running.connector().changes("products", since, None, list).changes == ()
    assert running.calls == [], "of a pod whose items follow no products nothing is read"
