"""A Fusion pod whose answers a test writes itself, for odd ones."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import responses

from integration.connectors.contract import Document, Page
from integration.connectors.fusion import Fusion
from integration.connectors.fusion.client import Client
from integration.settings import System
from tests.connectors.odoo_targets import unique

URL = "https://pod.example"
TOKEN = "https://identity.example/oauth2/v1/token"  # noqa: S105 - an address
FSCM = f"{URL}/fscmRestApi/resources/11.13.18.05"
CRM = f"{URL}/crmRestApi/resources/11.13.18.05"
ORDERS = f"{FSCM}/salesOrdersForOrderHub"
SITES = f"{FSCM}/customerAccountSitesLOV"
INVOICES = f"{FSCM}/receivablesInvoices"
KEY = "CLARITY:WEB-100045"
ORDER = f"{ORDERS}/CLARITY%3AWEB-100045"
SINCE = datetime(2026, 11, 20, 9, 55, tzinfo=UTC)
RECORDED = Path(__file__).parent.parent / "recorded" / "fusion"
SCOPE = "urn:opc:resource:fa:instanceid=100200300urn:opc:resource:consumer::all"
ADF_ERROR = "application/vnd.oracle.adf.error+json"
ECID = {"X-ORACLE-DMS-ECID": "0065synthetic0001"}
DUPLICATE = (
    "The request failed because a sales order with transaction WEB-100045 from source system CLARITY already exists."
)


def system() -> System:
    options = {
        "token_url": TOKEN,
        "client_id": f"fleet-{unique()}",  # a token of its own
        "client_secret": "s3cret",
        "scope": SCOPE,
        "business_unit": "300000000000101",
    }
    return System("fusion", URL, 100, 4, 5.0, options)


def client() -> Client:
    give_token()
    return Client(system(), nullcontext)


def connector(**options: str) -> Fusion:
    give_token()
    pod = system()
    return Fusion(replace(pod, options={**pod.options, **options}), nullcontext)


def give_token() -> None:
    responses.post(TOKEN, json={"access_token": "tok-1", "token_type": "Bearer", "expires_in": 3600})


def example(number: str) -> Any:
    """The body of the recorded answer with this number."""
    [path] = RECORDED.glob(f"{number}_*.json")
    return json.loads(path.read_text())["response"]["body"]


def rows(*items: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """A page of a collection."""
    return {"items": list(items), "count": len(items), "hasMore": more}


def adf(status: int, *details: tuple[str, str, str]) -> dict[str, Any]:
    """An error in the JSON of framework version 4; the status is a string there."""
    body = {
        "title": "Bad Request",
        "status": str(status),
        "o:errorDetails": [{"detail": text, "o:errorCode": code, "o:errorPath": path} for text, code, path in details],
    }
    return {"status": status, "json": body, "content_type": ADF_ERROR, "headers": ECID}


def ask(fusion: Fusion, stream: str = "open_orders", *, key: str = KEY, page: Document | None = None) -> Page:
    """One page of a stream; the order with this key is open."""
    return fusion.changes(stream, SINCE, page, lambda _: [key])


def line(*details: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "SourceTransactionLineId": "1",
        "ProductNumber": "SKU-1",
        "OrderedQuantity": 2,
        "StatusCode": "SHIPPED",
        "lineDetails": {"items": list(details)},
        **changes,
    }


def detail(**changes: Any) -> dict[str, Any]:
    return {"TaskType": "Shipment", "StatusCode": "SHIPPED", "Quantity": 1, "DeliveryName": "D-1", **changes}


def order(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    header = {"OrderKey": KEY, "OrderNumber": "410045", "StatusCode": "OPEN", "BusinessUnitName": "Example BU"}
    return {**header, "lines": {"items": list(lines)}, **changes}
