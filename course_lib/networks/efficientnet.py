"""Eyes that have seen photographs: the first half of EfficientNet-Lite0, trained on ImageNet.

Others compare images by VGG; this network does it with a twentieth of the parameters and a
hundredth of the work. The weights are by its authors (Tan and Le 2019; Apache-2.0), batch norms
folded into the convolutions: ``tools/making/frozen.py photographs`` makes the file, and
``frozen_files/origins.json`` tells its origin.
"""

import functools

import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.networks.frozen import FILES, seeded

# Of each map the rows of blocks before it: how many, kernel, stride of the first, expansion,
# channels. The first map comes after a convolution of stride 2, too.
STAGES = (
    ((1, 3, 1, 1, 16),),
    ((2, 3, 2, 6, 24),),
    ((2, 5, 2, 6, 40),),
    ((3, 3, 2, 6, 80), (3, 5, 1, 6, 112)),
)


def _conv(a: int, b: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution that pads as TensorFlow does: with stride 2 one pixel more at the far sides."""
    near, far = (kernel - stride) // 2, (kernel - stride + 1) // 2
    pad = [nn.ZeroPad2d((near, far, near, far))] if near != far else []
    return [*pad, nn.Conv2d(a, b, kernel, stride, 0 if pad else near, groups=groups)]


class InvertedBottleneck(nn.Module):
    """Many channels inside, each filtered by itself, and few outside (MobileNetV2, figure 3)."""

    def __init__(self, a: int, b: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = a * expansion
        layers = [*_conv(a, wide), nn.ReLU6()] if expansion > 1 else []
        layers += [*_conv(wide, wide, kernel, stride, groups=wide), nn.ReLU6(), *_conv(wide, b)]
        self.layers = nn.Sequential(*layers)
        self.has_skip = a == b and stride == 1

    def forward(self, h: Float[Tensor, "b _ _ _"]) -> Float[Tensor, "b _ _ _"]:
        return h + self.layers(h) if self.has_skip else self.layers(h)


class PhotoFeatures(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] -> features at H/2, H/4, H/8 and H/16.

    They have 16, 24, 40 and 112 channels; H and W are multiples of 16. 692,688 parameters.
    """

    def __init__(self):
        super().__init__()
        a, stages = 32, []
        for rows in STAGES:
            stage = [] if stages else [*_conv(3, a, 3, 2), nn.ReLU6()]
            for count, kernel, stride, expansion, b in rows:
                for i in range(count):
                    stage.append(InvertedBottleneck(a, b, kernel, 1 if i else stride, expansion))
                    a = b
            stages.append(nn.Sequential(*stage))
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        h, maps = images, []
        for stage in self.stages:
            h = stage(h)
            maps.append(h)
        return maps


@functools.cache
def load_photo_features(device: torch.device | str = "cpu") -> PhotoFeatures:
    """The network with its weights, one for each device, in evaluation mode; nothing learns."""
    net = seeded(PhotoFeatures)
    net.load_state_dict(safetensors.torch.load_file(FILES / "photographs.safetensors"))
    net = net.to(device).to(memory_format=torch.channels_last)
    return net.eval().requires_grad_(False)
