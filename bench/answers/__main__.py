"""Answers from documents: right or not, cited or not, silent where the document is gone, and how a growing base hurts.

    python -m bench.answers --record --cases 12 --minutes 60    asks the embedded model; goes on where it was
    make bench NAME=answers                                           folds what was recorded; asks no model

The loop is the product's own (`runtime/asking.py`): search, prompt, answer, citations. Questions come in equal numbers
from XQuAD English, XQuAD Chinese and CMRC. The base at 1× is 17 paragraphs of each; at 100× all other paragraphs of
these sets and the pools of HotpotQA and MuSiQue are there too. The paragraphs of the `gone` questions are in neither;
no paragraph is in a base in both languages. `bench/answers/answers.csv` has a row for each question: measures, no text.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from bench.lib.figures import Figure, of_share
from bench.lib.places import WORK
from bench.lib.results import write
from bench.lib.retrieval_sets import KeptEmbedder, data_folder, hotpot, mean, musique
from journeyman.assess.stats import proportion
from journeyman.documents import Passage
from journeyman.knowledge.index import SqliteIndex
from journeyman.models import DEFAULT_MODEL, open_model
from journeyman.models.embedding import open_embedder
from journeyman.runtime.asking import asking_job
from journeyman.runtime.leases import LeaseOwner
from journeyman.runtime.runner import Runner, new_worker, work
from journeyman.runtime.runs import add_cases
from journeyman.store.fulltext.terms import terms
from journeyman.store.journal import open_journal
from journeyman.store.journal.replay import outcomes
from journeyman.store.passage_tables import searched
from journeyman.types import Case, CaseResult, Change, Run
from journeyman.verifiers.citations import abstains, cited_sentences, shown_to

ROOM = WORK / "answers"
FILE = Path(__file__).parent / "answers.csv"
SEED = 11
SETS = ("xquad_en", "xquad_zh", "cmrc")
WAY = 4
"""Grows with each change of the prompt: what was recorded before then counts no more."""
AT_1X = 17
"""Paragraphs of each set."""
MOST = 40
"""Questions of each set and kind that are drawn; the first so many of them are asked."""
COLUMNS = (
    "condition",
    "set",
    "case",
    "f1",
    "contains",
    "abstains",
    "sentences",
    "cited",
    "cited_right",
    "found",
    "seconds",
)
ARTICLES = re.compile(r"\b(?:a|an|the)\b")


@dataclass(frozen=True)
class Asked:
    """A question, its accepted answers, and the document that holds them."""

    name: str
    question: str
    answers: tuple[str, ...]
    document: str


@dataclass(frozen=True)
class Corpus:
    """What is asked, and the bases."""

    known: tuple[Asked, ...]
    gone: tuple[Asked, ...]
    bases: Mapping[str, Sequence[Passage]]


def paragraphs(name: str, file: Path, *, half: int | None) -> tuple[dict[str, str], list[Asked]]:
    """Every paragraph by its document, and all questions; `half`: only paragraphs of even (0) or odd (1) number."""
    texts: dict[str, str] = {}
    asked: list[Asked] = []
    listed = [
        p
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]
        for p in article["paragraphs"]
    ]
    for n, paragraph in enumerate(listed):
        if half is None or n % 2 == half:
            document = f"{name}-{n}"
            texts[document] = paragraph["context"]
            asked += [
                Asked(name, qa["question"], tuple({a["text"] for a in qa["answers"]}), document)
                for qa in paragraph["qas"]
            ]
    return texts, asked


def corpus() -> Corpus:
    """The same each time: one question of a paragraph, in a seeded order."""
    data, chance = data_folder(), random.Random(SEED)
    read = {
        "xquad_en": paragraphs("xquad_en", data / "xquad" / "xquad.en.json", half=0),
        "xquad_zh": paragraphs("xquad_zh", data / "xquad" / "xquad.zh.json", half=1),
        "cmrc": paragraphs("cmrc", data / "cmrc" / "cmrc2018_trial.json", half=None),
    }
    known: list[list[Asked]] = []
    gone: list[list[Asked]] = []
    small: list[Passage] = []
    large: list[Passage] = []
    for name, (texts, asked) in read.items():
        chance.shuffle(asked)
        one_each = list({one.document: one for one in asked}.values())
        known.append(one_each[:AT_1X])
        gone.append(one_each[AT_1X : AT_1X + MOST])
        without = {one.document for one in gone[-1]}
        first = {one.document for one in known[-1]}
        for document, text in texts.items():
            if document not in without:
                (small if document in first else large).append(
                    Passage(document=document, id="1", text=text)
                )
        assert len(known[-1]) == AT_1X, name
    for pool in (
        hotpot(data / "multihop" / "hotpot.json"),
        musique(data / "multihop" / "musique.json"),
    ):
        large += [
            p.model_copy(update={"document": f"{p.document}-{p.id}", "id": "1"})
            for p in pool.passages
        ]
    turns = tuple(one for several in zip(*known, strict=True) for one in several)
    silent = tuple(one for several in zip(*gone, strict=True) for one in several)
    return Corpus(turns, silent, {"1x": small, "100x": [*small, *large]})


def conditions(found: Corpus, cases: int) -> Iterator[tuple[str, str, Sequence[Asked]]]:
    """Name, base, questions; a third of `cases` come from each set."""
    yield "1x", "1x", found.known[:cases]
    yield "gone", "1x", found.gone[: cases // 2]
    yield "100x", "100x", found.known[:cases]


# --- asking ---------------------------------------------------------------------------------------------------


async def record(cases: int, until: float) -> None:
    found = corpus()
    embedder = await MadeBefore.of([searched(passage) for passage in found.bases["100x"]])
    model = open_model(DEFAULT_MODEL, at_once=1)
    ROOM.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    with open_journal(ROOM) as journal, LeaseOwner.enter(ROOM) as holder:
        for condition, base, asked in conditions(found, cases):
            with SqliteIndex.open(ROOM / f"{base}.sqlite", embedder) as index:
                if len(index.documents()) != len(found.bases[base]):
                    for passage in found.bases[base]:
                        await index.put(passage.document, [passage])

                async def find(query: str, index: SqliteIndex = index) -> Sequence[Passage]:
                    return await index.search(query, k=8)

                job = asking_job(find, about=condition)
                run = Run(
                    id=f"ask-{condition}-{WAY}", job=job.name, worker="ada@1", model=model.name, fingerprint=condition,
                    spec={"purpose": "bench", "salt": condition, "worker_spec": {"recall": {"withheld": 0.0}}},
                    opened_at=time.time(),
                )  # fmt: skip
                run = journal.open_run(partial(_same, run), job=job.name)
                of = {f"{one.name}-{one.document}": one for one in asked}
                add_cases(
                    journal,
                    run,
                    [Case(id=key, prompt=one.question, slice=one.name) for key, one in of.items()],
                )
                stop = asyncio.Event()

                def told(
                    outcome: CaseResult, stop: asyncio.Event = stop, condition: str = condition
                ) -> None:
                    print(
                        condition,
                        outcome.case_id,
                        f"{outcome.trajectory.seconds:.1f} s",
                        flush=True,
                    )
                    if time.monotonic() > until:
                        stop.set()

                if time.monotonic() < until:
                    shift = Runner(
                        journal=journal,
                        run=run,
                        job=job,
                        worker=new_worker(job),
                        model=model,
                        owner=holder,
                        at_once=1,
                    )
                    await work(replace(shift, on_case_closed=told, stop=stop))
                closed = {o.case_id: o for o in outcomes(journal, run) if o.closed}
                rows += [row(condition, of[key], closed[key]) for key in of.keys() & closed.keys()]
    await model.aclose()
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda told: (str(told["condition"]), str(told["case"]))))


def _same(run: Run, runs: Sequence[Run], _: Sequence[Change]) -> Run:
    return next((known for known in runs if known.id == run.id), run)


@dataclass(frozen=True)
class MadeBefore:
    """An embedder that has most vectors already: embedding passages one by one would take long."""

    embedder: KeptEmbedder
    rows: Mapping[str, NDArray[np.float32]]

    @classmethod
    async def of(cls, texts: Sequence[str]) -> Self:
        embedder = KeptEmbedder(open_embedder("use"))
        made = await embedder.embed(texts, kind="passage")
        return cls(embedder, dict(zip(texts, made, strict=True)))

    @property
    def name(self) -> str:
        return self.embedder.name

    @property
    def dimensions(self) -> int | None:
        return self.embedder.dimensions

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        if kind == "query":
            return await self.embedder.embedder.embed(texts, kind=kind)
        return np.stack([self.rows[text] for text in texts])

    async def aclose(self) -> None:
        await self.embedder.aclose()


def row(condition: str, asked: Asked, outcome: CaseResult) -> dict[str, object]:
    answer = outcome.trajectory.answer or ""
    passages = shown_to(outcome.trajectory)
    silent = abstains(answer)
    told = () if silent else cited_sentences(answer, passages, asked.question)
    heads = {cited.number: cited.head for cited in passages}
    first = [claim.found[0] for claim in told if claim.found]
    return {
        "condition": condition,
        "set": asked.name,
        "case": asked.document,
        "f1": round(0.0 if silent else max(f1(answer, gold) for gold in asked.answers), 4),
        "contains": int(not silent and any(plain(gold) in plain(answer) for gold in asked.answers)),
        "abstains": int(silent),
        "sentences": sum(claim.support is not None for claim in told),
        "cited": len(first),
        "cited_right": sum(heads[number].split(":")[0] == asked.document for number in first),
        "found": int(asked.document in {head.split(":")[0] for head in heads.values()}),
        "seconds": round(outcome.trajectory.seconds, 2),
    }


def plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w\s]", " ", ARTICLES.sub(" ", folded)).split())


def f1(answer: str, gold: str) -> float:
    """Rajpurkar et al. 2016, over words; over characters in pairs where the gold answer is Chinese."""
    given, wanted = Counter(terms(plain(answer))), Counter(terms(plain(gold)))
    same = (given & wanted).total()
    return 2 * same / (given.total() + wanted.total()) if same else 0.0


# --- what it came to ------------------------------------------------------------------------------------------


def figures() -> dict[str, Figure]:
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    of: dict[str, dict[str, dict[str, str]]] = {}
    for one in rows:
        of.setdefault(one["condition"], {})[one["case"]] = one
    near, far, gone = (list(of.get(name, {}).values()) for name in ("1x", "100x", "gone"))
    answered = [one for one in near if one["abstains"] == "0"]
    correct = [one for one in near if one["contains"] == "1"]

    def count(several: Sequence[Mapping[str, str]], column: str) -> int:
        return sum(int(one[column]) for one in several)

    told: dict[str, Figure] = {
        "f1": mean([float(one["f1"]) for one in near], f"mean of {len(near)}"),
        "right": of_share(proportion(len(correct), len(near))),
        "found": of_share(proportion(count(near, "found"), len(near))),
        "citation_precision": of_share(
            proportion(count(answered, "cited_right"), count(answered, "cited"))
        ),
        "citation_recall": of_share(
            proportion(sum(int(one["cited_right"]) > 0 for one in correct), len(correct))
        ),
        "sentences_cited": of_share(
            proportion(count(answered, "cited"), count(answered, "sentences"))
        ),
        "abstention": of_share(proportion(count(gone, "abstains"), len(gone))),
        "abstention_cited_or_silent": of_share(
            proportion(
                sum(one["abstains"] == "1" or one["cited"] < one["sentences"] for one in gone),
                len(gone),
            )
        ),
        "abstains_wrongly": of_share(proportion(count(near, "abstains"), len(near))),
        "seconds": mean([float(one["seconds"]) for one in near], "an answer, its prefix cached"),
    }
    for name in SETS:
        mine = [one for one in near if one["set"] == name]
        if mine:
            told[f"f1_{name}"] = mean([float(one["f1"]) for one in mine], f"mean of {len(mine)}")
            told[f"right_{name}"] = of_share(proportion(count(mine, "contains"), len(mine)))
    both = [
        (of["1x"][case], of["100x"][case])
        for case in of.get("1x", {})
        if case in of.get("100x", {})
    ]
    if both:
        unit = f"{len(both)} questions, paired"
        told["loss_at_100x"] = mean(
            [float(a["f1"]) - float(b["f1"]) for a, b in both], unit, "<= 0.03"
        )
        told["loss_right_at_100x"] = mean(
            [float(a["contains"]) - float(b["contains"]) for a, b in both], unit
        )
        told["found_at_100x"] = of_share(proportion(count(far, "found"), len(far)))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="ask the embedded model first")
    parser.add_argument(
        "--cases",
        type=int,
        default=51,
        help="questions at 1x and 100x; half as many whose text is gone",
    )
    parser.add_argument("--minutes", type=float, default=120, help="then stop")
    arguments = parser.parse_args()
    if arguments.record:
        asyncio.run(record(arguments.cases, time.monotonic() + 60 * arguments.minutes))
    write("answers", figures(), folded=not arguments.record)


if __name__ == "__main__":
    main()
