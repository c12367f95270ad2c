"""Random tensors and images, equal for equal seeds; what is raised for shapes that do not fit."""

import torch
from torch import Tensor, nn

REFUSED = ValueError, TypeError  # of the function, or of its annotation, which tests check


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def uniform(*shape: int, seed: int = 0) -> Tensor:
    """In [-1, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def pairs(n: int = 2, size: int = 16, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """A batch of x and y in [-1, 1], the same each time."""
    generator = torch.Generator().manual_seed(7)
    return {
        key: torch.rand(n, 3, size, size, generator=generator, dtype=dtype) * 2 - 1
        for key in ("x", "y")
    }


def noise(n: int = 4, size: int = 16, seed: int = 0) -> Tensor:
    """Images (n, 3, size, size)."""
    return uniform(n, 3, size, size, seed=seed)


def parameter_count(net: nn.Module) -> int:
    """Number of trainable scalars in ``net``."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)
