"""Recall and nDCG of BM25, of each embedder, and of both."""

MEASURES = (
    "journeyman.documents",
    "journeyman.knowledge.index",
    "journeyman.models.embedding",
    "journeyman.models.fetching",
    "journeyman.store",
)
