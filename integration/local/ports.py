"""The addresses the fleet listens on: free, or in the way of whom."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from integration.errors import Misconfigured
from integration.settings import split_address

ANSWER_TIMEOUT = 0.5
"""Seconds for an answer before others are asked."""
TAKEN = "the port is taken by"
LISTENING = "0A"  # the state column of /proc/net/tcp


def moved(binds: Mapping[str, str], base: int) -> dict[str, str]:
    """The same hosts with consecutive ports from ``base`` on."""
    return {name: f"{bind.rpartition(':')[0]}:{base + step}" for step, (name, bind) in enumerate(binds.items())}


def check_free(binds: Mapping[str, str]) -> None:
    """Raises `Misconfigured`, naming who has the port and the variable that moves us, for the first that is taken."""
    for name, bind in binds.items():
        if problem := _problem(*split_address(bind)):
            taken = problem.startswith(TAKEN)
            fix = f"set FLEET_{name.upper()}_BIND to another address, or use --port-base N."
            own = f"Set FLEET_{name.upper()}_BIND to an address that this machine has, such as 127.0.0.1:8000."
            raise Misconfigured(
                f"{name} cannot listen on {bind}: {problem}", hint=f"Stop that program, {fix}" if taken else own
            )


def check_allowed(binds: Mapping[str, str], user: str) -> None:
    """Raises `Misconfigured` for an address whose port only root may listen on, though another user is to."""
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    first = int(limit.read_text()) if limit.exists() else 1024
    for name, bind in binds.items():
        if split_address(bind)[1] < first:
            raise Misconfigured(
                f"{name} cannot listen on {bind}: it runs as {user}, and ports below {first} are for root",
                hint=f"Set FLEET_{name.upper()}_BIND to a port from {first} on, with a proxy before it.",
            )


def accepts(bind: str) -> bool:
    """Whether somebody accepts connections there."""
    try:
        _connect(bind).close()
    except OSError:
        return False
    return True


def answers(bind: str) -> bool:
    """Whether somebody answers HTTP there: a server that listens may still be loading what it is to serve."""
    try:
        with _connect(bind) as connection:
            connection.settimeout(ANSWER_TIMEOUT)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def _connect(bind: str) -> socket.socket:
    host, port = split_address(bind)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return socket.create_connection((host, port), timeout=1)


def _problem(host: str, port: int) -> str | None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"{TAKEN} {_holder(port)}"
        return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return None


def _holder(port: int) -> str:
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in inodes:
                process = descriptor.parent.parent
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # gone meanwhile, or not ours to look into
            continue
    return "a program of another user"


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for _, local, _, state, *_rest, inode in (line.split()[:10] for line in lines):
            if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                found.add(inode)
    return found
