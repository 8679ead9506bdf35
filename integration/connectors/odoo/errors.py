"""What an error of Odoo means, decided by its ``name`` and never by the status alone (facts of Odoo 19.0).

Odoo answers 500 both for a typing error in a field's name (``builtins.ValueError``) and for a write conflict that its
own five tries did not resolve (``psycopg2.errors.SerializationFailure``): the first never gets better, the second does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from integration.connectors.answers import unreadable
from integration.connectors.http import Reply, plain
from integration.errors import Failure, Hold, Misconfigured, Reject, Retry

NEW_KEY = (
    "Make a new API key for the integration user in Odoo (Preferences, Account Security), set ODOO_API_KEY and "
    "run `fleet restart`. Keys of ordinary users expire, by default after three months."
)
RIGHTS = (
    "Give the integration user in Odoo the groups Sales / User: All Documents, Inventory / User, Contact / Creation "
    "and Products / Create"
)
CORRECT = "Correct {origin}, or what it refers to in Odoo. {again}"
LONGEST_NAME = 80
"""Of a Python exception with its module."""


class AccessRefused(Hold):
    """The user may not do this: with all records (then nothing works) or with this one."""


class WrongState(Hold):
    """The record's state forbids it, as people would read it on the screen."""


class RecordMissing(Hold):
    """The record is not in Odoo any more."""


class StaleReference(Reject):
    """An id that was looked up earlier is no record of this Odoo any more."""


class NotInstalled(Misconfigured):
    """A model or method that this Odoo does not have."""

    def __init__(self, reason: str) -> None:
        hint = "Check ODOO_URL, and that the app Sales is installed in Odoo."
        super().__init__(reason, hint=hint, code="misconfigured")


def problem(reply: Reply) -> Failure | None:
    """JSON-2's reading of an answer that is not 2xx."""
    if not reply.speaks_json():
        if reply.status in {404, 415}:  # HTML: no such database, or something else than Odoo answers at this URL
            return Misconfigured(
                f"Odoo has no such database, or something else answers ({reply.status}, not JSON)",
                hint="Check ODOO_URL and ODOO_DB.",
            )
        return None
    try:
        error = reply.json()
    except Retry:
        return None
    return classify(error) if isinstance(error, dict) and "name" in error else None


def classify(error: dict[str, Any]) -> Failure:
    """The failure for ``{"name", "message"}``, as JSON-2 answers it and JSON-RPC holds it in ``error.data``."""
    name, message = str(error.get("name"))[:LONGEST_NAME], str(error.get("message") or "")
    if name == "psycopg2.OperationalError" and "does not exist" in message:
        return Misconfigured("Odoo has no such database", hint="Check ODOO_DB.")
    if name == INVALID and (vat_refused := _vat_refused(message)):
        return vat_refused
    if name == ACCESS and "multi-company issue" in message:
        return AccessRefused(
            "Odoo refuses access to a record of a company in which our user does not work",
            hint="Let the integration user in Odoo work in that company, or use a record of its own. {again}",
            code=OTHER_COMPANY,
        )
    if name in BY_NAME:
        return BY_NAME[name](plain(message))
    if name.startswith("builtins."):
        return Reject(
            f"Odoo does not understand the request: {plain(message)}",
            hint="Most often a mapping names a field this Odoo does not have, or a value it does not take. "
            "Correct the mapping and run `fleet mapping publish`. {again}",
            code=name,
        )
    # An exception of some module, a carrier's web service for example: Odoo itself is well and has rolled back.
    return Retry(f"{name}: {plain(message)}", code=name)


def loaded(answer: Any, what: str) -> list[int]:
    """The ids of a ``load()``, whose errors come as messages in a 200; raises what they mean."""
    if not isinstance(answer, dict) or "ids" not in answer:
        raise unreadable("the answer is not one of load()")
    if answer["ids"]:
        return [int(id) for id in answer["ids"]]
    messages = _causes(answer["messages"])
    text = " / ".join(str(message["message"]) for message in messages)
    if conflicting(messages):
        raise _conflict(text)
    if UNKNOWN_RECORD in text:
        raise _missing(text)
    if "You are not allowed to" in text:
        raise AccessRefused(f"Odoo refused the {what}: {plain(text)}", hint=f"{RIGHTS}. {{again}}", code="access_error")
    if vat_refused := _vat_refused(text):
        raise vat_refused
    fields = sorted({str(message["field"]) for message in messages if message.get("field")})
    at = f" (field {', '.join(fields)})" if fields else ""
    kind = StaleReference if UNKNOWN_ID in text else Reject
    raise kind(
        f"Odoo refused the {what}{at}: {plain(text)}",
        hint=CORRECT,
        code="load_refused",
    )


