"""pix2pixHD: large photographs from label maps and instances (Wang and others: CVPR 2018).

    L_FM(G, D_k) = E_{s,x} sum_i (1 / N_i) ||D_k^(i)(s, x) - D_k^(i)(s, G(s))||_1
    min_G [ max_{D_1 .. D_n}  sum_k L_GAN(G, D_k)  +  lambda_fm * sum_k L_FM(G, D_k) ]

The second line is the paper's full objective. s is what D sees beside a photograph: labels one-hot
and the boundaries of instances. G sees s and, with ``use_features``, the style of each instance. x
is the photograph, here called y as in all methods. Least squares take the place of the logs. Where
the formulas and the authors' code differ, the code is followed: L_FM is averaged over the scales.
The authors' optional term of VGG's layers is here one of EfficientNet's. Every ablation is a value
of :class:`Config`:

    GAN alone               lambda_fm=0
    one scale               d_scales=1
    no instance map         use_instances=False, use_features=False
    plain pairs             n_labels=0, use_instances=False, use_features=False
    features of ImageNet    lambda_features=10
    no coarse to fine       coarse_until=0

G1 first learns alone at half the size, then G2 without G1, then both. The encoder E of the styles
learns with G1 and stays as it is once G2 begins, as in the authors' code, which computes the
features of all photographs before its second training; the small presets let E learn to the end.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn

from course_lib import losses
from course_lib.errors import ensure, note
from course_lib.methods.base import (
    Method,
    Terms,
    TrainingConfig,
    network,
    objective,
    require,
    training,
)
from course_lib.networks.bicycle import halve
from course_lib.networks.blocks import inference
from course_lib.networks.pix2pixhd import (
    FeatureEncoder,
    GlobalGenerator,
    LocalEnhancer,
    MultiScaleD,
    Phase,
    Styles,
    boundary_map,
)

# Share of the image that an instance must exceed to be a style, if any of its class does.
CLUSTER_AREA = 1 / 64

# The phases of training, and which of G1 and G2 rests in each.
PHASES = {"global": "G2", "enhancer": "G1", "both": ""}
G2_ALONE = 0.1  # of the time that G1 had alone


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; photographs are (3, image_size, image_size) in [-1, 1].

    Labels are whole numbers from 0 to n_labels - 1.
    """

    image_size: int = 1024
    n_labels: int = network(
        12,
        "12 of CMP façades; 35 in Cityscapes; 0: G sees x as it is, the pairs have no labels",
        zero=True,
    )
    base_channels: int = network(64, "of G1; G2 has half as many")
    n_down: int = network(4, "halvings of G1")
    n_blocks: int = network(9, "residual blocks of G1")
    n_local_blocks: int = network(3, "residual blocks of G2")
    upsampling: Literal["transposed", "resize-conv"] = network(
        "transposed", "the second: no checkerboard"
    )
    d_base_channels: int = network(64, "of each D's first layer")
    d_layers: int = network(3, "of stride 2 in each D; 3: 70 px patches", zero=True)
    d_scales: int = network(3, "each further one judges the image at half the size")
    use_instances: bool = network(True, "the boundary map, in what G and D see")
    use_features: bool = network(False, "E, and its features in what G sees")
    e_base_channels: int = network(16, "of E's first layer")
    lambda_gan: float = objective(1.0, "weight of the adversarial term of G")
    lambda_fm: float = objective(
        10.0, "weight of the distance between D's features of real and fake"
    )
    lambda_features: float = objective(0.0, "weight of their distance in ImageNet's features")
    coarse_until: float = training(
        0.5, "share in which G1 learns alone, at half the size; 0: all learn at full size"
    )
    features_frozen_from: float = training(0.5, "share from which E rests; 1: never")
    jitter: Literal["resize", "affine", "none", "auto"] = "none"
    decay_from: float = 0.5
    n_centres: int = training(10, "styles of each class, learned after the last step")
    cluster_images: int = training(
        1_000_000, "of the training set, at most, from which they are learned"
    )

    def __post_init__(self):
        weights = self.lambda_gan or self.lambda_fm or self.lambda_features
        require(weights, "no term is left for G", "give a lambda above 0")
        require(
            self.n_labels or not self.use_instances,
            "plain pairs have no instances",
            "add use_instances=False and use_features=False",
        )
        require(
            self.use_instances or not self.use_features,
            "features are averaged over instances",
            "add use_features=False, or leave use_instances on",
        )
        require(self.coarse_until < 1, "G2 would never learn", "give a coarse_until below 1")
        step = 2 ** (self.n_down + 1)  # G1 works at half the size
        require(
            self.image_size % step == 0 and self.image_size >= 2 * step,
            f"image_size must be a multiple of {step}, at least {2 * step}, got {self.image_size}",
            "choose another size, or a smaller n_down",
        )
        coarsest, least = self.image_size >> self.d_scales, 2**self.d_layers
        require(
            coarsest >= least,
            f"a D of {self.d_layers} layers needs {least} px at its coarsest scale, got {coarsest}",
            "choose a larger image_size, or smaller d_layers or d_scales",
        )


