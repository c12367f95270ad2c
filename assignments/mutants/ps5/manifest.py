"""Wrong and right solutions of ``manifest``, problem set 5."""

HEAD = """
from checks.ps5_manifest import stored
from mutants.ps5.example import example
"""

BASE = """
def manifest():
    m = example()
    return m
"""

RIGHT = """
ok_contradicted | A claim that the rows contradict, and says so.
def manifest():
    m = example()
    for r in m["rows"][5:]:
        r["value"] -= 0.02
    m["interval"] |= {"mean": -0.017449257969856264, "low": -0.02284756670463669, "high": -0.012050949235075837}
    m["verdict"] = "contradicted"
    return m

ok_other_order | Rows in another order, with more columns, and a longer command.
def manifest():
    m = example()
    m["rows"] = [r | {"seconds": 3.1} for r in m["rows"][::-1]]
    m["command"] = "course sweep sweeps/dropout.toml --workers=2 --out results"
    m["pilot"] = "two seeds on val"
    return m

ok_tuples | Tuples for lists, numbers of NumPy.
import numpy as np


def manifest():
    m = example()
    m["seeds"] = tuple(m["seeds"])
    m["rows"] = tuple(r | {"value": np.float64(r["value"])} for r in m["rows"])
    return m

ok_turned_around | The claim the other way around, in a metric's other direction.
def manifest():
    m = example()
    m["metric"], m["better"] = "-l1", "higher"
    for r in m["rows"]:
        r["value"] = -r["value"]
    m["claim"] = "Without dropout the negative L1 distance is higher after 200 steps."
    return m

ok_module | The command as the notebook starts it.
def manifest():
    m = example()
    m["command"] = "python -m course_lib.cli sweep dropout.toml --workers 1"
    for r in m["rows"]:
        r["command"] = r["command"].replace("course", "/usr/bin/python3.11 -m course_lib.cli", 1)
    return m

ok_nan | A run ended in nan, which is said: the claim stays open, the interval is that of the other pairs.
def manifest():
    m = example()
    m["rows"][3]["value"] = float("nan")
    m["interval"] |= {"mean": 0.002360668033361435, "low": -0.0055895362289299505, "high": 0.01031087229565282}
    return m
"""

