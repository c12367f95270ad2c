"""A method of two ways, seen from the other side."""

from functools import partial
from typing import Any

from torch import Tensor


class Turned:
    """A method that translates both ways, turned around: its x is the other's y.

    ``noise``, ``sample`` and ``encode`` are there if the method has them; styles are those of the domain that is the
    output now.
    """

    def __init__(self, method: Any):
        self.method, self.config, self.device, self.ways = method, method.config, method.device, method.ways

    def __getattr__(self, name: str) -> Any:
        if name == "noise":
            return self.method.noise
        if name in ("sample", "encode"):
            return partial(getattr(self.method, name), way="yx")
        raise AttributeError(name)

    def translate(self, x: Tensor, z: Tensor | None = None, way: str = "xy") -> dict[str, Tensor]:
        return self.method.translate(x, **({} if z is None else {"z": z}), way=way[::-1])
