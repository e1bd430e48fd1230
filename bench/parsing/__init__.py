"""Parsing beside other parsers: real pages, generated truth, scans, hostile files."""

MEASURES = (
    "journeyman.documents",
    "journeyman.knowledge.markdown",
    "journeyman.knowledge.parse",
)
