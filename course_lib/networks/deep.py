"""Deep features that tell content rather than looks, for MUNIT's domain-invariant perceptual loss.

The paper takes relu4_3 of a VGG-16 trained on photographs. It is used where torch has its weights already: the course
downloads nothing. Else the last layer of the course's own small network (see :mod:`course_lib.metrics.perceptual`)
stands in, which has seen façades only.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.metrics.perceptual import load_features

VGG = "vgg16-397923af.pth"  # torchvision's file
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the images that it was trained on, in [0, 1]
LAYERS = 23  # of vgg16().features, up to and with relu4_3


def content_features(by: str = "auto", device: torch.device | str = "cpu") -> tuple[str, Callable[[Tensor], Tensor]]:
    """("vgg" or "features", images (B, 3, H, W) in [-1, 1] -> (B, C, H/8, W/8)); gradients pass, nothing in it learns.

    ``by="auto"`` takes the VGG where torch's cache holds it. Raises CourseError for "vgg" without its weights.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / VGG
    if by == "vgg" and not file.is_file():
        raise CourseError("the weights of VGG-16 are not here", file, "put them there, or choose features")
    if by == "features" or not file.is_file():
        net = load_features().to(device)
        return "features", lambda images: net(images)[-1]
    from torchvision.models import vgg16

    vgg = vgg16()
    vgg.load_state_dict(torch.load(file, weights_only=True))
    vgg = vgg.features[:LAYERS].to(device).eval().requires_grad_(False)
    mean, std = (torch.tensor(value, device=device)[:, None, None] for value in (MEAN, STD))
    return "vgg", lambda images: vgg(((images + 1) / 2 - mean) / std)
