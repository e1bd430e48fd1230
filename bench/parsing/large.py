"""Parses one file in a fresh process; tells what time and memory its reading process and it took.

python -m bench.parsing.large FILE
"""

from __future__ import annotations

import json
import resource
import sys
import time

from bench.parsing.memory import ended_children_mb, own_mb
from bench.parsing.parsers import PATIENT
from journeyman.knowledge.parse import stream
from journeyman.knowledge.parse.processes import end_idle


def main() -> None:
    began, pages, characters = time.perf_counter(), 0, 0
    for sheet in stream(sys.argv[1], limits=PATIENT):
        pages += sheet.page is not None
        characters += sum(len(block.text) for block in sheet.blocks)
    end_idle()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": children.ru_utime + children.ru_stime + time.process_time(),
        "reader_mb": ended_children_mb(),
        "caller_mb": own_mb(),
    }
    sys.stdout.write(json.dumps({"pages": pages, "characters": characters, **used}))


if __name__ == "__main__":
    main()
