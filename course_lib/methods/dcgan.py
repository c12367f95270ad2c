"""DCGAN: images from noise alone (Radford, Metz, Chintala: ICLR 2016; GAN: Goodfellow et al. 2014).

    min_G max_D  V(D, G) = E_y[log D(y)] + E_z[log(1 - D(G(z)))]            (GAN, eq. 1)

As in both papers, G descends -E_z[log D(G(z))] instead of the second term (GAN, section 3). The
defaults are DCGAN's.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import losses
from course_lib.methods.base import Method, TrainingConfig, network, objective, training
from course_lib.methods.diff_augment import diff_augment
from course_lib.networks.blocks import inference
from course_lib.networks.discriminators import DCGANDiscriminator
from course_lib.networks.generators import DCGANGenerator
from course_lib.networks.hardware import send


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    image_size: int = 64
    z_dim: int = network(100, "entries of the noise z")
    prior: Literal["uniform", "normal"] = network(
        "uniform", "of each entry of z: U(-1, 1) or N(0, 1)"
    )
    base_channels: int = network(
        128, "of G's last hidden layer; the first has up to 8 times as many"
    )
    upsampling: Literal["transposed", "resize-conv"] = network(
        "transposed", "the second: no checkerboard"
    )
    d_base_channels: int = network(128, "of D's first layer")
    diff_augment: bool = objective(False, "D sees real and fake augmented: for few images")
    jitter: Literal["resize", "affine", "none", "auto"] = "none"
    flip: Literal["on", "off", "auto"] = "off"
    batch_size: int = 128
    test_batch_statistics: bool = training(
        True, "generate() normalises with the statistics of its own batch"
    )


# What fits a machine and a few minutes: changes of the paper's defaults, chosen on samples of emoji
_SMALL = {
    "prior": "normal",
    "upsampling": "resize-conv",  # no checkerboard
    "flip": "auto",
    "batch_size": 32,
    "lr": 4e-4,
    "decay_from": 0.5,
    "average": 0.998,
    "test_batch_statistics": False,
}
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL | {"image_size": 32, "base_channels": 8, "d_base_channels": 8, "batch_size": 8},
    "cpu": _SMALL | {"image_size": 32, "base_channels": 32, "d_base_channels": 32},
    "gpu": _SMALL | {"image_size": 64, "base_channels": 64, "d_base_channels": 64},
}


class DCGAN(Method):
    """G, D, their optimisers and one training step. Images are (B, 3, S, S) in [-1, 1]."""

    Config, PRESETS, single, translates = Config, PRESETS, True, False

    def build(self, cfg: Config) -> None:
        self.G = DCGANGenerator(cfg.image_size, cfg.z_dim, cfg.base_channels, cfg.upsampling)
        self.D = DCGANDiscriminator(cfg.image_size, cfg.d_base_channels)
        self.networks = {"G": self.G, "D": self.D}
        self.to_device()
        self.keep_averages("G")
        self.opt_G, self.opt_D = self.adam(self.G), self.adam(self.D)

    def noise(self, n: int, seed: int | None = None) -> Float[Tensor, "n z_dim"]:
        """n draws of z from the prior, of a ``seed`` or of torch's global generator."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        shape = n, self.config.z_dim
        if self.config.prior == "normal":
            z = torch.randn(shape, generator=generator)
        else:
            z = torch.rand(shape, generator=generator) * 2 - 1
        return send(z, self.device)

    def judge(self, y: Float[Tensor, "b 3 s s"]) -> Float[Tensor, "b 1"]:
        """D's logit for each image; with DiffAugment, for T(y)."""
        return self.run(self.D, diff_augment(y) if self.config.diff_augment else y)

    def discriminator_terms(self, y: Tensor, fake_y: Tensor) -> dict[str, Tensor]:
        """What D minimises: ``d_real`` and ``d_fake``. Pass fake_y detached."""
        real, fake = self.judge(y), self.judge(fake_y)
        return {"d_real": losses.log_real(real), "d_fake": losses.log_fake(fake)}

    def generator_terms(self, fake_y: Tensor) -> dict[str, Tensor]:
        """What G minimises: ``g_gan``."""
        return {"g_gan": losses.log_generator(self.judge(fake_y))}

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of G (GAN, algorithm 1, with k = 1). Returns the terms."""
        G, D, opt_G, opt_D = self.G, self.D, self.opt_G, self.opt_D
        y = batch["y"]  # (B, 3, S, S)

        # 1. Draw fakes from noise. Both updates look at them.
        fake_y = self.run(G, self.noise(len(y)))  # (B, z) -> (B, 3, S, S)

        # 2. D learns to tell images from fakes. Detached: nothing of this reaches G.
        D.requires_grad_(True)
        opt_D.zero_grad()
        d_terms = self.discriminator_terms(y, fake_y.detach())
        (d_terms["d_real"] + d_terms["d_fake"]).backward()
        opt_D.step()

        # 3. G learns to fool the updated D, which is frozen.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g_terms = self.generator_terms(fake_y)
        g_terms["g_gan"].backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d_terms | g_terms).items()}

    @torch.no_grad()
    def generate(
        self, z: int | Float[Tensor, "n z_dim"], batch_statistics: bool | None = None
    ) -> Float[Tensor, "n 3 s s"]:
        """G(z) for the given noise, or for so many draws, by averaged weights if there are any.

        ``batch_statistics`` says whether batch norm acts as in training, where an image depends a
        little on the others of its batch; None takes the configuration's choice. Changes no state
        but the random one.
        """
        z = self.noise(z) if isinstance(z, int) else z
        own = self.config.test_batch_statistics if batch_statistics is None else batch_statistics
        with inference(self.averaged["G"], batch_statistics=own) as G:
            return G(z)

    def preview(self) -> dict[str, Float[Tensor, "n 3 s s"]]:
        """Rows of samples for fit() to show, the same noise each time (fit seeds it)."""
        return dict(zip(("G(z)", " ", "  "), self.generate(30).split(10), strict=True))
