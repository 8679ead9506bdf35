"""What leaves a process as a log line: marked, capped, and without anything personal or secret.

The lines are those of a real process on stderr: logging is global, and its set-up is what is tested.
"""

import json
import subprocess
import sys
import time

import pytest

from integration.logs import mask

ODOO_KEY = "0123456789abcdef0123456789abcdef01234567"
FERNET_KEY = "Zm9v7yPq-XcR2mKs_8uTnWvB1aLdEjHgQiOoCfYtNzA="
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmbGVldCJ9.dBjftJeZ4CVPmB92K27uhbUJU1p1r"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("order of anna.nowak+x@shop.example failed", "order of *** failed"),
        ("zoë@müller.example wrote", "*** wrote"),
        ("GET /customers?email=anna%40shop.example&pageSize=1", "GET /customers?email=***&pageSize=1"),
        ("redis://:hunter2@127.0.0.1:6379/0", "redis://***@127.0.0.1:6379/0"),
        ("postgresql://fleet:p@ss@db/fleet?x=1", "postgresql://***@db/fleet?x=1"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("'Authorization': 'Digest user, nonce'", "'Authorization': '***'"),
        ("sent bearer abcdef123456", "sent bearer ***"),
        ("whsec_Y2xhcml0eS1zYW5kYm94 and whsk_abc=", "whsec_*** and whsk_***"),
        (f"got {JWT}.", "got ***."),
        ("host=db password=hunter2 user=fleet", "host=db password=*** user=fleet"),
        ("password='two words' rest", "password='***' rest"),
        ('{"client_secret": "a b", "id": 7}', '{"client_secret": "***", "id": 7}'),
        (r'"{\"api_key\": \"xyz\", \"id\": 7}"', r'"{\"api_key\": \"***\", \"id\": 7}"'),
        ("access_token=abc&expires=3600", "access_token=***&expires=3600"),
        ("POST /hints/odoo/s3cr3t HTTP/1.1", "POST /hints/odoo/*** HTTP/1.1"),
        (f"key {FERNET_KEY} ok", "key *** ok"),
        (f"key {ODOO_KEY} ok", "key *** ok"),
    ],
)
def test_secrets_and_people_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "delivery 4711 odoo",
        "webhook-id evt_01J9ZC3W0Q8YB6T7N2M4K5R1SA, msg_p5jXN8AQM9LWM0D4loKWxJek",
        "mapping 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "task 7a6a0c9e-53a3-4f0c-9d1c-7d7b0a9c2f11 received",
        '  File "/opt/clarity-fleet/integration/connectors/odoo/orders.py", line 12, in post',
        "https://shop.example/api/v1/orders/1001/status",
        "401 token_expired; a bearer token is needed",
    ],
)
def test_what_an_operator_needs_stays_readable(text: str) -> None:
    assert mask(text) == text


def test_a_megabyte_is_masked_in_no_time() -> None:
    before = time.process_time()
    for text in ("a", "a.b", "://:", "@", "eyJ-", "password", 'password="', "cookie ", "basic ", "/hints/"):
        mask(text * (1_000_000 // len(text)))
    assert time.process_time() - before < 10


def lines_of(program: str, console: bool = False) -> list[str]:
    setup = (
        f"import logging, structlog\nfrom integration import logs\nlogs.configure('worker-odoo', console={console})\n"
    )
    done = subprocess.run([sys.executable, "-c", setup + program], capture_output=True, text=True, timeout=30)
    assert done.stdout == ""
    return done.stderr.splitlines()


def event_of(program: str) -> dict[str, object]:
    (line,) = lines_of(program)
    return dict(json.loads(line))


def test_an_event_says_who_when_and_what() -> None:
    event = event_of("structlog.get_logger('tasks').warning('delivery held', delivery=4711, email='anna@shop.example')")
    assert str(event.pop("timestamp")).endswith("Z")
    assert event == {
        "event": "delivery held",
        "delivery": 4711,
        "email": "***",
        "level": "warning",
        "logger": "tasks",
        "process": "worker-odoo",
    }


def test_records_of_other_libraries_take_the_same_way_out() -> None:
    event = event_of("logging.getLogger('celery.worker').error('cannot reach %s', 'redis://:hunter2@127.0.0.1:6379/0')")
    assert event["event"] == "cannot reach redis://***@127.0.0.1:6379/0"
    assert event["process"] == "worker-odoo"


def test_loggers_with_handlers_of_their_own_lose_them() -> None:
    event = event_of(
        "own = logging.getLogger('gunicorn.error')\n"
        "own.addHandler(logging.StreamHandler()); own.propagate = False\n"
        "logs.configure('receiver', console=False)\n"
        "own.error('of anna@shop.example')"
    )
    assert (event["event"], event["process"]) == ("of ***", "receiver")


@pytest.mark.parametrize(
    "program",
    [
        "try: raise ValueError('anna@shop.example')\nexcept ValueError: structlog.get_logger().exception('failed')",
        "try: raise ValueError('anna@shop.example')\nexcept ValueError: logging.getLogger('x').exception('failed')",
        "raise ValueError('anna@shop.example')",
        "import threading\ndef f(): raise ValueError('anna@shop.example')\nthreading.Thread(target=f).start()",
    ],
)
def test_tracebacks_are_masked_whoever_logs_them(program: str) -> None:
    event = event_of(program)
    assert str(event["exception"]).startswith("Traceback")
    assert str(event["exception"]).endswith("ValueError: ***")


def test_nested_values_are_masked_by_name_and_by_shape() -> None:
    event = event_of(
        "structlog.get_logger().info('sent', request={'headers': {'Authorization': 'x y'}, 'to': ['a@b.example', 3],"
        " 'api_key': b'raw', 'tokens': 12}, error=KeyError('a@b.example is missing'), b=b'a@b.example')"
    )
    assert event["request"] == {
        "headers": {"Authorization": "***"},
        "to": ["***", 3],
        "api_key": "***",
        "tokens": 12,
    }
    assert event["error"] == "'*** is missing'"
    assert event["b"] == "b'***'"


def test_lengths_are_capped_and_a_traceback_keeps_its_end() -> None:
    event = event_of("structlog.get_logger().info('x' * 9_000_000, body='y ' * 5000, list=list(range(500)))")
    assert str(event["event"]) == "x" * 2000 + "…"
    assert len(str(event["body"])) == 2001
    assert event["list"] == list(range(50))
    event = event_of(
        "def f(n):\n raise ValueError(('m' * 9000) + ' the end') from (ValueError('z') if n else None)\n"
        "try: f(1)\nexcept ValueError: logging.getLogger('x').exception('failed')"
    )
    assert len(str(event["exception"])) == 8001
    assert str(event["exception"]).endswith("m the end")


def test_lone_surrogates_do_not_stop_a_line() -> None:
    assert event_of(r"logging.getLogger('x').warning('name \ud800 here')")["event"] == "name \ud800 here"


def test_lines_for_people_are_masked_too() -> None:
    (line,) = lines_of("structlog.get_logger().warning('held', who='anna@shop.example', n=3)", console=True)
    assert "held" in line
    assert "n=3" in line
    assert "who=***" in line
    assert "anna" not in line


def test_below_the_level_nothing_is_written() -> None:
    assert lines_of("structlog.get_logger().debug('x'); logging.getLogger('urllib3').debug('y')") == []
