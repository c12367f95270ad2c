"""The frozen networks: three small ones that know façades, whose weights come with the course, and VGGs if there are.

Each of the three comes twice: with weights for images of up to 64 px, and with others, ``NAME_128``, for larger ones.

    Segmenter      labels façades, for the FCN-score
    FeatureNet     tells how different two images look, for the distance by "features"
    FactorReader   reads the seven factors of a façade's style from its photograph
    VGG19          gives the five maps of pix2pixHD's perceptual loss, where torch's cache holds its weights

The three were trained by :mod:`course_lib.training.frozen`; the file NAME.json beside each NAME.safetensors in
``frozen_files`` tells its origin. Images are batches (n, 3, h, w) in [-1, 1].
"""

import functools
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.errors import CourseError

FILES = Path(__file__).parent / "frozen_files"
CLASSES, WALLS = (
    12,
    8,
)  # labels of façades, colours of walls: of houses.layout and houses.render
LOW, HIGH = (
    (-1.0, -1.0, 0.0, 0.0, 0.0),
    (1.0, 1.0, 0.6, 1.0, 1.0),
)  # of shade, light, time, glass, weathering by day
SMALL, LARGEST = 64, 128  # px: up to where the first weights serve, and up to where the others do
CHUNK = 64  # photographs that are segmented at a time
VGG = "vgg16-397923af.pth"  # torchvision's file
MEAN, STD = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # of the images that the VGG was trained on, in [0, 1]
LAYERS = 23  # of vgg16().features, up to and with relu4_3


def _conv(a: int, b: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]


def _block(*channels: int) -> nn.Sequential:
    """Convolutions of 3x3, each with batch norm and ReLU, from one number of channels to the next."""
    return nn.Sequential(*(layer for a, b in pairwise(channels) for layer in _conv(a, b)))


