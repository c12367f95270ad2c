"""R3GAN's losses on pairs (Huang, Gokaslan, Kuleshov, Tompkin: NeurIPS 2024), and pix2pix's L1.

L_D = E[f(D(x, y) - D(x, G(x)))] + gamma/2 * E||d D(x, y) / d y||^2          (R1, at real y)
                                 + gamma/2 * E||d D(x, G(x)) / d G(x)||^2    (R2, at fakes)
L_G = E[f(D(x, G(x)) - D(x, y))] + lambda * E||y - G(x)||_1,        f(t) = -log sigmoid(t)
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from course_lib import losses
from course_lib.methods import pix2pix
from course_lib.methods.base import Terms, network, objective
from course_lib.networks.efficientnet import load_photo_features


@dataclass(frozen=True)
class Config(pix2pix.Config):
    """Hyperparameters: those of pix2pix, and the weights of the penalties, gamma / 2."""

    norm: Literal["instance"] = network(
        "instance", "batch norm would mix the gradients of a batch's images"
    )
    lambda_r1: float = objective(5.0, "penalty on the slope of D at real images")
    lambda_r2: float = objective(5.0, "the same at fakes")


class R3GAN(pix2pix.Pix2Pix):
    """G, D, their optimisers and one training step. Images are (B, 3, S, S) in [-1, 1]."""

    Config, d_output = Config, "relative"

    def discriminator_terms(self, x: Tensor, y: Tensor, fake_y: Tensor) -> dict[str, Tensor]:
        """What D minimises, unweighted: the loss of pairs, and the penalties R1 and R2."""
        y, fake_y = (images.detach().requires_grad_() for images in (y, fake_y))
        real, fake = self.judge(x, y), self.judge(x, fake_y)
        r1, r2 = losses.gradient_penalty(real, y), losses.gradient_penalty(fake, fake_y)
        return {"d_pair": losses.relativistic(real, fake), "d_r1": r1, "d_r2": r2}

    def generator_terms(self, x: Tensor, y: Tensor, fake_y: Tensor) -> dict[str, Tensor]:
        """What G minimises, unweighted."""
        fake, real = self.judge(x, fake_y), self.judge(x, y)
        terms = Terms(g_gan=losses.relativistic(fake, real), g_l1=losses.l1(fake_y, y))
        if self.config.lambda_features:
            see = load_photo_features(self.device)
            terms["g_features"] = losses.perceptual(see(fake_y), see(y))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of G, which is asked with D frozen. Returns the terms."""
        cfg, x, y = self.config, batch["x"], batch["y"]  # (B, 3, S, S)
        fake_y = self.run(self.G, x)
        self.D.requires_grad_(True)
        self.opt_D.zero_grad()
        d_terms = self.discriminator_terms(x, y, fake_y)
        loss_D = (
            d_terms["d_pair"] + cfg.lambda_r1 * d_terms["d_r1"] + cfg.lambda_r2 * d_terms["d_r2"]
        )
        loss_D.backward()
        self.opt_D.step()
        self.D.requires_grad_(False)
        self.opt_G.zero_grad()
        g_terms = Terms(self.generator_terms(x, y, fake_y))
        loss_G = cfg.lambda_gan * g_terms["g_gan"] + cfg.lambda_l1 * g_terms["g_l1"]
        loss_G = loss_G + cfg.lambda_features * g_terms["g_features"]
        loss_G.backward()
        self.opt_G.step()
        self.update_averages()
        return {name: term.detach() for name, term in (d_terms | g_terms).items()}
