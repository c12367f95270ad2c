"""MUNIT: many translations of one image, without pairs (Huang, Liu, Belongie, Kautz: ECCV 2018).

An image is a content, a map that both domains share, and a style, eight numbers that its domain keeps to itself:

    c_a, s_a = E_a(a)          content and style of an image of domain a (x of the data set); b (its y) likewise
    fake_b   = G_b(c_a, s')    the content of a, in a style of b: drawn from N(0, I), or read from an example

    L_image_a   = E ||G_a(c_a, s_a) - a||_1             image  -> code  -> image
    L_content_a = E ||E_b^c(G_b(c_a, s')) - c_a||_1     code   -> image -> code
    L_style_b   = E ||E_b^s(G_b(c_a, s')) - s'||_1
    L_cycle_a   = E ||G_a(E_b^c(fake_b), s_a) - a||_1   optional: there, and back in the style it had

Both domains have these and a least-squares GAN term. The defaults are the paper's; "no x-recon", "no c-recon", "no
s-recon" of its Table 1 are lambda_image=0, lambda_content=0 and lambda_style=0.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import losses
from course_lib.errors import CourseError
from course_lib.methods.base import Method, TrainingConfig, option
from course_lib.networks.blocks import inference
from course_lib.networks.hardware import send
from course_lib.networks.munit import ContentEncoder, MUNITDiscriminator, StyleDecoder, StyleEncoder

DOMAINS, SIDES = {"x": "a", "y": "b"}, (("a", "b"), ("b", "a"))


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    REMOVED: ClassVar = {"lambda_perceptual": 0.0, "features": "auto"}

    # networks
    style_dim: int = 8
    base_channels: int = 64
    n_blocks: int = 4  # residual blocks of the content encoder, and of the decoder
    style_down: int = 4  # halvings in the style encoder
    d_base_channels: int = 64
    d_layers: int = option(4, zero=True)  # 46 px patches
    d_scales: int = 3
    # objective
    gan_loss: Literal["log", "least-squares"] = "least-squares"  # summed over the scales
    lambda_gan: float = 1.0
    lambda_image: float = 10.0
    lambda_content: float = 1.0
    lambda_style: float = 1.0
    lambda_cycle: float = 0.0  # style-augmented; 10 for some of the paper's data
    # training
    jitter: Literal["resize", "affine", "none", "auto"] = (
        "none"  # the authors crop along the longer side alone
    )
    lr: float = option(1e-4, zero=False)
    decay_weights: float = 1e-4  # L2, in Adam
    decay_from: float = (
        0.5  # lr then falls linearly to 0; the authors halve it ten times in a million steps
    )

    def __post_init__(self):
        if not (self.lambda_gan or self.lambda_image or self.lambda_cycle):
            raise CourseError(
                "no term is left that an image must satisfy", "Config", "give a lambda above 0"
            )
        least = 2 ** max(self.d_layers + self.d_scales - 1, self.style_down, 4)
        if self.image_size % 4 or self.image_size < least:
            what = f"image_size must be a multiple of 4 and at least {least} for this D, got {self.image_size}"
            raise CourseError(
                what,
                "Config",
                "choose a larger image_size, or smaller d_layers, d_scales, style_down",
            )


# What fits a machine and a few minutes: overrides of the paper's defaults, chosen on validation emoji.
_SMALL = {"jitter": "auto", "flip": "auto", "d_layers": 3, "d_scales": 2, "style_down": 3}
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL
    | {
        "image_size": 32,
        "base_channels": 8,
        "n_blocks": 1,
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
    "gpu": _SMALL | {"image_size": 128, "d_layers": 4, "batch_size": 4, "average": 0.998},
}


class MUNIT(Method):
    """Two encoders, a decoder and D for each of the domains "a" and "b", their optimisers and one training step.

    Images are (B, 3, S, S) in [-1, 1], styles (B, style_dim), contents (B, c, S/4, S/4). ``bf16`` runs the networks in
    bfloat16; losses stay float32.
    """

    Config, PRESETS, directions, has_codes = Config, PRESETS, ("xy", "yx"), True

    def __init__(
        self, config: Config | None = None, device: torch.device | str = "cpu", bf16: bool = False
    ):
        super().__init__(config, device, bf16)
        cfg = self.config

        def both(make) -> nn.ModuleDict:
            return nn.ModuleDict({domain: make() for domain in "ab"}).to(self.device)

        self.E_content = both(lambda: ContentEncoder(cfg.base_channels, cfg.n_blocks))
        self.E_style = both(lambda: StyleEncoder(cfg.style_dim, cfg.base_channels, cfg.style_down))
        self.G = both(lambda: StyleDecoder(cfg.style_dim, cfg.base_channels, cfg.n_blocks))
        self.D = both(lambda: MUNITDiscriminator(cfg.d_base_channels, cfg.d_layers, cfg.d_scales))
        learners = {"E_content": self.E_content, "E_style": self.E_style, "G": self.G}
        self.networks = learners | {"D": self.D}
        self.keep_averages(*learners)
        self.opt_G = self.adam(*learners.values(), weight_decay=cfg.decay_weights)  # encoders, too
        self.opt_D = self.adam(self.D, weight_decay=cfg.decay_weights)
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}

    def noise(self, n: int, seed: int | None = None) -> Float[Tensor, "n style_dim"]:
        """n styles ~ N(0, I), of a ``seed`` or of torch's global generator; the same on every device."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return send(torch.randn(n, self.config.style_dim, generator=generator), self.device)

    def judge(self, domain: str, image: Float[Tensor, "b 3 s s"]) -> list[Float[Tensor, "b 1 _ _"]]:
        """The maps of logits of a domain's D, one for each scale."""
        with self.autocast:
            maps = self.D[domain](image)
        return [logits.float() for logits in maps]

    def codes_and_fakes(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """``images``: "a" and "b". content_, style_, random_ (a style), fake_ and rec_ of each: what the terms need.

        A decoder paints rec and fake in one pass, which is faster: no norm in it mixes the images of a batch.
        """
        cfg, run, out = self.config, self.run, {}
        for a, image in images.items():
            out[f"content_{a}"], out[f"random_{a}"] = (
                run(self.E_content[a], image),
                self.noise(len(image)),
            )
            if cfg.lambda_image or cfg.lambda_cycle:
                out[f"style_{a}"] = run(self.E_style[a], image)
        for a, b in SIDES:
            contents, styles = (
                [out[f"content_{a}"]],
                [out[f"random_{b}"]],
            )  # of a, to be painted as b
            if cfg.lambda_image:
                contents, styles = [*contents, out[f"content_{b}"]], [*styles, out[f"style_{b}"]]
            painted = run(self.G[b], torch.cat(contents), torch.cat(styles)).split(len(images[a]))
            out |= dict(zip((f"fake_{b}", f"rec_{b}"), painted, strict=False))
        return out

    def generator_terms(
        self, images: dict[str, Tensor], out: dict[str, Tensor]
    ) -> dict[str, Float[Tensor, ""]]:
        """What encoders and decoders minimise, unweighted; ``g_content_a`` is that of the content of a, and so on."""
        cfg, run, terms = self.config, self.run, {}
        generator_loss = losses.least_squares_generator
        for a, b in SIDES:
            fake_b, content = out[f"fake_{b}"], out[f"content_{a}"]
            if cfg.lambda_gan:
                terms[f"g_gan_{b}"] = sum(map(generator_loss, self.judge(b, fake_b)))
            if cfg.lambda_image:
                terms[f"g_image_{b}"] = losses.l1(out[f"rec_{b}"], images[b])
            if cfg.lambda_content or cfg.lambda_cycle:
                rec_content = run(self.E_content[b], fake_b)
            if cfg.lambda_content:
                terms[f"g_content_{a}"] = losses.l1(rec_content, content)
            if cfg.lambda_style:
                terms[f"g_style_{b}"] = losses.l1(run(self.E_style[b], fake_b), out[f"random_{b}"])
            if cfg.lambda_cycle:
                terms[f"g_cycle_{a}"] = losses.l1(
                    run(self.G[a], rec_content, out[f"style_{a}"]), images[a]
                )
        return terms

    def discriminator_terms(
        self, images: dict[str, Tensor], out: dict[str, Tensor]
    ) -> dict[str, Float[Tensor, ""]]:
        """What D_a and D_b minimise, unweighted, summed over the scales. The fakes are detached here."""
        real_loss, fake_loss = losses.least_squares_real, losses.least_squares_fake
        terms = {}
        for a, image in images.items():
            terms[f"d_real_{a}"] = sum(map(real_loss, self.judge(a, image)))
            terms[f"d_fake_{a}"] = sum(map(fake_loss, self.judge(a, out[f"fake_{a}"].detach())))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of both D, then one of all encoders and decoders. Returns the unweighted terms.

        Both look at the same fakes, where the authors draw new styles in between.
        """
        cfg, D, opt_G, opt_D, images = (
            self.config,
            self.D,
            self.opt_G,
            self.opt_D,
            {"a": batch["x"], "b": batch["y"]},
        )

        # 1. Take both images apart; paint each again, and each content in a random style of the other domain.
        out, terms = self.codes_and_fakes(images), {}

        # 2. D_a and D_b learn to tell real images from fakes, at every scale.
        if cfg.lambda_gan:
            D.requires_grad_(True)
            opt_D.zero_grad()
            terms = self.discriminator_terms(images, out)
            (cfg.lambda_gan * sum(terms.values())).backward()
            opt_D.step()

        # 3. The rest learns together. Nothing but D is frozen: a term moves each network on its way, encoders as well.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g = self.generator_terms(images, out)
        weights = {
            f"g_{name}_{domain}": weight
            for domain in "ab"
            for name, weight in (
                ("gan", cfg.lambda_gan),
                ("image", cfg.lambda_image),
                ("content", cfg.lambda_content),
                ("style", cfg.lambda_style),
                ("cycle", cfg.lambda_cycle),
            )
        }
        loss_G = sum(weights[name] * term for name, term in g.items())
        loss_G.backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (terms | g).items()}

    @torch.no_grad()
    def translate(
        self,
        x: Float[Tensor, "b 3 h w"],
        z: Float[Tensor, "#b style_dim"] | None = None,
        direction: str = "xy",
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G_b(E_a^c(x), z)}`` in float32, with averaged weights if there are any.

        ``z`` is one style for all images or one for each; None draws one for each. ``direction="yx"``: from b to a.
        """
        here, there = (DOMAINS[name] for name in direction)
        z = self.noise(len(x)) if z is None else z.to(self.device).expand(len(x), -1)
        with inference(self.averaged["E_content"]) as E, inference(self.averaged["G"]) as G:
            return {"fake_y": G[there](E[here](x), z)}

    @property
    def reads_codes(self) -> bool:
        return True

    @torch.no_grad()
    def encode(
        self, y: Float[Tensor, "b 3 s s"], direction: str = "xy"
    ) -> Float[Tensor, "b style_dim"]:
        """The styles of images of the domain that ``direction`` leads to, with averaged weights if there are any."""
        with inference(self.averaged["E_style"]) as E:
            return E[DOMAINS[direction[1]]](y)
