"""Documents that an older release has completed, and that are posted by this one."""

from __future__ import annotations

from tests.connectors.odoo_targets import Shop


def test_a_change_that_an_older_release_has_completed_goes_on(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    work = shop.new_work()
    enriched = shop.connector.enrich("order", {**document, "order": {**document["order"], "note": "later"}}, work)
    del enriched["ids"]["customer"]
    assert shop.connector.post("order", enriched, work).theirs == posted.theirs
    assert dict(work.outcomes)["order.update"] == "ok"
