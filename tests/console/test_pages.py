"""What the pages of the console show, and what can be done on them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from flask import Flask

from integration.message import State
from integration.operations import jobs
from integration.store.database import Database
from tests.cli.test_repair import failed
from tests.console.browser import Browser
from tests.operations.orders import Orders
from tests.operations.slices import means

CODE = "totals_mismatch"


def held(orders: Orders, numbers: Sequence[str], code: str = CODE) -> list[int]:
    return [failed(orders, orders.vault, State.HELD, code, event=f"evt-{id}", order=id) for id in numbers]


def test_an_empty_fleet_says_that_nothing_is_wrong(viewer: Browser) -> None:
    page = viewer.get("/").text
    assert "<strong>0 orders</strong> came" in page
    assert "No order waits for a person." in page
    assert "Nothing is held, and nothing is dead." in page
    assert "There is no job." in viewer.get("/jobs").text
    assert "No order matches." in viewer.get("/objects/order").text


def test_the_overview_counts_orders_and_names_causes(viewer: Browser, orders: Orders) -> None:
    orders.end(orders.post(orders.order("1001"), "S00012", "12"), State.DONE)
    held(orders, ["1002", "1003"])
    page = viewer.get("/").text
    assert "<strong>3 orders</strong> came" in page
    assert "2 wait for a person" in page
    assert CODE in page


def test_one_box_finds_by_any_number_and_shows_the_story(viewer: Browser, orders: Orders) -> None:
    orders.end(orders.post(orders.order("1001"), "S00012", "12"), State.DONE)
    for text in ("WEB-1001", "1001", "S00012"):
        page = viewer.get("/find", text=text)
        assert page.request.path == "/objects/order/1001"
        assert "Order WEB-1001" in page.text
        assert "status push done: processing" in page.text
    nothing = viewer.get("/find", text="nobody's")
    assert nothing.status_code == 200
    assert "Nothing is known under it" in nothing.text


def test_lists_go_on_where_the_page_ends_and_keep_what_is_selected(
    viewer: Browser, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.console.objects.PAGE", 2)
    held(orders, ["1001", "1002", "1003"])
    first = viewer.get("/objects/order", state="held")
    assert [number in first.text for number in ("WEB-1003", "WEB-1002", "WEB-1001")] == [True, True, False]
    (link,) = [part.partition('"')[0] for part in first.text.split('class="more"><a href="')[1:]]
    second = viewer.get(link.replace("&amp;", "&"))
    assert "WEB-1001" in second.text
    assert "WEB-1003" not in second.text
    assert "state=held" in link


def test_what_cannot_be_selected_is_a_plain_error(viewer: Browser) -> None:
    for query in ({"state": "hold"}, {"since": "soon"}, {"colour": "red"}):
        answer = viewer.get("/objects/order", **query)
        assert answer.status_code == 422, query
        assert "Overview" in answer.text


def test_causes_are_rows_and_each_leads_to_its_deliveries(viewer: Browser, orders: Orders) -> None:
    first, _ = held(orders, ["1001", "1002"])
    held(orders, ["1003"], "unknown_sku")
    page = viewer.get("/trouble").text
    assert "3 orders" in page
    assert page.index(CODE) < page.index("unknown_sku")
    with orders.database.transaction() as tx:
        fingerprint = tx.value("select fingerprint from deliveries where id = %s", first)
    group = viewer.get(f"/trouble/{fingerprint}").text
    assert ("WEB-1001" in group, "WEB-1002" in group, "WEB-1003" in group) == (True, True, False)
    assert "Send again" not in group, "a viewer sees no button"
    one = viewer.get(f"/deliveries/{first}")
    assert one.status_code == 200
    assert CODE in one.text


def test_orders_are_approved_by_a_job_that_is_shown_before_it_starts(
    operator: Browser, orders: Orders, database: Database
) -> None:
    ids = held(orders, ["1001", "1002"])
    orders.run("update deliveries set about = 'digest', difference = 0.01 where code = %s", CODE)
    with database.transaction() as tx:
        fingerprint = tx.value("select fingerprint from deliveries where id = %s", ids[0])
    group = operator.get(f"/trouble/{fingerprint}", state="held")
    job = operator.press(group, "Send as they are…")
    assert "This would approve 2 deliveries." in job.text
    assert states(database, ids) == {"held"}
    held(orders, ["1003"])
    started = operator.press(job, "Start")
    assert "0 of 2 applied, 2 to come" in started.text
    number = int(job.request.path.rpartition("/")[2])
    assert jobs.advance(database, number, means(database, orders.vault))
    assert "2 of 2 applied" in operator.get(job.request.path).text
    assert "held" not in states(database, ids)
    with database.transaction() as tx:
        assert tx.value("select distinct who from audit where action = 'approve'") == "operator"


def test_a_job_that_nobody_wants_is_discarded(operator: Browser, orders: Orders, database: Database) -> None:
    (id,) = held(orders, ["1001"])
    job = operator.press(operator.get(f"/deliveries/{id}"), "Send again…")
    assert "This would replay 1 delivery." in job.text
    assert "There is no job." in operator.press(job, "Discard").text
    assert states(database, [id]) == {"held"}


def test_what_is_closed_needs_a_reason(operator: Browser, orders: Orders) -> None:
    (id,) = held(orders, ["1001"])
    page = operator.get(f"/deliveries/{id}")
    refused = operator.press(page, "Close without sending…", reason=" ")
    assert refused.status_code == 422
    assert "there is no reason" in refused.text.lower()
    assert "This would resolve 1 delivery." in operator.press(page, "Close without sending…", reason="test").text


def test_a_document_is_masked(viewer: Browser, orders: Orders) -> None:
    document = {"order": {"email": "jane@mail.example", "currency": "EUR"}}
    id = failed(orders, orders.vault, State.HELD, CODE, event="evt-1001", order="1001", document=document)
    page = viewer.get(f"/deliveries/{id}").text
    assert "EUR" in page
    assert "jane@mail.example" not in page


def test_a_target_is_paused_limited_and_called_again(operator: Browser, orders: Orders, database: Database) -> None:
    def of(name: str) -> object:
        with database.transaction() as tx:
            return tx.value(f"select {name} from installations where name = 'odoo-1'")

    page = operator.get("/targets")
    assert "odoo-1" in page.text
    operator.press(page, "Pause", reason="stocktaking")
    assert of("pause_reason") == "stocktaking"
    page = operator.get("/targets")
    assert "Paused by operator" in page.text
    assert of("rate") is None
    assert operator.press(page, "Limit", rate="fast").status_code == 422
    operator.press(page, "Limit", rate="2.5", concurrency="3")
    assert (of("rate"), of("concurrency")) == (2.5, 3)
    operator.press(operator.get("/targets"), "Back to the settings")
    operator.press(operator.get("/targets"), "Call it again")
    assert (of("rate"), of("pause_reason")) == (None, None)
    acts = operator.get("/audit").text
    assert all(each in acts for each in ("pause", "resume", "limit", "operator"))


@pytest.mark.parametrize("path", ["/nowhere", "/objects/nothing", "/objects/order/4711", "/deliveries/4711"])
def test_what_there_is_not_is_404(viewer: Browser, path: str) -> None:
    assert viewer.get(path).status_code == 404


def test_names_of_others_are_shown_and_not_run(viewer: Browser, orders: Orders) -> None:
    nasty = "<script>alert(1)</script>"
    failed(orders, orders.vault, State.HELD, nasty, event="evt-1", order="1001")
    for path in ("/", "/trouble", "/objects/order", "/objects/order/1001"):
        assert nasty not in viewer.get(path).text
    assert "&lt;script&gt;" in viewer.get("/trouble").text
    assert nasty not in viewer.get("/find", text=nasty).text


def test_without_postgres_a_page_says_so(app: Flask, viewer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    assert viewer.get("/healthz").json == {"status": "ok"}
    away = app.extensions["site"].database
    monkeypatch.setattr(away, "url", "postgresql://fleet@127.0.0.1:9/fleet")
    away.close()
    answer = viewer.get("/")
    assert answer.status_code == 503
    assert "Postgres does not answer" in answer.text


def states(database: Database, ids: list[int]) -> set[str]:
    with database.transaction() as tx:
        return {row["state"] for row in tx.rows("select state from deliveries where id = any (%s)", ids)}
