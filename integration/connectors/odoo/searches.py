"""Searches in Odoo that can be made together, because a row shows by which of them it was found.

It does where every condition is an equality or a list of values, and is about a field that is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integration.connectors.odoo.answers import IDS

AND, OR = "&", "|"


def separable(search: Mapping[str, Any]) -> bool:
    """Whether `finds` can be asked of what this body of ``search_read`` finds."""
    domain, fields = search["domain"], search["fields"]
    return bool(domain) and "offset" not in search and all(_separable(term, fields) for term in domain)


def any_of(domains: Sequence[Sequence[Any]]) -> list[Any]:
    """The domain of what at least one of these finds, in Odoo's prefix notation."""
    return [OR] * (len(domains) - 1) + [term for domain in domains for term in _one_term(domain)]


def finds(domain: Sequence[Any], row: Mapping[str, Any]) -> bool:
    """Whether the domain finds this row."""
    found: list[bool] = []
    for term in reversed(domain):
        if isinstance(term, str):
            one, other = found.pop(), found.pop()
            found.append(one and other if term == AND else one or other)
        else:
            found.append(_holds(row, *term))
    return all(found)


def _separable(term: Any, fields: Sequence[str]) -> bool:
    if isinstance(term, str):
        return term in (AND, OR)
    field, operator, _ = term
    return operator in ("=", "in") and field in fields and field not in IDS and not field.endswith("_ids")


def _one_term(domain: Sequence[Any]) -> list[Any]:
    """The conditions of a domain, which all have to hold, as one."""
    operators = sum(isinstance(term, str) for term in domain)
    return [AND] * (len(domain) - 2 * operators - 1) + list(domain)


def _holds(row: Mapping[str, Any], field: str, operator: str, value: Any) -> bool:
    shown = row[field]
    if isinstance(shown, list):  # a many2one: id and name
        shown = shown[0]
    wanted = value if operator == "in" else [value]
    return any(shown == each and isinstance(shown, bool) == isinstance(each, bool) for each in wanted)
