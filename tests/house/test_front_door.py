"""README: short, its commands work as they stand there, and what it once held is found in the guide."""

import re
import shlex
import subprocess
import sys

import pytest

from tests import ROOT
from tests.support.pictures import photograph

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "assignments/README.md", *sorted((ROOT / "notebooks/guide").glob("*.md"))]
# Commands and lines that stood in README when it was the only page: README or the guide has them today.
MOVED = """
course train bicyclegan --data mine --size 64 --minutes 10 --out runs/many
course translate --run runs/many --input drawings --output five --samples 5 --seed 1
course translate --run runs/many --input drawings --output alike --style example.png
course train cyclegan --data two_domains --size 64 --minutes 10 --out runs/two
course translate --run runs/two --input two_domains/testB --output to_a --direction yx
course train pix2pixhd --data facades --out runs/hd
python -m http.server --directory page
course export runs/mine --onnx mine.onnx
scrubber.scrubber("runs/mine")
game(y, fake_y, "pix2pix", out="study.jsonl")
course study study.jsonl anns/study.jsonl
course release ps2 --course assignments
course check ps2
course grade ps2 --course assignments
course sweep notebooks/sweeps/day_night.toml
make soak
torchrun --nproc-per-node N -m course_lib.cli train
COURSE_DATA
conda env create -f environment.yml
constraints.txt
onnxruntime-web (MIT)
course weights NAME --out RUN
"""


def commands(page: str) -> list[str]:
    """The lines of all fenced blocks, without comments."""
    blocks = re.findall(r"```\n(.*?)```", page, re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


def test_it_is_two_screens_long():
    assert len(README.encode()) <= 10_000


def test_what_left_it_is_found_in_the_guide():
    pages = " ".join(
        " ".join([README, *(page.read_text(encoding="utf-8") for page in PAGES)]).split()
    )
    assert [line for line in MOVED.strip().splitlines() if line not in pages] == []


def test_every_page_of_the_guide_is_reached_from_it():
    links = re.findall(r"\]\((notebooks/guide/\w+\.md)\)", README)
    missing = {page.name for page in PAGES[1:]} - {link.rpartition("/")[2] for link in links}
    assert missing == set(), "README names each page of the guide"


@pytest.mark.slow
def test_its_commands_run(tmp_path):
    for folder, width in (("mine/train", 64), ("mine/test", 64), ("drawings", 32)):
        (tmp_path / folder).mkdir(parents=True)
        for k in range(12):
            photograph(width, 32, seed=k).save(tmp_path / folder / f"{k:03}.png")
    found = {"make": 0, "course": 0}
    for command in filter(None, commands(README)):
        program, *words = shlex.split(command)
        if program == "make":
            done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
        else:
            assert program == "course", command
            short = " ".join(words).replace("--minutes 5", "--steps 2 --profile smoke --size 32")
            argv = [sys.executable, "-m", "course_lib.cli", *shlex.split(short)]
            done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        found[program] += 1
    assert found["make"] >= 2 and found["course"] >= 3
    assert len(list((tmp_path / "coloured").iterdir())) == 12
