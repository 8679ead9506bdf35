"""Examples work: each is run as it is written, on rows in every state, or names the test of a whole fleet that runs it.

Only ids, which a database gives, and words that stand for a value are replaced; whoever is asked says yes.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import pytest
from click.testing import CliRunner

import mappings
from integration.canonical import freeze
from integration.cli import main
from integration.local.servers import Postgres, Valkey
from integration.message import State
from integration.operations import jobs
from integration.operations.jobs import advance
from integration.operations.selection import Selection
from integration.rules.workflow import load_definitions
from integration.store import publications, users
from integration.store.database import Database
from tests.cli.test_repair import CANDIDATES, failed
from tests.conftest import Running, new_database
from tests.operations.orders import Orders
from tests.operations.slices import means
from tests.store.road import system
from tests.test_examples import LINE, consoles, helped

Found = TypeVar("Found")
ROOT = Path(__file__).parents[1]
BACKGROUND, DRY_RUN = "tests/test_background.py::test_", "tests/road/test_dry_run.py::test_"
ELSEWHERE = {
    "up .*--detach": f"{BACKGROUND}it_outlives_the_command_that_started_it_and_stops_when_it_is_asked_to",
    "up .*--sandbox": "tests/test_command.py::test_the_sandbox_plays_all_or_what_it_is_asked_to",
    "up": "tests/test_up.py::test_up_starts_everything_and_ctrl_c_leaves_nothing_behind",
    "stop": f"{BACKGROUND}it_outlives_the_command_that_started_it_and_stops_when_it_is_asked_to",
    "status": f"{BACKGROUND}status_shows_every_process_and_what_is_down",
    "restart .+": f"{BACKGROUND}a_restart_of_one_process_leaves_the_others_alone",
    "restart": f"{BACKGROUND}a_restart_of_all_takes_up_new_settings_and_keeps_the_others",
    "logs": f"{BACKGROUND}logs_come_in_one_order_and_by_level",
    "urls": "tests/test_up.py::test_a_second_terminal_finds_the_fleet_and_its_passwords",
    "demo": "tests/cli/test_demo.py::test_without_a_terminal_it_prints_the_table_and_stops",
    r"trigger (shipment|invoice)\.changed .*": "tests/road/test_trigger.py::test_an_order_is_shipped_and_billed",
    "trigger .*": "tests/road/test_trigger.py::test_an_order_is_placed_and_cancelled",
    "send": "tests/road/test_send.py::test_an_order_and_an_event_are_sent",
    "poll": "tests/cli/test_poll.py::test_it_reads_what_is_there_and_takes_it_in_once",
    "alerts test": "tests/alerts/test_command.py::test_a_test_notice_goes_to_every_channel",
    "doctor --round-trip": "tests/cli/test_doctor.py::test_an_order_comes_round_in_a_fleet_of_its_own",
    "doctor": "tests/cli/test_doctor.py::test_a_healthy_fleet_has_no_error",
    r".*replay \d+ --dry-run": f"{DRY_RUN}one_shows_four_documents_and_where_a_value_comes_from",
    ".*replay .*--dry-run": f"{DRY_RUN}of_many_the_fields_that_change_are_counted",
    "bench --counts": "tests/benchmarks/test_counts.py::test_orders_that_come_at_once",
    "bench": "",
    "test": "",
}
"""What needs a fleet or a system, by how it begins, as a pattern: the first that fits has the test of it.

