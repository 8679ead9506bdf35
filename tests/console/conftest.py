from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from integration.console.app import create_app
from integration.settings import Settings
from integration.store import users
from integration.store.database import Database
from integration.store.users import Role
from tests.console.browser import Browser
from tests.operations.orders import Orders
from tests.store.road import system


@pytest.fixture
def orders(database: Database) -> Orders:
    return Orders(database)


@pytest.fixture
def app(database_url: str, orders: Orders, tmp_path: Path) -> Iterator[Flask]:
    variables = {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "FLEET_ENCRYPTION_KEYS": orders.key,
        "FLEET_HOME": str(tmp_path),
        "ODOO_URL": system("odoo").url,
        "ODOO_API_KEY": "k",
    }
    app = create_app(Settings.load(variables))
    with closing(app.extensions["site"].database):
        yield app


@pytest.fixture
def signed_in(app: Flask, database: Database) -> Callable[[Role], Browser]:
    """A browser in which a user of this role, called like the role, is signed in."""

    def sign_in(role: Role) -> Browser:
        with database.transaction() as tx:
            users.add(tx, role, role, "anna")
            key = users.make_link(tx, role)
        browser = Browser(app)
        assert browser.post(f"/sign-in/{key}").status_code == 200
        return browser

    return sign_in


@pytest.fixture
def viewer(signed_in: Callable[[Role], Browser]) -> Browser:
    return signed_in("viewer")


@pytest.fixture
def operator(signed_in: Callable[[Role], Browser]) -> Browser:
    return signed_in("operator")
