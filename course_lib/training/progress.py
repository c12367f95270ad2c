"""What a learner sees while fit() runs: a bar, and the same held-out images over time."""

import sys
import time
from html import escape
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from course_lib.data.files import replace_file, writing
from course_lib.data.images import to_png
from course_lib.training.run import TrainingRun

# Rows of a preview, as a picture names them.
IN_WORDS = {"x": "input", "fake_y": "generated", "y": "ground truth"}


def minutes_seconds(seconds: float) -> str:
    """130 -> ``2:10``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """A bar on the terminal, or one line of text above the preview in a notebook."""

    def __init__(self, run: TrainingRun, show: bool):
        self.run = run
        ipython = sys.modules.get("IPython")
        # IPython on a terminal has no kernel
        has_kernel = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
        self.in_notebook = show and has_kernel
        self.on_terminal = show and not self.in_notebook
        self.bar = None  # on a terminal
        self.line = None  # in a notebook, with the figure of the preview below it
        self.figure = None
        self.drawn = 0.0  # when the text was last shown

    def close(self) -> None:
        """An error must not be printed behind the bar."""
        if self.bar is not None:
            self.bar.close()

    def start(self) -> None:
        """Show it; a resumed run has made some updates already."""
        self.first_step, self.first_seconds = self.run.step, self.run.seconds
        if self.in_notebook:
            from IPython.display import HTML, display

            self.line = display(HTML("<pre>starting</pre>"), display_id=True)
        elif self.on_terminal:
            self.bar = tqdm(total=1.0, bar_format="{percentage:3.0f}%|{bar:20}| {desc}", leave=True)
            if self.run.step:
                tqdm.write(f"resuming at step {self.run.step}", file=sys.stderr)

    def text(self) -> str:
        """``step 120/500 · 58 images/s · 1:02 left · d_real 0.612 ...``"""
        run, done = self.run, self.run.step - self.first_step
        spent = run.seconds - self.first_seconds
        if run.steps:
            left, total = (run.steps - run.step) * spent / max(done, 1), f"/{run.steps}"
        else:
            left, total = run.limit - run.seconds, ""
        images = f"{run.images / max(spent, 1e-9):.0f} images/s"
        pace = f"{spent / max(done, 1):.1f} s per update" if spent > done else images
        parts = [f"step {run.step}{total}", pace, f"{minutes_seconds(max(left, 0))} left"]
        terms = " ".join(f"{name} {value:.3f}" for name, value in run.terms.items())
        return " · ".join([*parts, terms] if terms else parts)

    def update(self, at_once: bool = False) -> None:
        """Show how far the training is; not ``at_once``, then only every now and then."""
        if not at_once and time.monotonic() - self.drawn < (0.5 if self.in_notebook else 0.1):
            return
        self.drawn = time.monotonic()
        if self.bar is not None:
            self.bar.n = self.run.share()
            self.bar.set_description_str(self.text())
        elif self.line is not None:
            from IPython.display import HTML

            self.line.update(HTML(f"<pre>{escape(self.text())}</pre>"))

    def show(self, rows: dict[str, Tensor], title: str, step: int, path: Path | None) -> None:
        """Draw a preview: below the line in a notebook, and to ``path`` if there is one."""
        if not path and not self.in_notebook:
            return
        from course_lib.plotting.figures import image_grid

        rows = {IN_WORDS.get(name, name): images for name, images in rows.items()}
        figure = image_grid(rows, title=f"{title} at step {step}")
        if path:
            with writing("a folder", path.parent, 0):
                path.parent.mkdir(exist_ok=True)
            replace_file(path, to_png(figure))
        if self.in_notebook and self.figure is not None:
            self.figure.update(figure)
        elif self.in_notebook:
            from IPython.display import display

            self.figure = display(figure, display_id=True)
