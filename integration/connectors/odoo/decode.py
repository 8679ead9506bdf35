"""Values as Odoo answers them: False for what is empty, floats, times in UTC without a zone and in whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

TIME = "%Y-%m-%d %H:%M:%S"


def exact(number: Any) -> Decimal:
    """The decimal that a float of Odoo's means.

    >>> exact(Decimal("68.49000000000001")), exact(1200)
    (Decimal('68.49'), Decimal('1200'))
    """
    return Decimal(f"{round(Decimal(number), 6).normalize():f}")


def moment(text: str) -> datetime:
    """The time that Odoo wrote down."""
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)


def written(moment: datetime) -> str:
    """A time as Odoo takes it; what is finer than a second is cut off."""
    return moment.astimezone(UTC).strftime(TIME)


def text(value: Any) -> str | None:
    """A text, or the label of a many2one; None where it is empty."""
    label = value[1] if isinstance(value, list) else value
    return str(label) if label else None
