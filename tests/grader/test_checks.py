"""Checks of the problem sets: right solutions pass, wrong ones are found, and no judge crashes."""

import importlib
import json
import random
import time

import pytest
import torch
from checks import judges
from checks.contract import generator
from checks.probes import tools

from tests.support.problem_sets import FUNCTIONS, LONG, answers, checks
from tools.making import mutants

pytestmark = pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")


# ---- the solutions


def test_every_function_has_two_right_solutions_or_more_and_five_wrong_ones_or_more():
    for ps, function in FUNCTIONS:
        variants = mutants.variants(ps, function)
        right = [v for v in variants if v.message is None]
        assert len(right) >= 2 and len(variants) - len(right) >= 5, function
        assert len({v.name for v in variants}) == len(variants), function


STEPS = [
    ("ps1", "gan_step"),
    ("ps2", "pix2pix_step"),
    ("ps3", "cyclegan_step"),
    ("ps4", "bicyclegan_step"),
]


@pytest.mark.parametrize(("ps", "function"), STEPS)
def test_a_step_that_learns_nothing_earns_nothing(ps, function):
    alone = next(v for v in mutants.variants(ps, function) if v.name == "steps_alone")
    assert mutants.row(ps, function, alone).points == 0
    idle = {function: lambda *args: {}}
    assert mutants.grade(ps, idle, "idle", function=function)[0] == 0


@pytest.mark.soak
@pytest.mark.parametrize(("ps", "function"), FUNCTIONS)
def test_a_mistake_costs_the_same_with_every_key(ps, function):
    for variant in mutants.variants(ps, function):
        rows = [mutants.row(ps, function, variant, str(key)) for key in range(20)]
        assert len({round(row.points, 4) for row in rows}) == 1, variant.name


@pytest.mark.parametrize("ps", LONG)
def test_wrong_solutions_lose_points_for_the_right_reason_and_right_ones_none(ps):
    rows = mutants.matrix(ps)
    assert [row for row in rows if not row.good] == []
    assert all(row.points < row.total for row in rows if row.variant.message)
    assert mutants.table(ps, rows) in mutants.HANDBOOK.read_text(), (
        "run python -m tools.making.mutants all"
    )


# ---- checks


@pytest.mark.parametrize("ps", LONG)
def test_checks_are_deterministic_and_their_constants_follow_the_key(ps):
    items = checks.load(ps)
    assert len({item.name for item in items}) == len(items)
    assert {item.function for item in items if item.visible} == set(checks.FUNCTIONS[ps])
    for item in items:
        one, same, other = (
            json.dumps(item.prepare(generator(key, "b")), allow_nan=False) for key in "aac"
        )
        assert one == same, item.name
        assert one != other or item.name == "field_known", item.name  # which is always the same


NASTY = [
    None,
    True,
    0,
    1.5,
    float("nan"),
    10**400,
    "",
    "x",
    [],
    {},
    [[]],
    {"error": 3},
    {"error": "E", "line": "x"},
]
NASTY += [
    *(
        {"shape": n, "data": data}
        for n in ([], [2], [-1], [10**9], "2", [True], [2.0], None)
        for data in NASTY
    ),
    {"shape": [3], "data": ["nan", "inf", "1"]},
    {"shape": [1], "data": [10**400]},
    [0.0] * 100_000,
    {"shape": [200_000], "data": [0] * 200_000},
    {"shape": [1] * 50, "data": [1]},
    [[[[[["D"]]]]]],
    {"shape": []},
]


@pytest.mark.parametrize("ps", LONG)
def test_checks_are_quick_their_answers_are_json_and_judges_survive_any_json(ps):
    names, rng = answers(ps), random.Random(0)
    probes = importlib.import_module(f"checks.probes.{ps}")
    tools.warm()
    for item in checks.load(ps):
        inputs, expectations = item.prepare(generator("nasty", item.name))
        start = time.perf_counter()
        raw = tools.run(getattr(probes, item.probe), names, inputs)
        assert time.perf_counter() - start < item.seconds, item.name
        assert json.loads(json.dumps(raw, allow_nan=False)) == raw
        assert item.judge(inputs, expectations, raw) == checks.Verdict(1.0, "")
        broken = [
            *NASTY,
            *({key: value} for key in raw for value in rng.sample(NASTY, 20)),
            *(raw | {key: value} for key in raw for value in rng.sample(NASTY, 12)),
        ]
        for answer in broken:
            verdict = item.judge(inputs, expectations, answer)
            assert 0 <= verdict.share <= 1 and len(verdict.message) < 3000
            assert (verdict.share == 1) == (verdict.message == "")
            assert verdict.share < 1 or any(answer.get(key) == raw[key] for key in raw), (
                item.name,
                answer,
            )


def test_a_judge_believes_no_number_that_is_too_large_or_of_another_kind():
    right = tools.encode(torch.tensor([1.0, 2.0]))
    assert judges.matches({"shape": [2], "data": [1, 2.0]}, right)
    for shape, data in (([2], [True, 2.0]), ([2], ["1", 2.0]), ([1, 2], [1, 2])):
        assert not judges.matches({"shape": shape, "data": data}, right)
