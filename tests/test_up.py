"""`fleet up` as its users meet it: a process of its own, real servers, real signals; only its programs are small."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from integration.cli.test import isolated
from integration.errors import Misconfigured
from integration.local.account import Account
from integration.local.child_processes import started
from integration.local.fleet import Silent
from integration.local.ports import check_allowed, check_free
from integration.local.processes import Program, Supervisor
from integration.settings import Settings, runtime_file
from integration.settings import variables as own_variables
from integration.vault import Vault, new_key
from tests.ports import free_port, free_ports

PROGRAMS = """\
# a comment

receiver: python -m http.server --bind 127.0.0.1 "${FLEET_RECEIVER_BIND##*:}"
worker-one: python "$FLEET_HOME/worker.py"
beat: python -c "import time; time.sleep(600)"
"""
WORKER = """\
import signal, sys, time

def drain(*_):
    print("WARNING finishing what it does", flush=True)
    time.sleep(0.3)
    print("finished", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, drain)
print("one@host ready.", flush=True)
time.sleep(600)
"""
PATIENCE = 90.0
"""Seconds after which a condition is given up: each promises that it comes, however busy the machine is."""
STUBBORN = 'trap "" TERM; echo one@host ready.; sleep 600'


class Up:
    """A `fleet up` in the background; ``said`` is everything it printed so far."""

    def __init__(self, home: Path, programs: str, *arguments: str, **variables: str) -> None:
        (home / "Procfile").write_text(programs)
        (home / "worker.py").write_text(WORKER)
        self.home = home
        # One system is configured, so that the sandbox stays out of it.
        self.variables = isolated(own_variables(), str(home)) | {"CLARITY_URL": "http://127.0.0.1:9/api/v1"} | variables
        self._output = (home / "said.txt").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "integration.cli", "up", "--procfile", str(home / "Procfile"), *arguments],
            env=self.variables,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def said(self) -> str:
        return (self.home / "said.txt").read_text()

    def says(self, text: str, timeout: float = PATIENCE) -> None:
        assert eventually(lambda: text in self.said, timeout), self.said

    def exit_code(self, timeout: float = PATIENCE) -> int:
        code = self.process.wait(timeout)
        self._output.close()
        return code

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command, as in a second terminal: it knows the home and nothing else."""
        variables = isolated(own_variables(), str(self.home))
        command = [sys.executable, "-m", "integration.cli", *arguments]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    def pid(self, name: str) -> int:
        return int((self.home / "run" / f"{name}.pid").read_text().split()[0])

    def pids(self) -> list[int]:
        return [self.pid(file.stem) for file in (self.home / "run").glob("*.pid")]


def named_urls(up: Up) -> dict[str, str]:
    """What `fleet urls` names, by its name."""
    return {row["name"]: row["value"] for row in json.loads(up.run("urls", "--json").stdout)["rows"]}


def eventually(condition: Callable[[], bool], timeout: float = PATIENCE) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


@pytest.fixture
def begin(home: Path) -> Iterator[Callable[..., Up]]:
    begun: list[Up] = []

    def begin(programs: str = PROGRAMS, *arguments: str, **variables: str) -> Up:
        base = str(free_ports())
        begun.append(Up(home, programs, "--port-base", base, *arguments, **variables))
        return begun[-1]

    yield begin
    for up in begun:
        up.process.kill()
        up.process.wait()
    for pid in begun[-1].pids():
        assert eventually(lambda pid=pid: started(pid) is None), "something is left running"


def test_up_starts_everything_and_ctrl_c_leaves_nothing_behind(begin: Callable[..., Up]) -> None:
    up = begin()
    up.says("The fleet is up")
    pids = up.pids()
    assert len(pids) == 5
    assert [bool(started(pid)) for pid in pids] == [True] * 5

    up.process.send_signal(signal.SIGINT)
    assert up.exit_code() == 0
    assert [started(pid) for pid in pids] == [None] * 5
    assert [file.name for file in (up.home / "run").iterdir() if file.name not in {"lock", "sandbox.json"}] == []
    assert "finished" in (up.home / "log" / "worker-one.log").read_text()
    assert "    worker-one | WARNING finishing what it does" in up.said


