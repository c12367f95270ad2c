"""A claim that the rows contradict, and says so."""

from mutants.ps5.example import example


def manifest():
    m = example()
    for r in m["rows"][5:]:
        r["value"] -= 0.02
    m["interval"] |= {"mean": -0.017449257969856264, "low": -0.02284756670463669, "high": -0.012050949235075837}
    m["verdict"] = "contradicted"
    return m
