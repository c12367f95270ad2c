"""Wrong and right solutions of ``decide``, problem set 5."""

HEAD = """
import math
import statistics

T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
T += (2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
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
    return "supported" if low > 0 else "contradicted" if high < 0 else "open"

ok_sides | Counts the ends on either side.
import numpy as np


def decide(differences):
    x = np.asarray(differences, float)
    if len(x) < 3 or not np.isfinite(x).all():
        return "open"
    ends = x.mean() + np.array([-1, 1]) * T[min(len(x) - 2, 29)] * x.std(ddof=1) / np.sqrt(len(x))
    return {2: "supported", -2: "contradicted"}.get(int(np.sign(ends).sum()), "open")

ok_t_value | By the t value, which is the same.
def decide(differences):
    n = len(differences)
    if n < 3:
        return "open"
    mean = sum(differences) / n
    error = math.sqrt(sum((d - mean) ** 2 for d in differences) / (n - 1) / n)
    if math.isnan(mean) or abs(mean) <= T[min(n - 2, 29)] * error:
        return "open"
    return "supported" if mean > 0 else "contradicted"
"""

WRONG = """
all_of_one_sign | All seeds must agree, no interval. | holds 0
~ low > 0 -> mean > 0
~ high < 0 -> max(differences) < 0

always_open | Never decides. | claim's side
~ "supported" if low > 0 else "contradicted" if high < 0 else "open" -> "open"

boolean | True, False or None. | three words
-    return "supported" if low > 0 else "contradicted" if high < 0 else "open"
+    return True if low > 0 else False if high < 0 else None

ends_swapped | Compares the wrong ends with 0. | holds 0
~ low > 0 -> high > 0
~ high < 0 -> low < 0

flipped | Supported and contradicted are turned around. | claim's side
~ "supported" -> "contradicted"
~ "contradicted" -> "supported"

four_are_needed | The spread of single values. | claim's side
~ (n - 1) / n -> (n - 1)

four_at_least | Three differences never decide. | three differences
~ n < 3 -> n <= 3

large_enough | Only differences above 0.1 count. | small difference
~ low > 0 -> low > 0 and mean > 0.1

majority | What most seeds say. | holds 0
~ low, high = mean - half, mean + half -> wins = sum(d > 0 for d in differences)
~ low > 0 else "contradicted" if high < 0 -> wins > n / 2 else "contradicted" if wins < n / 2

median | The interval lies around the median. | some are large
~ statistics.fmean(differences) -> statistics.median(differences)

nan_contradicts | nan slips through to the last verdict. | nan
~ "contradicted" if high < 0 else "open" -> "open" if high >= 0 else "contradicted"

nan_dropped | Runs that ended in nan are left out. | nan
 def decide(differences):
+    differences = [d for d in differences if not math.isnan(d)]

never_contradicted | What is not supported is open. | other side
~ low, high = mean - half, mean + half -> low = mean - half
~ "contradicted" if high < 0 else "open" -> "open"

none_crashes | No care for a table that is too small. | three differences
-    if n < 3:
-        return "open"

normal | The quantile of the normal distribution. | what is the interval
~ T[min(n - 2, 29)] -> 1.96

not_supported_is_contradicted | No third verdict. | holds 0
~ low, high = mean - half, mean + half -> low = mean - half
~ "contradicted" if high < 0 else "open" -> "contradicted"

nothing_returned | No verdict where 0 is inside. | without one
-    return "supported" if low > 0 else "contradicted" if high < 0 else "open"
+    if low > 0:
+        return "supported"
+    if high < 0:
+        return "contradicted"

only_the_mean | The sign of the mean decides. | holds 0
~ low > 0 -> mean > 0
~ high < 0 -> mean < 0

spelling | Other words. | spelt
-    return "supported" if low > 0 else "contradicted" if high < 0 else "open"
+    return "Supported" if low > 0 else "Contradicted" if high < 0 else "Open"

two_are_enough | Two runs decide. | three differences
~ n < 3 -> n < 2

zero_is_above | An interval that begins at 0 supports. | all 0
~ low > 0 -> low >= 0
"""
