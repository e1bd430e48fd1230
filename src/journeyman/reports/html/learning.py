"""The report's part on learning: tiles, the learning curve, versions with their exams, and slices that got worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape

from journeyman.assess.reliability import Interval
from journeyman.assess.stats import Proportion, percent
from journeyman.reports.html.pictures import centre, horizontal_line, line, picture, to_pixels
from journeyman.reports.learning import CurveStretch, Examination, Fall, Learned, VersionMetrics
from journeyman.reports.trust import Point

COLOURS = ("--bar", "--ok", "--bad", "--ink")
"""Of the versions' curves, in turn."""

LISTED_FALLS = 10
"""Slices on the page; `slices_lost.csv` has all."""


def learned_html(learned: Learned | None) -> str:
    """Empty where there is nothing that learning could have done."""
    if learned is None:
        return ""
    curves = ""
    if any(version.correct.total for version in learned.versions):
        curves = picture("Learning curve", "judged cases", "accuracy", _curves(learned))
    paragraphs = [f'<p class="dim">{escape(text)}</p>' for text in sentences(learned)]
    parts = (
        "<h2>What learning did</h2>",
        *paragraphs,
        _tiles(learned),
        f"<div>{curves}</div>",
        _versions(learned),
        _falls(learned),
    )
    return "".join(parts)


def sentences(learned: Learned) -> list[str]:
    """What is remembered, and what the reader must know of the curve."""
    remembered = learned.remembered
    lessons = "1 lesson is" if remembered == 1 else f"{remembered:,} lessons are"
    count = len(learned.versions)
    versions = "1 version" if count == 1 else f"{count} versions"
    lines = [f"{lessons} remembered; {versions} so far."]
    if learned.worked_again:
        again = f"{learned.worked_again:,} cases were worked again"
        lines.append(f"{again}; each counts the first time only.")
    nothing_told = learned.nothing_told
    if nothing_told.value is not None:
        lines.append(
            "The dashed line is the accuracy where chance withheld all that was recalled: "
            f"{percent(nothing_told)}, of {nothing_told.total} cases."
        )
    return lines


# --- tiles -----------------------------------------------------------------------------------------------------


def _tiles(learned: Learned) -> str:
    """Before and after: the first version that worked, and the last one."""
    worked = [version for version in learned.versions if version.cases]
    if not worked:
        return ""
    first = worked[0]
    last = worked[-1]
    tiles = [
        _tile("accuracy", _both(first, last, _accuracy)),
        *_chance_tiles(learned),
        _tile("tokens of a case", _both(first, last, _tokens_per_case)),
        _tile("memory in a prompt, about", _both(first, last, _memory_tokens)),
        _tile("tokens of a right case", _both(first, last, _tokens_per_correct)),
    ]
    if first.worst_slices or last.worst_slices:
        tiles.append(_tile("worst tenth of slices", _both(first, last, _worst_tenth)))
    return f"<dl>{''.join(tiles)}</dl>"


def _chance_tiles(learned: Learned) -> Iterator[str]:
    """What was told, against what chance withheld."""
    told = learned.told_alike
    if told.value is not None:
        nothing = percent(learned.nothing_told)
        value = f"{_share(told)}<small>{nothing}</small>"
        yield _tile("told, against nothing told by chance", value)
    if learned.best_told.total and learned.best_withheld.total:
        withheld = percent(learned.best_withheld)
        value = f"{percent(learned.best_told)}<small>{withheld}</small>"
        yield _tile("best lesson told, against withheld by chance", value)


def _tile(name: str, value: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value}</dd></div>"


def _both(first: VersionMetrics, last: VersionMetrics, of: Callable[[VersionMetrics], str]) -> str:
    """A figure of the last version, and of the first where that is another."""
    value = of(last)
    if first is last:
        return value
    after = escape(last.label)
    before = escape(first.label)
    return f"{value}<small>{after}; before, {before}: {of(first)}</small>"


def _accuracy(version: VersionMetrics) -> str:
    return percent(version.correct)


def _tokens_per_case(version: VersionMetrics) -> str:
    return _number(version.tokens_per_case)


def _memory_tokens(version: VersionMetrics) -> str:
    return _number(version.memory_tokens_per_case)


def _tokens_per_correct(version: VersionMetrics) -> str:
    return _number(version.tokens_per_correct)


def _worst_tenth(version: VersionMetrics) -> str:
    return percent(version.worst_tenth)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}"


def _share(found: Interval) -> str:
    """A share in percent, with its interval."""
    if found.value is None or found.low is None or found.high is None:
        return "–"
    value = 100 * found.value
    low = 100 * found.low
    high = 100 * found.high
    return f"{value:.0f} % ({low:.0f} – {high:.0f})"


