"""Repair: what begins again, from where and in which round; and that every action is in the audit."""

from __future__ import annotations

import pytest

from integration.message import State, Step
from integration.operations.selection import Selection
from integration.store import attempts, audit, decisions, deliveries, dispatch, ledger, repair
from integration.store.attempts import Intending, Outcome
from integration.store.database import Database
from integration.store.deliveries import Delivery
from integration.store.repair import Restart
from tests.store.road import INGEST_STEPS, Road

POST = (Step.ENRICH, Step.POST)


@pytest.fixture
def road(database: Database) -> Road:
    return Road(database)


def failed(road: Road, id: str, state: State = State.DEAD, code: str = "http_400", **options: object) -> int:
    """A delivery that was translated, tried to post and failed."""
    return fail(road, road.delivery(id, **options), state, code)


def fail(road: Road, id: int, state: State = State.DEAD, code: str = "http_400") -> int:
    claimed = road.claim(id)
    assert claimed
    road.move(claimed, State.QUEUED, step=Step.ENRICH, queue="odoo", document=b"translated", credit=99)
    claimed = road.claim(id, POST)
    assert claimed
    road.move(claimed, state, code=code, reason=f"order {id} is wrong", hint="Correct it.")
    return id


def replay(road: Road, *ids: int, step: Step | None = None, **options: object) -> dict[int, int]:
    with road.database.transaction() as tx:
        return repair.replay(tx, ids, Restart(step, **options), "jane")  # type: ignore[arg-type]


def row(road: Road, id: int) -> dict[str, object]:
    with road.database.transaction() as tx:
        found = tx.row("select * from deliveries where id = %s", id)
    assert found
    return found


def looked_at(road: Road, id: int) -> Delivery:
    with road.database.transaction() as tx:
        found = deliveries.look(tx, id)
    assert found
    return found


def balanced(road: Road) -> None:
    with road.database.transaction() as tx:
        assert ledger.balance(tx).imbalances == ()


def actions(road: Road) -> list[tuple[str, str, int, object]]:
    with road.database.transaction() as tx:
        found = audit.entries(tx, Selection(), who=None, action=None, limit=100)
    return [(each["who"], each["action"], each["delivery"], each["detail"]) for each in reversed(found)]


def test_a_dead_delivery_is_opened_again_and_translated_anew(road: Road) -> None:
    id = failed(road, "evt-1")
    road.run("insert into definitions (hash, kind, name, body) values ('newer', 'workflow', 'order-to-odoo', '{}')")
    assert replay(road, id, pins={"order-to-odoo": "newer"}) == {id: id}
    again = row(road, id)
    assert (again["state"], again["step"], again["queue"], again["pin"]) == ("ready", "transform", "ingest", "newer")
    assert (again["attempts"], again["leases"], again["priority"], again["document"]) == (0, 0, 2, None)
    assert (again["code"], again["reason"], again["finished_at"]) == (None, None, None)
    claimed = road.claim(id)
    assert claimed
    balanced(road)


def test_pinned_keeps_the_definitions_and_a_later_step_the_document(road: Road) -> None:
    one, two = failed(road, "evt-1", order="1"), failed(road, "evt-2", order="2")
    replay(road, one)
    replay(road, two, step=Step.POST, pins={"order-to-odoo": "newer"})
    assert (row(road, one)["step"], row(road, one)["pin"]) == ("transform", "pin")
    later = row(road, two)
    assert (later["step"], later["queue"], later["pin"], later["document"]) == ("post", "odoo", "pin", b"translated")


def test_what_was_never_translated_can_only_begin_with_transform(road: Road) -> None:
    id = road.delivery("evt-1")
    road.close(id, State.HELD)
    assert replay(road, id, step=Step.ENRICH) == {}
    assert road.state(id) is State.HELD
    assert replay(road, id) == {id: id}


def test_what_is_open_or_was_wanted_by_nobody_is_left_alone(road: Road) -> None:
    running, skipped = road.delivery("evt-1"), road.delivery("evt-2", skip=True)
    assert road.claim(running)
    assert replay(road, running, skipped) == {}
    assert actions(road) == []


