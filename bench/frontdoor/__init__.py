"""What the front door costs: importing, making a worker, and a case beyond its model; beside Agno and pydantic-ai."""

MEASURES = (
    "journeyman.__init__",
    "journeyman.app",
    "journeyman.assess",
    "journeyman.autonomy",
    "journeyman.environments",
    "journeyman.job",
    "journeyman.memory",
    "journeyman.models",
    "journeyman.runtime",
    "journeyman.store",
    "journeyman.types",
    "journeyman.worker",
)