def conflicting(messages: Iterable[dict[str, Any]]) -> bool:
    """Whether these messages of a ``load()`` say that others write the same records."""
    return any(sign in str(message["message"]) for message in messages for sign in CONFLICTS)


def _causes(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The errors of a ``load()``, without those that only follow from others.

    A row that names another row of the call by external id fails with it, when that one is refused (Odoo 19).
    """
    errors = [message for message in messages if message.get("type") == "error"] or messages
    return [error for error in errors if not str(error["message"]).startswith(FOLLOWS)] or errors


FOLLOWS = "No matching record found for external id '__clarity__."
UNKNOWN_RECORD = "Unknown database identifier"
UNKNOWN_ID = "No matching record found for database id"
VAT = re.compile(r"The .{1,40} number \[.*\] for .* does not seem to be valid(?:.*expected format is (.{1,40}))?", re.S)
"""What base_vat says, whatever the number is called in the country of the contact."""
CONFLICTS = ("could not serialize access", "deadlock detected", "could not obtain lock")


def _credentials(message: str) -> Failure:
    return Misconfigured(f"Odoo does not accept the API key ({message or 'access denied'})", hint=NEW_KEY)


def _access(message: str) -> Failure:
    return AccessRefused(f"Odoo refuses access: {message}", hint=f"{RIGHTS}. {{again}}", code="access_error")


def _missing(_: str) -> Failure:
    return RecordMissing(
        "a record is not in Odoo any more",
        hint="Somebody deleted it in Odoo. {again} If it is held again, enter it in Odoo by hand.",
        code="record_missing",
    )


def _state(message: str) -> Failure:
    if re.fullmatch(r"Object \S+ doesn't exist", message):  # how JSON-RPC says that there is no such model
        return _not_installed(message)
    return WrongState(
        f"Odoo says: {message}",
        hint="Bring it in Odoo into a state that allows it. {again}",
        code="user_error",
    )


def _vat_refused(message: str) -> Hold | None:
    """For Odoo's refusal of a VAT number, which names the customer."""
    found = VAT.search(message)
    if not found:
        return None
    expected = f"; it expects one like {found[1].strip()}" if found[1] else ""
    return Hold(
        f"Odoo refuses the customer's VAT number (tax_id){expected}",
        hint="Correct the customer's VAT number here at partner.fields.vat; or in Clarity (taxId), or its country. "
        "{again}",
        code="vat_refused",
    )


def _invalid(message: str) -> Failure:
    if USED in message:
        return StaleReference(f"Odoo refuses the values: {message}", hint=CORRECT, code="validation_error")
    return Reject(f"Odoo refuses the values: {message}", hint=CORRECT, code="validation_error")


ACCESS, OTHER_COMPANY = "odoo.exceptions.AccessError", "other_company"
INVALID = "odoo.exceptions.ValidationError"
USED = "Another model is using the record you are trying to delete"
"""How Odoo refuses a reference to a record that is gone, whatever was asked."""


def _not_installed(message: str) -> Failure:
    return NotInstalled(f"Odoo lacks something: {message}")


def _conflict(_: str) -> Failure:
    return Retry("Odoo could not serialize the write (others write the same records)", code="write_conflict")


def _database(_: str) -> Failure:
    return Retry("Odoo cannot reach its database", counts_for_breaker=True, code="odoo_database")


BY_NAME: dict[str, Callable[[str], Failure]] = {
    "werkzeug.exceptions.Unauthorized": _credentials,
    "odoo.exceptions.AccessDenied": _credentials,
    ACCESS: _access,
    "odoo.exceptions.MissingError": _missing,
    "odoo.exceptions.UserError": _state,
    "odoo.exceptions.RedirectWarning": _state,
    INVALID: _invalid,
    "werkzeug.exceptions.NotFound": _not_installed,
    "werkzeug.exceptions.UnprocessableEntity": _invalid,
    "werkzeug.exceptions.BadRequest": _invalid,
    "psycopg2.errors.SerializationFailure": _conflict,
    "psycopg2.errors.LockNotAvailable": _conflict,
    "psycopg2.errors.DeadlockDetected": _conflict,
    "psycopg2.OperationalError": _database,
    "psycopg2.InterfaceError": _database,
    "psycopg2.pool.PoolError": _database,
    "odoo.sql_db.PoolError": _database,
}