def test_of_a_done_delivery_a_new_one_is_made_and_counted(road: Road) -> None:
    id = road.delivery("evt-1")
    road.close(id)
    (new,) = replay(road, id).values()
    assert new != id
    assert road.state(id) is State.DONE
    made = row(road, new)
    assert (made["replay_of"], made["message"], made["lane"]) == (id, row(road, id)["message"], row(road, id)["lane"])
    assert looked_at(road, new).replay_of == id
    assert actions(road) == [
        ("jane", "replay", new, {"was": "done", "step": "transform", "replay_of": id}),
    ]
    balanced(road)


def test_a_thousand_are_opened_in_one_statement(road: Road) -> None:
    ids = [failed(road, f"evt-{n}", order=str(n)) for n in range(3)]
    assert replay(road, *ids) == {id: id for id in ids}
    assert [delivery for _, _, delivery, _ in actions(road)] == ids


def attempt(road: Road, claimed: Delivery, outcome: str | None, effect: str = "order.load") -> None:
    with road.database.transaction() as tx:
        intent = attempts.intend(tx, [Intending(claimed, effect, b"frozen")])[0]
        assert intent
        if outcome:
            attempts.close(tx, [(claimed, Outcome(intent.attempt, outcome))])


@pytest.mark.parametrize(
    ("outcome", "step", "round"),
    [
        ("unknown", Step.POST, 1),  # nobody has answered, and the same goes out again: the frozen request is repeated
        (None, Step.POST, 1),
        ("ok", Step.POST, 2),  # it was sent and is sent again, for what is there was not right
        ("failed", Step.POST, 2),  # a key that was refused is refused for ever
        ("unknown", Step.TRANSFORM, 2),  # what goes out may be another document: the target is looked at
    ],
)
def test_the_round_goes_on_only_where_nobody_has_answered(
    road: Road, outcome: str | None, step: Step, round: int
) -> None:
    id = road.delivery("evt-1")
    claimed = road.claim(id)
    assert claimed
    road.move(claimed, State.QUEUED, step=Step.ENRICH, queue="odoo", document=b"translated", credit=99)
    claimed = road.claim(id, POST)
    assert claimed
    attempt(road, claimed, outcome)
    road.move(claimed, State.DEAD, code="timeout", reason="no answer")
    replay(road, id, step=step)
    assert row(road, id)["round"] == round


def test_an_edit_begins_a_new_round_and_is_sent_from_where_it_was_made(road: Road) -> None:
    target = failed(road, "evt-1")
    with road.database.transaction() as tx:
        assert repair.edit(tx, looked_at(road, target), b"corrected", ["order.note"], "jane")
    assert row(road, target)["round"] == 2
    assert road.state(target) is State.DEAD
    replay(road, target, pins={"order-to-odoo": "pin"})
    assert (row(road, target)["step"], row(road, target)["document"]) == ("enrich", b"corrected")
    assert ("jane", "edit", target, {"document": "target", "paths": ["order.note"]}) in actions(road)


def test_to_begin_with_transform_drops_what_was_corrected_behind_it(road: Road) -> None:
    id = failed(road, "evt-1")
    with road.database.transaction() as tx:
        repair.edit(tx, looked_at(road, id), b"corrected", ["note"], "jane")
    replay(road, id, step=Step.TRANSFORM)
    assert (row(road, id)["document"], row(road, id)["edited"]) == (None, None)


def test_two_edits_of_one_document_do_not_overwrite_each_other(road: Road) -> None:
    before = looked_at(road, failed(road, "evt-1"))
    with road.database.transaction() as tx:
        assert repair.edit(tx, before, b"one", ["a"], "jane")
        assert not repair.edit(tx, before, b"two", ["b"], "joe")
    assert row(road, before.id)["document"] == b"one"


def test_what_is_approved_goes_on_where_it_was_held(road: Road) -> None:
    id = failed(road, "evt-1", State.HELD, "total_differs")
    with road.database.transaction() as tx:
        assert decisions.approve(tx, [id], "jane").keys() == {id}
        repair.replay(tx, [id], Restart(goes_on=True), "jane")
        assert decisions.approve(tx, [id], "jane") == {}, "it is not held any more"
    assert [each["code"] for each in looked_at(road, id).decisions] == ["total_differs"]
    assert (row(road, id)["step"], row(road, id)["document"]) == ("enrich", b"translated")


