"""The ledger of claims: a rule that gives the right verdicts, and claims that refer to what there is."""

import csv
import math
import re
import tomllib
from pathlib import Path

import pytest
import torch

from course_lib import CourseError
from course_lib.cli import course as cli
from course_lib.data import open_dataset
from course_lib.experiments import claims, grids, sweep
from course_lib.experiments.claims import CONTRADICTED, NOT_RUN, REPRODUCED, UNDECIDED, Claim, verdict_of
from course_lib.methods.base import Method
from course_lib.methods.pix2pix import Config as Pix2PixConfig
from course_lib.metrics import intervals, scores
from tests import ROOT

NOTEBOOKS = ROOT / "notebooks"
GRIDS = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in NOTEBOOKS.glob("sweeps/*.toml")}
CLAIMS = claims.read_claims(NOTEBOOKS / "claims.toml")

# PAPERS, sections 3.6 and 4.5; what was not checked against the papers is text with "reported".
IOU = {
    "pix2pix, Table 1": {"L1": 0.11, "GAN": 0.01, "cGAN": 0.16, "L1+GAN": 0.15, "L1+cGAN": 0.17},
    "pix2pix, Table 2": {
        "encoder-decoder, L1": 0.08, "encoder-decoder, L1+cGAN": 0.05, "L1": 0.13, "L1+cGAN": 0.14,
    },
    "pix2pix, Table 3": {"1x1": 0.10, "16x16": 0.17, "L1+cGAN": 0.17, "70x70": 0.11},  # ours of 34 px, and of all
    "pix2pix, Table 6": {"L1": 0.35, "cGAN": 0.22, "L1+cGAN": 0.29},
    "CycleGAN, Table 2": {
        "CoGAN": 0.06, "BiGAN/ALI": "reported 0.02", "SimGAN": "reported 0.04",
        "feature loss + GAN": "reported 0.01", "CycleGAN": 0.11, "pix2pix": 0.18,
    },
    "CycleGAN, Table 3": {
        "CoGAN": "reported 0.08", "BiGAN/ALI": "reported 0.07", "SimGAN": "reported 0.07",
        "feature loss + GAN": "reported 0.06", "CycleGAN": 0.16, "pix2pix, photo to labels": 0.32,
    },
    "CycleGAN, Table 4": {
        "cycle alone": 0.02, "GAN alone": 0.08, "GAN + forward cycle": 0.12,
        "GAN + backward cycle": "reported 0.06", "CycleGAN": 0.11,
    },
    "CycleGAN, Table 5": {
        "cycle alone": "reported 0.02", "GAN alone": 0.07, "GAN + forward cycle": "reported 0.07",
        "GAN + backward cycle": 0.01, "CycleGAN": 0.16,
    },
}  # fmt: skip
BICYCLE = {  # as printed
    "BicycleGAN, diversity": {
        "pix2pix+noise": "0.013", "cAE-GAN": "reported 0.200", "cVAE-GAN": "0.096", "cLR-GAN": "0.090",
        "BicycleGAN": "0.110", 0.1: "reported 0.262",
    },
    "BicycleGAN, realism": {
        "pix2pix+noise": "27.93", "cAE-GAN": "reported 13.64", "cVAE-GAN": "24.93",
        "cVAE-GAN plus plus": "reported 29.19", "cLR-GAN": "29.23", "BicycleGAN": "34.33",
    },
    "BicycleGAN, encoders": {
        "BicycleGAN": "reported 0.292", "z at the input": "reported 0.292", "E_CNN": "reported 0.326",
    },
}  # fmt: skip
HD = {
    "pix2pixHD, Cityscapes": {"pix2pixHD": "reported 0.6389", "pix2pix": "reported 0.3948"},
    "pix2pixHD, scales": {"pix2pixHD": "reported 0.6389", "one scale": "reported 0.5775"},
}
MUNIT = {  # shoes; all from memory
    "MUNIT, diversity": {
        "CycleGAN": "reported 0.010", "CycleGAN + noise": "reported 0.016", "UNIT": "reported 0.011",
        "no x-recon": "reported 0.213", "no c-recon": "reported 0.172", "no s-recon": "reported 0.070",
        "MUNIT": "reported 0.109",
    },
    "MUNIT, quality": {
        "no x-recon": "reported 6.0", "no c-recon": "reported 20.7", "no s-recon": "reported 28.6",
        "MUNIT": "reported 50.0",
    },
}  # fmt: skip
HISTOGRAMS = {
    "lab_L": {"L1": 0.81, "cGAN": 0.87, "L1+cGAN": 0.86, "1x1": 0.83},
    "lab_a": {"L1": 0.69, "cGAN": 0.74, "L1+cGAN": 0.84, "1x1": 0.68},
    "lab_b": {"L1": 0.70, "cGAN": 0.84, "L1+cGAN": 0.82, "1x1": 0.78},
}


