"""pix2pixHD: large photographs from label maps and instances (Wang, Liu, Zhu, Tao, Kautz, Catanzaro: CVPR 2018).

    min_G [ max_{D_1 .. D_n}  sum_k L_GAN(G, D_k)  +  lambda_fm * sum_k L_FM(G, D_k) ]                       (eq. 4)
    L_FM(G, D_k) = E_{s,x} sum_i (1 / N_i) ||D_k^(i)(s, x) - D_k^(i)(s, G(s))||_1                            (eq. 3)

s is what G sees: labels one-hot, the boundaries of instances, features; x the photograph, here called y as in all
methods. Least squares take the place of the logs. Where the formulas and the authors' code differ, the code is
followed: L_FM is averaged over the scales. Every ablation is a value of :class:`Config`:

    GAN alone               lambda_fm=0
    one scale               d_scales=1
    no instance map         use_instances=False, use_features=False
    plain pairs             n_labels=0, use_instances=False, use_features=False
    G1 alone                local_enhancer=False
    no coarse-to-fine       coarse_alone_until=0, coarse_frozen_until=0
    with the VGG loss       lambda_vgg=10, where torch's cache holds the weights of VGG-19
"""

import warnings
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.utils.data import Dataset

from course_lib import losses
from course_lib.errors import CourseError
from course_lib.methods.base import Method, TrainingConfig, may_be_zero
from course_lib.networks import FeatureEncoder, GlobalGenerator, LocalEnhancer, MultiScaleD
from course_lib.networks.blocks import inference
from course_lib.networks.frozen import VGG19
from course_lib.networks.pix2pixhd import Styles, boundary_map, halve

PHASES = ("global", "enhancer", "both")  # who learns: G1 at half the size, G2, G1 and G2


@dataclass(frozen=True)
class Config(TrainingConfig):
    """Hyperparameters; photographs are (3, image_size, image_size) in [-1, 1], labels 0 ... n_labels - 1."""

    # networks
    image_size: int = 1024
    n_labels: int = may_be_zero(
        12
    )  # CMP façades; 35 in Cityscapes; 0: G sees x as it is, the pairs have no labels
    base_channels: int = 64  # of G1; G2 has half as many
    n_down: int = 4
    n_blocks: int = 9
    local_enhancer: bool = True  # False: G1 alone, at full size
    n_local_blocks: int = 3
    upsampling: Literal["transposed", "resize-conv"] = "transposed"
    d_base_channels: int = 64
    d_layers: int = may_be_zero(3)
    d_scales: int = 3
    use_instances: bool = True  # the boundary map, in what G and D see
    use_features: bool = False  # E, and its features in what G sees
    n_features: int = 3
    e_base_channels: int = 16
    # objective
    gan_loss: Literal["log", "least-squares"] = "least-squares"
    lambda_gan: float = 1.0
    lambda_fm: float = 10.0
    lambda_vgg: float = 0.0  # 10 in the paper
    lambda_d: float = 0.5  # the objective of D is halved
    # training
    coarse_alone_until: float = (
        0.5  # share of the training in which G1 learns alone, at half the size
    )
    coarse_frozen_until: float = 0.55  # from then on, up to this share, G2 learns and G1 does not
    features_frozen_from: float = (
        1.0  # share after which E stays as it is; 1: it learns with G to the end
    )
    jitter: Literal["resize", "affine", "none", "auto"] = "none"
    decay_from: float = 0.5
    # styles, after training
    n_centres: int = 10  # of the features of a class
    cluster_images: int = 1_000_000  # of the training set, at most, whose instances are encoded
    cluster_area: float = (
        1 / 64
    )  # share of the image that an instance must exceed, if any of its class does

    def __post_init__(self):
        if not (self.lambda_gan or self.lambda_fm or self.lambda_vgg):
            raise CourseError("no term is left for G", "Config", "give a lambda above 0")
        if not self.n_labels and self.use_instances:
            fix = "add use_instances=False and use_features=False"
            raise CourseError("plain pairs have no instances", "Config", fix)
        if self.use_features and not self.use_instances:
            fix = "add use_features=False, or leave use_instances on"
            raise CourseError("features are averaged over instances", "Config", fix)
        least = 2 ** (self.n_down + self.local_enhancer)
        if self.image_size % least or self.image_size < 2 * least:
            what = f"image_size must be a multiple of {least}, at least {2 * least}, got {self.image_size}"
            raise CourseError(what, "Config", "choose another size, or a smaller n_down")
        coarsest, needed = (
            self.image_size >> (self.d_scales - 1 + self.local_enhancer),
            2**self.d_layers,
        )
        if coarsest < needed:
            what = f"a D of {self.d_layers} layers needs {needed} px at its coarsest scale, got {coarsest}"
            raise CourseError(
                what, "Config", "choose a larger image_size, or smaller d_layers or d_scales"
            )


