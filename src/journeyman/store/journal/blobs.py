"""Large texts by content hash, outside the rows: a schema that stands in every prompt is kept once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from journeyman.errors import StoreError
from journeyman.types import Json

INLINE_CHARACTERS = 2048
"""Texts up to this many characters stay in the row."""

MARK = "$blob"


class Blobs:
    """A folder of files named by the sha256 of what they hold."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: set[str] = set()

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def put(self, text: str) -> str:
        """Durable when it returns: written aside, synced, renamed. Returns the sha256."""
        data = text.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if digest in self.known or path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{digest}.{os.getpid()}.part")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        if len(self.known) < 10_000:
            self.known.add(digest)
        return digest

    def get(self, digest: str) -> str:
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError:
            raise StoreError(
                f"The workspace lacks the blob {digest!r}.", "Restore its `blobs` folder."
            ) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(
                f"The blob {digest!r} does not hold what its name says.",
                "Restore its `blobs` folder.",
            )
        return data.decode("utf-8", "surrogatepass")

    def fold(self, value: Json) -> Json:
        """The same value with each large text replaced by `{"$blob": digest}`; a key's own leading `$` is doubled."""
        if isinstance(value, str):
            return {MARK: self.put(value)} if len(value) > INLINE_CHARACTERS else value
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
                return self.get(value[MARK])
            return {key.removeprefix("$"): self.unfold(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.unfold(item) for item in value]
        return value
