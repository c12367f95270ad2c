"""CycleGAN: image-to-image translation without pairs (Zhu, Park, Isola, Efros: ICCV 2017).

    L_GAN(G_xy, D_y) = E_y[log D_y(y)] + E_x[log(1 - D_y(G_xy(x)))]                          (eq. 1)
    L_cyc            = E_x ||G_yx(G_xy(x)) - x||_1 + E_y ||G_xy(G_yx(y)) - y||_1             (eq. 2)
    L                = L_GAN(G_xy, D_y) + L_GAN(G_yx, D_x) + lambda * L_cyc                  (eq. 3)
    L_identity       = E_y ||G_xy(y) - y||_1 + E_x ||G_yx(x) - x||_1                         (section 5.2)

G_xy is the paper's G, G_yx its F. In training, least squares take the place of the logs (section 4). The defaults are
the paper's. Every row of its tables that uses these networks is a value of :class:`Config`:

    cycle alone             lambda_gan=0
    GAN alone               lambda_forward=0, lambda_backward=0
    GAN + forward cycle     lambda_backward=0
    GAN + backward cycle    lambda_forward=0
    SimGAN                  lambda_forward=0, lambda_backward=0, lambda_pixel=10
    feature loss + GAN      lambda_forward=0, lambda_backward=0, lambda_feature=10
    with identity loss      lambda_identity=5, or identity_share=0.5, as the authors' code has it
    CycleGAN + noise        noise_dim=8: a row of MUNIT's Table 1
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import losses
from course_lib.errors import CourseError
from course_lib.methods.base import Method, TrainingConfig, added, check_patches, may_be_zero
from course_lib.methods.image_pool import ImagePool
from course_lib.networks import PatchGAN, ResNetGenerator
from course_lib.networks.blocks import inference
from course_lib.networks.frozen import load_segmenter


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    # networks
    base_channels: int = 64
    n_blocks: int = 9  # 6 at 128 px
    upsampling: Literal["transposed", "resize-conv"] = "transposed"
    # maps of noise, N(0, 1), that a generator sees beside its image; no term asks it to use them
    noise_dim: int = may_be_zero(0)
    d_base_channels: int = 64
    d_layers: int = may_be_zero(3)  # 70 px patches
    # objective
    gan_loss: Literal["log", "least-squares", "relativistic"] = "least-squares"
    lambda_gan: float = 1.0
    lambda_r1: float = added(0.0)  # penalty on the slope of D at real images; R3GAN's gamma / 2
    lambda_r2: float = added(0.0)  # the same at fakes
    lambda_forward: float = 10.0  # x -> y -> x
    lambda_backward: float = 10.0  # y -> x -> y
    lambda_identity: float = 0.0  # absolute
    identity_share: float = (
        0.0  # the same relative to the cycle weights; the authors' code calls it lambda_identity
    )
    lambda_pixel: float = 0.0  # ||G(x) - x||_1
    lambda_feature: float = (
        0.0  # the same between features of the frozen segmenter, which stands in for the VGG
    )
    lambda_d: float = 0.5  # the objective of D is halved
    pool_size: int = may_be_zero(50)  # fakes per domain; 0 is none
    # training
    decay_from: float = 0.5

    def __post_init__(self):
        if not (self.lambda_gan or self.lambda_forward or self.lambda_backward):
            raise CourseError(
                "no term is left for the generators", "Config", "give a lambda above 0"
            )
        if self.lambda_identity and self.identity_share:
            fix = "give one: lambda_identity = identity_share * lambda"
            raise CourseError(
                "lambda_identity and identity_share are two names of one weight", "Config", fix
            )
        if self.image_size % 4 or self.image_size < 16:
            what = f"image_size must be a multiple of 4 and at least 16, got {self.image_size}"
            raise CourseError(what, "Config", "choose 32, 64, 128 or 256")
        check_patches(self.image_size, self.d_layers)


# What fits a machine and a few minutes: overrides of the paper's defaults, chosen on validation houses and emoji.
_SMALL = {
    "upsampling": "resize-conv",  # no checkerboard
    "jitter": "auto",
    "flip": "auto",
    "batch_size": 4,
    "d_layers": 2,  # 34 px patches
    "average": 0.995,
}
PRESETS: dict[str, dict] = {
    "paper": {},
    "authors": {"identity_share": 0.5},  # what the authors' PyTorch code does for every data set
    "smoke": _SMALL
    | {"image_size": 32, "base_channels": 8, "n_blocks": 1, "d_base_channels": 8, "batch_size": 2},
    # Chosen for five minutes of two cores, and no longer to be changed: stored pictures, tables and times are of these
    # values. At 96 and 128 px, with as many minutes, it was no nearer; identity_share=0.5 keeps colours in their place.
    "cpu": _SMALL
    | {
        "image_size": 64,
        "base_channels": 16,
        "n_blocks": 3,
        "d_base_channels": 32,
        "batch_size": 1,
        "average": 0.998,
    },
    "gpu": _SMALL | {"image_size": 128, "n_blocks": 6, "d_layers": 3},
}


class CycleGAN(Method):
    """Two generators, two discriminators, their optimisers and one training step. Images are (B, 3, S, S) in [-1, 1].

    ``bf16`` runs the networks in bfloat16; losses stay float32.
    """

    Config, PRESETS, directions = Config, PRESETS, ("xy", "yx")

    def __init__(
        self, config: Config | None = None, device: torch.device | str = "cpu", bf16: bool = False
    ):
        super().__init__(config, device, bf16)
        cfg = self.config
        sizes = {"upsampling": cfg.upsampling, "in_channels": 3 + cfg.noise_dim}
        self.G_xy, self.G_yx = (
            ResNetGenerator(cfg.base_channels, cfg.n_blocks, **sizes) for _ in range(2)
        )
        self.D_x, self.D_y = (
            PatchGAN(3, cfg.d_base_channels, cfg.d_layers, "instance") for _ in range(2)
        )
        self.features = (
            load_segmenter(cfg.image_size).to(self.device).features if cfg.lambda_feature else None
        )
        self.pool_x, self.pool_y = (ImagePool(cfg.pool_size, cfg.image_size) for _ in range(2))
        # a checkpoint keeps the pools, too
        self.networks = {"G_xy": self.G_xy, "G_yx": self.G_yx, "D_x": self.D_x, "D_y": self.D_y}
        self.networks |= {"pool_x": self.pool_x, "pool_y": self.pool_y}
        self.place("instance")
        self.keep_averages("G_xy", "G_yx")
        self.opt_G, self.opt_D = self.adam(self.G_xy, self.G_yx), self.adam(self.D_x, self.D_y)
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}

    def noisy(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b channels h w"]:
        """What a generator sees: the images and, beside each, noise_dim maps of noise, new in every pixel.

        One number for a whole map would be lost: the instance norm after the first layer takes out what is constant.
        """
        if not self.config.noise_dim:
            return images
        shape = (len(images), self.config.noise_dim, *images.shape[2:])
        return torch.cat([images, torch.randn(shape, device=images.device)], dim=1)

    def translations(self, x: Tensor, y: Tensor) -> dict[str, Float[Tensor, "b 3 s s"]]:
        """fake_y, fake_x, and of rec_x, rec_y, idt_y, idt_x what the objective needs."""
        cfg, G_xy, G_yx = self.config, self.G_xy, self.G_yx

        def each(G: torch.nn.Module, images: dict[str, Tensor]) -> dict[str, Tensor]:
            return self.run_each(
                lambda seen: G(self.noisy(seen)), images
            )  # in one pass: instance norm mixes no images

        to_y, to_x = {"fake_y": x}, {"fake_x": y}
        if cfg.lambda_identity or cfg.identity_share:
            to_y["idt_y"], to_x["idt_x"] = y, x  # what is a y already stays as it is
        out = each(G_xy, to_y)
        if cfg.lambda_forward:
            to_x["rec_x"] = out["fake_y"]  # x -> y -> x
        out |= each(G_yx, to_x)
        if cfg.lambda_backward:
            out |= each(G_xy, {"rec_y": out["fake_x"]})  # y -> x -> y
        return out

    def generator_terms(
        self, x: Tensor, y: Tensor, out: dict[str, Tensor]
    ) -> dict[str, Float[Tensor, ""]]:
        """What G_xy and G_yx minimise, unweighted. A term of weight 0 is not computed."""
        cfg, run, terms = self.config, self.run, {}
        if cfg.lambda_gan and cfg.gan_loss == "relativistic":
            terms["g_gan_y"] = losses.relativistic(run(self.D_y, out["fake_y"]), run(self.D_y, y))
            terms["g_gan_x"] = losses.relativistic(run(self.D_x, out["fake_x"]), run(self.D_x, x))
        elif cfg.lambda_gan:
            _, _, generator_loss = losses.GAN_LOSSES[cfg.gan_loss]
            terms["g_gan_y"] = generator_loss(run(self.D_y, out["fake_y"]))
            terms["g_gan_x"] = generator_loss(run(self.D_x, out["fake_x"]))
        if cfg.lambda_forward:
            terms["g_forward"] = losses.l1(out["rec_x"], x)
        if cfg.lambda_backward:
            terms["g_backward"] = losses.l1(out["rec_y"], y)
        if cfg.lambda_identity or cfg.identity_share:
            terms["g_identity_y"] = losses.l1(out["idt_y"], y)
            terms["g_identity_x"] = losses.l1(out["idt_x"], x)
        if cfg.lambda_pixel:
            terms["g_pixel"] = losses.l1(out["fake_y"], x) + losses.l1(out["fake_x"], y)
        if cfg.lambda_feature:
            of = self.features
            terms["g_feature"] = losses.l1(of(out["fake_y"]), of(x)) + losses.l1(
                of(out["fake_x"]), of(y)
            )
        return terms

    def discriminator_terms(
        self, x: Tensor, y: Tensor, fake_x: Tensor, fake_y: Tensor
    ) -> dict[str, Float[Tensor, ""]]:
        """What D_x and D_y minimise, unweighted. Pass fakes detached, as those of the pools are."""
        cfg, terms = self.config, {}
        for of, D, real, fake in (("y", self.D_y, y, fake_y), ("x", self.D_x, x, fake_x)):
            real = real.detach().requires_grad_() if cfg.lambda_r1 else real
            fake = fake.detach().requires_grad_() if cfg.lambda_r2 else fake
            maps = self.run_each(D, {"real": real, "fake": fake})  # of logits
            if cfg.gan_loss == "relativistic":
                terms[f"d_pair_{of}"] = losses.relativistic(maps["real"], maps["fake"])
            else:
                real_loss, fake_loss, _ = losses.GAN_LOSSES[cfg.gan_loss]
                terms |= {
                    f"d_real_{of}": real_loss(maps["real"]),
                    f"d_fake_{of}": fake_loss(maps["fake"]),
                }
            if cfg.lambda_r1:
                terms[f"d_r1_{of}"] = losses.gradient_penalty(maps["real"], real)
            if cfg.lambda_r2:
                terms[f"d_r2_{of}"] = losses.gradient_penalty(maps["fake"], fake)
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of both generators, then one of both discriminators. Returns the unweighted terms."""
        cfg, D_x, D_y, opt_G, opt_D = self.config, self.D_x, self.D_y, self.opt_G, self.opt_D
        x, y = batch["x"], batch["y"]

        # 1. Translate x and y, and back again.
        out = self.translations(x, y)

        # 2. G_xy and G_yx learn together: fool D_y and D_x, which are frozen, and come back to where they started.
        D_x.requires_grad_(False)
        D_y.requires_grad_(False)
        opt_G.zero_grad()
        terms = self.generator_terms(x, y, out)
        weights = {
            "g_gan_y": cfg.lambda_gan,
            "g_gan_x": cfg.lambda_gan,
            "g_forward": cfg.lambda_forward,
            "g_backward": cfg.lambda_backward,
            "g_identity_y": cfg.lambda_identity + cfg.identity_share * cfg.lambda_backward,
            "g_identity_x": cfg.lambda_identity + cfg.identity_share * cfg.lambda_forward,
            "g_pixel": cfg.lambda_pixel,
            "g_feature": cfg.lambda_feature,
        }
        loss_G = sum(weights[name] * term for name, term in terms.items())
        loss_G.backward()
        opt_G.step()

        # 3. D_y and D_x learn to tell real images from fakes: out of the pools, old and new, detached.
        if cfg.lambda_gan:
            D_x.requires_grad_(True)
            D_y.requires_grad_(True)
            opt_D.zero_grad()
            d = self.discriminator_terms(
                x, y, self.pool_x.query(out["fake_x"]), self.pool_y.query(out["fake_y"])
            )
            penalties = {
                f"d_r{k}_{of}": weight
                for of in "xy"
                for k, weight in ((1, cfg.lambda_r1), (2, cfg.lambda_r2))
            }
            loss_D = sum(penalties.get(name, cfg.lambda_d) * term for name, term in d.items())
            loss_D.backward()
            opt_D.step()
            terms |= d

        self.update_averages()
        return {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def translate(
        self, x: Float[Tensor, "b 3 h w"], direction: str = "xy"
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G_xy(x), "rec_x": G_yx(G_xy(x))}`` in float32, with averaged weights if there are any.

        ``direction="yx"``: the input is a y, and ``fake_y`` its translation to x.
        """
        there, back = self.averaged[f"G_{direction}"], self.averaged[f"G_{direction[::-1]}"]
        with inference(there), inference(back):
            fake_y = there(self.noisy(x))
            return {"fake_y": fake_y, "rec_x": back(self.noisy(fake_y))}

    def discriminators(self) -> dict[str, tuple[str, torch.nn.Module, int]]:
        return {"D_y": ("y", self.D_y, 0), "D_x": ("x", self.D_x, 0)}
