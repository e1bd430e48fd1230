"""An index for millions of passages: LanceDB, a folder of columns, on disk or in an object store.

The terms are the house's own (`store/fulltext/terms.py`), so that Chinese and identifiers are found as in the default
index. All that is known of a document is one commit: its passages, and a row of its own with its labels. `tidy()`
builds what makes a search over many quick; without it every search looks at everything, and is exact.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from journeyman.documents import Passage, SourceFile
from journeyman.errors import InputError, MissingExtraError
from journeyman.knowledge.index.fusion import Ranking, fused
from journeyman.knowledge.index.kinds import IndexKind, Labels, Passages
from journeyman.knowledge.index.sqlite import DEPTH, checked, digest_of, how_many
from journeyman.protocols import Embedder
from journeyman.store.fulltext.terms import LONGEST_TERM, terms
from journeyman.store.journal.codec import dumps, loads
from journeyman.store.passage_tables import searched
from journeyman.store.sources import SourceStore

Vectors = NDArray[np.float32]

TABLE = "passages"
SOURCES_FILE = "sources.sqlite"
TEXT_COLUMNS = ("document", "id", "labels", "digest", "body", "terms")
HEAD = ""
"""The id of a document's own row."""
QUERY_TERMS = 128
VECTORS_FOR_AN_INDEX = 20_000
"""Passages from which on `tidy()` builds a vector index; below, looking at all of them is quick."""
PROBES = 20
"""Cells of the vector index that are looked into."""
REFINED = 5
"""So many times the passages asked for are compared exactly, after the index's one-bit codes chose them."""


