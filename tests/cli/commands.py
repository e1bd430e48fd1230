"""Running the command line inside the test, and jobs to run it on."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from journeyman.cli.main import run
from tests.loopback import Answer, Asked, as_json, serving


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ended]


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("work", "job", …)` runs a command as the entry point does."""

    def cli(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["journeyman", *map(str, arguments)])
        code: int | str | None = 0
        try:
            run()
        except SystemExit as ended:
            code = ended.code
        told = capsys.readouterr()
        return Ended(code if isinstance(code, int) else 0, told.out, told.err)

    return cli


def said(content: str, calls: list[Any] | None = None) -> Answer:
    message = {"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})}
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    return as_json(
        {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    )


@contextmanager
def endpoint(script: Callable[[Asked], Answer]) -> Iterator[str]:
    """A model for `--model` that answers by a script."""
    with serving(script) as (url, _):
        yield f"{url}/v1#fake"


def sorts_mail(asked: Asked) -> Answer:
    """Right on two of the three cases that `journeyman new` makes."""
    text = asked.json["messages"][-1]["content"]
    return said("delivery" if "order" in text else "billing" if "charged" in text else "delivery")


def hands_in(sql: str) -> Callable[[Asked], Answer]:
    """Submits one query whatever is asked."""
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "submit", "arguments": json.dumps({"sql": sql})},
    }
    return lambda _: said("", [call])


def library(file: Path) -> Path:
    """A small database of the user's own."""
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE books (title TEXT, year INTEGER)")
        connection.execute("INSERT INTO books VALUES ('红楼梦', 1791)")
    connection.close()
    return file
