"""Questions whose answer stands in known passages: real data, read in place, and vectors of it that are made once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.lib import datasets
from bench.lib.figures import Figure
from journeyman.documents import Passage
from journeyman.models.fetching import models_folder
from journeyman.protocols import Embedder

RESAMPLES = 2_000
BATCH = 256


@dataclass(frozen=True)
class Questions:
    """A collection of passages, and questions with the passages that answer them, by their numbers."""

    name: str
    passages: Sequence[Passage]
    questions: Sequence[tuple[str, frozenset[int]]]


def squad(name: str, file: Path) -> Questions:
    """Each paragraph of a reading set is a passage; each question is answered by its own."""
    passages: list[Passage] = []
    questions: list[tuple[str, frozenset[int]]] = []
    for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            questions += [
                (asked["question"], frozenset({len(passages)})) for asked in paragraph["qas"]
            ]
            passages.append(
                Passage(document=name, id=str(len(passages)), text=paragraph["context"])
            )
    return Questions(name, passages, questions)


def hotpot(file: Path) -> Questions:
    rows = _lines(file)
    told = (
        (row["question"], [(title, "".join(texts)) for title, texts in row["context"]],
         {title for title, _ in row["supporting_facts"]})
        for row in rows
    )  # fmt: skip
    return _pooled(
        "hotpot",
        ((q, [(t, x, t in titles) for t, x in paragraphs]) for q, paragraphs, titles in told),
    )


def musique(file: Path) -> Questions:
    return _pooled(
        "musique",
        (
            (
                row["question"],
                [(p["title"], p["paragraph_text"], p["is_supporting"]) for p in row["paragraphs"]],
            )
            for row in _lines(file)
        ),
    )


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as opened:
        yield from map(json.loads, opened)


def _pooled(name: str, rows: Iterator[tuple[str, list[tuple[str, str, bool]]]]) -> Questions:
    """All questions' paragraphs, each once, are one collection."""
    numbers: dict[tuple[str, str], int] = {}
    questions = []
    for question, paragraphs in rows:
        here = [
            (numbers.setdefault((title, text), len(numbers)), supports)
            for title, text, supports in paragraphs
        ]
        questions.append((question, frozenset(number for number, supports in here if supports)))
    passages = [
        Passage(document=name, id=str(n), title=title, text=text)
        for (title, text), n in numbers.items()
    ]
    return Questions(name, passages, questions)


def all_sets(data: Path) -> dict[str, Questions]:
    """By name; `xquad_zh_en` asks in Chinese what English passages answer."""
    english, chinese = (
        squad(f"xquad_{code}", data / "xquad" / f"xquad.{code}.json") for code in ("en", "zh")
    )
    crossed = Questions("xquad_zh_en", english.passages, chinese.questions)
    found = (
        english,
        chinese,
        crossed,
        squad("cmrc", data / "cmrc" / "cmrc2018_trial.json"),
        hotpot(data / "multihop" / "hotpot.json"),
        musique(data / "multihop" / "musique.json"),
    )
    return {each.name: each for each in found}


def data_folder() -> Path:
    found = datasets.folder()
    if found is None:
        raise SystemExit("The data is not here: set JOURNEYMAN_DATA to its folder.")
    return found


# --- measures -------------------------------------------------------------------------------------------------


def recall(order: Sequence[int], answers: frozenset[int], k: int = 5) -> float:
    """Share of the answering passages among the first k."""
    return len(answers.intersection(order[:k])) / len(answers)


def ndcg(order: Sequence[int], answers: frozenset[int], k: int = 10) -> float:
    gained = sum(1 / log2(rank + 2) for rank, number in enumerate(order[:k]) if number in answers)
    return gained / sum(1 / log2(rank + 2) for rank in range(min(k, len(answers))))


def mean(values: Sequence[float], unit: str = "", goal: str = "") -> Figure:
    """The mean with its bootstrap interval over questions, seeded."""
    seen = np.array(values, np.float64)
    chance = np.random.default_rng(datasets.SEED)
    means = seen[chance.integers(0, len(seen), (RESAMPLES, len(seen)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Figure(value=float(seen.mean()), low=float(low), high=float(high), unit=unit, goal=goal)


# --- vectors --------------------------------------------------------------------------------------------------


class KeptEmbedder:
    """An embedder whose vectors are kept on disk, outside the project: some take an hour to make."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.name = embedder.name
        self.folder = models_folder().parent / "bench" / "vectors"

    @property
    def dimensions(self) -> int | None:
        return self.embedder.dimensions

    def _file(self, texts: Sequence[str], kind: str) -> Path:
        told = json.dumps([self.name, kind, *texts]).encode()
        return self.folder / f"{hashlib.sha256(told).hexdigest()}.npy"

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        rows = [
            await self._batch(texts[start : start + BATCH], kind)
            for start in range(0, len(texts), BATCH)
        ]
        return np.concatenate(rows)

    async def _batch(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        file = self._file(texts, kind)
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            aside = file.with_suffix(".part.npy")
            np.save(aside, await self.embedder.embed(texts, kind=kind))
            aside.replace(file)
        rows: NDArray[np.float32] = np.load(file)
        return rows

    async def aclose(self) -> None:
        await self.embedder.aclose()
