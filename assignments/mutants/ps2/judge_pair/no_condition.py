"""D sees y alone.

message: condition is missing
"""


def judge_pair(D, x, y):
    return D(y)
