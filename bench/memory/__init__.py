"""Recall from up to a million past cases, and what an index of them costs."""

MEASURES = (
    "journeyman.memory",
    "journeyman.store",
)
