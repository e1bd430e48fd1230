"""Child processes that read files: reused for many files, and ended when one exceeds a limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

from journeyman.errors import InputError
from journeyman.knowledge.parse.child import ParseReply, ParseRequest
from journeyman.system.children import (
    Child,
    ChildCommand,
    ChildEndedError,
    ChildLateError,
    WarmPool,
)

START_SECONDS = 60.0

FILES_PER_PROCESS = 200
"""Then a new one takes its place: native libraries leak a little with each broken file."""

IDLE_KEPT = 2
"""Processes kept for the next file; each takes about 60 MB, with the recognition model 500 MB."""

COMMAND = ChildCommand(
    module="journeyman.knowledge.parse.child",
    variables={
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    },
)


class ProcessEndedError(Exception):
    """The process is gone, or had to be: the text says why, in words that fit after the file's name."""


class ReadingProcess:
    """One process. Its methods block."""

    def __init__(self) -> None:
        self.files = 0
        self.half_way = False
        """Whether a file was begun and not read to its end: its answers must not be taken for the next file's."""
        self.child = Child(COMMAND)
        self._line(time.monotonic() + START_SECONDS, "did not start")

    @property
    def process(self) -> Popen[bytes]:
        return self.child.process

    def ask(self, job: ParseRequest) -> Iterator[ParseReply]:
        """What the process says of a file, as it says it. Raises ProcessEndedError at a limit, or when it dies."""
        self.files += 1
        self.half_way = True
        file_end = time.monotonic() + job.limits.file_seconds
        self._send(job)
        while True:
            said = self._next(job, file_end)
            is_last = said.failure is not None or said.sha256 is not None
            self.half_way = not is_last
            yield said
            if is_last:
                return

    def _send(self, job: ParseRequest) -> None:
        line = job.model_dump_json().encode()
        try:
            self.child.send(line)
        except ChildEndedError:
            raise ProcessEndedError(self._death()) from None

    def _next(self, job: ParseRequest, file_end: float) -> ParseReply:
        limits = job.limits
        now = time.monotonic()
        page_end = now + limits.page_seconds
        page_ends_first = page_end < file_end
        problem = f"took longer than {limits.file_seconds:g} s"
        deadline = file_end
        if page_ends_first:
            problem = f"took longer than {limits.page_seconds:g} s for one page or part"
            deadline = page_end
        line = self._line(deadline, problem)
        return ParseReply.model_validate_json(line)

    def _line(self, deadline: float, late: str) -> bytes:
        try:
            return self.child.read_line(deadline)
        except ChildLateError:
            raise ProcessEndedError(late) from None
        except ChildEndedError:
            raise ProcessEndedError(self._death()) from None

    def _death(self) -> str:
        return f"ended the process that read it (exit status {self.process.returncode})"

    def end(self) -> None:
        self.child.kill()

    @property
    def usable(self) -> bool:
        """Whether it can read another file."""
        worn = self.files >= FILES_PER_PROCESS
        return self.child.alive and not self.half_way and not worn


_idle: WarmPool[ReadingProcess] = WarmPool(IDLE_KEPT)
KIND = "reading"


@contextmanager
def reading_process() -> Iterator[ReadingProcess]:
    """One process for one file: an idle one, or a new one. Kept afterwards, unless it is half-way through or worn."""
    process = _idle.take(KIND) or _started()
    try:
        yield process
    except BaseException:
        process.end()
        raise
    _idle.give_back(KIND, process)


def _started() -> ReadingProcess:
    try:
        return ReadingProcess()
    except ProcessEndedError as error:
        raise InputError(
            f"The process that reads files {error}.",
            "Install it with: pip install 'journeyman[knowledge]'",
        ) from None


def end_idle() -> None:
    """For whoever wants the memory back."""
    _idle.end_idle()
