"""The distance of two patches, not their size.

message: apart
"""


def receptive_field(layers):
    jump = 1
    for _, stride in layers:
        jump *= stride
    return jump
