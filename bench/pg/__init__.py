"""The journal in PostgreSQL: kills, cases a second, and DBOS beside it."""

MEASURES = (
    "journeyman.assess",
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
