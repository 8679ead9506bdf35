"""What orders will need at Fusion, looked at before they come: resources that may be read, attributes, settings.

Nothing is changed, so only the first order shows whether the user may create orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from integration.canonical.hints import plain
from integration.connectors.contract import Document, Finding, Verdict
from integration.connectors.fusion.client import Client, quoted
from integration.connectors.fusion.customer.account_service import AccountService
from integration.connectors.fusion.customer.contacts import RELATIONSHIP
from integration.connectors.fusion.customer.parties import ORGANIZATIONS, PERSONS
from integration.connectors.fusion.errors import RIGHTS, AccessRefused, NoSuchResource
from integration.connectors.fusion.order.items import Items
from integration.connectors.fusion.order.sales_orders import DETAILS
from integration.connectors.fusion.product.catalogue import RESOURCE, Catalogue
from integration.errors import Failure, Hold
from integration.settings import System

INVOICES = "receivablesInvoices"
QUERIED = {
    "orders": ("OrderKey", "OrderNumber", "SourceTransactionSystem", "SourceTransactionId", "LastUpdateDate"),
    "invoices": ("TransactionNumber", "BusinessUnit", "LastUpdateDate"),
}
"""What the resources are searched by."""
WRITTEN = (
    *("SourceTransactionSystem", "SourceTransactionNumber", "SourceTransactionId", "SourceTransactionRevisionNumber"),
    *("BusinessUnitName", "BuyingPartyId", "TransactionalCurrencyCode", "FreezePriceFlag", "SubmittedFlag"),
)
LINES_HAVE = ("SourceTransactionLineId", "FulfillLineId", "ProductNumber", "OrderedQuantity", "StatusCode")
DETAILS_HAVE = ("DeliveryName", "TrackingNumber", "BillingTransactionNumber", "StatusCode")
PARTIES_HAVE = {
    ORGANIZATIONS: ("PartyNumber", "OrganizationName", "EmailAddress", "RawPhoneNumber", "PartyUsageCode"),
    PERSONS: ("PartyNumber", "FirstName", "LastName", "EmailAddress", "RawPhoneNumber", "PartyUsageCode"),
}
"""What the mappings as shipped write to parties; Oracle documents the resource of persons without its attributes."""
ITEMS_HAVE = ("ItemId", "ItemNumber", "OrganizationCode", "ItemDescription", "LongDescription", "ItemStatusValue")
ITEMS_MADE_HAVE = ("ItemClass", "Template", "PrimaryUOMValue", "UnitWeightQuantity", "WeightUOMValue")
"""What the mapping fusion.out.product as shipped writes to items, and to those that are made."""
ITEMS_QUERIED = ("ItemId", "ItemNumber", "OrganizationCode", "LastUpdateDateTime")
TIMES = ("LastUpdateDate", "LastUpdateDateTime")
RELATIONSHIPS_HAVE = ("RelationshipType", "RelationshipCode", "SubjectPartyId", "ObjectPartyId")
BY_KEY = "changes cannot be asked for: open orders are read one by one instead, which takes longer"


class Look(NamedTuple):
    """A resource that is read, and what does not work without it."""

    family: str
    resource: str
    without: str
    verdict: Verdict = "error"


LOOKS = (
    Look("crm", "contacts", "no customer is found by e-mail address"),
    Look("fscm", "customerAccountSitesLOV", "no order finds its customer's account"),
    Look("fscm", "itemsV2", "unknown SKUs are found out only when the order is posted", "warning"),
    Look("crm", ORGANIZATIONS, "what Clarity owns of companies does not reach the parties of accounts", "warning"),
    Look("fscm", INVOICES, "Clarity hears of no invoice"),
)


class Examination:
    """One look at one pod as the client that orders are posted by."""

    def __init__(self, client: Client, orders: str, system: System) -> None:
        self._client = client
        self._orders = orders
        self._system = system

    def findings(self) -> Iterator[Finding]:
        """All there is to say; a part that cannot be looked at says so."""
        readable = True
        for look in LOOKS:
            for finding in self._readable(look):
                readable = False
                yield finding
        if readable:
            yield Finding("rights", "ok", f"client {self._client.id} may read orders, customers, items and invoices")
        parts = {
            "attributes of orders": self._order_attributes,
            "attributes of invoices": self._invoice_attributes,
            "business unit": self._business_unit,
            "guest account": self._guest_account,
            "new accounts": self._new_accounts,
            "items": self._fallback,
            "items of products": self._items,
        }
        for about, part in parts.items():
            try:
                yield from part(about)
            except Failure as failure:
                yield Finding(about, "warning", f"could not be checked: {failure.reason}", plain(failure.hint))

    def _readable(self, look: Look) -> Iterator[Finding]:
        path = self._client.path(look.resource, family=look.family)
        try:
            self._client.page(path, limit=1, onlyData="true")
        except (AccessRefused, NoSuchResource):
            yield Finding("rights", look.verdict, f"{look.resource} cannot be read: {look.without}", f"{RIGHTS}.")
        except Failure as failure:
            yield Finding(
                "rights", "warning", f"{look.resource} could not be read: {failure.reason}", plain(failure.hint)
            )

    def _order_attributes(self, about: str) -> Iterator[Finding]:
        described = self._described(self._orders)
        lines = _child(described, "lines")
        missing = [
            *_missing(described, WRITTEN),
            *(f"lines.{name}" for name in _missing(lines, LINES_HAVE)),
            *(f"lines.{DETAILS}.{name}" for name in _missing(_child(lines, DETAILS), DETAILS_HAVE)),
        ]
        yield from self._judged(about, described, QUERIED["orders"], missing)

    def _invoice_attributes(self, about: str) -> Iterator[Finding]:
        described = self._described(INVOICES)
        missing = _missing(described, ("EnteredAmount", "InvoiceBalanceAmount", "InvoiceStatus"))
        yield from self._judged(about, described, QUERIED["invoices"], missing)

    def _judged(
        self, about: str, described: Document, queried: Iterable[str], missing: Iterable[str]
    ) -> Iterator[Finding]:
        absent = ", ".join(missing)
        if absent:
            fix = "Ask Oracle's support whether this release names them otherwise, and report it to this project."
            yield Finding(about, "error", f"this pod has no {absent}", fix)
        known = {each["name"]: each for each in described["attributes"]}
        closed = [name for name in queried if not known.get(name, {}).get("queryable")]
        if "LastUpdateDateTime" in closed:
            fix = "Ask Oracle's support why this release cannot search by it; products still reach Fusion."
            yield Finding(about, "warning", "LastUpdateDateTime is not queryable: Clarity hears of no change", fix)
        if "LastUpdateDate" in closed:
            fix = "Nothing is lost by it; with many open orders make FUSION_POLL_SECONDS smaller."
            yield Finding(about, "warning", f"LastUpdateDate is not queryable: {BY_KEY}", fix)
        if others := ", ".join(name for name in closed if name not in TIMES):
            fix = "Ask Oracle's support why this release cannot search by them, and report it to this project."
            yield Finding(about, "error", f"{others}: not queryable, so what is there is not found again", fix)
        if not absent and not closed:
            yield Finding(about, "ok", "all that is written, read and searched by is there")

    def _described(self, resource: str, family: str = "fscm") -> Document:
        """What a resource says of itself; `Hold` where a pod does not."""
        answer = self._client.described(self._client.path(resource, family=family))
        described = (answer.get("Resources") or {}).get(resource)
        if not isinstance(described, dict) or not isinstance(described.get("attributes"), list):
            raise Hold(f"{resource} does not describe itself", hint="See an order of one of your test pods.")
        return described

    def _business_unit(self, about: str) -> Iterator[Finding]:
        wanted = self._system.option("business_unit")
        units = self._client.items(self._client.path("finBusinessUnitsLOV"))
        known = {str(unit.get(name)) for unit in units for name in ("BusinessUnitId", "BusinessUnitName", "Name")}
        if wanted in known:
            yield Finding(about, "ok", f"{wanted} is known")
        else:
            fix = "Set FUSION_BUSINESS_UNIT to the id or name of one of Fusion's, or give our user data access to it."
            yield Finding(about, "error", f"Fusion shows us no business unit {wanted}: no order can be posted", fix)

    def _guest_account(self, about: str) -> Iterator[Finding]:
        account = self._system.options.get("guest_account", "")
        if not account:
            fix = "Set FUSION_GUEST_ACCOUNT to the account for them, unless every customer of Clarity has one."
            yield Finding(about, "warning", "orders of customers without an account in Fusion are held", fix)
            return
        path = self._client.path("customerAccountSitesLOV")
        rows = list(self._client.items(path, q=f"AccountNumber={quoted(account)}"))
        if any(row.get("SiteUseCode") in (None, "BILL_TO") for row in rows):
            yield Finding(about, "ok", f"{account} takes the orders of customers without an account")
        else:
            what = "has no bill-to site" if rows else "is unknown in Fusion"
            fix = "Set FUSION_GUEST_ACCOUNT to the number of an account that has a bill-to and a ship-to site."
            yield Finding(about, "error", f"account {account} {what}: orders of customers without one are held", fix)

    def _new_accounts(self, about: str) -> Iterator[Finding]:
        if self._system.options.get("create_accounts"):
            AccountService(self._client, "", "").of_party("1")
            yield Finding(about, "ok", "the service for customer accounts answers us: customers without one get one")
            for resource, names in PARTIES_HAVE.items():
                if missing := _missing(self._described(resource, family="crm"), names):
                    fix = "Name them in the rows party of the mappings fusion.out.customer and fusion.out.order."
                    yield Finding(about, "error", f"{resource} of this pod has no {', '.join(missing)}", fix)
            related = _child(self._described(ORGANIZATIONS, family="crm"), RELATIONSHIP)
            if missing := _missing(related, RELATIONSHIPS_HAVE):
                fix = "Take the rows contacts out of the mapping fusion.out.customer, and report it to this project."
                yield Finding(about, "error", f"{RELATIONSHIP} of this pod has no {', '.join(missing)}", fix)

    def _items(self, about: str) -> Iterator[Finding]:
        options = self._system.options
        catalogue = Catalogue(self._client, options.get("create_items", ""), options.get("organization", ""))
        if not catalogue.organizations:
            return
        unseen = [code for code in catalogue.organizations if not catalogue.shows(code)]
        if unseen:
            fix = "Correct FUSION_CREATE_ITEMS and FUSION_ORGANIZATION, or give our user data access to these."
            yield Finding(about, "error", f"Fusion shows us no item in organization {', '.join(unseen)}", fix)
        described = self._described(RESOURCE)
        missing = _missing(described, (*ITEMS_HAVE, *(ITEMS_MADE_HAVE if catalogue.may_create else ())))
        yield from self._judged(about, described, ITEMS_QUERIED, missing)
        actions = {each.get("name") for each in (described.get("collection") or {}).get("actions") or ()}
        if catalogue.may_create and "create" not in actions:
            fix = "Give the integration user in Fusion a duty to manage items, or unset FUSION_CREATE_ITEMS."
            yield Finding(about, "error", "our user may not make items: products without one are rejected", fix)

    def _fallback(self, about: str) -> Iterator[Finding]:
        options = self._system.options
        if not (sku := options.get("fallback_sku", "")):
            return
        try:
            Items(self._client, options.get("organization", ""), "").numbers([sku])
        except Hold:
            fix = "Set FUSION_FALLBACK_SKU to the number of an item, or unset it."
            yield Finding(about, "error", f"FUSION_FALLBACK_SKU {sku} is no item in Fusion", fix)
        else:
            yield Finding(about, "ok", f"{sku} takes the place of unknown SKUs")


def _child(described: Document, name: str) -> Document:
    found = (described.get("children") or {}).get(name)
    return found if isinstance(found, dict) else {}


def _missing(described: Document, names: Iterable[str]) -> list[str]:
    known = {each.get("name") for each in described.get("attributes") or ()}
    return [name for name in names if name not in known]
