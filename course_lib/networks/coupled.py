"""Two generators and two discriminators that share layers (CoGAN: Liu and Tuzel, NIPS 2016).

A pair is one module, so that a shared layer is there once: in the optimiser, in a checkpoint, in a copy.
"""

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.networks.blocks import dcgan_widths
from course_lib.networks.discriminators import DCGANDiscriminator
from course_lib.networks.generators import DCGANGenerator


class CoupledGenerators(nn.Module):
    """One noise, an image in each domain: (B, z_dim) -> x, y, each (B, 3, S, S) in [-1, 1].

    Two :class:`DCGANGenerator` whose first layers, from z to S / 2**own_layers, are the same: they decide what is in
    the picture. The last ``own_layers`` upsamplings belong to one domain each: they decide how it looks.

    Raises CourseError if image_size is not a power of two of at least 16, or if own_layers leaves nothing to share.
    """

    def __init__(
        self,
        image_size: int = 64,
        z_dim: int = 100,
        base_channels: int = 128,
        own_layers: int = 2,
        upsampling: str = "transposed",
    ):
        super().__init__()
        cut = 1 + 3 * (
            _upsamplings(image_size, own_layers) - own_layers
        )  # projection, then norm, ReLU, upsampling
        x, y = (DCGANGenerator(image_size, z_dim, base_channels, upsampling).layers for _ in "xy")
        self.shared = x[:cut]  # (B, z, 1, 1) -> (B, c, S/2^own, S/2^own)
        self.own = nn.ModuleDict({"x": x[cut:], "y": y[cut:]})  # -> (B, 3, S, S)

    def forward(
        self, z: Float[Tensor, "batch z_dim"], domains: str = "xy"
    ) -> list[Float[Tensor, "batch 3 size size"]]:
        """The images of ``domains``, in that order."""
        h = self.shared(z[:, :, None, None])
        return [self.own[domain](h) for domain in domains]


class CoupledDiscriminators(nn.Module):
    """One logit for each image of domain "x" or "y": (B, 3, S, S) -> (B, 1). No sigmoid.

    Two :class:`DCGANDiscriminator` whose layers after the first ``own_layers`` are the same. Errors as in
    :class:`CoupledGenerators`.
    """

    def __init__(self, image_size: int = 64, base_channels: int = 128, own_layers: int = 2):
        super().__init__()
        _upsamplings(image_size, own_layers)
        cut = 3 * own_layers - 1  # convolution, norm, leaky ReLU; the first has no norm
        x, y = (DCGANDiscriminator(image_size, base_channels).layers for _ in "xy")
        self.own = nn.ModuleDict(
            {"x": x[:cut], "y": y[:cut]}
        )  # (B, 3, S, S) -> (B, c, S/2^own, S/2^own)
        self.shared = x[cut:]  # -> (B, 1)

    def forward(
        self, image: Float[Tensor, "batch 3 size size"], domain: str
    ) -> Float[Tensor, "batch 1"]:
        return self.shared(self.own[domain](image))


def _upsamplings(image_size: int, own_layers: int) -> int:
    """How many there are from 4x4 to the image."""
    levels = len(dcgan_widths(image_size, 1))
    if not 1 <= own_layers < levels:
        what = f"of {levels} upsamplings, {own_layers} cannot belong to one domain each"
        raise CourseError(
            what, f"own_layers={own_layers}", f"choose 1 to {levels - 1} at {image_size} px"
        )
    return levels
