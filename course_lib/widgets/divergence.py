"""The GAN game on a line: data N(0, 1), a generator N(mean, 1), and the best discriminator between them."""

import math
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import ipywidgets as w
import numpy as np
from PIL import Image

from course_lib.plotting.figures import COLOURS, WIDTH, _figure
from course_lib.widgets.show import image_tag

if TYPE_CHECKING:
    import matplotlib.figure

FURTHEST = 8.0  # mean of the generator, at most
X = np.linspace(-5.0, FURTHEST + 5.0, 1301)


def bell(mean: float) -> np.ndarray:
    """The density of N(mean, 1) at ``X``."""
    return np.exp(-((X - mean) ** 2) / 2) / math.sqrt(2 * math.pi)


def js_divergence(p: np.ndarray, q: np.ndarray, step: float) -> float:
    """Jensen-Shannon divergence in nats of two densities on a grid of this ``step``: 0 if equal, ln 2 if apart."""
    middle = (p + q) / 2

    def kl(a: np.ndarray) -> float:  # from the middle; 0 log 0 is 0
        there = a > 0
        return float((a[there] * np.log(a[there] / middle[there])).sum() * step)

    return (kl(p) + kl(q)) / 2


def picture(means: Sequence[float]) -> "matplotlib.figure.Figure":
    """For each mean of the generator a panel with both densities and D*; then the divergence for every mean.

    At these means the last panel has dots: what G still has to lose.
    """
    every = np.linspace(0, FURTHEST, 81)
    step = X[1] - X[0]
    with _figure(WIDTH, 290, layout="constrained") as fig:
        axes = fig.subplots(1, len(means) + 1)
        for ax, mean in zip(axes, means, strict=False):
            data, fake = bell(0.0), bell(mean)
            ax.plot(X, data, color="black", lw=1.2, label="p_data")
            ax.plot(X, fake, color=COLOURS[1], ls="--", label="p_g")
            ax.plot(X, data / (data + fake), color=COLOURS[0], ls="-.", label="D*")
            ax.set(title=f"mean of G: {mean:.1f}", xlabel="x", ylim=(-0.03, 1.05))
        axes[0].legend(loc="upper right", fontsize=8)
        axes[-1].plot(
            every, [js_divergence(bell(0.0), bell(m), step) for m in every], color=COLOURS[2]
        )
        axes[-1].plot(
            means, [js_divergence(bell(0.0), bell(m), step) for m in means], "o", color=COLOURS[1]
        )
        axes[-1].axhline(math.log(2), color="0.35", lw=1, ls=(0, (5, 3)))
        axes[-1].set(title="JSD, at most ln 2", xlabel="mean of G", ylim=(-0.03, 0.75))
    return fig


def slider(mean: float = 2.0) -> w.VBox:
    """A slider for the generator's mean, and its :func:`picture`."""
    chosen = w.FloatSlider(
        mean, min=0.0, max=FURTHEST, step=0.1, description="mean of G", continuous_update=False
    )
    panel = w.HTML(layout={"max_width": "700px"})

    def show(_: object = None) -> None:
        file = BytesIO()
        picture([chosen.value]).savefig(file)
        panel.value = image_tag(
            Image.open(file), "both densities, the best discriminator, and their divergence"
        )

    chosen.observe(show, "value")
    show()
    return w.VBox([chosen, panel])
