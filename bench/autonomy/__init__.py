"""How well confidence tells right from wrong, and what a worker may do alone."""

MEASURES = (
    "bench.streams",
    "journeyman.assess",
)
