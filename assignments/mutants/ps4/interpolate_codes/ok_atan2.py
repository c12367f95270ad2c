"""The angle by atan2."""

import torch


def interpolate_codes(a, b, count):
    u, v = a / a.norm(), b / b.norm()
    angle = 2 * torch.atan2((u - v).norm(), (u + v).norm())
    rows = []
    for t in torch.linspace(0, 1, count).tolist():
        line = angle < 1e-4
        one = 1 - t if line else torch.sin((1 - t) * angle) / torch.sin(angle)
        two = t if line else torch.sin(t * angle) / torch.sin(angle)
        rows.append((one * a + two * b)[None])
    return torch.cat(rows)
