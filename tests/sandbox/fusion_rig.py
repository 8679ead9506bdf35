"""A fake Fusion on a real port, alone in its sandbox, and short ways to talk to it."""

from __future__ import annotations

import copy
import json
import threading
from pathlib import Path
from typing import Any

import requests

from integration.sandbox.app import create_app
from integration.sandbox.config import Config, FusionConfig
from tests.sandbox.odoo_rig import bind

RECORDED = Path(__file__).parent.parent / "recorded" / "fusion"
CLIENT, SECRET = "fleet", "fusi0n-s3cret"
SCOPE = "urn:opc:resource:fa:instanceid=100200300urn:opc:resource:consumer::all"
ORDERS = "/fscmRestApi/resources/11.13.18.05/salesOrdersForOrderHub"
INVOICES = "/fscmRestApi/resources/11.13.18.05/receivablesInvoices"
KEY = "CLARITY:WEB-100045"


def example(name: str) -> dict[str, Any]:
    """The one whose file name starts so."""
    [path] = RECORDED.glob(f"{name}_*.json")
    exchange: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return exchange


def an_order(id: str = "WEB-100045", **changes: Any) -> dict[str, Any]:
    """The payload of the example order, under another id if wanted."""
    order = copy.deepcopy(example("10")["request"]["body"])
    return {**order, "SourceTransactionId": id, "SourceTransactionNumber": id, **changes}


def changed(**changes: Any) -> dict[str, Any]:
    """The example order with its only line changed; ``...`` takes an attribute away."""
    order = an_order()
    line = {**order["lines"][0], **changes}
    return {**order, "lines": [{name: value for name, value in line.items() if value is not ...}]}


def with_freight(order: dict[str, Any]) -> dict[str, Any]:
    """The order with 5.00 for shipping and 0.50 tax on it."""
    [price] = order["lines"][0]["charges"]
    freight = {**copy.deepcopy(price), "PrimaryFlag": False, "ApplyToCode": "SHIPPING", "PricedQuantity": 1}
    for component, amount in zip(freight["chargeComponents"], (5, 5, 0.5, 5.5), strict=True):
        component |= dict.fromkeys(
            (name for name in component if name.endswith(("UnitPrice", "ExtendedAmount"))), amount
        )
    order["lines"][0]["charges"].append({**freight, "SourceChargeId": "1-F"})
    return order


class Caller:
    """Somebody who talks to the fake Fusion of the sandbox at ``root``."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.url = f"{root}/fusion"
        self.token = self.new_token()

    def new_token(self) -> str:
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        answer = requests.post(f"{self.url}/oauth2/v1/token", form, auth=(CLIENT, SECRET), timeout=20)
        return str(answer.json()["access_token"])

    def call(
        self, method: str, path: str, body: Any = None, framework: int | None = 4, headers: Any = None, **params: str
    ) -> requests.Response:
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if framework:
            given["REST-Framework-Version"] = str(framework)
        return requests.request(method, self.url + path, json=body, headers=given, params=params, timeout=10)

    def get(self, path: str, framework: int | None = 4, **params: str) -> Any:
        answer = self.call("GET", path, framework=framework, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, order: dict[str, Any] | None = None, **more: Any) -> Any:
        answer = self.call("POST", ORDERS, order or an_order(), **more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def order(self, key: str = KEY, framework: int = 2) -> Any:
        """The order with its lines and their details, as arrays."""
        return self.get(f"{ORDERS}/{key}", framework, expand="lines.lineDetails", onlyData="true")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.root}/_sandbox{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def advance(self, steps: int = 1, **manner: Any) -> Any:
        return self.control("POST", "/fusion/advance", {"steps": steps, **manner})

    def ledger(self) -> Any:
        return self.control("GET", "/ledger")["fusion"]


class Pod(Caller):
    """The fake behind HTTP while the block lasts."""

    def __init__(self, home: Path, **settings: Any) -> None:
        config = FusionConfig(client_id=CLIENT, client_secret=SECRET, **settings)
        self._server = bind(create_app(Config(bind="", data_dir=home, fusion=config)))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        super().__init__(f"http://127.0.0.1:{self._server.port}")

    def __enter__(self) -> Pod:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
