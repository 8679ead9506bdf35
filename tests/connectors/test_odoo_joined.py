"""How calls of several deliveries become one, and the answer to it the answer to each: `Bulk` alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from integration.connectors.answers import Answer
from integration.connectors.contract import Request
from integration.connectors.odoo import searches
from integration.connectors.odoo.bulk import MOST, Bulk
from integration.connectors.odoo.errors import WrongState
from integration.errors import Failure, Reject, Retry
from integration.side_by_side import run

Row = dict[str, Any]
PEOPLE: list[Row] = [
    {"id": 1, "name": "Ann", "email": "a@x", "parent_id": False, "active": True},
    {"id": 2, "name": "Bob", "email": "b@x", "parent_id": [1, "Ann"], "active": True},
    {"id": 3, "name": "Ann", "email": False, "parent_id": False, "active": False},
    {"id": 4, "name": "Eve", "email": "b@x", "parent_id": False, "active": True},
]


class Clerk:
    """Answers like Odoo 19, all or nothing, and refuses what is about a ``bad`` id or row."""

    def __init__(self, *bad: Any, names: bool = True, slow: float = 0.0) -> None:
        self.sizes: list[int] = []
        self.most = 0
        self._bad = bad
        self._names = names
        self._slow = slow
        self._under_way = 0

    def __call__(self, request: Request, size: int) -> Any:
        self.sizes.append(size)
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        time.sleep(self._slow)
        self._under_way -= 1
        return getattr(self, request.path.rpartition("/")[2])(request.body)

    def action_confirm(self, body: Row) -> bool:
        if bad := [id for id in body["ids"] if id in self._bad]:
            raise WrongState(f"{bad}", hint="x")
        return True

    def load(self, body: Row) -> Answer:
        place = body["fields"].index("id")
        bad = [number for number, row in enumerate(body["data"]) if row[place] in self._bad]
        if bad:
            rows = {"from": bad[0], "to": bad[0]} if self._names else None
            return Answer(ids=False, messages=[{"rows": rows, "type": "error", "message": f"no {bad[0]}"}])
        return Answer(ids=[int(row[place]) for row in body["data"] if row[place]], messages=[])

    def read(self, body: Row) -> list[Row]:
        return [row for row in PEOPLE if row["id"] in body["ids"]]

    def search_read(self, body: Row) -> list[Row]:
        return [row for row in PEOPLE if searches.finds(body["domain"], row)][: body.get("limit")]


def call(model_method: str, **body: Any) -> Request:
    return Request("POST", f"/json/2/{model_method}", body, {})


def ask(clerk: Clerk, requests: Sequence[Request], *, looks: bool = False) -> list[Any]:
    """The answers to calls that are made at the same time; a failure in its place."""
    bulk = Bulk(clerk)

    def piece(request: Request) -> Any:
        try:
            return bulk.look(request) if looks else bulk.send(request)
        except Failure as failure:
            return failure

    return run([partial(piece, request) for request in requests])


def confirmations(count: int) -> list[Request]:
    return [call("sale.order/action_confirm", ids=[id]) for id in range(1, count + 1)]


def loads(count: int, lines: int = 2) -> list[Request]:
    more = [["", "a line"]] * (lines - 1)
    return [call("sale.order/load", fields=["id", "line"], data=[[str(id), "x"], *more]) for id in range(1, count + 1)]


def test_no_call_is_for_more_than_sixteen() -> None:
    clerk = Clerk()
    assert ask(clerk, confirmations(40)) == [True] * 40
    assert clerk.sizes == [MOST, MOST, 8]


@pytest.mark.parametrize("bad", [{1}, {8}, {16}, {3, 4, 11}, set(range(1, 17))])
def test_a_refused_call_is_halved_until_each_bad_one_has_its_own_reason(bad: set[int]) -> None:
    answers = ask(Clerk(*bad), confirmations(MOST))
    expected = [f"[{id}]" if id in bad else True for id in range(1, MOST + 1)]
    assert [each.reason if isinstance(each, Failure) else each for each in answers] == expected


def test_the_rows_that_odoo_names_are_asked_alone_and_the_others_together() -> None:
    clerk = Clerk("5", "9")
    answers = ask(clerk, loads(MOST))
    assert [each["ids"] for each in answers] == [False if id in (5, 9) else [id] for id in range(1, MOST + 1)]
    assert clerk.sizes == [MOST, 15, 14, 1, 1]


def test_where_odoo_names_none_a_refused_load_is_halved() -> None:
    clerk = Clerk("5", names=False)
    answers = ask(clerk, loads(8))
    assert [each["ids"] for each in answers] == [False if id == 5 else [id] for id in range(1, 9)]
    assert clerk.sizes == [8, 4, 4, 2, 1, 1, 2]


def test_a_load_gets_the_ids_of_its_own_records_only() -> None:
    requests = [
        call("res.partner/load", fields=["id", "name"], data=[["1", "a"], ["2", "b"]]),
        call("res.partner/load", fields=["id", "name"], data=[["3", "c"]]),
        call("res.partner/load", fields=["name", "id"], data=[["d", "4"]]),
        call("res.partner/load", fields=["id", "name"], data=[["5", "a"], ["", "more"], ["6", "b"]]),
    ]
    clerk = Clerk()
    assert [each["ids"] for each in ask(clerk, requests)] == [[1, 2], [3], [4], [5, 6]]
    assert sorted(clerk.sizes) == [1, 3], "other columns are another call: an empty cell would empty the field"


def test_a_conflict_is_that_of_all() -> None:
    class Contended(Clerk):
        def load(self, body: Row) -> Answer:  # noqa: ARG002 - it answers all alike
            return Answer(ids=False, messages=[{"message": "could not serialize access due to concurrent update"}])

    clerk = Contended()
    assert {each["ids"] for each in ask(clerk, loads(5))} == {False}
    assert clerk.sizes == [5]


def test_an_unknown_outcome_is_that_of_all_who_shared_the_call() -> None:
    class Silent(Clerk):
        def action_confirm(self, body: Row) -> bool:  # noqa: ARG002 - it answers all alike
            raise Retry("no answer", unknown_outcome=True)

    clerk = Silent()
    answers = ask(clerk, confirmations(5))
    assert all(isinstance(each, Retry) and each.unknown_outcome for each in answers)
    assert clerk.sizes == [5]


def test_what_is_unknown_of_a_half_is_no_matter_of_the_other() -> None:
    class Tired(Clerk):
        def action_confirm(self, body: Row) -> bool:
            if body["ids"] == [3, 4]:
                raise Retry("no answer", unknown_outcome=True)
            if len(body["ids"]) > 2:
                raise Reject("one of you", hint="x")
            return True

    answers = ask(Tired(), confirmations(4))
    assert answers[:2] == [True, True]
    assert [type(each) for each in answers[2:]] == [Retry, Retry]


def test_a_window_that_asks_something_confirms_none_of_several() -> None:
    class Asking(Clerk):
        def action_confirm(self, body: Row) -> Any:
            return {"type": "ir.actions.act_window"} if 2 in body["ids"] else True

    assert ask(Asking(), confirmations(3)) == [True, {"type": "ir.actions.act_window"}, True]


def test_each_gets_the_rows_that_it_asked_for() -> None:
    clerk = Clerk()
    requests = [call("res.partner/read", ids=ids, fields=["name"]) for ids in ([2, 1], [3], [9, 1])]
    answers = ask(clerk, requests, looks=True)
    assert [[row["id"] for row in rows] for rows in answers] == [[2, 1], [3], [1]]
    assert clerk.sizes == [3]


SEARCHES: list[list[Any]] = [
    [["name", "=", "Ann"], ["parent_id", "=", False]],
    ["|", ["email", "in", ["a@x", "b@x"]], ["name", "=", "Ann"], ["active", "=", True]],
    [["parent_id", "=", 1]],
    [["email", "=", False]],
    [["name", "=", "Nobody"]],
]


def searching(domain: list[Any], **more: Any) -> Request:
    return call("res.partner/search_read", domain=domain, fields=["name", "email", "parent_id", "active"], **more)


def test_each_search_gets_the_rows_that_it_finds() -> None:
    clerk = Clerk()
    answers = ask(clerk, [searching(domain) for domain in SEARCHES], looks=True)
    assert [[row["id"] for row in rows] for rows in answers] == [[1, 3], [1, 2, 4], [2], [3], []]
    assert clerk.sizes == [5]


def test_searches_that_find_too_much_together_are_made_apart() -> None:
    clerk = Clerk()
    answers = ask(clerk, [searching(domain, limit=1) for domain in SEARCHES[:2]], looks=True)
    assert [[row["id"] for row in rows] for rows in answers] == [[1], [1]]
    assert clerk.sizes == [2, 1, 1]


@pytest.mark.parametrize(
    "search",
    [
        {"domain": [["email", "ilike", "a"]], "fields": ["email"]},
        {"domain": [["vat", "=", "1"]], "fields": ["email"]},
        {"domain": ["!", ["email", "=", "a"]], "fields": ["email"]},
        {"domain": [["tag_ids", "=", 1]], "fields": ["tag_ids"]},
        {"domain": [["email", "=", "a"]], "fields": ["email"], "offset": 1},
        {"domain": [], "fields": ["email"]},
    ],
)
def test_a_search_whose_rows_do_not_show_it_is_made_alone(search: Row) -> None:
    assert not searches.separable(search)


def test_a_row_that_no_search_has_found_makes_each_ask_for_itself() -> None:
    class Loose(Clerk):
        """Takes a condition more loosely than we do."""

        def search_read(self, body: Row) -> list[Row]:
            return PEOPLE[:1] if body["domain"] == SEARCHES[4] else super().search_read(body) + PEOPLE[3:]

    clerk = Loose()
    answers = ask(clerk, [searching(domain) for domain in (SEARCHES[2], SEARCHES[4])], looks=True)
    assert [[row["id"] for row in rows] for rows in answers] == [[2, 4], [1]]
    assert clerk.sizes == [2, 1, 1]


def test_the_very_same_question_is_asked_once() -> None:
    class Knowing(Clerk):
        def fields_get(self, body: Row) -> Row:
            return {"of": body["of"]}

    clerk = Knowing()
    requests = [call("res.partner/fields_get", of=of) for of in (1, 2, 1, 1)]
    assert ask(clerk, requests, looks=True) == [{"of": 1}, {"of": 2}, {"of": 1}, {"of": 1}]
    assert clerk.sizes == [1, 1]


def test_the_very_same_effect_is_not_taken_for_one() -> None:
    class Writing(Clerk):
        def write(self, body: Row) -> bool:  # noqa: ARG002 - it answers all alike
            return True

    clerk = Writing()
    assert ask(clerk, [call("res.partner/write", ids=[1], vals={"name": "x"})] * 3) == [True] * 3
    assert clerk.sizes == [1, 1, 1]