Nothing for what measures or tests for minutes: whoever measures runs it.
"""
IDS = {
    "held approve .*--choose": {"4711": "ambiguous", "ID": "ambiguous", "CANDIDATE": "candidate", "36": "candidate"},
    "held approve .*--set": {"4711": "unknown"},
    "held approve": {"4711": "sums", "ID": "sums", "4712": "more"},
    "dead": {"4711": "dead", "ID": "dead", "4712": "dead too"},
    "messages": {"4711": "message", "ID": "message"},
    "decisions": {"12": "decision"},
    "jobs (pause|cancel)": {"7": "running job"},
    "jobs resume": {"7": "paused job"},
    "jobs": {"7": "ended job"},
    ".*": {"4711": "unknown", "ID": "unknown", "4712": "more"},
}
"""What the ids of an example are here, by how it begins: the first pattern that fits."""

READS = re.compile(r"\b(ls|show|find|ledger|check|run|diff|versions|functions|refused)\b")
"""Commands that change no row that another example needs."""


def first(table: dict[str, Found], line: str) -> Found | None:
    """What the first pattern that fits the line has."""
    return next((found for pattern, found in table.items() if re.match(rf"(?:{pattern})(?!\S)", command(line))), None)


def command(line: str) -> str:
    """What follows ``fleet``."""
    return line[LINE.search(line).end() :].strip()  # type: ignore[union-attr]


def plain(line: str) -> str:
    """Without its remark, and from wherever the command is called."""
    return line.partition("  #")[0].strip().removeprefix("./")


def given(line: str) -> list[str]:
    """What a line gives to the command that it names."""
    found: click.Command = main
    words = command(line).split()
    while isinstance(found, click.Group) and words and (next_ := found.get_command(click.Context(found), words[0])):
        found, words = next_, words[1:]
    return words


GUIDED = [line for _, line in consoles() if given(line)]
LINES = list(dict.fromkeys(plain(line) for line in (*(line for _, line in helped()), *GUIDED)))
HERE = [line for line in LINES if first(ELSEWHERE, line) is None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples are run: with mappings of its own and the files that they name."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(mappings.FOLDER, folder / "mappings")
    (folder / "order.json").write_text(json.dumps(sample("clarity.in.order")))
    (folder / "canonical.json").write_text(json.dumps(sample("odoo.out.order")))
    return folder


def sample(mapping: str) -> dict[str, Any]:
    return json.loads((mappings.FOLDER / "samples" / mapping / "company_express_po.json").read_text())["given"]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Filled:
    """A database with rows in every state, how a command reaches it, and the ids that `IDS` names."""

    database: str
    environment: dict[str, str]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def filled(
    postgres: Postgres | Running, valkey: Valkey | Running, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Filled:
    url = new_database(postgres.url, template)
    database = Database(url)
    orders = Orders(database)
    environment = {
        "DATABASE_URL": url,
        "REDIS_URL": valkey.url,
        "FLEET_ENCRYPTION_KEYS": orders.key,
        "FLEET_HOME": str(tmp_path_factory.mktemp("home")),
        "ODOO_URL": system("odoo").url,
        "FUSION_URL": system("fusion").url,
    }
    with database.transaction() as tx:
        for newest in (None, 1, 2, 3):
            publications.publish(tx, load_definitions(mappings.FOLDER).rows(), "anna", after=newest)
        users.add(tx, "jane", "operator", "anna")
    ids = {name: str(id) for name, id in stopped(orders).items()}
    approved = CliRunner(env=environment).invoke(main, ["held", "approve", ids["decided"]])
    assert approved.exit_code == 0, approved.output
    ids["decision"] = str(orders.value("select max(id) from decisions"))
    ids |= carried_out(orders)
    database.close()
    return Filled(url.rpartition("/")[2], environment, ids)


def stopped(orders: Orders) -> dict[str, int]:
    """Orders that are held and dead for one reason or another, and some that are done or under way."""

    def stop(state: State, code: str, order: str, **rest: object) -> int:
        return failed(orders, orders.vault, state, code, event=f"evt-{order}", order=order, **rest)

    candidates = orders.vault.seal(freeze(CANDIDATES))
    ids = {
        "sums": stop(State.HELD, "totals_mismatch", "1002"),
        "more": stop(State.HELD, "totals_mismatch", "1003"),
        "decided": stop(State.HELD, "totals_mismatch", "1004"),
        "unknown": stop(State.HELD, "unknown_sku", "1005", document=None),
        "ambiguous": stop(State.HELD, "ambiguous_customer", "1006", candidates=candidates),
        "dead": stop(State.DEAD, "http_400", "1007"),
        "dead too": stop(State.DEAD, "unknown_sku", "1008"),
    }
    order = sample("clarity.in.order")
    order["lines"][0]["sku"] = "OLD"
    event = {"id": "evt", "type": "order.created", "data": order}
    orders.run("update deliveries set about = 'digest', difference = 0.01 where code = 'totals_mismatch'")
    orders.run("update messages set body = %s", orders.vault.seal(freeze(event)))
    orders.end(orders.post(orders.order("1001"), "S00012", "12"), State.DONE)
    orders.customer("c-77")
    orders.product("p-7", "MUG-01")
    orders.returned("ret-1", "RMA-1")
    message = orders.value("select message from deliveries where id = %s", ids["unknown"])
    return ids | {"message": int(str(message)), "candidate": 36}


def carried_out(orders: Orders) -> dict[str, str]:
    """A job that runs, one that is paused, and one that has ended and can be undone."""
    ids = {}
    for name, number in (("running job", "1010"), ("paused job", "1011"), ("ended job", "1012")):
        held = failed(orders, orders.vault, State.HELD, "total_differs", event=f"evt-{number}", order=number)
        with orders.database.transaction() as tx:
            id = jobs.preview(tx, "approve", Selection([State.HELD], [held]), 1, "anna", why=None).id
            jobs.start(tx, id, "anna")
            if name == "paused job":
                jobs.pause(tx, id, "anna")
        if name == "ended job":
            advance(orders.database, id, means(orders.database, orders.vault))
            with orders.database.transaction() as tx:
                jobs.cancel(tx, id, "anna")
        ids[name] = str(id)
    return ids


@pytest.mark.parametrize("line", HERE)
def test_every_example_works(
    line: str, filled: Filled, folder: Path, postgres: Postgres | Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    environment = filled.environment
    if not READS.search(command(line)):
        environment = environment | {"DATABASE_URL": new_database(postgres.url, filled.database)}
    words, _, file = command(line).partition(" < ")
    real = first(IDS, line) or {}
    arguments = [
        filled.ids[real[word]] if word in real else word for word in shlex.split(words, comments=True) if word != "…"
    ]
    done = CliRunner(env=environment).invoke(main, [*arguments, *answers(arguments)], input=read(file))
    assert done.exit_code == 0, done.output
    assert not done.exception, done.exception


def read(file: str) -> str | None:
    return Path(file.strip()).read_text() if file else None


def answers(arguments: list[str]) -> list[str]:
    """What keeps a command from asking, and from writing into the mappings of the project."""
    found: click.Command = main
    for word in arguments:
        if isinstance(found, click.Group):
            found = found.get_command(click.Context(found), word) or found
    options = {option for each in found.params for option in each.opts}
    wanted = {"--yes": ["--yes"], "--folder": ["--folder", "mappings"]}
    return [word for option in wanted if option in options and option not in arguments for word in wanted[option]]


def test_what_is_run_elsewhere_has_a_test_there() -> None:
    for place in filter(None, ELSEWHERE.values()):
        file, _, test = place.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text(), place


def test_no_entry_of_the_tables_is_left_over() -> None:
    for table in (ELSEWHERE, IDS):
        used = [first({pattern: pattern}, line) for line in LINES for pattern in table]
        assert set(table) <= set(used)
    assert len(HERE) > 80