def test_a_second_terminal_finds_the_fleet_and_its_passwords(begin: Callable[..., Up]) -> None:
    up = begin()
    up.says("The fleet is up")
    urls = named_urls(up)
    settings = Settings.load({"FLEET_HOME": str(up.home)})
    assert urls["webhook_url"] == f"http://{settings.binds['receiver']}/webhooks/clarity"
    assert {"clarity": (urls["webhook_secret"],)} == settings.webhook_secrets
    assert urls["flower_user"] == "fleet"
    assert all(f"  {value}" in up.said for value in urls.values())
    assert runtime_file(up.home).stat().st_mode & 0o777 == 0o600
    assert settings.systems["clarity"].url == "http://127.0.0.1:9/api/v1"
    with psycopg2.connect(settings.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) > 0 from migrations")
        assert cursor.fetchall() == [(True,)]

    up.process.send_signal(signal.SIGTERM)
    assert up.exit_code() == 0
    after = up.run("urls")
    assert (after.returncode, after.stdout) == (1, "")
    assert after.stderr == f"error: no fleet runs in {up.home}\nfix: Start one with `./fleet up`.\n"
    assert (up.home / "credentials.json").stat().st_mode & 0o777 == 0o600

    again = begin()
    again.says("The fleet is up")
    kept = named_urls(again)
    assert (kept["webhook_secret"], kept["flower_password"]) == (urls["webhook_secret"], urls["flower_password"])


def test_up_says_what_will_not_happen(begin: Callable[..., Up]) -> None:
    up = begin()
    up.says("no order goes anywhere: neither ODOO_URL nor FUSION_URL is set")


def test_others_may_read_nothing_in_the_home(begin: Callable[..., Up], home: Path) -> None:
    """Also of a home that an older fleet has left open."""
    records = home / "sandbox"
    records.mkdir(exist_ok=True)
    records.chmod(0o755)
    (records / "clarity.sqlite3").touch()
    (records / "clarity.sqlite3").chmod(0o644)
    before = os.umask(0)
    try:
        up = begin(PROGRAMS, "--sandbox", "odoo")
    finally:
        os.umask(before)
    up.says("The fleet is up")
    modes = {path: path.lstat().st_mode & 0o777 for path in (up.home, *up.home.rglob("*")) if not path.is_symlink()}
    passages = {path for path, mode in modes.items() if mode == 0o711}
    open_to_others = {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077 and path not in passages}
    ours = {f"{up.home}/{name}" for name in ("Procfile", "worker.py", "said.txt")}
    assert {path: mode for path, mode in open_to_others.items() if path not in ours} == {}
    assert passages <= {up.home, up.home / "postgres"}
    assert (records / "odoo.sqlite").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs processes as somebody else")
def test_for_root_processes_run_as_the_fleet_s_account(tmp_path: Path) -> None:
    account = Account.own()
    assert account and account.uid == pwd.getpwnam("clarity-fleet").pw_uid
    (tmp_path / "log").mkdir()
    supervisor = Supervisor([Program("beat", "sleep 60")], tmp_path, Silent(), account)
    supervisor.start({})
    try:
        status = Path(f"/proc/{supervisor.processes['beat'].pid}/status").read_text()
        assert re.findall(r"^(?:Uid|Gid|Groups):\s(.*?)\s*$", status, re.M) == [
            "\t".join([str(account.uid)] * 4),
            "\t".join([str(account.gid)] * 4),
            "",
        ]
    finally:
        supervisor.stop([lambda _: True], 5)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs processes as somebody else")
def test_processes_that_the_account_could_not_run_stay_root_s_and_up_says_why(
    begin: Callable[..., Up], home: Path
) -> None:
    """As where the project, its Python or the home lies below /root."""
    assert home.parent.stat().st_mode & 0o077 == 0
    up = begin()
    up.says("the processes run as root: clarity-fleet may not read ")
    up.says("The fleet is up")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs processes as somebody else")
