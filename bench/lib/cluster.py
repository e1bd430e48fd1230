"""A PostgreSQL cluster of one's own, on loopback, in a temporary folder; gone afterwards. For benches and tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"


class NoClusterError(Exception):
    """Why there is none."""


def binaries() -> Path:
    """Debian keeps them out of the path, one folder a version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise NoClusterError("PostgreSQL is not installed (apt-get install postgresql)")
    return Path(on_path).parent


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of its database `postgres`. Raises NoClusterError where none can be started."""
    folder = binaries()
    room = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_user = _unprivileged(room)
    data = room / "data"
    port = _free_port()
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -k {room} -c max_connections=200"
    control = [str(folder / "pg_ctl"), "-D", str(data), "-w", "-t", "60"]
    try:
        initdb = [str(folder / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8"]
        _run([*as_user, *initdb])
        _run([*as_user, *control, "-l", str(room / "log"), "-o", settings, "start"])
        try:
            yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        finally:
            _run([*as_user, *control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _unprivileged(room: Path) -> list[str]:
    """PostgreSQL refuses root: then it runs as the user that its package made."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        raise NoClusterError(f"PostgreSQL refuses root, and there is no user {USER!r}") from None
    os.chown(room, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        timeout=120,
    )
    if done.returncode:
        raise NoClusterError(f"{Path(command[-1]).name!r} failed: {' '.join(command)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
