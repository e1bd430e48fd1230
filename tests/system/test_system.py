"""What the operating system gives, and what happens where it does not: macOS, Windows."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from journeyman.errors import InputError
from journeyman.system import locks, memory
from journeyman.system.cores import usable_cores
from journeyman.system.signals import on_interrupt


def test_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 8}, raising=False)
    assert usable_cores() == 3


@pytest.mark.parametrize(("counted", "cores"), [(6, 6), (None, 1)])
def test_without_affinity_all_cores_count(
    monkeypatch: pytest.MonkeyPatch, counted: int | None, cores: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert usable_cores() == cores


def test_a_lock_is_one_holders_until_it_is_released(tmp_path: Path) -> None:
    held = locks.lock(tmp_path / "lock")
    assert locks.try_lock(tmp_path / "lock") is None
    held.release()
    again = locks.try_lock(tmp_path / "lock")
    assert again is not None
    again.release()
    with pytest.raises(FileNotFoundError):
        locks.try_lock(tmp_path / "other")


def test_a_lock_is_free_once_its_process_is_dead(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from journeyman.system.locks import lock\n"
        "held = lock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    assert locks.try_lock(tmp_path / "lock") is None
    holder.kill()
    holder.communicate()
    taken = locks.try_lock(tmp_path / "lock")
    assert taken is not None
    taken.release()


def test_without_locks_the_error_says_what_is_supported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    for take in (locks.lock, locks.try_lock):
        with pytest.raises(InputError, match=r"Windows is not supported.*WSL"):
            take(tmp_path / "lock")
    assert not (tmp_path / "lock").exists()


def test_an_interrupt_is_handled_inside_the_loop() -> None:
    interrupts: list[str] = []

    async def work() -> None:
        with on_interrupt(lambda: interrupts.append("interrupt")):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)

    asyncio.run(work())
    assert interrupts == ["interrupt"]


def test_a_loop_that_handles_no_signals_works_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object) -> None:
        raise NotImplementedError

    async def work() -> str:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "add_signal_handler", unknown)
        monkeypatch.setattr(loop, "remove_signal_handler", unknown)
        with on_interrupt(lambda: None):
            await asyncio.sleep(0)
        return "done"

    assert asyncio.run(work()) == "done"


class NoLimit:
    """`resource` as on macOS: the limit is there, and setting it fails."""

    RLIMIT_AS = 5
    RLIM_INFINITY = -1

    @staticmethod
    def getrlimit(_: int) -> tuple[int, int]:
        return -1, -1

    @staticmethod
    def setrlimit(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")


def test_a_limit_of_memory_that_the_system_lacks_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "resource", NoLimit)
    assert not memory.limit_memory(1 << 30)
    monkeypatch.setattr(memory, "resource", None)
    assert not memory.limit_memory(1 << 30)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of memory")
@pytest.mark.parametrize("for_good", [False, True])
def test_a_limit_of_memory_holds(for_good: bool) -> None:
    code = (
        "import resource; from journeyman.system.memory import limit_memory\n"
        f"assert limit_memory(1 << 30, for_good={for_good})\n"
        "print(*resource.getrlimit(resource.RLIMIT_AS))\n"
        "try:\n    bytearray(2 << 30)\nexcept MemoryError:\n    print('held')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    limits, held = ended.stdout.splitlines()
    soft, hard = map(int, limits.split())
    assert soft == 1 << 30
    assert (hard == soft) == for_good
    assert held == "held"
