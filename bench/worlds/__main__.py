"""The generated environments: moves per second through the seam, what making a game takes, memory of its process.

Seconds are CPU seconds, of the game's process with all that it started and of this one, so that others on the machine
don't count. Moves are an expert's or, after it, chance's; puzzles are made and scored, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.lib.figures import Figure
from bench.lib.results import as_usual, write
from journeyman.environments import GymEnvironment
from journeyman.gym import FAMILIES, family_of
from journeyman.gym.drawing import sample_cases
from journeyman.gym.process import GameProcess, acquire, end_idle, release
from journeyman.types import Case, ToolCall, Trajectory
from journeyman.verifiers import GymVerifier

TASKS = {
    "reasoning_gym": (
        "reasoning_gym:chain_sum",
        "reasoning_gym:gcd",
        "reasoning_gym:knights_knaves",
    ),
    "minigrid": ("minigrid:BabyAI-GoToLocal-v0", "minigrid:BabyAI-GoTo-v0"),
    "textworld": ("textworld:coin_collector/10", "textworld:cooking/5"),
    "scienceworld": ("scienceworld:find-living-thing", "scienceworld:use-thermometer"),
}
ANCHORS = {"reasoning_gym": 177, "minigrid": 5_500, "textworld": 282, "scienceworld": 84}
"""Steps a second of the bare libraries, measured before."""

TICKS = os.sysconf("SC_CLK_TCK")


def group(process: GameProcess) -> Iterator[Path]:
    """The process and what it started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == process.process.pid:
                yield folder
        except ProcessLookupError:
            continue


def cpu_seconds(process: GameProcess) -> float:
    """Of the group, children that ended included, and of this process."""
    spent = 0
    for folder in group(process):
        fields = (folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        spent += sum(int(field) for field in fields[11:15])
    return spent / TICKS + time.process_time()


def resident_mb(process: GameProcess) -> float:
    return (
        sum(int((f / "statm").read_text(encoding="ascii").split()[1]) for f in group(process))
        * 4096
        / 2**20
    )


async def moves(case: Case, process: GameProcess, most: int) -> tuple[int, float, float]:
    """Moves made, CPU seconds for them, CPU seconds for making the game; played anew until there are enough."""
    _, task = family_of(str(case.data["task"]))
    expert, chance = process.walkthrough(task, case.data["seed"]), random.Random(0)
    environment = GymEnvironment()(case.input)
    made, games, spent, opening = 0, 0, 0.0, 0.0
    while made < most and games < 12:
        before = cpu_seconds(process)
        await environment.reset()
        opened = cpu_seconds(process)
        opening, games = opening + opened - before, games + 1
        commands = iter(expert)
        over = False
        while not over and made < most:
            command = next(commands, None) or chance.choice(expert)
            result = await environment.step(
                ToolCall(id="c", name="act", arguments={"command": command})
            )
            made += not result.failed
            over = (
                any(tool.final for tool in environment.tools if tool.name == "act") or result.failed
            )
        spent += cpu_seconds(process) - opened
        await environment.close()
    return made, spent, opening / games


async def puzzles(name: str, process: GameProcess, most: int) -> tuple[int, float]:
    """Puzzles made, their gold answer scored, and the CPU seconds."""
    before = cpu_seconds(process)
    cases = list(sample_cases([name], each=most))
    for case in cases:
        said = Trajectory(
            case_id=case.id, worker="w@1", opening=(), answer=str(case.target), stop="answered"
        )
        score = await GymVerifier().score(case, said)
        assert score.value == 1.0
    return len(cases), cpu_seconds(process) - before


async def measure(family: str, most: int) -> dict[str, Figure]:
    """The pool has one process, so that what is hired is what is measured."""
    end_idle()
    process = acquire(FAMILIES[family])
    process.tasks()
    release(process)
    done, spent, openings = 0, 0.0, list[float]()
    for name in TASKS[family]:
        if FAMILIES[family].is_puzzle:
            made, seconds = await puzzles(name, process, most // len(TASKS[family]))
        else:
            (case,) = sample_cases([name], each=1, first_seed=3)
            made, seconds, opening = await moves(case, process, most // len(TASKS[family]))
            openings.append(opening)
        done, spent = done + made, spent + seconds
    figures = {
        f"{family}_per_second": Figure(
            value=done / spent,
            unit="puzzles made and scored" if not openings else "moves",
            goal=f">= {ANCHORS[family]}",
        ),
        f"{family}_mb": Figure(value=resident_mb(process), unit="MB"),
    }
    if openings:
        figures[f"{family}_opening_seconds"] = Figure(
            value=median(openings), unit="CPU seconds to make a game again"
        )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=600)
    most = parser.parse_args().moves
    figures: dict[str, Figure] = {}
    for family in TASKS:
        if FAMILIES[family].missing is None:
            figures |= asyncio.run(measure(family, most))
            print({key: figure.value for key, figure in figures.items()}, flush=True)
    end_idle()
    write("worlds", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
