"""The report's part on learning: tiles, the learning curve, versions with their exams, and slices that got worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from journeyman.assess.reliability import Interval
from journeyman.assess.stats import percent
from journeyman.reports.html.pictures import horizontal_line, line, picture, to_pixels
from journeyman.reports.learning import Examination, Fall, Learned, VersionMetrics
from journeyman.reports.trust import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("--bar", "--ok", "--bad", "--ink")
"""Of the versions' curves, in turn."""
HEX_COLOURS = ("#3e63dd", "#218358", "#ce2c31", "#1c2024")

LISTED_FALLS = 10
"""Slices on the page; `slices_lost.csv` has all."""


def learned_html(learned: Learned | None) -> str:
    """Empty where there is nothing that learning could have done."""
    if learned is None:
        return ""
    drawn = (
        picture("Learning curve", "judged cases", "accuracy", _curves(learned))
        if _judged(learned)
        else ""
    )
    told = "".join(f'<p class="dim">{escape(text)}</p>' for text in sentences(learned))
    tables = _versions(learned) + _falls(learned)
    return f"<h2>What learning did</h2>{told}{_tiles(learned)}<div>{drawn}</div>{tables}"


def sentences(learned: Learned) -> list[str]:
    """What is remembered, and what the reader must know of the curve."""
    lessons = "1 lesson is" if learned.remembered == 1 else f"{learned.remembered:,} lessons are"
    said = [
        f"{lessons} remembered; {len(learned.versions)} version{'s' * (len(learned.versions) != 1)} so far."
    ]
    if learned.worked_again:
        said.append(
            f"{learned.worked_again:,} cases were worked again; each counts the first time only."
        )
    if learned.nothing_told.value is not None:
        said.append(
            "The dashed line is the accuracy where chance withheld all that was recalled: "
            f"{percent(learned.nothing_told)}, of {learned.nothing_told.total} cases."
        )
    return said


def _judged(learned: Learned) -> int:
    return sum(one.correct.total for one in learned.versions)


def _tiles(learned: Learned) -> str:
    """Before and after: the first version that worked, and the last one."""
    worked = [one for one in learned.versions if one.cases]
    if not worked:
        return ""
    first, last = worked[0], worked[-1]
    min_similarity, nothing = learned.told_alike, learned.nothing_told
    tiles = [("accuracy", _both(first, last, lambda one: percent(one.correct)))]
    if min_similarity.value is not None:
        tiles.append(
            (
                "told, against nothing told by chance",
                f"{_share(min_similarity)}<small>{percent(nothing)}</small>",
            )
        )
    if learned.best_told.total and learned.best_withheld.total:
        best = f"{percent(learned.best_told)}<small>{percent(learned.best_withheld)}</small>"
        tiles.append(("best lesson told, against withheld by chance", best))
    tiles += [
        ("tokens of a case", _both(first, last, lambda one: _number(one.tokens_per_case))),
        (
            "memory in a prompt, about",
            _both(first, last, lambda one: _number(one.memory_tokens_per_case)),
        ),
        ("tokens of a right case", _both(first, last, lambda one: _number(one.tokens_per_correct))),
    ]
    if any(one.worst_slices for one in (first, last)):
        tiles.append(
            ("worst tenth of slices", _both(first, last, lambda one: percent(one.worst_tenth)))
        )
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in tiles)}</dl>"


