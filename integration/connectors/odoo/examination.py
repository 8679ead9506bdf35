"""What orders will need at Odoo, looked at before they come: rights, fields of the apps, and settings that hold them.

Nothing is changed.  What a version of Odoo has no answer to is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from integration.canonical.hints import plain
from integration.connectors.contract import Finding, Verdict
from integration.connectors.odoo.catalog import Catalog
from integration.connectors.odoo.client import Client
from integration.connectors.odoo.errors import NEW_KEY, NotInstalled
from integration.connectors.odoo.external import find, xmlid
from integration.connectors.odoo.invoice import changes as invoices
from integration.connectors.odoo.order import post as order
from integration.connectors.odoo.order.services import NAMES
from integration.connectors.odoo.product import changes as products
from integration.connectors.odoo.shipment import changes as pickings
from integration.errors import Failure, Hold, Reject
from integration.settings import System

SALES, STOCK = "Sales / User: All Documents", "Inventory / User"
INVOICING = "Accounting / Invoicing (Billing, until 18)"
RIGHTS = (
    ("sale.order", "read", SALES),
    ("sale.order", "create", SALES),
    ("sale.order", "write", SALES),
    ("sale.order.line", "create", SALES),
    ("product.product", "read", SALES),
    ("account.tax", "read", SALES),
    ("product.pricelist", "read", SALES),
    ("res.partner", "create", "Contact / Creation"),
    ("product.product", "create", "Products / Create"),
    ("stock.picking", "read", STOCK),
    ("stock.picking", "create", STOCK),
    ("stock.move", "read", STOCK),
    ("account.move", "read", INVOICING),
    ("account.move.line", "read", INVOICING),
)
"""What the integration user has to be allowed, and the group that brings it."""

ALL_DOCUMENTS = "sales_team.group_sale_salesman_all_leads"
"""Without it a salesperson's rule hides the orders of all others, and nothing says so."""


class Need(NamedTuple):
    """Fields that are used, the app that brings them, and what does not work without."""

    model: str
    fields: set[str]
    app: str
    without: str
    verdict: Verdict = "error"


UNPOSTED, UNBILLED = "no order can be posted", "Clarity hears of nothing that is billed"
UNSHIPPED = "Clarity hears of nothing that is shipped"
UNTRACKED = "neither carrier nor tracking number reaches Clarity, and an order's carrier is written into its note"
WITHOUT_CUSTOMS = "Clarity gets no customs number and no country of origin of products"
NEEDS = (
    Need("sale.order", {*order.READ, "partner_id", "pricelist_id", "origin", "client_order_ref"}, "Sales", UNPOSTED),
    Need("sale.order.line", {"product_id", "price_unit", "discount", "qty_delivered"}, "Sales", UNPOSTED),
    Need("sale.order", {"invoice_status", "invoice_ids"}, "Sales", UNBILLED),
    Need("account.move.line", {"sale_line_ids"}, "Sales", UNBILLED),
    Need("account.move", {*invoices.FIELDS, "posted_before"}, "Invoicing", UNBILLED),
    Need("sale.order", {"picking_ids"}, "Inventory", UNSHIPPED, "warning"),
    Need("stock.picking", set(pickings.FIELDS), "Inventory", UNSHIPPED, "warning"),
    Need("stock.move", {"picking_id", "picking_code", "sale_line_id"}, "Inventory", UNSHIPPED, "warning"),
    Need("stock.picking", set(pickings.WITH_DELIVERIES), "Delivery Costs", UNTRACKED, "warning"),
    Need("product.product", set(products.FOR_CUSTOMS), "Delivery Costs", WITHOUT_CUSTOMS, "warning"),
)
SOON = timedelta(days=14)
MOST_NAMED = 5

Row = dict[str, Any]
T = TypeVar("T")


