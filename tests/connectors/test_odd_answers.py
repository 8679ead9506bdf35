"""Right JSON of a wrong shape in place of every answer: asked for again, never a defect, never a wrong effect.

Each verb and each stream of each connector is run through a proxy before the sandbox.  One answer of one run is
distorted, as a whole or at one place; the run may end well or with a `Failure`.  The next run is not distorted, and
then the target shows what it should, once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import responses

from integration.connectors import settling
from integration.connectors.clarity import Clarity
from integration.connectors.fusion import Fusion
from integration.connectors.oauth import ClientCredentials
from integration.connectors.odoo import Odoo
from integration.errors import Failure, Misconfigured, Retry
from integration.settings import System
from tests.connectors import fusion_targets, odoo_targets
from tests.connectors.distorting import ODD, Proxy, proxy
from tests.connectors.odd_runs import Run, hold_against
from tests.connectors.odoo_staff import Staff
from tests.connectors.odoo_targets import SandboxTarget, unique
from tests.connectors.test_clarity import Gate
from tests.connectors.test_clarity_fulfilment import DOCUMENTS, REFS, connector, counted
from tests.connectors.work import MemoryWork
from tests.sandbox.rig import Sandbox

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


# --- Odoo


@pytest.fixture(scope="module", params=["auto", "jsonrpc"])
def odoo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OdooThrough]:
    with odoo_targets.sandbox(tmp_path_factory.mktemp("odoo")) as (url, fake), proxy(url) as through:
        yield OdooThrough(SandboxTarget(url, fake, request.param), through)


class OdooThrough:
    def __init__(self, target: SandboxTarget, through: Proxy) -> None:
        self.target = target
        self.through = through
        self.shop = odoo_targets.Shop(target)

    def connector(self) -> Odoo:
        """A new one, which remembers nothing; its answers come through the proxy."""
        return Odoo(replace(self.target.system, url=self.through.url), self.target.gate)

    def sent(self, document: dict[str, Any], *states: str) -> Run:
        work = MemoryWork(self.shop.crossrefs)

        def act() -> Any:
            own = self.connector()
            return own.post("order", own.enrich("order", document, work), work)

        def right() -> bool:
            found = self.target.orders(document["order"]["origin"])
            return [(row["state"], Decimal(row["amount_total"])) for row in found] == [
                (state, document["amount_total"]) for state in states
            ]

        return Run(act, right, work)

    def new(self) -> Run:
        address = {"fields": {"name": "Jane", "street": "Main 1"}, "country": "US", "state": "CA"}
        tax = [{"rate": self.target.rate, "included": True}]
        line = self.shop.line("1", "3", "10.55", "10", taxes=tax)
        shipping = self.shop.line("shipping-1", "1", "9.99", sku=None, service="shipping")
        return self.sent(self.shop.order(line, shipping, total="38.48", delivery_address=address), "sale")

    def changed(self) -> Run:
        """A line changes, one is removed and one is added."""
        document = self.shop.two_lines()
        self.shop.send(document, self.shop.new_work())
        lines = [self.shop.line("1", "1", "14.51"), self.shop.line("3", "2", "1", sku=self.target.sku_b)]
        return self.sent({**document, "lines": lines, "amount_total": Decimal("16.51")}, "sale")

    def removed(self) -> Run:
        document = self.shop.two_lines()
        self.shop.send(document, self.shop.new_work())
        return self.sent({**document, "lines": document["lines"][:1], "amount_total": Decimal("28.49")}, "sale")

    def cancelled(self) -> Run:
        document = self.shop.two_lines()
        self.shop.send(document, self.shop.new_work())
        return self.sent({**document, "status": "cancelled"}, "cancel")

    def shown(self) -> Run:
        document = self.shop.two_lines()
        self.shop.send(document, self.shop.new_work())
        return Run(lambda: self.connector().shown("order", document, MemoryWork(self.shop.crossrefs)))


ODOO_VERBS: dict[str, Callable[[OdooThrough], Run]] = {
    "a new order": OdooThrough.new,
    "a changed order": OdooThrough.changed,
    "an order without a line": OdooThrough.removed,
    "a cancelled order": OdooThrough.cancelled,
    "an order shown": OdooThrough.shown,
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("verb", ODOO_VERBS)
def test_odoo(odoo: OdooThrough, verb: str) -> None:
    hold_against(odoo.through, lambda: ODOO_VERBS[verb](odoo))


def read_all(connector: Any, stream: str, *open_orders: str) -> list[Any]:
    changes, page = [], None
    while True:
        got = connector.changes(stream, LONG_AGO, page, lambda _: open_orders)
        changes += got.changes
        if got.next is None:
            return changes
        page = got.next


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stream", Odoo.streams)
def test_streams_of_odoo(odoo: OdooThrough, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = Staff(odoo.target)
    posted, cancelled = (odoo.shop.send(odoo.shop.two_lines(), odoo.shop.new_work()).theirs for _ in range(2))
    staff.take_back(staff.ship(posted))
    staff.credit(staff.bill(posted), quantity=1)
    counted = odoo.target.product(is_storable=True)
    odoo.shop.send(odoo.shop.order(odoo.shop.line("1", "1", "10.00", sku=counted), total="10.00"), odoo.shop.new_work())
    odoo.target.owner("sale.order", "action_cancel", [int(cancelled or 0)])
    monkeypatch.setattr(settling, "SETTLED", timedelta(seconds=-3))
    odoo.through.distorts = None
    straight = read_all(odoo.connector(), stream)
    assert straight
    hold_against(odoo.through, lambda: Run(lambda: read_all(odoo.connector(), stream)))
    odoo.through.distorts = None
    assert read_all(odoo.connector(), stream) == straight


def test_who_odoo_says_we_are(odoo: OdooThrough) -> None:
    hold_against(odoo.through, lambda: Run(lambda: odoo.connector().whoami()))


# --- Fusion


@pytest.fixture(scope="module")
def fusion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusionThrough]:
    with fusion_targets.pod(tmp_path_factory.mktemp("fusion")) as running, proxy(running.system.url) as through:
        yield FusionThrough(running, through)


class FusionThrough:
    def __init__(self, pod: fusion_targets.Pod, through: Proxy) -> None:
        self.pod = pod
        self.through = through
        self.shop = fusion_targets.Shop(pod)

    def connector(self) -> Fusion:
        options = {**self.pod.system.options, "organization": "MST"}  # or its items follow no products
        return Fusion(replace(self.pod.system, url=self.through.url, options=options), self.pod.gate)

    def sent(self, document: dict[str, Any], right: Callable[[dict[str, Any]], bool]) -> Run:
        work = MemoryWork(self.shop.crossrefs)

        def act() -> Any:
            own = self.connector()
            return own.post("order", own.enrich("order", document, work), work)

        return Run(act, lambda: right(self.pod.order(document)), work)

    def new(self) -> Run:
        return self.sent(self.shop.two_lines(), lambda order: order["status"] != "DOO_DRAFT")

    def changed(self) -> Run:
        """A line changes, one is removed and one is added."""
        document = self.shop.two_lines()
        self.shop.send(document, self.shop.new_work())
        lines = [self.shop.line("1", "2", "10"), self.shop.line("3", "2", "5.5", sku="SKU-2")]
        changed = {**document, "lines": lines, "amount_total": Decimal("35.90")}
        return self.sent(changed, lambda order: quantities(order) == {"1": 2, "2": 0, "3": 2})

    def cancelled(self) -> Run:
        document = self.shop.two_lines()
        self.shop.send(document, self.shop.new_work())
        cancelled = {**document, "status": "cancelled"}
        return self.sent(cancelled, lambda order: quantities(order) == {"1": 0, "2": 0})

    def shown(self) -> Run:
        document = self.shop.two_lines()
        self.shop.send(document, self.shop.new_work())
        return Run(lambda: self.connector().shown("order", document, MemoryWork(self.shop.crossrefs)))


def quantities(order: dict[str, Any]) -> dict[str, Any]:
    """What of each line is still ordered, by the pod's own books; a line that is there twice counts twice."""
    found: dict[str, Any] = {}
    for line in order["lines"]:
        found[line["id"]] = found.get(line["id"], 0) + line["quantity"]
    return found


