"""`fleet doctor`: what it finds at healthy systems, at ailing ones, and in the fleet itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.fernet import Fernet

from integration.cli.doctor.round_trip import is_sandbox, round_trip_fleet
from integration.cli.test import isolated
from integration.local.servers import Valkey
from integration.settings import runtime_file, variables
from integration.store.database import Database
from integration.vault import Vault
from tests.ports import free_port
from tests.road.world import World
from tests.store.road import Road
from tests.warm import Warm

COMMAND = ["integration.cli", "doctor"]
SECRET = "whsec_Y2xhcml0eS1zYW5kYm94LWRlbW8tc2VjcmV0LTAwMDE="

Found = dict[tuple[str, str], dict[str, Any]]
Doctor = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def doctor(tmp_path: Path, programs: Warm) -> Doctor:
    binds = {f"FLEET_{name}_BIND": f"127.0.0.1:{free_port()}" for name in ("RECEIVER", "OPS")}  # of no other fleet here

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = isolated(variables(), str(tmp_path)) | binds | settings
        return programs.run(*COMMAND, *arguments, environment=environment, timeout=170)

    return run


def findings(done: subprocess.CompletedProcess[str]) -> Found:
    """By group and what they are about; of several the last."""
    return {(each["group"], each["about"]): each for each in json.loads(done.stdout)["rows"]}


def verdicts(found: Found) -> dict[str, str]:
    return {about: each["verdict"] for (_, about), each in found.items()}


@contextmanager
def answering(headers: Mapping[str, str]) -> Iterator[str]:
    """Something that speaks HTTP and is no system that we know."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(404)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Answer)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


# --- before there is a fleet


def test_before_the_first_start_nothing_is_wrong(doctor: Doctor, tmp_path: Path) -> None:
    done = doctor()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "fleet"
    assert lines[-1] == "no errors, no warnings"
    assert f"  ✓ Postgres: no fleet runs in {tmp_path}: `fleet up` brings it along" in lines
    assert verdicts(findings(doctor("--json"))) == dict.fromkeys(
        ("systems", "Postgres", "Redis", "mappings", "receiver"), "ok"
    )


def test_an_address_where_nobody_is(doctor: Doctor) -> None:
    done = doctor("odoo", "--json", ODOO_URL="http://127.0.0.1:9", ODOO_API_KEY="k")
    assert done.returncode == 1
    assert verdicts(findings(done)) == {"address": "error"}
    [finding] = json.loads(done.stdout)["rows"]
    assert finding["says"] == "no connection: nothing can be sent"
    assert finding["fix"] == "See whether it runs, and that host and port are right (ODOO_URL)"


def test_what_to_set_for_an_added_system_is_named_as_it_is_set(doctor: Doctor) -> None:
    given = {"DB": "db", "USERNAME": "fleet", "API_KEY": "key", "PROTOCOL": "soap"}
    with answering({}) as url:
        named = {f"ODOO_EU_{name}": value for name, value in (given | {"URL": url}).items()}
        done = doctor("odoo_eu", "--json", FLEET_SYSTEMS="odoo_eu=odoo", **named)
    (finding,) = [each for each in json.loads(done.stdout)["rows"] if each["about"] == "credentials"]
    assert finding["says"] == "ODOO_EU_PROTOCOL is unknown"
    assert finding["fix"] == "Set ODOO_EU_PROTOCOL to auto, json2 or jsonrpc."


def test_settings_that_are_missing_are_named(doctor: Doctor) -> None:
    [finding] = json.loads(doctor("clarity", "--json", CLARITY_URL="http://127.0.0.1:9").stdout)["rows"]
    assert finding["says"] == "CLARITY_TOKEN_URL, CLARITY_CLIENT_ID, CLARITY_CLIENT_SECRET not set"


