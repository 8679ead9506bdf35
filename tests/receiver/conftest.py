"""A real receiver: started by the Procfile's command, on a database and a Valkey of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

from integration.local.servers import Postgres, Valkey
from integration.store.database import Database
from tests.conftest import new_database
from tests.ports import free_port
from tests.receiver.webhook import HINT_TOKEN, SECRET, Receiver

ROOT = Path(__file__).parents[2]
PROCESSES = 2  # as the Procfile says


@pytest.fixture(scope="module")
def receiver(
    postgres: Postgres, valkey: Valkey, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiver]:
    """One that the tests of a module share."""
    environment = settings(new_database(postgres.url, template), valkey.url, tmp_path_factory.mktemp("receiver"))
    with running(environment) as receiver:
        yield receiver


def settings(database_url: str, redis_url: str, home: Path) -> dict[str, str]:
    """The environment of a receiver on these servers."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FLEET_HOME": str(home),
        "FLEET_RECEIVER_BIND": f"127.0.0.1:{free_port()}",
        "FLEET_OPS_BIND": f"127.0.0.1:{free_port()}",
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{redis_url.rpartition('/')[0]}/3",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "CLARITY_URL": "http://127.0.0.1:9/api/v1",
        "CLARITY_WEBHOOK_SECRETS": f"{SECRET},whsec_c2Vjb25kLXNlY3JldC13aGlsZS1yb3RhdGluZw==",
        "ODOO_URL": "http://127.0.0.1:9",
        "ODOO_HINT_TOKEN": HINT_TOKEN,
    }


@contextmanager
def running(environment: Mapping[str, str], **changes: str) -> Iterator[Receiver]:
    """A receiver with this environment, and its log in ``receiver.log`` of its home."""
    environment = {**environment, **changes}
    (command,) = re.findall(r"^receiver: (.*)$", (ROOT / "Procfile").read_text(), re.M)
    log = Path(environment["FLEET_HOME"]) / "receiver.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"], env=environment, cwd=ROOT, stdout=written, stderr=subprocess.STDOUT
        )
    database = Database(environment["DATABASE_URL"])
    receiver = Receiver(
        f"http://{environment['FLEET_RECEIVER_BIND']}",
        f"http://{environment['FLEET_OPS_BIND']}",
        database,
        environment,
        log,
        process.pid,
    )
    try:
        _wait(receiver)
        yield receiver
    finally:
        process.terminate()
        process.wait(40)
        database.close()


def _wait(receiver: Receiver) -> None:
    """Until every process serves: one that starts while a test has broken Postgres would end all of them."""
    for _ in range(600):
        try:
            answers = requests.get(f"{receiver.url}/healthz", timeout=30).ok
            if answers and receiver.log.read_text().count("receiver.ready") == PROCESSES:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the receiver did not come up: {receiver.log.read_text()[-3000:]}")