# Fits a machine and a few minutes; chosen on validation houses.
_SMALL = {
    "n_down": 3, "n_blocks": 3, "n_local_blocks": 2, "upsampling": "resize-conv", "d_layers": 2,
    "d_scales": 2, "use_features": True, "e_base_channels": 8, "jitter": "auto", "flip": "auto",
    "batch_size": 4, "lr": 1e-3, "beta2": 0.99, "average": 0.995, "cluster_images": 300,
    "features_frozen_from": 1.0,
}  # fmt: skip
_TINY = {
    "image_size": 32, "base_channels": 8, "n_down": 2, "n_blocks": 1, "d_base_channels": 8,
    "d_layers": 1, "e_base_channels": 4, "batch_size": 2, "cluster_images": 8, "n_centres": 3,
}  # fmt: skip
_GPU = {
    "image_size": 256, "base_channels": 48, "n_blocks": 6, "d_base_channels": 32, "d_layers": 3,
}  # fmt: skip
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL | _TINY,
    "cpu": _SMALL | {"image_size": 64, "base_channels": 16, "d_base_channels": 16},
    "gpu": _SMALL | _GPU,
}


class Pix2PixHD(Method):
    """G1, G2, D at several scales, E, their optimisers and one training step.

    ``maps`` of a batch are what it needs besides x and y: labels and instances, (B, S, S) whole
    numbers.
    """

    Config, PRESETS, needs_pairs = Config, PRESETS, True
    maps = ("labels", "instances")
    STRIDE = 1_000_003  # between the seeds of two samples

    def build(self, cfg: Config) -> None:
        self.maps = type(self).maps if cfg.n_labels else ()
        self.has_chance = cfg.use_features  # styles, of their own codes
        self.through_lite0 = cfg.lambda_features > 0
        s_channels = (cfg.n_labels or 3) + cfg.use_instances
        self.styles = Styles(cfg.n_labels, cfg.n_centres)
        g_channels = s_channels + self.styles.n_features * cfg.use_features
        self.G1 = GlobalGenerator(
            g_channels, cfg.base_channels, cfg.n_down, cfg.n_blocks, cfg.upsampling
        )
        self.G2 = LocalEnhancer(g_channels, cfg.base_channels, cfg.n_local_blocks, cfg.upsampling)
        learners: dict[str, nn.Module] = {"G1": self.G1, "G2": self.G2}
        if cfg.use_features:
            learners["E"] = FeatureEncoder(
                self.styles.n_features, cfg.e_base_channels, cfg.n_down, cfg.upsampling
            )
        self.E = learners.get("E")
        self.D = MultiScaleD(s_channels + 3, cfg.d_base_channels, cfg.d_layers, cfg.d_scales)
        self.networks = learners | {"D": self.D, "styles": self.styles, "phase": Phase()}
        self.to_device("instance")
        self.keep_averages(*learners)
        self.opt_G = self.adam(*learners.values())  # moves E, too
        self.opt_D = self.adam(self.D)
        self.advance(0.0)

    @classmethod
    def adapt_config(cls, config: Config, item: dict, direction: str = "xy") -> Config:
        """Pairs without labels and instances, or with those of the output, are plain ones."""
        if not config.n_labels or (direction == "xy" and set(cls.maps) <= item.keys()):
            ensure(
                not config.n_labels or item["labels"].max() < config.n_labels,
                f"these data have more classes than n_labels={config.n_labels}",
                "n_labels",
                "leave it as it was",
            )
            return config
        if config.use_features:
            note("these pairs have no instances: no features, every input has one output")
        return replace(config, n_labels=0, use_instances=False, use_features=False)

    # ---- the three phases of training

    def advance(self, share: float) -> None:
        """``share`` of the training is done, which decides who learns now."""
        alone = self.config.coarse_until
        begun = sum(share >= begin for begin in (0, alone, alone * (1 + G2_ALONE)))
        self.networks["phase"].get_buffer("number").fill_(begun - 1)
        if self.E is not None:
            rests_from = self.config.features_frozen_from
            self.E.requires_grad_(share < rests_from or rests_from == 1)

    @property
    def phase(self) -> str:
        """Who learns: "global", G1 at half the size; "enhancer", G2; or "both"."""
        return [*PHASES][int(self.networks["phase"].get_buffer("number"))]

    def rate(self, share: float) -> float:
        """The learning rate, as two trainings in a row would have it.

        G1's falls to 0 before G2 begins, and starts again then.
        """
        alone = self.config.coarse_until
        return super().rate(share / alone if share < alone else (share - alone) / (1 - alone))

    # ---- what G and D see

    def scene(
        self, labels: Integer[Tensor, "b h w"], instances: Integer[Tensor, "b h w"]
    ) -> Float[Tensor, "b c h w"]:
        """s: labels one-hot and, if instances are used, their boundaries."""
        one_hot = F.one_hot(labels.long(), self.config.n_labels)  # (B, S, S) -> (B, S, S, n_labels)
        s = one_hot.movedim(-1, 1).float()
        return torch.cat([s, boundary_map(instances)], dim=1) if self.config.use_instances else s

    def generate_with(
        self, s_and_style: Float[Tensor, "b c h w"], nets: dict[str, Any]
    ) -> Float[Tensor, "b 3 _ _"]:
        """G's photograph; in the first phase that of G1, at half the size."""
        if self.phase == "global":
            return nets["G1"](halve(s_and_style))
        coarse = nets["G1"].feature_map(halve(s_and_style))  # (B, k, S/2, S/2)
        return nets["G2"](s_and_style, coarse)

    def judge(
        self, s: Float[Tensor, "b c h w"], y: Float[Tensor, "b 3 h w"]
    ) -> list[list[Float[Tensor, "b _ _ _"]]]:
        """The maps of all layers of D, given s, at each scale; the last one holds the logits.

        While G1 learns alone, images have half the size and the finest D waits: no D ever changes
        its resolution.
        """
        waits = int(self.phase == "global" and self.config.d_scales > 1)
        return self.run(self.D, torch.cat([s, y], dim=1), waits)

    # ---- the step

    def discriminator_terms(
        self, real: list[list[Tensor]], fake: list[list[Tensor]]
    ) -> dict[str, Float[Tensor, ""]]:
        """What D minimises, unweighted, summed over the scales of :meth:`judge`."""
        return {
            "d_real": losses.total(losses.least_squares_real(layers[-1]) for layers in real),
            "d_fake": losses.total(losses.least_squares_fake(layers[-1]) for layers in fake),
        }

    def generator_terms(
        self, real: list[list[Tensor]], fake: list[list[Tensor]], y: Tensor, fake_y: Tensor
    ) -> dict[str, Float[Tensor, ""]]:
        """What G and E minimise, unweighted: L_GAN, summed over the scales, L_FM, averaged, and
        the distance of fake_y and y to a network that knows photographs.
        """
        terms = Terms()
        if self.config.lambda_gan:
            terms["g_gan"] = losses.total(
                losses.least_squares_generator(layers[-1]) for layers in fake
            )
        if self.config.lambda_fm:
            terms["g_fm"] = losses.feature_matching(fake, real)
        if self.config.lambda_features:
            see = self.photo_features()
            terms["g_features"] = losses.perceptual(see(fake_y), see(y))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of G and E, then one of D. Returns the unweighted terms.

        ``batch``: y (B, 3, S, S), and labels and instances (B, S, S) or, for plain pairs, x.
        """
        cfg, D, opt_G, opt_D, y = self.config, self.D, self.opt_G, self.opt_D, batch["y"]

        # 1. s, with the style that E reads in y, a mean for each instance; and G's photograph.
        s = self.scene(batch["labels"], batch["instances"]) if cfg.n_labels else batch["x"]
        s_and_style = s  # (B, c, S, S)
        if cfg.use_features:
            s_and_style = torch.cat([s, self.run(self.networks["E"], y, batch["instances"])], dim=1)
        self.G1.requires_grad_(self.phase != "enhancer")
        fake_y = self.run(self.generate_with, s_and_style, self.networks)
        if self.phase == "global":  # G1 alone paints (B, 3, S/2, S/2)
            s, y = halve(s), halve(y)

        # 2. D looks at the real photograph. Its layers are what G has to match: detached, in L_FM.
        D.requires_grad_(True)
        real = self.judge(s, y)

        # 3. G and E learn to fool D, which is frozen, and to look to its layers like y.
        D.requires_grad_(False)
        opt_G.zero_grad()
        g_terms = self.generator_terms(real, self.judge(s, fake_y), y, fake_y)
        loss_G = cfg.lambda_gan * g_terms["g_gan"] + cfg.lambda_fm * g_terms["g_fm"]
        loss_G = loss_G + cfg.lambda_features * g_terms["g_features"]
        loss_G.backward()
        opt_G.step()

        # 4. D learns to tell the two, for L_FM alone as well. Detached: nothing of this reaches G.
        D.requires_grad_(True)
        opt_D.zero_grad()
        d_terms = self.discriminator_terms(real, self.judge(s, fake_y.detach()))
        loss_D = 0.5 * (d_terms["d_real"] + d_terms["d_fake"])  # the objective of D is halved
        loss_D.backward()
        opt_D.step()

        self.update_averages(but=PHASES[self.phase])
        return {name: term.detach() for name, term in (g_terms | d_terms).items()}

    # ---- using it

    @torch.no_grad()
    def translate(
        self,
        x: Float[Tensor, "b 3 h w"] | None,
        z: Float[Tensor, "b f h w"] | None = None,
        direction: str = "xy",
        *,
        labels: Integer[Tensor, "b h w"] | None = None,
        instances: Integer[Tensor, "b h w"] | None = None,
        seed: int | None = None,
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G(s)}`` in float32, with averaged weights if there are any.

        G paints from ``labels`` and ``instances``, or from x if it was trained on plain pairs.
        ``z`` is the style, features as :meth:`encode` reads them: by default a centre for each
        instance, drawn of ``seed`` or of torch's global generator. A G1 that has no G2 yet paints
        at half the size, enlarged. All may lie on any device and are moved to the method's.
        """
        # its codes are features, which use_features decides on
        codes = None if self.config.use_features else z
        s = self.take(labels if self.config.n_labels else x, codes, direction)
        if self.config.n_labels:
            labels, instances = s, self.take(instances, None, direction)
            s = self.scene(labels, instances)
            if self.config.use_features:
                z = self.styles.choose(labels, instances, seed) if z is None else z
                s = torch.cat([s, z.to(self.device)], dim=1)
        with inference(self.averaged["G1"]) as G1, inference(self.averaged["G2"]) as G2:
            fake_y = self.generate_with(s, {"G1": G1, "G2": G2})
        if self.phase == "global":
            fake_y = F.interpolate(fake_y, scale_factor=2.0, mode="bilinear")
        return {"fake_y": fake_y}

    def sample(
        self,
        x: Tensor | None,
        count: int,
        seed: int = 0,
        labels: Tensor | None = None,
        instances: Tensor | None = None,
    ) -> Float[Tensor, "b count 3 h w"]:
        """``count`` translations of each x, in other styles; sample k chooses alike in all."""
        seeds = [seed + self.STRIDE * k for k in range(count)]
        fakes = [
            self.translate(x, labels=labels, instances=instances, seed=each)["fake_y"]
            for each in seeds
        ]
        return torch.stack(fakes, dim=1)

    @torch.no_grad()
    def encode(
        self, y: Float[Tensor, "b 3 s s"], *, instances: Integer[Tensor, "b s s"]
    ) -> Float[Tensor, "b f s s"]:
        """E's features of y, constant on each instance, in float32.

        Raises CourseError if there is no E.
        """
        ensure(
            self.E is not None,
            "this pix2pixHD has no encoder",
            "encode()",
            "train with use_features=True",
        )
        with inference(self.averaged["E"]) as E:
            return E(y.to(self.device), instances.to(self.device))

    def finish(self, dataset: Any) -> bool:
        """The centres of each class, over the features of training instances."""
        if self.E is None:
            return False

        def encoded():
            for i in range(min(len(dataset), self.config.cluster_images)):
                item = dataset[i]
                yield self.encode(item["y"][None], instances=item["instances"][None])[0].cpu(), item

        self.styles.learn(encoded(), CLUSTER_AREA)
        return True