def write(folder: Path, rows: dict[str, dict[int, dict]], name: str = "grid") -> Path:
    """A table of results: {row: {seed: {score: value}}}."""
    named = sorted({score for seeds in rows.values() for found in seeds.values() for score in found})
    with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*sweep.FIRST, *named, *sweep.LAST], restval="")
        writer.writeheader()
        for row, seeds in rows.items():
            for seed, found in seeds.items():
                writer.writerow({"row": row, "seed": seed, "steps": 1, "seconds": 1.0, **found})
    return folder


def by_seed(*values: float, score: str = "l1") -> dict[int, dict]:
    return {seed: {score: value} for seed, value in enumerate(values)}


def claim(**values) -> Claim:
    usual = {"id": "it", "claim": "It is.", "source": "A, Table 1", "paper": "1", "sweep": "grid", "metric": "l1"}
    return Claim(**usual | ({} if "order" in values else {"more": "A", "less": "B"}) | values)


# ---- the rule


@pytest.mark.parametrize(
    "a, better, within, expected",
    [
        ((3.0, 3.1, 3.2), "higher", None, REPRODUCED),
        ((3.0, 3.1, 3.2), "lower", None, CONTRADICTED),
        ((0.1, 0.0, 0.2), "higher", None, CONTRADICTED),
        ((0.1, 0.0, 0.2), "lower", None, REPRODUCED),
        ((1.0, 2.0, 0.0), "higher", None, UNDECIDED),
        ((1.0, 1.0, 1.0), "higher", None, UNDECIDED),  # equal
        ((1.0, 1.0, 1.0), "higher", 0.1, REPRODUCED),
        ((1.0, 1.01, 1.02), "lower", 0.1, REPRODUCED),
        ((3.0, 3.1, 3.2), "higher", 0.1, CONTRADICTED),
        ((0.1, 0.0, 0.2), "higher", 0.1, CONTRADICTED),  # a difference on either side
        ((1.0, 1.1, 1.2), "higher", 0.1, UNDECIDED),
        ((3.0, 3.1, math.nan), "higher", None, UNDECIDED),
        ((3.0, 3.1, math.nan), "higher", 9.0, UNDECIDED),
        ((3.0, 3.1), "higher", None, NOT_RUN),
    ],
)
def test_the_verdict_follows_the_rule(tmp_path, a, better, within, expected):
    write(tmp_path, {"A": by_seed(*a), "B": by_seed(1, 1, 1, 1)})
    assert verdict_of(claim(better=better, within=within), tmp_path)["verdict"] == expected


def test_differences_are_paired_and_their_interval_is_students(tmp_path):
    # differences 1, 2, 3: mean 2, standard deviation 1, half the interval 4.303 / sqrt(3)
    write(tmp_path, {"A": by_seed(11, 32, 103, 500), "B": by_seed(10, 30, 100)})
    found = verdict_of(claim(), tmp_path)
    assert (found["mean"], found["effect"], found["n"]) == pytest.approx((2, 2, 3))
    assert (found["low"], found["high"]) == pytest.approx((2 - 2.4843, 2 + 2.4843), abs=1e-3)
    assert (found["more"], found["less"]) == pytest.approx((146 / 3, 140 / 3)), "means over the common seeds"
    low = verdict_of(claim(better="lower"), tmp_path)
    assert (low["mean"], low["low"], low["effect"]) == pytest.approx((-2, -found["high"], -2))


def test_the_quantiles_leave_one_in_forty_above(tmp_path):
    for df, quantile in enumerate(intervals.T, 1):
        x = torch.linspace(0, quantile, 20001, dtype=torch.double)
        density = torch.distributions.StudentT(torch.tensor(float(df), dtype=torch.double)).log_prob(x).exp()
        assert torch.trapezoid(density, x).item() == pytest.approx(0.475, abs=3e-5), df
    assert len(intervals.T) == 30 and intervals.interval([0.0, 1.0] * 20)[2] < 0.5 + 2.05 / math.sqrt(40)


