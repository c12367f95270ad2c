"""``course evaluate``: the right images, in the direction that was learned, and what the numbers
mean in words.
"""

import json
import shutil

import pytest

from course_lib import CourseError, runs
from course_lib.data.images import to_image
from course_lib.metrics import report
from tests.metrics.test_scores import Stub
from tests.support import small, tensors
from tests.support.pictures import noise, saved


def pairs(folder, count, seed=0):
    return saved(folder, (noise(64, 32, seed + i) for i in range(count)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of pix2pix and its folder of twenty pairs, without splits."""
    place = tmp_path_factory.mktemp("run")
    data = pairs(place / "mine", 20)
    return small.trained(place / "out", data), data


def test_a_direction_that_was_not_learned_is_refused(trained, refusal):
    words = ["evaluate", "--run", trained[0], "--data", "facades", "--direction", "yx"]
    assert "translates xy, not yx" in refusal(*words)[0]


def test_a_folder_is_scored_whole_unless_the_run_has_learned_from_it(trained, tmp_path, course):
    out, mine = trained
    others, alone = pairs(tmp_path / "others", 20, 99), pairs(tmp_path / "alone" / "test", 3, 99)
    val = pairs(tmp_path / "to_choose" / "val", 3, 99)
    moved = shutil.copytree(mine, tmp_path / "moved")
    (tmp_path / "link").symlink_to(mine)
    held_out = runs.evaluate(*runs.open_run(out, "cpu"), str(mine))
    assert held_out["n"] < 5 and held_out["split"] == "test" and "baseline_nn_l1" in held_out
    for data, n, split in (
        (others, 20, "all"),
        (alone.parent, 3, "test"),
        (alone, 3, "all"),
        (val.parent, 3, "all"),
        (moved, held_out["n"], "test"),
        (tmp_path / "link", held_out["n"], "test"),
    ):
        found = runs.evaluate(*runs.open_run(out, "cpu"), str(data))
        assert (found["n"], found["split"]) == (n, split), data
        assert found.keys() == held_out.keys()
    status, told, _ = course("evaluate", "--run", out, "--data", others, "--device", "cpu")
    assert status == 0 and told.startswith(f"scored: 20 pairs, all of {others}\n")


def test_a_few_of_the_training_pairs_are_another_folder_and_scored_whole(trained, tmp_path, notes):
    """So are those in A/ and B/; who asks for a part of them is told that it is one."""
    out, mine = trained
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(mine.iterdir())[:12]:
        shutil.copy(path, few)
    for side in "AB":
        saved(tmp_path / "mine to test" / side, (noise(32, 32, i + ord(side)) for i in range(20)))
    for data, count in ((few, 12), (tmp_path / "mine to test", 20)):
        found = runs.evaluate(*runs.open_run(out, "cpu"), str(data))
        assert (found["n"], found["split"]) == (count, "all")
    assert runs.evaluate(*runs.open_run(out, "cpu"), str(data), "test")["n"] == 1
    assert any("1 of the images" in text and "--split all" in text for text in notes())


def test_the_images_that_a_run_has_learned_from_are_not_a_folder_for_testing(tmp_path):
    mine = pairs(tmp_path / "mine" / "train", 4)
    run = {"direction": "xy", "data": str(mine.parent)}
    for data, split in ((mine, None), (mine, "test"), (mine, "all"), (mine.parent, "all")):
        with pytest.raises(CourseError, match="learned from these images"):
            runs.evaluate(Stub(lambda x: x, size=16), run, str(data), split)
    learned = runs.evaluate(Stub(lambda x: x, size=16), run, str(mine), "train")
    assert learned["n"] == 2 and "images are what is scored" in report.verdict(learned)


def test_what_one_image_cannot_tell_is_said(trained, tmp_path, course):
    one = ["evaluate", "--run", trained[0], "--data", pairs(tmp_path / "one", 1), "--device", "cpu"]
    lines = course(*one)[1].splitlines()
    assert not any("nan" in line.split() for line in lines)
    assert f"{'kid_lite0':24} not measured: it needs 3 images that are not relatives" in lines
    assert next(line for line in lines if line.startswith("l1 ")).endswith("it needs 2 images")
    assert "1 pair is too few" in lines[-1]
    told = json.loads(course(*one, "--json")[1], parse_constant=pytest.fail)
    assert told["kid_lite0"] is None and told["l1"] > 0


def test_without_pairs_the_inputs_and_real_images_are_the_baselines(tmp_path):
    for k, name in enumerate(("trainA", "trainB", "testA", "testB")):
        saved(tmp_path / name, map(to_image, tensors.noise(4, 16, k) * (name[-1] == "A")))
    run = {"direction": "xy", "data": str(tmp_path)}
    there, copied = (
        runs.evaluate(Stub(of, lambda y: y, size=16), run, str(tmp_path))
        for of in (lambda x: 0 * x, lambda x: x)
    )
    assert copied["kid_lite0"] == pytest.approx(copied["baseline_copy_kid"], rel=1e-3)
    assert there["baseline_real_kid"] < there["baseline_copy_kid"]
    assert "closer to the real images than the inputs themselves" in report.verdict(there)
    pupil = Stub(lambda x: x, lambda y: y, size=16)
    pupil.through_lite0 = True
    own = runs.evaluate(pupil, run, str(tmp_path))
    assert own["kid_lite0"] == copied["kid_lite0"] and "judge the pictures" in report.verdict(own)
    told = report.table(there).splitlines()
    assert f"{'chroma_ratio':24} not measured: the real images are grey" in told


SURE = {"n": 50, "groups": 50, "split": "test", "data": "facades"}


@pytest.mark.parametrize(
    ("l1", "n", "said"),
    [
        (0.5, 50, "no better than the mean training image and the answer to the nearest"),
        (0.3, 50, "no better than the answer to the nearest training input (L1 0.300 against 0.2"),
        (0.1, 50, "better than the mean training image and the answer"),
        (0.19, 50, "50 pairs are too few to be sure"),
        (0.1, 5, "5 pairs are too few to be sure"),
    ],
)
def test_the_verdict_is_against_what_took_no_learning(l1, n, said):
    scores = SURE | {"n": n, "groups": n, "psnr": 9.0}
    for name, value in {"l1": l1, "baseline_mean_l1": 0.4, "baseline_nn_l1": 0.2}.items():
        scores |= {name: value, f"{name}_low": value - 0.02, f"{name}_high": value + 0.02}
    lines = report.table(scores).splitlines()
    assert lines[-1].startswith("In short: ") and said in lines[-1]
    assert ("too few" in lines[-1]) == ("too few" in said)
    heads = [lines.index(f"{head} is better") for head in ("↓ lower", "↑ higher")]
    rows = [next(i for i, line in enumerate(lines) if line.startswith(k)) for k in ("l1", "psnr")]
    assert heads[0] < rows[0] < heads[1] < rows[1]


def test_each_score_is_explained_once():
    names = [name for _, _, row in report.SCORES for name in row.split()]
    assert len(names) == len(set(names)) and report.BASELINES.keys() <= set(names)
