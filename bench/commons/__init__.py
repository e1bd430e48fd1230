"""What workers share, and what poisoned contributions cost."""

MEASURES = (
    "journeyman.flow.experience",
    "journeyman.learn.lessons",
    "journeyman.memory",
    "journeyman.store",
)
