"""Forgetting and transfer: six streams learned one after the other."""

MEASURES = ("journeyman.assess",)

RECORDS = (
    "journeyman.environments",
    "journeyman.flow",
    "journeyman.job",
    "journeyman.learn",
    "journeyman.memory",
    "journeyman.models",
    "journeyman.protocols",
    "journeyman.store",
    "journeyman.verifiers",
    "journeyman.worker",
)
