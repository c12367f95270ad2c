"""Parallel codes give 0 / 0.

message: same direction
"""

import torch


def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)[:, None]
    angle = torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1))
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
