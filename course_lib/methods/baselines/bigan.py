"""BiGAN/ALI as CycleGAN's comparison adapts it: two translators, one D that judges pairs (CycleGAN, section 5.1.1).

    min_{G_xy, G_yx} max_D  E_y[log D(G_yx(y), y)] + E_x[log(1 - D(x, G_xy(x)))]

In the originals (Donahue et al. and Dumoulin et al.: both ICLR 2017) a generator maps z to an image, an encoder maps
back, and D sees both together. Here x takes the place of z: G_xy is the generator, G_yx the encoder. Neither is asked
to undo the other; where D can no longer tell the two kinds of pair apart, they are inverse to each other.

As in that comparison, all but the objective is CycleGAN's: its ResNet, its optimiser, least squares for the log loss.
D must see two images, hence its 6 channels, and the pool keeps pairs (x, G_xy(x)). D learns first, then the generators.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import losses
from course_lib.errors import CourseError
from course_lib.methods import cyclegan
from course_lib.methods.base import Method, TrainingConfig, check_patches, may_be_zero
from course_lib.methods.image_pool import ImagePool
from course_lib.networks import PatchGAN, ResNetGenerator
from course_lib.networks.blocks import inference


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    # networks
    base_channels: int = 64
    n_blocks: int = 9  # 6 at 128 px
    upsampling: Literal["transposed", "resize-conv"] = "transposed"
    d_base_channels: int = 64
    d_layers: int = may_be_zero(3)  # 70 px patches
    # objective
    gan_loss: Literal["log", "least-squares"] = "least-squares"
    lambda_d: float = 0.5
    pool_size: int = may_be_zero(50)  # pairs (x, fake_y); 0 is none
    # training
    decay_from: float = 0.5

    def __post_init__(self):
        if self.image_size % 4 or self.image_size < 16:
            what = f"image_size must be a multiple of 4 and at least 16, got {self.image_size}"
            raise CourseError(what, "Config", "choose 32, 64, 128 or 256")
        check_patches(self.image_size, self.d_layers)


# CycleGAN's, so that the two differ in the objective alone.
PRESETS: dict[str, dict] = {
    name: {
        key: cyclegan.PRESETS[name][key]
        for key in Config.__dataclass_fields__
        if key in cyclegan.PRESETS[name]
    }
    for name in ("paper", "smoke", "cpu", "gpu")
}


class BiGAN(Method):
    """Two generators, one discriminator, their optimisers and one training step. Images (B, 3, S, S) in [-1, 1]."""

    Config, PRESETS, directions = Config, PRESETS, ("xy", "yx")
    REVISION = 2  # pairs are pooled, and D learns first

    def __init__(
        self, config: Config | None = None, device: torch.device | str = "cpu", bf16: bool = False
    ):
        super().__init__(config, device, bf16)
        cfg = self.config
        g = (cfg.base_channels, cfg.n_blocks, cfg.upsampling)
        self.G_xy, self.G_yx = ResNetGenerator(*g), ResNetGenerator(*g)
        self.D = PatchGAN(6, cfg.d_base_channels, cfg.d_layers, "instance")
        self.pool = ImagePool(cfg.pool_size, cfg.image_size, channels=6)
        self.networks = {"G_xy": self.G_xy, "G_yx": self.G_yx, "D": self.D, "pool": self.pool}
        self.place("instance")
        self.keep_averages("G_xy", "G_yx")
        self.opt_G, self.opt_D = self.adam(self.G_xy, self.G_yx), self.adam(self.D)
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}

    def judge(
        self, x: Float[Tensor, "b 3 s s"], y: Float[Tensor, "b 3 s s"]
    ) -> Float[Tensor, "b 1 h w"]:
        """D's map of logits for the pair: high where y is real and x its encoding, low where y is G_xy(x)."""
        return self.run(self.D, torch.cat([x, y], dim=1))  # (B, 6, S, S) -> (B, 1, h, w)

    def discriminator_terms(
        self, x: Tensor, y: Tensor, fake_x: Tensor, fake_y: Tensor
    ) -> dict[str, Float[Tensor, ""]]:
        """What D minimises, unweighted: ``d_real_y`` on (fake_x, y), ``d_fake_y`` on (x, fake_y). Detach the fakes."""
        real_loss, fake_loss, _ = losses.GAN_LOSSES[self.config.gan_loss]
        return {
            "d_real_y": real_loss(self.judge(fake_x, y)),
            "d_fake_y": fake_loss(self.judge(x, fake_y)),
        }

    def generator_terms(
        self, x: Tensor, y: Tensor, fake_x: Tensor, fake_y: Tensor
    ) -> dict[str, Float[Tensor, ""]]:
        """What the generators minimise, unweighted: each wants its pair taken for the other's.

        ``g_gan_y`` moves G_xy alone, non-saturating. ``g_gan_x`` moves G_yx alone: its pair shall look like a fake one.
        """
        _, fake_loss, generator_loss = losses.GAN_LOSSES[self.config.gan_loss]
        return {
            "g_gan_y": generator_loss(self.judge(x, fake_y)),
            "g_gan_x": fake_loss(self.judge(fake_x, y)),
        }

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of both generators. ``batch``: x, y (B, 3, S, S), unpaired."""
        cfg, D, opt_G, opt_D, x, y = (
            self.config,
            self.D,
            self.opt_G,
            self.opt_D,
            batch["x"],
            batch["y"],
        )

        # 1. Translate both ways. Both updates look at these fakes.
        fake_y, fake_x = self.run(self.G_xy, x), self.run(self.G_yx, y)  # (B, 3, S, S)

        # 2. D learns to tell (G_yx(y), y) from pairs (x, G_xy(x)), old and new, out of the pool. All are detached.
        D.requires_grad_(True)
        opt_D.zero_grad()
        old_x, old_fake_y = self.pool.query(torch.cat([x, fake_y], dim=1)).split(3, dim=1)
        d = self.discriminator_terms(old_x, y, fake_x.detach(), old_fake_y)
        (cfg.lambda_d * (d["d_real_y"] + d["d_fake_y"])).backward()
        opt_D.step()

        # 3. G_xy and G_yx learn together: make their two kinds of pair alike to the updated D, which is frozen.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g = self.generator_terms(x, y, fake_x, fake_y)
        (g["g_gan_y"] + g["g_gan_x"]).backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d | g).items()}

    @torch.no_grad()
    def translate(
        self, x: Float[Tensor, "b 3 h w"], direction: str = "xy"
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G_xy(x), "rec_x": G_yx(G_xy(x))}`` in float32, with averaged weights if there are any.

        ``direction="yx"``: the input is a y; its translation is still called ``fake_y``.
        """
        there, back = self.averaged[f"G_{direction}"], self.averaged[f"G_{direction[::-1]}"]
        with inference(there), inference(back):
            fake_y = there(x)
            return {"fake_y": fake_y, "rec_x": back(fake_y)}
