"""A small world with every kind of effect, two processes that work in it, and `kill -9` at random moments.

The processes are forked, so that hundreds can be killed in seconds. Whatever the world has seen is appended to files of
its own, outside the journal; `verdict` then compares the two.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from journeyman.assess.autonomy import FIRST_FIT
from journeyman.autonomy.tracker import remade
from journeyman.environments.running import await_event, call_tool, gather
from journeyman.job.job import Job
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, work
from journeyman.runtime.runs import add_cases, open_run
from journeyman.store import faults
from journeyman.store.journal import Journal, open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import (
    Budget,
    Case,
    CaseInput,
    CaseResult,
    Effect,
    Message,
    Reply,
    Sampling,
    Score,
    ToolCall,
    ToolSpec,
    Trajectory,
    Usage,
)

PLAN = ("look", "ring", "note", "book", "split")
"""The calls that a case takes, in order: pure, once, idempotent, reconcilable; and one that runs two branches."""

EFFECTS: dict[str, Effect] = {
    "look": "pure",
    "ring": "once",
    "note": "idempotent",
    "book": "reconcilable",
    "split": "pure",
    "knock": "once",
    "page": "reconcilable",
    "jot": "idempotent",
}
"""The last three are called in the branches only."""

PAGES = 3
"""In the branches of a case: two in one, one in the other."""

WAIT_SECONDS = 0.15
"""Each case leaves the queue while it looks: until the case before it is closed, or for so long."""


def go_name(case_id: str) -> str:
    """What a case waits for."""
    return f"go:{case_id}"


def append_line(file: Path, line: str) -> None:
    """One atomic append, seen by other processes at once."""
    handle = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


class PlannedModel:
    """Makes the calls of `PLAN`, then answers; notes when each reply was given."""

    name = "planned"

    def __init__(self, world: Path) -> None:
        self.world = world

    async def generate(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
    ) -> Reply:
        case_id = messages[-1].text if len(messages) == 1 else messages[0].text
        step = sum(message.role == "assistant" for message in messages)
        await asyncio.sleep(0)
        append_line(self.world / "calls", json.dumps([case_id, step, time.time()]))
        calls: tuple[ToolCall, ...] = ()
        if step < len(PLAN):
            calls = (
                ToolCall(id=f"{case_id}-{step}", name=PLAN[step], arguments={"case": case_id}),
            )
        message = Message(role="assistant", content="" if calls else case_id, tool_calls=calls)
        return Reply(
            message=message, usage=Usage(prompt_tokens=10, completion_tokens=2, cached_tokens=0)
        )

    async def aclose(self) -> None: ...


class CountingWorld:
    """One case's environment: each call leaves a line in a file of its kind of effect."""

    def __init__(self, world: Path, case_input: CaseInput) -> None:
        self.world = world
        self.input = case_input
        schema = {
            "type": "object",
            "properties": {"case": {"type": "string"}},
            "required": ["case"],
        }
        self.tools = tuple(
            ToolSpec(name=name, description=name, parameters=schema, effect=effect)
            for name, effect in EFFECTS.items()
        )

    async def reset(self) -> Sequence[Message]:
        return (Message(role="user", content=self.input.id),)

    async def step(self, call: ToolCall) -> Message:
        keyed = EFFECTS[call.name] in {"idempotent", "reconcilable"}
        key = call.id if keyed else self.input.id
        if call.name == "look":
            await await_event(go_name(self.input.id), seconds=WAIT_SECONDS)
        if call.name == "split":
            await gather(left=self._left, right=self._right)
        append_line(self.world / call.name, key)
        await asyncio.sleep(0)
        return Message(role="tool", call_id=call.id, content=f"{call.name} done")

    async def _left(self) -> None:
        await call_tool("page", case=self.input.id)
        await call_tool("jot", case=self.input.id)
        await call_tool("page", case=self.input.id)

    async def _right(self) -> None:
        await call_tool("knock", case=self.input.id)
        await call_tool("page", case=self.input.id)

    async def reconcile(self, call: ToolCall) -> Message | None:
        happened = call.id in lines(self.world / call.name)
        return (
            Message(role="tool", call_id=call.id, content=f"{call.name} done") if happened else None
        )

    def accepts(self, answer: str) -> bool:
        return True

    async def close(self) -> None: ...


