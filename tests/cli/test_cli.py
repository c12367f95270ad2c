"""The ``course`` command as its users meet it: a process, its output, its status, its files."""

import json
import shutil
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import CourseError, runs
from course_lib.cli import doctor
from course_lib.data import Augment, open_dataset
from course_lib.data.images import read_image, to_tensor
from course_lib.methods import cyclegan
from course_lib.metrics import diversity
from course_lib.training import fit
from tests import ROOT
from tests.support import processes, small
from tests.support.killing import write_pairs
from tests.support.pictures import noise, saved

STEP = ["pix2pix", "--data", "openmoji:lines", "--steps", "1"]
BAD = [
    (["nope", "--data", "openmoji:lines", "--steps", "1"], "unknown method 'nope'"),
    (["pix2pix", "--data", "emoji:nope", "--steps", "1"], "unknown data set 'emoji:nope'"),
    (["pix2pix", "--data", "no/such/folder", "--steps", "1"], "no such folder"),
    (["pix2pix", "--data", "photos/nothere.jpg", "--steps", "1"], "no such file"),
    (["pix2pix", "--data", "openmoji:lines", "--steps", "-1"], "Invalid value for '--steps'"),
    (["pix2pix", "--data", "openmoji:lines", "--minutes", "nan"], "cannot train for nan minutes"),
    ([*STEP, "--minutes", "1"], "exclude each other"),
    ([*STEP, "--size", "63"], "power of two"),
    ([*STEP, "--size", "8"], "needs images of at least 24 px"),
    ([*STEP, "--set", "lamda_l1=3"], "unknown setting 'lamda_l1'"),
    ([*STEP, "--set", "lambda_l1"], "key=value"),
    ([*STEP, "--set", "lr=fast"], "lr needs float"),
    ([*STEP, "--set", "lr=-1"], "lr must be above 0"),
    ([*STEP, "--set", "generator=vit"], "cannot be 'vit'"),
    (["pix2pix", "--data", "facades:unpaired", "--steps", "1"], "learns from pairs"),
    (["pix2pixhd", "--data", "facades:day-night", "--steps", "1"], "learns from pairs"),
    ([*STEP, "--set", "lambda_l1=0", "--set", "lambda_gan=0"], "lambda_features are all 0"),
    ([*STEP, "--set", "generator=resnet", "--size", "66"], "multiple of 4"),
    ([*STEP, "--set", "beta1=1"], "out of range"),
    ([*STEP, "--set", "average=1.5"], "average must be at least 0 and at most 1"),
    (["munit", *STEP[1:], "--set", "style_down=1"], "style_down must be at least 2"),
    (["pix2pixhd", "--data", "facades", *STEP[3:], "--set", "n_labels=5"], "more classes than"),
    ([*STEP, "--unknown", "1"], "unknown"),
]


@pytest.mark.parametrize(("arguments", "what"), BAD, ids=[" ".join(a[-2:]) for a, _ in BAD])
def test_bad_train_arguments(arguments, what, tmp_path, refusal):
    lines = refusal("train", *arguments, "--out", tmp_path / "out")
    assert what in lines[0] and all(len(line) > 8 for line in lines)
    assert not (tmp_path / "out").exists()


CHOICES = {
    "direction": lambda: open_dataset("emoji:edges", "val", 32, "AtoB"),
    "direction ": lambda: runs.in_direction(
        cyclegan.CycleGAN(SMALL), {"direction": "xy"}, "AtoB", "run"
    ),
    "split": lambda: open_dataset("emoji:edges", "testing", 32),
    "load": lambda: open_dataset("emoji:edges", "val", 32, load="stretch"),
    "jitter": lambda: Augment(open_dataset("emoji:edges", "val", 32), kind="warp"),
    "method": lambda: runs.make_config("Pix2Pix"),
    "profile": lambda: runs.make_config("pix2pix", "fast"),
    "device": lambda: runs.open_run("shipped:facades", "gpu"),
    "by": lambda: diversity.diversity(torch.zeros(1, 2, 3, 8, 8), "L1"),
}
SMALL = cyclegan.Config(image_size=16, base_channels=4, d_base_channels=4, n_blocks=1, d_layers=1)


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_that_is_none_is_refused_with_those_there_are(name):
    with pytest.raises(CourseError, match=name.strip()) as refused:
        CHOICES[name]()
    assert refused.value.fix.startswith("choose from ")


def test_a_tilde_is_the_home_folder_however_a_path_is_given(tmp_path, monkeypatch, course):
    home, here = tmp_path / "home", tmp_path / "here"
    write_pairs(home / "data", 4)
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    quick = ("--profile=smoke", "--size=16", "--set=d_layers=1", "--steps=1")
    course("train", "pix2pix", "--data=~/data", "--out=~/runs/a=b", *quick)
    course("translate", "--run=~/runs/a=b", "--input=~/data/train/0.png", "--output=~/0.png")
    begun = runs.make_config("pix2pix", start="~/runs/a=b")
    options = {"steps": 1, "previews": 0, "progress": False}
    runs.train("pix2pix", "~/data", Path("~/tuned"), begun, start="~/runs/a=b", **options)
    runs.translate_files(Path("~/tuned"), Path("~/data/train"), Path("~/many"))
    method, _ = runs.open_run("~/tuned")
    fit(method, open_dataset("~/data", "train", 16), steps=1, out="~/fitted", progress=False)
    made = {path.name for path in home.iterdir()} - {".cache"}
    assert made == {"data", "runs", "0.png", "tuned", "many", "fitted"}
    assert read_image("~/0.png").size == (16, 16) and not [*here.iterdir()]


