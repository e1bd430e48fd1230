"""Parses the files of a folder in a fresh process, one after another; says what became of each in a line of JSON.

python -m bench.parsing.survive FOLDER
"""

from __future__ import annotations

import faulthandler
import sys
import time
from pathlib import Path

from bench.parsing.memory import ended_children_mb, own_mb
from journeyman.documents import Document
from journeyman.knowledge.parse import ParseLimits, parse_many
from journeyman.knowledge.parse.processes import end_idle
from journeyman.types import Failure, Record

LIMITS = ParseLimits(page_seconds=240.0, file_seconds=600.0, memory_mb=2048)
"""Many times what the slowest file takes on an idle core: a busy machine fails none, and what hangs reaches them."""

STUCK_SECONDS = 2 * LIMITS.file_seconds
"""When the parser itself does not come back for so long, this process says where it stands and ends."""

GIVEN_UP = ("took longer than", "ended the process")
"""What the parser says of a file that had to be stopped, or that crashed a library."""


class Outcome(Record):
    """Of one file."""

    name: str
    seconds: float
    clear: bool
    """Whether it ended by itself, in text or in words that say why there is none and what to do."""
    refused: bool
    """Whether it was an error."""
    said: str


class Memory(Record):
    """The most that was taken, in MB: by the processes that read, and by the one that asked."""

    reader_mb: float
    caller_mb: float


def main() -> None:
    for path in sorted(Path(sys.argv[1]).iterdir()):
        faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
        began = time.perf_counter()
        for _, told in parse_many([path], limits=LIMITS, processes=1):
            say(outcome_of(path.name, told, time.perf_counter() - began))
    faulthandler.cancel_dump_traceback_later()
    end_idle()
    say(Memory(reader_mb=ended_children_mb(), caller_mb=own_mb()))


def say(told: Record) -> None:
    sys.stdout.write(told.model_dump_json() + "\n")
    sys.stdout.flush()


def outcome_of(name: str, told: Document | Failure, seconds: float) -> Outcome:
    if isinstance(told, Document):
        said = " ".join(told.notes)
        clear, refused = bool(told.text or told.notes), False
    else:
        said = f"{told.kind}: {told.message} {told.hint}"
        clear, refused = told.kind == "input" and name in told.message and bool(told.hint), True
    stopped = any(words in said for words in GIVEN_UP)
    return Outcome(
        name=name, seconds=seconds, clear=clear and not stopped, refused=refused, said=said
    )


if __name__ == "__main__":
    main()
