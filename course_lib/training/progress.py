"""What a learner sees while fit() runs: a bar with speed and time left, and the same held-out images over time."""

import io
import sys
import time
from html import escape
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from course_lib.data.files import replace_file, writing


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")  # what IPython on a terminal lacks


def clock(seconds: float) -> str:
    """130 -> ``2:10``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """A bar on the terminal, or one line of text above the preview in a notebook."""

    def __init__(self, batch_size: int, steps: int | None, minutes: float | None, show: bool):
        self.batch_size, self.steps, self.minutes = batch_size, steps, minutes
        self.visible = show
        self.in_notebook = in_notebook()
        self.drawn = 0.0  # when the text was last shown
        self.bar = None  # on a terminal
        self.line = None  # in a notebook, with the figure of the preview below
        self.figure = None
        self.last = None  # the latest step, seconds and terms

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.bar is not None:  # an error must not be printed behind the bar
            self.bar.close()

    def start(self, step: int, seconds: float) -> None:
        """Show it; the run has made ``step`` updates in so many ``seconds`` already."""
        self.first_step, self.first_seconds = step, seconds
        if self.visible and self.in_notebook:
            from IPython.display import HTML, display

            self.line = display(HTML("<pre>starting</pre>"), display_id=True)
        elif self.visible:
            self.bar = tqdm(total=1.0, bar_format="{percentage:3.0f}%|{bar:20}| {desc}", leave=True)
            if step:
                tqdm.write(f"resuming at step {step}", file=sys.stderr)

    def text(self, step: int, seconds: float, terms: dict[str, float]) -> str:
        """``step 120/500 · 58 images/s · 1:02 left · d_real 0.612 ...``"""
        done, spent = step - self.first_step, seconds - self.first_seconds
        speed = done * self.batch_size / max(spent, 1e-9)
        left = (
            (self.steps - step) * spent / max(done, 1)
            if self.steps
            else 60 * self.minutes - seconds
        )
        total = f"/{self.steps}" if self.steps else ""
        values = " ".join(f"{name} {value:.3f}" for name, value in terms.items())
        return f"step {step}{total} · {speed:.0f} images/s · {clock(max(left, 0))} left · {values}"

    def update(self, step: int, seconds: float, terms: dict[str, float]) -> None:
        self.last = (step, seconds, terms)
        if self.visible and time.monotonic() - self.drawn > (0.5 if self.in_notebook else 0.1):
            self.drawn = time.monotonic()
            self._draw(self.text(step, seconds, terms), step, seconds)

    def _draw(self, text: str, step: int, seconds: float) -> None:
        if self.bar is not None:
            self.bar.n = min(
                1.0, step / self.steps if self.steps else seconds / (60 * self.minutes)
            )
            self.bar.set_description_str(text)
        elif self.line is not None:
            from IPython.display import HTML

            self.line.update(HTML(f"<pre>{escape(text)}</pre>"))

    def show(self, rows: dict[str, Tensor], title: str, step: int, path: Path | None) -> None:
        """Draw a preview: in place below the line in a notebook, and to ``path`` if there is one."""
        if not (path or (self.visible and self.in_notebook)):
            return
        from course_lib.plotting.figures import image_grid

        figure = image_grid(rows, title=f"{title} at step {step}")
        if path:
            figure.savefig(png := io.BytesIO(), format="png")
            with writing("a preview", path, len(png.getvalue())):
                path.parent.mkdir(exist_ok=True)
                replace_file(path, png.getvalue())
        if self.visible and self.in_notebook:
            from IPython.display import display

            if self.figure is None:
                self.figure = display(figure, display_id=True)
            else:
                self.figure.update(figure)

    def close(self, step: int, interrupted: bool) -> None:
        if not self.visible:
            return
        if self.last is not None:
            self._draw(self.text(*self.last), *self.last[:2])
        self.__exit__()
        if interrupted:
            print(
                f"interrupted: stopped after step {step}; what was learned so far is kept",
                flush=True,
            )
