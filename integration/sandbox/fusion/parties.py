"""Parties of the trading community, as the hub keeps them: organizations and persons, with addresses and references.

Numbers of parties and addresses are unique over both, and so is what a source system calls a party.  The texts of the
refusals HZ-120421 and HZ-120559 were seen live, the others are in the same manner.
"""

from __future__ import annotations

from typing import Any

from integration.sandbox.config import FusionConfig
from integration.sandbox.fusion.records import Records, now
from integration.sandbox.fusion.schema import ADDRESS, CONTACT, ORGANIZATION, PERSON, RELATIONSHIP, Resource
from integration.sandbox.fusion.wire import Refusal, required

KINDS = (ORGANIZATION, PERSON)

Row = dict[str, Any]


class Parties:
    """The organizations and persons of one pod."""

    def __init__(self, records: Records, config: FusionConfig) -> None:
        self._records = records
        self._config = config

    def create(self, kind: Resource, given: Row) -> Row:
        """A new party with its addresses."""
        for name in kind.required:
            if not given.get(name):
                raise required(kind, name)
        if not given.get("PartyUsageCode"):
            detail = "This party isn't valid because there is no party usage assigned."
            raise Refusal(400, f"HZ-120421: {detail}", "HZ-120421")
        references = given.get("SourceSystemReference") or []
        number = given.get("PartyNumber") or str(self._records.next("party", 90001))
        if any(self._records.find(each.name, number) for each in KINDS):
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
        return self._put(kind, party)

    def change(self, kind: Resource, party: Row, given: Row) -> Row:
        """The party with other values."""
        return self._put(kind, {**party, **given})

    def add_address(self, kind: Resource, party: Row, given: Row) -> Row:
        """A further address of the party."""
        address = self._address(party, given)
        self._put(kind, {**party, "Address": [*party["Address"], address]})
        return address

    def relate(self, kind: Resource, party: Row, given: Row) -> Row:
        """A person that becomes a contact of the organization: the list of contacts shows it with that from now on."""
        for name in RELATIONSHIP.required:
            if not given.get(name):
                raise required(RELATIONSHIP, name)
        contacts = (row for row in self._records.all(CONTACT.name) if row["PartyId"] == given["SubjectPartyId"])
        person = next(contacts, None)
        if person is None or given["ObjectPartyId"] != party["PartyId"] or kind is not ORGANIZATION:
            raise Refusal(400, "HZ-120011: The party isn't valid.", "HZ-120011")
        account = {"AccountPartyId": party["PartyId"], "AccountPartyNumber": party["PartyNumber"]}
        named = {**person, **account, "AccountName": party_name(party)}
        self._records.put(CONTACT.name, person["PartyNumber"], named)
        row = {**given, "RelationshipRecId": self._records.new_id()}
        self._put(kind, {**party, "Relationship": [*party.get("Relationship", ()), row]})
        return row

    def _address(self, party: Row, given: Row) -> Row:
        if not given.get("Country"):
            raise required(ADDRESS, "Country")
        number = given.get("AddressNumber") or str(self._records.next("address", 70001))
        taken = (row["AddressNumber"] for each in parties(self._records) for row in each["Address"])
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
        known = [each for party in parties(self._records) for each in party["SourceSystemReference"]]
        if reference in known:
            raise Refusal(400, "The source system reference already exists.", "HZ-120560")

    def _put(self, kind: Resource, party: Row) -> Row:
        """Writes the party; a person is shown among the contacts, too."""
        changed = {**party, "PartyName": party_name(party), "LastUpdateDate": now()}
        self._records.put(kind.name, changed["PartyNumber"], changed)
        if kind is PERSON:
            shown = {name: changed.get(name) for name in CONTACT.attributes}
            contact = self._records.find(CONTACT.name, changed["PartyNumber"]) or {}
            account = {name: value for name, value in contact.items() if name.startswith("Account")}
            row = {**shown, "ContactName": changed["PartyName"], **account}
            self._records.put(CONTACT.name, changed["PartyNumber"], row)
        return changed


def parties(records: Records) -> list[Row]:
    """All parties of a pod."""
    return [party for kind in KINDS for party in records.all(kind.name)]


def party_name(party: Row) -> str:
    """What an organization or a person is called."""
    name: str | None = party.get("OrganizationName")
    return name or " ".join(party[part] for part in ("FirstName", "LastName") if party.get(part))