def test_a_port_for_root_is_refused_where_processes_are_not_root_s() -> None:
    with pytest.raises(Misconfigured, match=r"receiver cannot listen on 0.0.0.0:1: it runs as clarity-fleet"):
        check_allowed({"receiver": "0.0.0.0:1"}, "clarity-fleet")


def test_a_second_up_in_the_same_home_says_so(begin: Callable[..., Up]) -> None:
    up = begin()
    up.says("The fleet is up")
    second = up.run("up")
    assert second.returncode == 1
    assert f"error: a fleet already runs in {up.home} (pid {up.process.pid})\n" in second.stderr
    assert up.run("urls").returncode == 0


def test_what_crashes_is_started_again(begin: Callable[..., Up]) -> None:
    up = begin()
    up.says("The fleet is up")
    before = {name: up.pid(name) for name in ("beat", "postgres", "valkey")}
    database_url = Settings.load({"FLEET_HOME": str(up.home)}).database_url
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    up.says("beat was killed by signal 9; starting it again in 1 s")
    up.says("postgres has gone; starting it again")
    up.says("valkey has gone; starting it again")
    for name, pid in before.items():
        assert eventually(lambda name=name, pid=pid: up.pid(name) != pid)
    psycopg2.connect(database_url).close()


def test_after_kill_9_everything_ends_and_the_next_up_works(begin: Callable[..., Up]) -> None:
    up = begin()
    up.says("The fleet is up")
    pids = up.pids()
    up.process.kill()
    up.process.wait()
    again = begin()
    again.says("The fleet is up")
    assert [started(pid) for pid in pids] == [None] * 5


def test_a_second_ctrl_c_does_not_wait(begin: Callable[..., Up]) -> None:
    up = begin(PROGRAMS.replace('python "$FLEET_HOME/worker.py"', f"sh -c '{STUBBORN}'"))
    up.says("The fleet is up")
    pids = up.pids()
    up.process.send_signal(signal.SIGINT)
    up.says("Ctrl-C again stops at once")
    time.sleep(0.5)
    assert up.process.poll() is None
    up.process.send_signal(signal.SIGINT)
    assert up.exit_code(timeout=20) == 0  # it would wait for 30 s
    assert [started(pid) for pid in pids] == [None] * 5


def test_ctrl_c_while_starting_leaves_nothing_behind(begin: Callable[..., Up]) -> None:
    up = begin(PROGRAMS.replace('python "$FLEET_HOME/worker.py"', "sleep 600"))  # never says that it is ready
    up.says("beat")
    pids = up.pids()
    up.process.send_signal(signal.SIGINT)
    assert up.exit_code() == 0
    assert [started(pid) for pid in pids] == [None] * 5


def test_a_process_that_cannot_start_stops_up_with_its_last_words(begin: Callable[..., Up]) -> None:
    up = begin(PROGRAMS.replace('python "$FLEET_HOME/worker.py"', "python -c 'raise SystemExit(\"no such queue\")'"))
    assert up.exit_code() == 1
    assert "error: worker-one ended with exit code 1 while it started:\n  no such queue\n" in up.said
    assert f"fix: See {up.home}/log/worker-one.log.\n" in up.said
    assert "Traceback" not in up.said, up.said
    assert up.pids() == []


