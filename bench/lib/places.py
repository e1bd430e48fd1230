"""Where things stand: the checkout, the results, and what a bench may throw away."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""
BENCH = ROOT / "bench"
JOBS = ROOT / "jobs"
RESULTS = BENCH / "results"
"""`NAME.json` of each bench: its last figures, as `bench/lib/results.py` writes them."""
RECORDED_STREAMS = BENCH / "streams"
"""`STREAM.csv`: what the embedded model did, case by case."""
WORK = BENCH / ".work"
"""Workspaces and environments that a bench goes on with; not in git."""

RECORDED_ARMS = ROOT / "bench" / "learning"
"""What the learning bench recorded, a file a stream."""
