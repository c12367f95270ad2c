"""Images of any size through networks that have seen squares only: resized, padded, translated, cut and enlarged."""

import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from course_lib.data.images import Size, scaled, to_image
from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.base import Method

Painter = Callable[[Tensor], Tensor]  # x (1, 3, h, w) -> its outputs (k, 3, h, w)
PADDED = 0.15  # share of a side that may be reflection: with more, things appear beside the image
ALIVE = (
    4  # times its largest map is what a network holds in memory at once: 1.4 to 3.2 were measured
)
FIX = "give a smaller --scale, or --square"


def multiple(method: Method, paint: Painter) -> int:
    """Heights and widths that ``paint`` takes are multiples of this, found by trying; 0: squares of image_size only.

    A U-Net goes down to one pixel. Norms that use the statistics of the image at hand know the few pixels above it in
    a square, and no other shape: then it counts as one that takes squares only.
    """
    size = method.config.image_size
    layers = [type(layer) for net in method.averaged.values() for layer in net.modules()]
    own = nn.InstanceNorm2d in layers or configs.as_dict(method.config).get("test_batch_statistics")
    for step in (4 << k for k in range(size.bit_length()) if 4 << k <= size):
        x = torch.zeros(1, 3, size, size + step, device=method.device)
        try:
            if paint(x).shape[2:] == x.shape[2:]:
                return 0 if own and step == size else step
        except (RuntimeError, TypeError, ValueError):  # maps of two sizes meet
            continue
    return 0


def fitted(side: int, size: int, step: int) -> tuple[int, int]:
    """What a side is resized to, and then padded to: a multiple of ``step`` and at least ``size``.

    It stays as it is if at most PADDED will be padding. Else, as with many sizes for a U-Net, the nearest multiple is
    taken: a shape of 4:3 becomes a square, one of 3:2 becomes 2:1.
    """
    whole = max(-(-side // step) * step, size)
    near = max(int(side / step + 0.6) * step, size)
    return (side, whole) if whole - side <= PADDED * whole else (near, near)


class Frame(NamedTuple):
    """Sizes in which an image passes a network: ``inner``, padded to ``outer`` (right and below), at last ``shown``."""

    inner: Size
    outer: Size
    shown: Size

    @classmethod
    def of(cls, given: Size, size: int, step: int, scale: float | None = None) -> "Frame":
        """The shorter side gets ``size``, or both are multiplied by ``scale``; with a ``step`` of 0 it is a square."""
        sides = scaled(given, scale or size / min(given)) if step else (size, size)
        return cls(*zip(*(fitted(side, size, step or 1) for side in sides), strict=True), given)

    def enter(self, x: Float[Tensor, "c h w"]) -> Float[Tensor, "1 c _ _"]:
        """``x`` of the inner size as the network gets it, padded by its reflection."""
        return F.pad(
            x, (0, self.outer[0] - x.shape[2], 0, self.outer[1] - x.shape[1]), mode="reflect"
        )[None]

    def leave(self, fake: Float[Tensor, "3 h w"], source: Image.Image | None = None) -> Image.Image:
        """What the network painted, without the padding, and as transparent as ``source``."""
        image = to_image(fake[:, : self.inner[1], : self.inner[0]]).resize(
            self.shown, Image.Resampling.BICUBIC
        )
        if source and "A" in source.getbands():
            image.putalpha(source.getchannel("A").resize(self.shown))
        return image


def framer(
    method: Method, paint: Painter, scale: float | None, squared: bool
) -> Callable[[Size, object], Frame]:
    """Gives the frame of an image of any size, with where it is from; ``squared``: a square, which it stays.

    Warns if there are no other frames. They raise CourseError if ``paint`` would need more memory than there is now.
    """
    size, step, maps = method.config.image_size, 0 if squared else multiple(method, paint), [0]
    if not (step or squared):
        what = (
            f"this network takes squares only: images are squeezed to {size} px, and enlarged again"
        )
        warnings.warn(what, stacklevel=3)
    hook = torch.nn.modules.module.register_module_forward_hook  # of all networks
    with hook(lambda _, __, out: maps.append(out.nbytes if isinstance(out, Tensor) else 0)):
        fakes = paint(
            torch.zeros(1, 3, size, size, device=method.device)
        )  # all samples, which are there twice at last
    each, free = (ALIVE * max(maps) + 2 * fakes.nbytes) / size**2, free_memory(method.device)

    def frame(given: Size, where: object) -> Frame:
        found = Frame.of((size, size) if squared else given, size, step, scale)
        if (needed := math.prod(found.outer) * each) > free:
            what = "{} x {} px need about {:.1f} GB of memory, {:.1f} are free"
            fits = 0.9 * math.sqrt(free / needed) * max(found.inner) / max(given)
            what = what.format(*found.outer, needed / 1e9, free / 1e9)
            raise CourseError(what, where, f"give --scale {fits:.2g} or less, or --square")
        return found

    return frame


def free_memory(device: torch.device, root: Path = Path("/")) -> float:
    """Bytes that can still be had; infinite where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]

    def told(path: str, name: str = "", unknown: float = math.inf) -> float:
        found = (
            re.search(rf"{name}\s*(\d+)", (root / path).read_text())
            if (root / path).exists()
            else None
        )
        return float(found[1]) if found else unknown

    group = "sys/fs/cgroup/memory"  # of a container, which gives back what it keeps of files
    used = told(f"{group}.current", unknown=0) - told(f"{group}.stat", "inactive_file", 0)
    return min(1024 * told("proc/meminfo", "MemAvailable:"), max(0.0, told(f"{group}.max") - used))
