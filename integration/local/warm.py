"""``python -m integration.local.warm FD``: imports once what the programs of the fleet share, and forks one for each.

A program that is forked begins at once, and its memory is that of its parent until it writes to it.  Here there are no
threads and no connections, so that nothing is half done in a child.  The socket ``FD`` brings what to run, as
`integration.local.forks` sends it; each answer is ``{pid, started}``, and each program that has ended is reported as
``{pid, code}``.  It ends when the other side does.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from integration.local.child_processes import started

LARGEST = 1 << 20
"""Bytes of one request."""
SHARED = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.beat",
    "celery.bin.worker",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.worker.strategy",
    "kombu.transport.redis",
    "gunicorn.app.wsgiapp",
    "integration.receiver",
    "integration.serving",
    "tasks.consumer",
    "tasks.polls",
    "tasks.upkeep",
    "tasks.watch",
)
"""With what they import.  Not what is run as a program itself: that is run in a child as if it were new."""


@dataclass(frozen=True)
class Program:
    """What to run: ``python -m module …`` or ``gunicorn …``, and its name in the Procfile."""

    name: str
    argv: list[str]

    def run(self) -> None:
        """Runs it as the main program of this process; it may end the process."""
        self._show()
        if self.argv[1:2] == ["-m"]:
            sys.argv = self.argv[2:]
            runpy.run_module(self.argv[2], run_name="__main__", alter_sys=True)
        else:
            sys.argv = self.argv
            sys.exit(import_module("gunicorn.app.wsgiapp").run())

    def _show(self) -> None:
        """Lets lists of processes show its name and command instead of those of its parent."""
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])
        shown = "\0".join([Path(self.argv[0]).name, *self.argv[1:]]).encode()[: end - start - 1]
        with suppress(OSError), Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            Path("/proc/self/comm").write_text(self.name)
            memory.seek(start)
            memory.write(shown.ljust(end - start, b"\0"))


def prepare() -> None:
    """Imports everything, and leaves it out of every later look for garbage, which would copy its memory."""
    gc.disable()
    for name in SHARED:
        import_module(name)
    gc.collect()
    gc.freeze()
    gc.enable()


def serve(requests: socket.socket) -> Program | None:
    """Forks what is asked for.  Returns in each child what it is to run; in the parent None, once nobody asks."""
    ending, ended = socket.socketpair()
    ended.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(ended.fileno(), warn_on_full_buffer=False)
    requests.send(b"{}")
    while True:
        readable, _, _ = select.select([requests, ending], [], [])
        if ending in readable:
            ending.recv(4096)
            report(requests)
        if requests not in readable:
            continue
        message, given, _, _ = socket.recv_fds(requests, LARGEST, 2)
        if not message:
            return None
        if threading.active_count() != 1:
            raise AssertionError("a thread here may hold a lock, which a child would never get")
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (requests, ending, ended):
                each.close()
            return become(json.loads(message), *given)
        for descriptor in given:
            os.close(descriptor)
        requests.send(json.dumps({"pid": pid, "started": started(pid)}).encode())


def report(requests: socket.socket) -> None:
    """Reports each child that has ended: by which code, or by minus which signal."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = found
            requests.send(json.dumps({"pid": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def become(asked: dict[str, Any], output: int, leave: int) -> Program | None:
    """What was asked for, whose environment is that of its parent; what is written from now on goes to that output.

    None without leave to begin: whoever asked has ended, or does not know of this child.
    """
    if not os.read(leave, 1):
        return None
    os.close(leave)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    return Program(asked["name"], asked["argv"])


if __name__ == "__main__":
    asking = socket.socket(fileno=int(sys.argv[1]))
    prepare()
    if program := serve(asking):
        del asking
        program.run()
