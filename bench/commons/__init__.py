"""What workers share, and what poisoned contributions cost."""

MEASURES = (
    "journeyman.memory",
    "journeyman.store",
)
