"""How near a parser's words are to the truth: characters, order, cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Cells = Sequence[Sequence[str]]


def squeezed(text: str) -> str:
    """Without white space and marks of Markdown."""
    return "".join(
        character for character in text if not character.isspace() and character not in "*#|\\"
    )


def distance(one: str, other: str) -> int:
    """Levenshtein's, row by row."""
    before = list(range(len(other) + 1))
    for n, left in enumerate(one, start=1):
        row = [n]
        for m, right in enumerate(other, start=1):
            row.append(min(before[m] + 1, row[m - 1] + 1, before[m - 1] + (left != right)))
        before = row
    return before[-1]


def character_errors(truth: str, told: str) -> float:
    """Edits per character of the truth, white space as one space each."""
    truth, told = " ".join(truth.split()), " ".join(told.split())
    return distance(truth, told) / max(1, len(truth))


def order_kept(texts: Sequence[str], told: str) -> tuple[int, int]:
    """Of neighbouring paragraphs: how many stand one wholly before the other, as they should; and of how many."""
    page = squeezed(told)
    begins = [page.find(squeezed(text)[:30]) for text in texts]
    ends = [page.find(squeezed(text)[-30:]) for text in texts]
    right = sum(-1 < begins[n] <= ends[n] < begins[n + 1] for n in range(len(texts) - 1))
    return right, max(0, len(texts) - 1)


def neighbours(table: Cells) -> Counter[tuple[str, str, str]]:
    """Each cell with what stands to its right and below it: the usual measure of a table's structure."""
    pairs: Counter[tuple[str, str, str]] = Counter()
    for y, row in enumerate(table):
        for x, cell in enumerate(row):
            own = squeezed(cell)
            if own and x + 1 < len(row):
                pairs[(own, "right", squeezed(row[x + 1]))] += 1
            if own and y + 1 < len(table) and x < len(table[y + 1]):
                pairs[(own, "below", squeezed(table[y + 1][x]))] += 1
    return pairs


def cell_counts(truth: Sequence[Cells], told: Sequence[Cells]) -> tuple[int, int, int]:
    """Neighbours found rightly, found, and there."""
    there: Counter[tuple[str, str, str]] = sum((neighbours(table) for table in truth), Counter())
    found: Counter[tuple[str, str, str]] = sum((neighbours(table) for table in told), Counter())
    return sum((there & found).values()), sum(found.values()), sum(there.values())
