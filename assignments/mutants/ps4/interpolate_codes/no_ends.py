"""The ends are missing.

message: ends are missing
"""

import torch


def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)[1:-1][:, None]
    angle = torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1))
    if angle < 1e-4:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
