"""The account of a customer who has none in Fusion: the party with its addresses, then the account with its sites.

Only where FUSION_CREATE_ACCOUNTS is set: whether a web shop may open accounts is for the finance department to say.
The party has a number of ours, so it is found again, and by the party its account: each step looks before it acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.canonical import digest
from integration.connectors.contract import Document, Work
from integration.connectors.fusion.customer.account_service import AccountService
from integration.connectors.fusion.customer.directory import Directory, choice
from integration.connectors.fusion.customer.parties import Parties, address_body, find, party_name
from integration.connectors.fusion.customer.sites import Sites, uses
from integration.connectors.initial import initial
from integration.connectors.keeper import keeps
from integration.errors import Hold, Retry

MOST_CANDIDATES = 10
NEW = "new_account"
"""What a person may decide where an organization has the customer's name."""

Row = dict[str, Any]


class Creation:
    """Makes accounts, and by ``sites`` the sites that one lacks; ``parties`` as in `Sites`.

    ``address_set`` is empty where none may be made.  Threads may share it.
    """

    def __init__(
        self,
        parties: Mapping[bool, Parties],
        service: AccountService,
        directory: Directory,
        source_system: str,
        address_set: str,
    ) -> None:
        self.sites = Sites(parties, service, directory)
        self._parties = parties
        self._service = service
        self._directory = directory
        self._source_system = source_system
        self._may_create = bool(address_set)

    def covers(self, customer: Document) -> bool:
        """Whether an account is made for a customer, and its sites: for one who has an account in Clarity."""
        return bool(self._may_create and customer.get("key") and customer.get("is_company") is not None)

    def ensure(self, key: str, document: Document, work: Work) -> list[Row]:
        """The sites of the account that the customer ``key`` has from now on.

        Document: {customer, party, addresses, on_create}.  Raises `Hold` for a customer without name or address,
        `Throttled` while another delivery makes the account.
        """
        stated = {**document.get("party", {}), **initial(document).get("party", {})}
        body = {name: value for name, value in stated.items() if value is not None}
        addresses, name = document.get("addresses") or [], party_name(body)
        if not name or not addresses:
            raise _incomplete("address" if name else "name")
        parties = self._parties[document["customer"]["is_company"]]
        work.reserve("customer", key)
        number = party_number(key)
        party = parties.numbered(number)
        if party is None:
            if document["customer"]["is_company"]:  # two people may have one name
                self._refuse_namesakes(key, name, work)
            party = parties.create(self._new(key, number, body, addresses), work)
        party = parties.ensure(party, {"key": key, "addresses": addresses}, work)
        id = str(party["PartyId"])
        account = self._service.of_party(id) or self._service.create(
            number, id, name, _by_address(party, key, addresses), work
        )
        account_number = str(account["AccountNumber"])
        rows = self._directory.sites("AccountNumber", account_number)
        if not rows:
            raise Retry(f"account {account_number} is made, and Fusion does not show its sites yet", code="new_account")
        work.remember("customer", key, account_number)
        keeps(work, key, (), account_number)
        return rows

    def _refuse_namesakes(self, key: str, name: str, work: Work) -> None:
        """Raises `Hold` with the accounts of organizations that have the company's name."""
        parties = [str(row["PartyId"]) for row in self._parties[True].named(name)][:MOST_CANDIDATES]
        if not parties or work.approved(NEW, key, name):
            return
        sites = {str(row["AccountNumber"]): row for id in parties for row in self._directory.sites("PartyId", id)}
        raise Hold(
            "no account in Fusion is this customer for certain, and an organization there has the customer's name",
            hint="Choose here which account is the customer, or that a new one is made.",
            code="look_alike",
            candidates=(
                *(choice(number, row, "customer", key) for number, row in sorted(sites.items())),
                {"id": "new", "label": "a new account is made", "approves": NEW},
            ),
            compared=(key, name),
        )

    def _new(self, key: str, number: str, body: Row, addresses: list[Document]) -> Row:
        """The party as it is made, with each of its addresses once."""
        rows = {row["AddressNumber"]: row for row in (address_body(key, address) for address in addresses)}
        reference = {"SourceSystem": self._source_system, "SourceSystemReferenceValue": number}
        return {"PartyNumber": number, **body, "SourceSystemReference": [reference], "Address": list(rows.values())}


def party_number(key: str) -> str:
    """Our number of a customer's party, which is also what our source system calls it."""
    return f"C{digest(['party', key])[:24]}"


def _by_address(party: Row, key: str, addresses: list[Document]) -> dict[str, list[str]]:
    """The uses of each address of the party, by its AddressId, which is the PartySiteId of a site."""
    found: dict[str, list[str]] = {}
    for wanted in uses(key, addresses):
        row = find(party, key, wanted.address)
        site = found.setdefault(str(row["AddressId"]), []) if row else []
        if wanted.use not in site:
            site.append(wanted.use)
    return found


def _incomplete(lacks: str) -> Hold:
    return Hold(
        f"no account in Fusion is this customer, and none can be made: the customer has no {lacks}",
        hint=f"Give the customer a{'n' if lacks == 'address' else ''} {lacks} in Clarity. {{again}}",
        code="no_account",
    )
