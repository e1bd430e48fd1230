"""Parses one file in a fresh process and tells how long it took and how much memory the reading process and this one had.

python -m bench.parsing.large FILE
"""

from __future__ import annotations

import json
import resource
import sys
import time

from journeyman.knowledge.parse import stream
from journeyman.knowledge.parse.processes import end_idle


def main() -> None:
    began, pages, characters = time.perf_counter(), 0, 0
    for sheet in stream(sys.argv[1]):
        pages += sheet.page is not None
        characters += sum(len(block.text) for block in sheet.blocks)
    seconds = time.perf_counter() - began
    end_idle()
    used = {
        "reader_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "caller_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps({"pages": pages, "characters": characters, "seconds": seconds, **used}))


if __name__ == "__main__":
    main()
