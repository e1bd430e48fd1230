"""What the front door costs, beside Agno and pydantic-ai.

`import_ms` is `import journeyman`, less Python's own start; `import_worker_ms` is `from journeyman import Worker`.
What is put off until the first case is in `first_do_ms`, a whole process.
A worker or an agent is made with instructions, one function and a model.
`do_overhead_ms` is a case whose model answers at once: journal, memory, decision and all. The libraries take turns.
`question_…`: forty questions at a steady rate, and a thousand in a row (`steady.py`).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.frontdoor import steady
from bench.lib.figures import Figure, median_of
from bench.lib.peers import installed
from bench.lib.places import ROOT
from bench.lib.results import as_usual, write
from journeyman.app.front import Worker
from journeyman.models.scripted import ScriptedModel

PEERS = Path(__file__).parent / "peers"
IMPORTS = {
    "import": "import journeyman",
    "import_worker": "from journeyman import Worker",
    "agno_import": "from agno.agent import Agent",
    "pydantic_ai_import": "from pydantic_ai import Agent",
}
WARM = 20
"""Cases that are not timed."""


def seconds_of(python: Path, code: str) -> float:
    """A process that runs one statement."""
    began = time.perf_counter()
    subprocess.run([str(python), "-c", code], check=True, cwd=ROOT)
    return time.perf_counter() - began


def import_figures(pythons: dict[str, Path], rounds: int) -> dict[str, Figure]:
    """Milliseconds beyond a bare start, round by round."""
    taken: dict[str, list[float]] = {name: [] for name in pythons}
    for _ in range(rounds + 1):
        for name, python in pythons.items():
            bare = seconds_of(python, "pass")
            full = seconds_of(python, IMPORTS[name])
            taken[name].append(1000 * (full - bare))
    goals = {"import": "<= 60"}
    return {
        f"{name}_ms": median_of(times[1:], "ms", goals.get(name, ""))
        for name, times in taken.items()
    }


def made_by(python: Path, peer: str) -> tuple[float, float]:
    """Microseconds and KiB of one."""
    script = PEERS / f"{peer}_peer.py"
    command = [str(python), str(script)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PEERS)
    micros, kib = done.stdout.split()[-2:]
    return float(micros), float(kib)


def making_figures(pythons: dict[str, Path], rounds: int) -> dict[str, Figure]:
    taken: dict[str, list[tuple[float, float]]] = {peer: [] for peer in pythons}
    for _ in range(rounds):
        for peer, python in pythons.items():
            taken[peer].append(made_by(python, peer))
    figures: dict[str, Figure] = {}
    for peer, pairs in taken.items():
        ours = peer == "journeyman"
        name = "worker" if ours else f"{peer}_agent"
        micros = [pair[0] for pair in pairs]
        kibs = [pair[1] for pair in pairs]
        figures[f"{name}_us"] = median_of(micros, "µs", "<= 20" if ours else "")
        figures[f"{name}_kib"] = median_of(kibs, "KiB")
    return figures


def do_times(cases: int) -> Sequence[float]:
    """Milliseconds of `do`, one case after the other."""
    taken: list[float] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room:
        model = ScriptedModel(lambda messages, tools: "42")
        ada = Worker("overhead", model=model, workspace=room)
        for n in range(cases + WARM):
            began = time.perf_counter()
            assert ada.do(f"question {n}").answer == "42"
            taken.append(1000 * (time.perf_counter() - began))
    return taken[WARM:]


def first_do_seconds() -> float:
    """A process that imports, makes a worker and does one case."""
    with tempfile.TemporaryDirectory() as room:
        made = f"Worker('x', model=ScriptedModel(['a']), workspace={room!r})"
        return seconds_of(
            Path(sys.executable), f"from journeyman import ScriptedModel, Worker; {made}.do('a')"
        )


def readme_lines() -> int:
    """Of the readme's Python example, without blank ones."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return sum(bool(line.strip()) for line in found.group(1).splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cases", type=int, default=200)
    given = parser.parse_args()
    here = Path(sys.executable)
    importing, making = {"import": here, "import_worker": here}, {"journeyman": here}
    for package, peer in (("agno", "agno"), ("pydantic-ai-slim", "pydantic_ai")):
        python = installed(package)
        if python is not None:
            importing[f"{peer}_import"] = python
            making[peer] = python
    figures = import_figures(importing, given.rounds)
    figures |= making_figures(making, given.rounds)
    figures["do_overhead_ms"] = median_of(do_times(given.cases), "ms")
    first = [1000 * first_do_seconds() for _ in range(given.rounds)]
    figures["first_do_ms"] = median_of(first, "ms")
    figures |= steady.figures()
    figures["lines_readme_example"] = Figure(value=readme_lines(), unit="lines")
    write("frontdoor", figures, whole=as_usual(parser))


if __name__ == "__main__":
    main()
