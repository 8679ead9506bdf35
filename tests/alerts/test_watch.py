"""How notices go out: at once, once, together, again when it grew, and when it is over; never lost, never twice."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from integration.message import State
from tests.alerts.conftest import Watched
from tests.alerts.inbox import SECRET_PATH, Hook

REPEAT = 1800
STORM = """
with stormy as (
    insert into messages (source, external_id, type, object_id, version, body, body_hash)
    select %(shop)s, 'storm-' || n, 'order.created', 'storm-' || n, 1, '', '' from generate_series(1, 1000) n
    returning id
)
insert into deliveries (message, target, entity, lane, version, state, step, fingerprint, reason, hint, finished_at)
select id, %(odoo)s, 'order', 'storm-' || id, 1, 'dead', 'post',
    case when mod(id, 10) < 6 then 'aaaaaaaaaaaa' else 'bbbbbbbbbbbb' end,
    case when mod(id, 10) < 6 then 'unknown tax' else 'unknown carrier' end, 'Add it to the table.', now() from stormy
"""


def test_refused_credentials_are_reported_at_once_with_all_that_one_must_know(fleet: Watched) -> None:
    fleet.road.accept("evt-1")
    fleet.pause("Odoo does not accept the API key", "Make a new key.")
    fleet.look()
    (notice,) = fleet.hook.notices
    assert notice["title"] == "clarity-fleet: credentials refused: odoo-1"
    assert notice["type"] == "failure"
    lines = notice["message"].splitlines()
    since = fleet.road.value("select to_char(paused_at, 'YYYY-MM-DD HH24:MI') from installations where name = 'odoo-1'")
    assert lines == [
        f"credentials refused: odoo-1 (127.0.0.1:1), since {since} UTC",
        "Odoo does not accept the API key",
        "Nothing is sent there until that is fixed; deliveries that wait: 1.",
        "What to do: Make a new key. It is tried again each minute; `fleet targets ls` shows whether it answers.",
    ]


def test_the_end_is_reported_once(fleet: Watched) -> None:
    fleet.pause()
    fleet.look()
    fleet.pause(None)
    fleet.look()
    assert len(fleet.hook.notices) == 1, "what comes and goes within a minute is one alert"
    fleet.later(61)
    fleet.later(REPEAT)
    assert fleet.hook.titles[1:] == ["clarity-fleet: resolved: credentials refused: odoo-1"]
    assert fleet.hook.notices[1]["type"] == "success"
    assert "It lasted from " in fleet.hook.notices[1]["message"]


def test_a_question_that_takes_too_long_leaves_the_others_known(fleet: Watched) -> None:
    fleet.road.accept("evt-1")
    fleet.road.accept("evt-1", body={"another": "body"})
    fleet.pause()
    with fleet.runtime.database.transaction() as tx, capture_logs() as logs:
        tx.run("lock table refusals")
        fleet.look()
    unknown = [each["condition"] for each in logs if each["event"] == "watch.condition_unknown"]
    assert unknown == ["refused"]
    raised = {each["alert"] for each in logs if each["event"] == "alert.raised"}
    assert raised == {"credentials", "conflict"}


def test_a_storm_of_dead_letters_is_one_notice(fleet: Watched) -> None:
    fleet.road.run(STORM, {"shop": fleet.road.shop.id, "odoo": fleet.road.odoo.id})
    fleet.look()
    assert [title for title in fleet.hook.titles if "dead" in title] == [], "there may be more of them to come"
    fleet.later(10)
    reported = [notice for notice in fleet.hook.notices if "dead" in notice["title"]]
    assert [notice["title"] for notice in reported] == ["clarity-fleet: dead letters: odoo-1 (1000)"]
    lines = reported[0]["message"].splitlines()
    assert lines[1:4] == ["Deliveries: 1000", "600 × aaaaaaaaaaaa: unknown tax", "400 × bbbbbbbbbbbb: unknown carrier"]
    assert lines[4] == "first ids: 1, 2, 3, 4, 5"
    assert "`fleet dead show 1` shows one" in lines[5]


def test_the_same_again_is_reported_when_it_grew_and_no_sooner(fleet: Watched) -> None:
    fleet.fails(2)
    fleet.look()
    fleet.later(10)
    fleet.fails(1)
    fleet.later(REPEAT - 30)
    assert fleet.hook.titles == ["clarity-fleet: dead letters: odoo-1 (2)"]
    fleet.later(31)
    fleet.later(REPEAT + 1)
    assert fleet.hook.titles[1:] == ["clarity-fleet: dead letters: odoo-1 (3)"], "once: it did not grow again"
    fleet.later(24 * 3600)
    assert fleet.hook.titles[2:] == ["clarity-fleet: dead letters: odoo-1 (3)"], "nobody is to forget it"


def test_new_ones_count_even_where_others_were_repaired(fleet: Watched) -> None:
    fleet.fails(3)
    fleet.look()
    fleet.later(10)
    fleet.road.run("update deliveries set state = 'done' where id <= 2")
    fleet.look()
    fleet.fails(1, "something else")
    fleet.later(REPEAT + 1)
    assert fleet.hook.titles[1:] == ["clarity-fleet: dead letters: odoo-1 (2)"]


def test_what_comes_back_soon_after_its_notice_waits_its_turn(fleet: Watched) -> None:
    def dead(count: int) -> None:
        fleet.fails(count)
        fleet.look()
        fleet.later(11)

    dead(1)
    fleet.repaired()
    fleet.later(61)
    dead(1)
    assert fleet.hook.titles == [
        "clarity-fleet: dead letters: odoo-1 (1)",
        "clarity-fleet: resolved: dead letters: odoo-1",
    ]
    fleet.later(REPEAT)
    assert fleet.hook.titles[2:] == ["clarity-fleet: dead letters: odoo-1 (1)"]


def test_credentials_never_wait_their_turn(fleet: Watched) -> None:
    for _ in range(2):
        fleet.pause()
        fleet.look()
        fleet.pause(None)
        fleet.later(61)
    assert [title.split(": ")[1] for title in fleet.hook.titles] == ["credentials refused", "resolved"] * 2


def test_what_is_reported_at_one_time_is_one_notice(fleet: Watched) -> None:
    fleet.fails(2)
    fleet.fails(1, "two possible customers", State.HELD)
    fleet.look()
    fleet.pause()
    fleet.later(10)
    (notice,) = fleet.hook.notices
    assert notice["title"].startswith(
        "clarity-fleet: 3 alerts - dead letters: odoo-1 (2); held for a person: odoo-1 (1)"
    )
    assert len(notice["message"].split("\n\n")) == 3


def test_each_level_of_the_budget_is_reported_once_and_at_once(fleet: Watched) -> None:
    fleet.fails(5)
    fleet.look()
    assert fleet.hook.titles == ["clarity-fleet: failure budget: odoo-1"]
    assert "50 % is used up: 5 of the 5" in fleet.hook.notices[0]["message"]
    fleet.fails(4)
    fleet.look()
    assert "90 % is used up: 9 of the 9" in fleet.hook.notices[1]["message"]
    fleet.road.run("update deliveries set state = 'done' where id <= 2")
    fleet.look()
    fleet.road.run("update deliveries set state = 'dead' where id <= 2")
    fleet.look()
    assert len([notice for notice in fleet.hook.notices if "used up" in notice["message"]]) == 2


def test_two_beats_send_once(fleet: Watched) -> None:
    fleet.pause()
    fleet.hook.seconds = 0.3
    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(fleet.look) for _ in range(4)]:
            each.result()
    assert len(fleet.hook.notices) == 1
    fleet.hook.seconds = 0.0
    fleet.look()
    assert len(fleet.hook.notices) == 1


def test_what_was_not_taken_is_kept_and_sent_later(fleet: Watched) -> None:
    other = Hook()
    fleet.set(urls=(fleet.hook.url, other.url))
    fleet.hook.status = 500
    fleet.pause()
    with capture_logs() as lines:
        fleet.look()
        fleet.look()
    failures = [line for line in lines if line["event"] == "notice.not_sent"]
    assert [(line["log_level"], line["channel"], line["notices"]) for line in failures] == [
        ("error", "json://127.0.0.1", 1)
    ]
    assert fleet.hook.calls == 1, "it is given some seconds"
    assert len(other.notices) == 1, "the other channel has it"

    fleet.pause(None)
    fleet.later(61)
    assert (fleet.hook.calls, fleet.hook.notices) == (2, [])
    fleet.hook.status = 200
    fleet.later(900)
    (notice,) = fleet.hook.notices
    assert notice["title"] == "clarity-fleet: 2 notices", "what has gathered is one message"
    assert "credentials refused: odoo-1 (" in notice["message"]
    assert "resolved: credentials refused: odoo-1 (" in notice["message"]
    assert other.titles == [
        "clarity-fleet: credentials refused: odoo-1",
        "clarity-fleet: resolved: credentials refused: odoo-1",
    ]
    other.close()


def test_a_channel_that_never_answers_does_not_keep_the_watch(fleet: Watched) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:  # takes the call, and says nothing
        url = f"json://127.0.0.1:{door.getsockname()[1]}/{SECRET_PATH}"
        fleet.set(urls=(f"{url}?rto=0.3", fleet.hook.url))
        fleet.pause()
        fleet.look()
    assert len(fleet.hook.notices) == 1
    assert fleet.road.value("select tries from notices where sent_at is null") == 1
    fleet.later(31)
    assert fleet.road.value("select tries from notices where sent_at is null") == 2, "nor when nobody listens"


def test_no_channel_no_notice_but_the_alert_exists_and_is_logged(fleet: Watched) -> None:
    fleet.set(urls=())
    fleet.pause()
    with capture_logs() as lines:
        fleet.look()
        fleet.look()
    assert [(line["event"], line["alert"], line["about"]) for line in lines] == [
        ("alert.raised", "credentials", "odoo-1")
    ]
    assert lines[0]["log_level"] == "error"
    assert fleet.road.value("select count(*) from notices") == 0
    fleet.set(urls=(fleet.hook.url,))
    fleet.look()
    assert fleet.hook.titles == ["clarity-fleet: credentials refused: odoo-1"], (
        "what is wrong is reported when there is one"
    )


@pytest.mark.parametrize("url", ["json://", "nonsense://x/s3cr3t-path-of-the-hook", "s3cr3t-path-of-the-hook"])
def test_a_url_that_cannot_be_right_stops_nothing(fleet: Watched, url: str) -> None:
    fleet.set(urls=(url, fleet.hook.url))
    fleet.pause()
    with capture_logs() as lines:
        fleet.look()
    assert len(fleet.hook.notices) == 1
    assert [line["event"] for line in lines] == ["alert.raised", "notice.not_sent"]
    assert SECRET_PATH not in json.dumps(lines)


def test_no_secret_of_a_url_is_logged_or_stored(fleet: Watched, capfd: pytest.CaptureFixture[str]) -> None:
    fleet.hook.status = 403
    fleet.pause()
    with capture_logs() as lines:
        fleet.look()
    stored = fleet.road.value("select json_agg(n)::text from notices n")
    for text in (json.dumps(lines), str(stored), "".join(capfd.readouterr())):
        assert SECRET_PATH not in text
        assert "pa55word" not in text
    assert "403" in json.dumps(lines)


def test_personal_data_in_a_reason_is_masked(fleet: Watched) -> None:
    fleet.pause("anna.nowak@shop.example may not sign in")
    fleet.look()
    assert "*** may not sign in" in fleet.hook.notices[0]["message"]


def test_what_is_long_over_is_forgotten(fleet: Watched) -> None:
    from tasks.upkeep import tidy

    fleet.pause()
    fleet.look()
    fleet.pause(None)
    fleet.later(61)
    tidy.apply(throw=True)
    assert fleet.road.value("select count(*) from notices") == 2
    fleet.later(91 * 24 * 3600)
    tidy.apply(throw=True)
    assert fleet.road.value("select (select count(*) from notices) + (select count(*) from alerts)") == 0
