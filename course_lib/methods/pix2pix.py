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
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import losses
from course_lib.data import colours
from course_lib.errors import CourseError
from course_lib.methods.base import (
    Method,
    TrainingConfig,
    added,
    check_patches,
    check_penalties,
    may_be_zero,
)
from course_lib.networks import EncoderDecoder, PatchGAN, ResNetGenerator, UNet
from course_lib.networks.blocks import inference

GENERATORS = {"unet": UNet, "encoder-decoder": EncoderDecoder}


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    # networks
    generator: Literal["unet", "encoder-decoder", "resnet"] = "unet"
    n_blocks: int = 6  # of the resnet, CycleGAN's generator, which has no dropout
    base_channels: int = 64
    levels: int = added(0)  # of the U-Net; 0: down to one pixel
    upsampling: Literal["transposed", "resize-conv"] = "transposed"
    norm: Literal["batch", "instance"] = "batch"
    in_channels: Literal[1, 3] = added(3)  # 1: of a grey x; these two follow the data set
    out_channels: Literal[1, 2, 3] = added(
        3
    )  # 1: y is grey; 2: a and b of Lab, the paper's colourisation
    dropout: float = 0.5  # the only noise of pix2pix, in the first three decoder blocks
    conditional: bool = True  # D sees (x, y); False: y alone
    d_base_channels: int = 64
    d_layers: int = may_be_zero(3)  # 70 px patches
    # objective
    gan_loss: Literal["log", "least-squares", "relativistic"] = "log"
    lambda_gan: float = 1.0
    lambda_l1: float = 100.0
    lambda_r1: float = added(0.0)  # penalty on the slope of D at real pairs; R3GAN's gamma / 2
    lambda_r2: float = added(0.0)  # the same at fakes
    lambda_d: float = 0.5  # "we divide the objective by 2 while optimizing D"
    # at test time the paper leaves dropout on and normalises with the test batch's own statistics
    test_dropout: bool = True
    test_batch_statistics: bool = True

    def __post_init__(self):
        if not self.lambda_gan and not self.lambda_l1:
            raise CourseError(
                "lambda_gan and lambda_l1 are both 0", "Config", "G needs at least one term"
            )
        check_patches(self.image_size, self.d_layers)
        check_penalties(self.lambda_r1 or self.lambda_r2, self.norm, "norm=instance")


# What fits a machine and a few minutes: overrides of the paper's defaults, chosen on the validation emoji.
_SMALL = {
    "upsampling": "resize-conv",  # no checkerboard
    "dropout": 0.0,  # slows a short training
    "jitter": "auto",
    "flip": "auto",
    "batch_size": 16,
    "lr": 1.2e-3,
    "beta2": 0.99,
    "decay_from": 0.5,
    "average": 0.998,
    "test_dropout": False,
    "test_batch_statistics": False,
}
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL
    | {"image_size": 32, "base_channels": 8, "d_base_channels": 8, "d_layers": 2, "batch_size": 4},
    # Chosen for five minutes of two cores: 64 px comes a few per cent nearer by L1, and 128 px looks better. No longer
    # to be changed: stored pictures, tables and times are of these values.
    "cpu": _SMALL
    | {"image_size": 128, "base_channels": 24, "d_base_channels": 16, "batch_size": 8},
    # of the tables in notebooks/sweeps and of the shipped weights
    "cpu-64": _SMALL
    | {"image_size": 64, "base_channels": 32, "d_base_channels": 16, "d_layers": 2},
    "gpu": _SMALL | {"image_size": 128, "base_channels": 64, "d_base_channels": 32},
}