class LanceIndex:
    """Opened with `LanceIndex.open(folder, embedder)`. Without an embedder it searches by BM25 alone."""

    def __init__(self, database: Any, folder: Path, embedder: Embedder | None) -> None:
        self.database = database
        self.folder = folder
        self.embedder = embedder
        self._opened: Any = None
        self._sources: SourceStore | None = None
        self._labels: tuple[int, dict[str, frozenset[str]]] = (-1, {})

    @classmethod
    def open(cls, folder: Path | str, embedder: Embedder | None = None) -> Self:
        """Open or make the folder. Raises InputError when its vectors are another embedder's."""
        try:
            import lancedb  # noqa: PLC0415 - optional, and takes seconds
        except ImportError as error:
            raise MissingExtraError("The index for millions", "lancedb") from error
        always_fresh = timedelta(0)
        database = lancedb.connect(str(folder), read_consistency_interval=always_fresh)
        index = cls(database, Path(folder), embedder)
        index._table()
        return index

    @property
    def kind(self) -> IndexKind:
        return "lance"

    def close(self) -> None:
        self._opened = None
        if self._sources is not None:
            self._sources.close()
            self._sources = None

    def _table(self) -> Any:
        """None: nothing was ever put."""
        if self._opened is None and TABLE in self.database.list_tables().tables:
            table = self.database.open_table(TABLE)
            self._check_embedder(table)
            self._opened = table
        return self._opened

    @property
    def _embedder_name(self) -> str | None:
        return None if self.embedder is None else self.embedder.name

    def _check_embedder(self, table: Any) -> None:
        metadata = table.schema.metadata or {}
        made_with = json.loads(metadata.get(b"embedder", b"null"))
        mine = self._embedder_name
        if made_with != mine:
            raise InputError(
                f"The index holds vectors of the embedder {made_with!r}, not of {mine!r}.",
                "Open it with that embedder, or index the documents anew in another folder.",
            )

    def _made(self, dimensions: int) -> Any:
        """The table, made if need be: another process may be making it at the same moment."""
        if self._table() is None:
            from lancedb.index import FTS  # noqa: PLC0415 - optional

            schema = self._schema(dimensions)
            table = self.database.create_table(TABLE, schema=schema, exist_ok=True)
            words_as_they_are = FTS(
                base_tokenizer="whitespace",
                max_token_length=4 * LONGEST_TERM,  # bytes
                stem=False,
                remove_stop_words=False,
                lower_case=False,
                ascii_folding=False,
            )
            table.create_index("terms", config=words_as_they_are)
        return self._table()

    def _schema(self, dimensions: int) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - optional

        fields = [pa.field(name, pa.string()) for name in TEXT_COLUMNS]
        vectors = pa.list_(pa.float32(), dimensions)
        fields.append(pa.field("vector", vectors))
        metadata = {"embedder": json.dumps(self._embedder_name)}
        return pa.schema(fields, metadata=metadata)

    async def put(self, document: str, passages: Passages, *, labels: Labels = ()) -> bool:
        checked(document, passages)
        digest = digest_of(passages, labels)
        head = self._rows(f"{_is(document)} AND id = ''", "digest")
        if head and head[0]["digest"] == digest:
            return False
        texts = [searched(passage) for passage in passages]
        vectors = await self._vectors(texts)
        same = {
            "document": document,
            "labels": dumps(sorted(set(labels))),
            "digest": digest,
        }
        rows = [{**same, **_own_columns(passage)} for passage in passages]
        rows.append({**same, "id": HEAD, "body": "", "terms": ""})
        table = self._made(vectors.shape[1])
        data = _columns(rows, vectors, table.schema)
        merge = table.merge_insert(["document", "id"])
        merge = merge.when_matched_update_all()
        merge = merge.when_not_matched_insert_all()
        merge = merge.when_not_matched_by_source_delete(_is(document))
        merge.execute(data)
        return True

    async def _vectors(self, texts: Sequence[str]) -> Vectors:
        """A row for each; without an embedder, of one zero."""
        if self.embedder is None:
            return np.zeros((len(texts), 1), np.float32)
        if not texts:
            width = self.embedder.dimensions or 1
            return np.zeros((0, width), np.float32)
        return await self.embedder.embed(texts, kind="passage")

    async def remove(self, document: str) -> bool:
        there = bool(self._rows(f"{_is(document)} AND id = ''", "id"))
        if there:
            self._table().delete(_is(document))
        return there

    async def search(self, query: str, *, k: int = 8, labels: Labels = ()) -> Passages:
        how_many(k)
        table = self._table()
        depth = max(DEPTH, k)
        vector = await self._query_vector(query)
        if table is None:
            return []
        known = self._known_labels(table)
        held = set(labels)
        may_see = [name for name, asked in known.items() if held.issuperset(asked)]
        if not may_see:
            return []
        visible = None
        if len(may_see) < len(known):
            names = ", ".join(map(_quoted, may_see))
            visible = f"labels IN ({names})"
        lexical = _by_words(table, query, visible, depth)
        semantic: dict[int, float] = {}
        if vector is not None and vector.any():
            semantic = _by_vector(table, vector, visible, depth)
        return self._read(table, fused(lexical, semantic), k)

    async def _query_vector(self, query: str) -> NDArray[np.float32] | None:
        """None: there is no embedder."""
        if self.embedder is None:
            return None
        (vector,) = await self.embedder.embed([query], kind="query")
        return np.asarray(vector)

    def _read(self, table: Any, order: Ranking, k: int) -> list[Passage]:
        """The best `k`, equal ones by their documents and ids: of those as good as the last of them, all are read."""
        if not order:
            return []
        last = min(k, len(order)) - 1
        _, least = order[last]
        scores = {row: score for row, score in order if score >= least}
        taken = table.take_row_ids(list(scores))
        rows = taken.select(["document", "id", "body"]).with_row_id().to_list()
        found: list[Passage] = []
        for row in rows:
            score = scores[row["_rowid"]]
            found.append(_passage(row).model_copy(update={"score": score}))
        found.sort(key=_best_first)
        return found[:k]

    def _known_labels(self, table: Any) -> dict[str, frozenset[str]]:
        """All sets of labels that some document has, as they are kept; looked up anew after every change."""
        version = table.version
        known_version, known = self._labels
        if known_version != version:
            rows = self._rows("id = ''", "labels")
            names = sorted({row["labels"] for row in rows})
            known = {name: frozenset(loads(name)) for name in names}
            self._labels = (version, known)
        return known

    def documents(self) -> Mapping[str, frozenset[str]]:
        rows = self._rows("id = ''", "document", "labels")
        labels: dict[str, frozenset[str]] = {}
        for row in rows:
            document = row["document"]
            labels[document] = frozenset(loads(row["labels"]))
        return dict(sorted(labels.items()))

    def _rows(self, where: str, *columns: str) -> list[dict[str, Any]]:
        table = self._table()
        if table is None:
            return []
        search = table.search().where(where)
        rows: list[dict[str, Any]] = search.select(list(columns)).limit(None).to_list()
        return rows

    # --- for a knowledge base

    def put_source(self, source: SourceFile) -> None:
        self._source_store().put(source)

    def remove_source(self, document: str) -> None:
        self._source_store().remove(document)

    def sources(self) -> list[SourceFile]:
        return self._source_store().all()

    def _source_store(self) -> SourceStore:
        """A small SQLite file in the folder: it is written for every file that is read."""
        if self._sources is None:
            self._sources = SourceStore.open(self.folder / SOURCES_FILE)
        return self._sources

    def passages(self, document: str) -> list[Passage]:
        rows = self._rows(f"{_is(document)} AND id != ''", "document", "id", "body")
        passages = [_passage(row) for row in rows]
        return sorted(passages, key=_place_in_document)

    def counts(self) -> tuple[int, int]:
        table = self._table()
        if table is None:
            return 0, 0
        documents = int(table.count_rows("id = ''"))
        return documents, int(table.count_rows()) - documents

    def bytes_on_disk(self) -> int:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        sizes = [file.stat().st_size for file in files]
        return sum(sizes)

    def tidy(self) -> None:
        """Merge small files, index what is new, and wipe from the disk what was removed; while nobody else searches."""
        table = self._table()
        if table is None:
            return
        if table.count_rows() >= VECTORS_FOR_AN_INDEX:
            self._index_columns(table)
        with warnings.catch_warnings():
            # of readers of older versions: see above
            warnings.filterwarnings("ignore", message="optimize")
            table.optimize(cleanup_older_than=timedelta(0), delete_unverified=False)

    def _index_columns(self, table: Any) -> None:
        from lancedb.index import Bitmap, BTree, IvfRq  # noqa: PLC0415 - optional

        wanted = {"labels": Bitmap(), "document": BTree(), "id": BTree()}
        if self.embedder is not None:
            wanted = {"vector": IvfRq(distance_type="dot"), **wanted}
        indexed = {column for index in table.list_indices() for column in index.columns}
        for column, config in wanted.items():
            if column not in indexed:
                table.create_index(column, config=config)


