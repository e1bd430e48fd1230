"""How long one takes to make and how much it keeps: the median of batches, and the mean of a batch."""

import statistics
import time
import tracemalloc

BATCH = 200
BATCHES = 7


def measured(make):
    make()
    times = []
    for _ in range(BATCHES):
        began = time.perf_counter()
        kept = [make() for _ in range(BATCH)]
        times.append((time.perf_counter() - began) / BATCH)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [make() for _ in range(BATCH)]
    memory = tracemalloc.get_traced_memory()[0] - before
    assert len(kept) == BATCH
    print(1e6 * statistics.median(times), memory / 1024 / BATCH)
