"""A list, with sigmoid(-a) for 1 - D."""


def generator_slopes(a):
    return [a.sigmoid().neg(), (-a).sigmoid().neg()]
