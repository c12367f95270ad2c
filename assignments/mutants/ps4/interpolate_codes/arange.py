"""The steps stop before 1.

message: before its end
"""

import torch


def interpolate_codes(a, b, count):
    t = (torch.arange(count, dtype=a.dtype) / count)[:, None]
    angle = torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1))
    if angle < 1e-4:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
