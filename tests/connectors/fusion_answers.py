"""A Fusion pod whose answers a test writes itself, for odd ones."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import responses

from integration.connectors.fusion.client import Client
from integration.settings import System
from tests.connectors.odoo_targets import unique

URL = "https://pod.example"
TOKEN = "https://identity.example/oauth2/v1/token"  # noqa: S105 - an address
FSCM = f"{URL}/fscmRestApi/resources/11.13.18.05"
CRM = f"{URL}/crmRestApi/resources/11.13.18.05"
ORDERS = f"{FSCM}/salesOrdersForOrderHub"
SITES = f"{FSCM}/customerAccountSitesLOV"
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
    responses.post(TOKEN, json={"access_token": "tok-1", "token_type": "Bearer", "expires_in": 3600})
    return Client(system(), nullcontext)


def adf(status: int, *details: tuple[str, str, str]) -> dict[str, Any]:
    """An error in the JSON of framework version 4; the status is a string there."""
    body = {
        "title": "Bad Request",
        "status": str(status),
        "o:errorDetails": [{"detail": text, "o:errorCode": code, "o:errorPath": path} for text, code, path in details],
    }
    return {"status": status, "json": body, "content_type": ADF_ERROR, "headers": ECID}
