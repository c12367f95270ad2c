"""Images of any size through networks that have seen squares only: resized, padded and back."""

import warnings
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from course_lib.data.files import check_apart, check_outputs, replace_file
from course_lib.data.images import Size, scaled, to_image, to_png
from course_lib.errors import CourseError, explained
from course_lib.methods.base import Method
from course_lib.networks.hardware import seeded

Painter = Callable[[Tensor], Tensor]  # x (1, 3, h, w) -> its outputs (k, 3, h, w)
PADDED = 0.15  # share of a side that may be reflection: with more, things appear beside the image
FIX = "give a smaller --scale, or --square"


def size_step(method: Method, paint: Painter) -> int:
    """Heights and widths that ``paint`` takes are multiples of this, found by trying.

    0 stands for squares of image_size only. A U-Net goes down to one pixel: norms that use the
    statistics of the image at hand know the few pixels above it in a square, and in no other shape.
    Then it counts as one that takes squares only. Raises CourseError where memory runs out.
    """
    size = method.config.image_size
    layers = [type(layer) for net in method.averaged.values() for layer in net.modules()]
    of_the_image = nn.InstanceNorm2d in layers or method.mixes_batch
    for step in (4 << k for k in range(size.bit_length()) if 4 << k <= size):
        try:
            where = f"a picture of {size + step} x {size} px"
            with seeded(0, method.device), explained(where, "give --device cpu"):
                x = torch.zeros(1, 3, size, size + step, device=method.device)
                if paint(x).shape[2:] == x.shape[2:]:
                    return 0 if of_the_image and step == size else step
        except (RuntimeError, TypeError, ValueError):  # maps of two sizes meet
            continue
    return 0


def fitted(side: int, size: int, step: int) -> tuple[int, int]:
    """What a side is resized to, and then padded to: a multiple of ``step``, at least ``size``.

    It stays as it is if at most PADDED will be padding. Else, as with many sizes for a U-Net, the
    nearest multiple is taken: a shape of 4:3 becomes a square, one of 3:2 becomes 2:1.
    """
    whole = max(-(-side // step) * step, size)
    near = max(int(side / step + 0.6) * step, size)
    return (side, whole) if whole - side <= PADDED * whole else (near, near)


class Frame(NamedTuple):
    """Sizes of an image on its way: ``inner``, padded to ``outer``, at last ``shown``."""

    inner: Size
    outer: Size
    shown: Size

    @classmethod
    def of(cls, given: Size, size: int, step: int, scale: float | None = None) -> "Frame":
        """The shorter side gets ``size``, or both are multiplied by ``scale``.

        With a ``step`` of 0 it is a square.
        """
        sides = scaled(given, scale or size / min(given)) if step else (size, size)
        width, height = (fitted(side, size, step or 1) for side in sides)
        return cls((width[0], height[0]), (width[1], height[1]), given)

    def pad(self, x: Float[Tensor, "c h w"]) -> Float[Tensor, "1 c _ _"]:
        """``x`` of the inner size as the network gets it, padded by its reflection."""
        right, below = self.outer[0] - x.shape[2], self.outer[1] - x.shape[1]
        return F.pad(x, (0, right, 0, below), mode="reflect")[None]

    def crop(self, fake: Float[Tensor, "3 h w"], source: Image.Image | None = None) -> Image.Image:
        """What the network painted, without the padding, and as transparent as ``source``."""
        image = to_image(fake[:, : self.inner[1], : self.inner[0]])
        image = image.resize(self.shown, Image.Resampling.BICUBIC)
        if source and "A" in source.getbands():
            image.putalpha(source.getchannel("A").resize(self.shown))
        return image


def framer(
    method: Method, paint: Painter, scale: float | None, squared: bool, share: float = 1.0
) -> Callable[[Size], Frame]:
    """Gives the frame of an image of any size; ``squared``: a square, which it stays.

    A network that saw a ``share`` of each picture's shorter side gets whole ones so much larger.
    Warns if the network takes squares only. Raises CourseError for a ``scale`` that cannot be.
    """
    if scale is not None and squared:
        raise CourseError("--square and --scale exclude each other", "--scale", "leave it out")
    if scale is not None and scale > 100:
        raise CourseError(
            f"--scale {scale:g} enlarges more than 100 times",
            "--scale",
            "give --scale 1, or leave it out: then the shorter side is as in training",
        )
    size, step = method.config.image_size, 0 if squared else size_step(method, paint)
    if not (step or squared):
        warnings.warn(
            "this network takes squares only: "
            f"images are squeezed to {size} px, and enlarged again",
            stacklevel=3,
        )

    def frame(given: Size) -> Frame:
        wanted = None if squared else scale or size / share / min(given)
        return Frame.of((size, size) if squared else given, size, step, wanted)

    return frame


def make_targets(
    target: Path, source: Path, names: Iterable[str], samples: int, read: Iterable[Path]
) -> list[list[Path]]:
    """For each of ``names`` the PNG files to write below ``target``, which is made.

    They are NAME.png, or NAME_1.png, NAME_2.png ... for several ``samples``. For one image
    ``target`` may be NAME.png itself (NAME.jpg and NAME.webp are written as NAME.png). Raises
    CourseError, with nothing written, if an output would replace what is ``read`` or any other
    file that the course has not written, lies in the folder ``source``, or cannot be made.
    """
    one = target.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp") and source.is_file()
    folder, stems = (target.parent, [target.stem]) if one else (target, names)
    ends = [f"_{number}" for number in range(1, samples + 1)] if samples > 1 else [""]
    paths = [[folder / f"{stem}{end}.png" for end in ends] for stem in stems]
    check_apart(folder, source)
    check_outputs(chain(*paths), read)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(
            f"cannot write here: {error.strerror}", folder, "choose a folder you may write to"
        ) from error
    return paths


def paint_files(
    inputs: Iterable[tuple[object, Size, Callable[[Size], Tensor], Image.Image | None]],
    targets: list[list[Path]],
    frame: Callable[[Size], Frame],
    paint: Painter,
    finish: Callable[[Image.Image, Image.Image | None], Image.Image] | None = None,
) -> list[Path]:
    """Write what ``paint`` makes of each of ``inputs`` to its ``targets``, PNG files; their paths.

    An input is its name, its size, what gives it as a tensor (c, h, w) of an inner size, and the
    image that it comes from, if there is one. ``finish`` changes a picture by that image.
    """
    for (name, given, x_of, source), paths in zip(inputs, targets, strict=True):
        framed = frame(given)
        with explained(name, FIX):
            fakes = paint(framed.pad(x_of(framed.inner))).cpu()
            for path, fake in zip(paths, fakes, strict=True):
                picture = framed.crop(fake, source)
                replace_file(path, to_png(finish(picture, source) if finish else picture))
    return list(chain(*targets))
