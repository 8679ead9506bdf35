"""What a person types to repair a delivery, and what the commands print; each reveal is in the audit."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from integration.canonical import freeze, thaw
from integration.cli import main
from integration.errors import Failure
from integration.message import State, Step
from integration.operations.editing import corrected, differing, read, written
from integration.store.database import Database
from integration.vault import Vault
from tests.operations.slices import carry_out, leave
from tests.store.road import Road

TARGET = {
    "key": "1001",
    "version": 3,
    "amount_total": Decimal("10.50"),
    "order": {"PaymentTerms": "31 Net"},
    "customer": {"email": "jane@mail.example"},
    "lines": [{"sku": None, "quantity": Decimal("2"), "gift": False}],
}
EVENT = {"id": "evt-1", "type": "order.created", "data": {"notes": "ring twice", "lines": [{"sku": "NO-SUCH"}]}}
ALL = {"canonical": {}, "part": {}, "target": TARGET}

Fleet = Callable[..., Result]


@pytest.fixture
def variables(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "FLEET_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "FLEET_HOME": str(tmp_path),
        "FLEET_USER": "jane",
    }


@pytest.fixture
def vault(variables: dict[str, str]) -> Vault:
    return Vault([variables["FLEET_ENCRYPTION_KEYS"]])


@pytest.fixture
def fleet(variables: dict[str, str]) -> Fleet:
    return lambda *arguments, **options: CliRunner(env=variables | {"COLUMNS": "9999"}).invoke(
        main, [str(argument) for argument in arguments], **options
    )


@pytest.fixture
def road(database: Database) -> Road:
    leave(database)
    return Road(database)


def failed(
    road: Road, vault: Vault, state: State, code: str, *, event: str = "evt-1", document: Any = ALL, **rest: Any
) -> int:
    """A delivery about order 1001 that was translated, if it has a document, and then failed."""
    id = road.delivery(event, order=rest.pop("order", "1001"))
    road.run("update messages set body = %s where external_id = %s", vault.seal(freeze(EVENT)), event)
    claimed = road.claim(id)
    assert claimed
    if document:
        sealed = vault.seal(freeze(document))
        road.move(claimed, State.QUEUED, step=Step.ENRICH, queue="odoo", document=sealed, credit=99)
        claimed = road.claim(id, (Step.ENRICH,))
        assert claimed
    road.move(claimed, state, code=code, reason=f"{code}: not as it should be", hint="Correct it.", **rest)
    return id


def stored(road: Road, vault: Vault, id: int) -> Any:
    sealed = road.value("select document from deliveries where id = %s", id)
    assert isinstance(sealed, bytes)
    return thaw(vault.open(sealed))


def audited(fleet: Fleet) -> list[tuple[str, str, int | None, dict[str, Any]]]:
    rows = json.loads(fleet("audit", "ls", "--json").output)["rows"]
    return [(row["who"], row["action"], row["delivery"], row["detail"]) for row in reversed(rows)]


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("order.PaymentTerms=30 Net", ("order", "PaymentTerms"), "30 Net"),
        ('order.PaymentTerms="30 Net"', ("order", "PaymentTerms"), "30 Net"),
        ("order.PaymentTerms=30", ("order", "PaymentTerms"), "30"),
        ("order.PaymentTerms=null", ("order", "PaymentTerms"), None),
        ("amount_total=12", ("amount_total",), Decimal("12")),
        ("amount_total=12.340", ("amount_total",), Decimal("12.340")),
        ("lines.0.sku=1001", ("lines", 0, "sku"), "1001"),
        ("lines.0.gift=true", ("lines", 0, "gift"), True),
        ("lines.0.quantity=a=b", None, "lines.0.quantity is a number, 'a=b' is none"),
        ("version=7", ("version",), 7),
        ("version=1e99999999", None, "version is a number, '1e99999999' is none"),
        ("version=1e9999999999999999999", None, "version is a number, '1e9999999999999999999' is none"),
        ("version=1.5", None, "version is a number, '1.5' is none"),
        ("amount_total=-1e99999999", None, "amount_total is a number, '-1e99999999' is none"),
        (f"amount_total={'9' * 41}", None, f"amount_total is a number, '{'9' * 40}' is none"),
        ("order.PaymentTerms=" + "[" * 100_000, ("order", "PaymentTerms"), "[" * 100_000),
        ("lines.².sku=SKU-1", None, "the document has no lines.².sku"),
        ("lines.0.gift=maybe", None, "lines.0.gift is true or false, 'maybe' is not"),
        ("lines.1.sku=SKU-1", None, "the document has no lines.1.sku"),
        ("lines.-1.sku=SKU-1", None, "the document has no lines.-1.sku"),
        ("order.paymentTerms=x", None, "the document has no order.paymentTerms"),
        ("key.more=x", None, "the document has no key.more"),
        ("lines[quantity=2].sku=A=B", ("lines", 0, "sku"), "A=B"),
        ("lines[quantity=3].sku=SKU-1", None, "no row of lines has quantity=3"),
        ("rows[quantity=2].sku=SKU-1", None, "the document has no rows[quantity=2].sku"),
        ("order[quantity=2].sku=SKU-1", None, "no row of order has quantity=2"),
        ("version[quantity=2].sku=SKU-1", None, "no row of version has quantity=2"),
        ("lines[quantity=2.sku=SKU-1", None, "'lines[quantity=2.sku=SKU-1' is not PATH=VALUE"),
    ],
)
def test_a_value_put_in_stays_what_it_was(setting: str, path: tuple[str | int, ...] | None, value: Any) -> None:
    if path is None:
        with pytest.raises(Failure) as refused:
            corrected(TARGET, [setting])
        assert refused.value.reason == value
        return
    found: Any = corrected(TARGET, [setting])
    for key in path:
        found = found[key]
    assert (found, type(found)) == (value, type(value))
    assert len(differing(TARGET, corrected(TARGET, [setting]))) == 1


def test_a_value_is_replaced_in_every_row_that_has_it() -> None:
    rows = [{"id": "a.1", "sku": "OLD=1.0"}, {"id": "b", "sku": "KEPT"}, {"id": "c", "sku": "OLD=1.0"}]
    made = corrected({"lines": rows}, ["lines[sku=OLD=1.0].sku=NEW", "lines[id=a.1].sku=NEWER"])
    assert [row["sku"] for row in made["lines"]] == ["NEWER", "KEPT", "NEW"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("order.paymentTerm", "Did you mean order.PaymentTerms?  "),
        ("line.0.sku", "Did you mean lines.0.sku?  "),
        ("order.sum", "In the place of sum there are: PaymentTerms.  "),
        ("lines.7.sku", "In the place of 7 there are the rows 0 to 0.  "),
        ("key.more", "In the place of more there are: no fields.  "),
    ],
)
def test_a_path_that_is_not_there_is_answered_by_what_is(path: str, says: str) -> None:
    with pytest.raises(Failure) as refused:
        corrected(TARGET, [f"{path}=x"])
    assert refused.value.hint
    assert refused.value.hint.startswith(says)


def test_an_editor_gives_every_amount_back_digit_for_digit() -> None:
    text = written(TARGET)
    assert '"amount_total": 10.50' in text
    assert read(text, TARGET) == TARGET
    assert str(read(text, TARGET)["lines"][0]["quantity"]) == "2"
    edited = read(text.replace("10.50", "11"), TARGET)
    assert (edited["amount_total"], type(edited["amount_total"])) == (Decimal(11), Decimal)
    assert differing(TARGET, edited) == ["amount_total"]
    with pytest.raises(Failure, match="missing from the document: key"):
        read(text.replace('"key"', '"kee"'), TARGET)
    lone = {"notes": "\ud800"}
    assert read(written(lone), lone) == lone


def test_edit_corrects_the_target_document_and_says_how_to_send_it(fleet: Fleet, road: Road, vault: Vault) -> None:
    id = failed(road, vault, State.DEAD, "http_400")
    said = fleet("dead", "edit", id, "--set", "order.PaymentTerms=30 Net", "--set", "lines.0.quantity=3")
    assert said.output == (
        "Corrected in the target's document, for this delivery alone: lines.0.quantity, order.PaymentTerms.\n"
        f"`fleet dead replay {id}` sends it.\n"
    )
    assert stored(road, vault, id)["target"]["order"] == {"PaymentTerms": "30 Net"}
    assert audited(fleet) == [
        ("jane", "edit", id, {"document": "target", "paths": ["lines.0.quantity", "order.PaymentTerms"]})
    ]
    assert "30 Net" not in fleet("audit", "ls").output


def test_edit_from_a_file_and_in_an_editor(
    fleet: Fleet, road: Road, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = failed(road, vault, State.DEAD, "http_400")
    whole = tmp_path / "order.json"
    whole.write_text(written(TARGET).replace("31 Net", "32 Net"))
    assert fleet("dead", "edit", id, "--file", whole).exit_code == 0
    assert stored(road, vault, id)["target"]["order"] == {"PaymentTerms": "32 Net"}
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/32 Net/33 Net/' \"$1\"\n")
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    assert fleet("dead", "edit", id).output.endswith(
        f"alone: order.PaymentTerms.\n`fleet dead replay {id}` sends it.\n"
    )
    assert stored(road, vault, id)["target"]["order"] == {"PaymentTerms": "33 Net"}
    assert fleet("dead", "edit", id).output == "error: nothing was changed\n"
    assert [action for _, action, _, _ in audited(fleet)] == ["edit", "reveal", "edit", "reveal"], (
        "who opens the editor sees what is personal, whether or not anything is changed"
    )


def test_what_an_editor_like_cat_prints_is_audited(
    fleet: Fleet, road: Road, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = failed(road, vault, State.DEAD, "http_400")
    monkeypatch.setenv("VISUAL", "cat")
    assert fleet("dead", "edit", id).exit_code == 1
    assert audited(fleet) == [("jane", "reveal", id, {})]


def test_a_field_named_like_an_escape_sequence_moves_no_cursor(fleet: Fleet, road: Road, vault: Vault) -> None:
    id = failed(road, vault, State.HELD, "unmapped", document=None)
    odd = "\x1b]0;owned\x07"
    road.run("update messages set body = %s", vault.seal(freeze({**EVENT, "data": {odd: "a", "lines": []}})))
    said = fleet("held", "edit", id, "--event", "--set", f"{odd}=b").output
    assert "\\u001b]0;owned" in said
    assert "\x1b" not in said
    refused = fleet("held", "edit", id, "--event", "--set", "nothing=b").output
    assert "\\u001b]0;owned" in refused
    assert "\x1b" not in refused


def test_what_was_never_translated_is_corrected_as_it_came(fleet: Fleet, road: Road, vault: Vault) -> None:
    id = failed(road, vault, State.HELD, "unmapped", document=None)
    said = fleet("held", "edit", id, "--set", "lines.0.sku=SKU-1").output
    assert said.startswith("Corrected in the event, for all its targets and later versions: lines.0.sku.\n")
    assert fleet("held", "edit", id, "--event", "--set", "notes=", "--why", "too long").exit_code == 0
    shown = fleet("held", "show", id).output
    assert "held replay" in shown
    assert "lines.0.sku: NO-SUCH -> SKU-1" in shown
    assert "notes: *** -> " in shown, "what somebody wrote is personal"
    (first, second) = json.loads(fleet("held", "show", id, "--json", "--reveal").output)["decisions"]
    assert (first["decision"], first["state"]) == ("lines.0.sku: NO-SUCH -> SKU-1", "in force")
    assert (second["decision"], second["why"]) == ("notes: ring twice -> ", "too long")
    edits = {"document": "event", "paths": ["lines.0.sku"]}, {"document": "event", "paths": ["notes"]}
    assert [detail for _, action, _, detail in audited(fleet) if action == "edit"] == list(edits)
    assert fleet("held", "edit", id, "--set", "notes=").output == "error: nothing was changed\n"


def test_a_thin_event_cannot_be_corrected(fleet: Fleet, road: Road, vault: Vault) -> None:
    id = failed(road, vault, State.HELD, "unmapped", document=None)
    road.run("update messages set body = %s", vault.seal(freeze({**EVENT, "data": {"id": "1001"}})))
    refused = fleet("held", "edit", id, "--set", "id=1")
    assert refused.exit_code == 1
    assert "the event does not hold the order" in refused.output


CANDIDATES = [{"id": "36", "label": "J… D… (#36)", "entity": "customer", "key": "c-77"}]


def test_a_candidate_is_chosen_by_the_id_that_show_lists(fleet: Fleet, road: Road, vault: Vault) -> None:
    sealed = vault.seal(freeze(CANDIDATES))
    id = failed(road, vault, State.HELD, "ambiguous_customer", candidates=sealed)
    shown = fleet("held", "show", id).output
    assert "candidate 36: J… D… (#36)" in shown
    assert f"fleet held approve {id} --choose 36" in shown
    assert fleet("held", "approve", id, "--choose", "37").output == (
        "error: 37 is not one of its candidates\nfix: They are: 36.\n"
    )
    assert "Say --choose with one of: 36." in fleet("held", "approve", id).output
    assert road.state(id) is State.HELD
    assert fleet("held", "approve", id, "--choose", "36").output == f"Delivery {id} goes on.\n"
    assert road.value("select their_id from crossrefs where entity = 'customer' and our_id = 'c-77'") == "36"
    assert road.state(id) is State.READY
    assert [action for _, action, _, _ in audited(fleet)] == ["choose", "replay"]


def test_a_candidate_may_be_a_decision(fleet: Fleet, road: Road, vault: Vault) -> None:
    choices = [{"id": "new", "label": "a new contact is made", "approves": "new_customer"}]
    id = failed(road, vault, State.HELD, "customer_gone", candidates=vault.seal(freeze(choices)))
    assert "candidate new: a new contact is made" in fleet("held", "show", id).output
    assert fleet("held", "approve", id, "--choose", "new").output == f"Delivery {id} goes on.\n"
    assert road.value("select code from decisions where delivery = %s", id) == "new_customer"
    assert [action for _, action, _, _ in audited(fleet)] == ["choose", "replay"]


def test_only_differing_sums_can_pass_as_they_are(fleet: Fleet, road: Road, vault: Vault) -> None:
    unknown = failed(road, vault, State.HELD, "unknown_sku")
    refused = fleet("held", "approve", unknown)
    assert refused.exit_code == 1
    assert "what is held as unknown_sku cannot go as it is" in refused.output
    assert "fix: Correct it.  Or correct it here" in refused.output
    assert road.state(unknown) is State.HELD
    differs = failed(road, vault, State.HELD, "total_differs", event="evt-2", order="1002")
    assert fleet("held", "approve", differs).exit_code == 0
    assert road.value("select code from decisions where delivery = %s", differs) == "total_differs"


def test_many_of_a_kind_are_one_row_and_each_with_each(fleet: Fleet, road: Road, vault: Vault) -> None:
    ids = [failed(road, vault, State.DEAD, "http_400", event=f"evt-{n}", order=str(n)) for n in range(30)]
    other = failed(road, vault, State.DEAD, "http_422", event="evt-x", order="x")
    heading, first, second, *fixes = fleet("dead", "ls").output.splitlines()
    assert heading.split() == [
        "objects",
        "count",
        "target",
        "code",
        "fingerprint",
        "sample",
        "first",
    ]
    assert first.split()[:4] == ["30", "30", "odoo-1", "http_400"]
    assert (first.split()[5], second.split()[5]) == (str(ids[-1]), str(other))
    assert fixes[0] == f"30 like {ids[-1]}: http_400: not as it should be"
    assert fixes[2] == "  fix: Correct it."
    assert fixes[-2:] == [
        "31 orders are dead, in 31 deliveries.",
        "--each lists each one; --fingerprint those of one kind.",
    ]
    assert len(fleet("dead", "ls", "--each").output.splitlines()) == 34
    assert len(json.loads(fleet("dead", "ls", "--json").output)["rows"]) == 31
    assert [kind["count"] for kind in json.loads(fleet("dead", "ls", "--kinds", "--json").output)["rows"]] == [30, 1]
    listed = json.loads(fleet("dead", "ls", "--code", "http_422", "--json").output)
    assert ([row["id"] for row in listed["rows"]], listed["next"]) == ([other], None)
    assert fleet("held", "ls").output == "Nothing is held.\n"


def test_more_than_one_is_sent_again_only_on_a_word(fleet: Fleet, road: Road, vault: Vault) -> None:
    ids = [failed(road, vault, State.DEAD, "http_400", event=f"evt-{n}", order=str(n)) for n in range(3)]
    assert fleet("replay").exit_code == 2
    refused = fleet("replay", "--code", "http_400")
    assert (refused.exit_code, "3 match, and here nobody can be asked: --yes answers" in refused.output) == (2, True)
    assert road.state(ids[0]) is State.DEAD
    said = fleet("dead", "replay", "--code", "http_400", "--yes", "--limit", "2").output
    job = road.value("select id from jobs")
    waits = f"No fleet runs: job {job} waits until one does (`fleet up`).  `fleet jobs cancel {job}` takes it back."
    assert said == f"Job {job}: 2 to replay.\n{waits}\n"
    assert {road.state(id) for id in ids} == {State.DEAD}
    carry_out(road.database)
    assert [road.state(id) for id in ids] == [State.DEAD, State.READY, State.READY]
    assert fleet("dead", "replay", ids[0]).output == f"Delivery {ids[0]} goes again.\n"
    assert fleet("dead", "replay", ids[0]).output == (f"error: delivery {ids[0]} is ready\nfix: It is under way.\n")
    assert [(action, id) for _, action, id, _ in audited(fleet)] == [
        ("start", None), ("replay", ids[1]), ("replay", ids[2]), ("replay", ids[0])
    ]  # fmt: skip


def test_what_cannot_be_replayed_is_named(fleet: Fleet, road: Road, vault: Vault) -> None:
    never = failed(road, vault, State.HELD, "unmapped", document=None)
    refused = fleet("replay", never, "--from-step", "post")
    assert (refused.exit_code, f"error: delivery {never} cannot be sent again" in refused.output) == (1, True)
    assert fleet("replay", 99).output.startswith("error: there is no delivery 99\n")
    road.run("update deliveries set workflow = 'order-to-nowhere'")
    assert fleet("replay", never).output.startswith("error: not among the workflows in force: order-to-nowhere\n")
    assert fleet("replay", never, "--pinned").exit_code == 0


@pytest.mark.parametrize("state", ["held", "dead"])
def test_what_is_settled_otherwise_is_closed_with_the_reason(
    fleet: Fleet, road: Road, vault: Vault, state: str
) -> None:
    id = failed(road, vault, State(state), "http_400")
    assert fleet(state, "resolve", id).exit_code == 2
    assert fleet(state, "resolve", id, "--reason", "entered by hand").output == "Resolved.\n"
    assert road.value("select reason from deliveries where id = %s", id) == "resolved by jane: entered by hand"
    assert audited(fleet) == [("jane", "resolve", id, {"reason": "entered by hand"})]


def test_a_look_behind_the_mask_is_audited(fleet: Fleet, road: Road, vault: Vault) -> None:
    id = failed(road, vault, State.DEAD, "http_400")
    message = road.value("select message from deliveries where id = %s", id)
    for arguments in (("dead", "show", id), ("messages", "show", message)):
        secret = "jane@mail.example" if arguments[0] == "dead" else "ring twice"
        assert secret not in fleet(*arguments).output
        assert audited(fleet) == [] or arguments[0] == "messages"
        assert secret in fleet(*arguments, "--reveal").output
    assert audited(fleet) == [("jane", "reveal", id, {}), ("jane", "reveal", None, {"message": message})]
