"""What the smaller embedded model is worth: as a draft model, as the first to answer, in slow tests."""

MEASURES = ("journeyman.assess",)

RECORDS = (
    "journeyman.calls",
    "journeyman.job",
    "journeyman.models",
    "journeyman.protocols",
    "journeyman.runtime",
    "journeyman.store",
    "journeyman.types",
    "journeyman.worker",
)
