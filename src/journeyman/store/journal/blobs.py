"""Large contents by hash, outside the rows, so that each is stored once."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from journeyman.errors import StoreError
from journeyman.types import Json

INLINE_CHARACTERS = 2048
"""Texts up to this many characters stay in the row."""

MARK = "$blob"

KNOWN = 10_000
"""How many hashes are remembered as written, so that they are not looked for again."""


class Blobs:
    """Contents by the sha256 of their bytes. Where they are kept says a class below."""

    def put(self, data: bytes) -> str:
        """Durable no later than what is written next. Returns the sha256."""
        raise NotImplementedError

    def get(self, digest: str) -> bytes:
        """Raises StoreError where it is missing or is not what its name says."""
        raise NotImplementedError

    def fold(self, value: Json) -> Json:
        """The same value with each large text replaced by `{"$blob": digest}`; a key's own leading `$` is doubled."""
        if isinstance(value, str):
            return (
                {MARK: self.put(value.encode("utf-8", "surrogatepass"))}
                if len(value) > INLINE_CHARACTERS
                else value
            )
        if isinstance(value, dict):
            return {
                f"${key}" if key.startswith("$") else key: self.fold(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.fold(item) for item in value]
        return value

    def unfold(self, value: Json) -> Json:
        """The value as it was before `fold`."""
        if isinstance(value, dict):
            if value.keys() == {MARK}:
                return self.get(value[MARK]).decode("utf-8", "surrogatepass")
            return {key.removeprefix("$"): self.unfold(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.unfold(item) for item in value]
        return value


class BlobFolder(Blobs):
    """A folder of files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: set[str] = set()

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Written aside, synced, renamed."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if digest in self.known or path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{digest}.{os.getpid()}.{threading.get_ident()}.part")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        if len(self.known) < KNOWN:
            self.known.add(digest)
        return digest

    def get(self, digest: str) -> bytes:
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError:
            raise _missing(digest) from None
        return _checked(digest, data)


class BlobTable(Blobs):
    """A table of the journal's own database."""

    def __init__(
        self, insert: Callable[[str, bytes], None], find: Callable[[str], bytes | None]
    ) -> None:
        """`insert` leaves alone what is there; `find` gives None for what is not."""
        self.insert = insert
        self.find = find
        self.known: set[str] = set()

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self.known:
            self.insert(digest, data)
            if len(self.known) < KNOWN:
                self.known.add(digest)
        return digest

    def get(self, digest: str) -> bytes:
        data = self.find(digest)
        if data is None:
            raise _missing(digest)
        return _checked(digest, data)


def _missing(digest: str) -> StoreError:
    return StoreError(f"The workspace lacks the blob {digest!r}.", "Restore its blobs.")


def _checked(digest: str, data: bytes) -> bytes:
    if hashlib.sha256(data).hexdigest() == digest:
        return data
    raise StoreError(
        f"The blob {digest!r} does not hold what its name says.", "Restore the workspace's blobs."
    )
