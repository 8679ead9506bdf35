"""What each faked resource looks like: its attributes, which of them a caller may set or filter by, its children.

The names are those that clients of live pods use; a real pod has many more.  A caller who sets an attribute that is
not here is refused as Fusion refuses an unknown one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Attribute:
    """``kind`` is id, number, flag, time, date or text; ``size`` is the most characters a text may have."""

    kind: str
    settable: bool = False
    queryable: bool = False
    size: int | None = None


@dataclass(frozen=True)
class Resource:
    """One resource or child.  ``key`` is the attribute that URLs use; without one the keys are opaque hashes.

    ``open`` marks descriptive flexfields, whose names each customer chooses.  ``required`` are needed to create a row.
    """

    name: str
    attributes: dict[str, Attribute]
    key: str | None = None
    view: str = ""
    required: tuple[str, ...] = ()
    children: dict[str, Resource] = field(default_factory=dict)
    open: bool = False


_WORD = re.compile(r"(\w+?)(\+?)(\??)(?:/(\d+))?")


def _attributes(**names: str) -> dict[str, Attribute]:
    """By kind, a list of names: ``+`` settable, ``?`` queryable, ``/50`` of at most 50 characters."""
    found = {}
    for kind, words in names.items():
        for word in words.split():
            match = _WORD.fullmatch(word)
            assert match, word
            name, settable, queryable, size = match.groups()
            found[name] = Attribute(kind, bool(settable), bool(queryable), int(size) if size else None)
    return found


def _children(*resources: Resource) -> dict[str, Resource]:
    return {resource.name: resource for resource in resources}


def _empty(name: str) -> Resource:
    """A child that has no rows here and cannot be written."""
    return Resource(name, {})


CHARGE_COMPONENT = Resource(
    "chargeComponents",
    _attributes(
        text="""SourceChargeComponentId+/50 PriceElementCode+ PriceElementUsageCode+ ChargeCurrencyCode+/15
            HeaderCurrencyCode+/15 Explanation+""",
        number="""SequenceNumber+ ChargeCurrencyUnitPrice+ ChargeCurrencyExtendedAmount+ HeaderCurrencyUnitPrice+
            HeaderCurrencyExtendedAmount+ PercentOfComparisonElement+""",
        flag="RollupFlag+ TaxIncludedFlag+",
    ),
    view="FomSalesOrdersRestAM.ChargeComponents",
    required=("PriceElementCode", "PriceElementUsageCode"),
)
CHARGE = Resource(
    "charges",
    _attributes(
        text="""SourceChargeId+/50 ChargeDefinitionCode+ ChargeDefinition+ ChargeTypeCode+ ChargeType+
            ChargeSubtypeCode+ ChargeSubtype+ PriceTypeCode+ PriceType+ ApplyToCode+ ApplyTo+ ChargeCurrencyCode+/15
            PricedQuantityUOMCode+/3 PricePeriodicityCode+""",
        number="PricedQuantity+ GSAUnitPrice+ AverageUnitSellingPrice+ SequenceNumber+",
        flag="PrimaryFlag+ RollupFlag+ CanAdjustFlag+",
    ),
    view="FomSalesOrdersRestAM.Charges",
    required=("ChargeDefinitionCode", "PricedQuantity"),
    children=_children(CHARGE_COMPONENT),
)
LINE_DETAIL = Resource(
    "lineDetails",
    _attributes(
        id="FulfillLineDetailId",
        text="""TaskType Status StatusCode DeliveryName TrackingNumber WaybillNumber BillOfLadingNumber
            BillingTransactionNumber TradeComplianceResultCode""",
        number="Quantity SecondaryQuantity BillingTransactionAmount",
        time="StatusAsOfDate ActualDeliveryDate BillingTransactionDate",
        flag="ExceptionFlag",
    ),
)
BILL_TO = Resource(
    "billToCustomer",
    _attributes(id="CustomerAccountId+ SiteUseId+ ContactId+", text="AccountNumber+ PartyName+ PartyNumber+"),
    view="FomSalesOrdersRestAM.BillToCustomer",
)
SHIP_TO = Resource(
    "shipToCustomer",
    _attributes(id="PartyId+ SiteId+ ContactId+", text="PartyName+ PartyNumber+"),
    view="FomSalesOrdersRestAM.ShipToCustomer",
)
FLEXFIELDS = Resource("additionalInformation", _attributes(text="Category+"), required=("Category",), open=True)
LINE = Resource(
    "lines",
    _attributes(
        id="HeaderId LineId FulfillLineId? ProductId+",
        text="""DisplayLineNumber FulfillLineNumber SourceTransactionLineId+?/50 SourceTransactionLineNumber+?/100
            SourceTransactionScheduleId+/50 SourceScheduleNumber+/50 ProductNumber+? ProductDescription+
            OrderedUOMCode+/3 OrderedUOM+ TransactionCategoryCode+ TransactionLineTypeCode+ TransactionLineType+
            Status StatusCode? RequestedFulfillmentOrganizationCode+ SubinventoryCode+ PaymentTerms+ PaymentTermsCode+
            ShipmentPriority+ ShipmentPriorityCode+ ShippingCarrier+ ShippingCarrierCode+ ShippingServiceLevel+
            ShippingServiceLevelCode+ ShippingMode+ ShippingModeCode+ TaxClassificationCode+ TaxExempt+
            PackingInstructions+/1000 ShippingInstructions+/1000 Comments+/2000 CancelReason+ CancelReasonCode+""",
        number="""LineNumber OrderedQuantity+ ShippedQuantity FulfilledQuantity CanceledQuantity UnitListPrice+
            UnitSellingPrice+ ExtendedAmount+""",
        time="RequestedShipDate+ RequestedArrivalDate+ ScheduleShipDate ScheduleArrivalDate ActualShipDate "
        "CreationDate LastUpdateDate?",
        flag="OpenFlag? CanceledFlag+? OnHoldFlag?",
    ),
    view="FomSalesOrdersRestAM.Lines",
    required=(
        "SourceTransactionLineId",
        "SourceTransactionLineNumber",
        "SourceTransactionScheduleId",
        "SourceScheduleNumber",
        "OrderedQuantity",
    ),
    children=_children(CHARGE, LINE_DETAIL, BILL_TO, SHIP_TO, FLEXFIELDS),
)
TOTAL = Resource(
    "totals",
    _attributes(
        id="OrderTotalId HeaderId",
        text="TotalName TotalCode CurrencyCode",
        number="TotalAmount",
        flag="EstimatedFlag PrimaryFlag",
    ),
    key="OrderTotalId",
)
ORDER = Resource(
    "salesOrdersForOrderHub",
    _attributes(
        id="HeaderId? BusinessUnitId+? RequestingBusinessUnitId+ BuyingPartyId+? BuyingPartyContactId+",
        text="""OrderKey? OrderNumber? SourceTransactionSystem+?/50 SourceTransactionNumber+?/50
            SourceTransactionId+?/50 BusinessUnitName+? BuyingPartyName+? BuyingPartyNumber+? CustomerPONumber+?/50
            TransactionType+ TransactionTypeCode+? TransactionalCurrencyCode+?/15 TransactionalCurrencyName Status
            StatusCode? MessageText PaymentTerms+ PaymentTermsCode+ PricingSegmentCode+ SalesChannelCode+
            RequestedFulfillmentOrganizationCode+ PackingInstructions+/1000 ShippingInstructions+/1000 Comments+/2000
            ShippingCarrier+ ShippingCarrierCode+ ShippingServiceLevel+ ShippingServiceLevelCode+ ShippingMode+
            ShippingModeCode+ CancelReason+ CancelReasonCode+""",
        number="SourceTransactionRevisionNumber+?",
        time="TransactionOn+? RequestedShipDate+ RequestedArrivalDate+ PricedOn+ SubmittedDate CreationDate? "
        "LastUpdateDate?",
        flag="FreezePriceFlag+ FreezeShippingChargeFlag+ FreezeTaxFlag+ SubmittedFlag+? OpenFlag? CanceledFlag+? "
        "OnHoldFlag? PartialShipAllowedFlag+",
    ),
    key="OrderKey",
    view="FomSalesOrdersRestAM.SalesOrders",
    required=(
        "SourceTransactionSystem",
        "SourceTransactionNumber",
        "SourceTransactionId",
        "SourceTransactionRevisionNumber",
    ),
    children=_children(
        LINE,
        BILL_TO,
        SHIP_TO,
        FLEXFIELDS,
        _empty("holds"),
        TOTAL,
        _empty("payments"),
        _empty("salesCredits"),
        _empty("attachments"),
        _empty("notes"),
    ),
)
INVOICE_LINE = Resource(
    "receivablesInvoiceLines",
    _attributes(
        id="CustomerTransactionLineId",
        text="Description ItemNumber MemoLine UnitOfMeasure TaxClassificationCode SalesOrder? Warehouse",
        number="LineNumber Quantity UnitSellingPrice LineAmount",
        time="CreationDate LastUpdateDate",
    ),
    key="CustomerTransactionLineId",
)
INSTALLMENT = Resource(
    "receivablesInvoiceInstallments",
    _attributes(
        id="InstallmentId",
        text="InstallmentStatus",
        number="InstallmentSequenceNumber OriginalAmount InstallmentBalanceDue AmountPaid",
        date="InstallmentDueDate",
    ),
    key="InstallmentId",
)
INVOICE = Resource(
    "receivablesInvoices",
    _attributes(
        id="CustomerTransactionId?",
        text="""TransactionNumber? TransactionType? TransactionSource? BusinessUnit? BillToCustomerName
            BillToCustomerNumber? BillToSite InvoiceCurrencyCode InvoiceStatus? PaymentTerms CrossReference?
            PurchaseOrder Comments Carrier""",
        number="EnteredAmount InvoiceBalanceAmount FreightAmount",
        date="TransactionDate? DueDate? AccountingDate ShipDate",
        time="CreationDate? LastUpdateDate?",
    ),
    key="CustomerTransactionId",
    children=_children(INVOICE_LINE, INSTALLMENT),
)
ITEM = Resource(
    "itemsV2",
    _attributes(
        id="ItemId? OrganizationId?",
        text="""OrganizationCode+?/18 ItemNumber+?/300 ItemDescription+?/240 LongDescription+/4000 ItemClass+?
            ItemStatusValue+? LifecyclePhaseValue+ PrimaryUOMValue+ Template+ WeightUOMValue+""",
        number="UnitWeightQuantity+",
        time="CreationDateTime LastUpdateDateTime?",
        flag="ShippableFlag+ StockEnabledFlag+",
    ),
    view="ItemAM.Item",
    required=("OrganizationCode", "ItemNumber", "ItemClass", "ItemDescription", "PrimaryUOMValue"),
)
CONTACT = Resource(
    "contacts",
    _attributes(
        id="PartyId? AccountPartyId?",
        text="PartyNumber? ContactName FirstName LastName? EmailAddress? AccountName AccountPartyNumber",
        time="LastUpdateDate",
    ),
    key="PartyNumber",
)
ACCOUNT_SITE = Resource(
    "customerAccountSitesLOV",
    _attributes(
        id="CustomerAccountId? PartyId? PartySiteId SiteUseId?",
        text="""AccountNumber? AccountDescription CustomerName? PartyNumber? PartySiteNumber? SiteName SiteUseCode?
            PrimaryFlag? PrimarySite SetName""",
    ),
    key="SiteUseId",
)

ACCOUNT_ACTIVITY = Resource(
    "receivablesCustomerAccountSiteActivities",
    _attributes(
        id="BillToSiteUseId? AccountId CustomerId",
        text="""BillToSiteNumber? AccountNumber? CustomerName? TaxRegistrationNumber? TaxpayerIdentificationNumber?""",
        number="TotalOpenReceivablesForSite TotalTransactionsDueForSite",
        time="CreationDate LastUpdateDate?",
    ),
    key="BillToSiteUseId",
)
ADDRESS = Resource(
    "Address",
    _attributes(
        id="AddressId LocationId PartyId",
        text="""AddressNumber+/30 PartyNumber AddressType+ Address1+/240 Address2+/240 Address3+/240 Address4+/240
            City+/60 Country+/2 County+/60 PostalCode+/60 State+/60 PartySiteName+/240 SourceSystem+/30
            SourceSystemReferenceValue+/255 Status""",
    ),
    key="AddressNumber",
    required=("Country",),
)
SOURCE_REFERENCE = Resource(
    "SourceSystemReference", _attributes(text="SourceSystem+/30 SourceSystemReferenceValue+/255")
)
RELATIONSHIP = Resource(
    "Relationship",
    _attributes(
        id="RelationshipRecId SubjectPartyId+ ObjectPartyId+", text="RelationshipType+/30 RelationshipCode+/30"
    ),
    key="RelationshipRecId",
    required=("RelationshipType", "RelationshipCode", "SubjectPartyId", "ObjectPartyId"),
)
ORGANIZATION = Resource(
    "hubOrganizations",
    _attributes(
        id="PartyId?",
        text="""PartyNumber+?/30 OrganizationName+?/360 EmailAddress+/320 RawPhoneNumber+/60 PartyUsageCode+/30 Status
            CreatedByModule""",
        time="CreationDate LastUpdateDate?",
    ),
    key="PartyNumber",
    view="HubOrganizationVO",
    required=("OrganizationName",),
    children=_children(ADDRESS, SOURCE_REFERENCE, RELATIONSHIP),
)
PERSON = Resource(
    "hubPersons",
    _attributes(
        id="PartyId?",
        text="""PartyNumber+?/30 FirstName+/150 LastName+?/150 EmailAddress+/320 RawPhoneNumber+/60 PartyUsageCode+/30
            PartyName Status CreatedByModule""",
        time="CreationDate LastUpdateDate?",
    ),
    key="PartyNumber",
    view="HubPersonVO",
    required=("LastName",),
    children=_children(ADDRESS, SOURCE_REFERENCE, RELATIONSHIP),
)
UNIT = Resource("finBusinessUnitsLOV", _attributes(id="BusinessUnitId?", text="BusinessUnitName?"))

RESOURCES = {
    "fscmRestApi": _children(ORDER, INVOICE, ITEM, ACCOUNT_SITE, ACCOUNT_ACTIVITY, UNIT),
    "crmRestApi": _children(CONTACT, ORGANIZATION, PERSON),
}
WRITABLE_CHILDREN = frozenset({"lines", "charges", "chargeComponents", "billToCustomer", "shipToCustomer",
                               "additionalInformation", "Address", "SourceSystemReference"})  # fmt: skip
