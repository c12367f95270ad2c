"""The latent explorer: sliders for the code z of a BicycleGAN, and what it paints with that z for several inputs."""

import math
from collections.abc import Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.plotting.figures import GAP, image_grid, stitch
from course_lib.widgets.pick import Pictures
from course_lib.widgets.show import image_tag

if TYPE_CHECKING:
    import matplotlib.figure

REACH, STEP = 2.5, 0.05  # of a slider; beyond 2.5 lies one of 80 numbers drawn from N(0, 1)
LARGE = 256  # side of the chosen input in a picture, in pixels; the others have half of it


def principal_directions(
    codes: Float[Tensor, "n z_dim"], count: int = 3
) -> tuple[Float[Tensor, "k z_dim"], Float[Tensor, " k"]]:
    """The ``count`` orthogonal directions of length 1 in which codes spread most, and each one's share of the variance.

    ``codes`` are E's mu of many images; there are at most z_dim directions. The largest entry of a direction is
    positive, so that its sign is not left to chance. Raises ValueError for fewer than two codes.
    """
    if len(codes) < 2:
        raise ValueError(f"directions of {len(codes)} codes: at least two are needed")
    centred = codes.detach().double().cpu() - codes.detach().double().cpu().mean(0)
    _, spread, axes = torch.linalg.svd(
        centred, full_matrices=False
    )  # axes: (min(n, z), z), the widest first
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    shares = spread.square() / spread.square().sum().clamp(min=1e-12)
    return (axes * largest.sign())[:count].float(), shares[:count].float()


def picture(
    method: Any, x: Float[Tensor, "n 3 s s"], chosen: int, z: Float[Tensor, " z_dim"]
) -> Image.Image:
    """The chosen input and G's answer to it side by side; then, at half the size, the others above theirs: one z."""
    fake_y = method.translate(x.to(method.device), z[None])["fake_y"].cpu()
    others = [i for i in range(len(x)) if i != chosen]
    zoom = max(1, LARGE // 2 // x.shape[-1])
    large = stitch([torch.stack([x[chosen].cpu(), fake_y[chosen]])], 2 * zoom)
    if not others:
        return Image.fromarray(large)
    small = stitch(
        [x[others].cpu(), fake_y[others]], zoom
    )  # higher than the large ones by the gap between its rows
    large = np.pad(large, ((0, len(small) - len(large)), (0, 6 * GAP), (0, 0)), constant_values=255)
    return Image.fromarray(np.concatenate([large, small], 1))


def plane(
    method: Any,
    x: Float[Tensor, "3 s s"],
    first: Float[Tensor, " z_dim"],
    second: Float[Tensor, " z_dim"],
    reach: float = 2.0,
    steps: int = 5,
    scale: float = 0.5,
) -> "matplotlib.figure.Figure":
    """What the sliders show, on paper: G(x, a first + b second), a growing to the right and b upwards.

    Both go from -``reach`` to ``reach`` in ``steps``; the middle of an odd number is z = 0. ``first`` and ``second``
    may be principal directions. ``scale`` is that of ``plotting.image_grid``.
    """
    along = torch.linspace(-reach, reach, steps)
    codes = torch.stack(
        [torch.stack([a * first + b * second for a in along]) for b in along.flip(0)]
    )  # (b, a, z)
    inputs = x[None].expand(steps, -1, -1, -1).to(method.device)
    rows = {
        f"{b:+.1f}": method.translate(inputs, z)["fake_y"]
        for b, z in zip(along.flip(0), codes, strict=True)
    }
    return image_grid(rows, [f"{a:+.1f}" for a in along], scale)


def explorer(
    method: Any,
    x: Float[Tensor, "n 3 s s"],
    codes: Float[Tensor, "m z_dim"] | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> w.VBox:
    """A slider for each number of z, buttons for z = 0 and for a random z, a choice of inputs, and the picture.

    ``x`` are the inputs, six at most are readable; ``names`` their captions. From ``codes``, E's mu of many images,
    come sliders for the three principal directions: they move z along them, in the same units. z stays within 2.5 on
    every axis; the sliders show it rounded. ``seed`` determines what the button *random z* draws. An error of the model
    appears above the picture and is raised again.
    """
    z_dim = method.noise(1, 0).shape[1]
    axes = torch.zeros(0, z_dim) if codes is None else principal_directions(codes)[0]
    shares = [] if codes is None else principal_directions(codes)[1].tolist()
    generator = torch.Generator().manual_seed(seed)

    def slider(name: str) -> w.FloatSlider:
        return w.FloatSlider(
            0.0,
            min=-REACH,
            max=REACH,
            step=STEP,
            description=name,
            layout={"width": "320px", "min_height": "28px"},
        )

    sliders = [slider(f"z{i + 1}") for i in range(z_dim)]
    along = [slider(f"dir. {i + 1}") for i in range(len(axes))]
    inputs = Pictures(x, names)
    reset, draw = w.Button(description="z = 0"), w.Button(description="random z")
    message, panel = w.HTML(), w.HTML()
    z, busy = torch.zeros(z_dim), False  # busy: the program moves the sliders

    def show(_: object = None) -> None:
        try:
            shown = picture(method, x, inputs.value, z)
        except Exception as error:
            message.value = f"<b>the model failed</b>: {escape(str(error))}"
            raise
        panel.value = image_tag(
            shown, "the chosen input and its translation, and others translated with the same z"
        )
        message.value = (
            f"length of z: {z.norm():.2f} (a random one has about {math.sqrt(z_dim):.2f})"
        )

    def move(to: Tensor) -> None:
        nonlocal z, busy
        z, busy = to.clamp(-REACH, REACH), True
        try:
            for one, value in zip(
                [*sliders, *along], torch.cat([z, axes @ z]).tolist(), strict=True
            ):
                # Rounded as the browser rounds, or it would answer as if the reader had moved the slider; and the one
                # in the reader's hand is left alone, or it would jump back to where it was a moment ago.
                if abs(one.value - value) > 0.51 * STEP:
                    one.value = max(-REACH, min(REACH, round(round(value / STEP) * STEP, 2)))
        finally:
            busy = False
        show()

    def moved(i: int, change: Any) -> None:
        if not busy:
            move(torch.cat([z[:i], torch.tensor([change["new"]]), z[i + 1 :]]))

    def moved_along(axis: Tensor, change: Any) -> None:
        if not busy:
            move(z + (change["new"] - axis @ z) * axis)

    for i, one in enumerate(sliders):
        one.observe(partial(moved, i), "value")
    for one, axis in zip(along, axes, strict=True):
        one.observe(partial(moved_along, axis), "value")
    inputs.observe(show, "value")
    reset.on_click(lambda _: move(torch.zeros(z_dim)))
    draw.on_click(lambda _: move(torch.randn(z_dim, generator=generator)))
    show()
    column = {
        "max_height": "300px",
        "overflow": "hidden auto",
        "min_width": "350px",
    }  # 256 sliders scroll
    right: list[w.Widget] = [w.HBox([reset, draw])]
    if along:
        told = ", ".join(f"{share:.0%}" for share in shares)
        right += [w.HTML(f"principal directions of E's codes ({told} of their variance):"), *along]
    return w.VBox([inputs, message, panel, w.HBox([w.VBox(sliders, layout=column), w.VBox(right)])])
