"""Every stored or sent value. All frozen: a change makes a new record.

Unknown is None, never 0, "" or a guess. Times are seconds (durations) or Unix seconds (moments);
token counts are the engine's own.
"""

from journeyman.types.content import (
    Effect,
    Json,
    Message,
    Record,
    Reply,
    Role,
    Sampling,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)
from journeyman.types.events import Change, ChangeKind, Decided, Event, EventKind, Held, Recalled
from journeyman.types.learning import Lesson, Mind, Proposal, Recall
from journeyman.types.record import (
    Check,
    Decision,
    Evidence,
    Example,
    Failure,
    Graded,
    Label,
    Outcome,
    Score,
    Step,
    Stop,
    Trajectory,
)
from journeyman.types.run_spec import Run
from journeyman.types.work import Brief, Budget, Case, Split

__all__ = [
    "Brief",
    "Budget",
    "Case",
    "Change",
    "ChangeKind",
    "Check",
    "Decided",
    "Decision",
    "Effect",
    "Event",
    "EventKind",
    "Evidence",
    "Example",
    "Failure",
    "Graded",
    "Held",
    "Json",
    "Label",
    "Lesson",
    "Message",
    "Mind",
    "Outcome",
    "Proposal",
    "Recall",
    "Recalled",
    "Record",
    "Reply",
    "Role",
    "Run",
    "Sampling",
    "Score",
    "Split",
    "Step",
    "Stop",
    "TokenLogprob",
    "ToolCall",
    "ToolSpec",
    "Trajectory",
    "Usage",
]
