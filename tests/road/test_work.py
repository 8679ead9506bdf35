"""One effect: the intent before the call, the frozen request after a crash, the recorded answer after a success."""

from __future__ import annotations

import json

import pytest

from integration.connectors.contract import Request
from integration.errors import Reject, Retry, Throttled
from integration.store import audit
from integration.store.deliveries import Delivery
from tasks.leases import Lease, LeaseLost
from tasks.runtime import Runtime
from tasks.work import DeliveryWork
from tests.store.road import Road

LOAD = Request("POST", "/json/2/sale.order/load", {"data": [["1001"]]}, {})


class Target:
    """Takes the place of the target's HTTP client: records what is sent, and answers or fails on demand."""

    def __init__(self, *answers: object) -> None:
        self.sent: list[Request] = []
        self._answers = list(answers)

    def __call__(self, request: Request) -> object:
        self.sent.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def road(runtime: Runtime) -> Road:
    return Road(runtime.database)


def begin(runtime: Runtime, delivery: Delivery | None) -> DeliveryWork:
    assert delivery
    return DeliveryWork(runtime, delivery, Lease(delivery))


def end(runtime: Runtime, work: DeliveryWork) -> None:
    """What the end of a hop does for the last call."""
    with runtime.database.transaction() as tx:
        work.write_down(tx)


def again(road: Road, runtime: Runtime, id: int) -> DeliveryWork:
    """The same delivery under the next worker, after the first one died."""
    road.run("update deliveries set state = 'ready', lease = null, due_at = now() where id = %s", id)
    return begin(runtime, road.claim(id))