def test_a_chosen_candidate_becomes_the_crossref(road: Road) -> None:
    id = failed(road, "evt-1", State.HELD, "ambiguous_customer")
    with road.database.transaction() as tx:
        repair.choose(tx, looked_at(road, id), {"id": "36", "entity": "customer", "key": "c-77"}, "jane", None)
    assert road.value("select their_id from crossrefs where entity = 'customer' and our_id = 'c-77'") == "36"
    assert actions(road) == [("jane", "choose", id, {"entity": "customer", "theirs": "36"})]


def test_resolved_is_skipped_with_the_reason(road: Road) -> None:
    held, done = failed(road, "evt-1", State.HELD, order="1"), road.delivery("evt-2", order="2")
    road.close(done)
    with road.database.transaction() as tx:
        assert repair.resolve(tx, [held, done], "entered by hand", "jane") == [held]
    assert (row(road, held)["state"], row(road, held)["reason"]) == ("skipped", "resolved by jane: entered by hand")
    assert road.state(done) is State.DONE
    assert actions(road) == [("jane", "resolve", held, {"reason": "entered by hand"})]
    balanced(road)


def test_what_is_opened_again_waits_for_the_older_ones_of_its_lane(road: Road) -> None:
    newer = failed(road, "evt-2", version=2)
    older = road.delivery("evt-1", version=1)
    replay(road, newer)
    assert road.claim(newer) is None
    road.close(older)
    assert road.claim(newer)


def test_filters_choose_by_the_kind_of_failure(road: Road) -> None:
    ids = [failed(road, f"evt-{n}", order=str(n)) for n in range(3)]
    other = failed(road, "evt-x", State.HELD, "unknown_sku", order="x")
    road.close(road.delivery("evt-done", order="done"))

    def found(**chosen: object) -> list[int]:
        with road.database.transaction() as tx:
            rows = repair.matching(tx, Selection([State.HELD, State.DEAD], **chosen), 100)  # type: ignore[arg-type]
        return [each["id"] for each in rows]

    assert found() == [other, *reversed(ids)]
    assert found(code="unknown_sku") == [other]
    assert found(target="odoo", type="order.created", workflow="order-to-odoo") == [other, *reversed(ids)]
    assert found(target="fusion") == []
    assert found(number="WEB-1") == [ids[1]]
    assert found(fingerprint=str(row(road, ids[0])["fingerprint"])) == list(reversed(ids))
    with road.database.transaction() as tx:
        kinds = repair.kinds(tx, Selection([State.HELD, State.DEAD]))
    assert [(kind["count"], kind["sample"], kind["code"]) for kind in kinds] == [
        (3, ids[2], "http_400"),
        (1, other, "unknown_sku"),
    ]


def take(road: Road, window: int) -> list[int]:
    with road.database.transaction() as tx:
        rows = dispatch.take_due(tx, "ingest", window, [road.odoo.id])
    return [each["id"] for each in rows]


def test_replays_get_a_fifth_of_a_queue_and_no_more(road: Road) -> None:
    replayed = [failed(road, f"evt-{n}", order=str(n)) for n in range(8)]
    replay(road, *replayed)
    assert len(take(road, 20)) == 4
    assert take(road, 20) == []
    live = [road.delivery(f"live-{n}", order=f"live-{n}") for n in range(30)]
    road.run("update deliveries set created_at = now() - interval '2 seconds'")
    assert sorted(take(road, 20)) == live[:16]
    assert take(road, 20) == []


def test_on_to_the_next_queue_too(road: Road) -> None:
    ids = [failed(road, f"evt-{n}", order=str(n)) for n in range(3)]
    replay(road, *ids)

    def moved(id: int) -> State | None:
        claimed = road.claim(id, INGEST_STEPS)
        assert claimed
        return road.move(claimed, State.QUEUED, step=Step.ENRICH, queue="odoo", document=b"again", credit=10)

    assert [moved(id) for id in ids] == [State.QUEUED, State.QUEUED, State.READY]
    assert moved(road.delivery("live", order="live")) is State.QUEUED
