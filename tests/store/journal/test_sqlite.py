"""What only a journal in a file does, and what can't be used is refused untouched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.errors import StoreError
from journeyman.store import connect
from journeyman.store.journal import Journal, migrations, open_journal
from journeyman.store.journal.blobs import INLINE_CHARACTERS, BlobFolder
from journeyman.store.journal.sqlite import SqliteJournal
from journeyman.store.migrations import migrate
from journeyman.types import EVENT_VERSION, Closed
from tests.store.journal.parts import choose, event, said

_: type[Journal] = SqliteJournal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path / "w") as opened:
        opened.open_run(choose, job="j")
        yield opened


def test_large_texts_are_kept_once_outside_the_rows(journal: Journal) -> None:
    schema = "CREATE TABLE 订单 …" * 500
    before = (
        sum(1 for _ in (journal.workspace / "blobs").rglob("*"))
        if (journal.workspace / "blobs").exists()
        else 0
    )
    journal.append([event(n, body=said(schema)) for n in range(20)])
    files = [path for path in (journal.workspace / "blobs").rglob("*") if path.is_file()]
    assert before == 0
    assert len(files) == 1
    assert all(e.body == said(schema) for e in journal.events("r-1", "a"))


def test_a_changed_blob_is_noticed(journal: Journal) -> None:
    journal.append([event(0, body=said("x" * (INLINE_CHARACTERS + 1)))])
    (file,) = [path for path in (journal.workspace / "blobs").rglob("*") if path.is_file()]
    file.write_text("something else")
    with pytest.raises(StoreError, match="does not hold what its name says"):
        journal.events("r-1", "a")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.just("$blob"), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=JSON, filler=st.integers(0, 3))
def test_folding_large_texts_away_can_always_be_undone(
    tmp_path_factory: pytest.TempPathFactory, value: Any, filler: int
) -> None:
    blobs = BlobFolder(tmp_path_factory.mktemp("blobs"))
    whole = {"value": value, "large": "字" * (filler * INLINE_CHARACTERS)}
    assert blobs.unfold(blobs.fold(whole)) == whole


def test_a_newer_store_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    open_journal(tmp_path).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as raw:
        raw.execute("INSERT INTO migrations VALUES ('999_future', 1.0)")
    raw.close()
    with pytest.raises(StoreError, match="newer version: it has migration '999_future'"):
        open_journal(tmp_path)


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as raw:
        raw.execute("CREATE TABLE invoices (n INTEGER)")
    raw.close()
    with pytest.raises(StoreError, match="invoices"):
        open_journal(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"\x89PNG\r\n" + bytes(range(256)) * 20)
    with pytest.raises(StoreError, match="damaged"):
        open_journal(tmp_path)


def test_a_locked_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.05)
    open_journal(tmp_path).close()
    other = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreError, match="stayed locked by another process"):
            open_journal(tmp_path)
    finally:
        other.close()


@pytest.mark.slow
def test_two_processes_that_start_together_make_one_store(tmp_path: Path) -> None:
    imports = "from pathlib import Path; from journeyman.store.journal import open_journal"
    code = f"{imports}; open_journal(Path({str(tmp_path)!r}))"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    deadline = time.monotonic() + 60
    assert [process.wait(timeout=deadline - time.monotonic()) for process in started] == [0] * 4
    with open_journal(tmp_path) as journal:
        assert journal.check() == "ok"


def test_an_older_store_gets_paths_and_keeps_its_rows(tmp_path: Path) -> None:
    raw = connect.connect(tmp_path / "journal.sqlite", writes=True)
    row = "('r-1', 'a', 1, 0, 'closed', NULL, '{\"right\":true}', NULL, 2.5)"
    columns = "run_id, case_id, attempt, seq, kind, key, body, packed, at"
    with raw.begin():
        migrate(raw, migrations.MIGRATIONS[:2])
        raw.exec_driver_sql(f"INSERT INTO events (id, {columns}) SELECT 7, * FROM (VALUES {row})")
    raw.close()
    raw.engine.dispose()
    with open_journal(tmp_path) as journal:
        assert journal.events("r-1", "a") == [event(0, Closed(correct=True), version=None)]
        assert journal.position() == 7
        journal.append([event(1)])
    with sqlite3.connect(tmp_path / "journal.sqlite") as plain:
        found = plain.execute("SELECT id, path, version FROM events ORDER BY id").fetchall()
    plain.close()
    assert found == [(7, "", None), (8, "", EVENT_VERSION)]


def test_claims_do_not_pass_those_that_wait(tmp_path: Path) -> None:
    """Both parts of a claim use an index that holds nothing else."""
    open_journal(tmp_path).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as plain:
        free = (
            "SELECT seq FROM pending WHERE run_id = 'r' AND awaiting IS NULL ORDER BY seq LIMIT 1"
        )
        woken = (
            "SELECT seq FROM pending WHERE run_id = 'r' AND awaiting IS NOT NULL AND wake_at < 1"
        )
        plans = [plain.execute(f"EXPLAIN QUERY PLAN {sql}").fetchone()[3] for sql in (free, woken)]
    plain.close()
    assert "pending_free" in plans[0]
    assert "pending_waking" in plans[1]
