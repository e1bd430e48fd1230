"""Reading processes: started once, used for many files, ended when one takes too long or too much."""

from __future__ import annotations

import atexit
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from journeyman.errors import InputError
from journeyman.knowledge.parse.child import ParseReply, ParseRequest

START_SECONDS = 60.0

FILES_PER_PROCESS = 200
"""Then a new one takes its place: native libraries leak a little with each broken file."""

IDLE_KEPT = 2
"""Processes kept for the next file; each takes about 60 MB, with the recognition model 500 MB."""


class ProcessEndedError(Exception):
    """The process is gone, or had to be: the text says why, in words that fit after the file's name."""


class ReadingProcess:
    def __init__(self) -> None:
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "journeyman.knowledge.parse.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self.files = 0
        self.buffer = bytearray()
        self.watch = selectors.DefaultSelector()
        assert self.process.stdout is not None
        self.watch.register(self.process.stdout, selectors.EVENT_READ)
        self._line(time.monotonic() + START_SECONDS, "did not start")

    def ask(self, job: ParseRequest) -> Iterator[ParseReply]:
        """What the process says of a file, as it says it. Raises ProcessEndedError at a limit, or when it dies."""
        assert self.process.stdin is not None
        self.files += 1
        limits = job.limits
        end = time.monotonic() + limits.file_seconds
        try:
            self.process.stdin.write(job.model_dump_json().encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise ProcessEndedError(self._death()) from None
        while True:
            page_end = time.monotonic() + limits.page_seconds
            deadline, what = (
                (page_end, f"took longer than {limits.page_seconds:g} s for one page or part")
                if page_end < end
                else (end, f"took longer than {limits.file_seconds:g} s")
            )
            said = ParseReply.model_validate_json(self._line(deadline, what))
            yield said
            if said.failure is not None or said.sha256 is not None:
                return

    def _line(self, deadline: float, late: str) -> bytes:
        assert self.process.stdout is not None
        while (at := self.buffer.find(b"\n")) < 0:
            if not self.watch.select(max(0.0, deadline - time.monotonic())):
                self.end()
                raise ProcessEndedError(late)
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if not data:
                raise ProcessEndedError(self._death())
            self.buffer += data
        line = bytes(self.buffer[:at])
        del self.buffer[: at + 1]
        return line

    def _death(self) -> str:
        self.end()
        return f"ended the process that read it (exit status {self.process.returncode})"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self.watch.close()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


_idle: list[ReadingProcess] = []
_lock = threading.Lock()


@contextmanager
def reading_process() -> Iterator[ReadingProcess]:
    """One process for one file: an idle one, or a new one. Kept afterwards, unless it is half-way through or worn."""
    with _lock:
        process = _idle.pop() if _idle else None
    if process is None or not process.alive:
        try:
            process = ReadingProcess()
        except ProcessEndedError as error:
            raise InputError(
                f"The process that reads files {error}.",
                "Install it with: pip install 'journeyman[knowledge]'",
            ) from None
    done = False
    try:
        yield process
        done = True
    finally:
        with _lock:
            keep = (
                done
                and process.alive
                and process.files < FILES_PER_PROCESS
                and len(_idle) < IDLE_KEPT
            )
            if keep:
                _idle.append(process)
        if not keep:
            process.end()


@atexit.register
def end_idle() -> None:
    with _lock:
        while _idle:
            _idle.pop().end()
