"""DiffAugment: what D sees is changed at random, real and fake alike (Zhao et al.: NeurIPS 2020).

    max_D  E_y[log D(T(y))] + E_z[log(1 - D(T(G(z))))]
    max_G  E_z[log D(T(G(z)))]

With few images D learns them by heart. To augment them alone would teach G to paint augmented
images; so T changes both, each with a draw of its own, and it is differentiable: the gradient of D
reaches G through it. T is colour, then translation, then cutout.

Of a pair (x, y), translation and cutout change x and y alike, by one draw: D is to see whether y
fits x, and a y that has moved alone never fits. Colour changes y alone: x is given, the same for
real and fake, and often no photograph. D then no longer sees whether the brightness of y belongs
to x; that is left to the L1 term.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SHIFT = 1 / 8  # of a side, at most
CUT = 1 / 2  # of a side: the square that is cut out


def diff_augment(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """T(y), or T(x, y) of a pair with x's channels first: colour changes the last three alone."""
    x, y = images[:, :-3], images[:, -3:]
    return cutout(translation(torch.cat([x, colour(y)], dim=1)))


def colour(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Brightness plus -0.5 to 0.5, then saturation times 0 to 2, then contrast times 0.5 to 1.5."""
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1, device=images.device)
    images = images + (brightness - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + 2 * saturation * (images - grey)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5) * (images - mean)


def translation(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Moved by up to SHIFT of a side, up or down and left or right; from outside comes 0."""
    b, device = len(images), images.device
    rows, columns = (
        torch.arange(side, device=device) + torch.randint(-most, most + 1, (b, 1), device=device)
        for side, most in ((side, int(side * SHIFT + 0.5)) for side in images.shape[2:])
    )
    framed = F.pad(images, (1, 1, 1, 1)).permute(0, 2, 3, 1)  # (b, h + 2, w + 2, c)
    rows = (rows + 1).clamp(0, images.shape[2] + 1)[:, :, None]
    columns = (columns + 1).clamp(0, images.shape[3] + 1)[:, None, :]
    return framed[torch.arange(b, device=device)[:, None, None], rows, columns].permute(0, 3, 1, 2)


def cutout(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """A square of CUT of a side becomes 0. Its centre is anywhere, so part of it may be outside."""
    b, device, parts = len(images), images.device, []
    for side in images.shape[2:]:
        size = int(side * CUT + 0.5)
        centre = torch.randint(side + 1 - size % 2, (b, 1), device=device)
        place = torch.arange(side, device=device) - centre + size // 2
        parts.append((place >= 0) & (place < size))  # (b, side)
    return images * ~(parts[0][:, None, :, None] & parts[1][:, None, None, :])
