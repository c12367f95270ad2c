"""Wrong and right solutions of ``decide``, problem set 5."""

HEAD = """
import math
import statistics

T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
T += (2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086)
T += (2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
"""

RIGHT = """
ok_interval | By the interval.
def decide(differences):
    n = len(differences)
    if n < 3:
        return "open"
    mean = statistics.fmean(differences)
    half = T[min(n - 2, 29)] * math.sqrt(sum((d - mean) ** 2 for d in differences) / (n - 1) / n)
    low, high = mean - half, mean + half
    return "same direction" if low > 0 else "opposite direction" if high < 0 else "open"

ok_t_value | By the t value, which is the same.
def decide(differences):
    n = len(differences)
    if n < 3:
        return "open"
    mean = sum(differences) / n
    error = math.sqrt(sum((d - mean) ** 2 for d in differences) / (n - 1) / n)
    if math.isnan(mean) or abs(mean) <= T[min(n - 2, 29)] * error:
        return "open"
    return "supported" if mean > 0 else "contradicted"  # the words of version 0.1
"""

WRONG = """
all_of_one_sign | All seeds must agree, no interval. | holds 0
~ low > 0 -> mean > 0
~ high < 0 -> max(differences) < 0

flipped | The two directions are turned around. | claim's side
~ "same direction" -> "opposite direction"
~ "opposite direction" -> "same direction"

median | The interval lies around the median. | some are large
~ statistics.fmean(differences) -> statistics.median(differences)

nan_dropped | Runs that ended in nan are left out. | nan
 def decide(differences):
+    differences = [d for d in differences if not math.isnan(d)]

nothing_returned | No verdict where 0 is inside. | without one
-    return "same direction" if low > 0 else "opposite direction" if high < 0 else "open"
+    if low > 0:
+        return "same direction"
+    if high < 0:
+        return "opposite direction"

only_the_mean | The sign of the mean decides. | holds 0
~ low > 0 -> mean > 0
~ high < 0 -> mean < 0

spelling | Other words. | spelt
-    return "same direction" if low > 0 else "opposite direction" if high < 0 else "open"
+    return "Same direction" if low > 0 else "Opposite direction" if high < 0 else "Open"

two_are_enough | Two runs decide. | three differences
~ n < 3 -> n < 2
"""
