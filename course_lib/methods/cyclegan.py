"""CycleGAN: image-to-image translation without pairs (Zhu, Park, Isola, Efros: ICCV 2017).

    L_GAN(G_xy, D_y) = E_y[log D_y(y)] + E_x[log(1 - D_y(G_xy(x)))]                      (eq. 1)
    L_cyc            = E_x ||G_yx(G_xy(x)) - x||_1 + E_y ||G_xy(G_yx(y)) - y||_1         (eq. 2)
    L                = L_GAN(G_xy, D_y) + L_GAN(G_yx, D_x) + lambda * L_cyc              (eq. 3)
    L_identity       = E_y ||G_xy(y) - y||_1 + E_x ||G_yx(x) - x||_1                     (sec. 5.2)

G_xy is the paper's G, G_yx its F. In training, least squares take the place of the logs (section
4). The defaults are the paper's. Rows of its tables are values of :class:`Config`:

    cycle alone             lambda_gan=0
    GAN alone               lambda_forward=0, lambda_backward=0
    GAN + forward cycle     lambda_backward=0
    GAN + backward cycle    lambda_forward=0
    with identity loss      lambda_identity=5, or identity_share=0.5, as the authors' code has it
    D sees T(y), T(fake_y)  diff_augment=True, for few images (diff_augment.py)
"""

from dataclasses import dataclass
from functools import partial
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
from course_lib.methods.image_pool import ImagePool
from course_lib.networks.blocks import inference
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.resnet import ResNetGenerator


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    base_channels: int = network(64, "of each G's first layer")
    n_blocks: int = network(9, "residual blocks of each G; the paper has 6 at 128 px")
    upsampling: Literal["transposed", "resize-conv"] = network(
        "transposed", "the second: no checkerboard"
    )
    d_base_channels: int = network(64, "of each D's first layer")
    d_layers: int = network(3, "of stride 2 in each D; 3: 70 px patches, 0: pixels", zero=True)
    gan_loss: Literal["log", "least-squares"] = objective("least-squares", "the first is eq. 1")
    lambda_gan: float = objective(1.0, "weight of the adversarial terms of both G")
    lambda_forward: float = objective(10.0, "weight of the cycle x -> y -> x")
    lambda_backward: float = objective(10.0, "weight of the cycle y -> x -> y")
    lambda_identity: float = objective(0.0, "weight of the identity terms, absolute")
    identity_share: float = objective(
        0.0, "the same, relative to the cycles; the authors' code calls it lambda_identity"
    )
    diff_augment: bool = objective(False, "D sees real and fake augmented: for few images")
    pool_size: int = objective(50, "earlier fakes that D sees, per domain; 0: none", zero=True)
    decay_from: float = 0.5

    def __post_init__(self):
        require(
            self.lambda_gan or self.lambda_forward or self.lambda_backward,
            "no term is left for the generators",
            "give a lambda above 0",
        )
        require(
            not (self.lambda_identity and self.identity_share),
            "lambda_identity and identity_share are two names of one weight",
            "give one: lambda_identity = identity_share * lambda",
        )
        require(
            self.image_size % 4 == 0 and self.image_size >= 16,
            f"image_size must be a multiple of 4 and at least 16, got {self.image_size}",
            "choose 32, 64, 128 or 256",
        )
        check_patches(self.image_size, self.d_layers)


# What fits a few minutes: changes of the paper's defaults, chosen on validation images
_SMALL = {
    "upsampling": "resize-conv",  # no checkerboard
    "jitter": "auto",
    "flip": "auto",
    "batch_size": 4,
    "d_layers": 2,  # 34 px patches
    "average": 0.995,
}
_CPU = {"image_size": 64, "base_channels": 16, "n_blocks": 3, "d_base_channels": 32}
PRESETS: dict[str, dict] = {  # stored pictures, tables and times are of these values
    "paper": {},
    "authors": {"identity_share": 0.5},  # what the authors' PyTorch code does for every data set
    "smoke": _SMALL
    | {"image_size": 32, "base_channels": 8, "n_blocks": 1, "d_base_channels": 8, "batch_size": 2},
    # the rate by notebooks/sweeps/cyclegan_minutes.toml: of ten seeds, more get there, and sooner
    "cpu": _SMALL | _CPU | {"batch_size": 1, "average": 0.998, "lr": 5e-4},
    "gpu": _SMALL | {"image_size": 128, "n_blocks": 6, "d_layers": 3},
}


