"""x and y are added.

message: added
"""


def judge_pair(D, x, y):
    return D(x + y)