def points(found: Interval) -> str:
    """A difference of shares in points, with its interval and its sign."""
    if found.value is None or found.low is None or found.high is None:
        return "–"
    value = 100 * found.value
    low = 100 * found.low
    high = 100 * found.high
    return f"{value:+.0f} ({low:+.0f} – {high:+.0f})"


# --- the curve -------------------------------------------------------------------------------------------------


def _curves(learned: Learned) -> str:
    worked = [version for version in learned.versions if version.curve]
    most = max(stretch.last for version in worked for stretch in version.curve)
    parts: list[str] = []
    if learned.nothing_told.value is not None:
        parts.append(horizontal_line(learned.nothing_told.value, "--dim"))
    for n, version in enumerate(worked):
        colour = COLOURS[n % len(COLOURS)]
        parts += _curve(version, colour, most)
    return "".join(parts)


def _curve(version: VersionMetrics, colour: str, most: int) -> Iterator[str]:
    """A version's shares with their intervals, and its name where it begins."""
    dots = [_dot(stretch) for stretch in version.curve]
    yield line(dots, across=float(most), colour=colour)
    for stretch in version.curve:
        dot = _dot(stretch)
        yield from _marks(dot.x / most, stretch.correct, colour)
    first = dots[0]
    yield _name(version, first.x / most, colour)


def _name(version: VersionMetrics, across: float, colour: str) -> str:
    x, y = to_pixels(across, 0.04)
    place = f'x="{x:.1f}" y="{y:.1f}"'
    name = escape(version.label)
    return f'<text {place} style="fill:var({colour})">{name}</text>'


def _marks(across: float, correct: Proportion, colour: str) -> Iterator[str]:
    """A share as a dot, and its interval as a line."""
    share = correct.value or 0.0
    bottom = correct.low or 0.0
    top = correct.high or 0.0
    x, y = to_pixels(across, share)
    _, low = to_pixels(0, bottom)
    _, high = to_pixels(0, top)
    upright = f"M{x:.1f} {low:.1f}V{high:.1f}"
    yield f'<path d="{upright}" stroke="var({colour})"/>'
    yield f'<circle {centre(x, y)} r="3" fill="var({colour})"/>'


def _dot(stretch: CurveStretch) -> Point:
    middle = (stretch.first + stretch.last) / 2
    share = stretch.correct.value or 0.0
    return Point(x=middle, y=share)


# --- tables ----------------------------------------------------------------------------------------------------


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A column whose name begins with `>` holds numbers."""
    kinds = ["n" if name.startswith(">") else "t" for name in columns]
    names = [name.lstrip(">") for name in columns]
    heads = _cells("th", kinds, names)
    body = "".join(f"<tr>{_cells('td', kinds, row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(tag: str, kinds: Sequence[str], values: Sequence[str]) -> str:
    cells = ""
    for kind, value in zip(kinds, values, strict=True):
        cells += f'<{tag} class="{kind}">{value}</{tag}>'
    return cells


def _versions(learned: Learned) -> str:
    columns = (
        "version",
        "proposed by",
        "exam",
        "gain in points",
        "cases",
        "accuracy (95 %)",
        "tokens of a right case",
    )
    return _table(columns, map(_version_row, learned.versions))


def _version_row(version: VersionMetrics) -> Sequence[str]:
    exam = version.exam
    label = escape(version.label)
    by = version.by
    if version.why:
        by = f"{by}: {version.why}"
    return (
        f"{label} (works now)" if version.champion else label,
        escape(by),
        "not examined" if exam is None else verdict(exam),
        "–" if exam is None else points(exam.gain),
        f"{version.cases:,}",
        percent(version.correct),
        _number(version.tokens_per_correct),
    )


def verdict(exam: Examination) -> str:
    """`promoted, after 33 cases against version 1`."""
    result = "held"
    if exam.promoted:
        result = "promoted"
    elif exam.outcome == "reject":
        result = "rejected"
    return f"{result}, after {exam.cases} cases against version {exam.champion}"


def _falls(learned: Learned) -> str:
    if not learned.falls:
        return ""
    columns = ("slice", ">before", ">after", ">points lost (95 %)", "")
    listed = learned.falls[:LISTED_FALLS]
    table = _table(columns, map(_fall_row, listed))
    more = len(learned.falls) - LISTED_FALLS
    note = ""
    if more > 0:
        note = f'<p class="dim">And {more} more in slices_lost.csv.</p>'
    return f"<h3>Slices that got worse from one version to the next</h3>{table}{note}"


def _fall_row(worse: Fall) -> Sequence[str]:
    low = worse.fall.low
    sure = low is not None and low > 0
    before = f"{escape(worse.before)}: {percent(worse.right_before)}"
    after = f"{escape(worse.after)}: {percent(worse.right_after)}"
    lost = points(worse.fall)
    return (
        escape(worse.slice),
        before,
        after,
        lost.replace("+", ""),
        "more than chance" if sure else "may be chance",
    )
