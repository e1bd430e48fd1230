"""Syntax nodes a line of all functions of the source, as `tools/density.py` counts them.

make bench NAME=density
"""

from __future__ import annotations

from bench.lib.figures import Figure
from bench.lib.results import write
from tools.density import SOURCE, read, summary


def main() -> None:
    found = summary(read([SOURCE]))
    anchors = "the anchors: 5.7 to 8.3"
    figures = {
        "median_nodes_per_line": Figure(
            value=found["median_nodes_per_line"], unit=f"nodes; {anchors}", goal="at most 9"
        ),
        "median_nodes_per_code_line": Figure(
            value=found["median_nodes_per_code_line"],
            unit="nodes, blank and comment lines left out",
        ),
        "exceptions": Figure(value=found["exceptions"], unit="functions above 14 nodes a line"),
        "functions": Figure(value=found["functions"], unit="functions"),
    }
    write("density", figures)


if __name__ == "__main__":
    main()
