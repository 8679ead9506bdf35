"""What one would write first: a Flask route and one Celery task with autoretry, no store of its own.

It makes the same calls at Odoo and Clarity as the fleet does for a new order of a new customer.  What it does not do is
the point of comparing: nothing survives a lost Redis, an order may be made twice, and nobody can see what was lost.
"""

from __future__ import annotations

import os
import uuid
from typing import Any

import requests
from celery import Celery
from flask import Flask, request

app = Celery("naive", broker=os.environ.get("REDIS_URL"))
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1)
web = Flask("naive")
session = requests.Session()
_token: dict[str, str] = {}


@web.post("/webhooks/clarity")
def webhook() -> tuple[dict[str, str], int]:
    carry.delay(request.get_json())
    return {"status": "accepted"}, 202


@web.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.task(autoretry_for=(requests.RequestException,), retry_backoff=True, max_retries=5)
def carry(event: dict[str, Any]) -> None:
    order = event["data"]
    name = f"__naive__.order_{order['id']}"
    partner = _partner(order)
    lines = [
        {
            "id": f"{name}_{line['id']}",
            "product_id/.id": str(_product(line["sku"])),
            "name": line["name"],
            "product_uom_qty": line["quantity"],
            "price_unit": line["unitPrice"],
        }
        for line in order["lines"]
    ]
    first = {"id": name, "partner_id/.id": str(partner), "client_order_ref": order["number"], "origin": order["number"]}
    rows = [{**(first if not place else {}), **_of_line(line)} for place, line in enumerate(lines)]
    columns = list(rows[0])
    cells = [[row.get(column, "") for column in columns] for row in rows]
    [sale] = odoo("sale.order", "load", fields=columns, data=cells)["ids"]
    odoo("sale.order", "read", ids=[sale], fields=["name", "state", "amount_total"])
    odoo("sale.order", "action_confirm", ids=[sale])
    odoo("sale.order", "write", ids=[sale], vals={"date_order": order["placedAt"][:19].replace("T", " ")})
    clarity(f"/orders/{order['id']}/status", {"status": "processing", "externalRef": f"odoo:{sale}"})


def _partner(order: dict[str, Any]) -> int:
    customer = order["customer"]
    found = odoo("res.partner", "search_read", domain=[["email_normalized", "=", customer["email"]]], fields=["name"])
    if found:
        return int(found[0]["id"])
    row = {"id": f"__naive__.{uuid.uuid4().hex}", "name": customer["name"] or customer["email"]}
    row |= {"email": customer["email"]}
    return int(odoo("res.partner", "load", fields=list(row), data=[list(row.values())])["ids"][0])


_products: dict[str, int] = {}


def _product(sku: str) -> int:
    if sku not in _products:
        rows = odoo("product.product", "search_read", domain=[["default_code", "=", sku]], fields=["default_code"])
        _products[sku] = rows[0]["id"]
    return _products[sku]


def _of_line(line: dict[str, str]) -> dict[str, str]:
    return {f"order_line/{column}": value for column, value in line.items()}


def odoo(model: str, method: str, **named: Any) -> Any:
    answer = session.post(
        f"{os.environ['ODOO_URL']}/json/2/{model}/{method}",
        json=named,
        headers={"Authorization": f"bearer {os.environ['ODOO_API_KEY']}", "X-Odoo-Database": os.environ["ODOO_DB"]},
        timeout=60,
    )
    answer.raise_for_status()
    return answer.json()


def clarity(path: str, body: dict[str, Any]) -> None:
    if not _token:
        credentials = (os.environ["CLARITY_CLIENT_ID"], os.environ["CLARITY_CLIENT_SECRET"])
        grant = {"grant_type": "client_credentials"}
        answer = session.post(os.environ["CLARITY_TOKEN_URL"], data=grant, auth=credentials, timeout=10)
        _token["Authorization"] = f"Bearer {answer.json()['access_token']}"
    headers = {**_token, "Idempotency-Key": uuid.uuid4().hex}
    session.post(f"{os.environ['CLARITY_URL']}{path}", json=body, headers=headers, timeout=60).raise_for_status()
