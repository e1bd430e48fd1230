"""The generated environments: moves per second, memory."""

MEASURES = (
    "journeyman.environments",
    "journeyman.gym",
    "journeyman.verifiers",
)
