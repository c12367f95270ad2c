"""pix2pixHD's networks (sections 3.2 to 3.4): G in two scales, D that shows all of its layers."""

from collections.abc import Iterable
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn

from course_lib.networks.bicycle import MultiScale, halve  # noqa: F401 (pix2pixHD halves alike)
from course_lib.networks.blocks import init_weights, norm_layer, upsample
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.hardware import KeptOnCPU
from course_lib.networks.resnet import ResidualBlock


def _conv(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """Convolution, instance norm, ReLU: c7s1-k (kernel 7) or dk (kernel 3, stride 2).

    Kernel 7 has reflection padding, kernel 3 zeros.
    """
    padding = [nn.ReflectionPad2d(3)] if kernel == 7 else []
    conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=0 if padding else 1)
    return [*padding, conv, norm_layer("instance", c_out), nn.ReLU()]


def _up(kind: str, c_in: int, c_out: int) -> list[nn.Module]:
    return [upsample(kind, c_in, c_out, True, kernel=3), norm_layer("instance", c_out), nn.ReLU()]


def _picture(c_in: int) -> nn.Sequential:
    return nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(c_in, 3, 7), nn.Tanh())  # c7s1-3


class GlobalGenerator(nn.Module):
    """G1: c7s1-64, d128 ... d1024, 9 x R1024, u512 ... u64, c7s1-3.

    (B, c_in, H, W) -> (B, 3, H, W) in [-1, 1]; H and W are multiples of 2**n_down. At the paper's
    size, with 36 inputs, 182,546,755 parameters.
    """

    def __init__(
        self,
        c_in: int = 36,
        base_channels: int = 64,
        n_down: int = 4,
        n_blocks: int = 9,
        upsampling: str = "transposed",
    ):
        super().__init__()
        widths = [base_channels * 2**i for i in range(n_down + 1)]
        layers = _conv(c_in, base_channels, 7)
        for a, b in pairwise(widths):  # (B, c, H, W) -> (B, 16 c, H/16, W/16)
            layers += _conv(a, b, stride=2)
        layers += [ResidualBlock(widths[-1]) for _ in range(n_blocks)]
        for a, b in pairwise(widths[::-1]):  # and back
            layers += _up(upsampling, a, b)
        self.layers, self.picture = nn.Sequential(*layers), _picture(base_channels)
        init_weights(self)

    def feature_map(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """What the output layer reads, (B, base_channels, H, W), and a LocalEnhancer builds on."""
        return self.layers(x)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 h w"]:
        return self.picture(self.feature_map(x))


class LocalEnhancer(nn.Module):
    """G2: c7s1-32, d64, + G1's last feature map of half the size, 3 x R64, u32, c7s1-3.

    (B, c_in, H, W) and (B, base_channels, H/2, W/2) -> (B, 3, H, W) in [-1, 1]. ``base_channels``
    is G1's, which is itself no part of this module.
    """

    def __init__(
        self,
        c_in: int = 36,
        base_channels: int = 64,
        n_blocks: int = 3,
        upsampling: str = "transposed",
    ):
        super().__init__()
        c = base_channels // 2
        # (B, c_in, H, W) -> (B, 2c, H/2, W/2)
        self.down = nn.Sequential(*_conv(c_in, c, 7), *_conv(c, 2 * c, stride=2))
        blocks = [ResidualBlock(2 * c) for _ in range(n_blocks)]
        self.up = nn.Sequential(*blocks, *_up(upsampling, 2 * c, c))
        self.picture = _picture(c)
        init_weights(self)

    def forward(
        self, x: Float[Tensor, "b c h w"], coarse: Float[Tensor, "b k h2 w2"]
    ) -> Float[Tensor, "b 3 h w"]:
        return self.picture(self.up(self.down(x) + coarse))


class FeatureEncoder(nn.Module):
    """E: c7s1-16, d32 ... d256, u128 ... u16, c7s1-3, and then the mean over each instance.

    Photographs (B, 3, H, W) and instance ids (B, H, W), both multiples of 2**n_down ->
    (B, n_features, H, W) in [-1, 1], constant on each instance.
    """

    def __init__(
        self,
        n_features: int = 3,
        base_channels: int = 16,
        n_down: int = 4,
        upsampling: str = "transposed",
    ):
        super().__init__()
        self.net = GlobalGenerator(3, base_channels, n_down, 0, upsampling)
        self.net.picture[1] = nn.Conv2d(base_channels, n_features, 7)
        init_weights(self)

    def forward(
        self, y: Float[Tensor, "b 3 h w"], instances: Integer[Tensor, "b h w"]
    ) -> Float[Tensor, "b n_features h w"]:
        return instance_means(self.net(y), instances)


def instance_means(
    features: Float[Tensor, "b c h w"], instances: Integer[Tensor, "b h w"]
) -> Tensor:
    """Every pixel gets the mean of ``features`` over its instance, (B, c, h, w).

    Gradients pass through.
    """
    group = instance_index(instances)  # (B h w,)
    flat = features.movedim(1, -1).flatten(0, 2)  # (B h w, c)
    flat = flat.to(torch.promote_types(flat.dtype, torch.float32))
    # A row for each pixel, though there are fewer instances: to ask a GPU how many is to wait
    # until all its work is done.
    total = torch.zeros_like(flat).index_add(0, group, flat)
    count = torch.zeros_like(group).index_add(0, group, torch.ones_like(group))
    means = total / count.clamp(min=1)[:, None]
    return means[group].view(*instances.shape, -1).movedim(-1, 1)


def instance_index(instances: Integer[Tensor, "b h w"]) -> Integer[Tensor, " pixels"]:
    """Of every pixel an id, from 0 on, each used: no two images of a batch share one.

    As torch.unique(), which would wait for a GPU's work.
    """
    ids = instances.long()
    ids = ids + (ids.max() + 1) * torch.arange(len(ids), device=ids.device)[:, None, None]
    ordered, order = ids.flatten().sort()
    # 0 up to the first pixel of another instance, then 1 ...
    rank = F.pad((ordered.diff() != 0).cumsum(0), (1, 0))
    return torch.empty_like(order).scatter(0, order, rank)


def boundary_map(instances: Integer[Tensor, "b h w"]) -> Float[Tensor, "b 1 h w"]:
    """1 where one of a pixel's four neighbours is of another instance, else 0."""
    across = instances[:, :, 1:] != instances[:, :, :-1]
    down = instances[:, 1:] != instances[:, :-1]
    left, right, above, below = (1, 0), (0, 1), (0, 0, 1, 0), (0, 0, 0, 1)
    edge = F.pad(across, left) | F.pad(across, right) | F.pad(down, above) | F.pad(down, below)
    return edge[:, None].float()


class OpenPatchGAN(PatchGAN):
    """A PatchGAN that returns a list of all its layers' maps: hidden ones, then that of logits.

    With ``padding=2``, as in the authors' code, 1024 x 512 px give 131 x 67 logits.
    """

    def forward(self, image: Float[Tensor, "b channels h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        h, maps = image, []
        for layer in self.layers:
            h = layer(h)
            if isinstance(layer, nn.LeakyReLU):
                maps.append(h)
        return [*maps, h]


class MultiScaleD(MultiScale):
    """``n_scales`` equal :class:`OpenPatchGAN`: a list of lists of maps."""

    def __init__(
        self, in_channels: int, base_channels: int = 64, n_layers: int = 3, n_scales: int = 3
    ):
        super().__init__(
            OpenPatchGAN(in_channels, base_channels, n_layers, "instance", padding=2)
            for _ in range(n_scales)
        )


class Phase(KeptOnCPU):
    """The number of the phase of training, from 0 on. A module, so that checkpoints keep it."""

    asked = ("number",)

    def __init__(self):
        super().__init__()
        self.register_buffer("number", torch.zeros((), dtype=torch.long))


class Styles(nn.Module):
    """The centres of the features of each class, once training has ended.

    A module, so that checkpoints keep it; nothing learns. ``centres`` is (n_labels, n_centres,
    n_features), of which the first ``counts`` (n_labels,) of a class are there: none until then.
    """

    IDS = 4096  # instances of one image that choose for themselves
    centres: Tensor
    counts: Tensor

    def __init__(self, n_labels: int, n_centres: int, n_features: int = 3):
        super().__init__()
        self.n_features = n_features
        self.register_buffer("centres", torch.zeros(n_labels, n_centres, n_features))
        self.register_buffer("counts", torch.zeros(n_labels, dtype=torch.long))

    def learn(self, encoded: Iterable[tuple[Tensor, dict]], area: float) -> None:
        """K-means for each class over instances that exceed ``area``, a share of the image.

        ``encoded``: features (f, h, w), constant on each instance, with the item of the data set
        that they are from. The authors' code leaves a class without such instances without
        centres; here all its instances count.
        """
        instances: dict[int, list[tuple[float, Tensor]]] = {}  # of a label: (share, features)
        for features, item in encoded:
            for number in item["instances"].unique():
                at = item["instances"] == number
                y, x = at.nonzero()[0].tolist()  # label and features are the same all over it
                share = at.float().mean().item()
                label = int(item["labels"][y, x])
                instances.setdefault(label, []).append((share, features[:, y, x].clone()))
        self.centres.zero_()
        self.counts.zero_()
        for label, members in instances.items():
            large = [features for share, features in members if share > area]
            points = torch.stack(large or [features for _, features in members])
            centres = kmeans(points.float(), self.centres.shape[1])
            self.centres[label, : len(centres)] = centres.to(self.centres)
            self.counts[label] = len(centres)

    def choose(
        self,
        labels: Integer[Tensor, "b h w"],
        instances: Integer[Tensor, "b h w"],
        seed: int | None = None,
    ) -> Float[Tensor, "b f h w"]:
        """For each instance one of the centres of its class, at random; 0 where a class has none.

        With a ``seed``, equal ids of all images draw alike; None draws from torch's global
        generator.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        draws = torch.rand(len(labels) if seed is None else 1, self.IDS, generator=generator)
        draws = draws.expand(len(labels), -1).to(labels.device)
        chosen = draws.gather(1, instances.flatten(1).long() % self.IDS)  # (B, S S) in [0, 1)
        labels = labels.long()
        number = chosen.view(labels.shape) * self.counts[labels]
        return self.centres[labels, number.long()].movedim(-1, 1)


def kmeans(points: Float[Tensor, "n d"], k: int, rounds: int = 100) -> Float[Tensor, "m d"]:
    """At most k centres of clusters (Lloyd 1982), sorted; the same for the same points.

    The first centre is the mean's nearest point, each other one the point farthest from those
    before. Fewer than k where there are fewer different points.
    """
    k = min(k, len(points.unique(dim=0)))
    centres = points[(points - points.mean(0)).square().sum(1).argmin()][None]
    while len(centres) < k:
        farthest = torch.cdist(points, centres).min(1).values.argmax()
        centres = torch.cat([centres, points[farthest][None]])
    for _ in range(rounds):
        nearest = torch.cdist(points, centres).argmin(1)
        moved = centres.clone()
        for i in nearest.unique().tolist():  # a centre to which no point is nearest stays
            moved[i] = points[nearest == i].mean(0)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres[sorted(range(len(centres)), key=lambda i: centres[i].tolist())]
