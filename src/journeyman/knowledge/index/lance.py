"""An index for millions of passages: LanceDB, a folder of columns, on disk or in an object store.

The terms are the house's own (`store/terms.py`), so that Chinese and identifiers are found as in the default index. All
that is known of a document is one commit: its passages, and a row of its own with its labels. `tidy()` builds what
makes a search over many quick; without it every search looks at everything, and is exact.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from journeyman.documents import Passage
from journeyman.errors import InputError, MissingExtraError
from journeyman.knowledge.index.fusion import fused
from journeyman.knowledge.index.sqlite import DEPTH, LEXICAL, SEMANTIC, checked, digest_of, how_many
from journeyman.protocols import Embedder
from journeyman.store.codec import dumps, loads
from journeyman.store.passages import searched
from journeyman.store.terms import LONGEST_TERM, terms

TABLE = "passages"
HEAD = ""
"""The id of a document's own row."""
QUERY_TERMS = 128
VECTORS_FOR_AN_INDEX = 20_000
"""Passages from which on `tidy()` builds a vector index; below, looking at all of them is quick."""


class LanceIndex:
    """Opened with `LanceIndex.open(folder, embedder)`. Without an embedder it searches by BM25 alone."""

    def __init__(self, database: Any, embedder: Embedder | None) -> None:
        self.database = database
        self.embedder = embedder
        self._opened: Any = None

    @classmethod
    def open(cls, folder: Path | str, embedder: Embedder | None = None) -> Self:
        """Open or make the folder. Raises InputError when its vectors are another embedder's."""
        try:
            import lancedb  # noqa: PLC0415 - optional, and takes seconds
        except ImportError as error:
            raise MissingExtraError("The index for millions", "lancedb") from error
        always_fresh = timedelta(0)
        index = cls(lancedb.connect(str(folder), read_consistency_interval=always_fresh), embedder)
        index._table()
        return index

    def close(self) -> None:
        self._opened = None

    def _table(self) -> Any:
        """None: nothing was ever put."""
        if self._opened is None and TABLE in self.database.list_tables().tables:
            table = self.database.open_table(TABLE)
            made_with = json.loads((table.schema.metadata or {}).get(b"embedder", b"null"))
            mine = None if self.embedder is None else self.embedder.name
            if made_with != mine:
                raise InputError(
                    f"The index holds vectors of the embedder {made_with!r}, not of {mine!r}.",
                    "Open it with that embedder, or index the documents anew in another folder.",
                )
            self._opened = table
        return self._opened

    def _made(self, dimensions: int) -> Any:
        """The table, made if need be: another process may be making it at the same moment."""
        if self._table() is None:
            import pyarrow as pa  # noqa: PLC0415 - optional
            from lancedb.index import FTS  # noqa: PLC0415 - optional

            names = ("document", "id", "labels", "digest", "body", "terms")
            vector = pa.field("vector", pa.list_(pa.float32(), dimensions))
            told = {"embedder": json.dumps(None if self.embedder is None else self.embedder.name)}
            schema = pa.schema([*(pa.field(name, pa.string()) for name in names), vector], metadata=told)
            table = self.database.create_table(TABLE, schema=schema, exist_ok=True)
            plain = {"stem": False, "remove_stop_words": False, "lower_case": False, "ascii_folding": False}
            longest = 4 * LONGEST_TERM  # bytes
            table.create_index("terms", config=FTS(base_tokenizer="whitespace", max_token_length=longest, **plain))
        return self._table()

    async def put(self, document: str, passages: Sequence[Passage], *, labels: Collection[str] = ()) -> bool:
        checked(document, passages)
        digest, told = digest_of(passages, labels), dumps(sorted(set(labels)))
        head = self._rows(f"{_is(document)} AND id = ''", "digest")
        if head and head[0]["digest"] == digest:
            return False
        vectors = await self._vectors([searched(passage) for passage in passages])
        same = {"document": document, "labels": told, "digest": digest}
        width = len(vectors[0]) if vectors else (self.embedder.dimensions if self.embedder else 1) or 1
        rows = [
            {**same, "id": passage.id, "body": _body(passage), "terms": _terms(searched(passage)), "vector": vector}
            for passage, vector in zip(passages, vectors, strict=True)
        ]
        rows.append({**same, "id": HEAD, "body": "", "terms": "", "vector": [0.0] * width})
        merge = self._made(width).merge_insert(["document", "id"])
        merge = merge.when_matched_update_all().when_not_matched_insert_all()
        merge.when_not_matched_by_source_delete(_is(document)).execute(rows)
        return True

    async def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        if self.embedder is None:
            return [[0.0]] * len(texts)
        rows = await self.embedder.embed(texts, kind="passage")
        return [[float(value) for value in row] for row in rows]

    async def remove(self, document: str) -> bool:
        there = bool(self._rows(f"{_is(document)} AND id = ''", "id"))
        if there:
            self._table().delete(_is(document))
        return there

    async def search(self, query: str, *, k: int = 8, labels: Collection[str] = ()) -> Sequence[Passage]:
        how_many(k)
        table, depth = self._table(), max(DEPTH, k)
        vector = None if self.embedder is None else (await self.embedder.embed([query], kind="query"))[0]
        if table is None:
            return []
        held = set(labels)
        may = sorted(
            {row["labels"] for row in self._rows("id = ''", "labels") if held.issuperset(loads(row["labels"]))}
        )
        if not may:
            return []
        visible = f"id != '' AND labels IN ({', '.join(map(_quoted, may))})"
        found: dict[tuple[str, str], str] = {}
        rankings: list[tuple[list[tuple[str, str]], float]] = []
        if words := " ".join(list(Counter(_terms(query).split()))[:QUERY_TERMS]):
            from lancedb.query import MatchQuery  # noqa: PLC0415 - optional

            search = table.search(MatchQuery(words, "terms"), query_type="fts")
            rankings.append((_ranked(search, visible, depth, "_score", found), LEXICAL))
        if vector is not None and vector.any():
            search = table.search(vector, query_type="vector").distance_type("dot")
            rankings.append((_ranked(search, visible, depth, "_distance", found), SEMANTIC))
        keys = sorted(found)
        number = {key: n for n, key in enumerate(keys)}
        order = fused([([number[key] for key in ranking], weight) for ranking, weight in rankings])[:k]
        return [Passage(document=keys[n][0], id=keys[n][1], score=score, **loads(found[keys[n]])) for n, score in order]

    def documents(self) -> Mapping[str, frozenset[str]]:
        rows = self._rows("id = ''", "document", "labels")
        return {row["document"]: frozenset(loads(row["labels"])) for row in sorted(rows, key=lambda r: r["document"])}

    def _rows(self, where: str, *columns: str) -> list[dict[str, Any]]:
        table = self._table()
        if table is None:
            return []
        rows: list[dict[str, Any]] = table.search().where(where).select(list(columns)).limit(None).to_list()
        return rows

    def tidy(self) -> None:
        """Merge small files, index what is new, and wipe from the disk what was removed; while nobody else searches."""
        table = self._table()
        if table is None:
            return
        if self.embedder is not None and table.count_rows() >= VECTORS_FOR_AN_INDEX:
            from lancedb.index import IvfRq  # noqa: PLC0415 - optional

            if not any(index.columns == ["vector"] for index in table.list_indices()):
                table.create_index("vector", config=IvfRq(distance_type="dot"))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="optimize")  # of readers of older versions: see above
            table.optimize(cleanup_older_than=timedelta(0), delete_unverified=False)


def _ranked(search: Any, visible: str, depth: int, by: str, found: dict[tuple[str, str], str]) -> list[tuple[str, str]]:
    """Documents and ids, best first, equal ones by name; their bodies are added to `found`."""
    rows = search.where(visible, prefilter=True).limit(depth).to_list()
    scored = [(-row["_score"] if by == "_score" else row["_distance"] - 1, row) for row in rows]
    kept = sorted((score, row["document"], row["id"], row["body"]) for score, row in scored if score < 0)
    found.update({(document, name): body for _, document, name, body in kept})
    return [(document, name) for _, document, name, _ in kept]


def _body(passage: Passage) -> str:
    return dumps(passage.model_dump(mode="json", exclude={"document", "id", "score"}, exclude_defaults=True))


def _terms(text: str) -> str:
    return " ".join(terms(text)).encode("utf-8", "replace").decode()


def _is(document: str) -> str:
    return f"document = {_quoted(document)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
