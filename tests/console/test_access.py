"""Who may do what in the console."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from integration.console.access import SAFE, TRIES
from integration.store import users
from integration.store.database import Database
from integration.store.users import Role
from tests.console.browser import BASE, Browser

PASSWORD = "a long password"
OPEN_TO_ALL = {"healthz", "sign_in", "begin", "link", "use_link"}


def test_every_route_names_its_role_and_what_changes_something_is_no_viewers(app: Flask) -> None:
    roles = app.extensions["roles"]
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    assert {rule.endpoint for rule in rules} == set(roles)
    assert {name for name, role in roles.items() if role is None} == OPEN_TO_ALL
    of_ones_own = {"sign_out", "set_password"}
    acts = {rule.endpoint for rule in rules if not (rule.methods or set()) <= SAFE} - OPEN_TO_ALL - of_ones_own
    assert acts
    assert not [name for name in acts if roles[name] == "viewer"]


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(app: Flask, database: Database) -> None:
    with database.transaction() as tx:
        users.add(tx, "jane", "viewer", "anna")
        key = users.make_link(tx, "jane")
    browser = Browser(app)
    asked = browser.get("/jobs", before="7")
    assert "Sign in" in asked.text
    browser.post(f"/sign-in/{key}")
    browser.post("/account", new=PASSWORD)
    other = Browser(app)
    again = other.press(other.get("/jobs"), "Sign in", name="jane", password=PASSWORD)
    assert (again.status_code, again.request.path) == (200, "/jobs")


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example"])
def test_the_way_back_never_leads_elsewhere(app: Flask, back: str) -> None:
    assert "elsewhere" not in Browser(app).get("/sign-in", back=back).text


def test_a_link_signs_in_once_and_not_by_being_looked_at(app: Flask, database: Database) -> None:
    with database.transaction() as tx:
        users.add(tx, "jane", "viewer", "anna")
        key = users.make_link(tx, "jane")
    for _ in range(2):
        assert "signs you in once" in Browser(app).get(f"/sign-in/{key}").text
    assert Browser(app).post(f"/sign-in/{key}").request.path == "/"
    refused = Browser(app).post(f"/sign-in/{key}")
    assert refused.status_code == 403
    assert "fleet users link" in refused.text


def test_a_link_ends_after_a_quarter_of_an_hour(app: Flask, database: Database) -> None:
    with database.transaction() as tx:
        users.add(tx, "jane", "viewer", "anna")
        key = users.make_link(tx, "jane")
        tx.run("update sign_in_links set ends_at = now() - interval '1 second'")
    assert Browser(app).post(f"/sign-in/{key}").status_code == 403


def test_a_session_ends_at_once_when_its_user_changes(signed_in: Callable[[Role], Browser], database: Database) -> None:
    def leave(browser: Browser) -> None:
        browser.post("/sign-out")

    def role(_: Browser) -> None:
        with database.transaction() as tx:
            users.change_role(tx, "operator", "viewer", "anna")

    def removal(_: Browser) -> None:
        with database.transaction() as tx:
            users.remove(tx, "operator", "anna")

    def time(_: Browser) -> None:
        with database.transaction() as tx:
            tx.run("update sessions set ends_at = now()")

    for change in (leave, role, time, removal):
        with database.transaction() as tx:
            users.change_role(tx, "operator", "operator", "anna")
        browser = signed_in("operator")
        assert browser.get("/jobs").request.path == "/jobs"
        change(browser)
        assert browser.get("/jobs").request.path == "/sign-in", change.__name__


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        ("cross-site", None),
        ("same-site", None),
        ("none", None),
        (None, None),
        (None, "https://elsewhere.example"),
        (None, "null"),
        ("cross-site", BASE),
    ],
)
def test_other_sites_change_nothing(operator: Browser, site: str | None, origin: str | None) -> None:
    assert operator.post("/sign-out", site=site, origin=origin).status_code == 403
    assert operator.get("/jobs").request.path == "/jobs"


def test_an_old_browser_says_its_origin_only(operator: Browser) -> None:
    assert operator.post("/sign-out", site=None, origin=BASE).status_code == 200
    assert operator.get("/jobs").request.path == "/sign-in"


def test_a_viewer_changes_nothing(viewer: Browser) -> None:
    for path in ("/jobs", "/jobs/1"):
        refused = viewer.post(path, act="replay", selection="state=held", change="start")
        assert refused.status_code == 403
        assert "needs the role operator" in refused.text


def test_who_tries_passwords_has_to_wait(app: Flask, database: Database) -> None:
    with database.transaction() as tx:
        users.add(tx, "jane", "viewer", "anna")
        key = users.make_link(tx, "jane")
    browser = Browser(app)
    browser.post(f"/sign-in/{key}")
    browser.post("/account", new=PASSWORD)
    stranger = Browser(app)
    answers = [stranger.post("/sign-in", name="jane", password=f"{count}").status_code for count in range(TRIES)]
    assert set(answers) == {401}
    assert stranger.post("/sign-in", name="jane", password=PASSWORD).status_code == 429


def test_passwords_are_long_and_stored_hashed(viewer: Browser, database: Database) -> None:
    assert viewer.post("/account", new="short").status_code == 422
    assert viewer.post("/account", new=PASSWORD).status_code == 200
    with database.transaction() as tx:
        encoded = users.password_of(tx, "viewer")
    assert encoded
    assert encoded.startswith("$argon2id$")
    assert PASSWORD not in encoded


def test_nothing_of_a_key_is_stored(viewer: Browser, database: Database) -> None:
    with database.transaction() as tx:
        (row,) = tx.rows("select hash from sessions")
    assert len(row["hash"]) == 32
    cookie = viewer.get("/").request.headers["Cookie"].partition("=")[2]
    assert cookie.encode() not in row["hash"]


def test_every_answer_forbids_what_no_page_of_ours_does(viewer: Browser) -> None:
    for path in ("/", "/nowhere", "/static/console.css"):
        answer = viewer.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
    assert viewer.get("/").headers["Cache-Control"] == "no-store"


def test_no_template_has_what_the_policy_forbids(app: Flask) -> None:
    names = app.jinja_env.list_templates()
    assert len(names) > 10
    for name in names:
        source = app.jinja_env.loader.get_source(app.jinja_env, name)[0]  # type: ignore[union-attr]
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*src=)|\|\s*safe|https?:", source), name
