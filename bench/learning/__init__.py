"""What learning without weights brings."""

MEASURES = (
    "bench.streams",
    "journeyman.assess",
)

RECORDS = (
    "journeyman.calls",
    "journeyman.environments",
    "journeyman.autonomy",
    "journeyman.improve",
    "journeyman.reports",
    "journeyman.runtime",
    "journeyman.gym",
    "journeyman.job",
    "journeyman.learn",
    "journeyman.memory",
    "journeyman.models",
    "journeyman.protocols",
    "journeyman.store",
    "journeyman.verifiers",
    "journeyman.worker",
)
