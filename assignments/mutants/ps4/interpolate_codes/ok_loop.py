"""A loop, math."""

import math

import torch


def interpolate_codes(start, end, n):
    cosine = float(start @ end) / math.sqrt(float(start @ start) * float(end @ end))
    angle, out = math.acos(max(-1.0, min(1.0, cosine))), []
    for i in range(n):
        t = i / (n - 1)
        if angle < 1e-4:
            out.append(start + t * (end - start))
        else:
            first, second = math.sin((1 - t) * angle), math.sin(t * angle)
            out.append((first * start + second * end) / math.sin(angle))
    return torch.stack(out)
