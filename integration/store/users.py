"""Users of the console, their sessions, and the links that sign them in once.

A session or a link is known by the SHA-256 of a random key; the key itself is never stored.  What is asked here is the
truth of the moment: a session ends at once when its user is removed, has another role, or another password.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

from integration.store import audit
from integration.store.database import Row, Transaction

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""Each may do all that the ones before it may."""
SESSION_LASTS = "12 hours"
LINK_LASTS = "15 minutes"


@dataclass(frozen=True)
class User:
    """Who is signed in."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the user has this role or a higher one.

        >>> User("jane", "operator").may("viewer"), User("jane", "operator").may("admin")
        (True, False)
        """
        return ROLES.index(self.role) >= ROLES.index(role)


def add(tx: Transaction, name: str, role: Role, who: str) -> bool:
    """Adds a user without a password; False where the name is taken."""
    added = tx.run(
        "insert into users (name, role, made_by) values (%s, %s, %s) on conflict (name) do nothing", name, role, who
    )
    if added:
        audit.note(tx, who, "user.add", [None], user=name, role=role)
    return bool(added)


def ensure_admin(tx: Transaction, name: str) -> None:
    """Sees to it that whoever starts the fleet has a user who may do everything."""
    if not add(tx, name, "admin", name):
        change_role(tx, name, "admin", name)


def change_role(tx: Transaction, name: str, role: Role, who: str) -> bool:
    """Gives a user another role, and ends their sessions; False where that changes nothing."""
    changed = tx.run("update users set role = %s where name = %s and role <> %s", role, name, role)
    if changed:
        end_sessions(tx, name)
        audit.note(tx, who, "user.role", [None], user=name, role=role)
    return bool(changed)


def remove(tx: Transaction, name: str, who: str) -> bool:
    """Removes a user with all sessions; False where there is none of this name."""
    removed = tx.run("delete from users where name = %s", name)
    if removed:
        audit.note(tx, who, "user.remove", [None], user=name)
    return bool(removed)


def listed(tx: Transaction) -> list[Row]:
    """Rows ``{name, role, made_at, made_by, password, sessions}``; ``password`` is whether there is one."""
    return tx.rows(
        """select u.name, u.role, u.made_at, u.made_by, u.password is not null as password,
               (select count(*) from sessions s where s.user_id = u.id and s.ends_at > now()) as sessions
           from users u order by u.name"""
    )


def password_of(tx: Transaction, name: str) -> str | None:
    """The hash of a user's password; None where there is no user, or no password."""
    found: str | None = tx.value("select password from users where name = %s", name)
    return found


def set_password(tx: Transaction, name: str, encoded: str, who: str) -> None:
    """Sets the password, hashed already, and ends all sessions that were begun with another one."""
    tx.run("update users set password = %s where name = %s", encoded, name)
    end_sessions(tx, name)
    audit.note(tx, who, "user.password", [None], user=name)


def make_link(tx: Transaction, name: str) -> str | None:
    """A key that signs the user in once within a quarter of an hour; None where there is no such user."""
    return _keyed(tx, "sign_in_links", LINK_LASTS, name)


def use_link(tx: Transaction, key: str) -> str | None:
    """The user whom a link signs in, once; None for one that was used, has ended, or was never made."""
    found: str | None = tx.value(
        """with used as (delete from sign_in_links where hash = %s returning user_id, ends_at)
           select u.name from used join users u on u.id = used.user_id where used.ends_at > now()""",
        _hash(key),
    )
    return found


def begin_session(tx: Transaction, name: str) -> str | None:
    """A key by which the user is known for twelve hours; None where there is no such user."""
    tx.run("delete from sessions where ends_at < now()")
    tx.run("delete from sign_in_links where ends_at < now()")
    return _keyed(tx, "sessions", SESSION_LASTS, name)


def user_of(tx: Transaction, key: str) -> User | None:
    """Whose session this is; None once it has ended."""
    row = tx.row(
        """select u.name, u.role from sessions s join users u on u.id = s.user_id
           where s.hash = %s and s.ends_at > now()""",
        _hash(key),
    )
    return User(row["name"], row["role"]) if row else None


def end_session(tx: Transaction, key: str) -> None:
    """Signs a user out in one browser."""
    tx.run("delete from sessions where hash = %s", _hash(key))


def end_sessions(tx: Transaction, name: str) -> None:
    """Signs a user out everywhere."""
    tx.run("delete from sessions s using users u where u.id = s.user_id and u.name = %s", name)


def _keyed(tx: Transaction, table: str, lasts: str, name: str) -> str | None:
    key = secrets.token_urlsafe(32)
    made = tx.run(
        f"""insert into {table} (hash, user_id, ends_at)
            select %s, id, now() + interval '{lasts}' from users where name = %s""",
        _hash(key),
        name,
    )
    return key if made else None


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
