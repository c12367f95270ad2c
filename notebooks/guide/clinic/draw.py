"""The pictures of clinic.md: the curves of a sick and of a healthy run, and what both paint into
held-out images.

python notebooks/guide/clinic/draw.py SICK HEALTHY PICTURE.webp TERMS "words for sick" "words for
healthy" [ITEMS]

TERMS are names of history.jsonl, such as g_l1,val_l1; ITEMS are numbers of validation images.
"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from course_lib import runs
from course_lib.data import open_dataset
from course_lib.plotting.figures import COLOURS, DPI, STYLE, stitch

WIDTH, TILE, TEXT = 940, 128, 100  # px of the picture, of an image and of the words beside it
SMOOTH = 15  # steps of a running mean
LINES = ("-", "--", ":", "-.")


def curve(axes, run: str, terms: str) -> float:
    """Draw the running means of ``terms``; returns the height that they need."""
    rows, top = (
        [json.loads(line) for line in Path(run, "history.jsonl").read_text().splitlines()],
        0.0,
    )
    for k, term in enumerate(terms.split(",")):
        steps, values = np.array([(row["step"], row[term]) for row in rows if term in row]).T
        often = len(values) == len(rows)  # val_l1 is not
        values = (
            [values[max(0, i - SMOOTH) : i + 1].mean() for i in range(len(values))]
            if often
            else values
        )
        axes.plot(
            steps, values, LINES[k], color=COLOURS[k], label=term, marker="" if often else "o", ms=4
        )
        top = max(top, *values[1:])
    return top


def main(sick: str, healthy: str, target: str, terms: str, *words: str) -> None:
    known = runs.read_settings(healthy)
    data = open_dataset(known["data"], "val", known["config"]["image_size"], known["direction"])
    chosen = [data[int(i)] for i in (words[2] if words[2:] else "0,2,5").split(",")]
    x, y = (torch.stack([item[key] for item in chosen]) for key in "xy")
    sick_y, healthy_y = (
        runs.open_run(run, "cpu")[0].translate(x)["fake_y"] for run in (sick, healthy)
    )
    tiles = stitch([x, sick_y, healthy_y, y], TILE // x.shape[-1])
    height, width = tiles.shape[:2]
    with plt.style.context(["default", STYLE]):
        fig = plt.figure(figsize=(WIDTH / DPI, height / DPI))
        fig.add_axes(
            (1 - width / WIDTH, 0, width / WIDTH, 1), frameon=False, xticks=[], yticks=[]
        ).imshow(tiles)
        for k, name in enumerate(("input", "SICK", "HEALTHY", "truth")):
            fig.text(1 - (width + 8) / WIDTH, 1 - (k + 0.5) / 4, name, ha="right", va="center")
        across = (WIDTH - width - TEXT - 50) / WIDTH
        panels = [fig.add_axes((50 / WIDTH, bottom, across, 0.34)) for bottom in (0.6, 0.09)]
        top = max(
            [curve(axes, run, terms) for axes, run in zip(panels, (sick, healthy), strict=True)]
        )
        last = max(axes.dataLim.x1 for axes in panels)
        for axes, title in zip(panels, ("SICK: " + words[0], "HEALTHY: " + words[1]), strict=True):
            axes.set(ylim=(0, 1.08 * top), xlim=(0, last)), axes.grid(axis="y", color="0.92")
            axes.set_title(title, loc="left", size=9.5)
        panels[1].legend(ncols=2, fontsize=8.5), panels[1].set_xlabel("step", labelpad=0)
        fig.savefig(target, pil_kwargs={"quality": 84, "method": 6})


if __name__ == "__main__":
    main(*sys.argv[1:])
