"""Whether the exam lets through what helps and holds what harms."""

MEASURES = ("journeyman.assess",)

RECORDS = (
    "journeyman.environments",
    "journeyman.flow",
    "journeyman.job",
    "journeyman.learn",
    "journeyman.models",
    "journeyman.protocols",
    "journeyman.store",
    "journeyman.verifiers",
)
