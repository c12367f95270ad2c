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
"""

WRONG = """
absolute | Absolute differences. | all differences are positive
-    sign = 1 if better == "higher" else -1
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    return [abs(a[s] - b[s]) for s in sorted(a.keys() & b.keys())]

direction_ignored | Lower is better is not heeded. | lower is better
-    sign = 1 if better == "higher" else -1
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    return [a[s] - b[s] for s in sorted(a.keys() & b.keys())]

missing_is_zero | A missing run counts as 0. | no partner
-    return [sign * (a[s] - b[s]) for s in sorted(a.keys() & b.keys())]
+    return [sign * (a.get(s, 0) - b.get(s, 0)) for s in sorted(a.keys() | b.keys())]

nan_left_out | Runs that ended in nan are left out. | no partner
~ if r["row"] == more -> if r["row"] == more and r["value"] == r["value"]
~ if r["row"] == less -> if r["row"] == less and r["value"] == r["value"]

row_order | The values are paired as they come, whatever their seeds. | belongs together
-    a = {r["seed"]: r["value"] for r in rows if r["row"] == more}
+    a = [r["value"] for r in rows if r["row"] == more]
-    b = {r["seed"]: r["value"] for r in rows if r["row"] == less}
+    b = [r["value"] for r in rows if r["row"] == less]
~ (a[s] - b[s]) for s in sorted(a.keys() & b.keys()) -> (x - y) for x, y in zip(a, b, strict=False)

sign | less minus more. | sign
~ a[s] - b[s] -> b[s] - a[s]

sorts_in_place | The rows are sorted in place. | changed
     sign = 1 if better == "higher" else -1
+    rows.sort(key=lambda r: -r["value"])

unsorted | The differences come in the order of the rows. | order of the seeds
~ sorted(a.keys() & b.keys()) -> a if s in b
"""
