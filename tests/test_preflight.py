"""What cannot work is refused in one line with its fix, at every door, and nothing is started."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

import mappings
from integration.cli.test import isolated
from integration.local.processes import read_procfile
from integration.local.servers import Postgres, Valkey
from integration.preflight import misspelt
from integration.settings import Settings
from integration.settings import variables as own_variables
from integration.store import migrate
from integration.vault import Vault, new_key
from tests.conftest import new_database
from tests.ports import free_port
from tests.warm import Warm

ROOT = Path(__file__).parents[1]
KEY = new_key()
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
DATABASE = "postgresql://fleet@127.0.0.1:9/fleet"
SETTINGS = {
    "an empty webhook secret": ({"CLARITY_WEBHOOK_SECRETS": "whsec_"}, "a secret in CLARITY_WEBHOOK_SECRETS is empty"),
    "a webhook secret that is not base64": (
        {"CLARITY_WEBHOOK_SECRETS": f"{SECRET},whsec_!bad"},
        "a secret in CLARITY_WEBHOOK_SECRETS is not base64",
    ),
    "only commas for secrets": ({"CLARITY_WEBHOOK_SECRETS": " , "}, "CLARITY_WEBHOOK_SECRETS holds no value"),
    "a key that is none": ({"FLEET_ENCRYPTION_KEYS": f"{KEY},x"}, "key 2 of FLEET_ENCRYPTION_KEYS is not a key"),
    "a rate of 0": ({"ODOO_RATE": "0"}, "ODOO_RATE is not a positive number: '0'"),
    "a rate in words": ({"ODOO_RATE": "fast"}, "ODOO_RATE is not a positive number: 'fast'"),
    "half a hop at a time": ({"ODOO_CONCURRENCY": "0.5"}, "ODOO_CONCURRENCY is not a whole number: '0.5'"),
    "an age in words": (
        {"FLEET_SANDBOX_AGE_SECONDS": "old"},
        "FLEET_SANDBOX_AGE_SECONDS is neither 0 nor a positive number: 'old'",
    ),
    "a bind without a host": ({"FLEET_RECEIVER_BIND": "8000"}, "FLEET_RECEIVER_BIND is not an address: '8000'"),
    "a bind beyond all ports": (
        {"FLEET_FLOWER_BIND": "127.0.0.1:70000"},
        "FLEET_FLOWER_BIND is not an address: '127.0.0.1:70000'",
    ),
    "a login without a password": ({"FLOWER_BASIC_AUTH": "anna"}, "FLOWER_BASIC_AUTH is not user:password"),
    "a secret file that is not there": (
        {"ODOO_API_KEY_FILE": "/nonexistent", "ODOO_URL": "https://erp.example"},
        "ODOO_API_KEY_FILE cannot be read: No such file or directory",
    ),
    "a secret file that is a folder": (
        {"FLEET_ENCRYPTION_KEYS_FILE": "/"},
        "FLEET_ENCRYPTION_KEYS_FILE cannot be read: Is a directory",
    ),
    "a secret file that is empty": (
        {"FLEET_ENCRYPTION_KEYS_FILE": "/dev/null"},
        "the file of FLEET_ENCRYPTION_KEYS_FILE is empty",
    ),
    "a plain address": ({"ODOO_URL": "http://erp.example"}, "ODOO_URL is http:// to another machine"),
    "another kind of database": ({"DATABASE_URL": "mysql://db/x"}, "DATABASE_URL is not an address of Postgres"),
    "another kind of broker": ({"REDIS_URL": "amqp://mq/x"}, "REDIS_URL is not an address of Redis"),
    "a broker without a port": ({"REDIS_URL": "redis://127.0.0.1:x/0"}, "REDIS_URL is not an address of Redis"),
}
ONE_LINE = (
    "error: a secret in CLARITY_WEBHOOK_SECRETS is empty (fix: Take the one that Clarity shows for the subscription: "
    "whsec_ and base64 of at least 24 bytes.)"
)
READY = re.compile(r"(✓ (valkey|postgres) .*\n)*")
ENDING = re.compile(r"^error: (.*)\nfix: (.+)\n\Z", re.M)


class Home:
    """A home of a fleet's own, with `up` and other programs in it."""

    def __init__(self, path: Path, programs: Warm) -> None:
        self.path = path
        self._programs = programs
        names = Settings.load({"FLEET_HOME": str(path)}).binds
        self.binds = {f"FLEET_{each.upper()}_BIND": f"127.0.0.1:{free_port()}" for each in names}

    def up(self, **variables: str) -> str:
        """Runs `up`, which must refuse, with nothing left behind; the reason."""
        (self.path / "Procfile").write_text("receiver: touch $FLEET_HOME/started; sleep 60\n")
        clarity = {"CLARITY_URL": "http://127.0.0.1:9/api/v1"}
        ended = self.fleet("up", "--procfile", f"{self.path}/Procfile", **clarity | variables)
        assert ended.returncode == 1, ended.stdout + ended.stderr
        assert not (self.path / "started").exists()
        assert sorted(each.name for each in (self.path / "run").iterdir()) == ["lock"]
        found = ENDING.search(ended.stderr)
        assert found and found.start() == 0 and READY.fullmatch(ended.stdout), ended.stdout + ended.stderr
        return found[1]

    def fleet(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of `fleet`."""
        return self._programs.run("integration.cli", *arguments, environment=self._environment(variables))

    def run(self, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self._environment(variables)
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        return isolated(own_variables(), str(self.path)) | self.binds | variables


@pytest.fixture
def place(tmp_path: Path, programs: Warm) -> Home:
    return Home(tmp_path, programs)


@pytest.mark.parametrize(("variables", "reason"), SETTINGS.values(), ids=SETTINGS)
def test_up_refuses_a_setting_that_cannot_be_right(place: Home, variables: dict[str, str], reason: str) -> None:
    assert place.up(**variables) == reason


def test_up_refuses_mappings_that_do_not_compile(tmp_path: Path) -> None:
    shutil.copytree(mappings.FOLDER, tmp_path / "mappings")
    broken = tmp_path / "mappings" / "odoo" / "out" / "order.json"
    broken.write_text(broken.read_text().replace("},", "}", 1))
    (tmp_path / "home").mkdir()
    with Warm(tmp_path) as programs:
        place = Home(tmp_path / "home", programs)
        check = place.fleet("mapping", "check")
        reason = place.up()
    assert reason.startswith("order.json cannot be read: ")
    assert reason in check.stdout


def test_up_names_a_setting_that_is_none(tmp_path: Path) -> None:
    given = {
        "FLEET_HOME": str(tmp_path),
        "FLEET_RECIEVER_BIND": "0.0.0.0:80",
        "FLEET_COLOUR": "blue",
        "FLEET_PG_USER": "postgres",
        "ODOO_APIKEY_FILE": "/x",
        "ODOO_TAX_23_INCLUDED": "23 %",
        "ODOO_VERSION": "19",
    }
    assert misspelt(given) == [
        "FLEET_COLOUR is not a setting",
        "FLEET_PG_USER is not a setting: FLEET_RUN_AS is",
        "FLEET_RECIEVER_BIND is not a setting: FLEET_RECEIVER_BIND is",
        "ODOO_APIKEY is not a setting: ODOO_API_KEY is",
    ]


def test_doctor_names_a_setting_that_is_none(place: Home) -> None:
    ended = place.fleet("doctor", FLEET_RECIEVER_BIND="0.0.0.0:80")
    assert "! settings: FLEET_RECIEVER_BIND is not a setting: FLEET_RECEIVER_BIND is\n" in ended.stdout


def test_whoever_needs_the_stores_comes_in_by_the_preflight() -> None:
    sources = [path for top in ("integration", "tasks") for path in (ROOT / top).rglob("*.py")]
    callers = {path.name for path in sources if "need_stores()" in path.read_text()}
    assert callers == {"preflight.py"}


def test_every_setting_of_the_readme_is_known(tmp_path: Path) -> None:
    table = (ROOT / "docker/README.md").read_text().split("\n## Settings\n")[1].split("\n## ")[0]
    names = re.findall(r"`([A-Z][A-Z_]+(?:<[A-Z]+>[A-Z_]*)?)`", "".join(re.findall(r"^\| ([^|]+) \|", table, re.M)))
    assert len(names) > 40
    given = {re.sub("<[A-Z]+>", "23", name): "" for name in names}
    assert misspelt(given | {"FLEET_HOME": str(tmp_path)}) == []


class Databases:
    """Databases of a server that others use, too."""

    def __init__(self, postgres: Postgres, valkey: Valkey) -> None:
        self._url = postgres.url
        self._redis = valkey.url

    def make(self, *statements: str, migrated: bool = False) -> dict[str, str]:
        """A new database; the variables of a fleet that is to use it."""
        url = new_database(self._url)
        if migrated:
            migrate.migrate(url)
        connection = psycopg2.connect(url)
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
        connection.close()
        return {"DATABASE_URL": url, "REDIS_URL": self._redis, "FLEET_ENCRYPTION_KEYS": KEY}


DOORS = {
    **{each.name: ["/bin/sh", "-c", f"exec {each.command}"] for each in read_procfile(ROOT / "Procfile", {})},
    "celery worker": ["celery", "-A", "tasks", "worker", "-Q", "odoo", "-P", "threads", "-c", "1"],
    "celery beat": ["celery", "-A", "tasks", "beat", "--schedule", "/nonexistent/schedule"],
    "celery inspect": ["celery", "-A", "tasks", "inspect", "ping"],
    **{
        f"fleet {command}": [sys.executable, "-m", "integration.cli", *command.split()]
        for command in (
            "migrate",
            "send tests/test_up.py",
            "held ls",
            "targets ls",
            "poll odoo",
            "keys rotate",
            "ledger",
        )
    },
}
"""Every program that works with the stores or the systems."""


@pytest.mark.parametrize("command", DOORS.values(), ids=DOORS)
def test_every_door_refuses_an_empty_webhook_secret(place: Home, command: list[str]) -> None:
    ended = place.run(
        command,
        DATABASE_URL=DATABASE,
        REDIS_URL="redis://127.0.0.1:9/0",
        FLEET_ENCRYPTION_KEYS=KEY,
        CLARITY_URL="http://127.0.0.1:9/api/v1",
        CLARITY_WEBHOOK_SECRETS="whsec_",
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode not in {0, 2}, said
    assert set(re.findall("^error: .*", said, re.M)) in (
        {"error: a secret in CLARITY_WEBHOOK_SECRETS is empty"},
        {ONE_LINE},
    ), said
    assert "Misconfigured" not in said, "a traceback"  # Gunicorn may add one of its own when two workers end at once


def test_the_example_of_docker_starts_no_receiver_as_it_is(place: Home, databases: Databases) -> None:
    """With its stores set, as compose sets them, and a key: a shop is configured, and no secret of its webhooks."""
    lines = (ROOT / "docker" / "example.env").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    ended = place.run(DOORS["receiver"], **example | databases.make(migrated=True) | place.binds)
    (line,) = set(re.findall("^error: .*", ended.stderr, re.M))
    assert line.startswith("error: CLARITY_WEBHOOK_SECRETS is not set: every webhook would be refused (fix: ")
    assert place.run(DOORS["fleet migrate"], **example).stderr.startswith("error: DATABASE_URL is not set")


@pytest.fixture
def databases(postgres: Postgres, valkey: Valkey) -> Databases:
    return Databases(postgres, valkey)


def sealed_under(key: str) -> str:
    return f"insert into secrets (name, value) values ('match', '\\x{Vault([key]).seal(b'x' * 32).hex()}')"


def test_up_refuses_a_database_of_somebody_else(place: Home, databases: Databases) -> None:
    theirs = databases.make("create table accounts ()", "create table migrations (id int, migration text)")
    assert place.up(**theirs) == "the database holds tables of another program: accounts, migrations"
    connection = psycopg2.connect(theirs["DATABASE_URL"])
    cursor = connection.cursor()
    cursor.execute("select count(*) from pg_tables where schemaname = 'public'")
    assert cursor.fetchone() == (2,)
    connection.close()


def test_up_refuses_a_database_of_a_newer_fleet(place: Home, databases: Databases) -> None:
    newer = databases.make("insert into migrations (name, checksum) values ('9999_x.sql', '')", migrated=True)
    assert place.up(**newer) == "the database knows migration 9999_x.sql, this program does not"


def test_up_refuses_a_database_under_other_keys(place: Home, databases: Databases) -> None:
    other = databases.make(sealed_under(new_key()), migrated=True)
    assert place.up(**other) == "the encryption keys do not open what is stored in this database"


def test_up_refuses_a_home_that_has_lost_its_key(place: Home) -> None:
    """Without the key a new one would seal what nobody could open once the old one is back."""
    (place.path / "postgres" / "data").mkdir(parents=True)
    (place.path / "postgres" / "data" / "PG_VERSION").write_text("7\n")
    gone = f"the encryption key of the database in {place.path} is gone: credentials.json does not hold it"
    assert place.up() == gone
    assert not (place.path / "credentials.json").exists()
    (place.path / "credentials.json").write_text('{"webhook_secret": "x"}')
    assert place.up() == gone
    (place.path / "credentials.json").write_text('{"encryption_key": ')
    assert place.up() == f"{place.path}/credentials.json is damaged"
    password = place.path / "postgres" / "password"
    assert place.up(FLEET_ENCRYPTION_KEYS=KEY) == f"{place.path}/credentials.json is damaged"
    (place.path / "credentials.json").unlink()
    assert place.up(FLEET_ENCRYPTION_KEYS=KEY) == f"the password of the bundled postgres is gone: {password}"


ACCEPTING = (
    "receiver",
    "dispatcher",
    "worker-ingest",
    "worker-odoo",
    "worker-upkeep",
    "celery worker",
    "fleet migrate",
)


@pytest.mark.parametrize("door", ACCEPTING)
def test_who_works_with_the_database_refuses_one_under_other_keys(place: Home, databases: Databases, door: str) -> None:
    given = databases.make(sealed_under(new_key()), migrated=True)
    ended = place.run(DOORS[door], **given)
    said = ended.stdout + ended.stderr
    assert ended.returncode not in {0, 2}, said
    (line,) = set(re.findall("^error: .*", said, re.M))
    assert line.startswith("error: the encryption keys do not open what is stored in this database"), said
    assert "Misconfigured" not in said, "a traceback"  # Gunicorn may add one of its own when two workers end at once


@pytest.mark.parametrize("door", [door for door in ACCEPTING if door != "fleet migrate"])
def test_who_works_with_the_database_refuses_one_that_is_not_up_to_date(
    place: Home, databases: Databases, door: str
) -> None:
    ended = place.run(DOORS[door], **databases.make())
    said = ended.stdout + ended.stderr
    assert ended.returncode not in {0, 2}, said
    (line,) = set(re.findall("^error: .*", said, re.M))
    assert line.startswith("error: the database lacks 0001_the_road.sql, "), said
    assert line.endswith(" (fix: Run `fleet migrate`.)"), said
    assert "Misconfigured" not in said, "a traceback"  # Gunicorn may add one of its own when two workers end at once


def test_up_refuses_servers_that_let_nobody_in(place: Home, databases: Databases) -> None:
    given = databases.make()
    wrong = given["DATABASE_URL"].replace("fleet:", "fleet:x", 1)
    assert place.up(**given | {"DATABASE_URL": wrong}).startswith(
        'Postgres does not answer: FATAL: password authentication failed for user "fleet"'
    )
    wrong = given["REDIS_URL"].replace("redis://:", "redis://:x", 1)
    assert place.up(**given | {"REDIS_URL": wrong}) == "Redis does not answer: it does not let us in"
    assert place.up(**given | {"REDIS_URL": "redis://127.0.0.1:9/0"}) == "Redis does not answer: ConnectionError"
