"""Wrong and right solutions of ``paired_differences``, problem set 5."""

RIGHT = """
ok_dictionaries | Dictionaries by seed.
def paired_differences(rows, more, less, better):
    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
    sign = 1 if better == "higher" else -1
    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]

ok_loops | Two loops.
def paired_differences(rows, more, less, better):
    out = []
    for seed in sorted({r["seed"] for r in rows}):
        mine = [r["value"] for r in rows if r["row"] == more and r["seed"] == seed]
        other = [r["value"] for r in rows if r["row"] == less and r["seed"] == seed]
        if mine and other:
            out.append(mine[0] - other[0] if better == "higher" else other[0] - mine[0])
    return out

ok_numpy | An array comes back.
import numpy as np


def paired_differences(rows, more, less, better):
    if better == "lower":
        more, less = less, more
    table = {(r["row"], r["seed"]): r["value"] for r in rows}
    seeds = sorted(seed for row, seed in table if row == more and (less, seed) in table)
    return np.array([table[more, s] for s in seeds]) - np.array([table[less, s] for s in seeds])

ok_sorted_rows | Rows sorted first, a tensor comes back.
def paired_differences(rows, more, less, better):
    found = {}
    for r in sorted(rows, key=lambda r: r["seed"]):
        found.setdefault(r["seed"], {})[r["row"]] = r["value"]
    pairs = [(side[more], side[less]) for side in found.values() if more in side and less in side]
    sign = {"higher": 1.0, "lower": -1.0}[better]
    return sign * torch.tensor([a - b for a, b in pairs], dtype=torch.float64)
"""

WRONG = """
absolute | Absolute differences. | all differences are positive
-    sign = 1 if better == "higher" else -1
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    return [abs(a[s] - b[s]) for s in sorted(a.keys() & b.keys())]

all_others | Compares with whatever is not more. | mixed
-    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
+    b = {r["seed"]: r["value"] for r in sorted(rows, key=lambda r: (r["row"] == less, r["row"])) if r["row"] != more}
+    b |= {r["seed"]: r["value"] for r in rows if r["row"] not in (more, less)}

all_pairs | Every run against every other one. | every run
~ (a[s] - b[s]) for s in sorted(a.keys() & b.keys()) -> (a[s] - b[t]) for s in sorted(a) for t in sorted(b)

always_lower | As if lower were always better. | sign
-    sign = 1 if better == "higher" else -1
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    return [b[s] - a[s] for s in sorted(a.keys() & b.keys())]

direction_ignored | Lower is better is not heeded. | lower is better
-    sign = 1 if better == "higher" else -1
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    return [a[s] - b[s] for s in sorted(a.keys() & b.keys())]

mean | The mean of the differences. | one number
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    d = [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    return [sum(d) / len(d)]

means | The difference of the means, once. | one number
~ (a[s] - b[s]) for s in sorted(a.keys() & b.keys()) -> (sum(a.values()) / len(a) - sum(b.values()) / len(b))

missing_is_zero | A missing run counts as 0. | no partner
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    return [sign * (a.get(s, 0) - b.get(s, 0)) for s in sorted(a.keys() | b.keys())]

missing_key | A seed without partner stops it. | half a pair
~ a.keys() & b.keys() -> a

names_that_contain | The name of a row only has to hold that of the side. | which minus which
~ if r["row"] == more -> if more in r["row"]
~ if r["row"] == less -> if less in r["row"]

no_zeros | A value of 0 counts as missing. | another number of differences
~ if r["row"] == more -> if r["row"] == more and r["value"]

nothing_returned | No return. | return
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]

relative | Differences relative to less. | divided
~ (a[s] - b[s]) -> (a[s] - b[s]) / abs(b[s])

row_order | The values are paired as they come, whatever their seeds. | belongs together
~ {r["seed"]: r["value"] for r in rows if r["row"] == more} -> [r["value"] for r in rows if r["row"] == more]
~ {r["seed"]: r["value"] for r in rows if r["row"] == less} -> [r["value"] for r in rows if r["row"] == less]
~ (a[s] - b[s]) for s in sorted(a.keys() & b.keys()) -> (x - y) for x, y in zip(a, b, strict=False)

sign | less minus more. | sign
~ a[s] - b[s] -> b[s] - a[s]

sorts_in_place | The rows are sorted in place. | changed
     sign = 1 if better == "higher" else -1
+    rows.sort(key=lambda r: -r["value"])

strict_zip | Paired as they come; different numbers of runs stop it. | different numbers
~ {r["seed"]: r["value"] for r in rows if r["row"] == more} -> [r["value"] for r in rows if r["row"] == more]
~ {r["seed"]: r["value"] for r in rows if r["row"] == less} -> [r["value"] for r in rows if r["row"] == less]
~ (a[s] - b[s]) for s in sorted(a.keys() & b.keys()) -> (x - y) for x, y in zip(a, b, strict=True)

unsorted | The differences come in the order of the rows. | order of the seeds
~ sorted(a.keys() & b.keys()) -> a if s in b
"""
