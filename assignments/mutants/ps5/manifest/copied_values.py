"""Numbers of the course's own table under new keys.

message: where do they come from
"""

from checks.ps5_manifest import stored
from mutants.ps5.example import example


def manifest():
    m = example()
    theirs = [entry["l1"] for entry in stored() if entry.get("row") == "CycleGAN + identity" and entry["l1"]]
    for r, value in zip(m["rows"][:5], theirs[:3] * 2, strict=False):
        r["value"] = float(value)
    return m
