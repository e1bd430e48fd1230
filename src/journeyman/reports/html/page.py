"""The report as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from journeyman.assess.stats import percent
from journeyman.autonomy.tracker import Hold
from journeyman.reports.html.learning import learned_html
from journeyman.reports.html.trust import trust_html
from journeyman.reports.learning import Learned
from journeyman.reports.metrics import FailureFigures, RunMetrics, SliceMetrics
from journeyman.types import CaseResult

LISTED_CASES = 1_000
"""Cases on the page; `cases.csv` has all."""

LONGEST_ANSWER = 500
"""Characters of an answer on the page."""

NAME_LENGTH = 20
"""Characters of a slice's name in the chart."""

BAR_LEFT = 170
BAR_WIDTH = 480
BAR_STEP = 30
"""Of the chart, in pixels: where its bars begin, the length of a full bar, and from bar to bar."""

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
    title = escape(f"{figures.worker} · {figures.job}")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style>"
    )
    parts = (
        f"<h1>{title}</h1>",
        _run_line(figures),
        *(f"<p>{escape(remark)}</p>" for remark in remarks(figures)),
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
    )
    body = "".join(parts)
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def _run_line(figures: RunMetrics) -> str:
    opened = datetime.fromtimestamp(figures.opened_at).astimezone()
    began = opened.strftime("%Y-%m-%d %H:%M %Z")
    run = escape(figures.run)
    model = escape(figures.model)
    return f'<p class="dim">Run {run}, begun {began}, with {model}.</p>'


def remarks(figures: RunMetrics) -> list[str]:
    """What a reader must know before the figures."""
    lines: list[str] = []
    if not figures.targets_known and figures.closed:
        lines.append("Nothing was scored: no case has a target.")
    elif figures.not_judged:
        lines.append(
            f"{figures.not_judged} cases were not judged; they count neither as right nor as wrong."
        )
    if figures.closed < figures.cases:
        unfinished = figures.cases - figures.closed
        lines.append(f"{unfinished} of {figures.cases} cases are not finished.")
    if figures.in_doubt:
        lines.append(
            f"{figures.in_doubt} cases are in doubt: an effect may or may not have happened; a person must look."
        )
    if figures.hold is not None:
        lines += hold_lines(figures.hold, figures.job)
    return lines


NAMED = 10
"""Cases that a line names, at most."""


def hold_lines(hold: Hold, job: str) -> list[str]:
    """Whether everything is escalated, and what would end that. Empty: nothing is, and no audit is overdue."""
    lines: list[str] = []
    if hold.held == "stopped":
        lines.append(
            f"Stopped: everything goes to a person. Go on with: journeyman stop {job} --resume"
        )
    if not hold.overdue:
        return lines
    count = len(hold.overdue)
    named = ", ".join(hold.overdue[:NAMED])
    more = "" if count <= NAMED else ", …"
    overdue = "1 audit is overdue" if count == 1 else f"{count} audits are overdue"
    if hold.held == "audits":
        lines.append(
            f"{overdue}, so everything goes to a person until all but {hold.allowed} are done: {named}{more}."
        )
    else:
        lines.append(
            f"{overdue}: {named}{more}. With more than {hold.allowed}, everything goes to a person."
        )
    return lines


# --- tiles and the chart ---------------------------------------------------------------------------------------


def _tiles(figures: RunMetrics) -> str:
    tiles = (
        *_result_tiles(figures),
        *_cost_tiles(figures),
        _tile("mean confidence", _number(figures.mean_confidence, "{:.2f}"), ""),
    )
    return f"<dl>{''.join(tiles)}</dl>"


def _result_tiles(figures: RunMetrics) -> Iterable[str]:
    correct = figures.correct
    judged = f"{correct.count} of {correct.total} judged"
    yield _tile("accuracy, 95 % interval", percent(correct), judged)
    yield _tile("cases", f"{figures.closed:,}", f"of {figures.cases:,}")
    median = _seconds(figures.seconds.median)
    slow = _seconds(figures.seconds.p90)
    yield _tile("time of a case, median", median, f"90th percentile {slow}")
    rate = _number(figures.cases_per_hour, "{:,.0f} cases/h")
    yield _tile("rate", rate, f"{figures.model_calls:,} model calls")


def _cost_tiles(figures: RunMetrics) -> Iterable[str]:
    prompt = _number(figures.prompt_tokens, "{:,}")
    yield _tile("prompt tokens", prompt, _cached(figures))
    completion = _number(figures.completion_tokens, "{:,}")
    seconds = f"{figures.model_seconds:,.0f} s in the model"
    yield _tile("completion tokens", completion, seconds)
    cost = _number(figures.tokens_per_correct, "{:,.0f} tokens")
    yield _tile("cost of a right case", cost, "computed and written")
    well_formed = percent(figures.well_formed)
    failed = f"{figures.failed_tool_calls:,} failed; well formed {well_formed}"
    yield _tile("tool calls", f"{figures.tool_calls:,}", failed)


def _cached(figures: RunMetrics) -> str:
    prompt = figures.prompt_tokens
    cached = figures.cached_tokens
    if prompt is None or cached is None:
        return "not told by the engine"
    return f"{prompt - cached:,} computed, {cached:,} cached"


def _tile(name: str, value: str, more: str) -> str:
    note = f"<small>{more}</small>"
    return f"<div><dt>{name}</dt><dd>{value}{note}</dd></div>"


