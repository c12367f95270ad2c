"""Flow matching: pairs, one network, no discriminator (Lipman et al., Liu et al.: ICLR 2023).

It is conditional: the network sees the input x as well. A straight line leads from noise to the
answer y of each pair, and the network learns which way it leads, seen from any point:

    z_t     = (1 - t) z_0 + t y,      z_0 ~ N(0, I), t uniform in [0, 1]
    L(v)    = E || v(z_t, x, t) - (y - z_0) ||^2

To translate, follow v from z_0 in steps of equal length (Euler): z <- z + v(z, x, t) / steps.
Where several y suit an x, lines cross, and v is the mean of their directions; many short steps then
choose one y, a single long one leads to their mean. Which y it is depends on z_0, the code here.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import losses
from course_lib.methods.base import Method, TrainingConfig, network, require, training
from course_lib.networks.blocks import inference
from course_lib.networks.time_unet import TimedUNet


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1].

    No paper has this small network. Its learning rate and betas are Adam's own defaults.
    """

    base_channels: int = network(48, "of the four levels 1, 2, 3 and 3 times as many")
    euler_steps: int = training(4, "of a translation")
    drop_x: float = training(0.0, "share of inputs that are grey in training, for guidance")
    image_size: int = 64
    batch_size: int = 32
    lr: float = 1e-3
    beta1: float = 0.9
    decay_from: float = 0.0
    average: float = 0.995

    def __post_init__(self):
        require(
            self.image_size % 8 == 0 and self.base_channels % 8 == 0,
            "image_size and base_channels must be multiples of 8, "
            f"got {self.image_size}, {self.base_channels}",
            "choose 32, 64 or 128 px, and 32, 48 or 64 channels",
        )
        require(
            self.drop_x <= 1,
            f"drop_x is a share from 0 to 1, got {self.drop_x:g}",
            "choose 0.1, or 1 for a flow that never sees its input",
        )


_SMALL = {"jitter": "auto", "flip": "auto"}
PRESETS: dict[str, dict] = {
    "paper": {},  # there is none
    "smoke": _SMALL | {"image_size": 32, "base_channels": 8, "batch_size": 4, "euler_steps": 2},
    "cpu": _SMALL | {"image_size": 32, "base_channels": 32},
    "gpu": _SMALL | {"image_size": 64, "base_channels": 64, "euler_steps": 16},
}


class FlowMatching(Method):
    """The velocity v, its optimiser and one training step.

    Images are (B, 3, S, S) in [-1, 1], and codes are noise of the same shape.
    """

    Config, PRESETS, needs_pairs, has_codes = Config, PRESETS, True, True

    def build(self, cfg: Config) -> None:
        c, self.code_shape = cfg.base_channels, (3, cfg.image_size, cfg.image_size)
        self.v = TimedUNet(6, 3, (c, 2 * c, 3 * c, 3 * c))
        self.networks = {"v": self.v}
        self.to_device("group")
        self.keep_averages("v")
        self.opt_G = self.adam(self.v)

    def generator_terms(
        self, x: Tensor, y: Tensor, z_0: Tensor, t: Float[Tensor, " b"]
    ) -> dict[str, Float[Tensor, ""]]:
        """What v minimises, at the points of time ``t`` on the lines from z_0 to y."""
        at = t[:, None, None, None]
        z_t = (1 - at) * z_0 + at * y
        v = self.run(self.v, torch.cat([z_t, x], dim=1), t)
        return {"g_velocity": losses.velocity(v, z_0, y)}

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of v. ``batch``: x, y (B, 3, S, S). Returns the term."""
        x, y = batch["x"], batch["y"]
        if self.config.drop_x:
            x = x * (torch.rand_like(x[:, :1, :1, :1]) >= self.config.drop_x)
        z_0 = torch.randn_like(y)
        t = torch.rand_like(y[:, 0, 0, 0])  # (B,)
        terms = self.generator_terms(x, y, z_0, t)
        self.opt_G.zero_grad()
        terms["g_velocity"].backward()
        self.opt_G.step()
        self.update_averages()
        return {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def translate(
        self,
        x: Float[Tensor, "b 3 s s"],
        z: Float[Tensor, "#b 3 s s"] | None = None,
        direction: str = "xy",
    ) -> dict[str, Float[Tensor, "b 3 s s"]]:
        """``{"fake_y": where the flow leads in euler_steps}`` in float32.

        With averaged weights if there are any. ``z`` is one noise image for all x or one for each;
        None draws one for each. x may lie on any device; the first line moves it to the method's.
        """
        x = self.take(x, z, direction)
        n = self.config.euler_steps
        z_t = torch.randn_like(x) if z is None else z.to(x).expand_as(x)
        with inference(self.averaged["v"]) as v:
            for i in range(n):
                z_t = z_t + v(torch.cat([z_t, x], dim=1), x.new_full((len(x),), i / n)) / n
        return {"fake_y": z_t.clamp(-1, 1)}