class Examination:
    """One look at one Odoo as the user that orders are posted by."""

    def __init__(self, client: Client, catalog: Catalog, system: System) -> None:
        self._client = client
        self._catalog = catalog
        self._system = system
        self._user: Row = {}
        self._company: Row = {}

    def findings(self) -> Iterator[Finding]:
        """All there is to say; a part that cannot be looked at says so."""
        uid = self._client.call("res.users", "context_get")["uid"]
        self._user = self._client.call("res.users", "read", [uid], fields=["login", "company_id"])[0]
        fields = ["currency_id", "tax_calculation_rounding_method"]
        self._company = self._client.call("res.company", "read", [self._user["company_id"][0]], fields=fields)[0]
        parts = {
            "rights": self._rights,
            "fields": self._fields,
            "API key": self._keys,
            "rounding": self._rounding,
            "taxes": self._taxes,
            "pricelists": self._pricelists,
            "products": self._products,
            "service products": self._service_products,
            "payments": self._payments,
        }
        for about, part in parts.items():
            try:
                yield from part()
            except Failure as failure:
                yield Finding(about, "warning", f"could not be looked at: {failure.reason}", plain(failure.hint))

    def _rights(self) -> Iterator[Finding]:
        login = self._user["login"]
        lacking: dict[str, list[str]] = defaultdict(list)
        for model, operation, group in RIGHTS:
            if self._catalog.fields(model) and not self._may(model, operation):
                lacking[group].append(f"{operation} {model}")
        if not self._sees_all_orders():
            lacking[SALES].append("see the orders of other salespeople")
        for group, rights in lacking.items():
            says, fix = f"{login} may not {', '.join(rights)}", f"Give {login} in Odoo the group {group}."
            yield Finding("rights", "error", says, fix)
        if not lacking:
            yield Finding("rights", "ok", f"{login} may read, create and change what orders need")

    def _may(self, model: str, operation: str) -> bool:
        return bool(
            _either(
                lambda: self._client.call(model, "has_access", [], operation=operation),
                # until 17
                lambda: self._client.call(model, "check_access_rights", operation=operation, raise_exception=False),
            )
        )

    def _sees_all_orders(self) -> bool:
        return bool(
            _either(
                lambda: self._client.call("res.users", "has_group", [self._user["id"]], group_ext_id=ALL_DOCUMENTS),
                lambda: self._client.call("res.users", "has_group", group_ext_id=ALL_DOCUMENTS),  # until 17
            )
        )

    def _fields(self) -> Iterator[Finding]:
        complete = True
        for need in NEEDS:
            if missing := sorted(need.fields - self._catalog.fields(need.model)):
                complete = False
                says = f"{need.model} has no {', '.join(missing)}: {need.without}"
                yield Finding("fields", need.verdict, says, f"Install the app {need.app} in Odoo.")
        if complete:
            yield Finding(
                "fields", "ok", "Sales, Invoicing, Inventory and Delivery Costs bring every field that is used"
            )

    def _keys(self) -> Iterator[Finding]:
        """Keys of ordinary users expire since 18; which of the user's keys is ours, Odoo does not say."""
        with suppress(Failure):
            if "expiration_date" not in self._catalog.fields("res.users.apikeys"):
                return
            domain = [["user_id", "=", self._user["id"]], ["expiration_date", "!=", False]]
            for row in self._search("res.users.apikeys", domain, "name", "expiration_date"):
                expires = datetime.fromisoformat(str(row["expiration_date"])).replace(tzinfo=UTC)
                if expires < datetime.now(UTC) + SOON:
                    says = f"the key “{row['name']}” of {self._user['login']} expires on {expires:%Y-%m-%d}"
                    yield Finding("API key", "warning", says, NEW_KEY)

    def _rounding(self) -> Iterator[Finding]:
        if self._company["tax_calculation_rounding_method"] != "round_globally":
            yield Finding("rounding", "ok", "taxes are rounded per line")
            return
        differs = "taxes are rounded globally: an order with taxes on top may differ from Clarity by some cents"
        if self._system.carries_rounding:
            yield Finding("rounding", "ok", f"{differs}, which a rounding line carries")
            return
        yield Finding(
            "rounding",
            "warning",
            f"{differs}, and is held, for ODOO_ROUNDING is hold",
            "Set ODOO_ROUNDING to line and run `fleet restart`; or set the Rounding Method in Odoo (Settings, "
            "Accounting) to Round per Line, if Clarity adds taxes on top and rounds them per line.",
        )

    def _taxes(self) -> Iterator[Finding]:
        company = self._company["id"]
        domain = [["type_tax_use", "=", "sale"], ["amount_type", "=", "percent"], ["company_id", "=", company]]
        rows = self._search("account.tax", domain, "amount", "price_include")
        kinds = sorted({(Decimal(row["amount"]).normalize(), bool(row["price_include"])) for row in rows})
        yield from self._held("taxes", self._catalog.tax, [(f"{rate:f}", included) for rate, included in kinds])
        rates = ", ".join(dict.fromkeys(f"{rate:f}" for rate, _ in kinds))
        if rates:
            yield Finding("taxes", "ok", f"orders with taxes of {rates} % are taken; those with any other are held")
        else:
            fix = "Set up Clarity's taxes in Odoo (Accounting, Configuration, Taxes)."
            yield Finding("taxes", "warning", "there is no sales tax: every order with taxes is held", fix)

    def _pricelists(self) -> Iterator[Finding]:
        rows = self._search("product.pricelist", self._catalog.open_to_us(), "currency_id")
        own, others = self._company["currency_id"][1], sorted({row["currency_id"][1] for row in rows})
        yield from self._held("pricelists", self._catalog.pricelist, [(code,) for code in others])
        taken = ", ".join(dict.fromkeys([own, *others]))
        yield Finding("pricelists", "ok", f"orders in {taken} are taken; those in any other currency are held")

    def _held(self, about: str, look: Callable[..., object], cases: Iterable[tuple[Any, ...]]) -> Iterator[Finding]:
        """A warning for each case in which the look-up would hold an order."""
        for case in cases:
            try:
                look(*case)
            except Hold as hold:
                fix = plain(hold.hint)
                yield Finding(about, "warning", f"{hold.reason}: such orders are held", fix)

    def _products(self) -> Iterator[Finding]:
        """SKUs that several products share, where Odoo counts them itself (since 19), and the fallback SKU."""
        if fallback := self._system.options.get("fallback_sku"):
            yield from self._held("products", self._catalog.products, [([fallback],)])
        with suppress(Failure):
            rows = self._client.call(
                "product.product",
                "formatted_read_group",
                domain=[["default_code", "!=", False], *self._catalog.open_to_us()],
                groupby=["default_code"],
                aggregates=["__count"],
                having=[["__count", ">", 1]],
            )
            shared = sorted(str(row["default_code"]) for row in rows)
            named = ", ".join(shared[:MOST_NAMED]) + (" …" if len(shared) > MOST_NAMED else "")
            if shared:
                says = f"{len(shared)} SKUs belong to several products each ({named}): orders for them are held"
                fix = (
                    "Give them different Internal References in Odoo. A product without company is that of every "
                    "company of this Odoo: archive it only if nobody sells it."
                )
                yield Finding("products", "warning", says, fix)
            else:
                yield Finding("products", "ok", "every Internal Reference belongs to one product")

    def _service_products(self) -> Iterator[Finding]:
        """Service products that exist already: what keeps their lines from being billed."""
        there = {service: id for service in NAMES if (id := find(self._client, xmlid("service", service)))}
        fields = ["name", "active", "invoice_policy"]
        rows = self._client.call("product.product", "read", sorted(there.values()), fields=fields) if there else []
        for row in rows:
            if row["invoice_policy"] == "delivery":
                says = f"the product “{row['name']}” is billed once it is delivered, and nobody delivers a service"
                fix = f"Set the Invoicing Policy of the product “{row['name']}” in Odoo to Ordered quantities."
                yield Finding("service products", "warning", says, fix)
            if not row["active"]:
                says = f"the product “{row['name']}” is archived, and orders still use it"
                fix = f"Unarchive the product “{row['name']}” in Odoo."
                yield Finding("service products", "warning", says, fix)

    def _payments(self) -> Iterator[Finding]:
        """A warning only: as shipped no payment is posted."""
        if self._catalog.fields("account.payment") and not self._may("account.payment", "create"):
            says = f"{self._user['login']} may not create payments: those of Clarity that are posted are held"
            fix = f"Give {self._user['login']} in Odoo the group {INVOICING}, if a mapping names journals for payments."
            yield Finding("payments", "warning", says, fix)

    def _search(self, model: str, domain: list[Any], *fields: str) -> list[Row]:
        rows: list[Row] = self._client.call(model, "search_read", domain=domain, fields=list(fields))
        return rows


def _either(call: Callable[[], T], older: Callable[[], T]) -> T:
    """What the call answers; on a server that does not know it, what its older form does."""
    try:
        return call()
    except (NotInstalled, Reject):
        return older()
