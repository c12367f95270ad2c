"""The site's page of all claims, guide/claims.md, and the figure at its head, pictures/claims.png.

python tools/claims.py     guide/claims.toml and sweeps/*.csv -> the figure; the page is printed
"""

import io
import itertools
import math
from collections import Counter
from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure
from PIL import Image

from course_lib.data.files import replace_file
from course_lib.experiments.claims import Claim, Finding, judge, read_claims
from course_lib.experiments.claims_page import LOOKS
from course_lib.plotting import STYLE

NAMES = {  # of the scores that claims are judged by, with their units
    "again_l1": "L1 between two translations of one image",
    "borders_visible": "share of the borders that can be seen",
    "copy_l1": "L1 of the input itself",
    "coverage_features": "share of real images covered (course's features)",
    "d_std": "standard deviation of D's loss",
    "d_std / 1.0": "standard deviation of D's loss, over its value at chance",
    "diversity_features": "distance between samples (course's features)",
    "diversity_l1": "L1 between samples",
    "fcn_iou": "class IoU by the course's segmenter",
    "frechet_features": "Fréchet distance (course's features)",
    "grid_ratio": "energy at the checkerboard's frequency, real images = 1",
    "histogram_intersection": "overlap of the colour histograms",
    "hue_error": "error of the hue, in degrees",
    "kid_features": "kernel distance (course's features)",
    "l1": "L1, for images in [-1, 1]",
    "l1 / copy_l1": "L1, as a share of what copying the input gets",
    "labels_iou": "class IoU of the labels",
    "moved_l1": "L1 between input and translation",
    "nearest_l1": "L1 of the nearest of 8 samples",
    "rec_l1": "L1 of the way there and back",
    "shape_top1": "share recognised by shape alone",
    "sharpness_ratio": "sharpness, real images = 1",
    "variety_l1": "L1 between two samples",
    "windows_lit": "share of the right windows that are lit",
    "yx_labels_iou": "class IoU of the labels",
}
SEEDS = dict(enumerate(("none", "one", "two", "three", "four", "five")))
HEAD = """# What the papers claim, and what came out here

![{count} claims, each a dot with its interval, grouped by paper](../pictures/claims.png)

*Each dot compares two rows: how far the first is ahead of the second, in per cent of the second
one's score, with the 95 % interval (one seed has none). Right of the line, our runs point where the
paper points.*

**The rule.** Both rows are trained with the same seeds, the difference is taken seed by seed, and
if the 95 % t interval of its mean leaves out 0 on the paper's side, the verdict is *same
direction*; if it leaves out 0 on the other side, *opposite direction*; else *open*.

Of {count} claims, {n[same direction]} came out in the same direction and {n[opposite direction]} in
the opposite direction, and {n[open]} are open. For {proxies} of them a *proxy* stands in for what
the paper measured: we have no crowd of people to ask, and our networks have never seen a
photograph. Our images are rendered houses and emoji of 32 to 128 px, and most trainings take a few
minutes of one core. So compare who is ahead, and not by how much. With so many intervals one or two
leave out 0 by chance, and *open* does not mean that there is no difference.

Under *here*, the row that is ahead in the claim comes first; ↓ marks a score of which less is
better. A difference is positive if that row is ahead.

This page is made from [`claims.toml`](claims.toml) and the tables in `sweeps/`. [How a claim is
decided](ablations.md) follows one of them from the paper to its verdict."""
WHY = "\n<details><summary>Why some of them came out so</summary>\n"
COLUMNS = """| verdict | claim | the paper | here | difference | seeds on the paper's side |
|---|---|---|---|---|---|"""
SANITY = "Checks of sanity: true by construction, and not counted above"
MEMORY = """
[^about]: This number is from memory: it was not checked against the paper's text.
"""


def write(folder: Path) -> None:
    """Make the figure in ``folder`` from what is there; the same bytes every time."""
    png, small = io.BytesIO(), io.BytesIO()
    figure(folder).savefig(png, format="png", metadata={"Software": None})
    Image.open(png).convert("RGB").quantize(64).save(small, "png", optimize=True)
    replace_file(folder / "pictures" / "claims.png", small.getvalue())


def page(folder: Path) -> str:
    """The page for the claims and tables in ``folder``/sweeps, as if it lay in its guide."""
    found = groups(folder)
    asked = {c: f for group in found.values() for c, f in group.items() if not c.sanity}
    counts, proxies = Counter(f.verdict for f in asked.values()), sum(bool(c.proxy) for c in asked)
    lines = [HEAD.format(count=len(asked), n=counts, proxies=proxies)]
    for name, group in found.items():
        lines += [f"\n## {name}\n\n{COLUMNS}", *itertools.starmap(_line, group.items())]
        if reasons := [
            f"- *{c.claim}* {c.why}{f' ([picture](../{c.picture}))' * bool(c.picture)}"
            for c in group
            if c.why
        ]:
            lines += [WHY, *reasons, "\n</details>"]
    return "\n".join([*lines, MEMORY])


def _line(claim: Claim, f: Finding) -> str:
    """The line of the table for one claim."""
    paper = f"{claim.paper} ({claim.source.partition(', ')[2]})"
    words = " ".join(NAMES.get(word, word) for word in claim.metric.split())
    here = f"{f.more:.3g} against {f.less:.3g}: {NAMES.get(claim.metric, words)}"
    here += " ↓" * (claim.better == "lower") + f", *proxy* for {claim.proxy}" * bool(claim.proxy)
    here += f"; real images get {f.ceiling:.3g}" if f.ceiling > 0 else ""
    interval = f" [{f.low:+.2g}, {f.high:+.2g}]" * (f.seeds > 1)
    ahead = "all" if 1 < f.ahead == f.seeds else f"{SEEDS.get(f.ahead, f.ahead)} of"
    cells = (
        f"{LOOKS[f.verdict][0]} {f.verdict}",
        claim.claim,
        paper + "[^about]" * ("about " in paper),
        here,
        f"{f.difference:+.2g}{interval}",
        f"{ahead} {SEEDS.get(f.seeds, f.seeds)}",
    )
    return f"| {' | '.join(cells)} |"


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


if __name__ == "__main__":
    notebooks = Path(__file__).parents[1] / "notebooks"
    write(notebooks)
    print(page(notebooks))
