"""The SOAP service for customer accounts, as far as accounts are found, and made with their sites.

What it answers, and that a fault comes with 500, is from code that runs against live pods; the words of faults are
exact where they have a number.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as Xml

from flask import Response

from integration.sandbox.fusion.parties import parties, party_name
from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import ACCOUNT_ACTIVITY, ACCOUNT_SITE

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
    """The operations findCustomerAccount, createCustomerAccount and mergeCustomerAccount."""

    def __init__(self, records: Records, source_system: str) -> None:
        self._records = records
        self._source_system = source_system
        self._operations: dict[str, Callable[[Xml.Element], list[Row]]] = {
            "findCustomerAccount": self._find,
            "createCustomerAccount": self._create,
            "mergeCustomerAccount": self._merge,
        }

    def answer(self, request: bytes) -> Response:
        """The answer to one envelope; raises `Fault`."""
        try:
            body = Xml.fromstring(request).find(f"{{{ENVELOPE}}}Body")  # noqa: S314 - what our own connector sends
        except Xml.ParseError as error:
            raise Fault("The request is no XML.") from error
        called = None if body is None or not len(body) else body[0]
        operation = "" if called is None else called.tag.removeprefix(f"{{{OPERATIONS}}}")
        if called is None or operation not in self._operations:
            raise Fault("The operation is not played by this sandbox.")
        rows = self._operations[operation](called)
        envelope, body = _envelope(operation)
        result = Xml.SubElement(Xml.SubElement(body, f"{{{OPERATIONS}}}{operation}Response"), f"{{{OPERATIONS}}}result")
        for row in rows:
            _fill(Xml.SubElement(result, f"{{{OBJECTS}}}Value"), row)
        return Response(Xml.tostring(envelope, encoding="unicode"), 200, content_type=KIND)

    def _find(self, called: Xml.Element) -> list[Row]:
        """The accounts of one party, or the account with one id: no other criterion is played.

        Without findAttribute an account is shown with its sites.
        """
        item = called.find(f".//{{{FINDING}}}item")
        read = {} if item is None else {part.tag.rpartition("}")[2]: part.text for part in item}
        by = read.get("attribute")
        if by not in {"PartyId", "CustomerAccountId"} or read.get("operator") != "=":
            raise Fault("This criterion is not played by this sandbox.")
        rows = [row for row in self._records.all(ACCOUNT_SITE.name) if str(row[by]) == read.get("value")]
        accounts = [_account(row) for row in {row["CustomerAccountId"]: row for row in rows}.values()]
        if called.find(f".//{{{FINDING}}}findAttribute") is not None:
            return accounts
        return [{**each, "CustomerAccountSite": _with_uses(each["CustomerAccountId"], rows)} for each in accounts]

    def _create(self, called: Xml.Element) -> list[Row]:
        account = _given(called)
        if not account.get("PartyId") or not account.get("CreatedByModule"):
            raise Fault("JBO-27024: Failed to validate a row with key null in CustomerAccountEO")
        if account.get("OrigSystem") not in (None, self._source_system):
            raise Fault("HZ-120559: The source system isn't valid.")
        party = self._party(account["PartyId"])
        new = {"CustomerAccountId": self._records.new_id(), "AccountNumber": str(self._records.next("account", 88001))}
        self._put(self._sites(called, party, new, []))
        return [{**new, "PartyId": party["PartyId"], "Status": "A"}]

    def _merge(self, called: Xml.Element) -> list[Row]:
        """Adds sites, and uses of sites, to an account.

        Whether a pod refuses a site or use that the account has already is not known, so it gets a second one here.
        """
        account = _given(called)
        every = self._records.all(ACCOUNT_SITE.name)
        rows = [row for row in every if str(row["CustomerAccountId"]) == account.get("CustomerAccountId")]
        if not rows:
            raise Fault("JBO-25020: View row of CustomerAccountVO is not found.")
        party = self._party(str(rows[0]["PartyId"]))
        same = {name: rows[0][name] for name in ("CustomerAccountId", "AccountNumber")}
        self._put(self._sites(called, party, same, rows))
        return [_account(rows[0])]

    def _party(self, id: str) -> Row:
        party = next((row for row in parties(self._records) if str(row["PartyId"]) == id), None)
        if party is None:
            raise Fault("HZ-120011: The party isn't valid.")
        return party

    def _put(self, rows: Iterator[Row]) -> None:
        for row in list(rows):
            self._records.put(ACCOUNT_SITE.name, row["SiteUseId"], row)
            if row["SiteUseCode"] == "BILL_TO":
                self._records.put(ACCOUNT_ACTIVITY.name, row["SiteUseId"], activity(row, now()))

    def _sites(self, called: Xml.Element, party: Row, account: Row, there: list[Row]) -> Iterator[Row]:
        """A row for each use; the first of its kind is the primary one.  ``there`` are those that the account has."""
        uses = [row["SiteUseCode"] for row in there]
        for site in called.iter(f"{{{OBJECTS}}}CustomerAccountSite"):
            place = _plain(site)
            id = place.get("CustomerAccountSiteId")
            known = next((row for row in there if str(row["CustomerAccountSiteId"]) == id), None)
            address = next((row for row in party["Address"] if str(row["AddressId"]) == place.get("PartySiteId")), None)
            if known:
                address = {"AddressId": known["PartySiteId"], "AddressNumber": known["PartySiteNumber"]}
            if address is None or (id and not known) or not place.get("SetId") or not place.get("CreatedByModule"):
                raise Fault("JBO-27024: Failed to validate a row with key null in CustomerAccountSiteEO")
            site_id = known["CustomerAccountSiteId"] if known else self._records.new_id()
            for use in site.iter(f"{{{OBJECTS}}}CustomerAccountSiteUse"):
                uses.append(_plain(use)["SiteUseCode"])
                yield {
                    **account,
                    "CustomerAccountSiteId": site_id,
                    "AccountDescription": party_name(party),
                    "CustomerName": party_name(party),
                    "PartyId": party["PartyId"],
                    "PartyNumber": party["PartyNumber"],
                    "PartySiteId": address["AddressId"],
                    "PartySiteNumber": address["AddressNumber"],
                    "SiteName": party_name(party),
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


def _fill(element: Xml.Element, row: Row) -> None:
    """Writes the attributes of a row, and each row of a list as an element of its own."""
    for name, content in row.items():
        for each in content if isinstance(content, list) else [content]:
            part = Xml.SubElement(element, f"{{{OBJECTS}}}{name}")
            if isinstance(each, dict):
                _fill(part, each)
            else:
                part.text = str(each)


def _given(called: Xml.Element) -> dict[str, str]:
    account = called.find(f"{{{OPERATIONS}}}customerAccount")
    return {} if account is None else _plain(account)


def _plain(element: Xml.Element) -> dict[str, str]:
    return {part.tag.rpartition("}")[2]: part.text for part in element if part.text and not len(part)}


def _account(site: Row) -> Row:
    return {name: site[name] for name in ("CustomerAccountId", "PartyId", "AccountNumber")} | {"Status": "A"}


def _with_uses(account: int, rows: list[Row]) -> list[Row]:
    """The sites of an account, each with its uses."""
    sites: dict[int, Row] = {}
    for row in (row for row in rows if row["CustomerAccountId"] == account):
        new = {name: row[name] for name in ("CustomerAccountSiteId", "PartySiteId")} | {"Status": "A"}
        site = sites.setdefault(row["CustomerAccountSiteId"], {**new, "CustomerAccountSiteUse": []})
        use = {"SiteUseId": row["SiteUseId"], "SiteUseCode": row["SiteUseCode"], "Status": row.get("Status", "A")}
        site["CustomerAccountSiteUse"].append(use)
    return list(sites.values())


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
