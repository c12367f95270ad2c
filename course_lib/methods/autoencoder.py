"""The autoencoder of latent diffusion (VQGAN: Esser, Rombach, Ommer, CVPR 2021; smaller).

Image generators of today work on codes: E makes one of an image, and the decoder Q turns it back.
Where the code has lost something, Q has to fill it in, and a discriminator says how well:

    L_kept(E, Q) = E||y - Q(E(y))||_1 + lambda_features * perceptual(Q(E(y)), y)
    L_GAN(E, Q)  = E[-log D(Q(E(y)))]
    L            = L_kept + lambda_gan * w * L_GAN

w is the ratio of the gradients' lengths at Q's last layer, see losses.adaptive_weight: it makes
both terms pull alike, whatever their units. D, a PatchGAN, sees images alone. The authors' D
minimises a hinge loss and comes in late; here it has pix2pix's log loss, and whoever wants it late
trains without it first, and goes on from there (--start). Rows to compare:

    L1                  lambda_features=0, lambda_gan=0
    L1 + features       lambda_gan=0

Of the data it takes the images of y, with pairs or without.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import losses
from course_lib.methods.base import (
    Method,
    Terms,
    TrainingConfig,
    check_patches,
    network,
    objective,
    require,
)
from course_lib.networks import PatchGAN
from course_lib.networks.autoencoder import Autoencoder
from course_lib.networks.blocks import inference, init_weights
from course_lib.networks.efficientnet import load_photo_features


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1].

    No paper has this small network. VQGAN's code has lambda_gan=1, which kept D at chance here:
    where D knows little, w makes its noise as loud as all that is to be kept.
    """

    base_channels: int = network(64, "of the largest maps; smaller ones have 2 and 4 times as many")
    d_base_channels: int = network(64, "of D's first layer")
    d_layers: int = network(3, "of stride 2 in D; 3: 70 px patches, 0: single pixels", zero=True)
    lambda_gan: float = objective(0.2, "weight of the adversarial term, beside the adaptive one")
    lambda_features: float = objective(1.0, "weight of the distance in ImageNet's features")
    noise: float = objective(0.05, "added to codes, so that similar ones decode alike")
    image_size: int = 128
    batch_size: int = 8
    lr: float = 1e-3
    decay_from: float = 0.5
    average: float = 0.995

    def __post_init__(self):
        require(
            self.image_size % 8 == 0 and self.base_channels % 8 == 0,
            "image_size and base_channels must be multiples of 8, "
            f"got {self.image_size}, {self.base_channels}",
            "choose 64, 128 or 256 px, and 16, 32 or 64 channels",
        )
        check_patches(self.image_size, self.d_layers)


_SMALL = {"jitter": "auto", "flip": "auto", "d_layers": 2}
PRESETS: dict[str, dict] = {
    "paper": {},  # there is none of this size
    "smoke": _SMALL | {"image_size": 32, "base_channels": 8, "d_base_channels": 8, "batch_size": 4},
    "cpu": _SMALL | {"base_channels": 24, "d_base_channels": 16, "batch_size": 4},
    "gpu": {"jitter": "auto", "flip": "auto", "batch_size": 16},
}


class LatentAutoencoder(Method):
    """G, which is E and Q, D, their optimisers and one training step.

    Images are (B, 3, S, S) in [-1, 1].
    """

    Config, PRESETS, single, d_output, is_one_network = Config, PRESETS, True, "logit", True

    def build(self, cfg: Config) -> None:
        self.G = Autoencoder(cfg.base_channels)
        # A norm would hide from D how strong a texture is, which is what blur takes away
        self.D = init_weights(PatchGAN(3, cfg.d_base_channels, cfg.d_layers, "none"), "kaiming")
        self.networks = {"G": self.G, "D": self.D}
        self.to_device("group")
        self.keep_averages("G")
        self.opt_G, self.opt_D = self.adam(self.G), self.adam(self.D)
        # Loaded here, so that no step waits for it
        self.through_lite0, self.see = cfg.lambda_features > 0, load_photo_features(self.device)

    def discriminator_terms(self, y: Tensor, fake_y: Tensor) -> dict[str, Float[Tensor, ""]]:
        """What D minimises, unweighted. Pass fake_y detached."""
        real, fake = self.run_batched(self.D, y, fake_y)  # maps of logits
        return {"d_real": losses.log_real(real), "d_fake": losses.log_fake(fake)}

    def generator_terms(self, y: Tensor, fake_y: Tensor) -> dict[str, Float[Tensor, ""]]:
        """What E and Q minimise, unweighted."""
        terms = Terms(g_l1=losses.l1(fake_y, y))
        if self.config.lambda_features:
            terms["g_features"] = losses.perceptual(self.see(fake_y), self.see(y))
        if self.config.lambda_gan:
            terms["g_gan"] = losses.log_generator(self.run(self.D, fake_y))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of E and Q. ``batch``: y (B, 3, S, S). Returns the terms."""
        cfg, G, D, opt_G, opt_D = self.config, self.G, self.D, self.opt_G, self.opt_D
        y, d_terms = batch["y"], {}

        # 1. Encode, and decode from nearby. Both updates look at this image.
        codes = self.run(G.encode, y)  # (B, 8, S/8, S/8)
        fake_y = self.run(G.decode, codes + cfg.noise * torch.randn_like(codes))  # (B, 3, S, S)

        # 2. D learns to tell y from fake_y. Detached: nothing of this reaches G.
        if cfg.lambda_gan:
            D.requires_grad_(True)
            opt_D.zero_grad()
            d_terms = self.discriminator_terms(y, fake_y.detach())
            loss_D = 0.5 * (d_terms["d_real"] + d_terms["d_fake"])
            loss_D.backward()
            opt_D.step()

        # 3. G learns to keep y and to fool D, which is frozen. Both pull alike at its last layer.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g_terms = self.generator_terms(y, fake_y)
        loss_G = g_terms["g_l1"] + cfg.lambda_features * g_terms["g_features"]
        if "g_gan" in g_terms:
            weight = losses.adaptive_weight(loss_G, g_terms["g_gan"], G.last)
            loss_G = loss_G + cfg.lambda_gan * weight * g_terms["g_gan"]
        loss_G.backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d_terms | g_terms).items()}

    @torch.no_grad()
    def translate(
        self, x: Float[Tensor, "b 3 s s"], z: Tensor | None = None, direction: str = "xy"
    ) -> dict[str, Float[Tensor, "b 3 s s"]]:
        """``{"fake_y": Q(E(x))}`` in float32: the images, as they come back."""
        self.check_asked(z, direction)
        with inference(self.averaged["G"]) as G:
            return {"fake_y": G(x)}

    def translate_batch(self, batch: dict, direction: str = "xy") -> dict[str, Tensor]:
        """What comes back of y, to be compared with it."""
        return self.translate(batch["y"].to(self.device))

    def discriminators(self) -> dict[str, tuple[str, nn.Module, int]]:
        return {"D": ("y", self.D, 0)}
