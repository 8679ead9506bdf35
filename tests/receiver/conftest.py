"""A real receiver: gunicorn as the Procfile starts it, on a database and a Valkey of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

from integration.embedded import Postgres, Valkey, free_port
from integration.store.database import Database
from tests.conftest import create_database, named
from tests.receiver.webhook import HINT_TOKEN, SECRET, Receiver


@pytest.fixture(scope="module")
def receiver(
    postgres: Postgres, valkey: Valkey, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiver]:
    name = f"receiver_{os.getpid()}"
    create_database(postgres.url, name, template)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "FLEET_HOME": str(tmp_path_factory.mktemp("receiver")),
        "DATABASE_URL": named(postgres.url, name),
        "REDIS_URL": f"{valkey.url.rpartition('/')[0]}/3",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "CLARITY_URL": "http://127.0.0.1:9/api/v1",
        "CLARITY_WEBHOOK_SECRETS": f"{SECRET},whsec_c2Vjb25kLXNlY3JldC13aGlsZS1yb3RhdGluZw==",
        "ODOO_URL": "http://127.0.0.1:9",
        "ODOO_HINT_TOKEN": HINT_TOKEN,
    }
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-w",
        "1",
        "-k",
        "gthread",
        "--threads",
        "8",
        "-b",
        f"127.0.0.1:{port}",
    ]
    process = subprocess.Popen(
        [*command, "integration.receiver:create_app()"], env=environment, cwd=Path(__file__).parents[2]
    )
    receiver = Receiver(f"http://127.0.0.1:{port}", Database(environment["DATABASE_URL"]), environment)
    try:
        _wait(receiver.url)
        yield receiver
    finally:
        process.terminate()
        process.wait(20)
        receiver.database.close()


def _wait(url: str) -> None:
    for _ in range(150):
        try:
            if requests.get(f"{url}/healthz", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the receiver did not come up")
