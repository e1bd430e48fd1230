"""Environments. Each is a frozen settings record; called with a `CaseInput`, it opens the case's world."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from journeyman.environments.functions import Functions
from journeyman.environments.gym import GymEnvironment
from journeyman.environments.single_turn import SingleTurn
from journeyman.environments.sql import Sql
from journeyman.environments.tools import (
    RunContext,
    ToolResult,
    Tools,
    effect,
    final,
    reconciled_by,
)

AnyEnvironment = Annotated[
    SingleTurn | Tools | Sql | Functions | GymEnvironment, Field(discriminator="kind")
]
"""What `[environment]` in job.toml can be."""

__all__ = [
    "AnyEnvironment",
    "Functions",
    "GymEnvironment",
    "RunContext",
    "SingleTurn",
    "Sql",
    "ToolResult",
    "Tools",
    "effect",
    "final",
    "reconciled_by",
]
