"""Whether the exam lets through what helps and holds what harms."""

MEASURES = ("journeyman.assess",)

RECORDS = (
    "journeyman.environments",
    "journeyman.autonomy",
    "journeyman.improve",
    "journeyman.reports",
    "journeyman.runtime",
    "journeyman.job",
    "journeyman.learn",
    "journeyman.memory",
    "journeyman.models",
    "journeyman.protocols",
    "journeyman.store",
    "journeyman.verifiers",
)
