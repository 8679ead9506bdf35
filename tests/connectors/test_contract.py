"""The contract of connectors, held against each of them at the sandbox, and at a real Odoo with ``--live``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.connectors import CONNECTORS, posts
from integration.connectors.contract import Connector
from integration.errors import Reject
from integration.events import EVENTS
from tests.connectors.bench_documents import new_company, new_person
from tests.connectors.benches import ClarityBench, CreatingBench, FusionBench, OdooBench, SitesBench
from tests.connectors.contract_suite import Bench, Contract
from tests.connectors.contract_suite import pytest_generate_tests as pytest_generate_tests
from tests.connectors.fusion_targets import Pod
from tests.connectors.odoo_targets import Target
from tests.connectors.work import MemoryWork
from tests.sandbox.rig import Sandbox


@pytest.fixture(scope="module")
def clarity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("clarity"), "http://127.0.0.1:1/")
    sandbox.start()
    yield sandbox
    sandbox.stop()


class TestOdoo(Contract):
    kind = "odoo"

    @pytest.fixture
    def bench(self, target: Target) -> Bench:
        return OdooBench(target)


class TestFusion(Contract):
    kind = "fusion"

    @pytest.fixture
    def bench(self, running: Pod) -> Bench:
        running.fake.reset()
        return FusionBench(running)


class TestFusionThatMakesAccounts(Contract):
    kind = "fusion"
    entities = frozenset({"customer", "order"})

    @pytest.fixture
    def bench(self, running: Pod) -> Bench:
        running.fake.reset()
        return CreatingBench(running, new_company)


class TestFusionThatMakesAccountsOfPeople(Contract):
    kind = "fusion"
    entities = frozenset({"customer", "order"})

    @pytest.fixture
    def bench(self, running: Pod) -> Bench:
        running.fake.reset()
        return CreatingBench(running, new_person)


class TestFusionThatAddsSites(Contract):
    kind = "fusion"
    entities = frozenset({"customer", "order"})

    @pytest.fixture(params=[new_company, new_person], ids=["company", "person"])
    def bench(self, running: Pod, request: pytest.FixtureRequest) -> Bench:
        running.fake.reset()
        return SitesBench(running, request.param)


class TestClarity(Contract):
    kind = "clarity"

    @pytest.fixture
    def bench(self, clarity: Sandbox) -> Bench:
        return ClarityBench(clarity)


def test_every_connector_is_held_to_the_contract() -> None:
    held = {each.kind for each in Contract.__subclasses__()}
    assert held == set(CONNECTORS)


def test_what_is_offered_is_known_without_a_call() -> None:
    assert {kind: posts(kind) for kind in CONNECTORS} == {
        "clarity": {
            *("order_status", "shipment", "invoice", "refund", "cancellation", "returned_goods"),
            *("customer", "product", "stock_level"),
        },
        "fusion": {"order", "customer", "product"},
        "odoo": {"order", "customer", "product", "product_picture", "payment", "return"},
    }
    assert list(CONNECTORS["odoo"].streams) == [
        *("pickings", "invoices", "refunds", "cancellations", "returns", "customers", "products", "stock"),
    ]
    assert list(CONNECTORS["fusion"].streams) == ["orders", "open_orders", "invoices", "customers", "products"]
    assert list(CONNECTORS["clarity"].streams) == []


@pytest.mark.parametrize("kind", CONNECTORS)
def test_a_stream_brings_events_that_workflows_may_take(kind: str) -> None:
    for stream in CONNECTORS[kind].streams.values():
        assert stream.events <= set(EVENTS[kind])


@pytest.mark.parametrize("kind", CONNECTORS)
def test_every_setting_is_described(kind: str) -> None:
    for setting in CONNECTORS[kind].settings:
        assert setting.help
        assert setting.variable(kind).startswith(f"{kind.upper()}_")


def test_a_verb_that_is_not_offered_is_refused_in_plain_words() -> None:
    class Silent(Connector[object]):  # type: ignore[type-var]
        kind = "silent"
        verbs = {}
        opens = object

        def __init__(self) -> None: ...

    for refuse in (lambda: Silent().post("order", {}, MemoryWork()), lambda: Silent().fetch("order", "1")):
        with pytest.raises(Reject, match="the connector of Silent has no (post|fetch) for order") as refused:
            refuse()
        assert "workflow" in str(refused.value.hint)