def _seconds(value: float | None) -> str:
    return _number(value, "{:,.1f} s")


def _number(value: float | None, form: str) -> str:
    if value is None:
        return "–"
    return form.format(value)


def _chart(slices: Sequence[SliceMetrics]) -> str:
    """Bars with their 95 % intervals, as SVG."""
    bars = [_bar(row, n * BAR_STEP + 8) for n, row in enumerate(slices)]
    height = len(slices) * BAR_STEP + 10
    return (
        f'<div class="scroll"><svg viewBox="0 0 800 {height}" width="800" height="{height}" role="img" '
        f'aria-label="Accuracy per slice"><path d="M{BAR_LEFT} 0V{height}" stroke="var(--line)"/>'
        f"{''.join(bars)}</svg></div>"
    )


def _bar(row: SliceMetrics, top: int) -> str:
    name = row.slice
    if len(name) > NAME_LENGTH:
        name = name[: NAME_LENGTH - 1] + "…"
    base = top + 13
    text = f'<text x="{BAR_LEFT - 8}" y="{base}" text-anchor="end">{escape(name)}</text>'
    correct = row.correct
    if correct.value is None or correct.low is None or correct.high is None:
        return f'{text}<text class="dim" x="{BAR_LEFT + 4}" y="{base}">not judged</text>'
    length = BAR_WIDTH * correct.value
    low = BAR_LEFT + BAR_WIDTH * correct.low
    high = BAR_LEFT + BAR_WIDTH * correct.high
    right = BAR_LEFT + BAR_WIDTH + 10
    return (
        f'{text}<rect x="{BAR_LEFT}" y="{top}" width="{length:.1f}" height="18" fill="var(--bar)"/>'
        f'<path d="M{low:.1f} {top + 9}H{high:.1f}" stroke="var(--ink)" stroke-width="2"/>'
        f'<text class="dim" x="{right}" y="{base}">{percent(correct)}</text>'
    )


# --- tables ----------------------------------------------------------------------------------------------------


def _table(columns: Sequence[str], rows: Iterable[str]) -> str:
    """A column whose name begins with `>` holds numbers. Rows are markup already."""
    heads = "".join(map(_head, columns))
    body = "".join(rows)
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _head(column: str) -> str:
    if column.startswith(">"):
        return f'<th class="n">{column[1:]}</th>'
    return f"<th>{column}</th>"


def _slice_table(figures: RunMetrics) -> str:
    columns = (
        "slice",
        ">cases",
        ">right",
        ">accuracy (95 %)",
        ">median time",
        ">90th percentile",
    )
    return _table(columns, map(_slice_row, figures.slices))


def _slice_row(row: SliceMetrics) -> str:
    numbers = (
        row.cases,
        row.correct.count,
        percent(row.correct),
        _seconds(row.seconds.median),
        _seconds(row.seconds.p90),
    )
    cells = "".join(f'<td class="n">{number}</td>' for number in numbers)
    return f"<tr><td>{escape(row.slice)}</td>{cells}</tr>"


def _failures(figures: RunMetrics) -> str:
    if not figures.failures:
        return ""
    columns = (">cases", "kind", "an example", "what to do")
    return "<h2>Failures</h2>" + _table(columns, map(_failure_row, figures.failures))


def _failure_row(row: FailureFigures) -> str:
    kind = escape(row.failure.kind)
    message = escape(row.failure.message)
    hint = escape(row.failure.hint)
    return (
        f'<tr><td class="n">{row.count}</td><td>{kind}</td>'
        f'<td class="t">{message}</td><td class=t>{hint}</td></tr>'
    )


def _fields(figures: RunMetrics) -> str:
    if not figures.fields:
        return ""
    rows = [
        f'<tr><td>{escape(name)}</td><td class="n">{100 * share:.0f} %</td></tr>'
        for name, share in figures.fields.items()
    ]
    return "<h2>Accuracy per field</h2>" + _table(("field", ">right"), rows)


def _case_table(figures: RunMetrics, listed: Sequence[CaseResult]) -> str:
    columns = ("case", "slice", "", ">confidence", ">time", "answer")
    table = _table(columns, map(_case_row, listed))
    more = figures.cases - len(listed)
    if more <= 0:
        return table
    return f"{table}<p class=dim>And {more:,} more in cases.csv.</p>"


def _case_row(result: CaseResult) -> str:
    word = _word(result)
    confidence = _number(result.confidence, "{:.2f}")
    cells = (
        f"<td>{escape(result.case_id)}</td>",
        f"<td>{escape(result.slice or '')}</td>",
        f'<td class="{word}">{word}</td>',
        f'<td class="n">{confidence}</td>',
        f'<td class="n">{_seconds(result.trajectory.seconds)}</td>',
        f'<td class="t">{escape(_answer(result))}</td>',
    )
    row = "".join(cells)
    return f"<tr>{row}</tr>"


def _answer(result: CaseResult) -> str:
    """The answer, or what went wrong, cut to length."""
    text = result.trajectory.answer or "(no answer)"
    if result.trajectory.failure is not None:
        text = result.trajectory.failure.message
    return text[:LONGEST_ANSWER]


def _word(result: CaseResult) -> str:
    if not result.closed:
        return "unfinished"
    if result.trajectory.failure is not None:
        return "failed"
    if result.correct is None:
        return "done"
    return "right" if result.correct else "wrong"
