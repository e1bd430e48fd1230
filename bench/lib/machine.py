"""The machine that a figure was measured on: what makes times comparable, and nothing that names a host."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from journeyman.system.cores import usable_cores
from journeyman.types import Record


class Machine(Record):
    processor: str | None
    """The CPU model's name; None: the system does not tell it."""
    cores: int
    """Those that this process may use."""
    memory_gib: int
    python: str

    @property
    def told(self) -> str:
        """As pages name it: "AMD EPYC, 2 cores"."""
        counted = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.processor or 'unknown processor'}, {counted}"


def this_machine() -> Machine:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Machine(
        processor=processor_name(Path("/proc/cpuinfo")),
        cores=usable_cores(),
        memory_gib=round(memory),
        python=platform.python_version(),
    )


def processor_name(cpuinfo: Path) -> str | None:
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip() or None
    return None
