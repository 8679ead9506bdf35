"""The bundled servers, by killing them."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from integration.errors import Failure
from integration.local import child_processes
from integration.local.account import UNLISTED, Account
from integration.local.child_processes import started
from integration.local.servers import Postgres, Valkey

AS_ROOT = os.geteuid() == 0
OWNER = """
import sys, time
from pathlib import Path
from integration.local.servers import Postgres, Valkey
for server in (Postgres(Path(sys.argv[1])), Valkey(Path(sys.argv[1]))):
    server.start()
    print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture
def postgres(home: Path) -> Iterator[Postgres]:
    server = Postgres(home).start()
    yield server
    server.stop()


@pytest.fixture
def valkey(home: Path) -> Iterator[Valkey]:
    server = Valkey(home).start()
    yield server
    server.stop()


def ask(postgres: Postgres, query: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(postgres.url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(query)
    rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def owner(server: Postgres | Valkey) -> int:
    """The user id a server runs under."""
    return Path(f"/proc/{server.pid}").stat().st_uid


def kill(pid: int | None) -> None:
    assert pid
    os.kill(pid, signal.SIGKILL)


def gone_within(seconds: float, pids: list[int]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(started(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_postgres_is_durable_utc_and_wide_enough(postgres: Postgres) -> None:
    names = ("fsync", "synchronous_commit", "timezone", "max_connections", "server_encoding", "listen_addresses")
    values = ask(postgres, "select " + ", ".join(f"current_setting('{name}')" for name in names))
    assert values == [("on", "on", "UTC", "200", "UTF8", "127.0.0.1")]


def test_valkey_keeps_everything_it_is_given(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        settings = client.config_get("maxmemory-policy", "appendonly", "appendfsync", "bind")
    assert settings == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "bind": "127.0.0.1",
    }


def test_postgres_survives_kill_9_with_its_rows_and_its_url(postgres: Postgres) -> None:
    ask(postgres, "create table kept as select generate_series(1, 500) n")
    busy = psycopg2.connect(postgres.url)  # a backend that would outlive its postmaster in the middle of a query
    busy.cursor().execute("begin; lock table kept")
    url = postgres.url
    kill(postgres.pid)
    postgres.start()
    assert (postgres.url, ask(postgres, "select count(*) from kept")) == (url, [(500,)])


def test_valkey_survives_kill_9_with_its_keys_and_its_url(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        client.set("kept", "yes")
        time.sleep(1.1)  # written to disk once a second
        url = valkey.url
        kill(valkey.pid)
        valkey.start()
        assert (valkey.url, client.get("kept")) == (url, "yes")


def test_start_of_a_running_server_changes_nothing(postgres: Postgres) -> None:
    pid = postgres.pid
    assert postgres.start().pid == pid


@pytest.mark.parametrize("server", [Postgres, Valkey])
def test_a_stopped_server_leaves_no_process_and_no_pid_file(home: Path, server: type[Postgres] | type[Valkey]) -> None:
    running = server(home).start()
    pid = running.pid
    running.stop()
    assert pid
    assert started(pid) is None
    assert list((home / "run").iterdir()) == []


def test_servers_end_with_an_owner_that_was_killed_and_start_again(home: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(home)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    pids = [int(owner.stdout.readline()) for _ in range(2)]
    owner.kill()
    owner.wait()
    assert gone_within(10, pids)
    assert len(list((home / "run").iterdir())) == 2  # nobody was there to take the pid files away
    for server in (Postgres(home), Valkey(home)):
        server.start().stop()


def test_a_server_whose_owner_and_leash_are_gone_is_ended_before_the_next_starts(home: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(home)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    pids = [int(owner.stdout.readline()) for _ in range(2)]
    for pid in pids:
        kill(os.getpgid(pid))  # the shell at the head of the group, which would pass the news on
    owner.kill()
    owner.wait()
    assert [bool(started(pid)) for pid in pids] == [True, True]
    successors = [Postgres(home).start(), Valkey(home).start()]
    try:
        assert [started(pid) for pid in pids] == [None, None]
    finally:
        for server in successors:
            server.stop()


def test_a_pid_file_that_now_means_another_process_harms_nobody(home: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (home / "run" / "postgres.pid").write_text(f"{bystander.pid} 12345")
        (home / "postgres" / "data" / "postmaster.pid").write_text(f"{bystander.pid}\n")
        Postgres(home).start().stop()
        assert bystander.poll() is None
        bystander.kill()


def test_an_interrupted_initdb_is_begun_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    postgres = Postgres(tmp_path).start()
    try:
        assert ask(postgres, "select 1") == [(1,)]
    finally:
        postgres.stop()


def test_nobody_connects_without_the_password(postgres: Postgres, valkey: Valkey) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(host="127.0.0.1", port=postgres.port, user="fleet", password="wrong", dbname="postgres")
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=valkey.port) as client:
        client.ping()


def test_the_passwords_are_on_no_command_line_and_in_private_files(postgres: Postgres, valkey: Valkey) -> None:
    home = postgres.home
    for server, file in ((postgres, home / "postgres" / "password"), (valkey, home / "valkey" / "valkey.conf")):
        password = server.url.partition("@")[0].rpartition(":")[2]
        assert password in file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600
        command = subprocess.run(
            ["ps", "-o", "args=", "-p", str(server.pid)], capture_output=True, text=True, check=True
        )
        assert password not in command.stdout


@pytest.mark.skipif(not AS_ROOT, reason="only root starts Postgres as somebody else")
def test_for_root_servers_run_as_the_fleet_s_account_below_a_private_home(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    assert tmp_path.parent.stat().st_mode & 0o077 == 0, "the home is below a directory that nobody else can enter"
    own = pwd.getpwnam("clarity-fleet").pw_uid
    assert [owner(server) for server in (postgres, valkey)] == [own, own]


@pytest.mark.skipif(not AS_ROOT, reason="only root starts servers as somebody else")
def test_servers_run_as_an_id_that_no_user_has_where_none_can_be_made(tmp_path: Path) -> None:
    free = next(uid for uid in UNLISTED if uid not in {entry.pw_uid for entry in pwd.getpwall()})
    for server in (Postgres(tmp_path), Valkey(tmp_path)):
        server._account = Account(f"uid {free}", free, free, unlisted=True)
        server.start()
        try:
            assert owner(server) == free
            assert server.directory.joinpath("data" if server.name == "postgres" else "").stat().st_uid == free
        finally:
            server.stop()


@pytest.mark.skipif(not AS_ROOT, reason="only root starts servers as somebody else")
def test_what_an_older_fleet_stored_as_nobody_becomes_the_account_s(tmp_path: Path) -> None:
    former = Postgres(tmp_path, user="nobody").start()
    ask(former, "create table kept as select 1 as n")
    former.stop()
    assert (tmp_path / "postgres" / "data").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    server = Postgres(tmp_path).start()
    try:
        assert ask(server, "select n from kept") == [(1,)]
        owners = {path.lstat().st_uid for path in (tmp_path / "postgres" / "data").rglob("*")}
        assert owners == {pwd.getpwnam("clarity-fleet").pw_uid}
    finally:
        server.stop()


@pytest.mark.parametrize("server", [Postgres, Valkey])
def test_logs_are_private_and_bounded(
    tmp_path: Path, server: type[Postgres] | type[Valkey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_processes, "LOG_SIZE", 2000)
    running = server(tmp_path)
    for _ in range(12):
        running.start()
        running.stop()
    logs = sorted((tmp_path / "log").iterdir())
    assert [log.name for log in logs] == [f"{server.name}.log", *(f"{server.name}.log.{n}" for n in (1, 2, 3))]
    assert max(log.stat().st_size for log in logs) <= 2000
    assert {log.stat().st_mode & 0o777 for log in logs} == {0o600}


@pytest.mark.skipif(not AS_ROOT, reason="only root starts Postgres as somebody else")
@pytest.mark.parametrize("user", ["root", "no-such-user"])
def test_a_user_postgres_cannot_run_as_is_named(tmp_path: Path, user: str) -> None:
    with pytest.raises(Failure, match=f"a fleet cannot run as the user {user}"):
        Postgres(tmp_path, user=user)


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    version = home / "postgres" / "data" / "PG_VERSION"
    before = version.read_text()
    version.write_text("7\n")
    try:
        with pytest.raises(Failure, match="initialized by PostgreSQL version 7") as raised:
            Postgres(home).start()
    finally:
        version.write_text(before)
    assert raised.value.hint == f"See {home}/log/postgres.log."