class OwnId:
    """Right is the case's own id."""

    name = "own_id"

    async def score(self, case: Case, trajectory: Trajectory) -> Score:
        return Score(verifier=self.name, value=float(trajectory.answer == case.id))

    def reference(self, case: Case) -> str | None:
        return case.id


def case(n: int) -> Case:
    """The first ones are learned from, too few for a fit: that takes longer than a life here. The rest are sealed."""
    return Case(
        id=f"c{n:05d}",
        prompt="go",
        target=f"c{n:05d}",
        split="live" if n < FIRST_FIT - 1 else "exam",
    )


def shift_in(world: Path, journal: Journal, holder: LeaseOwner, cases: int) -> Runner:
    """The work of one process: open or join the run, and see that all cases are in it."""
    job = Job(
        name="crash",
        environment=lambda case_input: CountingWorld(world, case_input),
        verifiers=(OwnId(),),
        fingerprint="crash",
        budget=Budget(steps=20, tokens=100_000, seconds=60),
    )
    model = PlannedModel(world)
    run = open_run(journal, job, model)
    add_cases(journal, run, (case(n) for n in range(cases)))

    def let_next_go(result: CaseResult) -> None:
        number = int(result.case_id[1:])
        journal.emit(go_name(case(number + 1).id), result.case_id)

    return Runner.open(journal, holder, job, model, run, at_once=3, on_case_closed=let_next_go)


def workspace_of(world: Path) -> Path | str:
    """A folder of the world; or a database, where the world has a file `url` with its URL."""
    url = world / "url"
    return url.read_text() if url.exists() else world / "workspace"


def live(world: Path, cases: int) -> None:
    """One process's life, from opening the workspace to the last case."""
    with (
        open_journal(workspace_of(world)) as journal,
        LeaseOwner.enter(world / "workspace") as holder,
    ):
        asyncio.run(work(shift_in(world, journal, holder, cases)))


def spawn(world: Path, cases: int, before: Callable[[], None] = lambda: None) -> int:
    """Fork a process that lives in the world; returns its process id. It ends with 0, or 1 and a line in `faults`."""
    if child := os.fork():
        return child
    code = 1
    try:
        before()
        live(world, cases)
        code = 0
    except BaseException as error:  # noqa: BLE001 - a forked child must end here, whatever happened
        append_line(world / "faults", f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)


def die_at(point: str, visit: int) -> Callable[[], None]:
    """For `spawn`: kill the process when it comes to a point for the nth time."""
    seen: Counter[str] = Counter()

    def on_reach(reached: str) -> None:
        seen[reached] += 1
        if reached == point and seen[point] == visit:
            os.kill(os.getpid(), signal.SIGKILL)

    def install() -> None:
        faults.on_reach = on_reach

    return install