class Pix2Pix(Method):
    """G, D, their optimisers and one training step. ``bf16`` runs the networks in bfloat16; losses stay float32."""

    Config, PRESETS, needs_pairs = Config, PRESETS, True
    REVISION = 2  # batch norm's statistics are averaged

    def __init__(
        self, config: Config | None = None, device: torch.device | str = "cpu", bf16: bool = False
    ):
        super().__init__(config, device, bf16)
        cfg = self.config
        sizes = {"base_channels": cfg.base_channels, "norm": cfg.norm, "upsampling": cfg.upsampling}
        sizes |= {"in_channels": cfg.in_channels, "out_channels": cfg.out_channels}
        if cfg.generator == "resnet":
            self.G = ResNetGenerator(n_blocks=cfg.n_blocks, **sizes)
        else:
            sizes |= {"image_size": cfg.image_size, "levels": cfg.levels}
            self.G = GENERATORS[cfg.generator](dropout=cfg.dropout, **sizes)
        judged = cfg.in_channels * cfg.conditional + cfg.out_channels
        self.D = PatchGAN(judged, cfg.d_base_channels, cfg.d_layers, cfg.norm)
        self.networks = {"G": self.G, "D": self.D}
        self.place(cfg.norm)
        self.keep_averages("G")
        self.opt_G, self.opt_D = self.adam(self.G), self.adam(self.D)
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}

    def as_seen(
        self, x: Float[Tensor, "b 3 h w"], y: Float[Tensor, "b 3 h w"]
    ) -> tuple[Tensor, Tensor]:
        return colours.seen(x, y, (self.config.in_channels, self.config.out_channels))

    def judge(
        self, x: Float[Tensor, "b _ s s"], y: Float[Tensor, "b _ s s"]
    ) -> Float[Tensor, "b 1 h w"]:
        """D's map of logits for y, given x if D is conditional; both as :meth:`as_seen`."""
        seen = torch.cat([x, y], dim=1) if self.config.conditional else y
        return self.run(self.D, seen)  # (B, 6, S, S) -> (B, 1, h, w)

    def discriminator_terms(
        self, x: Tensor, y: Tensor, fake_y: Tensor
    ) -> dict[str, Float[Tensor, ""]]:
        """What D minimises, unweighted: ``d_real`` on (x, y) and ``d_fake`` on (x, fake_y), or ``d_pair`` on both.

        And ``d_r1``, ``d_r2``, if they have a weight. Pass fake_y detached.
        """
        cfg = self.config
        y = y.detach().requires_grad_() if cfg.lambda_r1 else y
        fake_y = fake_y.detach().requires_grad_() if cfg.lambda_r2 else fake_y
        real, fake = self.judge(x, y), self.judge(x, fake_y)
        if cfg.gan_loss == "relativistic":
            terms = {"d_pair": losses.relativistic(real, fake)}
        else:
            real_loss, fake_loss, _ = losses.GAN_LOSSES[cfg.gan_loss]
            terms = {"d_real": real_loss(real), "d_fake": fake_loss(fake)}
        if cfg.lambda_r1:
            terms["d_r1"] = losses.gradient_penalty(real, y)
        if cfg.lambda_r2:
            terms["d_r2"] = losses.gradient_penalty(fake, fake_y)
        return terms

    def generator_terms(self, x: Tensor, y: Tensor, fake_y: Tensor) -> dict[str, Float[Tensor, ""]]:
        """What G minimises, unweighted: ``g_gan`` (non-saturating) and ``g_l1``. A term of weight 0 is not computed."""
        terms, relative = {}, self.config.gan_loss == "relativistic"
        if self.config.lambda_gan and relative:
            terms["g_gan"] = losses.relativistic(self.judge(x, fake_y), self.judge(x, y))
        elif self.config.lambda_gan:
            _, _, generator_loss = losses.GAN_LOSSES[self.config.gan_loss]
            terms["g_gan"] = generator_loss(self.judge(x, fake_y))
        if self.config.lambda_l1:
            terms["g_l1"] = losses.l1(fake_y, y)
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of G (section 3.3). ``batch``: x, y (B, 3, S, S). Returns the unweighted terms."""
        cfg, G, D, opt_G, opt_D, terms = self.config, self.G, self.D, self.opt_G, self.opt_D, {}
        x, y = self.as_seen(batch["x"], batch["y"])

        # 1. Translate once. Both updates look at this fake.
        fake_y = self.run(G, x)  # (B, 3, S, S)

        # 2. D learns to tell (x, y) from (x, fake_y). Detached: nothing of this reaches G.
        if cfg.lambda_gan:
            D.requires_grad_(True)
            opt_D.zero_grad()
            d = self.discriminator_terms(x, y, fake_y.detach())
            weights = {"d_r1": cfg.lambda_r1, "d_r2": cfg.lambda_r2}
            sum(weights.get(name, cfg.lambda_d) * term for name, term in d.items()).backward()
            opt_D.step()
            terms |= d

        # 3. G learns to fool the updated D, which is frozen, and to stay close to y.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g = self.generator_terms(x, y, fake_y)
        loss_G = cfg.lambda_gan * g.get("g_gan", 0.0) + cfg.lambda_l1 * g.get("g_l1", 0.0)
        loss_G.backward()
        opt_G.step()
        terms |= g

        self.update_averages()
        return {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def translate(
        self,
        x: Float[Tensor, "b 3 h w"],
        dropout: bool | None = None,
        batch_statistics: bool | None = None,
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G(x)}`` in float32, with the averaged weights if there are any; changes no state.

        ``dropout`` and ``batch_statistics`` say whether they act as in training; None takes the configuration's choice.
        """
        cfg = self.config
        dropout = cfg.test_dropout if dropout is None else dropout
        batch_statistics = (
            cfg.test_batch_statistics if batch_statistics is None else batch_statistics
        )
        with inference(self.averaged["G"], dropout, batch_statistics) as G:
            return {"fake_y": colours.painted(G(self.as_seen(x, x)[0]), x)}

    def discriminators(self) -> dict[str, tuple[str, torch.nn.Module, int]]:
        return {"D": ("y", self.D, 0)}
