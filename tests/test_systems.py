"""Names of systems: which there are, what goes by them, and that no list of kinds is kept beside the table."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path

import pytest

from integration import preflight
from integration.canonical.home import with_home_ids, with_our_ids
from integration.connectors import missing, offers
from integration.errors import Misconfigured, Reject
from integration.local.credentials import Credentials
from integration.local.environment import Systems
from integration.local.fleet import _with_workers
from integration.local.processes import PROJECT, read_procfile
from integration.message import external_id, read_external_id
from integration.receiver import read_event
from integration.rules.workflow import load_definitions
from integration.settings import Settings
from integration.signature import check_secret
from integration.systems import KINDS, named, qualify, unqualify
from mappings import FOLDER

NAMED = {"FLEET_HOME": "/nonexistent", "FLEET_SYSTEMS": "odoo_eu=odoo, shop_b2b=clarity"}
HERE = "http://127.0.0.1:9"


def test_a_system_is_named_as_its_kind_unless_it_is_added_under_another_name() -> None:
    assert named(()) == {kind: kind for kind in KINDS}
    assert named(("odoo_eu=odoo", "shop_b2b = clarity")) == {
        **named(()),
        "odoo_eu": "odoo",
        "shop_b2b": "clarity",
    }


@pytest.mark.parametrize(
    ("added", "says"),
    [
        (["odoo_eu"], "it names no kind"),
        (["odoo_eu=sap"], "there is no kind 'sap'"),
        (["odoo=odoo"], "odoo is the name of the odoo that needs no entry here"),
        (["eu=odoo", "eu=fusion"], "the name is there twice"),
        (["e=odoo"], "a name has 2 to 31 of a-z, 0-9 and _"),
        ([f"{'e' * 32}=odoo"], "a name has 2 to 31"),
        (["Odoo_EU=odoo"], "a name has 2 to 31"),
        (["odoo-eu=odoo"], "a name has 2 to 31"),
        (["ingest=odoo"], "ingest is no system"),
        (["poll=odoo"], "poll is no system"),
        (["upkeep=odoo"], "upkeep is no system"),
        (["fleet_sandbox=odoo"], "fleet is no system"),
        (["database=odoo"], "database is no system"),
        (["odoo_tax=odoo"], "ODOO_TAX_URL could also be a setting of odoo"),
        (["clarity_token=clarity"], "CLARITY_TOKEN_URL could also be a setting of clarity"),
        (["shop=clarity", "shop_token=clarity"], "SHOP_TOKEN_URL could also be a setting of shop"),
    ],
)
def test_what_cannot_be_a_name_is_refused_with_the_way_out(added: list[str], says: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        preflight.checked(Settings.load(NAMED | {"FLEET_SYSTEMS": ",".join(added)}))
    assert says in refused.value.reason
    assert refused.value.hint


def test_each_system_has_variables_of_its_own() -> None:
    settings = Settings.load(
        NAMED
        | {"ODOO_URL": f"{HERE}/a", "ODOO_API_KEY": "one", "ODOO_EU_URL": f"{HERE}/b", "ODOO_EU_DB": "eu"}
        | {"ODOO_EU_RATE": "3", "SHOP_B2B_WEBHOOK_SECRETS": "one,two"}
    )
    odoo, other = settings.systems["odoo"], settings.systems["odoo_eu"]
    assert (odoo.url, odoo.rate, odoo.database, missing(odoo)) == (f"{HERE}/a", 10.0, "", [])
    assert (other.url, other.rate, other.database, missing(other)) == (f"{HERE}/b", 3.0, "eu", ["ODOO_EU_API_KEY"])
    assert not [name for name in odoo.options if name.startswith("eu_")]
    assert (other.kind, other.name) == ("odoo", "odoo_eu")
    assert settings.webhook_secrets == {"clarity": (), "shop_b2b": ("one", "two")}
    with pytest.raises(Misconfigured, match="ODOO_EU_API_KEY is not set"):
        other.option("api_key")


def test_one_system_under_two_names_is_refused() -> None:
    same = {"ODOO_URL": f"{HERE}/a", "ODOO_EU_URL": f"{HERE}/a"}
    with pytest.raises(Misconfigured, match="ODOO_EU_URL and ODOO_URL are one system under two names"):
        Settings.load(NAMED | same)
    assert Settings.load(NAMED | same | {"ODOO_EU_DB": "eu"}).systems.keys() == {"odoo", "odoo_eu"}


def test_a_slip_in_a_variable_of_an_added_system_is_named() -> None:
    given = NAMED | {"SHOP_B2B_CLIENT_IDD": "x", "ODOO_EU_API_KEY": "x", "ODOO_EU_PRICELIST_USD": "x"}
    assert preflight.misspelt(given) == ["SHOP_B2B_CLIENT_IDD is not a setting: SHOP_B2B_CLIENT_ID is"]


def test_up_starts_the_worker_of_its_kind_for_every_system_that_takes_part() -> None:
    systems = Systems.choose(Settings.load(NAMED), ())
    programs = _with_workers(read_procfile(PROJECT / "Procfile", {}), systems)
    workers = {each.name: each.command for each in programs if each.name.startswith("worker-")}
    assert workers.keys() == {f"worker-{name}" for name in ("ingest", "upkeep", *systems.kinds)}
    assert "worker -Q odoo_eu -P threads -c 4 -n odoo_eu@%h" in workers["worker-odoo_eu"]
    assert workers["worker-odoo"] == next(
        each.command for each in read_procfile(PROJECT / "Procfile", {}) if each.name == "worker-odoo"
    )
    alone = Systems.choose(Settings.load(NAMED | {"ODOO_EU_URL": HERE}), ())
    names = [each.name for each in _with_workers(read_procfile(PROJECT / "Procfile", {}), alone)]
    assert [name for name in names if name.startswith("worker-")] == [
        "worker-ingest",
        "worker-odoo_eu",
        "worker-upkeep",
    ]


def test_each_system_has_secrets_of_its_own() -> None:
    made = Credentials()
    secrets = [made.webhook_secret_of(name) for name in ("clarity", "shop_b2b", "shop_b2c")]
    for secret in secrets:
        check_secret("CLARITY_WEBHOOK_SECRETS", secret)
    tokens = [made.hint_token_of(name) for name in ("odoo", "odoo_eu")]
    assert (secrets[0], tokens[0]) == (made.webhook_secret, made.hint_token)
    assert len({*secrets}) == 3
    assert tokens[0] != tokens[1]
    assert re.fullmatch(r"[\w-]+", tokens[1])


def test_ids_of_an_added_system_begin_with_its_name_and_come_back_bare() -> None:
    kinds = named(("shop_b2b=clarity", "shop=clarity"))
    homes = [("clarity", "1001"), ("shop_b2b", "1001"), ("shop", "1001"), ("shop", "b2b/1001"), ("clarity", "a/1001")]
    ours = [qualify(home, id, kinds) for home, id in homes]
    assert len({*ours}) == len(homes)
    assert [unqualify(home, id) for (home, _), id in zip(homes, ours, strict=True)] == [id for _, id in homes]
    names = [external_id("order", id) for id in ours]
    assert all(len(name) <= 50 for name in names)
    assert [read_external_id(name) for name in names] == [("order", id) for id in ours]
    with pytest.raises(Reject):
        qualify("clarity", "shop_b2b/1001", kinds)
    with pytest.raises(Reject):
        read_event("evt-1", b'{"type": "order.created", "data": {"id": "shop_b2b/1001"}}', "clarity", kinds)


def test_a_document_has_our_ids_on_the_way_in_and_those_of_its_home_on_the_way_back() -> None:
    order = {"id": "1001", "customer": {"id": "c-1", "name": "Jane"}, "lines": [{"id": "1"}]}
    assert with_our_ids("order", order, "clarity", "clarity", ()) == order
    assert with_our_ids("order", order, "shop_b2b", "clarity", ()) == {
        "id": "shop_b2b/1001",
        "customer": {"id": "shop_b2b/c-1", "name": "Jane"},
        "lines": [{"id": "1"}],
    }
    assert with_our_ids("order", {"id": "1001", "customer": None}, "shop_b2b", "clarity", ())["customer"] is None
    customer = with_our_ids("customer", {"id": "c-1", "merged_ids": ["c-2"]}, "shop_b2b", "clarity", ())
    assert customer == {"id": "shop_b2b/c-1", "merged_ids": ["shop_b2b/c-2"]}
    for entity in ("order", "customer", "shipment"):
        assert with_our_ids(entity, {"id": "odoo_eu-1/7"}, "odoo_eu", "odoo", ()) == {"id": "odoo_eu-1/7"}
    sent = {"order_id": "shop_b2b/1001", "body": {}}
    assert with_home_ids("shipment", sent, "shop_b2b") == {"order_id": "1001", "body": {}}
    assert with_home_ids("shipment", {"order_id": "1001"}, "clarity") == {"order_id": "1001"}
    assert with_home_ids("customer", {"customer_id": "shop_b2b/c-1"}, "shop_b2b") == {"customer_id": "c-1"}


def test_a_workflow_names_systems_by_their_own_names(tmp_path: Path) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shipped = json.loads((folder / "workflows" / "order-to-odoo.json").read_text())
    own = shipped | {"name": "own", "source": "shop_b2b", "target": "odoo_eu"}
    own["then"] = shipped["then"] | {"system": "shop_b2b"}
    path = folder / "workflows" / "own.json"
    path.write_text(json.dumps(own))
    added = offers(named(("odoo_eu=odoo", "shop_b2b=clarity")))
    (workflow,) = load_definitions(folder, offers=added).matching("shop_b2b", "order.created")
    assert (workflow.target, workflow.informs) == ("odoo_eu", "shop_b2b")
    with pytest.raises(Misconfigured, match="source names 'shop_b2b', which is no system"):
        load_definitions(folder, offers=offers(named(())))
    for wrong, says in (
        ({"on": ["shipment.changed"]}, "on names 'shipment.changed', which shop_b2b does not send"),
        ({"entity": "shipment"}, "entity names 'shipment', which odoo_eu does not take"),
    ):
        path.write_text(json.dumps(own | wrong))
        with pytest.raises(Misconfigured, match=says):
            load_definitions(folder, offers=added)


@pytest.mark.parametrize("added", [(), ("odoo_eu=odoo",)])
def test_what_is_shipped_loads_whatever_systems_are_added(added: tuple[str, ...]) -> None:
    assert load_definitions(FOLDER, offers=offers(named(added))).workflows


KIND = re.compile(rf"(^|/)({'|'.join(KINDS)})($|/)|\b({'|'.join(KINDS).upper()})_[A-Z]")
KNOW_KINDS = (
    "integration/systems.py",  # the table
    "integration/connectors/",
    "integration/sandbox/",
    "integration/canonical/",  # documents as each kind writes them
    "integration/events.py",  # what each kind sends
    "integration/refusals.py",  # hints to a stranger's error name the usual variable
)


@pytest.mark.parametrize(
    "path",
    sorted(path for top in ("integration", "tasks") for path in (PROJECT / top).rglob("*.py")),
    ids=lambda path: str(path.relative_to(PROJECT)),
)
def test_no_other_file_knows_a_kind_by_its_name(path: Path) -> None:
    if str(path.relative_to(PROJECT)).startswith(KNOW_KINDS):
        return
    tree = ast.parse(path.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    } | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    found = [f"line {node.lineno}: {node.value[:60]}" for node in texts if id(node) not in docs]
    assert [text for text in found if KIND.search(text)] == []
