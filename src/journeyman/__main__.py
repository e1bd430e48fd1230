"""`python -m journeyman`."""

from __future__ import annotations

from journeyman.cli.main import run

if __name__ == "__main__":
    run()