@pytest.mark.parametrize(
    ("off", "verdict", "says"),
    [
        (0, "ok", "agrees with ours"),
        (100, "warning", "ahead of ours"),
        (-100, "warning", "behind ours"),
        (400, "error", "ahead of ours"),
    ],
)
def test_the_clock_of_a_system(doctor: Doctor, off: int, verdict: str, says: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)
    with answering({"Date": date}) as url:
        done = doctor("odoo", "--json", ODOO_URL=url, ODOO_API_KEY="k", ODOO_DB="x", ODOO_USERNAME="y")
    found = findings(done)
    assert (found["odoo", "clock"]["verdict"], says in found["odoo", "clock"]["says"]) == (verdict, True)
    assert ("NTP" in (found["odoo", "clock"]["fix"] or "")) is (verdict != "ok")
    assert found["odoo", "credentials"]["fix"] == "Check the system's URL: it must be the API root, without a redirect."
    assert done.returncode == 1


def test_a_system_that_is_not_configured(doctor: Doctor) -> None:
    done = doctor("odoo", "fusion", ODOO_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: fusion is not configured\nfix: Systems that are: odoo.\n"
    assert doctor("sap").returncode == 2


def test_a_secret_that_is_too_short(doctor: Doctor) -> None:
    clarity = {"CLARITY_URL": "http://127.0.0.1:9", "CLARITY_WEBHOOK_SECRETS": f"{SECRET},whsec_c2hvcnQ="}
    finding = findings(doctor("--json", **clarity))["fleet", "webhook secret"]
    assert (finding["verdict"], "shorter than 24 bytes" in finding["says"]) == ("error", True)


# --- stores and keys


@pytest.fixture
def stores(database_url: str, valkey: Valkey) -> dict[str, str]:
    redis_url = f"{valkey.url.rpartition('/')[0]}/7"
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "FLEET_ENCRYPTION_KEYS": new_key()}


def new_key() -> str:
    return Fernet.generate_key().decode()


def test_stores_that_answer(doctor: Doctor, stores: dict[str, str]) -> None:
    found = findings(doctor("--json", **stores))
    assert [found["fleet", about]["verdict"] for about in ("Postgres", "Redis", "encryption")] == ["ok"] * 3
    assert found["fleet", "Redis"]["says"].startswith("Valkey ")


def test_stores_that_do_not(doctor: Doctor, stores: dict[str, str]) -> None:
    away = {"DATABASE_URL": "postgresql://127.0.0.1:9/x", "REDIS_URL": "redis://127.0.0.1:9"}
    found = findings(doctor("--json", **(stores | away)))
    assert [found["fleet", about]["verdict"] for about in ("Postgres", "Redis")] == ["error"] * 2


def test_a_database_that_is_behind(doctor: Doctor, stores: dict[str, str], database: Database) -> None:
    with database.transaction() as tx:
        tx.run("delete from migrations where name like '0002%%'")
    finding = findings(doctor("--json", **stores))["fleet", "Postgres"]
    assert (finding["verdict"], finding["fix"]) == ("error", "Run `fleet migrate`.")
    assert "0002_the_way_back.sql" in finding["says"]


def test_keys_that_do_not_open_what_was_stored_first(
    doctor: Doctor, stores: dict[str, str], database: Database
) -> None:
    road, old, new = Road(database), new_key(), new_key()
    for id, key in (("evt-1", old), ("evt-2", new)):
        message = road.accept(id, order=id).message
        road.run("update messages set body = %s where id = %s", Vault([key]).seal(b"{}"), message)
    both = findings(doctor("--json", **(stores | {"FLEET_ENCRYPTION_KEYS": f"{new},{old}"})))
    assert both["fleet", "encryption"]["verdict"] == "ok"
    lost = findings(doctor("--json", **(stores | {"FLEET_ENCRYPTION_KEYS": new})))["fleet", "encryption"]
    assert (lost["verdict"], lost["says"]) == ("error", "no key opens what is stored here")
    assert lost["fix"].startswith("Put the key that it was stored under back")


# --- a whole fleet


