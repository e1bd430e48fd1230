"""Whether drawing the last reply again tells more of an answer than what is known already."""

MEASURES = (
    "bench.streams",
    "journeyman.assess",
)

RECORDS = (
    "journeyman.answers",
    "journeyman.calls",
    "journeyman.environments",
    "journeyman.autonomy",
    "journeyman.improve",
    "journeyman.reports",
    "journeyman.runtime",
    "journeyman.job",
    "journeyman.models",
    "journeyman.verifiers",
    "journeyman.worker",
)
