"""Prompt tokens that the prefix cache saves."""

MEASURES = (
    "jobs.analyst",
    "journeyman.environments",
    "journeyman.flow",
    "journeyman.job",
    "journeyman.memory",
    "journeyman.models",
    "journeyman.store",
    "journeyman.worker",
)