@pytest.fixture
def of_the_fleet(world: World, programs: Warm) -> Doctor:
    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = isolated(variables(), str(world.fleet.home)) | settings
        return programs.run(*COMMAND, "--json", *arguments, environment=environment, timeout=150)

    return run


def test_a_healthy_fleet_has_no_error(of_the_fleet: Doctor) -> None:
    done = of_the_fleet()
    found = findings(done)
    assert [each for each in found.values() if each["verdict"] == "error"] == []
    assert done.returncode == 0
    assert {group for group, _ in found} == {"fleet", "clarity", "odoo", "fusion"}
    assert found["fleet", "receiver"]["says"].startswith("verified and stored a webhook.test in ")
    assert found["clarity", "webhook"]["says"].endswith("/webhooks/clarity")


def test_the_event_it_sends_is_accounted_for_and_does_nothing(of_the_fleet: Doctor, world: World) -> None:
    assert of_the_fleet().returncode == 0
    with world.database.transaction() as tx:
        states = tx.rows(
            """select distinct d.state from deliveries d join messages m on m.id = d.message
               where m.type = 'webhook.test'"""
        )
    assert states == [{"state": "skipped"}]


def test_a_secret_that_the_receiver_does_not_have(of_the_fleet: Doctor) -> None:
    finding = findings(of_the_fleet(CLARITY_WEBHOOK_SECRETS=SECRET))["fleet", "receiver"]
    assert finding["verdict"] == "error"
    assert finding["says"].endswith("answers 401 to a signed event")
    assert finding["fix"] == "Run `fleet restart`, so that the receiver has the secrets that are set."


@pytest.mark.parametrize(
    ("system", "wrong", "fix"),
    [
        ("odoo", {"ODOO_API_KEY": "wrong"}, "Make a new API key for the integration user in Odoo"),
        ("clarity", {"CLARITY_CLIENT_SECRET": "wrong"}, "Check CLARITY_TOKEN_URL, CLARITY_CLIENT_ID"),
        ("fusion", {"FUSION_CLIENT_SECRET": "wrong"}, "Check FUSION_TOKEN_URL, FUSION_CLIENT_ID"),
    ],
)
def test_a_wrong_key(of_the_fleet: Doctor, system: str, wrong: dict[str, str], fix: str) -> None:
    done = of_the_fleet(system, **wrong)
    finding = findings(done)[system, "credentials"]
    assert (done.returncode, finding["verdict"]) == (1, "error")
    assert finding["fix"].startswith(fix)


# --- the round trip


@pytest.mark.own_fleet
def test_an_order_comes_round_in_a_fleet_of_its_own(doctor: Doctor) -> None:
    """Whatever is configured: it is not looked at, and the order never sees it."""
    done = doctor("odoo", "--round-trip", "--json", ODOO_URL="http://127.0.0.1:9", ODOO_API_KEY="k")
    trip = {about: each["says"] for (group, about), each in findings(done).items() if group == "round trip"}
    assert trip.pop("fleet").startswith("a fleet of its own was started in ")
    assert set(trip) == {
        *("odoo", "odoo shipments", "odoo invoices", "fusion", "fusion shipments", "fusion invoices"),
        *("status", "complete"),
    }
    assert all(" after " in says and says.endswith(" s") for says in trip.values())


def test_a_running_fleet_is_used_if_all_its_systems_are_sandboxes(world: World) -> None:
    home = world.fleet.home
    with round_trip_fleet(home) as (environment, ours):
        assert (environment["DATABASE_URL"], ours) == (world.fleet.environment["DATABASE_URL"], False)
    sandboxes = json.loads(runtime_file(home).read_text())
    assert is_sandbox(sandboxes)
    assert not is_sandbox(sandboxes | {"ODOO_URL": "https://erp.example"})
    assert not is_sandbox({name: value for name, value in sandboxes.items() if name != "FLEET_SANDBOX_URL"})
