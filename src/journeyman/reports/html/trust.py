"""The report's part on confidence and autonomy: tiles, and four curves as SVG."""

from __future__ import annotations

from html import escape

from journeyman.assess.reliability import Interval
from journeyman.assess.stats import percent
from journeyman.reports.html.pictures import horizontal_line, line, picture, to_pixels
from journeyman.reports.trust import Point, Trust


def trust_html(trust: Trust | None) -> str:
    """Empty where nothing was decided."""
    if trust is None:
        return ""
    pictures = "".join(
        (
            picture("Reliability", "confidence", "accuracy", _reliability(trust)),
            picture("Risk and coverage", "share delivered", "share wrong", _risk(trust)),
            picture("Autonomy over time", "decisions", "delivered, last tenth", _over_time(trust)),
        )
    )
    told = f'<p class="dim">{escape(sentence(trust))}</p>'
    return f"<h2>Confidence and autonomy</h2>{told}{_tiles(trust)}<div>{pictures}</div>"


def sentence(trust: Trust) -> str:
    """What may be delivered now, and at what promise."""
    promise = f"at most {100 * trust.allowed_error:g} % wrong, with {100 * trust.confidence:g} % confidence"
    if trust.threshold is None:
        return f"Nothing is delivered without a person yet: {promise}, is not proved."
    return f"Answers with a confidence of {trust.threshold:.2f} or more are delivered without a person: {promise}."


def _tiles(trust: Trust) -> str:
    limit = "–" if trust.labels_needed is None else f"{trust.labels_needed:.0f}"
    first = (
        "nothing alone yet"
        if trust.labels_to_first is None
        else f"{trust.labels_to_first} until the first alone"
    )
    most = "–" if trust.ceiling is None else f"{100 * trust.ceiling:.0f} %"
    efficiency = "–" if trust.efficiency is None else f"{100 * trust.efficiency:.0f} %"
    known = f"{trust.error_delivered.total} known; allowed {100 * trust.allowed_error:g} %"
    floor = "" if trust.ece_floor is None else f"true confidences would give {trust.ece_floor:.3f}"
    tiles = [
        ("delivered alone, 95 %", percent(trust.delivered), f"ceiling {most}, efficiency {efficiency}"),
        ("wrong among delivered", percent(trust.error_delivered), known),
        ("looked at by people", percent(trust.reviewed), f"{trust.waiting:,} wait"),
        ("labels", f"{trust.labels:,}", f"{first}; no test needs fewer than {limit}"),
        ("AUROC", _between(trust.auroc), "tells right from wrong; 0.5 is chance"),
        ("calibration error (ECE)", _between(trust.ece), floor),
        ("Brier skill", _between(trust.brier_skill), "0: no better than the base rate"),
        ("AURC", "–" if trust.aurc is None else f"{trust.aurc:.3f}", "mean error over all coverages"),
    ]  # fmt: skip
    told = (
        f"<div><dt>{name}</dt><dd>{value}<small>{escape(more)}</small></dd></div>"
        for name, value, more in tiles
    )
    return f"<dl>{''.join(told)}</dl>"


def _between(found: Interval) -> str:
    if found.value is None:
        return "–"
    around = (
        ""
        if found.low is None or found.high is None
        else f" <small>{found.low:.2f} – {found.high:.2f}</small>"
    )
    return f"{found.value:.3f}{around}"


def _reliability(trust: Trust) -> str:
    """Bins of equal mass; a point's area is its cases. On the dashed line confidence is true."""
    most = max((one.cases for one in trust.bins), default=1)
    dots = []
    for one in trust.bins:
        x, y = to_pixels(one.confidence, one.correct)
        dots.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 + 5 * (one.cases / most) ** 0.5:.1f}" fill="var(--bar)"/>'
        )
    return line([Point(x=0, y=0), Point(x=1, y=1)], colour="--dim", dashed=True) + "".join(dots)


def _risk(trust: Trust) -> str:
    """The curve, the error allowed, and where the worker stands."""
    here = ""
    if trust.delivered.value and trust.error_delivered.value is not None:
        x, y = to_pixels(trust.delivered.value, trust.error_delivered.value)
        here = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="none" stroke="var(--ink)" stroke-width="2"/>'
    return horizontal_line(trust.allowed_error, "--bad") + line(trust.risk_coverage) + here


def _over_time(trust: Trust) -> str:
    most = "" if trust.ceiling is None else horizontal_line(trust.ceiling, "--ok")
    return most + line(trust.course, across=float(trust.decided))