FUSION_VERBS: dict[str, Callable[[FusionThrough], Run]] = {
    "a new order": FusionThrough.new,
    "a changed order": FusionThrough.changed,
    "a cancelled order": FusionThrough.cancelled,
    "an order shown": FusionThrough.shown,
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("verb", FUSION_VERBS)
def test_fusion(fusion: FusionThrough, verb: str) -> None:
    hold_against(fusion.through, lambda: FUSION_VERBS[verb](fusion))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("stream", Fusion.streams)
def test_streams_of_fusion(fusion: FusionThrough, stream: str) -> None:
    fusion.pod.fake.reset()
    theirs = fusion.shop.send(fusion.shop.two_lines(), fusion.shop.new_work()).theirs
    assert theirs
    fusion.pod.advance(theirs, 5)
    fusion.through.distorts = None
    straight = read_all(fusion.connector(), stream, theirs)
    assert straight
    hold_against(fusion.through, lambda: Run(lambda: read_all(fusion.connector(), stream, theirs)))
    fusion.through.distorts = None
    assert read_all(fusion.connector(), stream, theirs) == straight


def test_who_fusion_says_we_are(fusion: FusionThrough) -> None:
    hold_against(fusion.through, lambda: Run(lambda: fusion.connector().whoami()))


# --- Clarity


@pytest.fixture(scope="module")
def clarity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClarityThrough]:
    sandbox = Sandbox(tmp_path_factory.mktemp("clarity"), "http://127.0.0.1:1/")
    sandbox.start()
    with proxy(sandbox.url) as through:
        yield ClarityThrough(sandbox, through)
    sandbox.stop()