def test_seeds_are_matched_by_number_not_by_place(tmp_path):
    write(tmp_path, {"A": {seed: {"l1": seed} for seed in (5, 1, 2, 4)}, "B": {s: {"l1": s} for s in (1, 2, 3, 4)}})
    found = verdict_of(claim(), tmp_path)
    assert (found["n"], found["mean"], found["verdict"]) == (3, 0, UNDECIDED) and math.isnan(found["effect"])
    write(tmp_path, {"A": by_seed(1, 1, 1), "B": {seed: {"l1": 0} for seed in (2, 3, 4)}})
    assert verdict_of(claim(), tmp_path)["n"] == 1 and verdict_of(claim(), tmp_path)["verdict"] == NOT_RUN
    assert (
        verdict_of(claim(less="C"), tmp_path)["n"] == 0
        and verdict_of(claim(sweep="none"), tmp_path)["verdict"] == NOT_RUN
    )


def test_constants_other_columns_and_other_tables(tmp_path):
    copying = {seed: {"l1": 0.2 + seed / 100, "copy_l1": 0.8} for seed in range(3)}
    write(tmp_path, {"A": copying}, "one"), write(tmp_path, {"A": by_seed(0.5, 0.5, 0.5)}, "two")
    expected = {
        "constant": (claim(sweep="one", less=0.3, better="lower"), 0.09),
        "first": (claim(sweep="one", more=0.3, less="A"), 0.09),
        "column": (claim(sweep="one", less="A", metric_less="copy_l1", better="lower"), 0.59),
        "share": (claim(sweep="one", metric="l1 / copy_l1", less=0.0), 0.21 / 0.8),
        "difference": (claim(sweep="one", metric="copy_l1 - l1", less=0.0), 0.59),
        "number": (claim(sweep="one", metric="l1 / 2.0", less=0.0), 0.105),
        "table": (claim(sweep="one", less="two: A", better="lower"), 0.29),
    }
    for name, (it, mean) in expected.items():
        found = verdict_of(it, tmp_path)
        assert found["mean"] == pytest.approx(mean) and found["verdict"] == REPRODUCED, name
    with pytest.raises(CourseError, match="no score 'ssim'"):
        verdict_of(claim(sweep="one", metric="ssim", less=1.0), tmp_path)


def test_orders_are_judged_by_tau(tmp_path):
    order = {"A": 0.17, "B": 0.17, "C": 0.11, "D": 0.10}
    # 4 pairs agree, 1 does not (C, D), 1 is a tie of the paper's: tau-b = (4 - 1) / sqrt(5 * 6)
    rows = {"A": by_seed(4, 4, 4), "B": by_seed(3, 3, 3), "C": by_seed(1, 1, 1), "D": by_seed(2, 2, 2)}
    found = verdict_of(claim(order=order), write(tmp_path, rows))
    assert found["mean"] == pytest.approx(3 / math.sqrt(30), abs=1e-4) and found["verdict"] == REPRODUCED
    lower = verdict_of(claim(order=order, better="lower"), tmp_path)
    assert lower["mean"] == pytest.approx(-found["mean"]) and lower["verdict"] == CONTRADICTED
    write(tmp_path, rows | {"C": by_seed(1, 1, 5), "A": by_seed(4, 0, 4)})
    mixed = verdict_of(claim(order=order), tmp_path)  # 4 - 1, 2 - 3, 3 - 2 pairs
    assert mixed["mean"] == pytest.approx((3 - 1 + 1) / 3 / math.sqrt(30), abs=1e-4) and mixed["verdict"] == UNDECIDED
    write(tmp_path, rows | {"A": by_seed(4, 4, math.nan)})
    unranked = verdict_of(claim(order=order), tmp_path)
    assert math.isnan(unranked["mean"]) and unranked["verdict"] == UNDECIDED, "nan is not ranked"
    write(tmp_path, {row: by_seed(1, 1, 1) for row in order})
    assert verdict_of(claim(order=order), tmp_path)["verdict"] == UNDECIDED, "no order at all"


# ---- the file


