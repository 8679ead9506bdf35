"""The SOAP service for customer accounts, as far as accounts are found by their party and made with their sites.

What it answers, and that a fault comes with 500, is from code that runs against live pods; the words of faults are
exact where they have a number.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as Xml

from flask import Response

from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import ACCOUNT_ACTIVITY, ACCOUNT_SITE, ORGANIZATION

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
OBJECTS = "http://xmlns.oracle.com/apps/cdm/foundation/parties/customerAccountService/"
MODULE = f"{OBJECTS}applicationModule/"
OPERATIONS = f"{MODULE}types/"
FINDING = "http://xmlns.oracle.com/adf/svc/types/"
PATH = "/crmService/CustomerAccountService"
KIND = "text/xml; charset=utf-8"

Row = dict[str, Any]


class Fault(Exception):
    """The service refuses the call."""

    def response(self) -> Response:
        envelope, body = _envelope("")
        fault = Xml.SubElement(body, f"{{{ENVELOPE}}}Fault")
        Xml.SubElement(fault, "faultcode").text = "env:Server"
        Xml.SubElement(fault, "faultstring").text = str(self)
        return Response(Xml.tostring(envelope, encoding="unicode"), 500, content_type=KIND)


class AccountService:
    """The operations findCustomerAccount and createCustomerAccount."""

    def __init__(self, records: Records, source_system: str) -> None:
        self._records = records
        self._source_system = source_system

    def answer(self, request: bytes) -> Response:
        """The answer to one envelope; raises `Fault`."""
        try:
            body = Xml.fromstring(request).find(f"{{{ENVELOPE}}}Body")  # noqa: S314 - what our own connector sends
        except Xml.ParseError as error:
            raise Fault("The request is no XML.") from error
        called = None if body is None or not len(body) else body[0]
        operation = "" if called is None else called.tag.removeprefix(f"{{{OPERATIONS}}}")
        if called is None or operation not in {"findCustomerAccount", "createCustomerAccount"}:
            raise Fault("The operation is not played by this sandbox.")
        rows = self._find(called) if operation == "findCustomerAccount" else [self._create(called)]
        envelope, body = _envelope(operation)
        result = Xml.SubElement(Xml.SubElement(body, f"{{{OPERATIONS}}}{operation}Response"), f"{{{OPERATIONS}}}result")
        for row in rows:
            value = Xml.SubElement(result, f"{{{OBJECTS}}}Value")
            for name, content in row.items():
                Xml.SubElement(value, f"{{{OBJECTS}}}{name}").text = str(content)
        return Response(Xml.tostring(envelope, encoding="unicode"), 200, content_type=KIND)

    def _find(self, called: Xml.Element) -> list[Row]:
        """The accounts of one party: no other criterion is played."""
        item = called.find(f".//{{{FINDING}}}item")
        read = {} if item is None else {part.tag.rpartition("}")[2]: part.text for part in item}
        if (read.get("attribute"), read.get("operator")) != ("PartyId", "="):
            raise Fault("This criterion is not played by this sandbox.")
        sites = [row for row in self._records.all(ACCOUNT_SITE.name) if str(row["PartyId"]) == read.get("value")]
        return [_account(row) for row in {row["CustomerAccountId"]: row for row in sites}.values()]

    def _create(self, called: Xml.Element) -> Row:
        given = called.find(f"{{{OPERATIONS}}}customerAccount")
        account = {} if given is None else _plain(given)
        if not account.get("PartyId") or not account.get("CreatedByModule"):
            raise Fault("JBO-27024: Failed to validate a row with key null in CustomerAccountEO")
        if account.get("OrigSystem") not in (None, self._source_system):
            raise Fault("HZ-120559: The source system isn't valid.")
        parties = self._records.all(ORGANIZATION.name)
        party = next((row for row in parties if str(row["PartyId"]) == account["PartyId"]), None)
        if party is None:
            raise Fault("HZ-120011: The party isn't valid.")
        id, number = self._records.new_id(), str(self._records.next("account", 88001))
        rows = list(self._sites(called, party, id, number))
        for row in rows:
            self._records.put(ACCOUNT_SITE.name, row["SiteUseId"], row)
            if row["SiteUseCode"] == "BILL_TO":
                self._records.put(ACCOUNT_ACTIVITY.name, row["SiteUseId"], activity(row, now()))
        return {"CustomerAccountId": id, "PartyId": party["PartyId"], "AccountNumber": number, "Status": "A"}

    def _sites(self, called: Xml.Element, party: Row, account: int, number: str) -> Iterator[Row]:
        """A row for each use; the first of its kind is the primary one."""
        uses: list[str] = []
        for site in called.iter(f"{{{OBJECTS}}}CustomerAccountSite"):
            place = _plain(site)
            address = next((row for row in party["Address"] if str(row["AddressId"]) == place.get("PartySiteId")), None)
            if address is None or not place.get("SetId") or not place.get("CreatedByModule"):
                raise Fault("JBO-27024: Failed to validate a row with key null in CustomerAccountSiteEO")
            for use in site.iter(f"{{{OBJECTS}}}CustomerAccountSiteUse"):
                uses.append(_plain(use)["SiteUseCode"])
                yield {
                    "CustomerAccountId": account,
                    "AccountNumber": number,
                    "AccountDescription": party["OrganizationName"],
                    "CustomerName": party["OrganizationName"],
                    "PartyId": party["PartyId"],
                    "PartyNumber": party["PartyNumber"],
                    "PartySiteId": address["AddressId"],
                    "PartySiteNumber": address["AddressNumber"],
                    "SiteName": party["OrganizationName"],
                    "SiteUseId": self._records.new_id(),
                    "SiteUseCode": uses[-1],
                    "PrimaryFlag": "Y" if uses.count(uses[-1]) == 1 else "N",
                    "PrimarySite": "Y",
                    "SetName": "Common Set",
                }


def _envelope(operation: str) -> tuple[Xml.Element, Xml.Element]:
    envelope = Xml.Element(f"{{{ENVELOPE}}}Envelope")
    if operation:
        header = Xml.SubElement(envelope, f"{{{ENVELOPE}}}Header")
        Xml.SubElement(header, f"{{{ADDRESSING}}}Action").text = f"{MODULE}CustomerAccountService/{operation}Response"
        Xml.SubElement(header, f"{{{ADDRESSING}}}MessageID").text = f"urn:uuid:{uuid.uuid4()}"
    return envelope, Xml.SubElement(envelope, f"{{{ENVELOPE}}}Body")


def _plain(element: Xml.Element) -> dict[str, str]:
    return {part.tag.rpartition("}")[2]: part.text for part in element if part.text and not len(part)}


def _account(site: Row) -> Row:
    return {name: site[name] for name in ("CustomerAccountId", "PartyId", "AccountNumber")} | {"Status": "A"}


def activity(site: Row, at: str) -> Row:
    """What Receivables says of an account by one of its bill-to sites."""
    return {
        "BillToSiteUseId": site["SiteUseId"],
        "BillToSiteNumber": site["PartySiteNumber"],
        "AccountNumber": site["AccountNumber"],
        "AccountId": site["CustomerAccountId"],
        "CustomerName": site["CustomerName"],
        "CustomerId": site["PartyId"],
        "TaxRegistrationNumber": None,
        "TaxpayerIdentificationNumber": None,
        "TotalOpenReceivablesForSite": 0,
        "TotalTransactionsDueForSite": 0,
        "CreationDate": at,
        "LastUpdateDate": at,
    }