class Segmenter(nn.Module):
    """Photographs (B, 3, H, W) in [-1, 1] -> logits (B, classes, H, W); sides that 8 does not divide are padded.

    The paper's FCN-score asks an FCN-8s trained on real photographs whether it recognises what was painted. This is not
    FCN-8s but a U-Net of 91,068 parameters; say "FCN-score with the course's own segmenter".
    """

    def __init__(self, classes: int = CLASSES, widths: tuple[int, ...] = (16, 16, 32, 48)):
        super().__init__()
        self.down = nn.ModuleList(_block(a, b, b) for a, b in pairwise((3, *widths)))
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def features(self, photos: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b channels h8 w8"]:
        """What the encoder makes of (B, 3, H, W), H and W multiples of 8: (B, 48, H/8, W/8), before any label."""
        h = photos
        for i, block in enumerate(self.down):
            h = block(F.max_pool2d(h, 2) if i else h)
        return h

    def forward(self, photos: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes h w"]:
        height, width = photos.shape[-2:]
        step = 2 ** len(self.up)
        h, seen = F.pad(photos, (0, -width % step, 0, -height % step), mode="replicate"), []
        for block in self.down:
            h = block(F.max_pool2d(h, 2) if seen else h)
            seen.append(h)
        for block, skip in zip(reversed(self.up), reversed(seen[:-1]), strict=True):
            h = block(
                torch.cat([F.interpolate(h, scale_factor=2.0), skip], dim=1)
            )  # half the side -> that of skip
        return self.head(h)[..., :height, :width]


@torch.no_grad()
def segment(net: Segmenter, photos: Float[Tensor, "n 3 h w"]) -> Int[Tensor, "n h w"]:
    """The likeliest class of each pixel; ``net`` in evaluation mode, as the functions here return it."""
    return torch.cat([net(chunk).argmax(1) for chunk in photos.split(CHUNK)])


class FeatureNet(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] -> features of four layers, at H/2, H/4, H/8 and H/8: 32, 64, 64, 64 channels.

    100,216 parameters, trained on façades only, half of them in colours that no façade has.
    """

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Sequential(*_conv(3, 24), *_conv(24, 32, stride=2)),
                nn.Sequential(*_conv(32, 64), nn.MaxPool2d(2)),
                nn.Sequential(*_conv(64, 64), nn.MaxPool2d(2)),
                nn.Sequential(*_conv(64, 64)),
            ]
        )

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        h, layers = images, []
        for stage in self.stages:
            layers.append(h := stage(h))
        return layers

    def pooled(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 448"]:
        """Mean and standard deviation of each channel over the image, the last layer last."""
        return torch.cat(
            [s for h in self(images) for s in (h.mean((2, 3)), h.flatten(2).std(2, correction=0))],
            dim=1,
        )


class FactorReader(nn.Module):
    """Photographs (B, 3, H, W) in [-1, 1] -> (B, 14): logits of the wall's 8 colours and of brick, five factors.

    shade, light, time, glass and weathering are scaled to [-1, 1]. 138,054 parameters.
    """

    def __init__(self):
        super().__init__()
        self.trunk = FeatureNet()
        self.head = nn.Sequential(nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, WALLS + 6))

    def forward(self, photos: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 14"]:
        layers = self.trunk(photos)
        said = [s for h in layers for s in (h.mean((2, 3)), h.flatten(2).std(2, correction=0))]
        for h in layers[2:]:  # the sun stands left or right
            left, right = h.tensor_split(2, dim=3)
            said.append(right.mean((2, 3)) - left.mean((2, 3)))
        return self.head(torch.cat(said, dim=1))


# ---- the shipped weights


class VGG19(nn.Module):
    """relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 of VGG-19, frozen: images (B, 3, H, W) -> five maps.

    ``file`` holds torchvision's weights. As in the authors' code, images go in as they are, in [-1, 1].
    """

    FILE = "vgg19-dcbb9e9d.pth"  # torchvision's
    ENDS = (2, 7, 12, 21, 30)  # of the stages, in torchvision's list of layers

    def __init__(self, file: str):
        super().__init__()
        from torchvision.models import vgg19

        with torch.device("meta"):  # without the memory for the classifier
            self.layers = vgg19().features[: self.ENDS[-1]]
        weights = torch.load(file, map_location="cpu", weights_only=True)
        names = self.layers.state_dict()
        self.layers.load_state_dict(
            {name: weights[f"features.{name}"] for name in names}, assign=True
        )
        self.requires_grad_(False)

    @classmethod
    def cached(cls) -> "VGG19":
        """With the weights in torch's cache. Raises CourseError where they are not: nothing is downloaded."""
        file = Path(torch.hub.get_dir()) / "checkpoints" / cls.FILE
        if not file.is_file():
            fix = f"put torchvision's file {cls.FILE} there, or leave lambda_vgg at 0"
            raise CourseError(
                "the VGG loss needs the weights of VGG-19, and the course downloads nothing",
                file,
                fix,
            )
        return cls(str(file))

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        h, maps = images, []
        for start, end in zip((0, *self.ENDS), self.ENDS, strict=False):
            maps.append(h := self.layers[start:end](h))
        return maps


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A new network of its own seed; torch's random state stays as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def shrunk(photos: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 _ _"]:
    """Photographs that are no larger than what the networks know, by a whole number if they were."""
    height, width = photos.shape[-2:]
    by = -(-max(height, width) // LARGEST)
    return photos if by == 1 else F.interpolate(photos, (height // by, width // by), mode="area")


def _load(make: Callable[[], nn.Module], name: str, size: int) -> nn.Module:
    net = seeded(make)
    file = FILES / f"{name}{'' if size <= SMALL else f'_{LARGEST}'}.safetensors"
    net.load_state_dict(safetensors.torch.load_file(file))  # float16 -> float32
    return net.eval().requires_grad_(False)


def load_segmenter(size: int = SMALL) -> Segmenter:
    """The shipped segmenter for photographs of ``size`` px, anew, in evaluation mode on the CPU.

    ``frozen_files/facades.json`` tells its origin, above 64 px ``facades_128.json``; so for the others.
    """
    return _load(Segmenter, "facades", size)


@functools.cache
def load_features(size: int = SMALL) -> FeatureNet:
    """The shipped network for images of ``size`` px, in evaluation mode: ``frozen_files/features.json``."""
    return _load(FeatureNet, "features", size).to(memory_format=torch.channels_last)


@functools.cache
def load_reader(size: int = SMALL) -> FactorReader:
    """The shipped reader for photographs of ``size`` px, in evaluation mode: ``frozen_files/factors.json``."""
    return _load(FactorReader, "factors", size).to(memory_format=torch.channels_last)


# ---- deep features for training


def content_features(
    by: str = "auto", device: torch.device | str = "cpu", size: int = SMALL
) -> tuple[str, Callable[[Tensor], Tensor]]:
    """("vgg" or "features", images (B, 3, H, W) in [-1, 1] -> (B, C, H/8, W/8)); gradients pass, nothing in it learns.

    Features that tell content rather than looks, for MUNIT's domain-invariant perceptual loss. The paper takes relu4_3
    of a VGG-16 trained on photographs: ``by="auto"`` takes it where torch's cache holds its weights, for the course
    downloads nothing. Else the last layer of :class:`FeatureNet` stands in, which has seen façades only. Raises
    CourseError for "vgg" without its weights.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / VGG
    if by == "vgg" and not file.is_file():
        raise CourseError(
            "the weights of VGG-16 are not here", file, "put them there, or choose features"
        )
    if by == "features" or not file.is_file():
        net = load_features(size).to(device)
        return "features", lambda images: net(images)[-1]
    from torchvision.models import vgg16

    vgg = vgg16()
    vgg.load_state_dict(torch.load(file, weights_only=True))
    vgg = vgg.features[:LAYERS].to(device).eval().requires_grad_(False)
    mean, std = (torch.tensor(value, device=device)[:, None, None] for value in (MEAN, STD))
    return "vgg", lambda images: vgg(((images + 1) / 2 - mean) / std)
