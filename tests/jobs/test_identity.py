"""What a job made in Python is: whatever can change an answer or a score changes its hash, and nothing else does."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from journeyman.environments import SingleTurn, Tools, effect
from journeyman.errors import InputError
from journeyman.job.identity import identity_of
from journeyman.job.job import Job
from journeyman.knowledge.retriever import Retriever
from journeyman.models.scripted import ScriptedModel
from journeyman.runtime.runs import open_run
from journeyman.runtime.versions import config_hash_of
from journeyman.store.journal import open_journal
from journeyman.verifiers import Exact, Number

PLAIN = '''
LIMITS = {"euros": 10}

def helper(n):
    return n + 1

def price(item: str) -> str:
    """The price of an item."""
    return f"{helper(1)} {LIMITS['euros']}"

class Shouting:
    name = "shouting"

    def __init__(self, loud=True):
        self.loud = loud

    async def score(self, case, trajectory):
        return helper(2)
'''


def module(folder: Path, text: str) -> ModuleType:
    folder.mkdir(exist_ok=True)
    file = folder / "desk.py"
    file.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("desk", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def job_of(text: str, folder: Path, verifier: str = "Shouting()") -> Job:
    made = module(folder, text)
    return Job(
        name="desk",
        environment=Tools(functions=(made.price,)),
        verifiers=(eval(verifier, {**vars(made), "Exact": Exact, "Number": Number}),),
    )


CHANGED: dict[str, tuple[str, str]] = {
    "the tool": ("{helper(1)}", "{helper(2)}"),
    "what the model reads of it": ("The price of", "The cost of"),
    "a function that it calls": ("n + 1", "n + 2"),
    "a constant that it reads": ('"euros": 10', '"euros": 20'),
    "a verifier's code": ("helper(2)", "helper(3)"),
    "a verifier's default": ("loud=True", "loud=False"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_another_source_is_another_job(what: str, tmp_path: Path) -> None:
    was, now = CHANGED[what]
    assert was in PLAIN
    before = job_of(PLAIN, tmp_path / "a").identity
    assert job_of(PLAIN, tmp_path / "b").identity == before
    assert job_of(PLAIN.replace(was, now), tmp_path / "c").identity != before


def test_a_verifiers_setting_is_part_of_the_job(tmp_path: Path) -> None:
    settings = ["Exact()", "Number()", "Number(absolute=0.5)", "Shouting()", "Shouting(loud=False)"]
    told = [job_of(PLAIN, tmp_path / str(n), one).identity for n, one in enumerate(settings)]
    assert len(set(told)) == len(settings)
    again = [job_of(PLAIN, tmp_path / str(n), one).identity for n, one in enumerate(settings)]
    assert again == told


def tool(rate: float) -> Callable[[str], str]:
    def price(item: str) -> str:
        return f"{rate} {item}"

    return price


def test_a_closure_a_default_and_a_bound_argument_count() -> None:
    assert identity_of(tool(1.5)) == identity_of(tool(1.5))
    assert identity_of(tool(1.5)) != identity_of(tool(2.5))
    assert identity_of(partial(tool, 1.5)) != identity_of(partial(tool, 2.5))
    one, other = (lambda item="a": item), (lambda item="b": item)
    assert identity_of(one) != identity_of(other)


def test_what_a_function_does_to_the_world_counts() -> None:
    def pay(order: str) -> str:
        return order

    before = identity_of(pay)
    assert identity_of(effect("once")(pay)) != before


def test_files_count_by_their_content(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("a")
    before = identity_of((file, tmp_path))
    assert identity_of((file, tmp_path)) == before
    file.write_text("bb")
    assert identity_of(file) != identity_of(tmp_path / "none.csv")
    assert identity_of((file, tmp_path)) != before


@dataclass(frozen=True)
class Link:
    value: object
    others: tuple[object, ...] = ()


class Own:
    def __init__(self, word: str) -> None:
        self.lock = threading.Lock()
        self.word = word

    def identity(self) -> str:
        return self.word


def test_records_objects_and_circles() -> None:
    assert identity_of(Link(1)) == identity_of(Link(1)) != identity_of(Link(2))
    assert identity_of(Link(1, (Link(2),))) != identity_of(Link(1, (Link(3),)))
    assert identity_of([1, 2]) != identity_of([2, 1])
    assert identity_of({1, 2}) == identity_of({2, 1})
    assert identity_of({"a": 1, "b": 2}) == identity_of({"b": 2, "a": 1})
    assert identity_of(1) != identity_of("1") != identity_of(True)
    circle: list[Any] = [1]
    circle.append(circle)
    assert identity_of(circle) == identity_of(circle)
    assert identity_of(Own("a")) == identity_of(Own("a")) != identity_of(Own("b"))


def test_what_cannot_be_told_apart_is_refused_by_name() -> None:
    lock = threading.Lock()

    def price(item: str) -> str:
        with lock:
            return item

    job = Job(name="desk", environment=Tools(functions=(price,)))
    with pytest.raises(InputError, match="lock") as refused:
        config_hash_of(job, ScriptedModel([]), "ada")
    assert "Job(fingerprint=" in refused.value.hint
    given = replace(job, fingerprint="desk-1")
    assert given.identity == "desk-1"
    assert replace(job, fingerprint="").identity == ""


def test_knowledge_counts_by_where_it_is_and_how_it_is_searched(tmp_path: Path) -> None:
    base = tmp_path / "k.sqlite"
    one = Retriever(base, paths=[tmp_path / "a"])
    assert identity_of(one.find) == identity_of(Retriever(base, paths=[tmp_path / "a"]).find)
    for other in (
        Retriever(base, paths=[tmp_path / "b"]),
        Retriever(base, paths=[tmp_path / "a"], k=9),
        Retriever(base, paths=[tmp_path / "a"], labels=["board"]),
    ):
        assert identity_of(other.find) != identity_of(one.find)


def test_another_process_says_the_same(tmp_path: Path) -> None:
    """Of code in a file, and of code that has none."""
    module(tmp_path, PLAIN)
    text = "import desk; from journeyman.job.identity import identity_of; f = lambda n: n + 1;"
    told = f"{text} print(identity_of((desk.price, desk.Shouting(), f)))"
    said = {
        subprocess.run(
            [sys.executable, "-c", told], cwd=tmp_path, check=True, capture_output=True, text=True,
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_a_changed_tool_begins_a_new_run_on_new_ground(tmp_path: Path) -> None:
    """The certificate that was earned by the old tool says nothing of the new one."""
    model = ScriptedModel([])
    with open_journal(tmp_path / "room") as journal:
        before = open_run(journal, job_of(PLAIN, tmp_path / "a"), model)
        assert open_run(journal, job_of(PLAIN, tmp_path / "b"), model).id == before.id
        changed = job_of(PLAIN.replace("n + 1", "n + 2"), tmp_path / "c")
        after = open_run(journal, changed, model)
        judged = open_run(journal, job_of(PLAIN, tmp_path / "d", "Exact()"), model)
    assert len({before.id, after.id, judged.id}) == 3
    assert len({before.config_hash, after.config_hash, judged.config_hash}) == 3


def test_a_plain_job_needs_no_fingerprint() -> None:
    one = Job(name="say", environment=SingleTurn(), verifiers=(Exact(),))
    assert one.identity == Job(name="say", environment=SingleTurn(), verifiers=(Exact(),)).identity
    assert one.identity != Job(name="say", environment=SingleTurn()).identity
