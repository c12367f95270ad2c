"""A method that translates both ways, seen from the other side."""

from torch import Tensor

from course_lib.methods.base import Method


class Swapped(Method):
    """``method`` with its domains exchanged, as ``data.Swapped`` does it to a data set.

    Its x is the other's y, and styles are those of the domain that is the output now. It shares
    networks and configuration with ``method``.
    """

    directions = ("xy", "yx")

    def __init__(self, method: Method):
        super().__init__(method.config, method.device)
        self.method, self.networks, self.averaged = method, method.networks, method.averaged
        self.has_codes = method.has_codes

    @property
    def reads_codes(self) -> bool:
        return self.method.reads_codes

    def translate(
        self, x: Tensor, z: Tensor | None = None, direction: str = "xy"
    ) -> dict[str, Tensor]:
        codes = {} if z is None else {"z": z}
        return self.method.translate(x, **codes, direction=direction[::-1])

    def noise(self, n: int, seed: int | None = None) -> Tensor:
        return self.method.noise(n, seed)

    def encode(self, y: Tensor, direction: str = "xy") -> Tensor:
        return self.method.encode(y, direction[::-1])
