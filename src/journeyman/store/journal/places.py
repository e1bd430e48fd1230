"""Where a workspace lies: a folder, or a database with a folder beside it; and how it may be shown."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from journeyman.errors import InputError

SCHEMES = ("postgresql://", "postgres://")
MISTYPED = ("postgresql:", "postgres:")
"""How a URL begins that lacks a slash: it must not be taken for a folder and shown, for it may hold a password."""


def folder_of(workspace: Path | str) -> Path:
    """The folder of what stands beside the journal: reports, data, lessons, knowledge.

    A workspace in a database has one on each machine: `$JOURNEYMAN_FOLDER`, or one in the user's cache folder, named
    by a hash of the URL without the password.
    """
    url = database_of(workspace)
    if url is None:
        return Path(workspace)
    if folder := os.environ.get("JOURNEYMAN_FOLDER"):
        return Path(folder)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    open_query = {name: value for name, value in url.query.items() if name != "password"}
    plain = url.set(password="", query=open_query).render_as_string(hide_password=False)
    name = hashlib.sha256(plain.encode()).hexdigest()[:16]
    return cache / "journeyman" / "workspaces" / name


def has_journal(workspace: Path | str) -> bool:
    """Whether there may be a journal: a database can only be asked by opening it."""
    if database_of(workspace) is not None:
        return True
    return (Path(workspace) / "journal.sqlite").exists()


def shown_as(workspace: Path | str) -> str:
    """The workspace without anything secret, to be shown."""
    url = database_of(workspace)
    return str(workspace) if url is None else place_of(url)


def place_of(url: URL) -> str:
    """A database's URL without user, password and settings."""
    host = url.host or url.query.get("host") or "localhost"
    port = "" if url.port is None else f":{url.port}"
    return f"postgresql://{host}{port}/{url.database or ''}"


def database_of(workspace: Path | str) -> URL | None:
    """The URL of a workspace in a database. None: it is a folder. Raises InputError for a URL of another kind."""
    if isinstance(workspace, Path):
        return None
    if "://" not in workspace and not workspace.startswith(MISTYPED):
        return None
    scheme = workspace.partition(":")[0]
    if "://" in workspace and not workspace.startswith(SCHEMES):
        raise InputError(
            f"A workspace can't be a URL of the kind {scheme!r}.",
            "Give a folder, or postgresql://USER@HOST/DATABASE.",
        )
    try:
        url = make_url(workspace).set(drivername="postgresql")
    except (ArgumentError, ValueError):
        raise _unreadable() from None
    if "@" in (url.database or ""):
        raise _unreadable()  # the rest of a password with a mark in it that was not encoded
    return url


def _unreadable() -> InputError:
    return InputError(
        "The workspace's URL can't be read.",
        "Write it as postgresql://USER@HOST:PORT/DATABASE; in a password, write @ as %40 and / as %2F.",
    )
