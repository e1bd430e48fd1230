"""Runs one bench by its name, as `make bench NAME=…` does, or says which there are."""

from __future__ import annotations

import runpy
import sys
from importlib import import_module

from bench.lib.sources import bench_names


def told() -> str:
    """All benches, with what each measures."""
    docs = [(name, import_module(f"bench.{name}").__doc__ or "") for name in bench_names()]
    return "\n".join(f"  {name:<12}{doc.strip()}" for name, doc in docs)


def main(arguments: list[str]) -> None:
    name = arguments[0] if arguments else ""
    if name not in bench_names():
        said = f"There is no bench {name!r}." if name else "Name a bench."
        sys.exit(f"{said} make bench NAME=… takes one of:\n{told()}")
    sys.argv = [f"bench.{name}", *arguments[1:]]
    runpy.run_module(f"bench.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
