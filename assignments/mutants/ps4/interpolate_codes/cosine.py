"""The cosine in place of the angle.

message: cosine
"""

import torch


def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)[:, None]
    angle = (a @ b) / (a.norm() * b.norm())
    if angle > 0.9999:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
