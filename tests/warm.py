"""Programs that begin at once: a parent process imports what they share, and forks a child for each.

What the parent has imported is no work of some hundred children, and they look for no garbage in it.  As a program,
``warm.py FOLDER`` has imported much of the project in that folder, too; it reads one JSON line for each child and
answers it with its number and exit code.
"""

from __future__ import annotations

import builtins
import gc
import itertools
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self

LIBRARIES = (
    *("celery", "click", "cryptography.fernet", "flask", "gunicorn.app.wsgiapp", "jmespath", "kombu", "marshmallow"),
    *("prometheus_client", "psycopg2.extras", "pytest", "redis", "requests", "rich.console", "rich.table", "structlog"),
    *("standardwebhooks", "responses", "babel.numbers", "werkzeug.serving", "backoff", "apprise", "jsonschema"),
    *("waitress.server", "pytest_timeout", "celery.apps.worker", "kombu.transport.redis", "pytz", "_strptime", "pdb"),
)
PROJECT = ("integration", "mappings")
SHARED = (
    *("integration.cli.doctor.command", "integration.connectors", "integration.local.fleet", "integration.metrics"),
    *("integration.operations.objects", "integration.operations.selection", "integration.operations.story"),
    *("integration.preflight", "integration.publishing", "integration.sandbox.app", "integration.store.fulfilment"),
    *("integration.store.ledger", "integration.store.repair", "integration.store.retention", "integration.terminal"),
)
"""With what they import.  Nothing that imports `tasks`: Celery registers a task once in a process."""


class Warm:
    """The parent of programs of the project in one folder."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-P", __file__, str(folder)]
        self._parent = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._wait_for(0)
        self._numbers = itertools.count(1)

    def run(
        self, *argv: str, environment: Mapping[str, str], changed: Sequence[str] = (), timeout: int = 60
    ) -> subprocess.CompletedProcess[str]:
        """``python -m …`` in the folder, to its end, with these variables only; killed after ``timeout`` seconds.

        ``changed`` are the files of the project that are no longer what the parent has imported.
        """
        with tempfile.TemporaryDirectory() as place:
            outputs = [f"{place}/{name}" for name in ("output", "errors")]
            number = next(self._numbers)
            child = {"number": number, "argv": argv, "environment": dict(environment), "outputs": outputs}
            assert self._parent.stdin
            self._parent.stdin.write(json.dumps(child | {"changed": changed, "timeout": timeout}) + "\n")
            self._parent.stdin.flush()
            code = self._wait_for(number)
            said = [Path(output).read_text(errors="replace") for output in outputs]
        return subprocess.CompletedProcess(argv, code, *said)

    def _wait_for(self, number: int) -> int:
        """The exit code of this child; others are those of tests that were broken off."""
        assert self._parent.stdout
        for line in self._parent.stdout:
            answered, code = map(int, line.split())
            if answered == number:
                return code
        raise AssertionError("the parent has ended")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.communicate(timeout=60)


class Imports:
    """What was imported, and by which modules: these are imported again where it has changed."""

    def __init__(self) -> None:
        self._users: defaultdict[str, set[str]] = defaultdict(set)
        self._import = builtins.__import__

    def of(self, modules: Sequence[str]) -> None:
        """Imports these."""
        builtins.__import__ = self._noted
        for module in modules:
            import_module(module)
        builtins.__import__ = self._import

    def forget(self, files: Sequence[str]) -> None:
        """Lets the modules of these files, and whatever has imported one of them, be imported again when needed."""
        found = [name for file in files for name in self._of(Path(file))]
        for name in found:
            found += self._users.pop(name, ())
        for name in found:
            package, _, module = name.rpartition(".")
            if sys.modules.pop(name, None) and package in sys.modules:
                vars(sys.modules[package]).pop(module, None)

    def _of(self, file: Path) -> list[str]:
        """The module of a file; each of the project for one that is no module, as any may have read it."""
        if file.suffix != ".py":
            return list(self._users)
        parts = file.with_suffix("").parts
        return [".".join(parts[:-1] if parts[-1] == "__init__" else parts)]

    def _noted(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Sequence[str] | None = (), level: int = 0
    ) -> Any:
        user = (globals or {}).get("__name__", "")
        if user.startswith(PROJECT) and name.startswith(PROJECT):
            for module in (name, *(f"{name}.{each}" for each in fromlist or ())):
                self._note(module, user)
        return self._import(name, globals, locals, fromlist, level)

    def _note(self, module: str, user: str) -> None:
        """A module is used by who imports it, and its package by it."""
        self._users[module].add(user)
        while package := module.rpartition(".")[0]:
            self._users[package] |= {module, user}
            module = package


def main(folder: str) -> None:
    """Forks what is asked for, until nobody asks."""
    for library in LIBRARIES:
        import_module(library)
    for plugin in import_module("_pytest.config").default_plugins:
        import_module(f"_pytest.{plugin}")
    sys.path.insert(0, folder)
    imports = Imports()
    imports.of(SHARED)
    assert "tasks" not in sys.modules
    gc.collect()
    gc.freeze()
    print(0, 0, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked["environment"], asked["outputs"], asked["timeout"])
            imports.forget(asked["changed"])
            os._exit(_run(asked["argv"]))
        print(asked["number"], os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(environment: dict[str, str], outputs: list[str], timeout: int) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    for stream, output in zip((1, 2), outputs, strict=True):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT, 0o600), stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.alarm(timeout)


def _run(argv: list[str]) -> int:
    """Runs it as the main program; its exit code."""
    sys.argv = argv
    code: Any = None
    try:
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    main(*sys.argv[1:])
