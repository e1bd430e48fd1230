"""Prompt tokens that the prefix cache saves."""

MEASURES = (
    "jobs.analyst",
    "journeyman.calls",
    "journeyman.environments",
    "journeyman.autonomy",
    "journeyman.improve",
    "journeyman.reports",
    "journeyman.runtime",
    "journeyman.job",
    "journeyman.memory",
    "journeyman.models",
    "journeyman.store",
    "journeyman.worker",
)
