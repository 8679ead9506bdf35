"""The overview: are all orders where they belong, what needs a person, and does anything come at all?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask import render_template, url_for

from integration.alerts import KINDS
from integration.console.charts import Bar
from integration.console.site import Site
from integration.operations.selection import WAITING, Selection
from integration.operations.totals import totals
from integration.store import alerts, repair, views
from integration.store.database import Row

MOST_GROUPS = 5
MOST_ALERTS = 20
DAYS = 14


def overview(site: Site) -> str:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with site.database.transaction() as tx:
        return render_template(
            "overview.html",
            orders=totals(tx, "order", midnight),
            groups=repair.kinds(tx, Selection(WAITING))[:MOST_GROUPS],
            alerts=alerts.all_alerts(tx, over=False, limit=MOST_ALERTS),
            kinds=KINDS,
            sources=views.newest_by_source(tx),
            queues=views.open_by_state(tx),
            oldest={row["queue"]: row["seconds"] for row in views.oldest_due(tx)},
            days=_days(views.accepted_by_day(tx, DAYS), midnight),
        )


def _days(rows: Sequence[Row], today: datetime) -> list[Bar]:
    """A bar for each of the last days, also for those on which nothing came."""
    came = {row["day"]: row["accepted"] for row in rows}
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    return [
        Bar(
            f"{day:%a %d %b}",
            came.get(day.date(), 0),
            url_for("object_list", of="order", since=day.isoformat(), until=(day + timedelta(days=1)).isoformat()),
        )
        for day in days
    ]
