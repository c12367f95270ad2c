"""UNIT: two domains with one latent space (Liu, Breuel, Kautz: NIPS 2017).

An image x and its translation to the domain of y are to have the same z. So both domains have a
VAE, and its last encoder blocks and first decoder blocks are the same ones:

    z_x    = E_x(x) + noise       noise ~ N(0, I): the variance is 1 everywhere, E_x gives the mean
    rec_x  = G_x(z_x)             should be x
    fake_y = G_y(z_x)             should pass as a y
    z_xy   = E_y(fake_y) + noise
    cyc_x  = G_x(z_xy)            should be x, again

    L_VAE_x = lambda_kl * KL(z_x) + lambda_image * E||rec_x - x||_1
    L_CC_x  = lambda_cycle_kl * KL(z_xy) + lambda_cycle * E||cyc_x - x||_1
    L       = L_VAE + L_CC + lambda_gan * L_GAN, over both domains

KL is :func:`losses.kl_unit_variance`. The weights are those of the authors' first code. As there,
KL(z_x) counts once, and not once more as in the paper's L_CC. ``shared_blocks=0`` is the variant in
which two whole VAEs meet in the losses only, as in the authors' later code for MUNIT. The networks
are MUNIT's (see :mod:`course_lib.networks.unit`), without the weight decay of the first code, and
each D is one PatchGAN of 4x4 kernels, where theirs has 3x3 ones and in part three scales.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import losses
from course_lib.methods.base import (
    WAYS,
    Method,
    TrainingConfig,
    in_both,
    network,
    objective,
    require,
    training,
)
from course_lib.networks.blocks import inference
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.unit import LatentDecoders, LatentEncoders


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    base_channels: int = network(64, "of an encoder's first layer")
    n_blocks: int = network(4, "residual blocks of an encoder, and of a decoder")
    shared_blocks: int = network(1, "of them, the same for both domains; 0: none", zero=True)
    d_base_channels: int = network(64, "of each D's first layer")
    d_layers: int = network(3, "of stride 2 in each D; 3: 70 px patches, 0: pixels", zero=True)
    lambda_gan: float = objective(10.0, "weight of the adversarial terms")
    lambda_image: float = objective(100.0, "weight of an image rebuilt from its own code")
    lambda_kl: float = objective(0.1, "weight of the distance from the codes to N(0, 1)")
    lambda_cycle: float = objective(100.0, "weight of the cycle, there and back")
    lambda_cycle_kl: float = objective(
        0.1, "weight of the distance from the cycle's codes to N(0, 1)"
    )
    noise: Literal["on", "off"] = objective("on", "off: z is the mean, in training, too")
    lr: float = training(1e-4, zero=False)

    def __post_init__(self):
        require(
            self.lambda_gan or self.lambda_image or self.lambda_cycle,
            "no term is left that an image must satisfy",
            "give a lambda above 0",
        )
        require(
            self.shared_blocks <= self.n_blocks,
            f"of {self.n_blocks} blocks, {self.shared_blocks} cannot be shared",
            f"choose shared_blocks from 0 to {self.n_blocks}",
        )
        least = max(16, 3 * 2**self.d_layers)
        require(
            self.image_size % 4 == 0 and self.image_size >= least,
            f"image_size must be a multiple of 4 and at least {least} for this D, "
            f"got {self.image_size}",
            "choose a larger image_size, or smaller d_layers",
        )


# What fits a machine and a few minutes: overrides of the paper's defaults.
_SMALL = {"jitter": "auto", "flip": "auto", "d_layers": 2, "decay_from": 0.5}
_TINY = {"image_size": 32, "base_channels": 8, "n_blocks": 2, "d_base_channels": 8, "batch_size": 2}
_CPU = {"image_size": 64, "base_channels": 16, "n_blocks": 3, "d_base_channels": 32, "lr": 4e-4}
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL | _TINY | {"average": 0.995},
    "cpu": _SMALL | _CPU | {"average": 0.998},
    "gpu": _SMALL | {"image_size": 128, "d_layers": 3, "batch_size": 4, "average": 0.998},
}


class Side(NamedTuple):
    """What comes of an image of one domain, here x; None where no term needs it."""

    mu: Tensor  # of z_x, (B, c, S/4, S/4)
    rec: Tensor | None  # rec_x
    mu_back: Tensor | None  # of z_xy
    cyc: Tensor | None  # cyc_x


class UNIT(Method):
    """Encoders E, decoders G (each a pair that shares blocks), a D for each domain, and one step.

    Images are (B, 3, S, S) in [-1, 1], z is (B, c, S/4, S/4).
    """

    Config, PRESETS, directions = Config, PRESETS, ("xy", "yx")
    d_output = "logit"

    def build(self, cfg: Config) -> None:
        sizes = (cfg.base_channels, cfg.n_blocks, cfg.shared_blocks)
        self.E, self.G = LatentEncoders(*sizes), LatentDecoders(*sizes)
        self.D = nn.ModuleDict(
            {domain: PatchGAN(3, cfg.d_base_channels, cfg.d_layers, "none") for domain in "xy"}
        )
        self.networks = {"E": self.E, "G": self.G, "D": self.D}
        self.to_device("instance")
        self.keep_averages("E", "G")
        # a shared block is one parameter here, with losses from both domains
        self.opt_G, self.opt_D = self.adam(self.E, self.G), self.adam(self.D)

    def reparameterise(self, mu: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """z ~ N(mu, I), reparameterised; mu itself without noise."""
        return mu + torch.randn_like(mu) if self.config.noise == "on" else mu

    def codes_and_fakes(self, images: dict) -> tuple[dict[str, Side], dict[str, Tensor]]:
        """What comes of the image of each domain, and the fakes, each by the domain it pretends."""
        cfg, run, E, G = self.config, self.run, self.E, self.G
        sides, fakes = {}, {}
        for here, there in WAYS:
            mu = run(E, images[here], here)
            z = self.reparameterise(mu)
            fakes[there] = run(G, z, there)
            rec = run(G, z, here) if cfg.lambda_image else None
            mu_back, cyc = None, None
            if cfg.lambda_cycle or cfg.lambda_cycle_kl:
                mu_back = run(E, fakes[there], there)
                if cfg.lambda_cycle:
                    cyc = run(G, self.reparameterise(mu_back), here)
            sides[here] = Side(mu, rec, mu_back, cyc)
        return sides, fakes

    def generator_terms(
        self, images: dict, sides: dict[str, Side], fakes: dict[str, Tensor]
    ) -> dict[str, Float[Tensor, ""]]:
        """What E and G minimise, unweighted. A term of weight 0 is not computed."""
        cfg, terms = self.config, {}
        for here, there in WAYS:
            image, side = images[here], sides[here]
            if cfg.lambda_gan:
                logits = self.run(self.D[there], fakes[there])
                terms[f"g_gan_{there}"] = losses.log_generator(logits)
            if side.rec is not None:
                terms[f"g_image_{here}"] = losses.l1(side.rec, image)
            if cfg.lambda_kl:
                terms[f"g_kl_{here}"] = losses.kl_unit_variance(side.mu)
            if side.cyc is not None:
                terms[f"g_cycle_{here}"] = losses.l1(side.cyc, image)
            if cfg.lambda_cycle_kl and side.mu_back is not None:
                terms[f"g_cycle_kl_{here}"] = losses.kl_unit_variance(side.mu_back)
        return terms

    def discriminator_terms(
        self, images: dict, fakes: dict[str, Tensor]
    ) -> dict[str, Float[Tensor, ""]]:
        """What D_x and D_y minimise, unweighted. The fakes are detached here."""
        terms = {}
        for name, D in self.D.items():
            terms[f"d_real_{name}"] = losses.log_real(self.run(D, images[name]))
            terms[f"d_fake_{name}"] = losses.log_fake(self.run(D, fakes[name].detach()))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of both D, then one of E and G. ``batch``: x, y (B, 3, S, S).

        Both look at the same fakes. Returns the unweighted terms.
        """
        cfg, D, opt_G, opt_D, d_terms = self.config, self.D, self.opt_G, self.opt_D, {}

        # 1. One z for each image, and out of it the image, its translation, and from there back.
        sides, fakes = self.codes_and_fakes(batch)

        # 2. D_x and D_y learn to tell real images from translations.
        if cfg.lambda_gan:
            D.requires_grad_(True)
            opt_D.zero_grad()
            d_terms = self.discriminator_terms(batch, fakes)
            loss_D = cfg.lambda_gan * losses.total(d_terms.values())
            loss_D.backward()
            opt_D.step()

        # 3. E and G learn, D is frozen. The shared blocks hear from both domains.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g_terms = self.generator_terms(batch, sides, fakes)
        weights = in_both(
            gan=cfg.lambda_gan,
            image=cfg.lambda_image,
            kl=cfg.lambda_kl,
            cycle=cfg.lambda_cycle,
            cycle_kl=cfg.lambda_cycle_kl,
        )
        loss_G = losses.total(weights[name] * term for name, term in g_terms.items())
        loss_G.backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d_terms | g_terms).items()}

    @torch.no_grad()
    def translate(
        self, x: Float[Tensor, "b 3 h w"], z: Tensor | None = None, direction: str = "xy"
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G_y(E_x(x)), "rec_x": G_x(E_y(fake_y))}`` in float32, without noise.

        With averaged weights if there are any; ``direction="yx"`` goes from y to x. x may lie
        on any device; the first line moves it to the method's.
        """
        x = self.take(x, z, direction)
        here, there = direction
        with inference(self.averaged["E"]) as E, inference(self.averaged["G"]) as G:
            fake_y = G(E(x, here), there)
            return {"fake_y": fake_y, "rec_x": G(E(fake_y, there), here)}

    def discriminators(self) -> dict[str, tuple[str, nn.Module, int]]:
        return {f"D_{domain}": (domain, D, 0) for domain, D in self.D.items()}
