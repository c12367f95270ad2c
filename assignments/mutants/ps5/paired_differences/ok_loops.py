"""Two loops."""


def paired_differences(rows, more, less, better):
    out = []
    for seed in sorted({r["seed"] for r in rows}):
        mine = [r["value"] for r in rows if r["row"] == more and r["seed"] == seed]
        other = [r["value"] for r in rows if r["row"] == less and r["seed"] == seed]
        if mine and other:
            out.append(mine[0] - other[0] if better == "higher" else other[0] - mine[0])
    return out