def _by_words(table: Any, query: str, visible: str | None, depth: int) -> dict[int, float]:
    """Row ids with their BM25 scores."""
    from lancedb.query import MatchQuery  # noqa: PLC0415 - optional

    different = list(dict.fromkeys(_terms(query).split()))
    words = " ".join(different[:QUERY_TERMS])
    if not words:
        return {}
    search = table.search(MatchQuery(words, "terms"), query_type="fts")
    return _scored(search, visible, depth, "_score")


def _by_vector(table: Any, vector: Vectors, visible: str | None, depth: int) -> dict[int, float]:
    """Row ids with their similarities."""
    search = table.search(vector, query_type="vector")
    search = search.distance_type("dot")
    search = search.nprobes(PROBES)
    search = search.refine_factor(REFINED)
    return _scored(search, visible, depth, "_distance")


def _scored(search: Any, visible: str | None, depth: int, by: str) -> dict[int, float]:
    """The rows' ids with their scores, the greater the better, above 0 alone."""
    if visible is not None:
        search = search.where(visible, prefilter=True)
    search = search.select([by]).with_row_id(True)
    found = search.limit(depth).to_arrow()
    scores = found[by].to_numpy()
    if by == "_distance":
        scores = 1 - scores
    rows = found["_rowid"].to_numpy()
    is_good = scores > 0
    good_rows = rows[is_good].tolist()
    good_scores = scores[is_good].tolist()
    return dict(zip(good_rows, good_scores, strict=True))


def _columns(rows: Sequence[Mapping[str, str]], vectors: Vectors, schema: Any) -> Any:
    """An Arrow table; the last row is the document's own, whose vector is like none, so that no search finds it."""
    import pyarrow as pa  # noqa: PLC0415 - optional

    width = vectors.shape[1]
    like_none = np.zeros((1, width), np.float32)
    numbers = np.concatenate([vectors, like_none]).ravel()
    columns = []
    for name in schema.names:
        if name != "vector":
            texts = [row[name] for row in rows]
            columns.append(pa.array(texts))
    columns.append(pa.FixedSizeListArray.from_arrays(pa.array(numbers), width))
    return pa.table(columns, schema=schema)


def _own_columns(passage: Passage) -> dict[str, str]:
    """What the rows of a document differ in."""
    return {
        "id": passage.id,
        "body": _body(passage),
        "terms": _terms(searched(passage)),
    }


def _passage(row: Mapping[str, Any]) -> Passage:
    rest = loads(row["body"])
    document = row["document"]
    return Passage(document=document, id=row["id"], **rest)


def _best_first(passage: Passage) -> tuple[float, str, str]:
    """Equal ones by their documents and ids."""
    score = passage.score or 0.0
    return (
        -score,
        passage.document,
        passage.id,
    )


def _place_in_document(passage: Passage) -> tuple[int, str]:
    start = passage.start or 0
    return start, passage.id


def _body(passage: Passage) -> str:
    elsewhere = {"document", "id", "score"}
    fields = passage.model_dump(mode="json", exclude=elsewhere, exclude_defaults=True)
    return dumps(fields)


def _terms(text: str) -> str:
    words = " ".join(terms(text))
    return words.encode("utf-8", "replace").decode()


def _is(document: str) -> str:
    return f"document = {_quoted(document)}"


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
