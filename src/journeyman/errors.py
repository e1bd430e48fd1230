"""One tree of errors. Each names the fault, the value and a hint; `boundary()` turns errors into records.

Exit codes of the command line (documented in `docs/reference/exit-codes.md`) stand on the classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import format_exception
from typing import ClassVar

from journeyman.types import Failure


class JourneymanError(Exception):
    """Something the person who runs this can act on."""

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str, *, traceback: str | None = None) -> None:
        """`traceback`: of the fault in foreign code that this error tells of. None: there is none."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.message} {self.hint}"

    @property
    def failure(self) -> Failure:
        return Failure(
            kind=self.kind, message=self.message, hint=self.hint, traceback=self.traceback
        )


class InputError(JourneymanError):
    """What the user gave (a flag, a file, a job, a case) can't be used."""

    kind = "input"
    exit_code = 2


class MissingExtraError(InputError):
    """An optional part is not installed."""

    kind = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs an optional part.", f"Install it with: pip install 'journeyman[{extra}]'"
        )


class StoreError(JourneymanError):
    """The workspace can't be read or written."""

    kind = "store"
    exit_code = 3


class ModelError(JourneymanError):
    """A model could not be reached, loaded or understood."""

    kind = "model"
    exit_code = 4


class ModelUnreachableError(ModelError):
    """No connection, or the endpoint's own fault (5xx), after all retries."""

    kind = "model_unreachable"


class ModelRefusedError(ModelError):
    """The endpoint refuses the key, the model's name or the request (4xx)."""

    kind = "model_refused"


class ModelBusyError(ModelError):
    """Still rate-limited (429) after all retries."""

    kind = "model_busy"


class ModelTimeoutError(ModelError):
    """No reply in time."""

    kind = "model_timeout"


class ModelReplyError(ModelError):
    """The reply was cut off, is no JSON, or lacks what a reply must have."""

    kind = "model_reply"


class ContextOverflowError(ModelError):
    """The prompt is longer than the model's context."""

    kind = "context_overflow"


class PartRefusedError(ModelError):
    """A message holds a part that the model does not take, such as an image; it was not called."""

    kind = "part_refused"


class ModelFileError(ModelError):
    """A model file is missing, cut short, or not what its hash says."""

    kind = "model_file"


class EnvironmentFault(JourneymanError):
    """The environment itself broke; a tool that merely fails answers with a failed message instead."""

    kind = "environment"


class InDoubt(JourneymanError):
    """A `once` effect was begun before a crash and nobody knows whether it happened."""

    kind = "in_doubt"


class VerifierError(JourneymanError):
    """A verifier broke, so the case stays unscored."""

    kind = "verifier"


class LearningBudgetSpent(JourneymanError):
    """What learning may cost is spent; what was found so far holds."""

    kind = "learning_budget"


TRACEBACK_CHARACTERS = 8_000
"""Of a traceback, so much is kept: its end tells where the fault is."""


class Caught:
    """What `boundary()` caught, if anything."""

    failure: Failure | None = None


@contextmanager
def boundary(where: str) -> Iterator[Caught]:
    """Run foreign or fallible code; an exception becomes `outcome.failure`. The only `except Exception` there is.

    Cancellation, Ctrl-C and SystemExit pass through: they are not faults. So does StoreError: what can't be written
    down must not go on.
    """
    outcome = Caught()
    try:
        yield outcome
    except StoreError:
        raise
    except JourneymanError as error:
        outcome.failure = error.failure
    except Exception as error:
        outcome.failure = Failure(
            kind="fault",
            message=f"{where}: {type(error).__name__}: {error}",
            hint="This is a fault in that code, not in the case: `journeyman show CASE --traceback` says where.",
            traceback=_end_of_traceback(error),
        )


def _end_of_traceback(error: Exception) -> str:
    told = "".join(format_exception(error))
    return told[-TRACEBACK_CHARACTERS:]
