"""Prometheus metrics, counted in Postgres at the moment of the scrape, so that they hold for the whole fleet."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from integration.store import refusals, views
from integration.store.database import Database

__all__ = ["CONTENT_TYPE", "expose"]


def expose(database: Database) -> bytes:
    """The scrape's text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Fleet(database))
    return generate_latest(registry)


class _Fleet(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        with self._database.transaction() as tx:
            counters, open_deliveries, ages = views.counters(tx), views.open_by_state(tx), views.oldest_due(tx)
            refused = refusals.totals(tx)
        arrivals = CounterMetricFamily("fleet_webhooks", "Webhooks by source and outcome", labels=["source", "verdict"])
        for row in counters:
            arrivals.add_metric([row["source"], row["name"]], row["value"])
        yield arrivals
        by_reason = CounterMetricFamily(
            "fleet_refused", "Requests that the receiver refused, by source and reason", labels=["source", "reason"]
        )
        for row in refused:
            by_reason.add_metric([row["source"], row["reason"]], row["count"])
        yield by_reason
        waiting = GaugeMetricFamily("fleet_deliveries", "Deliveries that are not finished", labels=["queue", "state"])
        for row in open_deliveries:
            waiting.add_metric([row["queue"], row["state"]], row["count"])
        yield waiting
        age = GaugeMetricFamily("fleet_oldest_due_seconds", "Age of the oldest delivery that is due", labels=["queue"])
        for row in ages:
            age.add_metric([row["queue"]], row["seconds"])
        yield age
