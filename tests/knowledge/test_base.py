"""A knowledge base follows the disk: what is new, changed, gone, unreadable, and who may see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeyman.errors import InputError, MissingExtraError
from journeyman.knowledge.base import KnowledgeBase
from journeyman.knowledge.graph.links import LinksCopy
from journeyman.knowledge.index.lance import LanceIndex
from journeyman.knowledge.modes import Mode
from journeyman.knowledge.parse import parse
from journeyman.knowledge.retriever import Retriever
from journeyman.models.embedding import HashedEmbedder
from tests.knowledge.indexes import run


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base.sqlite", HashedEmbedder(64)) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    (made / "inner").mkdir(parents=True)
    (made / "lease.md").write_text(
        "# Lease\n\n## Rent\n\nThe rent is 900 EUR a month.\n", encoding="utf-8"
    )
    (made / "inner" / "退款.txt").write_bytes("退款在七天内到账。".encode("gb18030"))
    (made / ".hidden.md").write_text("The hidden word is xylophone.")
    (made / "node_modules").mkdir()
    (made / "node_modules" / "read.md").write_text("The hidden word is xylophone.")
    return made


def texts(base: KnowledgeBase, query: str, *labels: str) -> list[str]:
    return [passage.text for passage in run(base.search(query, labels=labels))]


def names(update: object) -> list[str]:
    return [Path(source.document).name for source in getattr(update, "read", ())]


def test_only_what_changed_is_read_again(base: KnowledgeBase, folder: Path) -> None:
    first = run(base.update([folder]))
    assert sorted(names(first)) == ["lease.md", "退款.txt"]
    again = run(base.update([folder]))
    assert (names(again), again.unchanged, again.removed) == ([], 2, ())
    (folder / "lease.md").write_text("# Lease\n\nThe rent is 950 EUR a month.\n", encoding="utf-8")
    (folder / "new.csv").write_text("name,phone\nMina,555\n")
    third = run(base.update([folder]))
    assert (sorted(names(third)), third.unchanged) == (["lease.md", "new.csv"], 1)
    assert not any("900" in text for text in texts(base, "What is the rent?"))
    assert any("950" in text for text in texts(base, "What is the rent?"))


def test_what_is_gone_from_the_disk_is_gone_here(base: KnowledgeBase, folder: Path) -> None:
    run(base.update([folder]))
    (folder / "lease.md").unlink()
    update = run(base.update([folder]))
    assert update.removed == (str(folder / "lease.md"),)
    assert not any("900" in text for text in texts(base, "What is the rent?"))
    assert base.stats().documents == 1
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    assert len(run(base.update([folder])).removed) == 1, "a folder that is gone is known still"
    with pytest.raises(InputError, match="no file or folder"):
        run(base.update([folder]))


def test_a_file_that_turns_unreadable_leaves_nothing_of_the_old_one(
    base: KnowledgeBase, folder: Path
) -> None:
    run(base.update([folder]))
    (folder / "lease.md").rename(folder / "lease.docx")
    (folder / "lease.docx").write_bytes(b"PK\x03\x04 cut short")
    update = run(base.update([folder]))
    (told,) = [source for source in update.read if source.failure is not None]
    assert Path(told.document).name == "lease.docx"
    assert told.failure is not None
    assert "damaged" in told.failure.message
    assert base.stats().failed == 1
    assert not any("900" in text for text in texts(base, "What is the rent?"))


def test_remove_takes_a_folder_out_and_leaves_the_files(base: KnowledgeBase, folder: Path) -> None:
    run(base.update([folder]))
    assert len(run(base.remove(folder / "inner"))) == 1
    assert run(base.remove(folder / "inner")) == []
    assert (folder / "inner" / "退款.txt").exists()
    assert texts(base, "退款几天到账") == texts(base, "退款几天到账")
    assert not any("七天" in text for text in texts(base, "退款几天到账"))


def test_chinese_in_an_old_encoding_is_found(base: KnowledgeBase, folder: Path) -> None:
    run(base.update([folder]))
    assert texts(base, "退款几天到账")[0] == "退款在七天内到账。"


def test_labels_are_asked_for_inside_the_search(base: KnowledgeBase, folder: Path) -> None:
    run(base.update([folder / "lease.md"], labels=["board"]))
    run(base.update([folder / "inner"]))
    assert not any("900" in text for text in texts(base, "What is the rent?"))
    assert any("900" in text for text in texts(base, "What is the rent?", "board"))
    run(base.update([folder / "lease.md"]))
    assert any("900" in text for text in texts(base, "What is the rent?")), (
        "other labels are a change"
    )


def test_passages_stand_where_they_say(base: KnowledgeBase, folder: Path) -> None:
    run(base.update([folder]))
    document = parse(folder / "lease.md")
    for passage in base.passages(str(folder / "lease.md")):
        assert document.text[passage.start : passage.end] == passage.text


def test_a_template_asked_for_is_taken_and_another_reads_anew(
    base: KnowledgeBase, folder: Path
) -> None:
    run(base.update([folder], template="one"))
    assert {source.template for source in base.sources()} == {"one"}
    assert len(run(base.update([folder])).read) == 2


def test_a_crash_between_index_and_source_is_mended_by_the_next_update(
    base: KnowledgeBase, folder: Path
) -> None:
    run(base.update([folder]))
    base.index.remove_source(str(folder / "lease.md"))
    assert names(run(base.update([folder]))) == ["lease.md"]
    assert len([text for text in texts(base, "rent") if "900" in text]) == 1


def test_every_mode_finds(base: KnowledgeBase, folder: Path) -> None:
    pytest.importorskip("scipy")
    (folder / "a.md").write_text("Van Hook lies in Mountrail County.")
    (folder / "b.md").write_text("The seat of Mountrail County is Stanley.")
    run(base.update([folder]))
    for mode in ("basic", "local", "global", "drift"):
        found = run(
            base.search("What is the seat of the county that Van Hook lies in?", k=3, mode=mode)
        )
        assert {"a.md", "b.md"} <= {Path(passage.document).name for passage in found}, mode
        assert len(found) <= 3


def test_a_finder_updates_once_and_reads_what_is_there(tmp_path: Path, folder: Path) -> None:
    finder = Retriever(tmp_path / "f.sqlite", HashedEmbedder(64), paths=[folder], k=2)
    assert "900" in run(finder.find("What is the rent?"))[0].text
    (folder / "lease.md").write_text("Nothing any more.")
    assert "900" in run(finder.find("What is the rent?"))[0].text, (
        "what changed is read at the next start"
    )
    other = Retriever(tmp_path / "f.sqlite", HashedEmbedder(64), paths=[folder], k=2)
    assert not any("900" in passage.text for passage in run(other.find("What is the rent?")))


def test_sources_survive_as_they_were(base: KnowledgeBase, folder: Path, tmp_path: Path) -> None:
    run(base.update([folder]))
    told = [source.model_dump_json() for source in base.sources()]
    with KnowledgeBase.open(tmp_path / "base.sqlite", HashedEmbedder(64)) as again:
        assert [source.model_dump_json() for source in again.sources()] == told
    assert (
        json.loads(told[0])["modified"] == Path(json.loads(told[0])["document"]).stat().st_mtime_ns
    )


# --- the graph is kept


def test_the_graph_is_made_once_and_follows_every_change(
    base: KnowledgeBase, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("scipy")
    made: list[LinksCopy] = []
    start = LinksCopy.__init__

    def counted(copy: LinksCopy) -> None:
        made.append(copy)
        start(copy)

    monkeypatch.setattr(LinksCopy, "__init__", counted)
    (folder / "a.md").write_text("Van Hook lies in Mountrail County.")
    (folder / "b.md").write_text("The seat of Mountrail County is Stanley.")
    run(base.update([folder]))
    question = "What is the seat of the county that Van Hook lies in?"

    def found(by: KnowledgeBase) -> list[tuple[str, float | None]]:
        modes: tuple[Mode, ...] = ("local", "global", "drift")
        passages = [p for mode in modes for p in run(by.search(question, k=4, mode=mode))]
        return [(passage.text, passage.score) for passage in passages]

    def as_by_a_new_one() -> list[tuple[str, float | None]]:
        with KnowledgeBase.open(base_file, HashedEmbedder(64)) as new:
            return found(new)

    base_file = folder.parent / "base.sqlite"
    before = found(base)
    found(base)
    assert len(made) == 1, "every search links all passages anew"
    assert any("Stanley" in text for text, _ in before)

    (folder / "b.md").write_text("The seat of Mountrail County is Palermo.")
    run(base.update([folder]))
    assert found(base) == as_by_a_new_one()

    (folder / "c.md").write_text("Palermo in Mountrail County has a lake.")
    code = (
        "import asyncio, sys; from journeyman.knowledge.base import KnowledgeBase\n"
        "from journeyman.models.embedding import HashedEmbedder\n"
        "with KnowledgeBase.open(sys.argv[1], HashedEmbedder(64)) as base:\n"
        "    asyncio.run(base.update([sys.argv[2]]))\n"
        "    asyncio.run(base.forget(sys.argv[2] + '/a.md'))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(base_file), str(folder)], check=True)
    after = found(base)
    assert after == as_by_a_new_one()
    assert any("lake" in text for text, _ in after)
    assert not any("Van Hook" in text for text, _ in after)


# --- the index that a base stands on


def test_a_base_over_lance_follows_the_disk(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("lancedb", reason="an optional extra: pip install 'journeyman[lancedb]'")
    place = tmp_path / "base.lance"
    with KnowledgeBase.open(place, HashedEmbedder(64), index="lance") as base:
        first = run(base.update([folder / "lease.md"], labels=["board"]))
        run(base.update([folder / "inner"]))
        base.tidy()
        assert names(first) == ["lease.md"]
        assert not any("900" in text for text in texts(base, "rent"))
        assert any("900" in text for text in texts(base, "rent", "board"))
        document = parse(folder / "lease.md")
        for passage in base.passages(str(folder / "lease.md")):
            assert document.text[passage.start : passage.end] == passage.text
        stats = base.stats()
        assert (stats.documents, stats.passages) == (2, sum(s.passages for s in base.sources()))
        assert stats.bytes > 1_000
    (folder / "lease.md").write_text("# Lease\n\nThe rent is 950 EUR a month.\n")
    (folder / "inner" / "退款.txt").unlink()
    with KnowledgeBase.open(place, HashedEmbedder(64)) as again:
        update = run(again.update([folder], labels=["board"]))
        assert (names(update), len(update.removed)) == (["lease.md"], 1)
        again.tidy()
        assert not any("900" in text for text in texts(again, "rent", "board"))
        assert any("950" in text for text in texts(again, "rent", "board"))
        assert names(run(again.update([folder], labels=["board"]))) == []
        assert len(run(again.remove(folder))) == 1
        assert again.stats().documents == 0


def test_what_needs_the_graph_says_that_lance_has_none(tmp_path: Path) -> None:
    base = KnowledgeBase(NoGraph())
    for mode in ("local", "global", "drift"):
        with pytest.raises(InputError, match="made with the index 'lance', which knows no graph"):
            run(base.search("rent", mode=mode))
    with pytest.raises(InputError, match="no claims or reports"):
        base.sqlite_index()


class NoGraph(LanceIndex):
    """LanceDB's index, unopened."""

    def __init__(self) -> None:
        pass


def test_a_base_keeps_the_index_that_it_was_made_with(tmp_path: Path) -> None:
    KnowledgeBase.open(tmp_path / "a.sqlite").close()
    with pytest.raises(InputError, match="was made with the index 'sqlite', not 'lance'"):
        KnowledgeBase.open(tmp_path / "a.sqlite", index="lance")
    (tmp_path / "b.lance").mkdir()
    with pytest.raises(InputError, match="was made with the index 'lance', not 'sqlite'"):
        KnowledgeBase.open(tmp_path / "b.lance", index="sqlite")


def test_lance_that_is_not_installed_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(MissingExtraError, match=r"journeyman\[lancedb\]"):
        KnowledgeBase.open(tmp_path / "a.lance", index="lance")
    assert not (tmp_path / "a.lance").exists()


def test_a_finder_makes_the_base_with_the_index_asked_for(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("lancedb", reason="an optional extra: pip install 'journeyman[lancedb]'")
    place = tmp_path / "base.lance"
    finder = Retriever(place, HashedEmbedder(64), paths=[folder], index="lance")
    assert any("900" in passage.text for passage in run(finder.find("rent")))
    assert place.is_dir()
