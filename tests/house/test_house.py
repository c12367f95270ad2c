"""The house around the library: declared once, licensed, tidy, and small enough to read."""

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import jaxtyping
import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from course_lib.data.build_emoji import PACKAGES, WITHHELD, group_of, split_emoji
from course_lib.data.emoji import CARD, FILES, STYLES, entries
from course_lib.losses import log_real
from course_lib.networks import PatchGAN
from tests import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@cache
def files() -> list[str]:
    """Every file that is tracked or would be."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip("not a git checkout, so which files belong to the project is unknown")
    return sorted(
        name for name in set(os.fsdecode(done.stdout).split("\0")) if (ROOT / name).is_file()
    )


@cache
def texts() -> dict[str, str]:
    """Those of text; lines over 4,000 characters (pictures in notebooks) are left out."""
    out = {}
    for name in files():
        data = (ROOT / name).read_bytes()
        if b"\0" not in data[:8000]:
            lines = data.decode("utf-8", errors="replace").splitlines()
            out[name] = "\n".join(line for line in lines if len(line) <= 4000)
    assert "pyproject.toml" in out and "tests/house/test_house.py" in out
    return out


def requirements() -> list[Requirement]:
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    found = [Requirement(line) for line in PROJECT["dependencies"] + extras]
    return [
        r for r in found if r.name != PROJECT["name"]
    ]  # an extra may name another extra of the project


def floor(requirement: Requirement) -> Version:
    return max(Version(s.version) for s in requirement.specifier if s.operator == ">=")


# ---- shapes are checked at test time


@pytest.mark.skipif("COURSE_NO_SHAPE_CHECK" in os.environ, reason="COURSE_NO_SHAPE_CHECK is set")
def test_a_wrong_shape_raises():
    net = PatchGAN(in_channels=3, base_channels=4, n_layers=1)
    assert net(torch.zeros(2, 3, 16, 16)).shape[:2] == (2, 1)
    with pytest.raises(jaxtyping.TypeCheckError, match="image"):
        net(torch.zeros(3, 16, 16))  # a convolution alone would accept an image without its batch
    with pytest.raises(jaxtyping.TypeCheckError, match="real_logits"):
        log_real(torch.zeros(2, 1, 6, 6, dtype=torch.long))


# ---- dependencies


def test_every_dependency_has_a_floor_and_no_ceiling():
    for requirement in requirements():
        operators = {s.operator for s in requirement.specifier}
        assert ">=" in operators, f"{requirement} has no floor"
        assert operators <= {">=", "!="}, (
            f"{requirement} is capped; constraints.txt is the place for that"
        )


def test_the_floors_agreed_upon():
    floors = {r.name: floor(r) for r in requirements()}
    agreed = ("torch", "torchvision", "pillow", "ipywidgets")  # so low because of Colab
    assert [str(floors[name]) for name in agreed] == ["2.11", "0.26", "11.3", "7.7"]
    assert PROJECT["requires-python"] == ">=3.11"


def test_the_extra_all_holds_every_other_extra():
    extras = PROJECT["optional-dependencies"]
    held = set().union(*(Requirement(line).extras for line in extras["all"]))
    assert held == set(extras) - {"all"}


def test_environment_installs_from_pyproject():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    conda = [entry for entry in listed if isinstance(entry, str)]
    assert pip == [["-e .[all]"]]
    assert sorted(re.split("[=<>]", entry)[0] for entry in conda) == ["pip", "python"]
    python = next(entry for entry in conda if entry.startswith("python"))
    assert Version(re.search(r"[\d.]+", python).group()) >= Version("3.11")


def test_constraints_pin_every_dependency_at_or_above_its_floor():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, version = re.fullmatch(
                r"([A-Za-z0-9_.-]+)==([0-9][0-9.]*(?:(?:rc|post)\d+)?)", line
            ).groups()
            pins[name.lower().replace("_", "-")] = Version(version)
    for requirement in requirements():
        pinned = pins.get(requirement.name.lower().replace("_", "-"))
        assert pinned, f"{requirement.name} has no pin"
        assert pinned in requirement.specifier, f"{requirement} against the pin {pinned}"
    assert pins["torch"] != Version("2.13.0")


# ---- the shipped data


def test_licences_cover_every_shipped_style():
    table = (ROOT / "LICENSES" / "README.md").read_text(encoding="utf-8")
    rows = {
        line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")
    }
    assert {name.removesuffix(" vectors") for name in PACKAGES} == set(STYLES)
    for name, taken in PACKAGES.items():
        package, _, version = taken.rpartition("@")
        assert f"`{package}` {version}" in rows[name.removesuffix(" vectors")]
    for style in STYLES:
        text = ROOT / "LICENSES" / re.search(r"\]\((.+?)\)", rows[style]).group(1)
        assert text.stat().st_size > 1000
    assert "LICENSES/" in CARD and all(word in CARD for word in ("Apache-2.0", "CC-BY 4.0", "MIT"))
    assert "changed" in table and "composited on white" in table  # CC-BY 4.0, section 3(a)(1)(B)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("LICENSE", ["Copyright (c) 2026 The course authors", 'THE SOFTWARE IS PROVIDED "AS IS"']),
        (
            "LICENSES/Apache-2.0.txt",
            ["Version 2.0, January 2004", "9. Accepting", "END OF TERMS AND CONDITIONS"],
        ),
        (
            "LICENSES/CC-BY-4.0.txt",
            [*[f"Section {i} --" for i in range(1, 9)], "Creative Commons may be contacted"],
        ),
        (
            "LICENSES/MIT-fluent-emoji.txt",
            ["Copyright (c) Microsoft Corporation.", 'IS PROVIDED "AS IS"'],
        ),
        ("LICENSES/MIT-emoji-datasource.txt", ["Cal Henderson", 'IS PROVIDED "AS IS"']),
    ],
)
def test_licence_texts_are_complete(name, parts):
    text = (ROOT / name).read_text(encoding="utf-8")
    for part in parts:
        assert part in text


def test_shipped_emoji_stay_under_8_mb_and_14_for_the_large_ones():
    sizes = {path.name: path.stat().st_size for path in FILES.iterdir()}
    large = {
        f"{style}_128_{split}.avif"
        for style in STYLES
        for split in {row["split"] for row in entries()}
    }
    assert set(sizes) == {"emoji.json", *(f"{style}.avif" for style in STYLES), *large}
    assert sum(sizes[name] for name in large) < 14_000_000
    assert sum(sizes[name] for name in sizes.keys() - large) < 8_000_000


def test_split_has_the_stated_counts_and_no_emoji_on_two_sides():
    counts = Counter(row["split"] for row in entries())
    assert counts == {"train_a": 640, "train_b": 640, "val": 160, "test": 159}
    assert (
        len({row["code"] for row in entries()}) == len({row["name"] for row in entries()}) == 1599
    )


def test_the_build_script_reproduces_the_shipped_split():
    split = split_emoji({row["code"]: row["kind"] for row in entries()})
    assert [row["name"] for row in entries() if split[row["code"]] != row["split"]] == []
    withheld = {name: reason for reason, names in WITHHELD.items() for name in names.split()}
    assert {row["name"]: row["withheld"] for row in entries() if "withheld" in row} == withheld
    for row in entries():
        if row["group"] not in ("family", "keycap"):  # these two go by a field that is not shipped
            entry = {"subcategory": "", "short_name": row["name"], "unified": row["code"]}
            assert group_of(entry) == row["group"], row["name"]


def test_variants_of_one_emoji_share_a_group():
    def group(name, code, subcategory=""):
        return group_of({"short_name": name, "unified": code, "subcategory": subcategory})

    runners = {group("runner", "1F3C3"), group("man-running", "1F3C3-200D-2642-FE0F")}
    assert len(runners | {group("woman-running", "1F3C3-200D-2640-FE0F")}) == 1
    assert group("man-cook", "1F468-200D-1F373") == group("woman-cook", "1F469-200D-1F373")
    assert group("clock1", "1F550") == group("clock1230", "1F567")
    assert group("man-cook", "1F468-200D-1F373") != group("man-farmer", "1F468-200D-1F33E")


# ---- commands


def test_makefile_has_the_promised_targets_and_explains_them():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installed = (
        "course",
        "course-all",
        "test",
        "soak",
        "release-check",
        "release",
        "gpu",
        "site",
        "lab",
    )
    for target in ("help", "setup", "clean", *installed):
        assert re.search(rf"^{target}:.*## \w", makefile, re.MULTILINE), target
    assert re.search(r"^\.DEFAULT_GOAL := help$", makefile, re.MULTILINE)
    for target in installed:
        assert re.search(rf"^{target}: setup", makefile, re.MULTILINE), target


def test_make_test_runs_ruff_then_the_fast_and_the_slow_part_side_by_side():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^test: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE).group(1)
    format_, lint, fast, slow = recipe.splitlines()
    assert "ruff format --check" in format_ and "ruff check" in lint
    assert '-m "not slow"' in fast and "-m slow" in slow
    for part in (fast, slow):
        assert "$(SIDE_BY_SIDE)" in part and "-rs" in part and "--durations" in part


def test_ci_runs_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines and lines[-1] == "make test"


def test_citation_names_the_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["license"] == "MIT"
    assert len(citation["references"]) == 8
    assert all(
        reference["authors"] and reference["year"] >= 2014 for reference in citation["references"]
    )


# ---- tidiness

MACHINE_PATH = re.compile(
    r"(?<![\w.~/-])/(?:root|work|opt(?!/tljh)|home/\w+|Users/\w+|private/var|tmp/(?:ipykernel|bash)_\w+)/|file:///\w"
)
REGISTRY_HOST = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|npmmirror\.com|deb\.debian\.org)\b"
)
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME)\b")


@pytest.mark.parametrize(
    ("pattern", "caught", "passed"),
    [
        (MACHINE_PATH, '"/home/' + 'ann/x"', "~/home/ann, work/main, framework/work/x"),
        (REGISTRY_HOST, "https://py" + "pi.org/simple", "PyPI"),
        (UNFINISHED, "# TO" + "DO later", "todos"),
    ],
    ids=["machine path", "registry host", "unfinished"],
)
def test_no_file_names_what_it_must_not(pattern, caught, passed):
    assert pattern.search(caught) and not pattern.search(passed)
    found = [
        f"{name}: {hit.group()}" for name, text in texts().items() for hit in pattern.finditer(text)
    ]
    assert found == []


# ---- small enough to read

LIBRARY, ASSIGNMENTS, TESTS = (ROOT / name for name in ("course_lib", "assignments", "tests"))
PAPERS = ("dcgan", "pix2pix", "cyclegan", "bicyclegan", "pix2pixhd", "unit", "munit")
# networks of a baseline, frozen ones, and what only makes the same faster
NOT_OF_A_PAPER = ("coupled.py", "frozen.py", "hardware.py", "small_maps.py")


def python_lines(*places: Path) -> int:
    """Lines of a file, or of all Python below a folder."""
    files = [
        path for place in places for path in ([place] if place.is_file() else place.rglob("*.py"))
    ]
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


def reading_core() -> list[Path]:
    """What a reader of the methods reads: losses, protocol, pool, the papers, their networks, and the training loop."""
    methods = [LIBRARY / "methods" / f"{name}.py" for name in ("base", "image_pool", *PAPERS)]
    networks = [
        path for path in (LIBRARY / "networks").glob("*.py") if path.name not in NOT_OF_A_PAPER
    ]
    return [LIBRARY / "losses.py", *methods, *networks, LIBRARY / "training" / "fit.py"]


# A little above what each part has: who needs more lines raises the number, and says in the commit what for.
@pytest.mark.parametrize(
    ("places", "most"),
    [([LIBRARY], 17_185), (reading_core(), 3_300), ([ASSIGNMENTS], 12_600), ([TESTS], 19_295)],
    ids=["library", "reading core", "assignments", "tests"],
)
def test_each_part_keeps_its_budget_of_lines(places, most):
    assert 0.5 * most < python_lines(*places) <= most


def test_the_library_is_a_short_table_of_contents():
    entries = [path.name for path in LIBRARY.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= 15, entries


def test_nobody_asks_what_a_thing_has_but_for_a_stated_reason():
    """hasattr() and getattr() hide a protocol: a few are left, each with its reason in a comment beside it."""
    bare, found = [], []
    for path in LIBRARY.rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if re.search(r"\b(?:has|get)attr\(", line):
                found.append(f"{path.name}:{number + 1}")
                bare += (
                    []
                    if any("#" in near for near in lines[max(0, number - 3) : number + 1])
                    else found[-1:]
                )
    assert len(found) <= 8, found
    assert bare == []


@pytest.mark.slow
def test_importing_the_library_costs_little_beyond_torch():
    code = "import time, torch; t = time.perf_counter(); import course_lib; print(time.perf_counter() - t)"
    code += "\nimport course_lib.metrics, sys"
    code += "\nsys.exit(not {'torchmetrics', 'scipy', 'matplotlib'}.isdisjoint(sys.modules))"
    seconds = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(2)
    ]
    assert min(seconds) < 0.3, seconds
