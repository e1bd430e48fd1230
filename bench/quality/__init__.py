"""Accuracy of the embedded model before any learning."""

MEASURES = (
    "jobs.analyst",
    "jobs.clerk",
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
