"""A writer of the old Office container (OLE): as much of it as an Outlook message or a locked workbook needs."""

from __future__ import annotations

import struct
from collections.abc import Mapping

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
LEAST = 4096
"""Shorter streams would go to another place; these are filled up with spaces."""


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A file with the streams at its root."""
    sectors: list[bytes] = []
    chain: list[int] = []
    entries = [_entry("Root Entry", 5, END, 0, child=1 if streams else FREE)]
    names = sorted(streams, key=lambda name: (len(name), name.upper()))
    for n, name in enumerate(names, start=1):
        data = streams[name].ljust(LEAST, b" ")
        first = len(sectors)
        count = -(-len(data) // SECTOR)
        sectors += [
            data[at : at + SECTOR].ljust(SECTOR, b"\0") for at in range(0, count * SECTOR, SECTOR)
        ]
        chain += [*range(first + 1, first + count), END]
        entries.append(_entry(name, 2, first, len(data), right=n + 1 if n < len(names) else FREE))
    directory = len(sectors)
    listed = b"".join(entries).ljust(-(-len(entries) // 4) * SECTOR, b"\0")
    count = len(listed) // SECTOR
    sectors += [listed[at : at + SECTOR] for at in range(0, len(listed), SECTOR)]
    chain += [*range(directory + 1, directory + count), END]
    tables = 1
    while (len(chain) + tables) * 4 > tables * SECTOR:
        tables += 1
    first_table = len(sectors)
    chain += [FAT] * tables
    packed = b"".join(struct.pack("<I", each) for each in chain).ljust(tables * SECTOR, b"\xff")
    sectors += [packed[at : at + SECTOR] for at in range(0, len(packed), SECTOR)]
    return _header(directory, range(first_table, first_table + tables)) + b"".join(sectors)


def _entry(
    name: str, kind: int, start: int, size: int, *, right: int = FREE, child: int = FREE
) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        wide,
        len(wide),
        kind,
        1,
        FREE,
        right,
        child,
        b"",
        0,
        0,
        0,
        start,
        size,
    )


def _header(directory: int, tables: range) -> bytes:
    head = struct.pack(
        "<8s16sHHHHH6sIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, len(tables), directory, 0, LEAST,
        END, 0, END, 0,
    )  # fmt: skip
    places = [*tables, *[FREE] * (109 - len(tables))]
    return head + struct.pack("<109I", *places)


def message(subject: str, body: str, sender: str = "Ann", to: str = "Bob") -> bytes:
    """An Outlook message."""
    texts = {
        "0037": subject,
        "1000": body,
        "0C1A": sender,
        "0E04": to,
        "007D": "Date: Mon, 1 Jan 2024 10:00:00 +0000\n",
    }
    streams = {
        f"__substg1.0_{number}001F": text.encode("utf-16-le") + b" \0" * (LEAST // 2)
        for number, text in texts.items()
    }
    return compound({"__properties_version1.0": b"", **streams})
