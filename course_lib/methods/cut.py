"""CUT: unpaired translation with one generator (Park, Efros, Zhang, Zhu: ECCV 2020).

A patch of G(x) should have more in common with the patch of x at the same place than with other
patches of that x. v is a patch of G(x), v+ the one of x at its place and v- are the others, each as
a vector of length 1: maps of G's own first half, through a small network H.

    L_GAN(G, D)       = E_y[log D(y)] + E_x[log(1 - D(G(x)))]
    l(v, v+, v-)      = -log( exp(v.v+ / t) / (exp(v.v+ / t) + sum_n exp(v.v-_n / t)) )
    NCE(G, H, x)      = mean of l over places of five maps
    L                 = L_GAN(G, D) + lambda_x NCE(G, H, x) + lambda_y NCE(G, H, y)

In training least squares take the place of the logs. The last term takes a y in place of x, which G
should leave as it is; where both have a weight, the authors' code halves their sum. No way back, no
second generator, no pool. FastCUT, the preset fastcut, is

    lambda_x=10, lambda_y=0, mirror=True, decay_from=0.75

Of a painter's works D teaches colours, and hardly a stroke in 8,000 updates. With lambda_style G(x)
and y are to have the same style, too, in the eyes of a network that has seen photographs (Gatys,
Ecker, Bethge: CVPR 2016; in the training of a generator: Johnson, Alahi, Fei-Fei: ECCV 2016):

    L                + lambda_style style(G(x), y), see losses.style

Both are seen from another pixel on in each step, and from 64 px on in one of two sizes.

The defaults are the paper's, networks included: G and D blur before they take every second pixel,
and weights start from Xavier's rule with gain 0.02. The small presets have CycleGAN's networks and
N(0, 0.02) instead, whose steps take two thirds of the time. From day to night, at 64 px and after
1,200 updates, it makes no difference that three seeds could show: the L1 to the true night is 0.144
with the authors' networks and 0.142 without (val; a copy of the day has 0.908).
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
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
from course_lib.networks.blocks import inference, init_weights
from course_lib.networks.cut import PatchProjections
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.hardware import send
from course_lib.networks.resnet import ResNetGenerator


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    base_channels: int = network(64, "of G's first layer")
    n_blocks: int = network(9, "residual blocks of G")
    upsampling: Literal["bilinear", "transposed", "resize-conv"] = network(
        "bilinear", "how G enlarges its maps; transposed convolutions may leave a checkerboard"
    )
    blur: bool = network(True, "before every second pixel is taken, in G and D")
    init: Literal["xavier", "normal"] = network(
        "xavier", "weights, with gain or standard deviation 0.02"
    )
    d_base_channels: int = network(64, "of D's first layer")
    d_layers: int = network(3, "of stride 2 in D; 3: 70 px patches, 0: single pixels", zero=True)
    h_dim: int = network(256, "entries of the vector that stands for a patch")
    lambda_gan: float = objective(1.0, "weight of the adversarial term of G")
    lambda_x: float = objective(1.0, "weight of PatchNCE on x: G(x) keeps what stood in x")
    lambda_y: float = objective(1.0, "weight of PatchNCE on y: G(y) keeps what stood in y")
    lambda_style: float = objective(
        0.0, "weight of the style of y, by ImageNet's features, in G(x)"
    )
    places: int = objective(256, "patches compared in each map, drawn anew in each step")
    temperature: float = objective(0.07, "of PatchNCE, the t of the equation", zero=False)
    mirror: bool = objective(
        False,
        "half of the batches are mirrored for G, and its maps mirrored back to be compared",
    )
    decay_from: float = 0.5

    def __post_init__(self):
        require(
            self.lambda_x or self.lambda_y,
            "lambda_x and lambda_y are both 0",
            "G would forget what it sees: give one",
        )
        require(
            self.image_size % 4 == 0 and self.image_size >= 16,
            f"image_size must be a multiple of 4 and at least 16, got {self.image_size}",
            "choose 32, 64, 128 or 256",
        )
        check_patches(self.image_size, self.d_layers)


_FAST = {"lambda_x": 10.0, "lambda_y": 0.0, "mirror": True, "decay_from": 0.75}
# No checkerboard, 34 px patches, and vectors of four times G's first width, as in the paper
_SMALL = {
    "blur": False, "upsampling": "resize-conv", "init": "normal", "jitter": "auto", "flip": "auto",
    "d_layers": 2, "average": 0.998, "h_dim": 64,
}  # fmt: skip
_TINY = {"image_size": 32, "base_channels": 8, "n_blocks": 1, "d_base_channels": 8, "batch_size": 2}
_CPU = {
    "image_size": 64, "base_channels": 16, "n_blocks": 3, "d_base_channels": 32,
    "lr": 1e-3,  # chosen on val, nights of houses: see notebooks/sweeps/cut.toml
}  # fmt: skip
_GPU = {
    "image_size": 128, "n_blocks": 6, "d_layers": 3, "batch_size": 4, "average": 0.995,
    "h_dim": 256,
}  # fmt: skip
PRESETS: dict[str, dict] = {
    "paper": {},
    "fastcut": _FAST,
    "smoke": _SMALL | _TINY,
    "cpu": _SMALL | _CPU,
    "fastcut-cpu": _SMALL | _CPU | _FAST,
    "gpu": _SMALL | _GPU,
}


class CUT(Method):
    """G, D, H, their optimisers and one training step. Images are (B, 3, S, S) in [-1, 1]."""

    Config, PRESETS, is_one_network = Config, PRESETS, True

    def build(self, cfg: Config) -> None:
        self.G = ResNetGenerator(cfg.base_channels, cfg.n_blocks, cfg.upsampling, blur=cfg.blur)
        self.D = PatchGAN(3, cfg.d_base_channels, cfg.d_layers, "instance", cfg.blur)
        self.H = PatchProjections(self.G.widths, cfg.h_dim)
        self.through_lite0 = cfg.lambda_style > 0
        self.networks = {"G": self.G, "D": self.D, "H": self.H}
        if cfg.init == "xavier":
            init_weights(nn.ModuleDict(self.networks), "xavier")
        self.to_device("instance")
        self.keep_averages("G")
        self.opt_G, self.opt_D = self.adam(self.G, self.H), self.adam(self.D)  # opt_G moves H, too

    def features(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """G's maps of ``images`` on its way: see :meth:`ResNetGenerator.features`."""
        return self.run(self.G.features, images)

    def translations(self, x: Tensor, y: Tensor, mirrored: bool = False) -> dict[str, Any]:
        """y; fake_y and, where NCE asks for it, idt_y, both ``mirrored`` or not; and ``maps``.

        These are G's features of x and of y, joined, as far as NCE compares with them. G makes them
        on its way to the images, so that only mirrored ones cost a pass of their own.
        """
        sources = torch.cat([x, y]) if self.config.lambda_y else x
        maps = self.features(sources.flip(3) if mirrored else sources)
        images = self.run(self.G.finish, maps[-1])
        if mirrored:
            with torch.no_grad():
                maps = self.features(sources)
        first = 0 if self.config.lambda_x else len(x)
        out = {"y": y, "fake_y": images[: len(x)], "maps": [h[first:].detach() for h in maps]}
        return out | ({"idt_y": images[len(x) :]} if self.config.lambda_y else {})

    def nce(
        self, sources: list[Tensor], targets: list[Tensor], parts: int = 1
    ) -> Float[Tensor, " parts"]:
        """NCE(G, H, .) of each of so many ``parts`` of a batch, one number each.

        ``sources`` and ``targets`` are five maps of features, (B, _, _, _) each. H learns from
        those of the targets alone.
        """
        counts = [layer[0, 0].numel() for layer in sources]
        chosen = (torch.randperm(count)[: self.config.places] for count in counts)
        places = [send(of_one_map, self.device) for of_one_map in chosen]
        with torch.no_grad():
            keys = self.H(sources, places)  # five times (B, places, h_dim), of length 1
        pairs = zip(self.H(targets, places), keys, strict=True)
        each = losses.total(losses.patch_nce(v, key, self.config.temperature) for v, key in pairs)
        return (each / len(keys)).view(parts, -1).mean(1)

    def discriminator_terms(self, y: Tensor, fake_y: Tensor) -> dict[str, Float[Tensor, ""]]:
        """What D minimises, unweighted. Pass fake_y detached."""
        real, fake = self.run_batched(self.D, y, fake_y)  # maps of logits
        return {
            "d_real": losses.least_squares_real(real),
            "d_fake": losses.least_squares_fake(fake),
        }

    def generator_terms(
        self, out: dict[str, Any], mirrored: bool = False
    ) -> dict[str, Float[Tensor, ""]]:
        """What G and H minimise, unweighted, of :meth:`translations`.

        A term of weight 0 is not computed.
        """
        cfg, terms, compared = self.config, Terms(), {}
        if cfg.lambda_gan:
            terms["g_gan"] = losses.least_squares_generator(self.run(self.D, out["fake_y"]))
        if cfg.lambda_style:
            # Else G would learn to draw rings and threads for the pixels that the network takes. It
            # needs 16 px.
            see, side = self.photo_features(), cfg.image_size
            size = 1 + int(torch.randint(2 if side >= 64 else 1, ()))
            top, left = torch.randint(min(16, side - 15), (2,)).tolist()
            seen = (F.avg_pool2d(out[name][..., top:, left:], size) for name in ("fake_y", "y"))
            grams = ([losses.gram(h) for h in see(images)] for images in seen)
            terms["g_style"] = losses.style(*grams)
        if cfg.lambda_x:
            compared["g_nce_x"] = out["fake_y"]
        if cfg.lambda_y:
            compared["g_nce_y"] = out["idt_y"]
        targets = self.features(torch.cat([*compared.values()]))
        if mirrored:
            targets = [layer.flip(3) for layer in targets]
        nce = self.nce(out["maps"], targets, len(compared))
        return Terms(terms | dict(zip(compared, nce, strict=True)))

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of D, then one of G and H. ``batch``: x, y (B, 3, S, S).

        Returns the unweighted terms.
        """
        cfg, D, opt_G, opt_D = self.config, self.D, self.opt_G, self.opt_D
        x, y, d_terms = batch["x"], batch["y"], {}

        # 1. Translate x, and what is a y already, both perhaps mirrored.
        mirrored = cfg.mirror and torch.rand(()).item() < 0.5
        out = self.translations(x, y, mirrored)

        # 2. D learns to tell real images from the fake. Detached: nothing of this reaches G.
        if cfg.lambda_gan:
            D.requires_grad_(True)
            opt_D.zero_grad()
            d_terms = self.discriminator_terms(y, out["fake_y"].detach())
            loss_D = 0.5 * (d_terms["d_real"] + d_terms["d_fake"])  # the objective of D is halved
            loss_D.backward()
            opt_D.step()

        # 3. G and H learn together: fool D, which is frozen, and keep each patch recognisable among
        #    the others.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g_terms = self.generator_terms(out, mirrored)
        half = 0.5 if cfg.lambda_x and cfg.lambda_y else 1.0
        loss_G = (
            cfg.lambda_gan * g_terms["g_gan"]
            + half * cfg.lambda_x * g_terms["g_nce_x"]
            + half * cfg.lambda_y * g_terms["g_nce_y"]
            + cfg.lambda_style * g_terms["g_style"]
        )
        loss_G.backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d_terms | g_terms).items()}

    @torch.no_grad()
    def translate(
        self, x: Float[Tensor, "b 3 h w"], z: Tensor | None = None, direction: str = "xy"
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G(x)}`` in float32, with averaged weights if there are any.

        x may lie on any device; the first line moves it to the method's.
        """
        x = self.take(x, z, direction)
        with inference(self.averaged["G"]) as G:
            return {"fake_y": G(x)}

    def discriminators(self) -> dict[str, tuple[str, nn.Module, int]]:
        return {"D": ("y", self.D, 0)}
