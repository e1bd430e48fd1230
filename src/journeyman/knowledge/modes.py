"""The ways to search a knowledge base."""

from __future__ import annotations

from typing import Literal

Mode = Literal["basic", "local", "global", "drift"]
"""`basic`: BM25 and vectors. `local`: a walk over what passages mention. `global`: from each community in turn.
`drift`: from the communities' best passages on to what these mention."""
