"""``course bench quality``: what a minute of training teaches, by the textbook's step and by the library's."""

import dataclasses
import statistics
from typing import Any

import torch
from torch import Tensor

from course_lib import runs
from course_lib.data import open_dataset
from course_lib.experiments.bench import KINDS, here, known, seconds_of, stepper
from course_lib.training import profiles
from course_lib.training.loading import batches

# Data, and settings on top of the profile that leave nothing but the step and the moving average to differ.
LEARNED = {
    "pix2pix": ("emoji:edges", ["dropout=0"]),
    "cyclegan": ("emoji:twemoji-fluent", []),
    "bicyclegan": ("emoji:edges", ["norm=instance", "conditional=False", "dropout=0"]),
}
EQUAL = ["decay_from=1", "jitter=none", "flip=off"]


def quality(name: str, seconds: float = 60.0, points: int = 6, profile: str = "auto", seeds: int = 3) -> dict[str, Any]:
    """L1 to the true y of 64 held-out images (val), against seconds of training: the textbook's step and the library's.

    Same networks, same first weights, same batches in the same order, constant lr, no augmentation; each trains for
    ``seconds`` in ``points`` turns, for ``seeds`` seeds one after the other. The library's step runs as fit() would run
    it here, in bfloat16 where that pays. ``val_l1`` judges what translate() uses: for the library the moving average of
    the weights, for the textbook, which has none, the last ones. ``last_l1`` judges the last ones of both. BicycleGAN
    is given the code of the true y.
    """
    known(name)
    config = runs.make_config(name, profile, None, LEARNED[name][1] + EQUAL)
    rows = [row for seed in range(seeds) for row in _learn(name, config, seconds, points, seed)]
    title = f"{name} on {LEARNED[name][0]}, {config.image_size} px, profile {profile}, seeds 0 to {seeds - 1}"
    return {"title": f"{title}; {here()}", "rows": rows}


def _learn(name: str, config: Any, seconds: float, points: int, seed: int) -> list[dict[str, Any]]:
    cls, device = runs.method_class(name), profiles.pick_device()
    train, val = (open_dataset(LEARNED[name][0], split, config.image_size, seed=seed) for split in ("train", "val"))
    items = [val[i * len(val) // 64] for i in range(64)]
    held = {key: torch.stack([item[key] for item in items]).to(device) for key in ("x", "y")}
    plain = dataclasses.replace(config, average=0.0)
    viewer = cls(plain, device)
    kinds = {
        KINDS[0]: plain,
        "course bfloat16" if profiles.use_bf16(device) else "course float32": config,
    }
    rows, running = [], {}
    for kind, own in kinds.items():
        torch.manual_seed(seed)
        method, one_step = stepper(kind, own, cls, device)
        feed = batches(train, method, seed, augment=False)
        running[kind] = {"method": method, "step": one_step, "feed": feed, "steps": 0, "seconds": 0.0}
    for point in range(points + 1):
        for kind, state in running.items():
            while state["seconds"] < seconds * point / points:
                state["seconds"] += seconds_of(lambda s=state: s["step"](next(s["feed"])))
                state["steps"] += 1
            for network, net in viewer.networks.items():
                net.load_state_dict(state["method"].networks[network].state_dict())
            errors = {"val_l1": _held_out_l1(state["method"], held), "last_l1": _held_out_l1(viewer, held)}
            rows.append({"seed": seed, "step": kind} | {key: state[key] for key in ("seconds", "steps")} | errors)
    return rows


@torch.no_grad()
def _held_out_l1(method: Any, held: dict[str, Tensor]) -> float:
    torch.manual_seed(0)
    errors = []
    for x, y in zip(held["x"].split(16), held["y"].split(16), strict=True):
        code = {"z": method.encode(y)[0]} if hasattr(method, "encode") else {}
        errors.append((method.translate(x, **code)["fake_y"] - y).abs().mean().item())
    return statistics.mean(errors)
