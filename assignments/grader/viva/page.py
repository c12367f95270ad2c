"""The pages of a viva: the sheet, its key, and the pictures of losses."""

import base64
import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from assignments.grader.feedback import PAGES
from course_lib.data.files import replace_file

LETTERS, LINES = "ABCD", ("C0-", "C1-", "C2--", "C3--", "C4:", "C5:")
STEPS = (1, 2, 3, 4, 6, 8, 11, 14)  # after how many the losses are drawn


def picture(own: dict[str, np.ndarray], options: list[dict[str, np.ndarray]]) -> str:
    """A PNG in base64: the losses with the student's own line, then those of each option."""
    figure = Figure(figsize=(10, 2.2), layout="constrained")
    axes = figure.subplots(1, 1 + len(options), sharey=True)
    for ax, title, lines in zip(axes, ["your own line", *LETTERS], [own, *options], strict=False):
        for (name, line), style in zip(lines.items(), LINES, strict=False):
            ax.plot(STEPS, line, style, label=name, lw=2)
        ax.set(title=title, xlabel="step", ylim=(-0.05, 1.05), yticks=[])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right", frameon=False)
    figure.savefig(file := io.BytesIO(), format="png", dpi=90)
    return base64.b64encode(file.getvalue()).decode()


def write(folder: Path, viva: dict, practice: bool) -> list[Path]:
    """The sheet (HTML, Markdown) and its key, or the sheet for practice with folded answers."""
    of = viva["of"]
    folder.mkdir(parents=True, exist_ok=True)
    pages = ("practice.md",) if practice else ("sheet.html", "sheet.md", "key.md")
    paths = [folder / f"{of.problem_set}-{of.student}-{viva['seed']}-{page}" for page in pages]
    for path, page in zip(paths, pages, strict=True):
        template = PAGES.get_template(f"viva{path.suffix}")
        replace_file(path, template.render(viva | {"page": page.split(".")[0]}).encode())
    return paths
