"""pix2pix: image-to-image translation with pairs (Isola, Zhu, Zhou, Efros: CVPR 2017).

    L_cGAN(G, D) = E_{x,y}[log D(x, y)] + E_x[log(1 - D(x, G(x)))]          (eq. 1)
    L_L1(G)      = E_{x,y} ||y - G(x)||_1                                   (eq. 3)
    G*           = arg min_G max_D  L_cGAN(G, D) + lambda * L_L1(G)         (eq. 4)

The defaults are the paper's. Every row of its ablation tables is a value of :class:`Config`:

    L1                  lambda_gan=0
    GAN, cGAN           lambda_l1=0, conditional=False or True
    L1 + GAN            conditional=False
    encoder-decoder     generator="encoder-decoder"
    patch 1 .. 286 px   d_layers=0 .. 5

With DiffAugment D sees T(x, y) and T(x, G(x)) in place of both pairs (diff_augment.py), and a
perceptual distance to y is a later paper's (Johnson, Alahi, Fei-Fei: ECCV 2016):

    for few pairs       diff_augment=True
    with features       lambda_features=20
"""

from dataclasses import dataclass
from typing import Literal

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
from course_lib.methods.diff_augment import diff_augment
from course_lib.networks.blocks import inference
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.generators import UNet
from course_lib.networks.resnet import ResNetGenerator


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    generator: Literal["unet", "encoder-decoder", "resnet"] = network(
        "unet", "the second has no skips"
    )
    n_blocks: int = network(6, "of the resnet, CycleGAN's generator, which has no dropout")
    base_channels: int = network(64, "of G's first layer; deeper ones have up to 8 times as many")
    levels: int = network(0, "of the U-Net; 0: down to one pixel", zero=True)
    upsampling: Literal["transposed", "resize-conv", "bilinear"] = network(
        "transposed", "the others: no checkerboard from G"
    )
    norm: Literal["batch", "instance"] = network("batch", "of G and D")
    dropout: float = network(0.5, "the only noise of pix2pix, in the first three decoder blocks")
    conditional: bool = network(True, "D sees (x, y); False: y alone")
    d_base_channels: int = network(64, "of D's first layer")
    d_layers: int = network(3, "of stride 2 in D; 3: 70 px patches, 0: single pixels", zero=True)
    d_blur: bool = network(False, "before every second pixel is taken in D, as in CUT")
    lambda_gan: float = objective(1.0, "weight of the adversarial term of G")
    lambda_l1: float = objective(100.0, "weight of the L1 distance to the true answer")
    lambda_features: float = objective(0.0, "weight of the distance to it in ImageNet's features")
    diff_augment: bool = objective(False, "D sees real and fake augmented: for few images")
    test_dropout: bool = objective(True, "translate() leaves dropout on, as in the paper")
    test_batch_statistics: bool = objective(True, "translate() uses its own batch's statistics")

    def __post_init__(self):
        require(
            self.lambda_gan or self.lambda_l1 or self.lambda_features,
            "lambda_gan, lambda_l1 and lambda_features are all 0",
            "G needs a term",
        )
        require(
            self.generator != "resnet" or self.image_size % 4 == 0,
            f"the resnet needs an image_size that is a multiple of 4, got {self.image_size}",
            "choose 32, 64, 128 or 256",
        )
        check_patches(self.image_size, self.d_layers)


# What fits a few minutes, chosen on validation emoji: no checkerboard, and no slow dropout
_SMALL = {
    "upsampling": "resize-conv", "dropout": 0.0, "jitter": "auto", "flip": "auto",
    "batch_size": 16, "lr": 1.2e-3, "beta2": 0.99, "decay_from": 0.5, "average": 0.998,
    "test_dropout": False, "test_batch_statistics": False,
}  # fmt: skip
_TINY = {"image_size": 32, "base_channels": 8, "d_base_channels": 8, "d_layers": 2, "batch_size": 4}
_CPU = {"image_size": 128, "base_channels": 24, "d_base_channels": 16, "batch_size": 8}
_CPU_64 = {"image_size": 64, "base_channels": 32, "d_base_channels": 16, "d_layers": 2}
# Of one photograph, in a browser (demo/static/train.js): what is sharpest after a minute there
_TAB = {
    "image_size": 128, "base_channels": 16, "levels": 4, "norm": "instance", "flip": "off",
    "d_base_channels": 8, "d_layers": 2, "batch_size": 1, "lr": 1e-3, "decay_from": 1.0,
    "average": 0.99, "lambda_l1": 50.0,
}  # fmt: skip
PRESETS: dict[str, dict] = {  # stored pictures, tables and times are of these values
    "paper": {},
    "smoke": _SMALL | _TINY,
    "cpu": _SMALL | _CPU,
    "cpu-64": _SMALL | _CPU_64,  # of the tables in notebooks/sweeps
    "tab": _SMALL | _TAB,
    "gpu": _SMALL | {"image_size": 128, "base_channels": 64, "d_base_channels": 32},
}


