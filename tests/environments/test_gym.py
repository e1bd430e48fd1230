"""The gym environment, played by the loop, and the verifier that plays the commands again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence

import pytest

from journeyman.environments import GymEnvironment
from journeyman.errors import InputError
from journeyman.gym import family_of
from journeyman.gym.drawing import sample_cases
from journeyman.gym.process import end_idle, process_for
from journeyman.memory.lessons import demonstration
from journeyman.memory.plain import PlainMemory
from journeyman.models.scripted import ScriptedModel
from journeyman.types import Budget, Case, CaseInput, Label, Message, ToolCall, Trajectory
from journeyman.verifiers import GymVerifier
from journeyman.worker import WorkerVersion, rollout
from tests.gym.families import games, needs


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left() -> Iterator[None]:
    yield
    end_idle()


def acts(commands: Sequence[str]) -> list[ToolCall]:
    return [
        ToolCall(id=f"call_{n}", name="act", arguments={"command": command})
        for n, command in enumerate(commands)
    ]


def played(case: Case, calls: Sequence[ToolCall]) -> tuple[Trajectory, float | None]:
    """What a worker does that makes these calls, and its score."""
    worker = WorkerVersion(budget=Budget(steps=len(calls) + 3, tokens=10**9))

    async def play() -> tuple[Trajectory, float | None]:
        trajectory = await rollout(
            worker, ScriptedModel(list(calls)), GymEnvironment()(case.input), case.input
        )
        return trajectory, (await GymVerifier().score(case, trajectory)).value

    return asyncio.run(play())


def a_case(name: str) -> tuple[Case, list[str]]:
    """A case, and the commands that win it."""
    family, task = family_of(name)
    (case,) = sample_cases([name], each=1, first_seed=3)
    with process_for(family) as process:
        return case, process.walkthrough(task, case.data["seed"])


@pytest.mark.parametrize("name", games())
def test_the_command_that_wins_ends_the_rollout(name: str) -> None:
    case, commands = a_case(name)
    trajectory, score = played(case, acts(commands))
    assert (trajectory.stop, score) == ("answered", 1.0)
    assert json.loads(trajectory.answer or "") == commands
    assert case.prompt in trajectory.opening[-1].text
    assert "[move 0 of" in trajectory.opening[-1].text
    assert "The game is over." in trajectory.steps[-1].results[-1].text


@pytest.mark.parametrize("name", games())
def test_giving_up_scores_what_was_reached(name: str) -> None:
    case, commands = a_case(name)
    trajectory, score = played(
        case, [*acts(commands[:1]), ToolCall(id="end", name="finish", arguments={})]
    )
    assert trajectory.stop == "answered"
    assert score is not None
    assert score < 1


@needs("minigrid")
def test_the_score_is_the_worlds_and_not_what_the_worker_says() -> None:
    case, commands = a_case("minigrid:BabyAI-GoToLocal-v0")
    lie = Trajectory(
        case_id=case.id, worker="w@1", opening=(), answer="I won. Score: 1", stop="answered"
    )
    assert asyncio.run(GymVerifier().score(case, lie)).value == 0.0
    told = lie.model_copy(update={"answer": json.dumps(commands)})
    assert (
        asyncio.run(GymVerifier().score(case, told)).value == 1.0
    )  # as `check` gives the walkthrough
    played_badly, _ = played(
        case, [*acts(["turn left"]), ToolCall(id="end", name="finish", arguments={})]
    )
    also_told = played_badly.model_copy(update={"answer": json.dumps(commands)})
    assert (
        asyncio.run(GymVerifier().score(case, also_told)).value == 0.0
    )  # what was done counts, not what was said


@needs("minigrid")
@pytest.mark.parametrize(
    "arguments", [{}, {"command": 7}, {"command": "  "}, {"command": "x" * 20_000}, {"order": "x"}]
)
def test_a_bad_call_is_answered(arguments: dict[str, object]) -> None:
    case, _ = a_case("minigrid:BabyAI-GoToLocal-v0")

    async def step() -> Message:
        environment = GymEnvironment()(case.input)
        await environment.reset()
        try:
            return await environment.step(ToolCall(id="c", name="act", arguments=arguments))
        finally:
            await environment.close()
            await environment.close()

    assert asyncio.run(step()).failed


@needs("minigrid")
def test_two_equal_sights_are_no_repetition_but_two_refusals_are() -> None:
    case, _ = a_case("minigrid:BabyAI-GoToLocal-v0")
    trajectory, _ = played(
        case, [*acts(["done"] * 5), ToolCall(id="end", name="finish", arguments={})]
    )
    assert trajectory.stop == "answered"
    refused, _ = played(case, acts(["fly"] * 3))
    assert refused.stop == "repeated"


@needs("minigrid")
def test_a_rollout_cut_off_in_a_move_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    case, _ = a_case("minigrid:BabyAI-GoToLocal-v0")
    environment = GymEnvironment()(case.input)

    async def cut() -> None:
        task = asyncio.create_task(environment.reset())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await environment.close()

    asyncio.run(cut())
    assert environment.process is None  # type: ignore[attr-defined]


@needs("minigrid")
def test_a_game_that_was_won_is_told_to_the_next_as_it_was_played() -> None:
    """What was refused is left out: of the moves, of what was seen before them, and of what the next game is told."""
    case, commands = a_case("minigrid:BabyAI-GoToObj-v0")
    trajectory, _ = played(case, acts([commands[0], "fly", *commands[1:]]))
    taught = demonstration(case, trajectory, "ada", [Label(error=False, by="mei")])
    assert taught is not None
    assert (json.loads(taught.text), len(taught.observations)) == (commands, len(commands))
    assert case.prompt in taught.observations[0]
    other = case.input.model_copy(
        update={"id": "other", "data": {**case.data, "seed": case.data["seed"] + 1}}
    )
    worker = WorkerVersion(memory=PlainMemory((taught,)))
    told = asyncio.run(
        rollout(
            worker,
            ScriptedModel([ToolCall(id="end", name="finish", arguments={})]),
            GymEnvironment()(other),
            other,
        )
    ).opening
    shown = [call.arguments["command"] for message in told for call in message.tool_calls]
    assert shown == commands
    assert [message.role for message in told[:3]] == ["system", "user", "assistant"]
    assert told[1].text[:40] == taught.observations[0][:40]


@needs("reasoning_gym")
def test_a_puzzle_is_read_and_answered() -> None:
    (case,) = sample_cases(["reasoning_gym:chain_sum"], each=1)

    async def answered() -> tuple[Trajectory, float | None]:
        trajectory = await rollout(
            WorkerVersion(),
            ScriptedModel([f"So:\n{case.target}"]),
            GymEnvironment()(case.input),
            case.input,
        )
        return trajectory, (await GymVerifier().score(case, trajectory)).value

    trajectory, score = asyncio.run(answered())
    assert (trajectory.opening[-1].text, score) == (case.prompt, 1.0)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"task": "textworld:x"},
        {"task": 1, "seed": 1},
        {"task": "a:b", "seed": -1},
        {"task": "a:b", "seed": True},
    ],
)
def test_a_case_that_names_no_game_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(InputError, match="names no game"):
        GymEnvironment()(CaseInput(id="c", prompt="p", data=data))
