"""The latent explorer: sliders for the code z of a BicycleGAN, and what it paints with it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import ipywidgets as w
import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.plotting.figures import GAP, stitch
from course_lib.widgets.show import Panel, Pictures, image_tag

REACH, STEP = 2.5, 0.05  # of a slider; beyond 2.5 lies one of 80 numbers drawn from N(0, 1)
LARGE = 256  # side of the chosen input in a picture, in pixels; the others have half of it
# 256 sliders scroll
COLUMN = {"max_height": "300px", "overflow": "hidden auto", "min_width": "350px"}


def principal_directions(
    codes: Float[Tensor, "n z_dim"], count: int = 3
) -> tuple[Float[Tensor, "k z_dim"], Float[Tensor, " k"]]:
    """The orthogonal directions in which codes spread most, and their shares of the variance.

    ``codes`` are E's mu of many images; there are ``count`` directions, at most z_dim, of length 1.
    The largest entry of a direction is positive, so that its sign is not left to chance.
    """
    codes = codes.detach().double().cpu()
    # axes: (min(n, z_dim), z_dim), the widest first
    _, spread, axes = torch.linalg.svd(codes - codes.mean(0), full_matrices=False)
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    shares = spread.square() / spread.square().sum().clamp(min=1e-12)
    return (axes * largest.sign())[:count].float(), shares[:count].float()


def draw_codes(
    method: Any, x: Float[Tensor, "n 3 s s"], chosen: int, z: Float[Tensor, " z_dim"]
) -> Image.Image:
    """The chosen input beside G's answer; then, at half the size, the others above theirs."""
    fake_y = method.translate(x, z[None])["fake_y"].cpu()
    others = [i for i in range(len(x)) if i != chosen]
    zoom = max(1, LARGE // 2 // x.shape[-1])
    large = stitch([torch.stack([x[chosen].cpu(), fake_y[chosen]])], 2 * zoom)
    if not others:
        return Image.fromarray(large)
    small = stitch([x[others].cpu(), fake_y[others]], zoom)  # higher by the gap between its rows
    large = np.pad(large, ((0, len(small) - len(large)), (0, 6 * GAP), (0, 0)), constant_values=255)
    return Image.fromarray(np.concatenate([large, small], 1))


class explorer(w.VBox):
    """A slider for each number of z, buttons for z = 0 and a random z, a choice of inputs.

    Below them is the :func:`draw_codes`. ``x`` are the inputs, six at most are readable; ``names``
    their captions. From ``codes``, E's mu of many images, come sliders for the three principal
    directions: they move z along them, in the same units. z stays within 2.5 on every axis; the
    sliders show it rounded. An error of the model appears above the picture and is raised again.
    """

    def __init__(
        self,
        method: Any,
        x: Float[Tensor, "n 3 s s"],
        codes: Float[Tensor, "m z_dim"],
        names: Sequence[str] | None = None,
    ):
        directions, shares = principal_directions(codes)
        self.method, self.x, self.z = method, x, torch.zeros(codes.shape[1])
        self.axes = torch.cat([torch.eye(len(self.z)), directions])
        numbers = [_slider(f"z{i + 1}") for i in range(len(self.z))]
        along = [_slider(f"dir. {i + 1}") for i in range(len(directions))]
        self.sliders, self.generator = [*numbers, *along], torch.Generator().manual_seed(0)
        self.inputs = Pictures(x, names)
        self.panel = Panel(self.draw, self.inputs)
        for slider, axis in zip(self.sliders, self.axes, strict=True):
            slider.observe(partial(self.moved, axis), "value")
        reset, draw_random = w.Button(description="z = 0"), w.Button(description="random z")
        reset.on_click(lambda _: self.move(torch.zeros_like(self.z)))
        draw_random.on_click(
            lambda _: self.move(torch.randn(len(self.z), generator=self.generator))
        )
        percent = ", ".join(f"{share:.0%}" for share in shares)
        label = w.HTML(f"principal directions of E's codes ({percent} of their variance):")
        right = w.VBox([w.HBox([reset, draw_random]), label, *along])
        super().__init__([self.inputs, self.panel, w.HBox([w.VBox(numbers, layout=COLUMN), right])])
        self.panel.show()

    def draw(self) -> tuple[str, str]:
        alt = "the chosen input and its translation, and others translated with the same z"
        line = f"length of z: {self.z.norm():.2f} (a random one has about {len(self.z) ** 0.5:.2f})"
        return image_tag(draw_codes(self.method, self.x, self.inputs.value, self.z), alt), line

    def moved(self, axis: Tensor, change: Any) -> None:
        """A slider was: z moves along its axis, and nowhere else."""
        if not self.panel.moving:
            self.move(self.z + (change["new"] - axis @ self.z) * axis)

    def move(self, to: Tensor) -> None:
        self.z = to.clamp(-REACH, REACH)
        with self.panel.moving_controls():
            for slider, value in zip(self.sliders, (self.axes @ self.z).tolist(), strict=True):
                # Rounded as the browser rounds, or it would answer as if the reader had moved the
                # slider; and the one in the reader's hand is left alone, or it would jump back to
                # where it was a moment ago.
                if abs(slider.value - value) > 0.51 * STEP:
                    rounded = round(round(value / STEP) * STEP, 2)
                    slider.value = max(-REACH, min(REACH, rounded))
        self.panel.show()


def _slider(name: str) -> w.FloatSlider:
    return w.FloatSlider(
        min=-REACH,
        max=REACH,
        step=STEP,
        description=name,
        layout={"width": "320px", "min_height": "28px"},
    )
