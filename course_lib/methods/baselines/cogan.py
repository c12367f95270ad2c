"""CoGAN: a joint distribution of x and y from unpaired images (Liu and Tuzel: NIPS 2016).

    min_{G_x, G_y} max_{D_x, D_y}  E_x[log D_x(x)] + E_z[log(1 - D_x(G_x(z)))]
                                 + E_y[log D_y(y)] + E_z[log(1 - D_y(G_y(z)))]            (section 3)

Two GANs fed with the same z. Nothing in the objective ties x to y. What does: the first layers of G_x and G_y are the
same layers, and so are the last of D_x and D_y. As in :mod:`dcgan`, the generators descend -log D. To translate,

    z* = arg min_z ||G_x(z) - x||_1,    y = G_y(z*)

The paper leaves the distance open; here it is L1, and Adam starts at the nearest of many draws. A row of CycleGAN's
tables 1 to 3, the only one there with networks of its own.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import losses
from course_lib.methods.base import Method, TrainingConfig, positive
from course_lib.networks.blocks import inference
from course_lib.networks.coupled import CoupledDiscriminators, CoupledGenerators


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    # networks
    image_size: int = 64
    z_dim: int = 100  # each entry is drawn from U(-1, 1)
    base_channels: int = 128
    own_layers: int = (
        2  # upsamplings of G, convolutions of D, that belong to one domain; the rest is shared
    )
    upsampling: Literal["transposed", "resize-conv"] = "transposed"
    d_base_channels: int = 128
    # objective
    gan_loss: Literal["log", "least-squares"] = "log"
    # translation: the search for z
    search_starts: int = 256  # draws, of which the nearest is taken
    search_steps: int = 200  # of Adam from there
    search_lr: float = positive(0.1)
    # training
    jitter: Literal["resize", "affine", "none", "auto"] = "none"
    flip: Literal["on", "off", "auto"] = "off"
    batch_size: int = 128


# What fits a machine and a few minutes: overrides of the paper's defaults, chosen by eye on façades.
_SMALL = {
    "upsampling": "resize-conv",  # no checkerboard
    "d_base_channels": 16,
    "search_steps": 30,
    "flip": "auto",
    "batch_size": 16,
    "lr": 3e-3,  # the colours of label maps lie far out in tanh: a slower G does not reach them
    "beta2": 0.99,
    "decay_from": 0.5,
    "average": 0.99,
}
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL
    | {
        "image_size": 32,
        "base_channels": 8,
        "d_base_channels": 8,
        "batch_size": 4,
        "search_steps": 5,
    },
    "cpu": _SMALL | {"base_channels": 32},
    "gpu": _SMALL
    | {"base_channels": 64, "d_base_channels": 32, "batch_size": 32, "lr": 1e-3, "average": 0.998},
}


class CoGAN(Method):
    """G and D (each a coupled pair), their optimisers, one training step and the search. Images (B, 3, S, S)."""

    Config, PRESETS, directions = Config, PRESETS, ("xy", "yx")
    REVISION = 2  # batch norm's statistics are averaged

    def __init__(
        self, config: Config | None = None, device: torch.device | str = "cpu", bf16: bool = False
    ):
        super().__init__(config, device, bf16)
        cfg = self.config
        self.G = CoupledGenerators(
            cfg.image_size, cfg.z_dim, cfg.base_channels, cfg.own_layers, cfg.upsampling
        )
        self.D = CoupledDiscriminators(cfg.image_size, cfg.d_base_channels, cfg.own_layers)
        self.networks = {"G": self.G, "D": self.D}
        self.place()
        self.keep_averages("G")
        self.opt_G, self.opt_D = (
            self.adam(self.G),
            self.adam(self.D),
        )  # a shared layer is one parameter, with two losses
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}

    def noise(self, n: int) -> Float[Tensor, "n z_dim"]:
        """n draws of z from the prior."""
        return torch.rand(n, self.config.z_dim, device=self.device) * 2 - 1

    def judge(self, image: Float[Tensor, "b 3 s s"], domain: str) -> Float[Tensor, "b 1"]:
        """D_x's or D_y's logit for each image."""
        return self.run(self.D, image, domain)

    def discriminator_terms(
        self, x: Tensor, y: Tensor, fake_x: Tensor, fake_y: Tensor
    ) -> dict[str, Float[Tensor, ""]]:
        """What D_x and D_y minimise, unweighted. Pass fakes detached."""
        real_loss, fake_loss, _ = losses.GAN_LOSSES[self.config.gan_loss]
        return {
            "d_real_x": real_loss(self.judge(x, "x")),
            "d_fake_x": fake_loss(self.judge(fake_x, "x")),
            "d_real_y": real_loss(self.judge(y, "y")),
            "d_fake_y": fake_loss(self.judge(fake_y, "y")),
        }

    def generator_terms(self, fake_x: Tensor, fake_y: Tensor) -> dict[str, Float[Tensor, ""]]:
        """What G_x and G_y minimise, unweighted."""
        _, _, generator_loss = losses.GAN_LOSSES[self.config.gan_loss]
        return {
            "g_gan_x": generator_loss(self.judge(fake_x, "x")),
            "g_gan_y": generator_loss(self.judge(fake_y, "y")),
        }

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of both discriminators, then one of both generators. ``batch``: x, y (B, 3, S, S), unpaired."""
        G, D, opt_G, opt_D, x, y = self.G, self.D, self.opt_G, self.opt_D, batch["x"], batch["y"]

        # 1. One z, an image in each domain. Both updates look at these fakes.
        with self.autocast:
            fake_x, fake_y = G(self.noise(len(x)))  # (B, z) -> 2 x (B, 3, S, S)
        fake_x, fake_y = fake_x.float(), fake_y.float()

        # 2. D_x and D_y learn, each in its own domain. Detached: nothing of this reaches G.
        D.requires_grad_(True)
        opt_D.zero_grad()
        d = self.discriminator_terms(x, y, fake_x.detach(), fake_y.detach())
        sum(d.values()).backward()
        opt_D.step()

        # 3. G_x and G_y learn to fool the updated D, which is frozen. The shared layers hear from both.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g = self.generator_terms(fake_x, fake_y)
        sum(g.values()).backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d | g).items()}

    @torch.no_grad()
    def search(
        self, image: Float[Tensor, "b 3 s s"], domain: str = "x"
    ) -> Float[Tensor, "b z_dim"]:
        """A z whose image in ``domain`` is near to ``image`` in L1; no result depends on the others of its batch.

        z stays where the prior draws it: further out the input is matched better, but its partner is no image.
        """
        cfg = self.config
        with inference(self.averaged["G"]) as G:
            starts = self.noise(cfg.search_starts)
            distance = torch.cdist(
                image.flatten(1), G(starts, domain)[0].flatten(1), p=1
            )  # (B, search_starts)
            z = starts[distance.argmin(dim=1)].requires_grad_()  # (B, z)
            adam = torch.optim.Adam([z], cfg.search_lr)
            for _ in range(cfg.search_steps):
                with torch.enable_grad():
                    error = (G(z, domain)[0] - image).abs().mean((1, 2, 3)).sum()
                (z.grad,) = torch.autograd.grad(
                    error, z
                )  # of z alone: the weights keep their gradients
                adam.step()
                z.clamp_(-1, 1)
        return z.detach()

    @torch.no_grad()
    def translate(
        self, x: Float[Tensor, "b 3 s s"], direction: str = "xy"
    ) -> dict[str, Float[Tensor, "b 3 s s"]]:
        """``{"fake_y": G_y(z*), "rec_x": G_x(z*)}`` in float32, with averaged weights if there are any.

        ``direction="yx"``: the input is a y; its translation is still called ``fake_y``. Changes the random state only.
        """
        z = self.search(x, direction[0])
        with inference(self.averaged["G"]) as G:
            rec_x, fake_y = G(z, direction)
        return {"fake_y": fake_y, "rec_x": rec_x}
