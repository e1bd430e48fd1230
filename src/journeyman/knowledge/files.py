"""Which files a knowledge base should hold, and which of them changed, by what the file system tells."""

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
    there: dict[str, SourceFile] = {}
    gone: set[str] = set()
    for path in paths:
        root = Path(path).resolve()
        mine = [name for name in known if is_under(name, str(root))]
        if not root.exists() and not mine:
            raise InputError(f"There is no file or folder {str(path)!r}.", "Correct its path.")
        gone |= {name for name in mine if not Path(name).exists()}
        for file in files_under(root):
            status = file.stat()
            there[str(file)] = SourceFile(
                document=str(file),
                size=status.st_size,
                modified=status.st_mtime_ns,
                reader=reader,
                labels=labels,
            )
    new = [now for name, now in there.items() if not _same(known.get(name), now)]
    return Scan(new=tuple(new), unchanged=len(there) - len(new), gone=tuple(sorted(gone)))


def files_under(root: Path) -> Iterator[Path]:
    """The file itself, or the files below a folder, in order; links are not followed. InputError for too many."""
    if root.is_file():
        yield root
        return
    count, folders = 0, [root]
    while folders:
        folder = folders.pop()
        inner = sorted(folder.iterdir()) if folder.is_dir() else []
        listed = [path for path in inner if not path.name.startswith(".") and not path.is_symlink()]
        folders += [
            path for path in reversed(listed) if path.is_dir() and path.name not in PASSED_OVER
        ]
        for path in listed:
            if path.is_file():
                count += 1
                if count > MOST_FILES:
                    raise InputError(
                        f"{str(root)!r} holds over {MOST_FILES:,} files.", "Add parts of it."
                    )
                yield path


def is_under(name: str, root: str) -> bool:
    """Whether a document is a file, or lies under a folder."""
    return name == root or name.startswith(root.rstrip("/\\") + "/")


def _same(known: SourceFile | None, now: SourceFile) -> bool:
    """Whether a file is as it was when it was read, to be read in the same way."""
    if known is None:
        return False
    return all(
        getattr(known, name) == getattr(now, name)
        for name in ("size", "modified", "reader", "labels")
    )