def test_the_intent_is_committed_before_the_call(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    seen: list[object] = []

    def send(request: Request) -> object:
        seen.append(road.value("select count(*) from attempts where delivery = %s and outcome is null", id))
        return True

    assert work.perform("order.load", LOAD, send) is True
    assert seen == [1]
    end(runtime, work)
    assert road.value("select outcome from attempts where delivery = %s", id) == "ok"
    assert work.effects == ["order.load"]


def test_an_effect_that_succeeded_is_not_sent_again(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    target = Target({"ids": [17]})
    work = begin(runtime, road.claim(id))
    assert work.perform("order.load", LOAD, target) == {"ids": [17]}
    end(runtime, work)
    next_worker = again(road, runtime, id)
    assert next_worker.perform("order.load", LOAD, Target()) == {"ids": [17]}
    assert next_worker.effects == ["order.load"]
    assert len(target.sent) == 1


def test_after_a_crash_the_frozen_request_is_sent_byte_for_byte(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    with pytest.raises(KeyboardInterrupt):
        begin(runtime, road.claim(id)).perform("order.load", LOAD, Target(KeyboardInterrupt()))
    changed = Request("POST", LOAD.path, {"data": [["another"]]}, {})
    target = Target({"ids": [17]})
    again(road, runtime, id).perform("order.load", changed, target)
    assert target.sent == [LOAD]


def test_the_first_try_and_its_repeat_are_the_same_bytes(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    unsorted = Request(
        "POST", "/orders/1/status", {"status": "processing", "externalRef": "S1", "amount": 1.5}, {"b": "1", "a": "2"}
    )
    first, second = Target(Retry("timeout", unknown_outcome=True)), Target(True)
    with pytest.raises(Retry):
        begin(runtime, road.claim(id)).perform("status", unsorted, first)
    again(road, runtime, id).perform("status", unsorted, second)
    assert repr(first.sent) == repr(second.sent)


def test_after_an_unknown_outcome_too(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    with pytest.raises(Retry):
        work.perform("order.load", LOAD, Target(Retry("timeout", unknown_outcome=True)))
    end(runtime, work)
    assert road.value("select outcome from attempts") == "unknown"
    target = Target({"ids": [17]})
    again(road, runtime, id).perform("order.load", Request("POST", "/other", None, {}), target)
    assert target.sent == [LOAD]


def test_only_after_an_unknown_outcome_it_is_sent_by_what_looks_first(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work, looking = begin(runtime, road.claim(id)), Target({"ids": [17]})
    with pytest.raises(Retry):
        work.perform("order.create", LOAD, Target(Retry("timeout", unknown_outcome=True)), looking)
    assert looking.sent == []
    end(runtime, work)
    assert again(road, runtime, id).perform("order.create", LOAD, Target(), looking) == {"ids": [17]}
    assert looking.sent == [LOAD]


def test_after_a_refusal_the_new_request_is_sent(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    with pytest.raises(Reject):
        work.perform("order.load", LOAD, Target(Reject("bad")))
    end(runtime, work)
    corrected = Request("POST", LOAD.path, {"data": [["corrected"]]}, {})
    target = Target({"ids": [17]})
    again(road, runtime, id).perform("order.load", corrected, target)
    assert target.sent == [corrected]


def test_an_answer_is_written_with_the_next_intent(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    work.perform("order.load", LOAD, Target({"ids": [17]}))
    work.perform("order.confirm", LOAD, Target(True))
    assert road.value("select array_agg(outcome order by id) from attempts where delivery = %s", id) == ["ok", None]
    end(runtime, work)
    assert again(road, runtime, id).perform("order.load", LOAD, Target()) == {"ids": [17]}


def test_the_same_effect_twice_is_sent_once(road: Road, runtime: Runtime) -> None:
    work = begin(runtime, road.claim(road.delivery("evt-1")))
    target = Target({"ids": [17]})
    assert [work.perform("order.load", LOAD, target) for _ in range(2)] == [{"ids": [17]}] * 2
    assert len(target.sent) == 1


def test_what_was_learned_is_known_for_the_rest_of_the_hop(road: Road, runtime: Runtime) -> None:
    work = begin(runtime, road.claim(road.delivery("evt-1")))
    work.remember("order", "1001", "17")
    work.perform("order.confirm", LOAD, Target(True))
    assert work.known("order", "1001") == "17"


def test_what_is_rolled_back_is_written_later(road: Road, runtime: Runtime) -> None:
    work = begin(runtime, road.claim(road.delivery("evt-1")))
    work.perform("order.load", LOAD, Target({"ids": [17]}))
    work.remember("customer", "c-1", "42")
    with pytest.raises(ZeroDivisionError), runtime.database.transaction() as tx:
        work.write_down(tx)
        raise ZeroDivisionError
    end(runtime, work)
    assert road.value("select outcome from attempts") == "ok"
    assert road.value("select their_id from crossrefs") == "42"


def test_what_is_found_settles_the_unknown_try(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    with pytest.raises(Retry):
        work.perform("order.confirm", LOAD, Target(Retry("timeout", unknown_outcome=True)))
    end(runtime, work)
    work = again(road, runtime, id)
    work.found("order.confirm", "state sale")
    work.found("order.confirm", "state sale")
    assert road.value("select array_agg(outcome) from attempts") == ["found"]
    assert work.effects == ["order.confirm"]


def test_what_is_found_though_never_tried_is_recorded_once(road: Road, runtime: Runtime) -> None:
    work = begin(runtime, road.claim(road.delivery("evt-1")))
    work.found("order.confirm", "state sale")
    work.perform("order.confirm", LOAD, Target())
    assert road.value("select count(*) from attempts where outcome = 'found'") == 1


def test_no_call_starts_with_a_lost_lease(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    road.run("update deliveries set lease = gen_random_uuid() where id = %s", id)
    target = Target(True)
    with pytest.raises(LeaseLost):
        work.perform("order.load", LOAD, target)
    assert target.sent == []


@pytest.mark.parametrize("effect", ["order.confirm", "order.load"])
def test_a_late_answer_is_not_written_over_the_lease_of_another(road: Road, runtime: Runtime, effect: str) -> None:
    """Frozen after the look at its own clock: the other worker has closed the books without this try.

    An answer is written with the next intent, or before one of the same effect.
    """
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    work.perform("order.load", LOAD, Target({"ids": [17]}))
    road.run("update deliveries set lease = gen_random_uuid() where id = %s", id)
    with pytest.raises(LeaseLost):
        work.perform(effect, LOAD, Target(True))
    end(runtime, work)
    assert road.value("select array_agg(outcome) from attempts") == [None]


def test_a_frozen_worker_knows_by_its_own_clock(road: Road, runtime: Runtime) -> None:
    delivery = road.claim(road.delivery("evt-1"))
    assert delivery
    lease = Lease(delivery)
    lease.valid_until -= 30.0
    target = Target(True)
    with pytest.raises(LeaseLost):
        DeliveryWork(runtime, delivery, lease).perform("order.load", LOAD, target)
    assert target.sent == []


def test_crossrefs_are_durable_and_reserved(road: Road, runtime: Runtime) -> None:
    one = begin(runtime, road.claim(road.delivery("evt-1", order="1")))
    two = begin(runtime, road.claim(road.delivery("evt-2", order="2")))
    one.reserve("customer", "c\x0077")
    with pytest.raises(Throttled) as busy:
        two.reserve("customer", "c\x0077")
    assert busy.value.after == 1.0
    one.remember("customer", "c\x0077", "42")
    assert one.known("customer", "c\x0077") == "42"
    one.perform("order.load", LOAD, Target(True))
    assert two.known("customer", "c\x0077") == "42"


def test_a_record_is_adopted_durably_and_by_one(road: Road, runtime: Runtime) -> None:
    one = begin(runtime, road.claim(road.delivery("evt-1", order="1")))
    two = begin(runtime, road.claim(road.delivery("evt-2", order="2")))
    assert one.adopt("customer", "c-1", "36")
    assert two.known("customer", "c-1") == "36", "though the first worker wrote nothing else, and may be dead by now"
    assert not two.adopt("guest", "g\x001", "36")
    assert two.taken("guest", "g\x001", ["36", "37"]) == {"36"}


def test_an_object_that_is_another_record_now_is_linked_anew_and_audited(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    work.remember("customer", "c-1", "36")
    work.relink("customer", "c-1", "36", "50")
    assert work.known("customer", "c-1") == "50"
    with runtime.database.transaction() as tx:
        (entry,) = audit.of_deliveries(tx, [id])
    assert (entry["who"], entry["action"]) == ("fleet", "relink")
    assert entry["detail"] == {"entity": "customer", "was": "36", "theirs": "50"}
    end(runtime, work)
    assert begin(runtime, road.claim(road.delivery("evt-2", order="2"))).known("customer", "c-1") == "50"


def test_request_keys_are_the_same_within_a_round_and_differ_otherwise(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    key = begin(runtime, road.claim(id)).idempotency_key("push")
    assert again(road, runtime, id).idempotency_key("push") == key
    assert again(road, runtime, id).idempotency_key("push.2") != key
    road.run("update deliveries set round = 2")
    assert again(road, runtime, id).idempotency_key("push") != key


def test_what_is_stored_is_encrypted(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    work = begin(runtime, road.claim(id))
    work.perform("order.load", LOAD, Target({"name": "Jane"}))
    end(runtime, work)
    with runtime.database.transaction() as tx:
        row = tx.row("select request, answer from attempts")
    assert row
    assert b"1001" not in row["request"]
    assert b"Jane" not in row["answer"]
    assert json.loads(runtime.vault.open(row["request"]))["path"] == LOAD.path


def test_a_try_that_never_left_does_not_hide_one_whose_outcome_is_open(road: Road, runtime: Runtime) -> None:
    id = road.delivery("evt-1")
    for failure in (Retry("timeout", unknown_outcome=True), Retry("no connection")):
        work = again(road, runtime, id)
        with pytest.raises(Retry):
            work.perform("order.load", LOAD, Target(failure))
        end(runtime, work)
    target = Target(True)
    again(road, runtime, id).perform("order.load", Request("POST", "/other", None, {}), target)
    assert target.sent == [LOAD]
