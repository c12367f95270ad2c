"""BiGAN/ALI as CycleGAN compares itself with it: two translators, one D that judges pairs.

    min_{G_xy, G_yx} max_D  E_y[log D(G_yx(y), y)] + E_x[log(1 - D(x, G_xy(x)))]     (sec. 5.1.1)

In the originals (Donahue et al., Dumoulin et al.: both ICLR 2017) x is the code z of the image y,
G_xy the generator and G_yx the encoder. Where D cannot tell the two kinds of pair apart, they are
inverse to each other. All but the objective is CycleGAN's, with its least squares and its pool,
which keeps pairs. D sees two images, hence its 6 channels. D learns first, then the generators.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from course_lib import losses
from course_lib.methods import cyclegan
from course_lib.methods.base import Method, TrainingConfig, check_patches, option
from course_lib.methods.image_pool import ImagePool
from course_lib.networks import PatchGAN, ResNetGenerator


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1], a multiple of 4."""

    REMOVED: ClassVar = {"gan_loss": "least-squares", "lambda_d": 0.5}

    base_channels: int = 64
    n_blocks: int = 9  # 6 at 128 px
    upsampling: Literal["transposed", "resize-conv"] = "transposed"
    d_base_channels: int = 64
    d_layers: int = option(3, zero=True)  # 70 px patches
    pool_size: int = option(50, zero=True)  # pairs (x, fake_y); 0 is none
    decay_from: float = 0.5

    def __post_init__(self):
        check_patches(self.image_size, self.d_layers)


# CycleGAN's, so that the two differ in the objective alone
_NAMES = {field.name for field in fields(Config)}
PRESETS = {
    preset: {name: value for name, value in values.items() if name in _NAMES}
    for preset, values in cyclegan.PRESETS.items()
}


class BiGAN(Method):
    """Two generators, one D, their optimisers and one training step; images (B, 3, S, S)."""

    Config, PRESETS, directions = Config, PRESETS, ("xy", "yx")
    translate = cyclegan.CycleGAN.translate

    def __init__(self, config: Any = None, device: torch.device | str = "cpu", bf16: bool = False):
        super().__init__(config, device, bf16)
        cfg = self.config
        sizes = cfg.base_channels, cfg.n_blocks, cfg.upsampling
        self.G_xy, self.G_yx = ResNetGenerator(*sizes), ResNetGenerator(*sizes)
        self.D = PatchGAN(6, cfg.d_base_channels, cfg.d_layers, "instance")
        self.pool = ImagePool(cfg.pool_size, cfg.image_size, channels=6)
        self.networks = {"G_xy": self.G_xy, "G_yx": self.G_yx, "D": self.D, "pool": self.pool}
        self.to_device("instance")
        self.keep_averages("G_xy", "G_yx")
        self.opt_G, self.opt_D = self.adam(self.G_xy, self.G_yx), self.adam(self.D)
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}

    def judge(self, x: Tensor, y: Tensor) -> Tensor:
        """D's map of logits: high where y is real and x = G_yx(y), low where y is G_xy(x)."""
        return self.run(self.D, torch.cat([x, y], dim=1))  # (B, 6, S, S) -> (B, 1, h, w)

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of both generators. Returns the unweighted terms."""
        x, y = batch["x"], batch["y"]
        fake_y, fake_x = self.run(self.G_xy, x), self.run(self.G_yx, y)  # (B, 3, S, S)

        # 1. D learns to tell (fake_x, y) from pairs (x, fake_y), old and new, out of the pool.
        self.D.requires_grad_(True)
        self.opt_D.zero_grad()
        old_x, old_fake_y = self.pool.query(torch.cat([x, fake_y], dim=1)).split(3, dim=1)
        d_real = losses.least_squares_real(self.judge(fake_x.detach(), y))
        d_fake = losses.least_squares_fake(self.judge(old_x, old_fake_y))
        (0.5 * (d_real + d_fake)).backward()  # halved, as CycleGAN's
        self.opt_D.step()

        # 2. G_xy wants its pair taken for a real one, G_yx its pair for a fake. D is frozen.
        self.D.requires_grad_(False)
        self.opt_G.zero_grad()
        g_gan_y = losses.least_squares_generator(self.judge(x, fake_y))
        g_gan_x = losses.least_squares_fake(self.judge(fake_x, y))
        (g_gan_y + g_gan_x).backward()
        self.opt_G.step()

        self.update_averages()
        terms = {"d_real_y": d_real, "d_fake_y": d_fake, "g_gan_y": g_gan_y, "g_gan_x": g_gan_x}
        return {name: term.detach() for name, term in terms.items()}
