"""The report's pictures, where matplotlib is installed: accuracy per slice, and the learning curve."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from journeyman.assess.stats import percent
from journeyman.reports.learning import Learned, VersionMetrics
from journeyman.reports.metrics import RunMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)
"""Any of these, where installed, shows Chinese in the PNG; so does the package `mplfonts`."""

COLOURS = ("#3e63dd", "#218358", "#ce2c31", "#1c2024")
"""Of the versions' curves, in turn."""

Shows = Callable[[str], bool]
"""Whether the fonts can show a text."""


def write_slices_png(figures: RunMetrics, file: Path) -> str | None:
    """Draw the accuracy per slice. Returns why there is no picture; None: there is one."""
    if find_spec("matplotlib") is None:
        return "matplotlib is not installed: pip install 'journeyman[report]'"
    if not figures.correct.total:
        return "nothing was scored"
    height = 1.2 + 0.4 * len(figures.slices)
    _write(partial(draw_slices, figures), height, file)
    return None


def write_learning_png(gained: Learned | None, file: Path) -> bool:
    """Draw the learning curve. Returns whether there is a picture."""
    if gained is None or find_spec("matplotlib") is None:
        return False
    if not any(version.curve for version in gained.versions):
        return False
    _write(partial(draw_curve, gained), 4.0, file)
    return True


def _write(draw: Callable[[Axes, Sequence[str], Shows], None], height: float, file: Path) -> None:
    """Write what is drawn with these fonts; `height` in inches."""
    _give_matplotlib_a_folder()
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow, and an optional extra

    fonts, shows = _fonts()
    picture = Figure(figsize=(8, height), dpi=150, layout="constrained")
    draw(picture.subplots(), fonts, shows)
    picture.savefig(file)


def _give_matplotlib_a_folder() -> None:
    """Without one it writes into the home folder, and complains where it can't."""
    if "MPLCONFIGDIR" in os.environ:
        return
    folder = mkdtemp(prefix="journeyman-mpl-")
    os.environ["MPLCONFIGDIR"] = folder
    atexit.register(rmtree, folder, ignore_errors=True)


def _fonts() -> tuple[list[str], Shows]:
    """Fonts in the order they are to be tried, and whether a text can be shown with them."""
    from matplotlib import font_manager  # noqa: PLC0415 - slow, and an optional extra
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415 - slow, and an optional extra

    manager = font_manager.fontManager
    for file in _fonts_of_mplfonts():
        manager.addfont(file)
    files = {font.name: font.fname for font in manager.ttflist}
    chinese = [name for name in CHINESE_FONTS if name in files]
    names = [*chinese[:1], "DejaVu Sans"]
    fonts = [FT2Font(files[name]) for name in names]

    def has(character: str) -> bool:
        code = ord(character)
        return any(font.get_char_index(code) for font in fonts)

    def shows(text: str) -> bool:
        return all(map(has, text))

    return names, shows


def _fonts_of_mplfonts() -> list[Path]:
    """The Chinese fonts of the package `mplfonts`, where it is installed."""
    package = find_spec("mplfonts")
    if package is None or package.origin is None:
        return []
    folder = Path(package.origin).parent / "fonts"
    return list(folder.glob("NotoSansCJKsc-*.otf"))


def draw_slices(figures: RunMetrics, axes: Axes, fonts: Sequence[str], shows: Shows) -> None:
    """A name that no installed font can show is drawn as its line in slices.csv."""
    names: list[str] = []
    for line, row in enumerate(figures.slices, start=2):
        if row.correct.value is not None:
            names.append(row.slice if shows(row.slice) else f"line {line} of slices.csv")
    names.reverse()
    judged = [row.correct for row in figures.slices if row.correct.value is not None]
    judged.reverse()
    for place, correct in enumerate(judged):
        assert correct.value is not None
        assert correct.low is not None
        assert correct.high is not None
        axes.barh(place, correct.value, color="#3e63dd")
        axes.plot([correct.low, correct.high], [place, place], color="#1c2024")
        count = f"{correct.count}/{correct.total}"
        axes.text(1.02, place, count, va="center", family=fonts)
    axes.set_yticks(range(len(judged)), names, family=fonts)
    axes.set_xlim(0, 1)
    axes.set_xlabel("accuracy, with 95 % interval", family=fonts)
    title = f"{figures.worker} · {figures.job}"
    if not shows(title):
        title = "accuracy"
    axes.set_title(f"{title} · {percent(figures.correct)}", family=fonts, loc="left")


def draw_curve(learned: Learned, axes: Axes, fonts: Sequence[str], shows: Shows) -> None:
    """The versions' curves with their intervals."""
    worked = [version for version in learned.versions if version.curve]
    for n, version in enumerate(worked):
        colour = COLOURS[n % len(COLOURS)]
        _draw_version(version, colour, axes, shows)
    nothing_told = learned.nothing_told.value
    if nothing_told is not None:
        axes.axhline(
            nothing_told,
            color="#60646c",
            linestyle="--",
            label="nothing told, by chance",
        )
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("judged cases, in order", family=fonts)
    axes.set_ylabel("accuracy, with 95 % interval", family=fonts)
    legend_font = {"family": list(fonts)}
    axes.legend(prop=legend_font, frameon=False)
    axes.set_title("What learning did", family=fonts, loc="left")


def _draw_version(version: VersionMetrics, colour: str, axes: Axes, shows: Shows) -> None:
    """One curve. A name that no font can show is told as its number."""
    across: list[float] = []
    up: list[float] = []
    below: list[float] = []
    above: list[float] = []
    for stretch in version.curve:
        correct = stretch.correct
        share = correct.value or 0.0
        across.append((stretch.first + stretch.last) / 2)
        up.append(share)
        below.append(share - (correct.low or 0.0))
        above.append((correct.high or 0.0) - share)
    name = version.label if shows(version.label) else f"version {version.version}"
    axes.errorbar(
        across,
        up,
        yerr=[below, above],
        marker="o",
        capsize=3,
        color=colour,
        label=name,
    )
