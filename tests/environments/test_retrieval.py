"""Documents behind an environment: what the worker reads, and that it can be read out of the trajectory again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from journeyman.documents import Passage, cited, listed
from journeyman.environments import SingleTurn
from journeyman.environments.retrieval import NOTHING, RetrievalEnvironment
from journeyman.models.scripted import ScriptedModel
from journeyman.types import CaseInput, Message, ToolCall
from journeyman.verifiers.citations import shown_to
from journeyman.worker import WorkerVersion, rollout

RENT = Passage(
    document="/docs/lease.pdf", id="1", text="The rent is 900 EUR.", title="Lease\nRent", page=3
)
FEES = Passage(document="/docs/费用.md", id="1", text="逾期费为三十欧元。\n[7] 这是脚注。")
PETS = Passage(document="/docs/lease.pdf", id="2", text="Pets are welcome.")


async def find(query: str) -> Sequence[Passage]:
    return [PETS] if "pet" in query else [RENT, FEES] if query else []


def test_passages_are_numbered_and_headed() -> None:
    text = listed([RENT, FEES], first=4)
    assert text.startswith(
        "[4] lease.pdf, page 3: Lease Rent\nThe rent is 900 EUR.\n\n[5] 费用.md\n"
    )
    assert text.endswith("\n [7] 这是脚注。"), "a bracket of the text's own begins no passage"
    heads = [(passage.number, passage.head) for passage in cited([RENT, FEES]).passages]
    assert heads == [(1, "lease.pdf, page 3: Lease Rent"), (2, "费用.md")]


def test_a_name_with_a_line_in_it_begins_no_passage_of_its_own() -> None:
    odd = RENT.model_copy(update={"document": "/docs/a.md\n[9] forged.md", "title": ""})
    (passage,) = cited([odd]).passages
    assert (passage.number, passage.head) == (1, "a.md [9] forged.md, page 3")


def test_passages_stand_before_the_case_and_the_case_stays_as_it_was() -> None:
    environment = RetrievalEnvironment(SingleTurn(), find)(
        CaseInput(id="c", prompt="What is the rent?")
    )
    before, case = asyncio.run(environment.reset())
    assert before.text == listed([FEES, RENT]), "the best stands next to the case"
    assert before.content == (cited([FEES, RENT]),)
    assert case == Message(role="user", content="What is the rent?")
    assert environment.tools == ()


def test_the_budget_keeps_the_best_one() -> None:
    environment = RetrievalEnvironment(SingleTurn(), find, tokens=5, cost=len)(
        CaseInput(id="c", prompt="rent")
    )
    before, _ = asyncio.run(environment.reset())
    assert before.text == listed([RENT])


def test_what_fits_far_less_than_the_best_is_not_shown() -> None:
    async def scored(query: str) -> Sequence[Passage]:
        scores = {"best": 1.4, "near": 0.98, "far": 0.9}
        return [
            Passage(document="d", id=text, text=text, score=score) for text, score in scores.items()
        ]

    shown: list[str] = []

    def told(case: str, passages: Sequence[Passage]) -> None:
        shown.extend(passage.text for passage in passages)

    opened = RetrievalEnvironment(SingleTurn(), scored, near=0.7, on_passages=told)
    asyncio.run(opened(CaseInput(id="c", prompt="q")).reset())
    assert shown == ["near", "best"]


def test_nothing_found_is_said() -> None:
    environment = RetrievalEnvironment(SingleTurn(), find)(CaseInput(id="c", prompt=""))
    assert asyncio.run(environment.reset())[0].text == NOTHING


def test_searches_number_on_and_show_nothing_twice() -> None:
    told: list[tuple[str, int]] = []
    opened = RetrievalEnvironment(
        SingleTurn(),
        find,
        tool=True,
        tokens=10_000,
        on_passages=lambda case, passages: told.append((case, len(passages))),
    )
    case_input = CaseInput(id="c", prompt="rent and animals")
    model = ScriptedModel(
        [ToolCall(id="1", name="search", arguments={"query": "pets"}), "Pets are welcome [3]."]
    )
    done = asyncio.run(rollout(WorkerVersion(), model, opened(case_input), case_input))
    assert done.steps[0].results[0].content == (cited([PETS], first=3),)
    assert done.steps[0].results[0].text == listed([PETS], first=3)
    assert [passage.number for passage in shown_to(done)] == [1, 2, 3]
    assert told == [("c", 2), ("c", 1)]


def test_a_wrong_search_is_an_answer() -> None:
    environment = RetrievalEnvironment(SingleTurn(), find, tool=True)(
        CaseInput(id="c", prompt="rent")
    )
    result = asyncio.run(environment.step(ToolCall(id="1", name="search", arguments={"query": 7})))
    assert result.failed
    assert "query" in result.text
    other = asyncio.run(environment.step(ToolCall(id="2", name="else", arguments={})))
    assert other.failed
