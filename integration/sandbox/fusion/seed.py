"""What a new fake starts with: one organization's catalogue, its customers and their sites.

* ``Example Customer`` (account 77001) buys through ana@example.test and has one site for both uses.
* ``WEB-GUEST`` (account 90000) is there for shops that send guests and private people to one account.
* ``A-1`` to ``A-400`` are the trade accounts that the sandbox's Clarity gives its company customers.
* Some of Clarity's private customers have accounts of their own; twins@example.test belongs to two contacts, and
  nosite@example.test to an account without sites.
"""

from __future__ import annotations

from collections.abc import Iterator

from integration.sandbox.fusion.account_service import activity
from integration.sandbox.fusion.items import ORGANIZATIONS
from integration.sandbox.fusion.records import Document, Records
from integration.sandbox.fusion.schema import ACCOUNT_ACTIVITY

BUSINESS_UNIT_ID, OTHER_BUSINESS_UNIT_ID = 300000000000101, 300000000000102
OTHER_BUSINESS_UNIT = "Another BU"
CURRENCIES = (
    "EUR USD GBP JPY KWD PLN CHF CAD SEK NOK DKK CZK HUF RON AUD NZD CNY HKD SGD KRW INR BRL MXN ZAR AED SAR TRY"
)
PRODUCTS = (
    ("SHIRT-BLUE-M", "Shirt, blue, M", True),
    ("MUG-01", "Mug", True),
    ("EBOOK-01", "E-book: The Road", False),
    ("GIFTCARD-50", "Gift card 50", False),
    ("INSTALL-SVC", "Installation on site", False),
    ("SKU-RED-M", "Red shirt M", True),
    ("SHIPPING", "Shipping", False),
    ("FEE", "Fee", False),
    ("DISCOUNT", "Discount", False),
)
TRADE_ACCOUNTS = 400
COUNTRIES = ("de", "pl", "fr", "nl", "us", "ca", "jp", "kw")
PEOPLE = (1, 2, 3, 77)
"""Private customers of each country who have an account; 77 is the private customer of Clarity's made-up orders."""
STAMP = "2026-01-05T08:00:00+00:00"


def seed(records: Records, business_unit: str) -> None:
    """Fills empty ``records``; ``business_unit`` is the name of the one that takes orders."""
    for id, name in ((BUSINESS_UNIT_ID, business_unit), (OTHER_BUSINESS_UNIT_ID, OTHER_BUSINESS_UNIT)):
        records.put("finBusinessUnitsLOV", str(id), {"BusinessUnitId": id, "BusinessUnitName": name})
    for number, (sku, name, shippable) in enumerate(_products(), start=1):
        for code, organization in ORGANIZATIONS.items():
            item = _item(300000000001000 + number, sku, name, shippable, code, organization)
            records.put("itemsV2", f"{code}/{sku}", item)
    for site in _sites():
        records.put("customerAccountSitesLOV", site["SiteUseId"], site)
        if site["SiteUseCode"] == "BILL_TO":
            records.put(ACCOUNT_ACTIVITY.name, site["SiteUseId"], activity(site, STAMP))
    for party in _parties():
        kind = "hubOrganizations" if "OrganizationName" in party else "hubPersons"
        records.put(kind, party["PartyNumber"], party)
    for contact in _contacts():
        records.put("contacts", contact["PartyNumber"], contact)


def _products() -> Iterator[tuple[str, str, bool]]:
    yield from ((f"SKU-{number}", f"Product {number}", True) for number in range(1, 61))
    yield from PRODUCTS


def _item(id: int, sku: str, name: str, shippable: bool, code: str, organization: int) -> Document:
    return {
        "ItemId": 300000000001111 if sku == "SKU-RED-M" else id,
        "OrganizationId": organization,
        "OrganizationCode": code,
        "ItemNumber": sku,
        "ItemDescription": name,
        "ItemClass": "Root Item Class",
        "ItemStatusValue": "Active",
        "LifecyclePhaseValue": "Production",
        "PrimaryUOMValue": "Each",
        "ShippableFlag": shippable,
        "StockEnabledFlag": shippable,
        "CreationDateTime": STAMP,
        "LastUpdateDateTime": STAMP,
    }


