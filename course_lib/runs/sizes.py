"""Images of any size through networks that have seen squares only: resized, padded and back."""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from course_lib.data.files import check_apart, check_outputs, replace_file
from course_lib.data.images import HEIC, SUFFIXES, WRITTEN, Size, scaled, to_file, to_image
from course_lib.errors import ensure, explained, note, telling
from course_lib.methods.base import Method
from course_lib.networks.hardware import seeded

Painter = Callable[[Tensor], Tensor]  # x (1, 3, h, w) -> its outputs (k, 3, h, w)
# What a network paints: a name, its size, what gives it as a tensor (c, h, w) of an inner size, and
# the image that it comes from, if there is one.
Input = tuple[object, Size, Callable[[Size], Tensor], Image.Image | None]
PADDED = 0.15  # share of a side that may be reflection: with more, things appear beside the image
LONGEST = 16  # times image_size may a side be on its way, as in demo/static/network.js
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
    """Sizes of an image on its way: ``inner``, padded to ``outer``, at last ``shown``.

    ``rim`` px of the padding are left and above, and as many on the other sides.
    """

    inner: Size
    outer: Size
    shown: Size
    rim: int = 0

    @classmethod
    def of(
        cls, given: Size, size: int, step: int, scale: float | None = None, share: float = 1.0
    ) -> "Frame":
        """Both sides are multiplied by ``scale``. Without one the shorter side gets ``size``, or
        more if that was a ``share`` of it in training, and the longer one at most LONGEST of them.

        With a ``step`` of 0 it is a square. A network that has seen parts of larger pictures does
        not know what a border is, and draws a frame there: it gets a rim.
        """
        sides = scaled(given, scale or size / share / min(given)) if step else (size, size)
        rim = size // 8 if share < 1 else 0
        width, height = (
            fitted((side if scale else min(side, LONGEST * size)) + 2 * rim, size, step or 1)
            for side in sides
        )
        inner = width[0] - 2 * rim, height[0] - 2 * rim
        return cls(inner, (width[1], height[1]), given, rim)

    def pad(self, x: Float[Tensor, "c h w"]) -> Float[Tensor, "1 c _ _"]:
        """``x`` of the inner size as the network gets it, padded by its reflection."""
        right, below = (a - b - self.rim for a, b in zip(self.outer, self.inner, strict=True))
        return F.pad(x, (self.rim, right, self.rim, below), mode="reflect")[None]

    def crop(self, fake: Float[Tensor, "3 h w"], source: Image.Image | None = None) -> Image.Image:
        """What the network painted, without the padding, and as transparent as ``source``."""
        width, height = self.inner
        image = to_image(fake[:, self.rim :, self.rim :][:, :height, :width])
        image = image.resize(self.shown, Image.Resampling.BICUBIC)
        if source and "A" in source.getbands():
            image.putalpha(source.getchannel("A").resize(self.shown))
        return image


def framer(
    method: Method, paint: Painter, scale: float | None, squared: bool, share: float = 1.0
) -> Callable[[Size], Frame]:
    """Gives the frame of an image of any size; ``squared``: a square, which it stays.

    ``scale`` and ``share`` are as in ``Frame.of``.
    Says so if the network takes squares only. Raises CourseError for a ``scale`` that cannot be.
    """
    ensure(
        scale is None or not squared,
        "--square and --scale exclude each other",
        "--scale",
        "leave it out",
    )
    ensure(
        scale is None or 0 < scale <= 100,
        f"--scale {scale} is not above 0 and at most 100",
        "--scale",
        "give --scale 1, or leave it out: then the shorter side is as in training",
    )
    size, step = method.config.image_size, 0 if squared else size_step(method, paint)
    if not (step or squared):
        note(
            f"this network takes squares only: images are squeezed to {size} px, and enlarged again"
        )

    return lambda given: Frame.of((size, size) if squared else given, size, step, scale, share)


def make_targets(
    target: Path,
    source: Path,
    names: Iterable[str],
    samples: int,
    read: Iterable[Path],
    kinds: Collection[str] = tuple(WRITTEN),
    suffix: str = ".png",
) -> list[list[Path]]:
    """For each of ``names`` the files to write below ``target``, which is made.

    They are NAME.png, or NAME_1.png, NAME_2.png ... for several ``samples``. For one image
    ``target`` may be NAME.png itself, or have another suffix of ``kinds``; in a folder outputs have
    the ``suffix``. Raises CourseError, with nothing written, if it has one that is not written, or
    an output would replace what is ``read`` or any other file that the course has not written, lies
    in the folder ``source``, or cannot be made.
    """
    folder, stems = target, names
    if target.suffix.lower() in (*SUFFIXES, *HEIC, *kinds) and not target.is_dir():
        suffix, folder, stems = target.suffix, target.parent, [target.stem]
        ensure(
            suffix.lower() in kinds and source.is_file(),
            "cannot write "
            + (f"{suffix} files" if source.is_file() else "several images as one file"),
            target,
            f"give a folder, or for one image NAME{', NAME'.join(kinds)}",
        )
    ends = [f"_{number}" for number in range(1, samples + 1)] if samples > 1 else [""]
    paths = [[folder / f"{stem}{end}{suffix}" for end in ends] for stem in stems]
    check_apart(folder, source)
    check_outputs(chain(*paths), read)
    with telling(OSError, "cannot write here", folder, "choose a folder you may write to"):
        folder.mkdir(parents=True, exist_ok=True)
    return paths


def pictures(
    inputs: Iterable[Input],
    frame: Callable[[Size], Frame],
    paint: Painter,
    finish: Callable[[Image.Image, Image.Image | None], Image.Image] | None = None,
    fix: str = FIX,
) -> Iterator[list[Image.Image]]:
    """What ``paint`` makes of each of ``inputs``; ``finish`` changes a picture by its image.

    Raises CourseError with ``fix`` where memory runs out.
    """
    for name, given, x_of, source in inputs:
        framed = frame(given)
        with explained(name, fix):
            fakes = paint(framed.pad(x_of(framed.inner))).cpu()
            made = [framed.crop(fake, source) for fake in fakes]
            made = [finish(picture, source) for picture in made] if finish else made
        yield made


def write_files(painted: Iterable[list[Image.Image]], targets: list[list[Path]]) -> list[Path]:
    """Write :func:`pictures` to their ``targets``; their paths."""
    for made, paths in zip(painted, targets, strict=True):
        for path, picture in zip(paths, made, strict=True):
            replace_file(path, to_file(picture, path))
    return list(chain(*targets))
