"""`kill -9` at random moments, and at every registered boundary."""

MEASURES = (
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