def _both(first: VersionMetrics, last: VersionMetrics, of: Callable[[VersionMetrics], str]) -> str:
    if first is last:
        return of(last)
    return (
        f"{of(last)}<small>{escape(last.label)}; before, {escape(first.label)}: {of(first)}</small>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _share(found: Interval) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "–"
    return f"{100 * found.value:.0f} % ({100 * found.low:.0f} – {100 * found.high:.0f})"


def points(found: Interval) -> str:
    """A difference of shares in points, with its interval and its sign."""
    if found.value is None or found.low is None or found.high is None:
        return "–"
    return f"{100 * found.value:+.0f} ({100 * found.low:+.0f} – {100 * found.high:+.0f})"


# --- the curve -------------------------------------------------------------------------------------------------


def _curves(learned: Learned) -> str:
    most = max(part.last for one in learned.versions for part in one.curve)
    drawn = (
        ""
        if learned.nothing_told.value is None
        else horizontal_line(learned.nothing_told.value, "--dim")
    )
    worked = [one for one in learned.versions if one.curve]
    for n, one in enumerate(worked):
        drawn += "".join(_part(one, COLOURS[n % len(COLOURS)], most))
    return drawn


def _part(one: VersionMetrics, colour: str, most: int) -> Iterator[str]:
    """A version's shares with their intervals, and its name where it begins."""
    dots = [
        Point(x=(part.first + part.last) / 2, y=part.correct.value or 0.0) for part in one.curve
    ]
    yield line(dots, across=float(most), colour=colour)
    for dot, part in zip(dots, one.curve, strict=True):
        x, y = to_pixels(dot.x / most, dot.y)
        (_, low), (_, high) = (
            to_pixels(0, part.correct.low or 0.0),
            to_pixels(0, part.correct.high or 0.0),
        )
        yield f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="var({colour})"/>'
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="var({colour})"/>'
    x, y = to_pixels(dots[0].x / most, 0.04)
    yield f'<text x="{x:.1f}" y="{y:.1f}" style="fill:var({colour})">{escape(one.label)}</text>'


def draw_curve(
    learned: Learned, axes: Axes, fonts: Sequence[str], shows: Callable[[str], bool]
) -> None:
    """The same as a picture. A name that no font can show is told as its number."""
    for n, one in enumerate(one for one in learned.versions if one.curve):
        across = [(part.first + part.last) / 2 for part in one.curve]
        up = [part.correct.value or 0.0 for part in one.curve]
        low = [y - (part.correct.low or 0.0) for y, part in zip(up, one.curve, strict=True)]
        high = [(part.correct.high or 0.0) - y for y, part in zip(up, one.curve, strict=True)]
        name = one.label if shows(one.label) else f"version {one.version}"
        colour = HEX_COLOURS[n % len(HEX_COLOURS)]
        axes.errorbar(across, up, yerr=[low, high], marker="o", capsize=3, color=colour, label=name)
    if learned.nothing_told.value is not None:
        axes.axhline(
            learned.nothing_told.value,
            color="#60646c",
            linestyle="--",
            label="nothing told, by chance",
        )
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("judged cases, in order", family=fonts)
    axes.set_ylabel("accuracy, with 95 % interval", family=fonts)
    axes.legend(prop={"family": list(fonts)}, frameon=False)
    axes.set_title("What learning did", family=fonts, loc="left")


# --- tables ----------------------------------------------------------------------------------------------------


def _table(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """A column whose name begins with `>` holds numbers."""
    kinds = [' class="n"' if name.startswith(">") else ' class="t"' for name in columns]
    heads = "".join(
        f"<th{kind}>{name.lstrip('>')}</th>" for name, kind in zip(columns, kinds, strict=True)
    )
    told = "".join(
        f"<tr>{''.join(f'<td{kind}>{value}</td>' for value, kind in zip(row, kinds, strict=True))}</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{told}</tbody></table></div>'


def _versions(learned: Learned) -> str:
    def row(one: VersionMetrics) -> Sequence[str]:
        exam = one.exam
        return (
            escape(one.label) + (" (works now)" if one.champion else ""),
            escape(f"{one.by}: {one.why}" if one.why else one.by),
            "not examined" if exam is None else verdict(exam),
            "–" if exam is None else points(exam.gain),
            f"{one.cases:,}",
            percent(one.correct),
            _number(one.tokens_per_correct),
        )

    columns = (
        "version",
        "proposed by",
        "exam",
        "gain in points",
        "cases",
        "accuracy (95 %)",
        "tokens of a right case",
    )
    return _table(columns, map(row, learned.versions))


def verdict(exam: Examination) -> str:
    """`promoted, after 33 cases against version 1`."""
    what = "promoted" if exam.promoted else {"reject": "rejected"}.get(exam.outcome, "held")
    return f"{what}, after {exam.cases} cases against version {exam.champion}"


def _falls(learned: Learned) -> str:
    if not learned.falls:
        return ""

    def row(one: Fall) -> Sequence[str]:
        sure = one.fall.low is not None and one.fall.low > 0
        return (
            escape(one.slice),
            f"{escape(one.before)}: {percent(one.right_before)}",
            f"{escape(one.after)}: {percent(one.right_after)}",
            points(one.fall).replace("+", ""),
            "more than chance" if sure else "may be chance",
        )

    more = len(learned.falls) - LISTED_FALLS
    note = f'<p class="dim">And {more} more in slices_lost.csv.</p>' if more > 0 else ""
    shown = _table(
        ("slice", ">before", ">after", ">points lost (95 %)", ""),
        map(row, learned.falls[:LISTED_FALLS]),
    )
    return f"<h3>Slices that got worse from one version to the next</h3>{shown}{note}"


# --- CSV -------------------------------------------------------------------------------------------------------

CURVE_COLUMNS = (
    "version",
    "first_case",
    "last_case",
    "judged",
    "correct",
    "accuracy",
    "low_95",
    "high_95",
)

VERSION_COLUMNS = (
    "version", "by", "why", "works_now",
    "exam", "examined_against", "exam_cases", "gain", "gain_low_95", "gain_high_95",
    "cases", "judged", "correct", "accuracy", "low_95", "high_95", "tokens_per_case", "memory_tokens_per_case",
    "tokens_per_correct", "worst_tenth_accuracy", "worst_tenth_slices",
)  # fmt: skip

FALL_COLUMNS = (
    "slice",
    "before",
    "after",
    "share_before",
    "share_after",
    "fall",
    "low_95",
    "high_95",
)


def curve_rows(learned: Learned) -> Iterator[Sequence[object]]:
    for one in learned.versions:
        for part in one.curve:
            correct = part.correct
            shares = (correct.total, correct.count, correct.value, correct.low, correct.high)
            yield (one.label, part.first, part.last, *shares)


def version_rows(learned: Learned) -> Iterator[Sequence[object]]:
    for one in learned.versions:
        exam, correct = one.exam, one.correct
        examined: Sequence[object] = (None,) * 6
        if exam is not None:
            gain = exam.gain
            examined = (exam.outcome, exam.champion, exam.cases, gain.value, gain.low, gain.high)
        yield (
            one.label, one.by, one.why, one.champion, *examined, one.cases, correct.total, correct.count, correct.value,
            correct.low, correct.high, one.tokens_per_case, one.memory_tokens_per_case, one.tokens_per_correct,
            one.worst_tenth.value, "; ".join(one.worst_slices),
        )  # fmt: skip


def fall_rows(learned: Learned) -> Iterator[Sequence[object]]:
    for one in learned.falls:
        shares = (one.right_before.value, one.right_after.value)
        yield (
            one.slice,
            one.before,
            one.after,
            *shares,
            one.fall.value,
            one.fall.low,
            one.fall.high,
        )