@pytest.mark.parametrize(
    "text, said",
    [
        ("claim = 3", "no readable claims"),
        ("", "no readable claims: 'claim'"),
        ('[[claim]]\nid = "a"', "missing"),
        ('more = "A"\nless = "B"\nbeter = "higher"', "beter"),
        ('more = "A"\nless = "B"\nbetter = "more"', "better is 'more'"),
        ('more = "A"', "nothing to compare"),
        ("more = 1.0\nless = 2.0", "nothing to compare"),
        ('more = "A"\nless = "B"\n[claim.order]\nA = 1\nB = 2\nC = 3', "nothing to compare"),
        ("[claim.order]\nA = 1\nB = 2", "nothing to compare"),
        ('more = "A"\nless = "B"\nwithin = 0.0', "within is 0.0"),
        ('more = "A"\nless = "B"\n' + "SAME", "several claims are called a"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, said):
    start = '[[claim]]\nid = "a"\nclaim = ""\nsource = ""\npaper = ""\nsweep = ""\nmetric = ""\n'
    text = text if not text or text.startswith(("claim", "[[claim")) else start + text
    (tmp_path / "claims.toml").write_text(text.replace("SAME", start + 'more = "A"\nless = "B"'))
    with pytest.raises(CourseError, match=re.escape(said)):
        claims.read_claims(tmp_path / "claims.toml")


def test_the_command_writes_the_page_and_explains_what_failed(tmp_path, monkeypatch, capsys):
    entry = '[[claim]]\nid = "{}"\nclaim = "{}"\nsource = "A, Table 1"\npaper = "1 | 2"\nsweep = "grid"\n'
    entry += 'metric = "l1"\nmore = "{}"\nless = "B"\n'
    text = entry.format("yes", "One holds.", "A") + entry.format("no", "One fails.", "C")
    text += 'why = "Because."\npicture = "c.png"\n' + entry.format("later", "One waits.", "D")
    (tmp_path / "claims.toml").write_text(text)
    (tmp_path / "sweeps").mkdir()
    write(tmp_path / "sweeps", {"A": by_seed(3, 3.1, 3.2), "B": by_seed(1, 1, 1), "C": by_seed(0, 0, 0)})
    monkeypatch.setattr("sys.argv", ["course", "claims", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    page = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert stopped.value.code == 0 and page == claims.ledger(tmp_path)
    assert "| all | 3 | 1 | 0 | 1 | 1 |" in page
    assert "1 \\| 2 | 3.1 against 1 | +2.1 [+1.85, +2.35] | 21.0 | 3 | reproduced |" in page
    assert "| 0 against 1 | -1 [-1, -1] | - | 3 | contradicted |" in page and "| - | - | - | 0 | not run |" in page
    assert "**no** (contradicted). One fails. Because.\n\n![no](c.png)" in page and "**yes** (" not in page
    assert page.count("course sweep notebooks/sweeps/grid.toml") == 1


# ---- the claims of this course


def test_there_are_enough_claims_of_each_paper():
    papers = ("pix2pix", "CycleGAN", "BicycleGAN")
    per_paper = {paper: sum(it.source.startswith(paper) for it in CLAIMS) for paper in papers}
    assert len(CLAIMS) >= 24 and min(per_paper.values()) >= 10, per_paper


PAIRED = {"l1", "psnr", "ssim"}
SETS = {"sharpness_ratio", "grid_ratio", "chroma_ratio", "histogram_intersection", "lab_L", "lab_a", "lab_b"}
FCN, LABELS = ({f"{name}_{kind}" for kind in ("pixel", "class", "iou")} for name in ("fcn", "labels"))
EMOJI = {"copy_l1", "top1", "top5", "copy_top1", "copy_top5", "shape_top1", "shape_top5"}
NAMES = {  # of the scores there, and back
    "facades": (FCN, LABELS),
    "facades:unpaired": (FCN, LABELS),
    "facades:touching": (FCN | {"borders_visible"}, LABELS),
    "facades:day-night": ({"copy_l1", "windows_lit"}, {"copy_l1"}),
    "facades:plaster-brick": ({"copy_l1", "hue_error"},) * 2,
    "emoji:edges": (set(), set()),
    "emoji:twemoji-fluent": (EMOJI, EMOJI),
    "emoji:twemoji-fluent:paired": (EMOJI, EMOJI),
}


SAMPLED = {f"{kind}_{by}" for kind in ("diversity", "real_pairs") for by in ("features", "l1")}
SAMPLED |= {"nearest_features", "realism_error", "frechet_features", "common_colour", "encoded_l1"}
EXAMPLES = {"colour_follows", "encoded_l1", "encoded_top1", "encoded_shape_top1"}
OF_FACADES = {"walls_covered", "coverage_features", "hue_same_z", "hue_same_input"}


def names(method: str, data: str, direction: str) -> set[str]:
    """The scores of a row, without n and d_std."""
    own, other = NAMES[data] if direction == "xy" else NAMES[data][::-1]
    there = PAIRED | SETS | own
    if method in ("pix2pix", "pix2pixhd"):
        return there
    if method == "bicyclegan":
        return there | SAMPLED | (OF_FACADES if data == "facades" else set())
    cycle = {"again_l1"} | ({"rec_l1", "rec_noisy_l1"} if method not in ("cogan", "munit") else set())
    styles = SAMPLED | EXAMPLES if method == "munit" else set()
    return there | cycle | styles | {f"yx_{name}" for name in PAIRED | SETS | other | cycle}


def row_of(sweep_name: str, row: str) -> dict:
    """method, data and direction of a row, its settings, and its seeds."""
    return {"direction": "xy"} | GRIDS[sweep_name] | GRIDS[sweep_name]["rows"][row]


@pytest.mark.parametrize("it", CLAIMS, ids=lambda it: it.id)
def test_a_claim_refers_to_rows_and_scores_that_exist(it):
    assert (
        re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", it.id)
        and re.match("[A-Z]|pix2pix", it.claim)
        and it.claim.endswith(".")
    )
    sides = [(row, it.metric) for row in it.order or ()] or [
        (it.more, it.metric),
        (it.less, it.metric_less or it.metric),
    ]
    seeds = []
    for side, metric in sides:
        if isinstance(side, float):
            continue
        sweep_name, row = side.split(": ") if ": " in side else (it.sweep, side)
        found = row_of(sweep_name, row)
        seeds.append(set(found["seeds"]))
        first, operation, second = re.fullmatch(r"(\w+)(?: ([-/]) (\w+|\d+\.\d+))?", metric).groups()
        known = names(found["method"], found["data"], found["direction"])
        known |= {"d_std"} if found.get("lambda_gan", 1) else set()
        assert first in known and (not operation or second in known or float(second) > 0), (side, metric)
    assert len(set.intersection(*seeds)) >= claims.LEAST_SEEDS
    assert sweep_name in claims.sweeps_of(it)
    assert not it.picture or (NOTEBOOKS / it.picture).exists()


@pytest.mark.parametrize("it", CLAIMS, ids=lambda it: it.id)
def test_numbers_are_the_papers_and_those_from_memory_say_so(it):
    said = re.findall(r"(?:reported )?\d+\.\d+", it.paper)
    table = HISTOGRAMS[it.metric] if it.source == "pix2pix, Figure 7" else (IOU | BICYCLE | HD | MUNIT).get(it.source)
    if table is None:
        assert not said and re.match("(no number|reported, without a number)", it.paper), it.paper
        return
    rows = list(it.order) if it.order else [it.more, it.less]
    assert said == [value if isinstance(value := table[row], str) else f"{value:.2f}" for row in rows]
    if it.order:
        assert it.order == {row: float(table[row]) for row in rows}, "reported values are left out of an order"
        verified = {row for row, value in table.items() if "reported" not in str(value)}
        assert set(rows) == verified, "all others belong to it"
    elif it.within is None:
        value = [float(number.removeprefix("reported ")) for number in said]
        people = ("BicycleGAN, realism", "MUNIT, quality")  # how many they fooled or pleased; ours is a distance
        higher = it.better == "higher" or it.source in people
        assert (value[0] > value[1]) == higher, "the paper's side"


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_of_the_course_can_be_swept(name):
    cells = grids.read_grid(NOTEBOOKS / "sweeps" / f"{name}.toml")
    assert {cell.row for cell in cells} == set(GRIDS[name]["rows"]) and {cell.profile for cell in cells} == {"cpu"}
    assert len({cell.config.image_size for cell in cells}) == 1  # scores at two sizes do not compare


class Few(torch.utils.data.Subset):
    """Six items of a data set."""

    def __init__(self, *name):
        super().__init__(whole := open_dataset(*name), range(6))
        self.paired = whole.paired


@pytest.mark.slow
@pytest.mark.parametrize("data", NAMES)
@pytest.mark.parametrize("method", ["pix2pix", "cogan", "cyclegan"])
def test_the_scores_are_called_so(data, method, monkeypatch):
    class Copying(Method):
        directions = ("xy",) if method == "pix2pix" else ("xy", "yx")

        def translate(self, x, direction="xy"):
            return {"fake_y": x} | ({"rec_x": x} if method == "cyclegan" else {})

    monkeypatch.setattr(scores, "open_dataset", Few)
    monkeypatch.setattr(scores, "fcn_score", lambda *_: dict.fromkeys(("pixel", "class", "iou"), 0.0))
    for direction in ("xy", "yx"):
        assert set(scores.score(Copying(Pix2PixConfig(image_size=32)), data, "test", direction)) == names(
            method, data, direction
        ) | {"n"}


def test_the_page_in_the_repository_is_what_the_command_makes():
    assert (NOTEBOOKS / "claims.md").read_text(encoding="utf-8") == claims.ledger(NOTEBOOKS)
