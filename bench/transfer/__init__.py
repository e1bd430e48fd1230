"""Forgetting and transfer: six streams learned one after the other."""

MEASURES = ("journeyman.assess",)

RECORDS = (
    "journeyman.calls",
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
    "journeyman.worker",
)
