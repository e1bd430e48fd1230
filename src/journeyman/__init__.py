"""AI workers that learn on the job and know when they are right.

`docs/reference/library.md` tells what each name is. What stands behind one is imported at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from journeyman import verifiers as verifiers
    from journeyman.app.front import Worker as Worker
    from journeyman.app.results import Citation as Citation
    from journeyman.app.results import Result as Result
    from journeyman.app.results import WorkSummary as WorkSummary
    from journeyman.app.workspace import Workspace as Workspace
    from journeyman.environments.running import await_event as await_event
    from journeyman.environments.running import call_tool as call_tool
    from journeyman.environments.running import gather as gather
    from journeyman.environments.tools import RunContext as RunContext
    from journeyman.environments.tools import ToolResult as ToolResult
    from journeyman.environments.tools import effect as effect
    from journeyman.environments.tools import final as final
    from journeyman.environments.tools import tool as tool
    from journeyman.errors import JourneymanError as JourneymanError
    from journeyman.job.job import Job as Job
    from journeyman.models.scripted import ScriptedModel as ScriptedModel
    from journeyman.types import Audio as Audio
    from journeyman.types import Budget as Budget
    from journeyman.types import Case as Case
    from journeyman.types import Image as Image
    from journeyman.types import ToolCall as ToolCall

PLACES = {
    "Audio": "types",
    "Budget": "types",
    "Case": "types",
    "Citation": "app.results",
    "Image": "types",
    "Job": "job.job",
    "JourneymanError": "errors",
    "Result": "app.results",
    "RunContext": "environments.tools",
    "ScriptedModel": "models.scripted",
    "ToolCall": "types",
    "ToolResult": "environments.tools",
    "WorkSummary": "app.results",
    "Worker": "app.front",
    "Workspace": "app.workspace",
    "await_event": "environments.running",
    "call_tool": "environments.running",
    "effect": "environments.tools",
    "final": "environments.tools",
    "gather": "environments.running",
    "tool": "environments.tools",
    "verifiers": "verifiers",
}
"""Where each name stands."""

__all__ = [*PLACES]  # noqa: PLE0604 - names


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: Any = import_module(f"{__name__}.{PLACES[name]}")
    if name != "verifiers":
        found = getattr(found, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *PLACES})
