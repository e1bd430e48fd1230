"""Answers from documents: right, cited, silent where the document is gone."""

MEASURES = ("journeyman.assess",)

RECORDS = (
    "journeyman.documents",
    "journeyman.environments",
    "journeyman.autonomy",
    "journeyman.improve",
    "journeyman.reports",
    "journeyman.runtime",
    "journeyman.job",
    "journeyman.knowledge",
    "journeyman.models",
    "journeyman.protocols",
    "journeyman.store",
    "journeyman.verifiers",
)
