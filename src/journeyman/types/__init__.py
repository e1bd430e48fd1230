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
from journeyman.types.events import Change, ChangeKind, Decided, Event, EventKind, Lease, Recalled
from journeyman.types.learning import Lesson, Proposal, Recall, WorkerSpec
from journeyman.types.record import (
    CaseResult,
    Decision,
    Evidence,
    Example,
    Failure,
    Label,
    Score,
    ScoredTrajectory,
    SelfCheck,
    Step,
    Stop,
    Trajectory,
)
from journeyman.types.run_spec import Run
from journeyman.types.work import Budget, Case, CaseInput, Split

__all__ = [
    "Budget",
    "Case",
    "CaseInput",
    "CaseResult",
    "Change",
    "ChangeKind",
    "Decided",
    "Decision",
    "Effect",
    "Event",
    "EventKind",
    "Evidence",
    "Example",
    "Failure",
    "Json",
    "Label",
    "Lease",
    "Lesson",
    "Message",
    "Proposal",
    "Recall",
    "Recalled",
    "Record",
    "Reply",
    "Role",
    "Run",
    "Sampling",
    "Score",
    "ScoredTrajectory",
    "SelfCheck",
    "Split",
    "Step",
    "Stop",
    "TokenLogprob",
    "ToolCall",
    "ToolSpec",
    "Trajectory",
    "Usage",
    "WorkerSpec",
]