def _sites() -> Iterator[Document]:
    yield _site(700, "55501", "Example Customer", 777, "77001", "BILL_TO", 778, 701, "1042")
    yield from _account(20000, "90000", "Web guests")
    for number in range(1, TRADE_ACCOUNTS + 1):
        yield from _account(30000 + number * 10, f"A-{number}", f"Trade customer {number}")
    for number, (country, person) in enumerate(_people()):
        yield from _account(40000 + number * 10, f"P-{country}-{person}", f"Customer {person} ({country.upper()})")
    yield from _account(50000, "77002", "Two Contacts Ltd")


def _account(base: int, account: str, name: str) -> Iterator[Document]:
    """An account with a site to bill to and another to ship to."""
    for code, use, site in (("BILL_TO", base + 2, base + 4), ("SHIP_TO", base + 3, base + 5)):
        yield _site(base, f"{base}", name, base + 1, account, code, use, site, f"{site}")


def _site(
    party: int,
    party_number: str,
    name: str,
    account: int,
    number: str,
    code: str,
    use: int,
    site: int,
    site_number: str,
) -> Document:
    start = 300000000000000
    return {
        "CustomerAccountId": start + account,
        "AccountNumber": number,
        "AccountDescription": name,
        "CustomerName": name,
        "PartyId": start + party,
        "PartyNumber": party_number,
        "CustomerAccountSiteId": start + site + 500_000,
        "PartySiteId": start + site,
        "PartySiteNumber": site_number,
        "SiteName": f"{name} {code.lower().replace('_', ' ')}",
        "SiteUseId": start + use,
        "SiteUseCode": code,
        "PrimaryFlag": "Y",
        "PrimarySite": "Y",
        "SetName": "Common Set",
    }


def _parties() -> Iterator[Document]:
    """The parties of all accounts: a person of a private one."""
    for number, site in {site["PartyNumber"]: site for site in _sites()}.items():
        name = site["CustomerName"]
        first, _, last = name.partition(" ")
        is_private = site["AccountNumber"].startswith("P-")
        yield {
            "PartyId": site["PartyId"],
            "PartyNumber": number,
            **({"FirstName": first, "LastName": last} if is_private else {"OrganizationName": name}),
            "PartyName": name,
            "EmailAddress": None,
            "RawPhoneNumber": None,
            "PartyUsageCode": "CUSTOMER",
            "Status": "A",
            "CreatedByModule": "TCA_FORM_WRAPPER",
            "Address": [],
            "SourceSystemReference": [],
            "CreationDate": STAMP,
            "LastUpdateDate": STAMP,
        }


def _contacts() -> Iterator[Document]:
    yield _contact(750, "66010", "Ana Example", "ana@example.test", 700, "55501", "Example Customer")
    for number, (country, person) in enumerate(_people()):
        email, base = f"customer.{person}@{country}.example", 40000 + number * 10
        yield _contact(base + 6, f"{base + 6}", f"Customer {person}", email, base, f"{base}", f"Customer {person}")
    for id in (50006, 50007):
        yield _contact(id, f"{id}", f"Twin {id}", "twins@example.test", 50000, "50000", "Two Contacts Ltd")
    yield _contact(50016, "50016", "No Site", "nosite@example.test", 50010, "50010", "No Site Ltd")


def _people() -> list[tuple[str, int]]:
    return [(country, person) for country in COUNTRIES for person in PEOPLE]


def _contact(id: int, number: str, name: str, email: str, account: int, account_number: str, of: str) -> Document:
    first, _, last = name.rpartition(" ")
    return {
        "PartyId": 300000000000000 + id,
        "PartyNumber": number,
        "ContactName": name,
        "FirstName": first,
        "LastName": last,
        "EmailAddress": email,
        "AccountPartyId": 300000000000000 + account,
        "AccountPartyNumber": account_number,
        "AccountName": of,
        "LastUpdateDate": STAMP,
    }
