"""No bias before a norm, widths from a list."""

from torch import nn


def build_patch_gan(c_in, base, n):
    widths = [c_in] + [base * min(2**i, 8) for i in range(n + 1)]
    body = nn.Sequential()
    for i in range(n + 1):
        body.append(nn.Conv2d(widths[i], widths[i + 1], kernel_size=4, stride=1 + (i < n), padding=1, bias=i == 0))
        if i > 0:
            body.append(nn.BatchNorm2d(widths[i + 1]))
        body.append(nn.LeakyReLU(0.2, inplace=True))
    body.append(nn.Conv2d(widths[-1], 1, kernel_size=4, padding=1))
    return body
