"""DCGAN: images from noise alone (Radford, Metz, Chintala: ICLR 2016; GAN: Goodfellow et al. 2014).

    min_G max_D  V(D, G) = E_y[log D(y)] + E_z[log(1 - D(G(z)))]            (GAN, eq. 1)

As in both papers, G descends -E_z[log D(G(z))] instead of the second term (GAN, section 3). The
defaults are DCGAN's. A loss that finds more of the data, and is less likely to break down, is that
of R3GAN (Huang, Gokaslan, Kuleshov, Tompkin: NeurIPS 2024), with f(t) = -log sigmoid(t):

    L_D = E[f(D(y) - D(G(z)))] + gamma/2 * E||grad D(y)||^2                 (R1, at real images)
                               + gamma/2 * E||grad D(G(z))||^2              (R2, at fakes)
    L_G = E[f(D(G(z)) - D(y))]

It is ``gan_loss="relativistic"`` with gamma / 2 as ``lambda_r1`` and ``lambda_r2``. The penalties
want the gradient of each image, so that D has no batch norm then: ``d_norm="none"``.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import losses
from course_lib.methods.base import (
    Method,
    Terms,
    TrainingConfig,
    network,
    objective,
    require,
    training,
)
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
    d_norm: Literal["batch", "none"] = network("batch", "of D; the penalties below want none")
    gan_loss: Literal["log", "log-saturating", "least-squares", "relativistic"] = objective(
        "log",
        "what the game is about; log-saturating is GAN's eq. 1 as it stands, relativistic R3GAN's",
    )
    diff_augment: bool = objective(False, "D sees real and fake augmented: for few images")
    lambda_r1: float = objective(0.0, "penalty on the slope of D at real images; R3GAN's gamma / 2")
    lambda_r2: float = objective(0.0, "the same at fakes")
    jitter: Literal["resize", "affine", "none", "auto"] = "none"
    flip: Literal["on", "off", "auto"] = "off"
    batch_size: int = 128
    test_batch_statistics: bool = training(
        True, "generate() normalises with the statistics of its own batch"
    )

    def __post_init__(self):
        require(
            self.d_norm == "none" or not (self.lambda_r1 or self.lambda_r2),
            "batch norm in D mixes the images of a batch, and lambda_r1 and lambda_r2 "
            "want the gradient of each",
            "set d_norm=none",
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
        self.D = DCGANDiscriminator(cfg.image_size, cfg.d_base_channels, cfg.d_norm)
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
        """What D minimises, unweighted: ``d_real`` and ``d_fake``, or R3GAN's ``d_pair``.

        The penalties ``d_r1`` and ``d_r2`` are there if they have a weight. Pass fake_y detached.
        """
        cfg = self.config
        y = y.detach().requires_grad_() if cfg.lambda_r1 else y
        fake_y = fake_y.detach().requires_grad_() if cfg.lambda_r2 else fake_y
        real, fake = self.judge(y), self.judge(fake_y)
        of_discriminator, _ = losses.GAN_LOSSES[cfg.gan_loss]
        terms = Terms(of_discriminator(real, fake))
        if cfg.lambda_r1:
            terms["d_r1"] = losses.gradient_penalty(real, y)
        if cfg.lambda_r2:
            terms["d_r2"] = losses.gradient_penalty(fake, fake_y)
        return terms

    def generator_terms(self, fake_y: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
        """What G minimises: ``g_gan``. R3GAN's compares with y, the others need none."""
        _, of_generator = losses.GAN_LOSSES[self.config.gan_loss]
        fake = self.judge(fake_y)
        real = self.judge(y) if y is not None and self.config.gan_loss == "relativistic" else None
        return {"g_gan": of_generator(real, fake)}

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of G (GAN, algorithm 1, with k = 1). Returns the terms."""
        cfg, G, D, opt_G, opt_D = self.config, self.G, self.D, self.opt_G, self.opt_D
        y = batch["y"]  # (B, 3, S, S)

        # 1. Draw fakes from noise. Both updates look at them.
        fake_y = self.run(G, self.noise(len(y)))  # (B, z) -> (B, 3, S, S)

        # 2. D learns to tell images from fakes. Detached: nothing of this reaches G.
        D.requires_grad_(True)
        opt_D.zero_grad()
        d_terms = self.discriminator_terms(y, fake_y.detach())
        loss_D = (
            d_terms["d_real"] + d_terms["d_fake"]
            + d_terms["d_pair"]  # in place of both, if the loss is R3GAN's
            + cfg.lambda_r1 * d_terms["d_r1"]
            + cfg.lambda_r2 * d_terms["d_r2"]
        )  # fmt: skip
        loss_D.backward()
        opt_D.step()

        # 3. G learns to fool the updated D, which is frozen.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g_terms = self.generator_terms(fake_y, y)
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
