"""Organizations of the trading community, as the hub keeps them: parties with addresses and source system references.

Numbers of parties and addresses are unique, and so is what a source system calls a party.  The texts of the refusals
HZ-120421 and HZ-120559 were seen live, the others are in the same manner.
"""

from __future__ import annotations

from typing import Any

from integration.sandbox.config import FusionConfig
from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import ADDRESS, ORGANIZATION
from integration.sandbox.fusion.wire import Refusal, required

Row = dict[str, Any]


class Parties:
    """The organizations of one pod."""

    def __init__(self, records: Records, config: FusionConfig) -> None:
        self._records = records
        self._config = config

    def create(self, given: Row) -> Row:
        """A new organization with its addresses."""
        if not given.get("OrganizationName"):
            raise required(ORGANIZATION, "OrganizationName")
        if not given.get("PartyUsageCode"):
            detail = "This party isn't valid because there is no party usage assigned."
            raise Refusal(400, f"HZ-120421: {detail}", "HZ-120421")
        references = given.get("SourceSystemReference") or []
        number = given.get("PartyNumber") or str(self._records.next("party", 90001))
        if self._records.find(ORGANIZATION.name, number):
            raise Refusal(400, f"A party with the number {number} already exists.", "HZ-120137", "/PartyNumber")
        for reference in references:
            self._check(reference)
        party = {
            **given,
            "PartyId": self._records.new_id(),
            "PartyNumber": number,
            "Status": "A",
            "CreatedByModule": "ORA_ZCH_WS",
            "CreationDate": now(),
            "Address": [],
            "SourceSystemReference": references,
        }
        for address in given.get("Address") or []:
            party = {**party, "Address": [*party["Address"], self._address(party, address)]}
        return self._put(party)

    def change(self, party: Row, given: Row) -> Row:
        """The organization with other values."""
        return self._put({**party, **given})

    def add_address(self, party: Row, given: Row) -> Row:
        """A further address of the organization."""
        address = self._address(party, given)
        self._put({**party, "Address": [*party["Address"], address]})
        return address

    def _address(self, party: Row, given: Row) -> Row:
        if not given.get("Country"):
            raise required(ADDRESS, "Country")
        number = given.get("AddressNumber") or str(self._records.next("address", 70001))
        taken = (row["AddressNumber"] for each in self._records.all(ORGANIZATION.name) for row in each["Address"])
        if number in {*taken, *(row["AddressNumber"] for row in party["Address"])}:
            raise Refusal(400, f"An address with the number {number} already exists.", "HZ-120138", "/AddressNumber")
        return {
            **given,
            "AddressId": self._records.new_id(),
            "LocationId": self._records.new_id(),
            "AddressNumber": number,
            "PartyId": party["PartyId"],
            "PartyNumber": party["PartyNumber"],
            "Status": "A",
        }

    def _check(self, reference: Row) -> None:
        if reference.get("SourceSystem") != self._config.source_system:
            raise Refusal(400, "HZ-120559: The source system isn't valid.", "HZ-120559")
        known = [each for party in self._records.all(ORGANIZATION.name) for each in party["SourceSystemReference"]]
        if reference in known:
            raise Refusal(400, "The source system reference already exists.", "HZ-120560")

    def _put(self, party: Row) -> Row:
        changed = {**party, "LastUpdateDate": now()}
        self._records.put(ORGANIZATION.name, changed["PartyNumber"], changed)
        return changed
