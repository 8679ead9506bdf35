"""What the connectors find when they look around, held against the sandboxes and, with ``--live``, a real Odoo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from integration.connectors.clarity import Clarity
from integration.connectors.contract import Connector, Finding
from integration.connectors.fusion import examination
from integration.connectors.odoo import Odoo
from integration.errors import Misconfigured
from integration.settings import System
from tests.connectors.fusion_targets import Pod, pod
from tests.connectors.odoo_targets import LiveTarget, SandboxTarget, Shop, Target, sandbox, unique
from tests.ports import free_port
from tests.sandbox.rig import Listener, Sandbox


def examined(connector: Connector) -> list[Finding]:
    return list(connector.examine())


def errors(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.verdict == "error"]


def about(found: list[Finding], what: str) -> list[Finding]:
    return [finding for finding in found if finding.about == what]


def actionable(found: list[Finding]) -> bool:
    """Whatever is not in order comes with a fix in whole sentences."""
    return all(finding.fix and finding.fix.endswith(".") for finding in found if finding.verdict != "ok")


# --- Odoo


def test_a_healthy_odoo(target: Target) -> None:
    found = examined(target.connector())
    assert errors(found) == []
    assert actionable(found)
    protocol = "JSON-RPC" if target.system.options["protocol"] == "jsonrpc" else "JSON-2"
    assert found[0].says == f"Odoo knows us as {target.system.options['username']} over {protocol}"
    for what in ("rights", "fields"):
        assert [finding.verdict for finding in about(found, what)] == ["ok"]
    assert f"orders in {target.currency}" in about(found, "pricelists")[-1].says


def test_the_wrong_key(target: Target) -> None:
    with pytest.raises(Misconfigured) as refused:
        examined(target.connector(api_key="0" * 40))
    assert refused.value.hint


def test_a_fallback_that_odoo_does_not_know(target: Target) -> None:
    sku = f"NONE-{unique()}"
    [finding, *_] = about(examined(target.connector(fallback_sku=sku)), "products")
    assert (finding.verdict, finding.says) == ("warning", f"unknown SKU {sku}: such orders are held")
    assert about(examined(target.connector(fallback_sku=target.sku_a)), "products") != [finding]


def test_a_service_product_that_is_never_billed(target: Target) -> None:
    shop = Shop(target)
    shop.send(shop.order(shop.line("fee-1", "1", "2", sku=None, service="fee"), total="2.00"))
    product = int(shop.crossrefs.theirs["service", "fee"])
    name = target.one("product.product", product, "name")["name"]
    target.owner("product.product", "write", [product], vals={"active": True, "invoice_policy": "order"})
    assert about(examined(target.connector()), "service products") == []
    for broken, repaired, says in (
        ({"invoice_policy": "delivery"}, {"invoice_policy": "order"}, "is billed once it is delivered"),
        ({"active": False}, {"active": True}, "is archived"),
    ):
        target.owner("product.product", "write", [product], vals=broken)
        [finding] = about(examined(target.connector()), "service products")
        target.owner("product.product", "write", [product], vals=repaired)
        assert finding.verdict == "warning"
        assert finding.says.startswith(f"the product “{name}” {says}")


class TestSandbox:
    @pytest.fixture
    def odoo(self, tmp_path: Path) -> Iterator[SandboxTarget]:
        with sandbox(tmp_path) as (url, fake):
            yield SandboxTarget(url, fake, "json2")

    def test_a_user_who_may_not_even_read_orders(self, odoo: SandboxTarget) -> None:
        odoo.fake.fail_next("odoo.exceptions.AccessError", model="sale.order", method="search_read")
        with pytest.raises(Misconfigured, match="the integration user lacks rights"):
            examined(odoo.connector())

    def test_a_part_that_cannot_be_looked_at_does_not_hide_the_others(self, odoo: SandboxTarget) -> None:
        odoo.fake.fail_next("odoo.exceptions.AccessError", model="account.tax", method="search_read")
        found = examined(odoo.connector())
        assert [finding.verdict for finding in about(found, "taxes")] == ["warning"]
        assert about(found, "taxes")[0].says.startswith("could not be looked at: Odoo refuses access")
        assert about(found, "pricelists")

    def test_taxes_rounded_for_the_whole_order(self, odoo: SandboxTarget) -> None:
        with odoo.fake.database.transaction():
            odoo.fake.database.update("res.company", 1, {"tax_calculation_rounding_method": "round_globally"})
        [finding] = about(examined(odoo.connector()), "rounding")
        assert (finding.verdict, finding.fix) == ("ok", None)
        [finding] = about(examined(odoo.connector(rounding="hold")), "rounding")
        assert finding.verdict == "warning"
        assert "ODOO_ROUNDING" in str(finding.fix)
        assert "Round per Line" in str(finding.fix)

    def test_a_setting_that_chooses_a_tax_which_is_not_there(self, odoo: SandboxTarget) -> None:
        says = "no sales tax of 23 % on top of the price named “gone”: such orders are held"
        assert says not in [each.says for each in examined(odoo.connector())]
        [finding] = [each for each in examined(odoo.connector(tax_23_excluded="gone")) if each.says == says]
        assert "ODOO_TAX_23_EXCLUDED=<name>" in str(finding.fix)
        assert "send the order" not in str(finding.fix)

    def test_two_pricelists_in_one_currency(self, odoo: SandboxTarget) -> None:
        [usd] = odoo.owner("res.currency", "search", domain=[["name", "=", "USD"]])
        odoo.create("product.pricelist", name="USD too", currency_id=usd)
        [finding, _] = about(examined(odoo.connector()), "pricelists")
        assert (finding.verdict, finding.says) == ("warning", "more than one pricelist in USD: such orders are held")


@pytest.mark.live
class TestLive:
    @pytest.fixture(params=["auto", "jsonrpc"])
    def odoo(self, request: pytest.FixtureRequest) -> LiveTarget:
        return LiveTarget(request.param)

    def test_a_user_for_sales_only_learns_what_is_missing(self, odoo: LiveTarget) -> None:
        found = errors(examined(Odoo(odoo.sales_only, odoo.gate)))
        assert {(finding.says, finding.fix) for finding in found} == {
            ("sales-only may not create res.partner", "Give sales-only in Odoo the group Contact / Creation."),
            ("sales-only may not create product.product", "Give sales-only in Odoo the group Products / Create."),
        }

    def test_payments_are_for_whoever_may_invoice(self, odoo: LiveTarget) -> None:
        [finding] = about(examined(Odoo(odoo.sales_only, odoo.gate)), "payments")
        assert (finding.verdict, "sales-only may not create payments" in finding.says) == ("warning", True)
        assert about(examined(odoo.connector()), "payments") == []

    def test_products_that_share_a_sku(self, odoo: LiveTarget) -> None:
        sku = f"!{unique()}"  # sorts first among those that are named
        products = [odoo.create("product.product", name=sku, default_code=sku) for _ in range(2)]
        [finding] = about(examined(odoo.connector()), "products")
        odoo.owner("product.product", "write", products[:1], vals={"active": False})
        assert finding.verdict == "warning"
        assert sku in finding.says


# --- Fusion


@pytest.fixture
def fusion(tmp_path: Path) -> Iterator[Pod]:
    with pod(tmp_path) as started:
        yield started


def test_a_healthy_fusion(fusion: Pod) -> None:
    found = examined(fusion.connector(guest_account="90000", fallback_sku="SKU-1"))
    assert {finding.verdict for finding in found} == {"ok"}, found
    assert {call.split()[0] for call in fusion.calls} <= {"GET", "POST"}
    assert fusion.posts() == 0


def test_resources_that_the_user_may_not_read(fusion: Pod) -> None:
    fusion.fail_next("forbidden", path="contacts")
    fusion.fail_next("not_granted", path="receivablesInvoices")
    fusion.fail_next("forbidden", path="itemsV2")
    found = examined(fusion.connector(guest_account="90000"))
    assert [(finding.verdict, finding.says) for finding in about(found, "rights")] == [
        ("error", "contacts cannot be read: no customer is found by e-mail address"),
        ("warning", "itemsV2 cannot be read: unknown SKUs are found out only when the order is posted"),
        ("error", "receivablesInvoices cannot be read: Clarity hears of no invoice"),
    ]
    assert actionable(found)


def test_a_pod_that_does_not_describe_itself(fusion: Pod) -> None:
    fusion.fail_next("not_granted", path="salesOrdersForOrderHub/describe")
    [finding] = about(examined(fusion.connector(guest_account="90000")), "attributes of orders")
    assert finding.verdict == "warning"
    assert finding.says.startswith("could not be checked: Fusion answers 404")


def test_settings_that_fusion_does_not_know(fusion: Pod) -> None:
    unknown = {"business_unit": "Nowhere", "guest_account": "none", "fallback_sku": "gone"}
    found = examined(fusion.connector(**unknown))
    assert [finding.about for finding in errors(found)] == ["business unit", "guest account", "items"]
    assert actionable(found)
    by_id = examined(fusion.connector(business_unit="300000000000101"))
    assert [finding.verdict for finding in about(by_id, "business unit")] == ["ok"]
    assert [finding.verdict for finding in about(by_id, "guest account")] == ["warning"]


def test_items_that_follow_products(fusion: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    [well] = about(examined(fusion.connector(create_items="MST, W01")), "items of products")
    assert well.verdict == "ok"
    monkeypatch.setattr(examination, "ITEMS_MADE_HAVE", ("ItemClass", "NotOfThisPod"))
    found = about(examined(fusion.connector(create_items="MST,W99")), "items of products")
    assert [(finding.verdict, finding.says) for finding in found] == [
        ("error", "Fusion shows us no item in organization W99"),
        ("error", "this pod has no NotOfThisPod"),
    ]
    assert actionable(found)


def test_a_user_of_fusion_who_may_not_read_orders(fusion: Pod) -> None:
    fusion.fail_next("forbidden")
    with pytest.raises(Misconfigured, match="the integration user lacks rights"):
        examined(fusion.connector())


# --- Clarity


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    listener = Listener()
    served = Sandbox(tmp_path_factory.mktemp("shop"), listener.url)
    served.start()
    yield served
    served.stop()
    listener.stop()


@pytest.fixture
def system(shop: Sandbox) -> System:
    options = {"token_url": f"{shop.url}/clarity/oauth/token", "client_id": "fleet", "client_secret": "s3cret"}
    return System("clarity", shop.api, 100, 4, 10.0, options)


def clarity(system: System, **options: str) -> list[Finding]:
    return examined(Clarity(replace(system, options={**system.options, **options}), nullcontext))


def test_a_healthy_shop(shop: Sandbox, system: System) -> None:
    found = clarity(system)
    assert [(finding.about, finding.verdict) for finding in found] == [
        ("credentials", "ok"),
        ("rights", "ok"),
        ("inventory", "ok"),
        ("webhook", "ok"),
    ]
    assert not shop.ledger()["orders"]
    assert not shop.ledger()["status_pushes"]


def test_a_webhook_that_is_paused(shop: Sandbox, system: System) -> None:
    [subscription] = shop.get("/webhook-subscriptions").json()["items"]
    path = f"{shop.api}/webhook-subscriptions/{subscription['id']}"
    for status, verdict in (("paused", "error"), ("active", "ok")):
        assert requests.patch(path, json={"status": status}, headers=shop.headers, timeout=5).ok
        [finding] = about(clarity(system), "webhook")
        assert finding.verdict == verdict


def test_the_wrong_secret(system: System) -> None:
    with pytest.raises(Misconfigured):
        clarity(system, client_secret="wrong")


def test_a_client_that_may_only_read_orders() -> None:
    """As a shop answers whose client has the scope orders:read and no other."""
    app, port = Flask("shop"), free_port()
    refused = {"status": 403, "code": "insufficient_scope"}, 403, {"Content-Type": "application/problem+json"}
    app.add_url_rule("/token", "token", lambda: {"access_token": "t", "expires_in": 60}, methods=["POST"])
    app.add_url_rule("/orders", "orders", lambda: {"items": []})

    @app.route("/<path:rest>", methods=["GET", "POST"])
    def refuse(rest: str) -> Any:
        return refused

    server = make_server("127.0.0.1", port, app)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{port}"
    options = {"token_url": f"{url}/token", "client_id": "reader", "client_secret": "s"}
    found = clarity(System("clarity", url, 100, 4, 10.0, options))
    server.shutdown()
    server.server_close()
    assert [(finding.about, finding.verdict) for finding in found] == [
        ("credentials", "ok"),
        ("rights", "error"),
        ("inventory", "warning"),
        ("webhook", "warning"),
    ]
    assert "orders:write" in str(found[1].fix)
    assert actionable(found)
