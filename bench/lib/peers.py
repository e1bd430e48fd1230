"""Other libraries, each in a throw-away environment of its own (`bench/.work/peers`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.lib.places import WORK

PEERS = WORK / "peers"
PACKAGES = {
    "agno": ("agno", "openai"),
    "openai-agents": ("openai-agents",),
    "pydantic-ai-slim": ("pydantic-ai-slim[openai]",),
    "mini-swe-agent": ("mini-swe-agent", "mcp"),
}


def installed(peer: str) -> Path | None:
    """The peer's Python, set up if need be; None where it can't be had."""
    python = PEERS / peer / "bin" / "python"
    ready = PEERS / peer / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS / peer)], check=True)
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "-q", *PACKAGES[peer]], check=False
        )
        if done.returncode != 0:
            return None
        ready.touch()
    return python
