"""Cases an hour beside the raw engine."""

MEASURES = (
    "jobs.analyst",
    "journeyman.assess",
    "journeyman.calls",
    "journeyman.cases",
    "journeyman.environments",
    "journeyman.errors",
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
    "journeyman.types",
    "journeyman.verifiers",
    "journeyman.worker",
)
