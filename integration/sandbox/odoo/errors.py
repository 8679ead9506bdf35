"""Odoo's errors as its callers see them: an exception name, a message and (over JSON-2) an HTTP status."""

from __future__ import annotations

from typing import Any

USER_ERROR = "odoo.exceptions.UserError"
VALIDATION_ERROR = "odoo.exceptions.ValidationError"
ACCESS_ERROR = "odoo.exceptions.AccessError"
MISSING_ERROR = "odoo.exceptions.MissingError"
SERIALIZATION_FAILURE = "psycopg2.errors.SerializationFailure"
NOT_FAKED = "sandbox.NotFaked"

STATUS = {
    USER_ERROR: 422,
    VALIDATION_ERROR: 422,
    ACCESS_ERROR: 403,
    MISSING_ERROR: 404,
    NOT_FAKED: 501,
    "werkzeug.exceptions.BadRequest": 400,
    "werkzeug.exceptions.Unauthorized": 401,
    "werkzeug.exceptions.NotFound": 404,
    "werkzeug.exceptions.UnprocessableEntity": 422,
}
"""HTTP status by exception name over JSON-2; every other name is a 500 (recorded from Odoo 19.0)."""

_SHOWN_TO_USERS = (USER_ERROR, VALIDATION_ERROR, ACCESS_ERROR, MISSING_ERROR)


class OdooError(Exception):
    """What a method of the fake raises.

    ``bare`` is the text an import shows, without the RPC layer's opening; ``field`` is the field it is about.
    """

    def __init__(self, name: str, message: str, *, bare: str | None = None, field: str = "") -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.bare = bare or message
        self.field = field

    @property
    def status(self) -> int:
        return STATUS.get(self.name, 500)

    @property
    def shown_to_users(self) -> bool:
        """True for the errors that ``load`` reports as a message instead of an unknown error."""
        return self.name in _SHOWN_TO_USERS

    def body(self) -> dict[str, Any]:
        """The JSON object of Odoo 19: werkzeug's errors carry their status as a second argument."""
        arguments: list[Any] = [self.message]
        if self.name.startswith("werkzeug."):
            arguments.append(self.status)
        debug = "the sandbox keeps no traceback"
        return {"name": self.name, "message": self.message, "arguments": arguments, "context": {}, "debug": debug}


class ConnectionDropped(Exception):
    """The call was committed and its answer is lost: the connection is cut instead of answered."""


class UnknownMethodError(Exception):
    """The model has no such public method; each protocol says so in its own way."""


def user_error(message: str) -> OdooError:
    return OdooError(USER_ERROR, message)


def access_error(message: str) -> OdooError:
    return OdooError(ACCESS_ERROR, message)


def value_error(message: str) -> OdooError:
    return OdooError("builtins.ValueError", message)


def not_faked(what: str) -> OdooError:
    return OdooError(NOT_FAKED, f"the sandbox does not fake {what}; the real Odoo may well have it")


def not_found(message: str) -> OdooError:
    return OdooError("werkzeug.exceptions.NotFound", message)


def unprocessable(message: str) -> OdooError:
    return OdooError("werkzeug.exceptions.UnprocessableEntity", message)


def missing_record(model: str, id: int, uid: int) -> OdooError:
    return OdooError(
        MISSING_ERROR, f"Record does not exist or has been deleted.\n(Record: {model}({id},), User: {uid})"
    )


def constraint(text: str, *, field: str = "") -> OdooError:
    """A constraint of the database; over RPC Odoo opens with the words an import leaves out."""
    return OdooError(VALIDATION_ERROR, f"The operation cannot be completed: {text}", bare=text, field=field)


def missing_required(label: str, field: str, model: str, description: str) -> OdooError:
    return constraint(
        f"Missing required value for the field '{label}' ({field}).\nModel: '{description}' ({model})\n"
        "- create/update: a mandatory field is not set\n"
        "- delete: another model requires the record being deleted, you can archive it instead\n",
        field=field,
    )


def broken_reference(description: str, model: str, label: str, field: str) -> OdooError:
    """Odoo's answer to a many2one that points nowhere (misleading, but that is what it says)."""
    return constraint(
        "Another model is using the record you are trying to delete.\n\n"
        f"The troublemaker is: '{description}' ({model})\n"
        f"Thanks to the following constraint: '{label}' ({field})\n"
        "How about archiving the record instead?"
    )
