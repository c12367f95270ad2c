"""UNIT: two domains with one latent space (Liu, Breuel, Kautz: NIPS 2017).

An image of domain a (x of the data set) and its translation to b (y) are to have the same z. So both domains have a
VAE, and its last encoder blocks and first decoder blocks are the same ones:

    z_a    = E_a(a) + noise          noise ~ N(0, I): the variance is 1 everywhere, and E_a returns the mean alone
    rec_a  = G_a(z_a)                should be a
    fake_b = G_b(z_a)                should pass as a b
    cyc_a  = G_a(E_b(fake_b) + noise)   should be a, again

    L_VAE_a = lambda_kl * KL(z_a) + lambda_image * E||rec_a - a||_1
    L_CC_a  = lambda_cycle_kl * KL(z_ab) + lambda_cycle * E||cyc_a - a||_1                  z_ab = E_b(fake_b) + noise
    L       = L_VAE + L_CC + lambda_gan * L_GAN, over both domains

KL is :func:`losses.kl_unit_variance`. The weights are those that public code gives; as there, KL(z_a) counts once, and
not once more as in the paper's L_CC. ``shared_blocks=0`` is the variant in which two whole VAEs meet in the losses
only, as in the authors' later code for MUNIT. The networks are a hybrid (see :mod:`course_lib.networks.unit`); the
preset ``authors`` takes the layers and the weight decay of the authors' first code.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import losses
from course_lib.errors import CourseError
from course_lib.methods.base import Method, TrainingConfig, option
from course_lib.networks.blocks import inference
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.unit import LatentDecoders, LatentEncoders

DOMAINS, SIDES = {"x": "a", "y": "b"}, (("a", "b"), ("b", "a"))


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    # networks
    base_channels: int = 64
    n_blocks: int = 4  # residual blocks of an encoder, and of a decoder
    shared_blocks: int = option(
        1, zero=True
    )  # of them, the same for both domains; 0 shares nothing
    layers: Literal["hybrid", "authors"] = "hybrid"
    d_base_channels: int = 64
    d_layers: int = option(3, zero=True)  # 70 px patches
    # objective
    gan_loss: Literal["log", "least-squares"] = "log"
    lambda_gan: float = 10.0
    lambda_image: float = 100.0
    lambda_kl: float = 0.1
    lambda_cycle: float = 100.0
    lambda_cycle_kl: float = 0.1
    noise: Literal["on", "off"] = "on"  # off: z is the mean, in training, too
    # training
    lr: float = option(1e-4, zero=False)
    decay_weights: float = 0.0  # L2, in Adam

    def __post_init__(self):
        if not (self.lambda_gan or self.lambda_image or self.lambda_cycle):
            raise CourseError(
                "no term is left that an image must satisfy", "Config", "give a lambda above 0"
            )
        if self.shared_blocks > self.n_blocks:
            what = f"of {self.n_blocks} blocks, {self.shared_blocks} cannot be shared"
            raise CourseError(what, "Config", f"choose shared_blocks from 0 to {self.n_blocks}")
        least = max(16, 3 * 2**self.d_layers)
        if self.image_size % 4 or self.image_size < least:
            what = f"image_size must be a multiple of 4 and at least {least} for this D, got {self.image_size}"
            raise CourseError(what, "Config", "choose a larger image_size, or smaller d_layers")


# What fits a machine and a few minutes: overrides of the paper's defaults.
_SMALL = {"jitter": "auto", "flip": "auto", "d_layers": 2, "decay_from": 0.5}
PRESETS: dict[str, dict] = {
    "paper": {},
    "authors": {"layers": "authors", "decay_weights": 1e-4},
    "smoke": _SMALL
    | {
        "image_size": 32,
        "base_channels": 8,
        "n_blocks": 2,
        "d_base_channels": 8,
        "batch_size": 2,
        "average": 0.995,
    },
    "cpu": _SMALL
    | {
        "image_size": 64,
        "base_channels": 16,
        "n_blocks": 3,
        "d_base_channels": 32,
        "lr": 4e-4,
        "average": 0.998,
    },
    "gpu": _SMALL | {"image_size": 128, "d_layers": 3, "batch_size": 4, "average": 0.998},
}


class UNIT(Method):
    """Encoders E, decoders G (each a pair that shares blocks), D_a and D_b, their optimisers and one training step.

    Images are (B, 3, S, S) in [-1, 1], z is (B, c, S/4, S/4). ``bf16`` runs the networks in bfloat16; losses stay
    float32.
    """

    Config, PRESETS, directions = Config, PRESETS, ("xy", "yx")
    least_squares = False

    def __init__(
        self, config: Config | None = None, device: torch.device | str = "cpu", bf16: bool = False
    ):
        super().__init__(config, device, bf16)
        cfg = self.config
        sizes = (cfg.base_channels, cfg.n_blocks, cfg.shared_blocks, cfg.layers)
        self.E, self.G = (
            LatentEncoders(*sizes).to(self.device),
            LatentDecoders(*sizes).to(self.device),
        )
        patches = {
            domain: PatchGAN(3, cfg.d_base_channels, cfg.d_layers, "none") for domain in "ab"
        }
        self.D = nn.ModuleDict(patches).to(self.device)
        self.networks = {"E": self.E, "G": self.G, "D": self.D}
        self.keep_averages("E", "G")
        # a shared block is one parameter here, with losses from both domains
        self.opt_G = self.adam(self.E, self.G, weight_decay=cfg.decay_weights)
        self.opt_D = self.adam(self.D, weight_decay=cfg.decay_weights)
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}

    def draw(self, mu: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """z ~ N(mu, I), reparameterised; mu itself without noise."""
        return mu + torch.randn_like(mu) if self.config.noise == "on" else mu

    def codes_and_fakes(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """``images``: "a" and "b". mu_ and, out of one z, fake_ and rec_ of each; and cyc_ and its mu_ab, mu_ba."""
        cfg, run, E, G, out = self.config, self.run, self.E, self.G, {}
        for a, b in SIDES:
            out[f"mu_{a}"] = run(E, images[a], a)
            z = self.draw(out[f"mu_{a}"])
            out[f"fake_{b}"] = run(G, z, b)  # across
            if cfg.lambda_image:
                out[f"rec_{a}"] = run(G, z, a)  # within
            if cfg.lambda_cycle or cfg.lambda_cycle_kl:
                out[f"mu_{a}{b}"] = run(E, out[f"fake_{b}"], b)
            if cfg.lambda_cycle:
                out[f"cyc_{a}"] = run(G, self.draw(out[f"mu_{a}{b}"]), a)  # across, and back
        return out

    def generator_terms(
        self, images: dict[str, Tensor], out: dict[str, Tensor]
    ) -> dict[str, Float[Tensor, ""]]:
        """What E and G minimise, unweighted. A term of weight 0 is not computed."""
        cfg, terms = self.config, {}
        generator_loss = losses.log_generator
        for a, b in SIDES:
            if cfg.lambda_gan:
                terms[f"g_gan_{b}"] = generator_loss(self.run(self.D[b], out[f"fake_{b}"]))
            if cfg.lambda_image:
                terms[f"g_image_{a}"] = losses.l1(out[f"rec_{a}"], images[a])
            if cfg.lambda_kl:
                terms[f"g_kl_{a}"] = losses.kl_unit_variance(out[f"mu_{a}"])
            if cfg.lambda_cycle:
                terms[f"g_cycle_{a}"] = losses.l1(out[f"cyc_{a}"], images[a])
            if cfg.lambda_cycle_kl:
                terms[f"g_cycle_kl_{a}"] = losses.kl_unit_variance(out[f"mu_{a}{b}"])
        return terms

    def discriminator_terms(
        self, images: dict[str, Tensor], out: dict[str, Tensor]
    ) -> dict[str, Float[Tensor, ""]]:
        """What D_a and D_b minimise, unweighted. The fakes are detached here."""
        real_loss, fake_loss = losses.log_real, losses.log_fake
        terms = {}
        for a, image in images.items():
            terms[f"d_real_{a}"] = real_loss(self.run(self.D[a], image))
            terms[f"d_fake_{a}"] = fake_loss(self.run(self.D[a], out[f"fake_{a}"].detach()))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of both D, then one of E and G. Both look at the same fakes. Returns the unweighted terms."""
        cfg, D, opt_G, opt_D, images = (
            self.config,
            self.D,
            self.opt_G,
            self.opt_D,
            {"a": batch["x"], "b": batch["y"]},
        )

        # 1. One z for each image, and out of it the image itself, its translation, and from there back.
        out, terms = self.codes_and_fakes(images), {}

        # 2. D_a and D_b learn to tell real images from translations.
        if cfg.lambda_gan:
            D.requires_grad_(True)
            opt_D.zero_grad()
            terms = self.discriminator_terms(images, out)
            (cfg.lambda_gan * sum(terms.values())).backward()
            opt_D.step()

        # 3. E and G learn, D is frozen. The shared blocks hear from both domains.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g = self.generator_terms(images, out)
        weights = {
            f"g_{name}_{domain}": weight
            for domain in "ab"
            for name, weight in (
                ("gan", cfg.lambda_gan),
                ("image", cfg.lambda_image),
                ("kl", cfg.lambda_kl),
                ("cycle", cfg.lambda_cycle),
                ("cycle_kl", cfg.lambda_cycle_kl),
            )
        }
        loss_G = sum(weights[name] * term for name, term in g.items())
        loss_G.backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (terms | g).items()}

    @torch.no_grad()
    def encode(
        self, y: Float[Tensor, "b 3 s s"], direction: str = "xy"
    ) -> Float[Tensor, "b c _ _"]:
        """The mean of z for images of the domain that ``direction`` leads to; averaged weights if there are any."""
        with inference(self.averaged["E"]) as E:
            return E(y, DOMAINS[direction[1]])

    @torch.no_grad()
    def translate(
        self, x: Float[Tensor, "b 3 h w"], direction: str = "xy"
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G_b(E_a(x)), "rec_x": G_a(E_b(fake_y))}`` in float32, without noise.

        With averaged weights if there are any; ``direction="yx"``: from b to a.
        """
        here, there = (DOMAINS[name] for name in direction)
        with inference(self.averaged["E"]) as E, inference(self.averaged["G"]) as G:
            fake_y = G(E(x, here), there)
            return {"fake_y": fake_y, "rec_x": G(E(fake_y, there), here)}
