"""Time per turn, beside four other libraries."""

MEASURES = (
    "bench.lib.instant_server",
    "journeyman.assess",
    "journeyman.cases",
    "journeyman.environments",
    "journeyman.errors",
    "journeyman.flow",
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
