"""Images of any size through networks that have seen squares only: resized, padded, translated, cut and enlarged."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from course_lib.data.images import scaled, to_image, to_tensor
from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.base import Method

Painter = Callable[[Tensor], Tensor]  # x (1, 3, h, w) -> its outputs (k, 3, h, w)
Size = tuple[int, int]  # width, height
ALIVE = 4  # times its largest map is what a network holds in memory at once: 1.4 to 3.2 were measured
FIX = "give --scale 0.25 or less, or leave it out: then the shorter side is as in training"


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


class Frame(NamedTuple):
    """Sizes in which an image passes a network: ``inner``, padded to ``outer`` (right and below), at last ``shown``."""

    inner: Size
    outer: Size
    shown: Size

    @classmethod
    def of(cls, given: Size, size: int, step: int, scale: float | None = None) -> "Frame":
        """The shorter side gets ``size``, or both are multiplied by ``scale``; with a ``step`` of 0 it is a square."""
        inner, step = (scaled(given, scale or size / min(given)), step) if step else ((size, size), 1)
        return cls(inner, tuple(-(-max(side, size) // step) * step for side in inner), given)

    def enter(self, image: Image.Image) -> Float[Tensor, "1 3 h w"]:
        """The image as the network gets it, padded by its reflection."""
        pixels = to_tensor(image.convert("RGB"), self.inner).numpy()
        ends = [(0, whole - part) for whole, part in zip(self.outer[::-1], self.inner[::-1], strict=True)]
        return torch.from_numpy(np.pad(pixels, [(0, 0), *ends], mode="reflect"))[None]

    def leave(self, fake: Float[Tensor, "3 h w"], source: Image.Image) -> Image.Image:
        """What the network painted, without the padding, and as transparent as ``source``."""
        image = to_image(fake[:, : self.inner[1], : self.inner[0]])
        image = image if image.size == self.shown else image.resize(self.shown, Image.Resampling.BICUBIC)
        if "A" in source.getbands():
            image.putalpha(source.getchannel("A").resize(self.shown))
        return image


def check_memory(method: Method, paint: Painter, outer: Size, where: object) -> None:
    """Raises CourseError if ``paint`` of an image of this size would need more memory than there is."""
    size, maps = method.config.image_size, [0]
    hook = torch.nn.modules.module.register_module_forward_hook  # of all networks
    with hook(lambda _, __, out: maps.append(out.nbytes if isinstance(out, Tensor) else 0)):
        paint(torch.zeros(1, 3, size, size, device=method.device))
    needed, free = ALIVE * max(maps) * outer[0] * outer[1] / size**2, free_memory(method.device)
    if needed > free:
        what = f"{outer[0]} x {outer[1]} px need about {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} are free"
        raise CourseError(what, where, FIX)


def free_memory(device: torch.device) -> float:
    """Bytes that can still be had; infinite where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    told, limit = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")  # of Linux, and of a container
    free = 1024 * int(re.search(r"MemAvailable:\s+(\d+)", told.read_text())[1]) if told.exists() else math.inf
    return min(free, float(limit.read_text().replace("max", "inf"))) if limit.exists() else free
