"""The ways to search a knowledge base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Mode = Literal["basic", "local", "global", "drift"]
"""`basic`: BM25 and vectors. `local`: a walk over what passages mention. `global`: from each community in turn.
`drift`: from the communities' best passages on to what these mention."""

NEAR: Mapping[Mode, float] = {"basic": 0.7, "local": 0.0, "global": 0.0, "drift": 0.0}
"""Share of the best passage's score below which one is not worth reading (docs/explanation/answers.md). The other ways
of searching find what stands together, whose scores fall off fast."""