class ClarityThrough:
    def __init__(self, sandbox: Sandbox, through: Proxy) -> None:
        self.sandbox = sandbox
        self.through = through

    def connector(self) -> Clarity:
        client = {
            "client_id": "fleet",
            "client_secret": "s3cret",
            "token_url": f"{self.sandbox.url}/clarity/oauth/token",
        }
        url = self.sandbox.api.replace(self.sandbox.url, self.through.url)
        return Clarity(System("clarity", url, 100, 8, 5, client), Gate())

    def order(self) -> str:
        return str(self.sandbox.order()["id"])

    def document(self, entity: str, **changes: Any) -> Run:
        order, work = self.order(), MemoryWork()
        if changes:
            self.post(entity, DOCUMENTS[entity](order), MemoryWork(work.crossrefs), connector(self.sandbox))
        document = DOCUMENTS[entity](order, **changes)
        return Run(
            lambda: self.post(entity, document, work, self.connector()),
            lambda: [each["external_ref"] for each in counted(self.sandbox, entity, order)] == [REFS[entity]],
            work,
        )

    def post(self, entity: str, document: dict[str, Any], work: MemoryWork, by: Clarity) -> None:
        posted = by.post(entity, document, work)
        assert posted.theirs
        work.remember(entity, document["body"]["externalRef"], posted.theirs)

    def status(self) -> Run:
        order, work = self.order(), MemoryWork()
        self.sandbox.control("PATCH", f"/orders/{order}", {"status": "pending"})
        document = {"order_id": order, "status": "processing", "external_ref": "odoo:S1"}
        return Run(
            lambda: self.connector().post("order_status", document, work),
            lambda: connector(self.sandbox).fetch("order", order)["status"] == "processing",
        )

    def fetched(self) -> Run:
        order = self.order()
        return Run(lambda: self.connector().fetch("order", order))

    def shown(self, entity: str) -> Run:
        order, work = self.order(), MemoryWork()
        document = DOCUMENTS[entity](order)
        self.post(entity, document, work, connector(self.sandbox))
        return Run(lambda: self.connector().shown(entity, document, MemoryWork(work.crossrefs)))


CLARITY_VERBS: dict[str, Callable[[ClarityThrough], Run]] = {
    "a new shipment": lambda shop: shop.document("shipment"),
    "a changed shipment": lambda shop: shop.document("shipment", carrier="UPS"),
    "a new invoice": lambda shop: shop.document("invoice"),
    "a paid invoice": lambda shop: shop.document("invoice", status="paid"),
    "a status": ClarityThrough.status,
    "an order read": ClarityThrough.fetched,
    "a shipment shown": lambda shop: shop.shown("shipment"),
    "an invoice shown": lambda shop: shop.shown("invoice"),
    "who we are": lambda shop: Run(lambda: shop.connector().whoami()),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("verb", CLARITY_VERBS)
def test_clarity(clarity: ClarityThrough, verb: str) -> None:
    hold_against(clarity.through, lambda: CLARITY_VERBS[verb](clarity))


# --- Tokens


@pytest.mark.parametrize("answer", [*ODD, *({"access_token": odd} for odd in [*ODD, "a\nb", "ä"])], ids=repr)
@responses.activate
def test_a_token_that_is_none_is_for_the_operator(answer: Any) -> None:
    token_url = "https://identity.example/token"  # noqa: S105 - an address
    responses.post(token_url, body=json.dumps(answer), content_type="application/json")
    tokens = ClientCredentials("fusion", token_url, f"fleet-{unique()}", "s", gate=Gate(), timeout=5)
    if answer == {"access_token": "odd"}:
        assert tokens.headers() == {"Authorization": "Bearer odd"}
        return
    with pytest.raises(Misconfigured):
        tokens.headers()


@pytest.mark.parametrize("expires_in", [*ODD[3:], "1e999999999", 10**400, -5], ids=repr)
@responses.activate
def test_a_token_of_an_odd_lifetime_is_no_defect(expires_in: Any) -> None:
    token_url = "https://identity.example/token"  # noqa: S105 - an address
    responses.post(token_url, json={"access_token": "t", "expires_in": expires_in})
    tokens = ClientCredentials("fusion", token_url, f"fleet-{unique()}", "s", gate=Gate(), timeout=5)
    try:
        assert tokens.headers() == {"Authorization": "Bearer t"}
    except Failure as failure:
        assert isinstance(failure, Misconfigured | Retry)


def test_an_error_of_ours_is_no_odd_answer(odoo: OdooThrough) -> None:
    """A document that lacks what every document has is a defect here, whatever was answered before."""
    document = odoo.shop.two_lines()
    work = MemoryWork()
    enriched = odoo.shop.connector.enrich("order", document, work)
    for broken in ({**enriched, "ids": {}}, {**enriched, "lines": [{}]}, {**enriched, "amount_total": None}):
        with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
            odoo.shop.connector.post("order", {**broken, "key": unique()}, MemoryWork())
