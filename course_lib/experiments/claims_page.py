"""The figure of all claims: each a dot with its interval, below its paper.

``tools/claims.py`` writes the page that it heads. The verdicts of both are those of
:mod:`course_lib.experiments.claims`.
"""

import math
from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure

from course_lib.experiments.claims import OPEN, OPPOSITE, SAME, Claim, Finding, judge, read_claims
from course_lib.plotting import COLOURS, STYLE

# How a verdict looks, on the page and in the figure.
LOOKS = {
    SAME: ("●", {"fmt": "o", "color": COLOURS[0]}),
    OPPOSITE: ("◆", {"fmt": "D", "color": COLOURS[1]}),
    OPEN: ("○", {"fmt": "o", "color": "0.45", "mfc": "white"}),
}
SANITY = "Checks of sanity: true by construction, and not counted above"


def groups(folder: Path) -> dict[str, dict[Claim, Finding]]:
    """What was found of each claim, by paper; the checks of sanity are a group of their own."""
    claims = read_claims(folder / "guide" / "claims.toml")
    groups: dict[str, dict[Claim, Finding]] = {}
    for claim, found in zip(claims, judge(claims, folder / "sweeps").values(), strict=True):
        name = SANITY if claim.sanity else claim.source.split(",")[0]
        groups.setdefault(name, {})[claim] = found
    return groups


def figure(folder: Path) -> Figure:
    """The figure at the head of the page: each claim a dot with its interval, below its paper.

    A difference is scaled to per cent of the mean of the row ``less``; the paper's side is right.
    """
    rows = []
    for name, group in groups(folder).items():
        if name != SANITY:
            rows += [(name, None), *((claim.short, found) for claim, found in group.items())]
    with style.context(["default", STYLE]):
        fig = Figure(figsize=(9.2, 0.2 * len(rows) + 1.2), layout="constrained")
        axes = fig.subplots()
        axes.set_xscale("symlog", linthresh=10)
        words = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center_baseline"}
        for y, (label, f) in enumerate(rows):
            axes.text(-0.01, y, label, weight="normal" if f else "bold", **words)
            if f is None:
                axes.axhspan(y - 0.5, y + 0.5, color="0.94", zorder=0)
            else:
                scale = 100 / abs(f.less or math.nan)
                look = {"lw": 2, "xerr": scale * (f.high - f.low) / 2} | LOOKS[f.verdict][1]
                axes.errorbar(scale * f.difference, y, **look)
        for verdict, (_, look) in LOOKS.items():
            axes.errorbar([], [], xerr=[], lw=2, label=verdict, **look)
        axes.axvline(0, color="0.2", lw=1, zorder=1)
        axes.grid(axis="x", color="0.92")
        edge = max(map(abs, axes.get_xlim()))
        axes.set(
            xlim=(-edge, edge),
            ylim=(len(rows) - 0.4, -0.6),
            yticks=[],
            xticks=[-100, -10, 0, 10, 100],
            xticklabels=["-100 %", "-10 %", "0", "+10 %", "+100 %"],
            xlabel="difference; even up to 10 %, logarithmic beyond",
            title="← the other way            as the paper says →",
        )
        axes.tick_params(top=True, labeltop=True)
        fig.legend(loc="outside upper center", ncols=3)
    return fig
