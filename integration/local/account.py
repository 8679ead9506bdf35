"""Whom a fleet runs as when root starts it: an account of its own, so that no other program may read what it stores."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.errors import Failure

DEFAULT = "clarity-fleet"
UNLISTED = range(61184, 65520)
"""User ids from which no package and no `useradd` takes: those of systemd's dynamic users."""
ADMINISTRATION = f"{os.defpath}:/usr/sbin:/sbin"
USERADD = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")


@dataclass(frozen=True)
class Account:
    """A user that is neither root nor us.  An ``unlisted`` one has an id and no entry among the system's users."""

    name: str
    uid: int
    gid: int
    unlisted: bool = False

    @classmethod
    def own(cls, name: str = DEFAULT) -> Account | None:
        """The account of this name; None when we are not root, and everything runs as who started it.

        The default one is made where it is missing.  Where that cannot be, as in some containers, it is an id that
        nobody else has.  Raises `Failure` for root and for any other name that is unknown.
        """
        if os.geteuid() != 0:
            return None
        found = _listed(name)
        if found is None and name == DEFAULT:
            found = _made() or cls(f"uid {_free_id()}", _free_id(), _free_id(), unlisted=True)
        if found is None or found.uid == 0:
            raise Failure(
                f"a fleet cannot run as the user {name}",
                hint="Set FLEET_RUN_AS to an existing user other than root, or leave it out.",
            )
        return found

    def options(self, directory: Path) -> dict[str, Any]:
        """The options of `subprocess.Popen` for a program that runs as this account in this directory."""
        return {"cwd": directory, "user": self.uid, "group": self.gid, "extra_groups": []}

    def take(self, tree: Path) -> None:
        """Gives everything from here on to the account, unless it is the account's already."""
        if os.path.lexists(tree) and tree.lstat().st_uid != self.uid:
            for path in (*tree.rglob("*"), tree):  # the top last: whoever was interrupted begins again
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_run(self, program: Path, directory: Path = Path("/")) -> bool:
        """Whether the account may execute a program, by asking it for its version."""
        try:
            ended = subprocess.run([program, "--version"], capture_output=True, check=False, **self.options(directory))
        except OSError:
            return False
        return ended.returncode == 0

    def hindrance(self, *paths: Path) -> Path | None:
        """The first of these paths that the account may not read."""
        for path in paths:
            look = subprocess.run(["/bin/sh", "-c", 'test -r "$0"', str(path)], check=False, **self.options(Path("/")))
            if look.returncode:
                return path
        return None


def in_place(account: Account | None, directory: Path) -> str:
    """A working directory as a program that runs in it may name it.

    Another user cannot walk through a private home (mode 0700, or below /root) to its own directory, but Linux lets it
    in by the name of the working directory in which we start it.
    """
    return "/proc/self/cwd" if account and sys.platform == "linux" else str(directory)


def _listed(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid)


def _made() -> Account | None:
    """The default account, made now; None where that cannot be."""
    program = shutil.which("useradd", path=ADMINISTRATION)
    if program:
        subprocess.run([program, *USERADD, DEFAULT], capture_output=True, check=False)
    return _listed(DEFAULT)  # somebody else may have made it in the same moment


def _free_id() -> int:
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next(uid for uid in UNLISTED if uid not in taken)


def an_entry() -> Account:
    """An account that is listed, for a program that looks its own user up: `initdb` does, Postgres does not."""
    for name in ("nobody", *(entry.pw_name for entry in pwd.getpwall() if entry.pw_uid)):
        if found := _listed(name):
            return found
    raise Failure("this system knows no user but root", hint="Set DATABASE_URL to a Postgres of yours.")
