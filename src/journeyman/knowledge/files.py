"""Which files a knowledge base should hold, and which of them changed, according to the file system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from journeyman.documents import SourceFile
from journeyman.errors import InputError
from journeyman.types import Record

MOST_FILES = 100_000
PASSED_OVER = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
"""Folders that hold no documents; nor do files and folders whose names begin with a dot."""


class Scan(Record):
    """What is to be done for some paths."""

    new: tuple[SourceFile, ...]
    """Files that are to be read: new ones, changed ones, and those to be read in another way."""
    unchanged: int
    gone: tuple[str, ...]
    """Documents whose files are not there any more."""


def scan(
    paths: Iterable[Path | str],
    known: Mapping[str, SourceFile],
    *,
    labels: tuple[str, ...],
    reader: str,
) -> Scan:
    """Look at all files under the paths. Raises InputError for a path that does not exist and holds nothing known."""
    found: dict[str, SourceFile] = {}
    gone: set[str] = set()
    for path in paths:
        root = Path(path).resolve()
        known_below = [name for name in known if is_under(name, str(root))]
        if not root.exists() and not known_below:
            raise InputError(f"There is no file or folder {str(path)!r}.", "Correct its path.")
        gone |= {name for name in known_below if not Path(name).exists()}
        for file in files_under(root):
            source = _source(file, labels, reader)
            found[source.document] = source
    new = [source for name, source in found.items() if not _same(known.get(name), source)]
    return Scan(
        new=tuple(new),
        unchanged=len(found) - len(new),
        gone=tuple(sorted(gone)),
    )


def _source(file: Path, labels: tuple[str, ...], reader: str) -> SourceFile:
    """A file as it lies there, not read yet."""
    status = file.stat()
    return SourceFile(
        document=str(file),
        size=status.st_size,
        modified=status.st_mtime_ns,
        reader=reader,
        labels=labels,
    )


def files_under(root: Path) -> Iterator[Path]:
    """The file itself, or the files below a folder, in order; links are not followed. InputError for too many."""
    if root.is_file():
        yield root
        return
    count = 0
    folders = [root]
    while folders:
        listed = _listed(folders.pop())
        inner = [path for path in listed if path.is_dir() and path.name not in PASSED_OVER]
        folders += reversed(inner)
        for path in listed:
            if not path.is_file():
                continue
            count += 1
            if count > MOST_FILES:
                raise InputError(
                    f"{str(root)!r} holds over {MOST_FILES:,} files.", "Add parts of it."
                )
            yield path


def _listed(folder: Path) -> list[Path]:
    """What lies in a folder, in order, without what is hidden and without links."""
    if not folder.is_dir():
        return []
    paths = sorted(folder.iterdir())
    return [path for path in paths if not path.name.startswith(".") and not path.is_symlink()]


def is_under(name: str, root: str) -> bool:
    """Whether a document is a file, or lies under a folder."""
    folder = root.rstrip("/\\") + "/"
    return name == root or name.startswith(folder)


def _same(known: SourceFile | None, source: SourceFile) -> bool:
    """Whether a file is as it was when it was read, to be read in the same way."""
    if known is None:
        return False
    if known.size != source.size or known.modified != source.modified:
        return False
    return known.reader == source.reader and known.labels == source.labels
