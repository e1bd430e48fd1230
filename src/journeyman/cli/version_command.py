"""`journeyman version`."""

from __future__ import annotations

import platform
from importlib.metadata import version

from journeyman.cli.terminal import AsJson, new_app, print_json, say

app = new_app()


@app.command()
def main(as_json: AsJson = False) -> None:
    """Print the version."""
    told = {"journeyman": version("journeyman"), "python": platform.python_version()}
    if as_json:
        print_json(told)
    else:
        say(f"journeyman {told['journeyman']} on Python {told['python']}")
