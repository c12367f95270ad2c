"""D sees x alone.

message: only the condition
"""


def judge_pair(D, x, y):
    return D(x)
