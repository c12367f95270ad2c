"""The GAN game on a line: data N(0, 1), a generator N(mean, 1), and the best discriminator."""

import math
from collections.abc import Sequence

import ipywidgets as w
import numpy as np
from matplotlib.figure import Figure

from course_lib.plotting.figures import COLOURS, WIDTH, _figure
from course_lib.widgets.show import Panel, to_picture

FURTHEST = 8.0  # mean of the generator, at most
X = np.linspace(-5.0, FURTHEST + 5.0, 1301)


def bell(mean: float) -> np.ndarray:
    """The density of N(mean, 1) at ``X``."""
    return np.exp(-((X - mean) ** 2) / 2) / math.sqrt(2 * math.pi)


def js_divergence(p: np.ndarray, q: np.ndarray, step: float) -> float:
    """Jensen-Shannon divergence, in nats, of two densities on a grid of this ``step``.

    It is 0 if they are equal and ln 2 if they lie apart.
    """
    middle = (p + q) / 2

    def kl(a: np.ndarray) -> float:  # from the middle; 0 log 0 is 0
        some = a > 0
        return float((a[some] * np.log(a[some] / middle[some])).sum() * step)

    return (kl(p) + kl(q)) / 2


def picture(means: Sequence[float]) -> Figure:
    """For each mean of G a panel with both densities and D*; then the divergence for every mean.

    At these means the last panel has dots: what G still has to lose.
    """
    data, every = bell(0.0), np.linspace(0, FURTHEST, 81)
    with _figure(WIDTH, 290, layout="constrained") as fig:
        *panels, last = fig.subplots(1, len(means) + 1)
        for axes, mean in zip(panels, means, strict=True):
            fake = bell(mean)
            axes.plot(X, data, color="black", lw=1.2, label="p_data")
            axes.plot(X, fake, color=COLOURS[1], ls="--", label="p_g")
            axes.plot(X, data / (data + fake), color=COLOURS[0], ls="-.", label="D*")
            axes.set(title=f"mean of G: {mean:.1f}", xlabel="x", ylim=(-0.03, 1.05))
        panels[0].legend(loc="upper right", fontsize=8)
        for places, style, colour in ((every, "-", COLOURS[2]), (means, "o", COLOURS[1])):
            values = [js_divergence(data, bell(mean), X[1] - X[0]) for mean in places]
            last.plot(places, values, style, color=colour)
        last.axhline(math.log(2), color="0.35", lw=1, ls=(0, (5, 3)))
        last.set(title="JSD, at most ln 2", xlabel="mean of G", ylim=(-0.03, 0.75))
    return fig


def slider() -> w.VBox:
    """A slider for the generator's mean, and its :func:`picture`."""
    mean = w.FloatSlider(
        2.0, min=0.0, max=FURTHEST, step=0.1, description="mean of G", continuous_update=False
    )
    alt = "both densities, the best discriminator, and their divergence"
    panel = Panel(lambda: (to_picture(picture([mean.value])), alt, ""))
    panel.layout.max_width = "700px"
    mean.observe(panel.show, "value")
    panel.show()
    return w.VBox([mean, panel])
