"""Cases, and the budget of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from journeyman.types.content import (
    Attachment,
    Json,
    Message,
    Record,
    Text,
    without_empty,
)

Split = Literal["train", "calibration", "exam", "live"]
"""Where a case may be used. No learner ever sees `exam`."""


class CaseInput(Record):
    """What the worker may know of a case: everything but its target."""

    id: str
    prompt: str
    data: Mapping[str, Json] = Field(default_factory=dict)
    """What the environment needs to open this case, such as a database or the tools offered."""
    attachments: tuple[Attachment, ...] = ()
    """What is told after the prompt, such as a picture."""

    @model_serializer(mode="wrap")
    def _without_no_attachments(self, dump: SerializerFunctionWrapHandler) -> dict[str, Json]:
        return without_empty("attachments", dump(self))

    @property
    def message(self) -> Message:
        """The prompt and the attachments, as the user's message."""
        prompt = Text(text=self.prompt)
        return Message(role="user", content=(prompt, *self.attachments))


class Case(Record):
    """One piece of work; holds the target where one is known. Only verifiers are handed a Case."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    prompt: str
    data: Mapping[str, Json] = Field(default_factory=dict)
    target: Json = None
    """What a verifier compares with. None: not known, so the case can't be scored."""
    slice: str | None = None
    """The kind of situation this is, for results per slice. None: not sorted."""
    split: Split = "live"
    attachments: tuple[Attachment, ...] = ()
    """What is told after the prompt, such as a picture."""

    @model_serializer(mode="wrap")
    def _without_no_attachments(self, dump: SerializerFunctionWrapHandler) -> dict[str, Json]:
        return without_empty("attachments", dump(self))

    @property
    def input(self) -> CaseInput:
        return CaseInput(
            id=self.id,
            prompt=self.prompt,
            data=self.data,
            attachments=self.attachments,
        )


class Budget(Record):
    """What one case may cost at most. A budget that runs out ends the case; it never ends the stream."""

    steps: Annotated[int, Field(ge=1, le=1000)] = 8
    """Model calls."""
    tokens: Annotated[int, Field(ge=1)] = 16_000
    """Prompt and completion tokens of all model calls together."""
    seconds: Annotated[float, Field(gt=0)] = 300.0
    """Wall time from the case's opening."""
