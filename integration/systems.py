"""The systems: which kinds there are, and the names under which they take part.

A system's name is its kind.  ``FLEET_SYSTEMS=odoo_eu=odoo,shop_b2b=clarity`` adds more.  By its name a system has its
variables (``ODOO_EU_URL``), its queue, its worker, its limits and its paths (``/webhooks/shop_b2b``); workflows speak
of names.

*Our id* of an object is its id in its home, the system where it begins.  Two Clarity shops both have an order 1001, so
the ids of an added system's objects begin with its name: ``shop_b2b/1001``.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from integration.errors import Misconfigured, Reject

NAME = re.compile("[a-z][a-z0-9_]{1,30}")
QUEUES = ("ingest", "poll", "upkeep")
"""The queues that belong to no system."""
TAKEN = {*QUEUES, "webhooks", "hints", "fleet", "flower", "database", "redis", "celery", "gunicorn"}
"""First words of what is not a system: queues, paths, and variables of the fleet or of what it is made of."""
OF_EVERY_SYSTEM = ("url", "rate", "concurrency", "timeout", "poll_seconds")
"""The options that every system has."""
ADDED = "FLEET_SYSTEMS"
"""The variable that adds systems to those that are named as their kind."""


@dataclass(frozen=True)
class Kind:
    """What all systems of one kind have in common.

    A shop sends orders and is sent what happens to them; an ERP fulfils them.  ``rate`` is in calls per second,
    ``concurrency`` counts calls under way, ``timeout`` and ``poll_seconds`` are in seconds.  ``signs``: its webhooks
    are signed.  ``hints``: it may say without a signature that something has changed.  ``login``: its URL may hold
    ``user:password@``, for a proxy before it.
    """

    name: str
    role: Literal["shop", "erp"]
    rate: float
    concurrency: int
    timeout: float
    poll_seconds: float = 60.0
    signs: bool = False
    hints: bool = False
    login: bool = False


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("clarity", "shop", rate=20.0, concurrency=8, timeout=60.0, signs=True),
        Kind("odoo", "erp", rate=10.0, concurrency=4, timeout=60.0, poll_seconds=15.0, hints=True, login=True),
        Kind("fusion", "erp", rate=5.0, concurrency=16, timeout=120.0, poll_seconds=30.0),
    )
}


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
