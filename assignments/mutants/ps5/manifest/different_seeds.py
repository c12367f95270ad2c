"""Each row has seeds of its own.

message: paired
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["grid"] += "seeds = [5, 6, 7, 8, 9]\n"
    for r in m["rows"][5:]:
        r["seed"] += 5
        r["command"] = r["command"].replace(f"--seed {r['seed'] - 5}", f"--seed {r['seed']}")
    return m