# Fits a machine and a few minutes; chosen on validation houses.
_SMALL = {
    "n_down": 3, "n_blocks": 3, "n_local_blocks": 2, "upsampling": "resize-conv", "d_layers": 2, "d_scales": 2,
    "use_features": True, "e_base_channels": 8, "jitter": "auto", "flip": "auto", "batch_size": 4, "lr": 1e-3,
    "beta2": 0.99, "average": 0.995, "cluster_images": 300,
}  # fmt: skip
PRESETS: dict[str, dict] = {
    "paper": {},
    "smoke": _SMALL
    | {
        "image_size": 32,
        "base_channels": 8,
        "n_down": 2,
        "n_blocks": 1,
        "d_base_channels": 8,
        "d_layers": 1,
    }
    | {"e_base_channels": 4, "batch_size": 2, "cluster_images": 8, "n_centres": 3},
    "cpu": _SMALL | {"image_size": 64, "base_channels": 16, "d_base_channels": 16},
    "gpu": _SMALL
    | {"image_size": 256, "base_channels": 48, "n_blocks": 6, "d_base_channels": 32, "d_layers": 3},
}


class Pix2PixHD(Method):
    """G1, G2, D at several scales, E, their optimisers and one training step.

    ``maps`` of a batch are what it needs besides x and y: labels and instances, (B, S, S) whole
    numbers. ``bf16`` runs the networks in bfloat16; losses stay float32.
    """

    Config, PRESETS, needs_pairs = Config, PRESETS, True
    REVISION = 2  # 4/T in feature matching, a rate for each phase, D at fixed resolutions
    maps = ("labels", "instances")
    STRIDE = 1_000_003  # between the seeds of two samples

    def __init__(
        self, config: Config | None = None, device: torch.device | str = "cpu", bf16: bool = False
    ):
        super().__init__(config, device, bf16)
        cfg = self.config
        self.maps = type(self).maps if cfg.n_labels else ()
        judged = (cfg.n_labels or 3) + cfg.use_instances  # channels of s that D sees, too
        shown = judged + cfg.n_features * cfg.use_features
        self.G1 = GlobalGenerator(
            shown, cfg.base_channels, cfg.n_down, cfg.n_blocks, cfg.upsampling
        )
        learners = {"G1": self.G1}
        if cfg.local_enhancer:
            learners["G2"] = LocalEnhancer(
                shown, cfg.base_channels, cfg.n_local_blocks, cfg.upsampling
            )
        if cfg.use_features:
            learners["E"] = FeatureEncoder(
                cfg.n_features, cfg.e_base_channels, cfg.n_down, cfg.upsampling
            )
        self.G2, self.E = learners.get("G2"), learners.get("E")
        self.D = MultiScaleD(judged + 3, cfg.d_base_channels, cfg.d_layers, cfg.d_scales)
        self.styles = Styles(cfg.n_labels, cfg.n_centres, cfg.n_features)
        self.networks = learners | {"D": self.D, "styles": self.styles}
        self.place("instance")
        self.keep_averages(*learners)
        self.vgg = VGG19.cached().to(self.device) if cfg.lambda_vgg else None
        self.opt_G, self.opt_D = (
            self.adam(*learners.values()),
            self.adam(self.D),
        )  # opt_G moves E, too
        self.optimizers = {"opt_G": self.opt_G, "opt_D": self.opt_D}
        self.advance(0.0)

    @classmethod
    def adapt_config(cls, config: Config, item: dict, direction: str = "xy") -> Config:
        """Pairs without labels and instances, or with those of the output, are plain ones."""
        if not config.n_labels or (direction == "xy" and set(cls.maps) <= item.keys()):
            return config
        if config.use_features:
            warnings.warn(
                "these pairs have no instances: no features, every input has one output",
                stacklevel=3,
            )
        return replace(config, n_labels=0, use_instances=False, use_features=False)

    def advance(self, share: float) -> None:
        """``share`` of the training is done, which decides who learns now."""
        cfg = self.config
        late = int(share >= cfg.coarse_alone_until) + int(
            share >= max(cfg.coarse_frozen_until, cfg.coarse_alone_until)
        )
        self.styles.phase.fill_(late if cfg.local_enhancer else 0)
        if self.E is not None:
            self.E.requires_grad_(share <= cfg.features_frozen_from)

    def rate(self, share: float) -> float:
        """G1's rate falls to 0 before G2 begins, and starts again then, as two trainings in a row would have it."""
        alone = self.config.coarse_alone_until
        if not self.config.local_enhancer or not 0 < alone < 1:
            return super().rate(share)
        return super().rate(share / alone if share < alone else (share - alone) / (1 - alone))

    @property
    def phase(self) -> str:
        return PHASES[int(self.styles.phase)]

    def scene(
        self, labels: Integer[Tensor, "b h w"], instances: Integer[Tensor, "b h w"]
    ) -> Float[Tensor, "b c h w"]:
        """s as D sees it: labels one-hot and, if instances are used, their boundaries."""
        s = (
            F.one_hot(labels.long(), self.config.n_labels).movedim(-1, 1).float()
        )  # (B, S, S) -> (B, n_labels, S, S)
        return torch.cat([s, boundary_map(instances)], dim=1) if self.config.use_instances else s

    def paint(
        self, s: Float[Tensor, "b c h w"], nets: dict[str, nn.Module]
    ) -> Float[Tensor, "b 3 _ _"]:
        """G's photograph from all that G sees; in the first phase that of G1, at half the size."""
        if not self.config.local_enhancer:
            return nets["G1"](s)
        if self.phase == "global":
            return nets["G1"](halve(s))
        return nets["G2"](
            s, nets["G1"].seen(halve(s))
        )  # (B, c, S, S), (B, k, S/2, S/2) -> (B, 3, S, S)

    def judge(
        self, s: Float[Tensor, "b c h w"], y: Float[Tensor, "b 3 h w"]
    ) -> list[list[Float[Tensor, "b _ _ _"]]]:
        """Of each scale of D what its layers see in y, given s; the last is the map of logits.

        While G1 learns alone, images have half the size and the finest D waits: no D ever changes its resolution.
        """
        waits = int(
            self.phase == "global" and self.config.local_enhancer and self.config.d_scales > 1
        )
        with self.autocast:
            return [[h.float() for h in maps] for maps in self.D(torch.cat([s, y], dim=1), waits)]

    def discriminator_terms(
        self, real: list[list[Tensor]], fake: list[list[Tensor]]
    ) -> dict[str, Float[Tensor, ""]]:
        """What D minimises, unweighted, summed over the scales: ``d_real`` and ``d_fake``, of :meth:`judge`."""
        real_loss, fake_loss, _ = losses.GAN_LOSSES[self.config.gan_loss]
        return {
            "d_real": sum(real_loss(of[-1]) for of in real),
            "d_fake": sum(fake_loss(of[-1]) for of in fake),
        }

    def generator_terms(
        self, y: Tensor, fake_y: Tensor, real: list[list[Tensor]], fake: list[list[Tensor]]
    ) -> dict[str, Float[Tensor, ""]]:
        """What G and E minimise, unweighted: ``g_gan`` summed and ``g_fm`` averaged over the scales, and ``g_vgg``."""
        cfg, terms = self.config, {}
        if cfg.lambda_gan:
            terms["g_gan"] = sum(losses.GAN_LOSSES[cfg.gan_loss][2](of[-1]) for of in fake)
        if cfg.lambda_fm:
            terms["g_fm"] = losses.feature_matching(fake, real)
        if cfg.lambda_vgg:
            terms["g_vgg"] = losses.perceptual(self.vgg(fake_y), self.vgg(y))
        return terms

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of G and E, then one of D. ``batch``: y (B, 3, S, S), and labels, instances or x."""
        cfg, D, opt_G, opt_D, y = self.config, self.D, self.opt_G, self.opt_D, batch["y"]

        # 1. What G sees of the scene, or x, with what E reads in y, a mean for each instance; and G's photograph.
        s = shown = (
            self.scene(batch["labels"], batch["instances"]) if cfg.n_labels else batch["x"]
        )  # (B, c, S, S)
        if cfg.use_features:
            with self.autocast:
                shown = torch.cat([s, self.E(y, batch["instances"])], dim=1)
        self.G1.requires_grad_(self.phase != "enhancer")
        fake_y = self.run(self.paint, shown, self.networks)
        if fake_y.shape != y.shape:  # G1 alone
            s, y = halve(s), halve(y)

        # 2. D looks at the real photograph. Its layers are what G has to match: detached, in the loss.
        needs_D = cfg.lambda_gan or cfg.lambda_fm
        D.requires_grad_(True)
        real = self.judge(s, y) if needs_D else []

        # 3. G and E learn to fool D, which is frozen, and to look to its layers like y.
        D.requires_grad_(False)
        opt_G.zero_grad()
        terms = self.generator_terms(y, fake_y, real, self.judge(s, fake_y) if needs_D else [])
        weights = {"g_gan": cfg.lambda_gan, "g_fm": cfg.lambda_fm, "g_vgg": cfg.lambda_vgg}
        loss_G = sum(weights[name] * term for name, term in terms.items())
        loss_G.backward()
        opt_G.step()

        # 4. D learns to tell the two. Detached: nothing of this reaches G or E. Feature matching needs D, too.
        if needs_D:
            D.requires_grad_(True)
            opt_D.zero_grad()
            d = self.discriminator_terms(real, self.judge(s, fake_y.detach()))
            (cfg.lambda_d * (d["d_real"] + d["d_fake"])).backward()
            opt_D.step()
            terms |= d

        self.update_averages(but={"global": "G2", "enhancer": "G1", "both": ""}[self.phase])
        return {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def translate(
        self,
        x: Float[Tensor, "b 3 h w"] | None,
        labels: Integer[Tensor, "b h w"] | None = None,
        instances: Integer[Tensor, "b h w"] | None = None,
        features: Float[Tensor, "b f h w"] | None = None,
        seed: int | None = None,
    ) -> dict[str, Float[Tensor, "b 3 h w"]]:
        """``{"fake_y": G(s)}`` in float32, with averaged weights if there are any; after phase one of training.

        Without ``labels`` they are read from the colours of x, without ``instances`` every connected region of one
        label is one. ``features`` are what G sees of the style: by default a centre for each instance, drawn of
        ``seed`` or of torch's global generator. A G1 that has no G2 yet paints at half the size, enlarged.
        """
        from course_lib.data.facades import label_map
        from course_lib.data.scenes import regions

        if self.config.n_labels:
            labels = (
                label_map(x.cpu()).to(self.device) if labels is None else labels.to(self.device)
            )
            instances = regions(labels) if instances is None else instances.to(self.device)
        s = self.scene(labels, instances) if self.config.n_labels else x.to(self.device)
        if self.config.use_features:
            features = (
                self.styles.choose(labels, instances, seed)
                if features is None
                else features.to(self.device)
            )
            s = torch.cat([s, features], dim=1)
        with (
            inference(self.averaged["G1"]) as G1,
            inference(self.averaged.get("G2", nn.Identity())) as G2,
        ):
            fake_y = self.paint(s, {"G1": G1, "G2": G2})
        fits = fake_y.shape[-1] == s.shape[-1]
        return {
            "fake_y": fake_y if fits else F.interpolate(fake_y, scale_factor=2.0, mode="bilinear")
        }

    def sample(
        self,
        x: Tensor | None,
        count: int,
        seed: int = 0,
        labels: Tensor | None = None,
        instances: Tensor | None = None,
    ) -> Float[Tensor, "b count 3 h w"]:
        """``count`` translations of each x, in other styles; sample k chooses alike in all of them."""
        fakes = [
            self.translate(x, labels, instances, seed=seed + self.STRIDE * k)["fake_y"]
            for k in range(count)
        ]
        return torch.stack(fakes, dim=1)

    @torch.no_grad()
    def encode(
        self, y: Float[Tensor, "b 3 s s"], *, instances: Integer[Tensor, "b s s"]
    ) -> Float[Tensor, "b f s s"]:
        """E's features of y, constant on each instance, in float32. Raises CourseError if there is no E."""
        if self.E is None:
            raise CourseError(
                "this pix2pixHD has no encoder", "encode()", "train with use_features=True"
            )
        with inference(self.averaged["E"]) as E:
            return E(y.to(self.device), instances.to(self.device))

    def finish(self, dataset: Dataset) -> bool:
        """The centres of each class, over the features of training instances."""
        if self.E is None:
            return False
        items = (dataset[i] for i in range(min(len(dataset), self.config.cluster_images)))
        encoded = (
            (self.encode(item["y"][None], instances=item["instances"][None])[0].cpu(), item)
            for item in items
        )
        self.styles.learn(encoded, self.config.cluster_area)
        return True
