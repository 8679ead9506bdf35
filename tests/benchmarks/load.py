"""Clarity's side: orders of about 4 KB with five lines, sent by 16 senders as signed webhooks."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from integration.signature import sign

SENDERS = 16
LINES = 5
SIZE = 4096


@dataclass
class Sent:
    """What the senders saw: seconds of each answer, how many were not 202, and how long all of it took."""

    answers: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0


def order_of(id: str, customer: str | None = None, skus: str = "SKU", *, company: bool = False) -> dict[str, Any]:
    """An order of five lines, tax inside, that adds up; about 4 KB.

    Of a customer of its own unless another is named, who is a person or a company, for products ``SKU-1`` to ``SKU-5``.
    """
    buyer = customer or id
    lines = [
        {
            "id": str(place),
            "sku": f"{skus}-{place}",
            "name": f"Thing number {place}",
            "kind": "physical",
            "quantity": "2",
            "uom": "EA",
            "unitPrice": "12.30",
            "discounts": [],
            "taxes": [{"code": "VAT23", "rate": "0.23", "amount": "4.60"}],
            "lineTotal": "24.60",
            "requiresShipping": True,
            "customAttributes": {},
        }
        for place in range(1, LINES + 1)
    ]
    address = {"name": f"Buyer {buyer}", "line1": "Long Street 1", "city": "Gdynia", "postalCode": "81-001"}
    address |= {"countryCode": "PL", "company": None, "line2": None, "region": None, "phone": None, "email": None}
    kind = {"type": "company", "company": f"Buyer {buyer}"} if company else {"type": "person"}
    order = {
        "id": id,
        "number": f"B-{id}",
        "version": 1,
        "status": "confirmed",
        "paymentStatus": "paid",
        "placedAt": "2026-11-20T10:15:29.000Z",
        "currency": "EUR",
        "taxIncluded": True,
        "customer": {"id": f"c-{buyer}", "email": f"{buyer}@buyer.example", "name": f"Buyer {buyer}", **kind},
        "billingAddress": address,
        "shippingAddress": address,
        "lines": lines,
        "shippingLines": [],
        "fees": [],
        "discounts": [],
        "payments": [{"id": "p", "method": "card", "amount": "123.00", "status": "captured", "reference": "tok"}],
        "totals": {"subtotal": "123.00", "discount": "0.00", "shipping": "0.00", "fees": "0.00", "tax": "23.00"}
        | {"grandTotal": "123.00", "giftCard": "0.00", "balanceDue": "0.00"},
        "notes": None,
        "tags": [],
        "customAttributes": {},
    }
    order["customAttributes"] = {"padding": "x" * max(0, SIZE - len(json.dumps(order)))}
    return order


def orders_of(count: int, run: str, *, companies: bool = False) -> list[dict[str, Any]]:
    """So many, each of a customer of its own."""
    return [order_of(f"{run}-{number}", company=companies) for number in range(count)]


def send(url: str, secret: str, orders: Sequence[dict[str, Any]], run: str, *, rate: float | None = None) -> Sent:
    """Sends each order's event once; ``rate`` is in events per second, None as fast as the answers come."""
    bodies = [(f"evt_{run}_{order['id']}", _event(run, order)) for order in orders]
    sent, lock, began = Sent(), threading.Lock(), time.monotonic()

    def work(mine: Sequence[tuple[int, tuple[str, bytes]]]) -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        for number, (id, body) in mine:
            if rate:
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
            at = time.monotonic()
            try:
                status = _post(connection, parts.path, secret, id, body)
            except http.client.RemoteDisconnected:  # it was idle for too long
                status = _post(connection, parts.path, secret, id, body)
            with lock:
                sent.answers.append(time.monotonic() - at)
                sent.refused += status != 202
        connection.close()

    numbered = list(enumerate(bodies))
    threads = [threading.Thread(target=work, args=(numbered[start::SENDERS],)) for start in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.seconds = time.monotonic() - began
    return sent


def _event(run: str, order: dict[str, Any]) -> bytes:
    envelope = {"id": f"evt_{run}_{order['id']}", "type": "order.created", "timestamp": "2026-11-20T10:15:30Z"}
    return json.dumps({**envelope, "data": order}).encode()


def _post(connection: http.client.HTTPConnection, path: str, secret: str, id: str, body: bytes) -> int:
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, id, timestamp, body),
    }
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