class CycleGAN(Method):
    """Two generators, two discriminators, their optimisers and one training step.

    Images are (B, 3, S, S) in [-1, 1].
    """

    Config, PRESETS, directions, is_one_network = Config, PRESETS, ("xy", "yx"), True

    def build(self, cfg: Config) -> None:
        self.d_output = "value" if cfg.gan_loss == "least-squares" else "logit"
        shape = cfg.base_channels, cfg.n_blocks, cfg.upsampling
        self.G_xy, self.G_yx = ResNetGenerator(*shape), ResNetGenerator(*shape)
        judges = cfg.d_base_channels, cfg.d_layers, "instance"
        self.D_x, self.D_y = PatchGAN(3, *judges), PatchGAN(3, *judges)
        pool = cfg.pool_size, cfg.image_size
        self.pool_x, self.pool_y = ImagePool(*pool), ImagePool(*pool)
        self.networks = {
            "G_xy": self.G_xy, "G_yx": self.G_yx, "D_x": self.D_x, "D_y": self.D_y,
            "pool_x": self.pool_x, "pool_y": self.pool_y,  # for checkpoints
        }  # fmt: skip
        self.to_device("instance")
        self.keep_averages("G_xy", "G_yx")
        self.opt_G, self.opt_D = self.adam(self.G_xy, self.G_yx), self.adam(self.D_x, self.D_y)

    def translations(self, x: Tensor, y: Tensor) -> dict[str, Float[Tensor, "b 3 s s"]]:
        """Both ways: fake_y, fake_x, and of rec_x, rec_y, idt_y, idt_x what the objective needs.

        A generator takes several images at once, as one batch, which is faster; None stays None.
        """
        cfg = self.config
        G_xy, G_yx = partial(self.run_batched, self.G_xy), partial(self.run_batched, self.G_yx)
        same_y, same_x = (y, x) if cfg.lambda_identity or cfg.identity_share else (None, None)

        fake_y, idt_y = G_xy(x, same_y)
        fake_x, idt_x, rec_x = G_yx(y, same_x, fake_y if cfg.lambda_forward else None)
        (rec_y,) = G_xy(fake_x if cfg.lambda_backward else None)

        out = {"fake_y": fake_y, "rec_x": rec_x, "idt_y": idt_y}  # x -> y -> x, y -> y
        out |= {"fake_x": fake_x, "rec_y": rec_y, "idt_x": idt_x}  # y -> x -> y, x -> x
        return {name: images for name, images in out.items() if images is not None}

    def augmented(self, images: Tensor) -> Tensor:
        """What D_x and D_y see of images, real or fake: T(images) with DiffAugment."""
        return diff_augment(images) if self.config.diff_augment else images

    def generator_terms(self, x: Tensor, y: Tensor, out: dict[str, Tensor]) -> dict[str, Tensor]:
        """What G_xy and G_yx minimise, unweighted. A term of weight 0 is not computed."""
        cfg, terms = self.config, Terms()
        if cfg.lambda_gan:
            _, of_generator = losses.GAN_LOSSES[cfg.gan_loss]
            fake_y, fake_x = self.augmented(out["fake_y"]), self.augmented(out["fake_x"])
            terms["g_gan_y"] = of_generator(None, self.run(self.D_y, fake_y))
            terms["g_gan_x"] = of_generator(None, self.run(self.D_x, fake_x))
        if cfg.lambda_forward:
            terms["g_forward"] = losses.l1(out["rec_x"], x)
        if cfg.lambda_backward:
            terms["g_backward"] = losses.l1(out["rec_y"], y)
        if cfg.lambda_identity or cfg.identity_share:
            terms["g_identity_y"] = losses.l1(out["idt_y"], y)
            terms["g_identity_x"] = losses.l1(out["idt_x"], x)
        return terms

    def discriminator_terms(
        self, x: Tensor, y: Tensor, fake_x: Tensor, fake_y: Tensor
    ) -> dict[str, Tensor]:
        """What D_x and D_y minimise, unweighted. Pass fakes detached, as those of the pools are."""
        of_discriminator, _ = losses.GAN_LOSSES[self.config.gan_loss]
        x, y, fake_x, fake_y = map(self.augmented, (x, y, fake_x, fake_y))
        of_y = of_discriminator(*self.run_batched(self.D_y, y, fake_y))  # of maps of logits
        of_x = of_discriminator(*self.run_batched(self.D_x, x, fake_x))
        terms = {f"{name}_y": term for name, term in of_y.items()}
        return terms | {f"{name}_x": term for name, term in of_x.items()}

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of both generators, then one of both discriminators. Returns the terms."""
        cfg, D_x, D_y, opt_G, opt_D = self.config, self.D_x, self.D_y, self.opt_G, self.opt_D
        x, y, d_terms = batch["x"], batch["y"], {}  # (B, 3, S, S)

        # 1. Translate x and y, and back again.
        out = self.translations(x, y)

        # 2. G_xy and G_yx learn together: to fool D_y and D_x, which are frozen, and to come back
        #    to where they started (eq. 3).
        D_x.requires_grad_(False)
        D_y.requires_grad_(False)
        opt_G.zero_grad()
        g_terms, share = self.generator_terms(x, y, out), cfg.identity_share
        loss_G = (
            cfg.lambda_gan * g_terms["g_gan_y"]
            + cfg.lambda_gan * g_terms["g_gan_x"]
            + cfg.lambda_forward * g_terms["g_forward"]
            + cfg.lambda_backward * g_terms["g_backward"]
            + (cfg.lambda_identity + share * cfg.lambda_backward) * g_terms["g_identity_y"]
            + (cfg.lambda_identity + share * cfg.lambda_forward) * g_terms["g_identity_x"]
        )
        loss_G.backward()
        opt_G.step()

        # 3. D_y and D_x learn to tell real images from fakes out of the pools, old and new, which
        #    are detached.
        if cfg.lambda_gan:
            D_x.requires_grad_(True)
            D_y.requires_grad_(True)
            opt_D.zero_grad()
            old_x, old_y = self.pool_x.query(out["fake_x"]), self.pool_y.query(out["fake_y"])
            d_terms = self.discriminator_terms(x, y, old_x, old_y)
            loss_D = 0.5 * losses.total(d_terms.values())  # the objective of D is halved
            loss_D.backward()
            opt_D.step()

        self.update_averages()
        return {name: term.detach() for name, term in (g_terms | d_terms).items()}

    @torch.no_grad()
    def translate(
        self, x: Float[Tensor, "b 3 h w"], z: Tensor | None = None, direction: str = "xy"
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G_xy(x), "rec_x": G_yx(G_xy(x))}``, by averaged weights if there are any.

        ``direction="yx"``: the input is a y, and ``fake_y`` its translation to x. It may lie on any
        device; the first line moves it to the method's.
        """
        x = self.take(x, z, direction)
        there, back = self.averaged[f"G_{direction}"], self.averaged[f"G_{direction[::-1]}"]
        with inference(there), inference(back):
            fake_y = there(x)
            return {"fake_y": fake_y, "rec_x": back(fake_y)}

    def discriminators(self) -> dict[str, tuple[str, nn.Module, int]]:
        return {"D_y": ("y", self.D_y, 0), "D_x": ("x", self.D_x, 0)}
