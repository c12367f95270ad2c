"""0 divided by 0 where nothing is.

message: 0 divided by 0
"""


def optimal_discriminator(p_data, p_g):
    return p_data / (p_data + p_g)
