"""Corrections: an answer that somebody put right is a case at once, and the next case like it is told of it.

After case-based reasoning (Aamodt and Plaza 1994) and memory-assisted prompt editing (Madaan et al. 2022), which keeps
a user's feedback and shows it with similar questions. Different here: what is kept is the right answer, not a remark
on the wrong one, so that there is nothing to interpret; it is recalled under the same random withholding as all else,
so that a correction that misleads is found out; and it rests on its case and on its author, so that it can be taken
back.

A correction is a person's own word, and is recalled without an exam: whoever may correct an answer may say the same of
the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.learn.lessons import lesson, sources_of
from journeyman.types import Case, Label, Lesson


def correction(case: Case, worker: str, labels: Sequence[Label]) -> Lesson | None:
    """What the last label teaches. None: it accepts the answer, or says of no answer that it is right."""
    last = labels[-1]
    if not last.error or last.correction is None or not last.correction.strip():
        return None
    return lesson("correction", case.prompt, last.correction, last.by, sources_of(case, worker, labels), saw=last.saw)
