"""pix2pixHD's networks (sections 3.2 to 3.4 of the paper): a generator in two scales, D's that show what they see."""

from collections.abc import Iterable
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn

from course_lib.networks.blocks import init_weights, norm_layer, upsample
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.hardware import AskedOften
from course_lib.networks.resnet import ResidualBlock


def halve(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """(B, c, H, W) -> (B, c, H/2, W/2): 3x3 average pooling that does not count the border."""
    return F.avg_pool2d(images, 3, 2, 1, count_include_pad=False)


def _conv(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """c7s1-k (kernel 7, reflection padding) or dk (kernel 3, stride 2): convolution, instance norm, ReLU."""
    pad, padding = ([nn.ReflectionPad2d(3)], 0) if kernel == 7 else ([], 1)
    return [
        *pad,
        nn.Conv2d(c_in, c_out, kernel, stride, padding),
        norm_layer("instance", c_out),
        nn.ReLU(),
    ]


def _up(kind: str, c_in: int, c_out: int) -> list[nn.Module]:
    return [upsample(kind, c_in, c_out, True, kernel=3), norm_layer("instance", c_out), nn.ReLU()]


def _picture(c_in: int) -> nn.Sequential:
    return nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(c_in, 3, 7), nn.Tanh())  # c7s1-3


class GlobalGenerator(nn.Module):
    """G1: c7s1-64, d128 ... d1024, 9 x R1024, u512 ... u64, c7s1-3: (B, c_in, H, W) -> (B, 3, H, W) in [-1, 1].

    H and W are multiples of 2**n_down. ``seen`` stops before the output layer: (B, base_channels, H, W), what a
    :class:`LocalEnhancer` builds on. At the paper's size, with 36 inputs, 182,546,755 parameters.
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
        for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True):  # and back
            layers += _up(upsampling, a, b)
        self.layers, self.picture = nn.Sequential(*layers), _picture(base_channels)
        init_weights(self)

    def seen(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        return self.layers(x)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 h w"]:
        return self.picture(self.layers(x))


class LocalEnhancer(nn.Module):
    """G2: c7s1-32, d64, + what G1 saw at half the size, 3 x R64, u32, c7s1-3: (B, 3, H, W) in [-1, 1].

    ``base_channels`` is G1's. The sum is element by element; G1 itself is not part of this module.
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
        self.down = nn.Sequential(
            *_conv(c_in, c, 7), *_conv(c, 2 * c, stride=2)
        )  # (B, c_in, H, W) -> (B, 2c, H/2, ..)
        self.up = nn.Sequential(
            *[ResidualBlock(2 * c) for _ in range(n_blocks)], *_up(upsampling, 2 * c, c)
        )
        self.picture = _picture(c)
        init_weights(self)

    def forward(
        self, x: Float[Tensor, "b c h w"], seen: Float[Tensor, "b k h2 w2"]
    ) -> Float[Tensor, "b 3 h w"]:
        return self.picture(self.up(self.down(x) + seen))


class FeatureEncoder(nn.Module):
    """E: c7s1-16, d32 ... d256, u128 ... u16, c7s1-3, and then the mean over each instance.

    Photographs (B, 3, H, W) and instance ids (B, H, W), both multiples of 2**n_down -> (B, n_features, H, W) in
    [-1, 1], constant on each instance.
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
    """Every pixel gets the mean of ``features`` over its instance, (B, c, h, w); gradients pass through."""
    group = instance_index(instances)  # (B h w,)
    flat = features.movedim(1, -1).flatten(0, 2)  # (B h w, c)
    flat = flat.to(torch.promote_types(flat.dtype, torch.float32))
    # A row for each pixel, though there are fewer instances: to ask a GPU how many would wait for all its work.
    total = torch.zeros_like(flat).index_add(0, group, flat)
    count = torch.zeros_like(group).index_add(0, group, torch.ones_like(group))
    means = total / count.clamp(min=1)[:, None]
    return means[group].view(*instances.shape, -1).movedim(-1, 1)


def instance_index(instances: Integer[Tensor, "b h w"]) -> Integer[Tensor, " pixels"]:
    """Of every pixel an id, from 0 on, each used: no two images of a batch share one. As unique() without its wait."""
    ids = instances.long()
    ids = ids + (ids.max() + 1) * torch.arange(len(ids), device=ids.device)[:, None, None]
    ordered, order = ids.flatten().sort()
    rank = F.pad(
        (ordered.diff() != 0).cumsum(0), (1, 0)
    )  # 0 up to the first pixel of another instance, then 1 ...
    return torch.empty_like(order).scatter(0, order, rank)


def boundary_map(instances: Integer[Tensor, "b h w"]) -> Float[Tensor, "b 1 h w"]:
    """1 where a pixel's instance id differs from that of one of its four neighbours, else 0 (section 3.3)."""
    edge = torch.zeros(instances.shape, dtype=torch.bool, device=instances.device)
    across, down = (
        instances[:, :, 1:] != instances[:, :, :-1],
        instances[:, 1:] != instances[:, :-1],
    )
    for part in (edge[:, :, 1:], edge[:, :, :-1]):
        part |= across
    for part in (edge[:, 1:], edge[:, :-1]):
        part |= down
    return edge[:, None].float()


class SeeingPatchGAN(PatchGAN):
    """A PatchGAN that returns what each layer saw: hidden maps, then the map of logits, as a list.

    Its convolutions are padded by 2, as in the authors' code: 1024 x 512 px give 131 x 67 logits.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                layer.padding = (2, 2)

    def forward(self, image: Float[Tensor, "b channels h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        h, seen = image, []
        for layer in self.layers:
            h = layer(h)
            if isinstance(layer, nn.LeakyReLU):
                seen.append(h)
        return [*seen, h]


class MultiScaleD(nn.Module):
    """``n_scales`` equal :class:`SeeingPatchGAN`, each on the image at half the size of the one before.

    ``finest`` above 0 leaves out so many at the beginning: then the image has the size that the next one expects.
    """

    def __init__(
        self, in_channels: int, base_channels: int = 64, n_layers: int = 3, n_scales: int = 3
    ):
        super().__init__()
        nets = (
            SeeingPatchGAN(in_channels, base_channels, n_layers, "instance")
            for _ in range(n_scales)
        )
        self.scales = nn.ModuleList(nets)

    def forward(
        self, image: Float[Tensor, "b channels h w"], finest: int = 0
    ) -> list[list[Float[Tensor, "b _ _ _"]]]:
        maps = []
        for D in self.scales[finest:]:
            maps.append(D(image))
            image = halve(image)
        return maps


class Styles(AskedOften):
    """What G is to know beyond its weights: the centres of the features of each class, and the phase of training.

    A module, so that checkpoints keep it; nothing learns. ``centres`` (n_labels, n_centres, n_features), of which the
    first ``counts`` (n_labels,) of a class are there: none until training ends.
    """

    asked = ("phase",)
    IDS = 4096  # instances of one image that choose for themselves

    def __init__(self, n_labels: int, n_centres: int, n_features: int):
        super().__init__()
        self.register_buffer("centres", torch.zeros(n_labels, n_centres, n_features))
        self.register_buffer("counts", torch.zeros(n_labels, dtype=torch.long))
        self.register_buffer("phase", torch.zeros((), dtype=torch.long))

    def learn(self, encoded: Iterable[tuple[Tensor, dict]], area: float) -> None:
        """K-means for each class over instances that exceed ``area``, a share of the image.

        ``encoded``: features (f, h, w), constant on each instance, with the item of the data set that they are from.

        The authors' code leaves a class without such instances without centres; here all its instances count.
        """
        seen: dict[int, list[tuple[float, Tensor]]] = {}
        for features, item in encoded:
            for number in item["instances"].unique():
                at = item["instances"] == number
                first = tuple(
                    at.nonzero()[0].tolist()
                )  # label and features are the same all over an instance
                seen.setdefault(int(item["labels"][first]), []).append(
                    (at.float().mean().item(), features[:, *first].clone())
                )
        self.centres.zero_(), self.counts.zero_()
        for label, own in seen.items():
            large = [of for share, of in own if share > area] or [of for _, of in own]
            found = kmeans(torch.stack(large).float(), self.centres.shape[1])
            self.centres[label, : len(found)], self.counts[label] = (
                found.to(self.centres),
                len(found),
            )

    def choose(
        self,
        labels: Integer[Tensor, "b h w"],
        instances: Integer[Tensor, "b h w"],
        seed: int | None = None,
    ) -> Float[Tensor, "b f h w"]:
        """For each instance one of the centres of its class, at random; 0 where a class has none.

        With a ``seed``, equal ids of all images draw alike; None draws from torch's global generator.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        draws = torch.rand(len(labels) if seed is None else 1, self.IDS, generator=generator)
        draws = draws.expand(len(labels), -1).to(labels.device)
        chosen = draws.gather(1, instances.flatten(1).long() % self.IDS).view(
            labels.shape
        )  # (B, S, S) in [0, 1)
        labels = labels.long()
        return self.centres[labels, (chosen * self.counts[labels]).long()].movedim(-1, 1)


def kmeans(points: Float[Tensor, "n d"], k: int, rounds: int = 100) -> Float[Tensor, "m d"]:
    """At most k centres of clusters (Lloyd 1982), sorted; the same for the same points.

    The first centre is the mean's nearest point, each other one the point farthest from those before. Fewer than k
    where there are fewer different points.
    """
    k = min(k, len(points.unique(dim=0)))
    centres = points[(points - points.mean(0)).square().sum(1).argmin()][None]
    while len(centres) < k:
        farthest = torch.cdist(points, centres).min(1).values.argmax()
        centres = torch.cat([centres, points[farthest][None]])
    for _ in range(rounds):
        nearest = torch.cdist(points, centres).argmin(1)
        moved = torch.stack(
            [
                points[nearest == i].mean(0) if (nearest == i).any() else c
                for i, c in enumerate(centres)
            ]
        )
        if torch.equal(moved, centres):
            break
        centres = moved
    order = sorted(range(len(centres)), key=lambda i: centres[i].tolist())
    return centres[order]
