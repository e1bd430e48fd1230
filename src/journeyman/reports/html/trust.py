"""The report's part on confidence and autonomy: tiles, and four curves as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from journeyman.assess.reliability import Interval
from journeyman.assess.stats import percent
from journeyman.reports.html.pictures import centre, horizontal_line, line, picture, to_pixels
from journeyman.reports.trust import Point, Trust

DIAGONAL = (Point(x=0, y=0), Point(x=1, y=1))
"""Where confidence is true."""


def trust_html(trust: Trust | None) -> str:
    """Empty where nothing was decided."""
    if trust is None:
        return ""
    pictures = (
        picture("Reliability", "confidence", "accuracy", _reliability(trust)),
        picture("Risk and coverage", "share delivered", "share wrong", _risk(trust)),
        picture("Autonomy over time", "decisions", "delivered, last tenth", _over_time(trust)),
    )
    parts = (
        "<h2>Confidence and autonomy</h2>",
        f'<p class="dim">{escape(sentence(trust))}</p>',
        _tiles(trust),
        f"<div>{''.join(pictures)}</div>",
    )
    return "".join(parts)


def sentence(trust: Trust) -> str:
    """What may be delivered now, and at what promise."""
    promise = f"at most {100 * trust.allowed_error:g} % wrong, with {100 * trust.confidence:g} % confidence"
    if trust.threshold is None:
        return f"Nothing is delivered without a person yet: {promise}, is not proved."
    return f"Answers with a confidence of {trust.threshold:.2f} or more are delivered without a person: {promise}."


# --- tiles -----------------------------------------------------------------------------------------------------


def _tiles(trust: Trust) -> str:
    tiles = (*_autonomy_tiles(trust), *_confidence_tiles(trust))
    return f"<dl>{''.join(tiles)}</dl>"


def _autonomy_tiles(trust: Trust) -> Iterator[str]:
    ceiling = _percent(trust.ceiling)
    efficiency = _percent(trust.efficiency)
    bounds = f"ceiling {ceiling}, efficiency {efficiency}"
    yield _tile("delivered alone, 95 %", percent(trust.delivered), bounds)
    errors = trust.error_delivered
    allowed = f"{100 * trust.allowed_error:g} %"
    known = f"{errors.total} known; allowed {allowed}"
    yield _tile("wrong among delivered", percent(errors), known)
    yield _tile("looked at by people", percent(trust.reviewed), f"{trust.waiting:,} wait")
    first = "nothing alone yet"
    if trust.labels_to_first is not None:
        first = f"{trust.labels_to_first} until the first alone"
    needed = _number(trust.labels_needed, "{:.0f}")
    yield _tile("labels", f"{trust.labels:,}", f"{first}; no test needs fewer than {needed}")


def _confidence_tiles(trust: Trust) -> Iterator[str]:
    yield _tile("AUROC", _between(trust.auroc), "tells right from wrong; 0.5 is chance")
    floor = ""
    if trust.ece_floor is not None:
        floor = f"true confidences would give {trust.ece_floor:.3f}"
    yield _tile("calibration error (ECE)", _between(trust.ece), floor)
    yield _tile("Brier skill", _between(trust.brier_skill), "0: no better than the base rate")
    yield _tile("AURC", _number(trust.aurc, "{:.3f}"), "mean error over all coverages")


def _tile(name: str, value: str, more: str) -> str:
    note = f"<small>{escape(more)}</small>"
    return f"<div><dt>{name}</dt><dd>{value}{note}</dd></div>"


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share:.0f} %"


def _number(value: float | None, form: str) -> str:
    if value is None:
        return "–"
    return form.format(value)


def _between(found: Interval) -> str:
    if found.value is None:
        return "–"
    value = f"{found.value:.3f}"
    if found.low is None or found.high is None:
        return value
    return f"{value} <small>{found.low:.2f} – {found.high:.2f}</small>"


# --- curves ----------------------------------------------------------------------------------------------------


def _reliability(trust: Trust) -> str:
    """Bins of equal mass; a point's area is its cases. On the dashed line confidence is true."""
    most = max((group.cases for group in trust.bins), default=1)
    parts = [line(DIAGONAL, colour="--dim", dashed=True)]
    for group in trust.bins:
        x, y = to_pixels(group.confidence, group.correct)
        share = group.cases / most
        radius = 2 + 5 * share**0.5
        dot = f'<circle {centre(x, y)} r="{radius:.1f}" fill="var(--bar)"/>'
        parts.append(dot)
    return "".join(parts)


def _risk(trust: Trust) -> str:
    """The curve, the error allowed, and where the worker stands."""
    allowed = horizontal_line(trust.allowed_error, "--bad")
    curve = line(trust.risk_coverage)
    delivered = trust.delivered.value
    error = trust.error_delivered.value
    if not delivered or error is None:
        return allowed + curve
    x, y = to_pixels(delivered, error)
    return (
        f'{allowed}{curve}<circle {centre(x, y)} r="6" fill="none" '
        'stroke="var(--ink)" stroke-width="2"/>'
    )


def _over_time(trust: Trust) -> str:
    course = line(trust.course, across=float(trust.decided))
    if trust.ceiling is None:
        return course
    return horizontal_line(trust.ceiling, "--ok") + course
