"""A run's report: one self-contained HTML page, two CSV files, and a PNG where matplotlib is installed.

Every figure is folded from the journal's events (`figures.py`); nothing is kept from the work itself.
"""

from __future__ import annotations

import atexit
import csv
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from html import escape
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from journeyman.assess.stats import percent
from journeyman.errors import StoreError
from journeyman.reports.html.learning import (
    CURVE_COLUMNS,
    FALL_COLUMNS,
    VERSION_COLUMNS,
    curve_rows,
    draw_curve,
    fall_rows,
    learned_html,
    version_rows,
)
from journeyman.reports.html.trust import trust_html
from journeyman.reports.learning import Learned, learned
from journeyman.reports.metrics import RunMetrics, SliceMetrics, fold_metrics
from journeyman.store.journal import Journal
from journeyman.store.journal.replay import outcomes
from journeyman.types import CaseResult, Record, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LISTED_CASES = 1_000
"""Cases on the page; `cases.csv` has all."""

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)
"""Any of these, where installed, shows Chinese in the PNG; so does the package `mplfonts`."""


class Written(Record):
    """Where the report lies, and the figures that it tells."""

    figures: RunMetrics
    learned: Learned | None
    """None: there is but one version, and nothing is remembered."""
    html: Path
    csv: tuple[Path, ...]
    png: Path | None
    """The slices."""
    why_no_png: str | None = None
    learning_png: Path | None = None
    """The learning curve. None: there is none, or no matplotlib."""


def write_report(journal: Journal, run: Run, folder: Path) -> Written:
    """Write `report.html`, `slices.csv`, `cases.csv` and `slices.png` into a folder, made where missing.

    Where there was something to learn from, `versions.csv`, `learning.csv`, `slices_lost.csv` and `learning.png` too.
    Raises StoreError when the folder can't be written.
    """
    page, slices, cases = folder / "report.html", folder / "slices.csv", folder / "cases.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        listed: list[CaseResult] = []
        figures = fold_metrics(run, _through(outcomes(journal, run), cases, listed))
        _write_csv(slices, SLICE_COLUMNS, map(slice_row, figures.slices))
        gained = learned(journal, run)
        more = tuple(_write_learned(gained, folder)) if gained else ()
        page.write_text(html_page(figures, listed, gained), encoding="utf-8")
        png, why = _write_png(figures, folder / "slices.png")
        curve = _write_curve(gained, folder / "learning.png")
    except OSError as error:
        hint = "Choose another folder with --out, or free some space."
        raise StoreError(
            f"The report can't be written to {folder}: {error.strerror}.", hint
        ) from None
    return Written(
        figures=figures, learned=gained, html=page, csv=(slices, cases, *more), png=png, why_no_png=why,
        learning_png=curve,
    )  # fmt: skip


# --- CSV -------------------------------------------------------------------------------------------------------

SLICE_COLUMNS = (
    "slice",
    "cases",
    "judged",
    "correct",
    "accuracy",
    "low_95",
    "high_95",
    "median_s",
    "p90_s",
)

CASE_COLUMNS = (
    "case", "slice", "split", "stop", "correct", "answer", "confidence", "decision", "reviewed", "final_answer", "failure",
    "steps", "seconds",
    "prompt_tokens", "cached_tokens", "completion_tokens",
)  # fmt: skip


def slice_row(row: SliceMetrics) -> Sequence[object]:
    correct = row.correct
    times = (row.seconds.median, row.seconds.p90)
    return (
        row.slice,
        row.cases,
        correct.total,
        correct.count,
        correct.value,
        correct.low,
        correct.high,
        *times,
    )


def case_row(outcome: CaseResult) -> Sequence[object]:
    done, usage = outcome.trajectory, outcome.trajectory.usage
    return (
        outcome.case_id, outcome.slice, outcome.split, done.stop if outcome.closed else "unfinished", outcome.correct,
        done.answer, outcome.confidence, *_decided(outcome), done.failure.kind if done.failure else None, len(done.steps),
        round(done.seconds, 3), usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens,
    )  # fmt: skip


def _decided(outcome: CaseResult) -> Sequence[object]:
    """What became of the answer; the one that holds, where somebody or the certificate vouches for it."""
    if outcome.decision is None:
        return (None, None, None)
    label = outcome.labels[-1] if outcome.labels else None
    final = (
        outcome.trajectory.answer
        if outcome.decision.deliver or (label and not label.error)
        else None
    )
    if label is not None and label.error:
        final = label.correction
    return ("deliver" if outcome.decision.deliver else "escalate", outcome.decision.audit, final)


