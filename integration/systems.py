"""The systems: which kinds there are, and the names under which they take part.

A system's name is its kind.  ``FLEET_SYSTEMS=odoo_eu=odoo,shop_b2b=clarity`` adds more.  By its name a system has its
variables (``ODOO_EU_URL``), its queue, its worker, its limits and its paths (``/webhooks/shop_b2b``); workflows speak
of names.

*Our id* of an object is its id in its home, the system where it begins.  Two Clarity shops both have an order 1001, so
the ids of an added system's objects begin with its name: ``shop_b2b/1001``.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from integration.errors import Misconfigured, Reject

NAME = re.compile("[a-z][a-z0-9_]{1,30}")
QUEUES = ("ingest", "poll", "upkeep")
"""The queues that belong to no system."""
TAKEN = {*QUEUES, "webhooks", "hints", "fleet", "flower", "database", "redis", "celery", "gunicorn"}
"""First words of what is not a system: queues, paths, and variables of the fleet or of what it is made of."""
COMMON = ("url", "rate", "concurrency", "timeout", "poll_seconds")
"""The options that every system has."""
ADDED = "FLEET_SYSTEMS"
"""The variable that adds systems to those that are named as their kind."""


@dataclass(frozen=True)
class Kind:
    """What all systems of one kind have in common.

    A shop sends orders and is sent what happens to them; an ERP fulfils them.  ``rate`` is in calls per second,
    ``concurrency`` counts hops, ``timeout`` and ``poll_seconds`` are in seconds.  ``options`` are the names of its
    settings beside those of every system, ``*`` for any text; without those that are ``required`` it cannot be called.
    ``signs``: its webhooks are signed.  ``hints``: it may say without a signature that something has changed.
    ``login``: its URL may hold ``user:password@``, for a proxy before it.
    """

    name: str
    role: Literal["shop", "erp"]
    rate: float
    concurrency: int
    timeout: float
    required: tuple[str, ...]
    options: tuple[str, ...]
    poll_seconds: float = 60.0
    polled: bool = False
    signs: bool = False
    hints: bool = False
    login: bool = False


CLARITY = Kind(
    name="clarity",
    role="shop",
    rate=20.0,
    concurrency=8,
    timeout=60.0,
    required=("token_url", "client_id", "client_secret"),
    options=("token_url", "client_id", "client_secret", "webhook_secrets"),
    signs=True,
)
ODOO = Kind(
    name="odoo",
    role="erp",
    rate=10.0,
    concurrency=4,
    timeout=60.0,
    required=("api_key",),
    options=(
        *("db", "username", "api_key", "protocol", "fallback_sku", "hint_token", "guest_key", "rounding"),
        *("pricelist_*", "tax_*_included", "tax_*_excluded"),
    ),
    poll_seconds=15.0,
    polled=True,
    hints=True,
    login=True,
)
FUSION = Kind(
    name="fusion",
    role="erp",
    rate=5.0,
    concurrency=4,
    timeout=120.0,
    required=("token_url", "client_id", "client_secret", "business_unit"),
    options=(
        *("token_url", "client_id", "client_secret", "scope", "business_unit", "source_system", "guest_account"),
        *("sales_orders_resource", "fallback_sku", "organization", "release", "rounding"),
    ),
    poll_seconds=30.0,
    polled=True,
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (CLARITY, ODOO, FUSION)}


def named(added: Iterable[str]) -> dict[str, str]:
    """The kind of every system by its name: the kinds themselves, and those that are added as ``name=kind``.

    Raises `Misconfigured`, with the way out, for a name that cannot be one or a kind that there is not.
    """
    kinds = {name: name for name in KINDS}
    for text in added:
        name, _, kind = (part.strip() for part in text.partition("="))
        if problem := _problem(name, kind, kinds):
            raise Misconfigured(
                f"{ADDED} holds {text[:80]!r}: {problem}",
                hint=f"Write name=kind, such as odoo_eu=odoo, with commas between several; kinds: {', '.join(KINDS)}.",
            )
        kinds[name] = kind
    for name, other in permutations(kinds, 2):
        if _is_option(name, other, KINDS[kinds[other]]):
            raise Misconfigured(
                f"{ADDED} holds the name {name}: {variable(name, 'url')} could also be a setting of {other}",
                hint=f"Choose another name in {ADDED}, not {other}_ with a setting's name behind it.",
            )
    return kinds


def of_role(role: Literal["shop", "erp"], kinds: Mapping[str, str]) -> tuple[str, ...]:
    """The names of those systems that are shops, or ERPs; ``kinds`` has the kind of each by its name."""
    return tuple(name for name, kind in kinds.items() if KINDS[kind].role == role)


def variable(system: str, option: str) -> str:
    """The variable that holds an option of a system.

    >>> variable("odoo_eu", "url")
    'ODOO_EU_URL'
    """
    return f"{system}_{option}".upper()


def patterns(kinds: Mapping[str, str]) -> Iterator[str]:
    """Every variable that these systems may have, ``*`` for any text."""
    for name, kind in kinds.items():
        yield from (variable(name, option) for option in (*COMMON, *KINDS[kind].options))


def qualify(system: str, id: str, systems: Container[str] = ()) -> str:
    """Our id of an object by its id in the system that is its home.

    Injective among these ``systems``: raises `Reject` for an id of theirs that reads as that of an added system.

    >>> qualify("clarity", "1001"), qualify("shop_b2b", "1001")
    ('1001', 'shop_b2b/1001')
    """
    if system not in KINDS:
        return f"{system}/{id}"
    if added := _added(id, systems):
        raise Reject(
            f"an id of {system} begins with {added}/, as those of {added} do",
            hint=f"Give {added} another name in {ADDED}.",
        )
    return id


def unqualify(system: str, id: str) -> str:
    """The id in its home of an object of ours; one that is at home elsewhere stays as it is.

    >>> unqualify("clarity", "1001"), unqualify("shop_b2b", "shop_b2b/1001")
    ('1001', '1001')
    """
    return id if system in KINDS else id.removeprefix(f"{system}/")


def is_home(system: str, id: str, systems: Container[str]) -> bool:
    """Whether an object of ours is at home in a system rather than in another of its role among ``systems``.

    >>> is_home("clarity", "1001", {"shop_b2b"}), is_home("clarity", "shop_b2b/1001", {"shop_b2b"})
    (True, False)
    """
    added = _added(id, systems)
    return added == system if added else system in KINDS


def _added(id: str, systems: Container[str]) -> str | None:
    """The added system with whose name an id begins."""
    name, slash, _ = id.partition("/")
    return name if slash and name not in KINDS and name in systems else None


def _problem(name: str, kind: str, known: Mapping[str, str]) -> str | None:
    if not NAME.fullmatch(name):
        return "a name has 2 to 31 of a-z, 0-9 and _, and begins with a letter"
    if kind not in KINDS:
        return f"there is no kind {kind[:40]!r}" if kind else "it names no kind"
    if name in KINDS:
        return f"{name} is the name of the {name} that needs no entry here"
    if name in known:
        return "the name is there twice"
    if name.partition("_")[0] in TAKEN:
        return f"{name.partition('_')[0]} is no system"
    return None


def _is_option(name: str, other: str, kind: Kind) -> bool:
    """Whether a variable of the system ``name`` could be an option of the ``other``."""
    rest = name.removeprefix(f"{other}_")
    return rest != name and any(f"{option}_".startswith(f"{rest}_") for option in (*COMMON, *kind.options))
