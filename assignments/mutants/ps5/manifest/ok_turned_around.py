"""The claim the other way around, in a metric's other direction."""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["metric"], m["better"] = "-l1", "higher"
    for r in m["rows"]:
        r["value"] = -r["value"]
    m["claim"] = "Without dropout the negative L1 distance is higher after 200 steps."
    return m