def test_another_key_than_that_of_the_home_is_refused_with_nothing_left(tmp_path: Path) -> None:
    """Our own Postgres has to run for a look at what is sealed in it, and is stopped again."""
    up = Up(tmp_path, PROGRAMS, "--port-base", str(free_ports()))
    up.says("The fleet is up")
    kept = (tmp_path / "credentials.json").read_text()
    settings = Settings.load({"FLEET_HOME": str(tmp_path)})
    with psycopg2.connect(settings.database_url) as connection, connection.cursor() as cursor:
        sealed = Vault(settings.encryption_keys).seal(b"guests")
        cursor.execute("insert into secrets (name, value) values ('match', %s)", [sealed])
    up.process.send_signal(signal.SIGINT)
    assert up.exit_code() == 0

    refused = Up(tmp_path, PROGRAMS, "--port-base", str(free_ports()), FLEET_ENCRYPTION_KEYS=new_key())
    assert refused.exit_code() == 1
    assert "error: the encryption keys do not open what is stored in this database\n" in refused.said
    assert f"fix: Restore {tmp_path}/credentials.json from a backup, or set FLEET_ENCRYPTION_KEYS" in refused.said
    assert refused.pids() == []

    (tmp_path / "credentials.json").unlink()
    lost = Up(tmp_path, PROGRAMS, "--port-base", str(free_ports()))
    assert lost.exit_code() == 1
    assert "error: the encryption key of the database" in lost.said
    assert lost.pids() == []

    (tmp_path / "credentials.json").write_text(kept)
    restored = Up(tmp_path, PROGRAMS, "--port-base", str(free_ports()))
    restored.says("The fleet is up")
    restored.process.send_signal(signal.SIGINT)
    assert restored.exit_code() == 0


def test_a_process_that_says_why_it_cannot_start_is_quoted(begin: Callable[..., Up]) -> None:
    program = """sh -c 'echo "error: no queue (fix: Make one.)"; exit 1'"""
    up = begin(PROGRAMS.replace('python "$FLEET_HOME/worker.py"', program))
    assert up.exit_code() == 1
    assert "error: worker-one cannot start: no queue\nfix: Make one.\n" in up.said


def test_a_process_that_cannot_start_again_is_named_with_its_reason(begin: Callable[..., Up]) -> None:
    beat = "sh -c 'test -e $FLEET_HOME/wrong && echo error: all wrong && exit 1; exec sleep 600'"
    up = begin(PROGRAMS.replace('python -c "import time; time.sleep(600)"', beat))
    up.says("The fleet is up")
    (up.home / "wrong").touch()
    os.kill(up.pid("beat"), signal.SIGKILL)
    up.says("beat ended with exit code 1 (error: all wrong); starting it again in 2 s")
    up.says("beat ended with exit code 1 (error: all wrong); starting it again in 4 s")
    (up.home / "wrong").unlink()
    up.process.send_signal(signal.SIGINT)
    assert up.exit_code() == 0


def test_a_busy_port_names_its_holder_and_the_variable(begin: Callable[..., Up]) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        up = begin(PROGRAMS, "--port-base", str(port))
        assert up.exit_code() == 1
    assert f"receiver cannot listen on 127.0.0.1:{port}: the port is taken by " in up.said
    assert f"(pid {os.getpid()})" in up.said
    assert "set FLEET_RECEIVER_BIND to another address, or use --port-base N." in up.said


def test_an_address_that_the_machine_does_not_have_is_not_blamed_on_a_program() -> None:
    with pytest.raises(Misconfigured, match=r"receiver cannot listen on 192\.0\.2\.1:8000") as caught:
        check_free({"receiver": "192.0.2.1:8000"})
    assert caught.value.hint.startswith("Set FLEET_RECEIVER_BIND to an address that this machine has")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"FLEET_RECEIVER_BIND": "8000"}, "FLEET_RECEIVER_BIND is not an address: '8000'"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:9/x"}, "DATABASE_URL is set, FLEET_ENCRYPTION_KEYS is not"),
        ({"ODOO_URL": "http://erp.example"}, "ODOO_URL is http:// to another machine"),
    ],
)
def test_settings_that_cannot_work_are_named(home: Path, variables: dict[str, str], reason: str) -> None:
    up = Up(home, PROGRAMS, **variables)
    assert up.exit_code() == 1
    assert f"error: {reason}" in up.said
    assert up.pids() == []


def test_a_line_that_is_no_program_is_named(home: Path) -> None:
    up = Up(home, "receiver python\n")
    assert up.exit_code() == 1
    assert "error: Procfile, line 1 is not `name: command`" in up.said


def test_usage_errors_have_exit_code_2(home: Path) -> None:
    up = Up(home, PROGRAMS, "--port-base", "lots")
    assert up.exit_code() == 2