class Pix2Pix(Method):
    """G, D, their optimisers and one training step. Images are (B, 3, S, S) in [-1, 1]."""

    Config, PRESETS, needs_pairs, d_output = Config, PRESETS, True, "logit"
    is_one_network = True

    def build(self, cfg: Config) -> None:
        sizes = {"base_channels": cfg.base_channels, "norm": cfg.norm, "upsampling": cfg.upsampling}
        if cfg.generator == "resnet":
            self.G = ResNetGenerator(n_blocks=cfg.n_blocks, **sizes)
        else:
            sizes |= {"image_size": cfg.image_size, "levels": cfg.levels, "dropout": cfg.dropout}
            self.G = UNet(skips=cfg.generator == "unet", **sizes)
        channels = 6 if cfg.conditional else 3
        self.D = PatchGAN(channels, cfg.d_base_channels, cfg.d_layers, cfg.norm, cfg.d_blur)
        self.has_chance = cfg.test_dropout and cfg.dropout > 0 and cfg.generator != "resnet"
        self.mixes_batch = cfg.test_batch_statistics and cfg.norm == "batch"
        self.through_lite0 = cfg.lambda_features > 0
        self.networks = {"G": self.G, "D": self.D}
        self.to_device(cfg.norm)
        self.keep_averages("G")
        self.opt_G, self.opt_D = self.adam(self.G), self.adam(self.D)

    def judge(self, x: Tensor, y: Tensor) -> Float[Tensor, "b 1 h w"]:
        """D's map of logits for y, given x if D is conditional; of T(x, y) with DiffAugment."""
        pair = torch.cat([x, y], dim=1) if self.config.conditional else y
        pair = diff_augment(pair) if self.config.diff_augment else pair
        return self.run(self.D, pair)  # (B, 6, S, S) -> (B, 1, h, w)

    def discriminator_terms(self, x: Tensor, y: Tensor, fake_y: Tensor) -> dict[str, Tensor]:
        """What D minimises, unweighted: the two terms of eq. 1, negated. Pass fake_y detached."""
        real, fake = self.judge(x, y), self.judge(x, fake_y)
        return {"d_real": losses.log_real(real), "d_fake": losses.log_fake(fake)}

    def generator_terms(self, x: Tensor, y: Tensor, fake_y: Tensor) -> dict[str, Tensor]:
        """What G minimises, unweighted: ``g_gan``, non-saturating (section 3.3), eq. 3, and what
        was added since.
        """
        terms = Terms()
        if self.config.lambda_gan:
            terms["g_gan"] = losses.log_generator(self.judge(x, fake_y))
        if self.config.lambda_l1:
            terms["g_l1"] = losses.l1(fake_y, y)
        if self.config.lambda_features:
            see = self.photo_features()
            terms["g_features"] = losses.perceptual(see(fake_y), see(y))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of G (section 3.3). Returns the unweighted terms."""
        cfg, G, D, opt_G, opt_D = self.config, self.G, self.D, self.opt_G, self.opt_D
        x, y, d_terms = batch["x"], batch["y"], {}  # (B, 3, S, S)

        # 1. Translate once. Both updates look at this fake.
        fake_y = self.run(G, x)  # (B, 3, S, S)

        # 2. D learns to tell (x, y) from (x, fake_y). Detached: nothing of this reaches G.
        if cfg.lambda_gan:
            D.requires_grad_(True)
            opt_D.zero_grad()
            d_terms = self.discriminator_terms(x, y, fake_y.detach())
            loss_D = 0.5 * (d_terms["d_real"] + d_terms["d_fake"])  # eq. 1, divided by 2
            loss_D.backward()
            opt_D.step()

        # 3. G learns to fool the updated D, which is frozen, and to stay close to y (eq. 4).
        D.requires_grad_(False)
        opt_G.zero_grad()
        g_terms = Terms(self.generator_terms(x, y, fake_y))
        loss_G = cfg.lambda_gan * g_terms["g_gan"] + cfg.lambda_l1 * g_terms["g_l1"]
        loss_G = loss_G + cfg.lambda_features * g_terms["g_features"]
        loss_G.backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d_terms | g_terms).items()}

    @torch.no_grad()
    def translate(
        self,
        x: Tensor,
        z: Tensor | None = None,
        direction: str = "xy",
        *,
        dropout: bool | None = None,
        batch_statistics: bool | None = None,
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G(x)}``, by averaged weights if there are any. x is (B, 3, H, W).

        Dropout and batch statistics act as in training, or do not; None: as configured. x may lie
        on any device; the first line moves it to the method's.
        """
        x = self.take(x, z, direction)
        cfg = self.config
        noisy = cfg.test_dropout if dropout is None else dropout
        own = cfg.test_batch_statistics if batch_statistics is None else batch_statistics
        with inference(self.averaged["G"], noisy, own) as G:
            return {"fake_y": G(x)}

    def discriminators(self) -> dict[str, tuple[str, nn.Module, int]]:
        return {"D": ("y", self.D, 0)}