@pytest.mark.parametrize(
    "arguments",
    [("train", *STEP, "--profile", "gpu"), ("run", "--profile", "gpu"), ("run", "--require=cuda")],
)
def test_a_gpu_or_nothing(arguments, tmp_path, refusal, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "CUDA is absent" in refusal(*arguments, "--out", tmp_path / "out")[0]
    assert not (tmp_path / "out").exists()


def test_help_answers_fast(course):
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = processes.course("--help")
        seconds.append(time.perf_counter() - start)
        assert done.returncode == 0 and "train" in done.stdout and "doctor" in done.stdout
    assert min(seconds) < 1 and "doctor" in course()[1]  # no command: the same list


def test_evaluate_prints_json_that_translate_reproduces(tmp_path, course):
    """What evaluate prints can be recomputed by anyone from the PNG files of translate.

    Of A|B images: A is patches of four colours, B its negative.
    """
    negatives = tmp_path / "data with spaces"
    for split, seeds in (("train", range(24)), ("test", range(24, 30))):
        patches = (np.asarray(noise(2, 2, seed).resize((64, 64))) for seed in seeds)
        pairs = (Image.fromarray(np.concatenate([a, 255 - a], axis=1)) for a in patches)
        saved(negatives / split, pairs)
    settings = ["lr=0.002", "batch_size=4", "d_base_channels=4"]
    trained = small.trained(tmp_path / "run", negatives, size=32, settings=settings, steps=100)
    status, out, _ = course("evaluate", "--run", trained, "--data", negatives, "--json")
    scores = json.loads(out)
    assert status == 0 and out.count("\n") == 1
    assert {
        "l1",
        "psnr",
        "ssim",
        "baseline_mean_l1",
        "baseline_nn_l1",
        "n",
    } <= scores.keys() and scores["n"] == 6
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for path in (negatives / "test").glob("*.png"):
        Image.open(path).crop((0, 0, 64, 64)).save(inputs / path.name)
    status, out, _ = course(
        "translate", "--run", trained, "--input", inputs, "--output", tmp_path / "o", "--square"
    )
    assert status == 0 and out.startswith("wrote 6 images")
    test, errors = open_dataset(str(negatives), "test", 32), []
    for item in (test[i] for i in range(6)):
        y = to_tensor(
            read_image(negatives / "test" / f"{item['name']}.png").crop((64, 0, 128, 64)), 32
        )
        output = Image.open(tmp_path / "o" / f"{item['name']}.png")
        assert output.size == (32, 32) and output.mode == "RGB"
        errors.append((to_tensor(output, 32) - y).abs().mean().item())
    assert np.mean(errors) == pytest.approx(scores["l1"], abs=0.004)  # 8-bit files
    assert scores["l1"] < scores["baseline_mean_l1"]
    for name in ("l1", "psnr", "ssim", "sharpness_ratio", "kid_lite0", "baseline_nn_l1"):
        assert scores[f"{name}_low"] < scores[name] < scores[f"{name}_high"], name
    lines = course("evaluate", "--run", trained, "--data", negatives)[1].splitlines()
    assert (
        f"l1{22 * ' '} {scores['l1']:.4f} [{scores['l1_low']:.4f}, {scores['l1_high']:.4f}]"
        in lines
    )
    assert not any("_low" in line or "_high" in line for line in lines)


# ---- the doctor


@pytest.mark.slow
def test_the_command_says_which_profile_runs_and_what_is_missing(monkeypatch, course):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    status, out, _ = course("doctor")
    lines = {line[:10].strip(): line[11:] for line in out.splitlines()}
    heads = "machine versions profile bfloat16 expect course jupyter tests demos grading"
    assert status == 0 and " ".join(lines).startswith(f"{heads} earth heic")
    assert lines["profile"] == "smoke: the environment variable COURSE_PROFILE says so"
    assert f"torch {torch.__version__.partition('+')[0]}" in lines["versions"]


def test_missing_programs_and_packages_are_named(monkeypatch):
    requires = ["torch>=2", "absent>=1.2", 'also-absent>=0.1; extra == "test"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: requires)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "git" else None)
    pip = f"{sys.executable} -m pip install"
    assert doctor.missing((), "") == f"missing: absent>=1.2; {pip} 'absent>=1.2'"
    said = "missing: bwrap, also-absent>=0.1"
    assert doctor.missing(("git", "bwrap"), "test") == f"{said}; {pip} 'also-absent>=0.1'"
    assert doctor.missing(("git",), "web") == "nothing missing"


def test_the_doctor_looks_at_every_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    known = {extra for _, *needs in doctor.NEEDS.values() for extra in needs}
    assert known == {"", *extras} - {"all"}
