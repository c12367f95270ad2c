"""CoGAN: a joint distribution of x and y from unpaired images (Liu and Tuzel: NIPS 2016).

    min_{G_x, G_y} max_{D_x, D_y}  E_x[log D_x(x)] + E_z[log(1 - D_x(G_x(z)))]
                                 + E_y[log D_y(y)] + E_z[log(1 - D_y(G_y(z)))]       (section 3)

Two DCGANs fed with the same z. What ties x to y is that the first layers of G_x and G_y are the
same layers, and so are the last of D_x and D_y. To translate,

    z* = arg min_z ||G_x(z) - x||_1,    y = G_y(z*)

The paper leaves the distance open; here it is L1, and Adam starts at the nearest of many draws.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import losses
from course_lib.errors import CourseError
from course_lib.methods.base import Method, TrainingConfig
from course_lib.networks import DCGANDiscriminator, DCGANGenerator
from course_lib.networks.blocks import inference

OWN = 2  # upsamplings of G and convolutions of D that belong to one domain; the rest is shared
STARTS, RATE = (
    256,
    0.1,
)  # of the search for z: draws, of which the nearest is taken, and Adam's rate


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    REMOVED: ClassVar = {
        "gan_loss": "log", "own_layers": OWN, "search_starts": STARTS, "search_lr": RATE,
    }  # fmt: skip

    image_size: int = 64
    z_dim: int = 100  # each entry is drawn from U(-1, 1)
    base_channels: int = 128
    upsampling: Literal["transposed", "resize-conv"] = "transposed"
    d_base_channels: int = 128
    search_steps: int = 200  # of Adam, from the nearest draw
    jitter: Literal["resize", "affine", "none", "auto"] = "none"
    flip: Literal["on", "off", "auto"] = "off"
    batch_size: int = 128

    def __post_init__(self):
        if self.image_size < 32:
            raise CourseError(
                f"CoGAN needs images of at least 32 px to share layers, got {self.image_size}",
                "Config",
                "choose 32, 64 or 128",
            )


# What fits a machine and a few minutes. The colours of label maps lie far out in tanh: a G with a
# lower rate does not reach them.
_SMALL = {
    "upsampling": "resize-conv", "d_base_channels": 16, "search_steps": 30, "flip": "auto",
    "batch_size": 16, "lr": 3e-3, "beta2": 0.99, "decay_from": 0.5, "average": 0.99,
}  # fmt: skip
_TINY = {"image_size": 32, "base_channels": 8, "d_base_channels": 8, "batch_size": 4}


class CoGAN(Method):
    """G and D (each a coupled pair), their optimisers, one training step and the search."""

    Config, directions = Config, ("xy", "yx")
    PRESETS: ClassVar = {
        "paper": {},
        "smoke": _SMALL | _TINY | {"search_steps": 5},
        "cpu": _SMALL | {"base_channels": 32},
        "gpu": _SMALL | {"base_channels": 64, "d_base_channels": 32, "lr": 1e-3},
    }

    def __init__(self, config: Any = None, device: torch.device | str = "cpu", bf16: bool = False):
        super().__init__(config, device, bf16)
        cfg = self.config
        sizes = cfg.image_size, cfg.z_dim, cfg.base_channels, cfg.upsampling
        x, y = DCGANGenerator(*sizes).layers, DCGANGenerator(*sizes).layers
        end = len(x) - 1 - 3 * OWN  # each upsampling has a norm and a ReLU before it; tanh is last
        self.G = nn.ModuleDict({"shared": x[:end], "x": x[end:], "y": y[end:]})
        sizes = cfg.image_size, cfg.d_base_channels
        x, y = DCGANDiscriminator(*sizes).layers, DCGANDiscriminator(*sizes).layers
        end = 3 * OWN - 1  # convolution, norm, leaky ReLU; the first has no norm
        self.D = nn.ModuleDict({"x": x[:end], "y": y[:end], "shared": x[end:]})
        self.networks = {"G": self.G, "D": self.D}
        self.to_device()
        self.keep_averages("G")
        self.opt_G, self.opt_D = self.adam(self.G), self.adam(self.D)
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}

    def noise(self, n: int) -> Float[Tensor, "n z_dim"]:
        """n draws of z from the prior."""
        return torch.rand(n, self.config.z_dim, device=self.device) * 2 - 1

    def images(self, G: nn.ModuleDict, z: Tensor, domains: str = "xy") -> list[Tensor]:
        """G_x(z) and G_y(z), or those of ``domains``: (B, z_dim) -> (B, 3, S, S) each."""
        h = G["shared"](z[:, :, None, None])  # (B, z, 1, 1) -> (B, c, S/4, S/4)
        return [G[domain](h) for domain in domains]

    def judge(self, image: Float[Tensor, "b 3 s s"], domain: str) -> Float[Tensor, "b 1"]:
        """D_x's or D_y's logit for each image."""
        return self.run(nn.Sequential(self.D[domain], self.D["shared"]), image)

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of both discriminators, then one of both generators. Returns the terms."""
        x, y = batch["x"], batch["y"]
        with self.autocast:
            fakes = self.images(self.G, self.noise(len(x)))
        fake_x, fake_y = (fake.float() for fake in fakes)

        # 1. D_x and D_y learn, each in its own domain. Detached: nothing of this reaches G.
        self.D.requires_grad_(True)
        self.opt_D.zero_grad()
        d = {
            "d_real_x": losses.log_real(self.judge(x, "x")),
            "d_fake_x": losses.log_fake(self.judge(fake_x.detach(), "x")),
            "d_real_y": losses.log_real(self.judge(y, "y")),
            "d_fake_y": losses.log_fake(self.judge(fake_y.detach(), "y")),
        }
        sum(d.values()).backward()
        self.opt_D.step()

        # 2. G_x and G_y learn to fool the updated D, which is frozen. Both move the shared layers.
        self.D.requires_grad_(False)
        self.opt_G.zero_grad()
        g = {
            "g_gan_x": losses.log_generator(self.judge(fake_x, "x")),
            "g_gan_y": losses.log_generator(self.judge(fake_y, "y")),
        }
        sum(g.values()).backward()
        self.opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d | g).items()}

    @torch.no_grad()
    def search(self, image: Float[Tensor, "b 3 s s"], domain: str) -> Float[Tensor, "b z_dim"]:
        """z*, whose image in ``domain`` is near to ``image``.

        It stays where the prior draws: further out its partner in the other domain is no image.
        """
        with inference(self.averaged["G"]) as G:
            starts = self.noise(STARTS)
            (near,) = self.images(G, starts, domain)
            distance = torch.cdist(image.flatten(1), near.flatten(1), p=1)  # (B, starts)
            z = starts[distance.argmin(dim=1)].requires_grad_()  # (B, z)
            adam = torch.optim.Adam([z], RATE)
            for _ in range(self.config.search_steps):
                with torch.enable_grad():
                    (made,) = self.images(G, z, domain)
                    error = (made - image).abs().mean((1, 2, 3)).sum()
                (z.grad,) = torch.autograd.grad(error, z)  # the weights keep their gradients
                adam.step()
                z.clamp_(-1, 1)
        return z.detach()

    @torch.no_grad()
    def translate(self, x: Float[Tensor, "b 3 s s"], direction: str = "xy") -> dict[str, Tensor]:
        """``{"fake_y": G_y(z*), "rec_x": G_x(z*)}``, by averaged weights if there are any.

        ``direction="yx"``: the input is a y, and ``fake_y`` its translation to x.
        """
        z = self.search(x, direction[0])
        with inference(self.averaged["G"]) as G:
            rec_x, fake_y = self.images(G, z, direction)
        return {"fake_y": fake_y, "rec_x": rec_x}
