"""BicycleGAN: one image, many translations, told apart by a code z (Zhu and others: NIPS 2017).

Two cycles share G and E; each has to come back to where it began:

    y -> z -> y    z ~ E(y),     G(x, z) should be y           (cVAE-GAN, section 3.2)
    z -> y -> z    z ~ N(0, I),  E(G(x, z)) should be z        (cLR-GAN, section 3.3)

    L_1^image     = E ||y - G(x, z)||_1
    L_KL(E)       = E_y[KL(E(y) || N(0, I))]
    L_1^latent    = E_{x,z} ||z - E(G(x, z))||_1               (of E(...) the mean alone)
    G*, E*        = arg min_{G,E} max_D
                      L_GAN^VAE(G, D, E) + lambda * L_1^VAE(G, E) + lambda_KL * L_KL(E)
                      + L_GAN(G, D) + lambda_latent * L_1^latent(G, E)              (section 3.4)

The last equation has the first cycle in its first line, the second in the other. The paper compares
six methods: each has some of the five terms, and :data:`VARIANTS` says which. $L_GAN$ takes least
squares in place of logs, summed over the scales of D. The defaults are the paper's and, where it is
silent, those of the authors' code, but for three things: its scripts for façades, shoes and bags
load images at 256 px, without jitter (here 286 px, cut to 256); it sums KL over the batch (here
:func:`kl` takes the mean), and gives the coarser PatchGAN half as many filters.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import losses
from course_lib.errors import ensure
from course_lib.methods.base import (
    Method,
    Terms,
    TrainingConfig,
    network,
    objective,
    require,
    training,
)
from course_lib.networks.bicycle import CNNEncoder, CodedUNet, MultiScalePatchGAN, ResNetEncoder
from course_lib.networks.blocks import inference, init_weights

ENCODERS = {"resnet": ResNetEncoder, "cnn": CNNEncoder}
CYCLES = ("encoded", "random")  # by where z comes from
VARIANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # name           y -> z -> y, "encoded"   z -> y -> z, "random"
    "pix2pix+noise": ((), ("gan", "l1")),  # z is there, and nothing asks G to use it
    "cAE-GAN": (("gan", "l1"), ()),  # z = mu
    "cVAE-GAN": (("gan", "l1", "kl"), ()),
    "cVAE-GAN++": (("gan", "l1", "kl"), ("gan",)),
    "cLR-GAN": ((), ("gan", "latent")),
    "BicycleGAN": (("gan", "l1", "kl"), ("gan", "latent")),
}


def kl(mu: Float[Tensor, "b z_dim"], logvar: Float[Tensor, "b z_dim"]) -> Float[Tensor, ""]:
    """$KL(N(mu, exp(logvar)) || N(0, I)) = -1/2 sum(1 + logvar - mu^2 - exp(logvar))$, at least 0.

    It is $L_KL$ of section 3.2. The sum runs over z: it belongs to the divergence. Over the batch
    this is a mean, where the authors' code has a sum.
    """
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1).mean()


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; images are (3, image_size, image_size) in [-1, 1]."""

    variant: Literal[
        "pix2pix+noise", "cAE-GAN", "cVAE-GAN", "cVAE-GAN++", "cLR-GAN", "BicycleGAN"
    ] = network(
        "BicycleGAN",
        "which of the paper's cycles are trained, and so which D and whether there is an E",
    )
    z_dim: int = network(8, "entries of a code z")
    z_at: Literal["input", "all"] = network(
        "all", "z goes to the first layer of the U-Net, or to each one on the way down"
    )
    base_channels: int = network(64, "of G's first layer; deeper ones have up to 8 times as many")
    levels: int = network(0, "of the U-Net; 0: down to one pixel", zero=True)
    upsampling: Literal["transposed", "resize-conv"] = network(
        "transposed", "the second: no checkerboard"
    )
    norm: Literal["batch", "instance"] = network("instance", "of all networks")
    dropout: float = network(0.5, "of G, in training only")
    encoder: Literal["resnet", "cnn"] = network("resnet", "E, which reads the code of a y")
    e_base_channels: int = network(64, "of E's first layer")
    conditional: bool = network(False, "D sees y alone; True: (x, y)")
    d_base_channels: int = network(64, "of each D's first layer")
    d_layers: int = network(3, "of stride 2 in each D; 3: 70 px patches, 0: pixels", zero=True)
    d_scales: int = network(
        2, "each further one judges the image at half the size: patches twice as wide"
    )
    init: Literal["xavier", "normal"] = network(
        "xavier", "of weights: gain 0.02, or pix2pix's N(0, 0.02)"
    )
    lambda_gan: float = objective(1.0, "weight of the adversarial terms of G and E")
    lambda_l1: float = objective(10.0, "weight of the L1 distance from y to G(x, E(y))")
    lambda_kl: float = objective(0.01, "weight of the distance from the codes of E to N(0, 1)")
    lambda_latent: float = objective(0.5, "weight of the L1 distance from z to E(G(x, z))")
    batch_size: int = training(1, "pairs for each term: the authors' 2, which they cut in half")
    decay_from: float = 0.5

    def __post_init__(self):
        require(self.terms(), f"no term is left for {self.variant}", "give a lambda above 0")
        coarsest, least = self.image_size >> (self.d_scales - 1), 3 * 2**self.d_layers
        require(
            not self.d_layers or coarsest >= least,
            f"a PatchGAN of {self.d_layers} layers needs images of at least {least} px at its "
            f"coarsest scale, got {coarsest}",
            "choose a larger image_size, or smaller d_layers or d_scales",
        )

    def terms(self) -> set[str]:
        """What G and E minimise in the variant, as ``g_TERM_CYCLE``, but for terms of weight 0."""
        weights = {
            "gan": self.lambda_gan,
            "l1": self.lambda_l1,
            "kl": self.lambda_kl,
            "latent": self.lambda_latent,
        }
        of_cycles = zip(CYCLES, VARIANTS[self.variant], strict=True)
        return {f"g_{term}_{cycle}" for cycle, ts in of_cycles for term in ts if weights[term]}


