"""Searching up to a million passages: time, recall, memory, disk."""

MEASURES = (
    "journeyman.documents",
    "journeyman.knowledge.index",
    "journeyman.store",
)