WRONG = r"""
against_itself | A row against itself. | nothing is compared
     m = example()
+    m["less"] = m["more"]

blind | Supported, though all of the interval is on the other side. | on which
     m = example()
+    for r in m["rows"][5:]:
+        r["value"] -= 0.02
+    m["interval"] |= {"mean": -0.017449257969856264, "low": -0.02284756670463669, "high": -0.012050949235075837}
+    m["verdict"] = "supported"

chosen_on_test | The claim was chosen on the data it is reported on. | looks better
~ return m -> return m | {"chosen_on": "test"}

claim_is_a_question | The claim asks. | can turn out wrong
~ return m -> return m | {"claim": "Is pix2pix better without dropout in 200 steps?"}

command_options | An option that does not exist. | course sweep
~ return m -> return m | {"command": "course sweep dropout.toml --seeds 0,1,2,3,4"}

command_other_grid | The command sweeps another grid. | different grids
~ return m -> return m | {"command": "course sweep notebooks/sweeps/emoji.toml"}

command_trains | A training command in place of the sweep. | course sweep
~ return m -> return m | {"command": "course train pix2pix --data emoji:twemoji-fluent:paired --out runs/dropout"}

command_two_ways | A scheduler and workers at once. | course sweep
~ return m -> return m | {"command": "course sweep dropout.toml --workers 2 --scheduler tcp://host:8786"}

copied_keys | Runs of the course's own table. | course's own tables
     m = example()
+    for r, theirs in zip(m["rows"], stored(), strict=False):
+        r["key"] = theirs["key"]

copied_values | Numbers of the course's own table under new keys. | where do they come from
     m = example()
+    theirs = [entry["l1"] for entry in stored() if entry.get("row") == "CycleGAN + identity" and entry["l1"]]
+    for r, value in zip(m["rows"][:5], theirs[:3] * 2, strict=False):
+        r["value"] = float(value)

crash_as_none | A run that ended without a score has no value. | ended without
     m = example()
+    m["rows"][3]["value"] = None

crash_hidden | A run that ended in nan is left out, for a verdict. | bad ones
     m = example()
+    del m["rows"][3]
+    m["interval"] |= {"mean": 0.002360668033361435, "low": -0.0055895362289299505, "high": 0.01031087229565282}

different_seeds | Each row has seeds of its own. | paired
     m = example()
+    m["grid"] += "seeds = [5, 6, 7, 8, 9]\n"
+    for r in m["rows"][5:]:
+        r["seed"] += 5
+        r["command"] = r["command"].replace(f"--seed {r['seed'] - 5}", f"--seed {r['seed']}")

direction | A distance of which higher is said to be better. | contradicts the metric
     m = example()
+    m["better"] = "higher"

direction_unsaid | The direction is put in other words. | direction
~ return m -> return m | {"better": "smaller is better"}

empty_claim | An empty claim. | not empty
~ return m -> return m | {"claim": " "}

ends_too_far | Ends that nobody can compute. | stated ends
     m = example()
+    m["interval"] |= {"low": -0.5, "high": 0.5}

entry_missing | The machine and the version are not told. | lacks
     m = example()
+    del m["machine"], m["version"]

extra_row | A run that the grid has not. | not in the grid
     m = example()
+    m["rows"].append(m["rows"][0] | {"seed": 7, "key": "0123456789abcdef"})

grid_is_a_name | The name of the grid in place of its text. | whole text
~ return m -> return m | {"grid": "dropout.toml"}

half_widths | Half the width in place of the ends. | half-widths
     m = example()
+    i = m["interval"]
+    i["low"] = i["high"] = (i["high"] - i["low"]) / 2

hopeful | Supported, though 0 is in the interval. | more than the rows
~ return m -> return m | {"verdict": "supported"}

hopeless | Contradicted, though 0 is in the interval. | more than the rows
~ return m -> return m | {"verdict": "contradicted"}

impossible | Values that an L1 distance cannot have. | this metric can take
     m = example()
+    for r in m["rows"]:
+        r["value"] *= 100

interval_of_one_row | The interval of the first row. | one row
     m = example()
+    m["interval"] |= {"mean": 0.2400495618581772, "low": 0.23565603282658565, "high": 0.24444309088976873}

keys_missing | No keys. | key
     m = example()
+    for r in m["rows"]:
+        r["key"] = ""

kind_unsaid | Nobody knows what the interval is. | how it was computed
     m = example()
+    m["interval"]["kind"] = "error bars"

name_not_in_grid | The compared rows are not called so in the grid. | spelt
~ return m -> return m | {"more": "without dropout"}

nan | A run that ended in nan, and the interval is that of before. | differences in the rows
     m = example()
+    m["rows"][3]["value"] = float("nan")

no_dictionary | A text comes back. | no dictionary
~ return m -> return str(m)

normal | 1.96 standard errors. | normal
     m = example()
+    m["interval"] |= {"low": -0.0012607439641536804, "high": 0.006362228024441156}

nothing_returned | No return. | return
~ return m -> m["verdict"] = "open"

old_numbers | The table was made again, the interval is the old one. | differences in the rows
     m = example()
+    for r in m["rows"][5:]:
+        r["value"] += 0.002

one_command | One command for all rows. | would not train
     m = example()
+    for r in m["rows"]:
+        r["command"] = m["rows"][0]["command"]

one_error | One standard error on each side. | one standard error
     m = example()
+    m["interval"] |= {"low": 0.0006061063187675041, "high": 0.004495377741519971}

one_variant | Only one row: nothing to compare with. | no comparison
     m = example()
+    m["grid"] = m["grid"].split('[rows."dropout"]')[0]
+    m["rows"] = m["rows"][:5]

other_seeds_told | Other seeds than those of the grid. | those of the grid
     m = example()
+    m["seeds"] = [1, 2, 3, 4, 5]

other_settings | One side was trained with another setting. | would not train
     m = example()
+    for r in m["rows"]:
+        r["command"] = r["command"].replace("--set image_size=32", "--set image_size=64")

other_steps | The rows were trained longer than the grid says. | would not train
     m = example()
+    for r in m["rows"]:
+        r["command"] = r["command"].replace("--steps 200", "--steps 2000")

own_verdict | A verdict in words of one's own. | three words
     m = example()
+    m["verdict"] = "probably true"

population | The standard deviation that divides by n. | divides by n
     m = example()
+    m["interval"] |= {"low": -0.0022776520876562263, "high": 0.007379136147943702}

question_is_none | A topic in place of a question. | asks
~ return m -> return m | {"question": "Dropout in pix2pix and its influence on the result."}

reported_on_val | Reported on the validation data. | scores one split
~ return m -> return m | {"reported_on": "val"}

rounded_interval | The interval is rounded. | near: was it rounded
     m = example()
+    m["interval"] |= {"mean": 0.0026, "low": -0.0028, "high": 0.0079}

rounded_rows | The values of the rows are rounded. | rounded
     m = example()
+    for r in m["rows"]:
+        r["value"] = round(r["value"], 4)

row_twice | A run is counted twice. | twice
     m = example()
+    m["rows"].append(m["rows"][0] | {"key": "0123456789abcdef"})

run_left_out | The worst run is left out. | bad ones
     m = example()
+    m["rows"] = [r for r in m["rows"] if r["value"] < 0.25]
+    m["interval"] |= {"mean": 0.0012088090, "low": -0.0044, "high": 0.0068}

same_key | One key for all rows. | own key
     m = example()
+    for r in m["rows"]:
+        r["key"] = "8016010a155ca6c8"

same_settings | Both rows are the same configuration. | same settings
     m = example()
+    m["grid"] = m["grid"].replace("dropout = 0.5", "dropout = 0.0")
+    for r in m["rows"]:
+        r["command"] = r["command"].replace("dropout=0.5", "dropout=0.0")

seeds_as_text | Seeds as one text. | a list
~ return m -> return m | {"seeds": "0 to 4"}

sign | The interval of less minus more. | turned around
     m = example()
+    i = m["interval"]
+    m["interval"] = i | {"mean": -i["mean"], "low": -i["high"], "high": -i["low"]}

too_shy | Open, though all of the interval is on one side. | on which
     m = example()
+    for r in m["rows"][5:]:
+        r["value"] += 0.02
+    m["interval"] |= {"mean": 0.022550742030143737, "low": 0.017152433295363312, "high": 0.027949050764924162}

two_seeds | Two seeds per row. | fewer than
     m = example()
+    m["grid"] = m["grid"].replace("[0, 1, 2, 3, 4]", "[0, 1]")
+    m["rows"] = [r for r in m["rows"] if r["seed"] < 2]
+    m["seeds"] = [0, 1]
+    m["interval"] |= {"mean": 0.0022113695740699768, "low": -0.07030794, "high": 0.07473068}

unpaired | The errors of both rows added, as if they shared no seeds. | share their seeds
     m = example()
+    m["interval"] |= {"mean": 0.0025507420301437377, "low": -0.005975502884999951, "high": 0.011076986945287427}

value_as_text | Numbers as text. | finite
     m = example()
+    for r in m["rows"]:
+        r["value"] = f"{r['value']:.3f}"

version_short | A version without names. | versions of course_lib
~ return m -> return m | {"version": "0.1.0"}
"""
