"""A fake Odoo on a real port, and short ways to talk to it."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from integration.sandbox.odoo import Odoo

RECORDED = Path(__file__).parent.parent / "recorded" / "odoo"


def bind(app: Flask) -> BaseWSGIServer:
    """A threaded server on a free port below the ephemeral range."""
    while True:
        try:
            return make_server("127.0.0.1", random.randrange(20000, 32000), app, threaded=True)
        except (OSError, SystemExit):
            continue


class Served:
    """The fake behind HTTP while the block lasts."""

    def __init__(self, odoo: Odoo) -> None:
        self.odoo = odoo
        app = Flask("odoo")
        app.register_blueprint(odoo.blueprint)
        self._server = bind(app)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Served:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def call(self, model: str, method: str, **body: Any) -> tuple[int, Any]:
        """A JSON-2 call as the integration user: status and JSON."""
        headers = {"Authorization": f"bearer {self.odoo.api_key}", "X-Odoo-Database": self.odoo.name}
        answer = requests.post(f"{self.url}/json/2/{model}/{method}", json=body, headers=headers, timeout=30)
        return answer.status_code, answer.json()

    def ask(self, model: str, method: str, **body: Any) -> Any:
        """The answer of a call that must succeed."""
        status, answer = self.call(model, method, **body)
        assert status == 200, answer
        return answer

    def load(self, model: str, fields: list[str], *rows: list[Any]) -> list[int]:
        """The ids of an import that must succeed."""
        answer = self.ask(model, "load", fields=fields, data=list(rows))
        assert answer["messages"] == []
        ids: list[int] = answer["ids"]
        return ids

    def id_of(self, model: str, *domain: Sequence[Any]) -> int:
        [found] = self.ask(model, "search", domain=list(domain))
        return int(found)

    def tax(self, percent: float, included: bool) -> int:
        return self.id_of("account.tax", ["amount", "=", percent], ["price_include", "=", included])

    def round_taxes(self, method: str) -> None:
        """The company's setting, which the integration user cannot change."""
        with self.odoo.database.transaction():
            self.odoo.database.update("res.company", 1, {"tax_calculation_rounding_method": method})

    def bill(self, order: int) -> list[float]:
        """Makes an invoice of what is due: its untaxed amount, tax and total."""
        values = {"advance_payment_method": "delivered", "sale_order_ids": [[6, 0, [order]]]}
        wizard = self.ask("sale.advance.payment.inv", "create", vals_list=[values])
        invoice = self.ask("sale.advance.payment.inv", "create_invoices", ids=wizard)["res_id"]
        amounts = ["amount_untaxed", "amount_tax", "amount_total"]
        [row] = self.ask("account.move", "read", ids=[invoice], fields=amounts)
        return [row[name] for name in amounts]

    def ship(self, order: int, quantity: float | None = None) -> None:
        """Ships so much of each line, or all."""
        [picking] = self.ask("stock.picking", "search", domain=[["sale_id", "=", order], ["state", "=", "assigned"]])
        if quantity is not None:
            moves = self.ask("stock.move", "search", domain=[["picking_id", "=", picking]])
            self.ask("stock.move", "write", ids=moves, vals={"quantity": quantity})
        self.ask("stock.picking", "button_validate", ids=[picking], context={"skip_backorder": True})

    def place(self, lines: list[dict[str, Any]], *, currency: str) -> dict[str, Any]:
        """Imports an order of SKU-1 with these lines and reads it back, its lines under ``lines``."""
        [partner] = self.load("res.partner", ["name"], ["Buyer"])
        product = self.id_of("product.product", ["default_code", "=", "SKU-1"])
        pricelist = self.id_of("product.pricelist", ["currency_id.name", "=", currency])
        of_line = ["product_id/.id", "product_uom_qty", "price_unit", "discount", "tax_ids/.id"]
        rows = []
        for line in lines:
            taxes = ",".join(str(self.tax(percent, bool(included))) for percent, included in line["taxes"])
            cells = [str(product), line["quantity"], line["price_unit"], line.get("discount", "0"), taxes]
            rows.append([*["" for _ in range(3)], *cells])
        rows[0][:3] = [f"__test__.{uuid.uuid4().hex}", str(partner), str(pricelist)]
        head = ["id", "partner_id/.id", "pricelist_id/.id"]
        ids = self.load("sale.order", [*head, *(f"order_line/{name}" for name in of_line)], *rows)
        amounts = ["amount_untaxed", "amount_tax", "amount_total", "order_line", "state"]
        [order] = self.ask("sale.order", "read", ids=ids, fields=amounts)
        subtotals = ["price_subtotal", "price_total"]
        order["lines"] = self.ask("sale.order.line", "read", ids=order["order_line"], fields=subtotals)
        result: dict[str, Any] = order
        return result
