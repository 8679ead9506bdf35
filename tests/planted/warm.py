"""A parent process that has imported what every test needs, and forks a child for each run of pytest in a copy.

What is imported here is no work of some hundred children, and they look for no garbage in it.  It imports nothing of
the project: a child takes the project from its folder.  It reads one JSON line for each run, ``{"folder", "arguments",
"output"}``, and answers each with the exit code.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from importlib import import_module

LIBRARIES = (
    *("celery", "click", "cryptography.fernet", "flask", "gunicorn.app.wsgiapp", "jmespath", "kombu", "marshmallow"),
    *("prometheus_client", "psycopg2.extras", "pytest", "redis", "requests", "rich.console", "rich.table", "structlog"),
    *("standardwebhooks", "responses", "babel.numbers", "werkzeug.serving", "backoff", "apprise", "jsonschema"),
    *("waitress.server", "pytest_timeout", "celery.apps.worker", "kombu.transport.redis"),
)


def main() -> None:
    for library in LIBRARIES:
        import_module(library)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        run = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(run["folder"], run["output"])
            os._exit(_pytest(run["arguments"]))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(folder: str, output: str) -> None:
    os.setsid()
    os.chdir(folder)
    sys.path[0] = folder
    os.environ["PYTHONPATH"] = folder
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _pytest(arguments: list[str]) -> int:
    import pytest

    code = pytest.main(arguments)
    sys.stdout.flush()
    return int(code)


if __name__ == "__main__":
    main()
