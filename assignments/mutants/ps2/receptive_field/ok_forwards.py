"""From the input, with the distance of two outputs."""


def receptive_field(stack):
    size, jump = 1, 1
    for k, s in stack:
        size += (k - 1) * jump
        jump *= s
    return size
