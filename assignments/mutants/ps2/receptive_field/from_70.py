"""The 70 of the paper.

message: pencil
"""


def receptive_field(layers):
    return 70
