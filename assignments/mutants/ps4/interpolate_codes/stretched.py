"""The line is stretched to a's length.

message: stretched
"""

import torch


def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)[:, None]
    angle = torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1))
    if angle < 1e-4:
        return (1 - t) * a + t * b
    return torch.nn.functional.normalize((1 - t) * a + t * b, dim=1) * a.norm()
