"""All codes get length 1.

message: length 1
"""

import torch


def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)[:, None]
    angle = torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1))
    if angle < 1e-4:
        return (1 - t) * a + t * b
    way = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return way / way.norm(dim=1, keepdim=True)
