"""Case files: what is right is read as it is, what is wrong is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from journeyman import cases as module
from journeyman.cases import read_cases
from journeyman.errors import InputError
from journeyman.types import Case


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_jsonl_keeps_order_targets_and_chinese(tmp_path: Path) -> None:
    text = '\ufeff{"id": "a", "prompt": "退款", "target": {"n": 1}, "slice": "zh"}\n\n{"prompt": "b\u2028c"}\n'
    assert list(read_cases(written(tmp_path, "c.jsonl", text))) == [
        Case(id="a", prompt="退款", target={"n": 1}, slice="zh"),
        Case(id="line-3", prompt="b\u2028c"),
    ]


def test_csv_reads_empty_cells_as_unknown_and_json_targets(tmp_path: Path) -> None:
    text = 'id,prompt,target,slice\na,"one, two",7,\nb,x,"{""n"": 1}",s\nc,y,,\n'
    read = list(read_cases(written(tmp_path, "c.csv", text)))
    assert [(case.id, case.target, case.slice) for case in read] == [
        ("a", "7", None),
        ("b", {"n": 1}, "s"),
        ("c", None, None),
    ]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("c.jsonl", '{"prompt": "a"}\n{oops\n', "line 2: not JSON"),
        ("c.jsonl", '["a"]\n', "line 1: not an object"),
        ("c.jsonl", '{"id": "a"}\n', "'prompt': Field required"),
        ("c.jsonl", '{"prompt": "a", "answer": 1}\n', "unknown field 'answer'"),
        ("c.jsonl", '{"prompt": "a", "split": "test"}\n', "'split'"),
        ("c.jsonl", b'{"prompt": "\xff"}\n', "not UTF-8"),
        ("c.jsonl", "[" * 100_000 + "\n", "line 1: not JSON"),
        ("c.txt", "", "neither .jsonl nor .csv"),
        ("c.csv", "id,prompt\na,b,c\n", "line 2: more cells"),
        ("c.csv", 'id,prompt\na,"b\n', "line"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, name: str, text: str | bytes, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        list(read_cases(written(tmp_path, name, text)))
    assert told in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no case file"):
        list(read_cases(tmp_path / "none.jsonl"))


@pytest.mark.parametrize("name", ["c.jsonl", "c.csv"])
def test_a_huge_row_is_refused_without_reading_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(module, "MAX_CASE_BYTES", 1000)
    row = f'{{"prompt": "{"x" * 5000}"}}' if name == "c.jsonl" else f"prompt\n{'x' * 5000}"
    with pytest.raises(InputError, match="longer than 1,000 characters"):
        list(read_cases(written(tmp_path, name, row)))