# Fits a machine and a few minutes. No checkerboard, no dropout, patches of 34 and 68 px. Instance
# norm cancels most of what z does; and a D that sees x, and a GAN term of half its weight, cover
# more answers (chosen on val).
_SMALL = {
    "upsampling": "resize-conv", "norm": "batch", "dropout": 0.0, "init": "normal",
    "conditional": True, "d_layers": 2, "lambda_l1": 20.0, "lambda_latent": 1.0, "jitter": "auto",
    "flip": "auto", "batch_size": 8, "lr": 8e-4, "beta2": 0.99, "average": 0.998,
}  # fmt: skip
_TINY = {"image_size": 32, "base_channels": 8, "e_base_channels": 8, "d_base_channels": 8}
_CPU = {"image_size": 64, "base_channels": 32, "e_base_channels": 32, "d_base_channels": 16}
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL | _TINY | {"batch_size": 2},
    # Chosen for five minutes of two cores, where 128 px came less near; no longer to be changed, as
    # stored pictures, tables and times are of these values
    "cpu": _SMALL | _CPU,
    "gpu": _SMALL | {"image_size": 128, "base_channels": 64, "d_base_channels": 32, "d_layers": 3},
}


class BicycleGAN(Method):
    """G, E, a D for each cycle, their optimisers and one training step, for all six variants.

    Images are (B, 3, S, S) in [-1, 1], codes (B, z_dim). ``D`` holds the discriminators by their
    cycle, "encoded" and "random".
    """

    Config, PRESETS, needs_pairs, has_codes = Config, PRESETS, True, True
    is_one_network = True

    def build(self, cfg: Config) -> None:
        self.terms, self.code_shape = cfg.terms(), (cfg.z_dim,)
        cycles = {name.rpartition("_")[2] for name in self.terms}
        self.G = CodedUNet(
            cfg.z_dim,
            cfg.z_at,
            image_size=cfg.image_size,
            base_channels=cfg.base_channels,
            norm=cfg.norm,
            dropout=cfg.dropout,
            upsampling=cfg.upsampling,
            levels=cfg.levels,
        )
        learners: dict[str, nn.Module] = {"G": self.G}
        if "encoded" in cycles or "g_latent_random" in self.terms:
            learners["E"] = ENCODERS[cfg.encoder](
                cfg.z_dim, cfg.image_size, cfg.e_base_channels, cfg.norm
            )
        self.E = learners.get("E")
        self.reads_codes = self.E is not None
        self.latent_moves_E = "encoded" not in cycles  # cLR-GAN, where E has no other term
        judges = cfg.d_base_channels, cfg.d_layers, cfg.norm, cfg.d_scales
        self.D = {
            cycle: MultiScalePatchGAN(6 if cfg.conditional else 3, *judges)
            for cycle in CYCLES
            if cycle in cycles
        }
        self.networks = learners | {f"D_{cycle}": D for cycle, D in self.D.items()}
        if cfg.init == "xavier":
            init_weights(nn.ModuleDict(self.networks), "xavier")
        self.to_device(cfg.norm)
        self.keep_averages(*learners)
        self.opt_G = self.adam(*learners.values())  # moves E, too
        self.opt_D = self.adam(*self.D.values())

    def generate_with(self, x: Tensor, codes: dict[str, Tensor]) -> dict[str, Tensor]:
        """G(x, z) for each of some ``codes`` z, (B, z_dim), by their cycle."""
        if self.config.norm == "batch":  # which mixes the images of a pass
            return {cycle: self.run(self.G, x, z) for cycle, z in codes.items()}
        fakes = self.run_batched(
            lambda z: self.G(x.repeat(len(z) // len(x), 1, 1, 1), z), *codes.values()
        )
        return dict(zip(codes, fakes, strict=True))

    def reparameterise(
        self, mu: Float[Tensor, "b z_dim"], logvar: Float[Tensor, "b z_dim"]
    ) -> Float[Tensor, "b z_dim"]:
        """$z ~ N(mu, exp(logvar))$, reparameterised: gradients reach both. cAE-GAN takes mu."""
        if self.config.variant == "cAE-GAN":
            return mu
        return mu + (0.5 * logvar).exp() * self.noise(len(mu))

    def judge(self, cycle: str, x: Tensor, y: Tensor) -> list[Float[Tensor, "b 1 _ _"]]:
        """The maps of logits that a cycle's D gives y, one a scale; given x if D is conditional."""
        return self.run(self.D[cycle], torch.cat([x, y], dim=1) if self.config.conditional else y)

    def gan_term(self, cycle: str, x: Tensor, fake_y: Tensor) -> Float[Tensor, ""]:
        """What G's GAN term is in a cycle: the sum over the scales of its D."""
        return losses.total(map(losses.least_squares_generator, self.judge(cycle, x, fake_y)))

    def discriminator_terms(
        self, cycle: str, x: Tensor, y: Tensor, fake_y: Tensor
    ) -> dict[str, Float[Tensor, ""]]:
        """What a cycle's D minimises, unweighted, summed over its scales. Pass fake_y detached."""
        real, fake = self.judge(cycle, x, y), self.judge(cycle, x, fake_y)
        return {
            f"d_real_{cycle}": losses.total(map(losses.least_squares_real, real)),
            f"d_fake_{cycle}": losses.total(map(losses.least_squares_fake, fake)),
        }

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of G and E, then one of each D. ``batch``: x, y (B, 3, S, S).

        Returns the unweighted terms, those of the variant. The authors cut a batch in half: pairs
        for the cycles, and real images for the second D. Here all of it is used in both: a D that
        does not see x cannot know which y belongs to a fake. So B may be odd, or 1.
        """
        cfg, opt_G, opt_D, wanted = self.config, self.opt_G, self.opt_D, self.terms
        x, y, z, g_terms, d_terms = batch["x"], batch["y"], {}, Terms(), {}
        for D in self.D.values():
            D.requires_grad_(False)

        # 1. A code for each cycle, the style of y as E reads it and a random one; G paints both.
        if "encoded" in self.D:
            mu, logvar = self.run(self.networks["E"], y)  # (B, 3, S, S) -> (B, z), twice
            z["encoded"] = self.reparameterise(mu, logvar)
        if "random" in self.D:
            z["random"] = self.noise(len(x))
        fake_y = self.generate_with(x, z)  # (B, 3, S, S) each

        # 2. y -> z -> y: GAN and L1 move G and, through z, E; KL moves E.
        if "g_gan_encoded" in wanted:
            g_terms["g_gan_encoded"] = self.gan_term("encoded", x, fake_y["encoded"])
        if "g_l1_encoded" in wanted:
            g_terms["g_l1_encoded"] = losses.l1(fake_y["encoded"], y)
        if "g_kl_encoded" in wanted:
            g_terms["g_kl_encoded"] = kl(mu, logvar)

        # 3. z -> y -> z: all terms move G alone. If E learned from the latent term, too, the two
        #    could hide z in detail that nobody sees. So E is frozen while it reads: autograd notes
        #    then, in the forward pass, which weights want a gradient, and E, though unfrozen long
        #    before backward(), gets none from this reading. G does: gradients pass through E.
        if "g_gan_random" in wanted:
            g_terms["g_gan_random"] = self.gan_term("random", x, fake_y["random"])
        if "g_l1_random" in wanted:  # of pix2pix+noise alone
            g_terms["g_l1_random"] = losses.l1(fake_y["random"], y)
        if "g_latent_random" in wanted:
            E = self.networks["E"]
            E.requires_grad_(self.latent_moves_E)
            rec_z, _ = self.run(E, fake_y["random"])
            E.requires_grad_(True)
            g_terms["g_latent_random"] = losses.l1(rec_z, z["random"])

        # 4. One update of G and E with all of these (section 3.4).
        opt_G.zero_grad()
        loss_G = (
            cfg.lambda_gan * g_terms["g_gan_encoded"]
            + cfg.lambda_l1 * g_terms["g_l1_encoded"]
            + cfg.lambda_kl * g_terms["g_kl_encoded"]
            + cfg.lambda_gan * g_terms["g_gan_random"]
            + cfg.lambda_l1 * g_terms["g_l1_random"]  # of pix2pix+noise alone
            + cfg.lambda_latent * g_terms["g_latent_random"]
        )
        loss_G.backward()
        opt_G.step()

        # 5. Each D learns to tell real images from its cycle's fakes, which are detached: nothing
        #    of this reaches G or E.
        if cfg.lambda_gan:
            opt_D.zero_grad()
            for cycle, D in self.D.items():
                D.requires_grad_(True)
                d_terms |= self.discriminator_terms(cycle, x, y, fake_y[cycle].detach())
            loss_D = losses.total(d_terms.values())  # not halved
            loss_D.backward()
            opt_D.step()

        self.update_averages()
        return {name: term.detach() for name, term in (g_terms | d_terms).items()}

    @torch.no_grad()
    def translate(
        self,
        x: Float[Tensor, "b 3 h w"],
        z: Float[Tensor, "#b z_dim"] | None = None,
        direction: str = "xy",
        *,
        seed: int | None = None,
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G(x, z)}`` in float32, without dropout.

        With averaged weights if there are any. ``z`` is one code for all images or one for each;
        None draws one for each, as :meth:`noise` does. x and z may lie on any device; both are
        moved to the method's.
        """
        x = self.take(x, z, direction)
        z = self.noise(len(x), seed) if z is None else z.to(self.device).expand(len(x), -1)
        with inference(self.averaged["G"]) as G:
            return {"fake_y": G(x, z)}

    def encode(
        self, y: Float[Tensor, "b 3 s s"], direction: str = "xy"
    ) -> Float[Tensor, "b z_dim"]:
        """The style of y: mu of :meth:`encode_distribution`."""
        y = self.take(y, None, direction)
        return self.encode_distribution(y)[0]

    @torch.no_grad()
    def encode_distribution(
        self, y: Float[Tensor, "b 3 s s"]
    ) -> tuple[Float[Tensor, "b z_dim"], Float[Tensor, "b z_dim"]]:
        """E(y) as mu and logvar, in float32, with averaged weights if there are any.

        Raises CourseError for pix2pix+noise, which has no E.
        """
        ensure(
            self.E is not None,
            f"{self.config.variant} has no encoder",
            "encode()",
            "train variant=BicycleGAN",
        )
        with inference(self.averaged["E"]) as E:
            return E(y)

    def discriminators(self) -> dict[str, tuple[str, nn.Module, int]]:
        return {
            f"D_{cycle}, scale {scale}": ("y", D, scale)
            for cycle, D in self.D.items()
            for scale in range(self.config.d_scales)
        }