def _through(
    rows: Iterator[CaseResult], file: Path, listed: list[CaseResult]
) -> Iterator[CaseResult]:
    """The same outcomes, each written to `cases.csv` on its way, and the first ones kept for the page."""
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(CASE_COLUMNS)
        for outcome in rows:
            writer.writerow(map(cell, case_row(outcome)))
            if len(listed) < LISTED_CASES:
                listed.append(outcome)
            yield outcome


def _write_csv(file: Path, columns: Sequence[str], rows: Iterator[Sequence[object]]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(map(cell, row) for row in rows)


def _write_learned(gained: Learned, folder: Path) -> Iterator[Path]:
    for name, columns, rows in (
        ("versions.csv", VERSION_COLUMNS, version_rows(gained)),
        ("learning.csv", CURVE_COLUMNS, curve_rows(gained)),
        ("slices_lost.csv", FALL_COLUMNS, fall_rows(gained)),
    ):
        _write_csv(folder / name, columns, rows)
        yield folder / name


def cell(value: object) -> object:
    """A value for CSV: unknown is empty, and no text can become a formula in a spreadsheet."""
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@")):
        return "'" + value
    return value


# --- HTML ------------------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --dim: #60646c; --line: #d9d9e0; --bar: #3e63dd; --bad: #ce2c31; --ok: #218358 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #edeef0; --dim: #b0b4ba; --line: #43484e; --bar: #849dff; --bad: #ff9592; --ok: #3dd68c }
}
body { font: 16px/1.5 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: var(--ink);
  max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2.5rem } .dim { color: var(--dim) }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem }
