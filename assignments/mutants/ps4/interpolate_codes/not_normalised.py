"""The angle of codes of any length.

message: angle
"""

import torch


def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)[:, None]
    angle = torch.arccos(a @ b)
    if angle < 1e-4:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