def wait_for(child: int, seconds: float) -> int | None:
    """The child's wait status; None: it was still alive after that long, and was killed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def enrol_all(world: Path, cases: int) -> None:
    """Put the cases into the run, so that each short life is spent on working them."""
    with (
        open_journal(workspace_of(world)) as journal,
        LeaseOwner.enter(world / "workspace") as holder,
    ):
        shift_in(world, journal, holder, cases)


def kill_loop(
    world: Path, *, kills: int, cases: int, seed: int, seconds: float, processes: int = 2
) -> int:
    """Some processes at work; one of them is killed at a random moment, again and again. Returns how many were killed.

    Ends when `kills` have died, all cases are done, or time is up.
    """
    rng = random.Random(seed)
    enrol_all(world, cases)
    deadline, killed = time.monotonic() + seconds, 0
    alive = [spawn(world, 0) for _ in range(processes)]
    while alive and killed < kills and time.monotonic() < deadline:
        time.sleep(rng.uniform(0.0, 0.06))
        victim = alive.pop(rng.randrange(len(alive)))
        if os.waitpid(victim, os.WNOHANG)[0]:
            continue  # it came to the end of the work
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        killed += 1
        alive.append(spawn(world, 0))
    for child in alive:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return killed


@dataclass(frozen=True)
class Verdict:
    """What the world saw against what the journal says. All counts must be 0 but `cases` and `in_doubt`."""

    cases: int
    in_doubt: int
    lost: int
    """Cases not closed, answered wrongly, or with a page missing."""
    doubled: int
    """`once` or keyed effects that happened twice, and answered model calls that were paid again."""
    stuck: int
    """Processes that did not come to an end."""
    unsurfaced: int
    """`once` effects of unknown outcome that no case in doubt tells of."""
    undecided: int
    """Cases without exactly one decision, or whose decision comes out otherwise when it is made again."""
    faults: tuple[str, ...]


def verdict(world: Path, cases: int, *, seconds: float) -> Verdict:
    """Let one process finish in peace, then compare the world with the journal."""
    stuck = int(wait_for(spawn(world, cases), seconds) != 0)
    with open_journal(workspace_of(world)) as journal:
        (run,) = journal.runs()
        found = list(outcomes(journal, run))
        made = list(remade(journal, run))
        replied = {
            (case.id, step): event.at
            for case, events in journal.histories(run.id)
            for step, event in enumerate(e for e in events if e.kind == "replied")
        }
    doubt = {o.case_id for o in found if o.trajectory.stop == "in_doubt"}
    rung = Counter(lines(world / "ring"))
    knocked = Counter(lines(world / "knock"))
    booked = Counter(lines(world / "book"))
    paged = Counter(lines(world / "page"))
    pages = Counter(key.partition("-")[0] for key in paged)
    calls = [json.loads(line) for line in lines(world / "calls")]
    paid_again = sum(at > replied.get((case_id, step), at) for case_id, step, at in calls)
    good = {o.case_id for o in found if o.closed and o.correct and pages[o.case_id] == PAGES}
    return Verdict(
        cases=len(found),
        in_doubt=len(doubt),
        lost=cases - len(good | doubt),
        doubled=_repeated(rung, knocked, booked, paged) + paid_again,
        stuck=stuck,
        unsurfaced=sum(
            (rung[o.case_id], knocked[o.case_id]) != (1, 1) for o in found if o.case_id not in doubt
        ),
        undecided=abs(len(found) - len(made)) + sum(before != again for before, again in made),
        faults=tuple(lines(world / "faults")),
    )


def _repeated(*seen: Counter[str]) -> int:
    """How often an effect happened again."""
    return sum(times - 1 for counted in seen for times in counted.values())


def kill_worlds(
    room: Path,
    *,
    kills: int,
    cases: int,
    seconds: float,
    processes: int = 2,
    database: Callable[[int], str] | None = None,
) -> Iterator[tuple[int, Verdict]]:
    """One world after the other until so many were killed or time is up: the kills in it, and what it then was.

    `database` gives the URL of each world's journal. None: it is in a folder.
    """
    deadline, left = time.monotonic() + seconds, kills
    for seed in range(kills):
        if left <= 0 or time.monotonic() >= deadline:
            return
        world = room / str(seed)
        world.mkdir()
        if database is not None:
            (world / "url").write_text(database(seed))
        killed = kill_loop(
            world,
            kills=left,
            cases=cases,
            seed=seed,
            seconds=deadline - time.monotonic(),
            processes=processes,
        )
        left -= killed
        yield killed, verdict(world, cases, seconds=120)
        shutil.rmtree(world)
