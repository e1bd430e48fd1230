"""Children: asked in lines, bounded in time, killed and replaced, kept warm, given no keys."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from journeyman.system.children import (
    Child,
    ChildCommand,
    ChildEndedError,
    ChildLateError,
    WarmPool,
)

ECHO = ChildCommand(module="tests.system.echo", variables={"ROOM": "here"})


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def child() -> Iterator[Child]:
    started = Child(ECHO)
    yield started
    started.kill()


def test_it_answers_a_line_for_a_line(child: Child) -> None:
    for word in (b"one", b"two"):
        child.send(word)
        assert child.read_line(soon()) == word
    child.send(b"three\nfour")
    assert [child.read_line(soon()), child.read_line(soon())] == [b"three", b"four"]


def test_one_that_hangs_is_killed(child: Child) -> None:
    child.send(b"hang")
    with pytest.raises(ChildLateError):
        child.read_line(soon(0.2))
    assert child.process.returncode == -signal.SIGKILL
    with pytest.raises(ChildEndedError):
        child.send(b"one")
    with pytest.raises(ChildEndedError):
        child.read_line(soon())


def test_one_that_dies_says_how(child: Child) -> None:
    child.send(b"die")
    with pytest.raises(ChildEndedError):
        child.read_line(soon())
    assert child.process.returncode == 3
    assert not child.alive


def test_it_gets_the_allowed_variables_and_its_own_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("LANG", "C.UTF-8")
    child = Child(ECHO)
    child.send(b"environment")
    environment = json.loads(child.read_line(soon()))
    child.kill()
    assert environment["ROOM"] == "here"
    assert environment["LANG"] == "C.UTF-8"
    assert "OPENAI_API_KEY" not in environment


def test_another_thread_can_kill_it_while_one_waits(child: Child) -> None:
    problems: list[Exception] = []

    def wait() -> None:
        try:
            child.read_line(soon())
        except ChildEndedError as error:
            problems.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.1)
    child.kill()
    waiting.join(timeout=10)
    assert len(problems) == 1


def is_running(pid: int) -> bool:
    status = Path("/proc", str(pid), "stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_with_a_group_of_its_own_all_that_it_started_is_killed() -> None:
    child = Child(ChildCommand(module="tests.system.echo", own_group=True))
    child.send(b"grandchild")
    grandchild = int(child.read_line(soon()))
    child.kill()
    deadline = soon()
    while is_running(grandchild) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(grandchild)


# --- the pool


@dataclass
class Idle:
    """What a pool keeps, without a process."""

    usable: bool = True
    ended: bool = False

    def end(self) -> None:
        self.ended = True


def test_a_pool_keeps_so_many_of_each_kind() -> None:
    pool: WarmPool[Idle] = WarmPool(2)
    first, second, third, other = Idle(), Idle(), Idle(), Idle()
    for idle in (first, second, third):
        pool.give_back("a", idle)
    pool.give_back("b", other)
    assert [idle.ended for idle in (first, second, third, other)] == [False, False, True, False]
    assert pool.take("a") is second
    assert pool.take("a") is first
    assert pool.take("a") is None
    pool.end_idle()
    assert other.ended
    assert pool.take("b") is None


def test_a_pool_hands_out_nothing_that_is_not_usable() -> None:
    pool: WarmPool[Idle] = WarmPool(2)
    broken, sound, spent = Idle(usable=False), Idle(), Idle()
    pool.give_back("a", broken)
    pool.give_back("a", sound)
    pool.give_back("a", spent)
    spent.usable = False
    assert broken.ended
    assert pool.take("a") is sound
    assert spent.ended


def test_a_fork_does_not_see_its_parents() -> None:
    pool: WarmPool[Idle] = WarmPool(2)
    pool.give_back("a", Idle())
    pid = os.fork()
    if pid == 0:
        os._exit(0 if pool.take("a") is None else 1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert pool.take("a") is not None


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_idle_ones_end_with_their_process() -> None:
    code = (
        "from dataclasses import dataclass; from journeyman.system.children import *\n"
        "@dataclass\nclass Kept:\n"
        "    child: Child\n    usable: bool = True\n"
        "    def end(self): self.child.kill()\n"
        "child = Child(ChildCommand(module='tests.system.echo'))\n"
        "WarmPool(1).give_back('a', Kept(child)); print(child.process.pid)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not is_running(int(ended.stdout))
