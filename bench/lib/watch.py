"""CPU and wall time of a block, and of searches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

PASSES = 3
"""Over all queries; of the CPU time of each, the best counts."""


class Watch:
    """CPU and wall seconds of a block."""

    cpu = 0.0
    wall = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu += time.process_time() - cpu
        self.wall += time.perf_counter() - wall


def timed(
    search: Callable[[str], object], queries: Sequence[str]
) -> tuple[list[float], list[float]]:
    """Milliseconds of CPU, at the best of the passes, and of the clock, in all passes, for each query."""
    cpu, wall = [float("inf")] * len(queries), []
    for _ in range(PASSES):
        for n, query in enumerate(queries):
            watch = Watch()
            with watch.running():
                search(query)
            cpu[n] = min(cpu[n], 1000 * watch.cpu)
            wall.append(1000 * watch.wall)
    return cpu, wall
