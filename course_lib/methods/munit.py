"""MUNIT: many translations of one image, without pairs (Huang, Liu, Belongie, Kautz: ECCV 2018).

An image is a content, a map that both domains share, and a style, eight numbers that its domain
keeps to itself:

    c_x, s_x = E_x(x)          content and style of an image x; c_y, s_y of a y likewise
    fake_y   = G_y(c_x, s')    the content of x, in a style of y: drawn from N(0, I), or read from
                               an example
    L_image_x   = E ||G_x(c_x, s_x) - x||_1               image -> code  -> image
    L_content_x = E ||E_y^c(fake_y) - c_x||_1             code  -> image -> code
    L_style_y   = E ||E_y^s(fake_y) - s'||_1
    L_cycle_x   = E ||G_x(E_y^c(fake_y), s_x) - x||_1     optional: there, and back in its style

Both domains have these and a least-squares GAN term, summed over the scales of D. The defaults are
the paper's; "no x-recon", "no c-recon", "no s-recon" of its Table 1 are lambda_image=0,
lambda_content=0 and lambda_style=0. Its optional perceptual term, on VGG's relu4_3 (relu5_3 in the
authors' code), is left out; it would stand in :meth:`MUNIT.generator_terms`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import losses
from course_lib.methods.base import (
    WAYS,
    Method,
    TrainingConfig,
    in_both,
    network,
    objective,
    require,
    training,
)
from course_lib.networks.blocks import inference
from course_lib.networks.munit import ContentEncoder, MUNITDiscriminator, StyleDecoder, StyleEncoder

WEIGHT_DECAY = 1e-4  # L2, in Adam


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    style_dim: int = network(8, "entries of a style code")
    base_channels: int = network(64, "of an encoder's first layer")
    n_blocks: int = network(4, "residual blocks of the content encoder, and of the decoder")
    style_down: int = network(4, "halvings in the style encoder")
    d_base_channels: int = network(64, "of each D's first layer")
    d_layers: int = network(4, "of stride 2 in each D; 4: 46 px patches", zero=True)
    d_scales: int = network(3, "each further one judges the image at half the size")
    lambda_gan: float = objective(1.0, "weight of the adversarial terms")
    lambda_image: float = objective(
        10.0, "weight of an image rebuilt from its own content and style"
    )
    lambda_content: float = objective(1.0, "weight of the content found again in a translation")
    lambda_style: float = objective(1.0, "weight of the style found again in a translation")
    lambda_cycle: float = objective(
        0.0, "weight of the style-augmented cycle; 10 for some of the paper's data"
    )
    jitter: Literal["resize", "affine", "none", "auto"] = training(
        "none", "the authors crop along the longer side alone"
    )
    lr: float = training(1e-4, zero=False)
    decay_from: float = training(
        0.5, "lr then falls linearly to 0; the authors halve it ten times in a million steps"
    )

    def __post_init__(self):
        require(
            self.lambda_gan or self.lambda_image or self.lambda_cycle,
            "no term is left that an image must satisfy",
            "give a lambda above 0",
        )
        require(
            self.style_down >= 2, "style_down must be at least 2", "write style_down=2, or more"
        )
        least = 2 ** max(self.d_layers + self.d_scales - 1, self.style_down, 4)
        require(
            self.image_size % 4 == 0 and self.image_size >= least,
            f"image_size must be a multiple of 4 and at least {least} for this D, "
            f"got {self.image_size}",
            "choose a larger image_size, or smaller d_layers, d_scales, style_down",
        )


# What fits a machine and a few minutes: changes of the paper's defaults, chosen on val emoji.
_SMALL = {"jitter": "auto", "flip": "auto", "d_layers": 3, "d_scales": 2, "style_down": 3}
_TINY = {"image_size": 32, "base_channels": 8, "n_blocks": 1, "d_base_channels": 8, "batch_size": 2}
_CPU = {"image_size": 64, "base_channels": 16, "n_blocks": 3, "d_base_channels": 32, "lr": 4e-4}
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL | _TINY | {"average": 0.995},
    "cpu": _SMALL | _CPU | {"average": 0.998},
    "gpu": _SMALL | {"image_size": 128, "d_layers": 4, "batch_size": 4, "average": 0.998},
}


class Side(NamedTuple):
    """What belongs to one domain, here y; None where no term needs it."""

    content: Tensor  # c_y, (B, c, S/4, S/4)
    style: Tensor | None  # s_y, (B, style_dim)
    drawn: Tensor  # s', (B, style_dim)
    fake: Tensor  # fake_y, of the content of x in the style s'
    rec: Tensor | None  # G_y(c_y, s_y)


class MUNIT(Method):
    """Two encoders, a decoder and D for each domain, their optimisers and one training step.

    Each network holds one for "x" and one for "y". Images are (B, 3, S, S) in [-1, 1], styles
    (B, style_dim), contents (B, c, S/4, S/4).
    """

    Config, PRESETS, directions = Config, PRESETS, ("xy", "yx")
    has_codes = reads_codes = True
    averaged: dict[str, nn.ModuleDict]

    def build(self, cfg: Config) -> None:
        self.code_shape = (cfg.style_dim,)

        def both(make: Callable[..., nn.Module], *sizes: int) -> nn.ModuleDict:
            return nn.ModuleDict({domain: make(*sizes) for domain in "xy"})

        self.E_content = both(ContentEncoder, cfg.base_channels, cfg.n_blocks)
        self.E_style = both(StyleEncoder, cfg.style_dim, cfg.base_channels, cfg.style_down)
        self.G = both(StyleDecoder, cfg.style_dim, cfg.base_channels, cfg.n_blocks)
        self.D = both(MUNITDiscriminator, cfg.d_base_channels, cfg.d_layers, cfg.d_scales)
        learners: dict[str, nn.Module] = {
            "E_content": self.E_content,
            "E_style": self.E_style,
            "G": self.G,
        }
        self.networks = learners | {"D": self.D}
        self.to_device("instance")
        self.keep_averages(*learners)
        self.opt_G = self.adam(*learners.values(), weight_decay=WEIGHT_DECAY)  # encoders, too
        self.opt_D = self.adam(self.D, weight_decay=WEIGHT_DECAY)

    def judge(self, domain: str, image: Float[Tensor, "b 3 s s"]) -> list[Float[Tensor, "b 1 _ _"]]:
        """The maps of logits of a domain's D, one for each scale."""
        return self.run(self.D[domain], image)

    def codes_and_fakes(self, images: dict) -> dict[str, Side]:
        """What the terms need of the images x and y, by the domain that it belongs to."""
        cfg, run = self.config, self.run
        contents, styles, drawn, sides = {}, {}, {}, {}
        for here in "xy":
            contents[here] = run(self.E_content[here], images[here])
            drawn[here] = self.noise(len(images[here]))
            if cfg.lambda_image or cfg.lambda_cycle:
                styles[here] = run(self.E_style[here], images[here])
        for here, there in WAYS:
            G, rec = self.G[there], None
            if cfg.lambda_image:  # in one pass, which is faster: no norm in G mixes images
                content = torch.cat([contents[here], contents[there]])
                style = torch.cat([drawn[there], styles[there]])
                fake, rec = run(G, content, style).chunk(2)
            else:
                fake = run(G, contents[here], drawn[there])
            sides[there] = Side(contents[there], styles.get(there), drawn[there], fake, rec)
        return sides

    def generator_terms(self, images: dict, sides: dict[str, Side]) -> dict[str, Float[Tensor, ""]]:
        """What encoders and decoders minimise, unweighted. A term of weight 0 is not computed."""
        cfg, run, terms = self.config, self.run, {}
        for here, there in WAYS:
            source, target = sides[here], sides[there]
            if cfg.lambda_gan:
                maps = self.judge(there, target.fake)
                terms[f"g_gan_{there}"] = losses.total(map(losses.least_squares_generator, maps))
            if target.rec is not None:
                terms[f"g_image_{there}"] = losses.l1(target.rec, images[there])
            if cfg.lambda_content or cfg.lambda_cycle:
                rec_content = run(self.E_content[there], target.fake)
            if cfg.lambda_content:
                terms[f"g_content_{here}"] = losses.l1(rec_content, source.content)
            if cfg.lambda_style:
                rec_style = run(self.E_style[there], target.fake)
                terms[f"g_style_{there}"] = losses.l1(rec_style, target.drawn)
            if cfg.lambda_cycle:
                cycle = run(self.G[here], rec_content, source.style)
                terms[f"g_cycle_{here}"] = losses.l1(cycle, images[here])
        return terms

    def discriminator_terms(
        self, images: dict, sides: dict[str, Side]
    ) -> dict[str, Float[Tensor, ""]]:
        """What D_x and D_y minimise, unweighted, summed over the scales; of fakes, detached."""
        terms = {}
        for name in "xy":
            real = self.judge(name, images[name])
            fake = self.judge(name, sides[name].fake.detach())
            terms[f"d_real_{name}"] = losses.total(map(losses.least_squares_real, real))
            terms[f"d_fake_{name}"] = losses.total(map(losses.least_squares_fake, fake))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of both D, then one of all encoders and decoders. ``batch``: x, y.

        Both look at the same fakes, where the authors draw new styles in between. Returns the
        unweighted terms.
        """
        cfg, D, opt_G, opt_D, d_terms = self.config, self.D, self.opt_G, self.opt_D, {}

        # 1. Take both images apart; paint each again, and its content in a random style of the
        #    other domain.
        sides = self.codes_and_fakes(batch)

        # 2. D_x and D_y learn to tell real images from fakes, at every scale.
        if cfg.lambda_gan:
            D.requires_grad_(True)
            opt_D.zero_grad()
            d_terms = self.discriminator_terms(batch, sides)
            loss_D = cfg.lambda_gan * losses.total(d_terms.values())
            loss_D.backward()
            opt_D.step()

        # 3. The rest learns together. Nothing but D is frozen: a term moves each network on its
        #    way, encoders as well.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g_terms = self.generator_terms(batch, sides)
        weights = in_both(
            gan=cfg.lambda_gan,
            image=cfg.lambda_image,
            content=cfg.lambda_content,
            style=cfg.lambda_style,
            cycle=cfg.lambda_cycle,
        )
        loss_G = losses.total(weights[name] * term for name, term in g_terms.items())
        loss_G.backward()
        opt_G.step()

        self.update_averages()
        return {name: term.detach() for name, term in (d_terms | g_terms).items()}

    @torch.no_grad()
    def translate(
        self,
        x: Float[Tensor, "b 3 h w"],
        z: Float[Tensor, "#b style_dim"] | None = None,
        direction: str = "xy",
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G_y(E_x^c(x), z)}`` in float32, with averaged weights if there are any.

        ``z`` is one style for all images or one for each; None draws one for each.
        ``direction="yx"`` goes from y to x. x may lie on any device; the first line moves it to the
        method's.
        """
        x = self.take(x, z, direction)
        here, there = direction
        z = self.noise(len(x)) if z is None else z.to(self.device).expand(len(x), -1)
        with inference(self.averaged["E_content"]) as E, inference(self.averaged["G"]) as G:
            return {"fake_y": G[there](E[here](x), z)}

    @torch.no_grad()
    def encode(
        self, y: Float[Tensor, "b 3 s s"], direction: str = "xy"
    ) -> Float[Tensor, "b style_dim"]:
        """The styles of images of the domain that ``direction`` leads to.

        With averaged weights if there are any.
        """
        y = self.take(y, None, direction)
        with inference(self.averaged["E_style"]) as E:
            return E[direction[1]](y)

    def discriminators(self) -> dict[str, tuple[str, nn.Module, int]]:
        return {
            f"D_{domain}, scale {scale}": (domain, D, scale)
            for domain, D in self.D.items()
            for scale in range(self.config.d_scales)
        }