dt { color: var(--dim); font-size: .85rem } dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums }
dd small { font-size: .8rem; color: var(--dim); display: block }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
td.n, th.n { text-align: right; white-space: nowrap } td.t { overflow-wrap: anywhere; max-width: 30rem }
.right { color: var(--ok) } .wrong, .failed { color: var(--bad) }
svg text { fill: var(--ink); font-size: 13px } svg .dim { fill: var(--dim) } .scroll { overflow-x: auto }
"""


def html_page(
    figures: RunMetrics, listed: Sequence[CaseResult], gained: Learned | None = None
) -> str:
    """The whole page; all text from outside is escaped."""
    title = f"{figures.worker} · {figures.job}"
    opened = datetime.fromtimestamp(figures.opened_at).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="dim">Run {escape(figures.run)}, begun {opened}, with {escape(figures.model)}.</p>',
        *(f"<p>{escape(line)}</p>" for line in remarks(figures)),
        _tiles(figures),
        trust_html(figures.trust),
        learned_html(gained),
        "<h2>Accuracy per slice</h2>",
        _chart(figures.slices) if figures.correct.total else "",
        _slice_table(figures),
        _failures(figures),
        _fields(figures),
        "<h2>Cases</h2>",
        _case_table(figures, listed),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{"".join(body)}</body></html>'


def remarks(figures: RunMetrics) -> list[str]:
    """What a reader must know before the figures."""
    said: list[str] = []
    if not figures.targets_known and figures.closed:
        said.append("Nothing was scored: no case has a target.")
    elif figures.not_judged:
        said.append(
            f"{figures.not_judged} cases were not judged; they count neither as right nor as wrong."
        )
    if figures.closed < figures.cases:
        said.append(f"{figures.cases - figures.closed} of {figures.cases} cases are not finished.")
    if figures.in_doubt:
        said.append(
            f"{figures.in_doubt} cases are in doubt: an effect may or may not have happened; a person must look."
        )
    return said


def _tiles(figures: RunMetrics) -> str:
    read, saved = figures.prompt_tokens, figures.cached_tokens
    cached = "not told by the engine"
    if read is not None and saved is not None:
        cached = f"{read - saved:,} computed, {saved:,} cached"
    tiles = [
        ("accuracy, 95 % interval", percent(figures.correct), f"{figures.correct.count} of {figures.correct.total} judged"),
        ("cases", f"{figures.closed:,}", f"of {figures.cases:,}"),
        ("time of a case, median", _seconds(figures.seconds.median), f"90th percentile {_seconds(figures.seconds.p90)}"),
        ("rate", _number(figures.cases_per_hour, "{:,.0f} cases/h"), f"{figures.model_calls:,} model calls"),
        ("prompt tokens", _number(read, "{:,}"), cached),
        ("completion tokens", _number(figures.completion_tokens, "{:,}"), f"{figures.model_seconds:,.0f} s in the model"),
        ("cost of a right case", _number(figures.tokens_per_correct, "{:,.0f} tokens"), "computed and written"),
        ("tool calls", f"{figures.tool_calls:,}", f"{figures.failed_tool_calls:,} failed; well formed {percent(figures.well_formed)}"),
        ("mean confidence", _number(figures.mean_confidence, "{:.2f}"), ""),
    ]  # fmt: skip
    told = (
        f"<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>"
        for name, value, more in tiles
    )
    return f"<dl>{''.join(told)}</dl>"


def _seconds(value: float | None) -> str:
    return _number(value, "{:,.1f} s")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _chart(slices: Sequence[SliceMetrics]) -> str:
    """Bars with their 95 % intervals, as SVG."""
    left, width, step = 170, 480, 30
    parts: list[str] = []
    for n, row in enumerate(slices):
        y = n * step + 8
        name = row.slice if len(row.slice) <= 20 else row.slice[:19] + "…"
        parts.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        if row.correct.value is None or row.correct.low is None or row.correct.high is None:
            parts.append(f'<text class="dim" x="{left + 4}" y="{y + 13}">not judged</text>')
            continue
        low, high = left + width * row.correct.low, left + width * row.correct.high
        parts.append(
            f'<rect x="{left}" y="{y}" width="{width * row.correct.value:.1f}" height="18" fill="var(--bar)"/>'
        )
        parts.append(
            f'<path d="M{low:.1f} {y + 9}H{high:.1f}" stroke="var(--ink)" stroke-width="2"/>'
        )
        parts.append(
            f'<text class="dim" x="{left + width + 10}" y="{y + 13}">{percent(row.correct)}</text>'
        )
    height = len(slices) * step + 10
    return (
        f'<div class="scroll"><svg viewBox="0 0 800 {height}" width="800" height="{height}" role="img" '
        f'aria-label="Accuracy per slice"><path d="M{left} 0V{height}" stroke="var(--line)"/>{"".join(parts)}</svg></div>'
    )


def _table(columns: Sequence[str], rows: Iterator[str]) -> str:
    heads = "".join(
        f'<th class="n">{c[1:]}</th>' if c.startswith(">") else f"<th>{c}</th>" for c in columns
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _slice_table(figures: RunMetrics) -> str:
    def row(one: SliceMetrics) -> str:
        numbers = (
            one.cases,
            one.correct.count,
            percent(one.correct),
            _seconds(one.seconds.median),
            _seconds(one.seconds.p90),
        )
        cells = "".join(f'<td class="n">{number}</td>' for number in numbers)
        return f"<tr><td>{escape(one.slice)}</td>{cells}</tr>"

    columns = (
        "slice",
        ">cases",
        ">right",
        ">accuracy (95 %)",
        ">median time",
        ">90th percentile",
    )
    return _table(columns, map(row, figures.slices))


def _failures(figures: RunMetrics) -> str:
    if not figures.failures:
        return ""
    rows = (
        f'<tr><td class="n">{one.count}</td><td>{escape(one.failure.kind)}</td><td class="t">'
        f"{escape(one.failure.message)}</td><td class=t>{escape(one.failure.hint)}</td></tr>"
        for one in figures.failures
    )
    return "<h2>Failures</h2>" + _table((">cases", "kind", "an example", "what to do"), rows)


def _fields(figures: RunMetrics) -> str:
    if not figures.fields:
        return ""
    rows = (
        f'<tr><td>{escape(k)}</td><td class="n">{100 * v:.0f} %</td></tr>'
        for k, v in figures.fields.items()
    )
    return "<h2>Accuracy per field</h2>" + _table(("field", ">right"), rows)


def _case_table(figures: RunMetrics, listed: Sequence[CaseResult]) -> str:
    def row(outcome: CaseResult) -> str:
        done = outcome.trajectory
        word = _word(outcome)
        said = done.failure.message if done.failure else done.answer or "(no answer)"
        likely = _number(outcome.confidence, "{:.2f}")
        return (
            f'<tr><td>{escape(outcome.case_id)}</td><td>{escape(outcome.slice or "")}</td><td class="{word}">{word}</td>'
            f'<td class="n">{likely}</td><td class="n">{_seconds(done.seconds)}</td><td class="t">{escape(said[:500])}</td></tr>'
        )

    more = figures.cases - len(listed)
    note = f"<p class=dim>And {more:,} more in cases.csv.</p>" if more > 0 else ""
    return _table(("case", "slice", "", ">confidence", ">time", "answer"), map(row, listed)) + note


def _word(outcome: CaseResult) -> str:
    if not outcome.closed:
        return "unfinished"
    if outcome.trajectory.failure is not None:
        return "failed"
    return {True: "right", False: "wrong", None: "done"}[outcome.correct]


# --- PNG -------------------------------------------------------------------------------------------------------


def _write_png(figures: RunMetrics, file: Path) -> tuple[Path | None, str | None]:
    """The chart as a picture; or why there is none."""
    if find_spec("matplotlib") is None:
        return None, "matplotlib is not installed: pip install 'journeyman[report]'"
    if not figures.correct.total:
        return None, "nothing was scored"
    _picture(partial(_draw, figures), 1.2 + 0.4 * len(figures.slices), file)
    return file, None


def _write_curve(gained: Learned | None, file: Path) -> Path | None:
    if (
        gained is None
        or find_spec("matplotlib") is None
        or not any(one.curve for one in gained.versions)
    ):
        return None
    _picture(partial(draw_curve, gained), 4.0, file)
    return file


def _picture(
    draw: Callable[[Axes, Sequence[str], Callable[[str], bool]], None], height: float, file: Path
) -> None:
    """Write what is drawn with these fonts; `height` in inches."""
    if (
        "MPLCONFIGDIR" not in os.environ
    ):  # else matplotlib writes into the home folder, and complains where it can't
        os.environ["MPLCONFIGDIR"] = mkdtemp(prefix="journeyman-mpl-")
        atexit.register(rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow, and an optional extra

    fonts, shows = _fonts()
    picture = Figure(figsize=(8, height), dpi=150, layout="constrained")
    draw(picture.subplots(), fonts, shows)
    picture.savefig(file)


def _fonts() -> tuple[list[str], Callable[[str], bool]]:
    """Fonts in the order they are to be tried, and whether a text can be shown with them."""
    from matplotlib import font_manager  # noqa: PLC0415 - slow, and an optional extra
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415 - slow, and an optional extra

    fonts = font_manager.fontManager
    if (extra := find_spec("mplfonts")) is not None and extra.origin is not None:
        for file in (Path(extra.origin).parent / "fonts").glob("NotoSansCJKsc-*.otf"):
            fonts.addfont(file)
    files = {font.name: font.fname for font in fonts.ttflist}
    names = [*[name for name in CHINESE_FONTS if name in files][:1], "DejaVu Sans"]
    opened = [FT2Font(files[name]) for name in names]
    return names, lambda text: all(
        any(font.get_char_index(ord(c)) for font in opened) for c in text
    )


def _draw(
    figures: RunMetrics, axes: Axes, fonts: Sequence[str], shows: Callable[[str], bool]
) -> None:
    """A name that no installed font can show is drawn as its line in slices.csv."""
    lines = {
        row.slice: row.slice if shows(row.slice) else f"line {n} of slices.csv"
        for n, row in enumerate(figures.slices, 2)
    }
    judged = [row for row in figures.slices if row.correct.value is not None][::-1]
    for n, row in enumerate(judged):
        assert row.correct.value is not None
        assert row.correct.low is not None
        assert row.correct.high is not None
        axes.barh(n, row.correct.value, color="#3e63dd")
        axes.plot([row.correct.low, row.correct.high], [n, n], color="#1c2024")
        axes.text(1.02, n, f"{row.correct.count}/{row.correct.total}", va="center", family=fonts)
    axes.set_yticks(range(len(judged)), [lines[row.slice] for row in judged], family=fonts)
    axes.set_xlim(0, 1)
    title = f"{figures.worker} · {figures.job}"
    axes.set_xlabel("accuracy, with 95 % interval", family=fonts)
    axes.set_title(
        f"{title if shows(title) else 'accuracy'} · {percent(figures.correct)}",
        family=fonts,
        loc="left",
    )
