"""Probes of problem set 3: the student's block, pool, losses and step on the parent's numbers."""

from typing import Any

import torch
from checks.probes.tools import (
    Mix,
    Patches,
    attempt,
    decode,
    encode,
    fill,
    precision,
    slope,
    trace,
    wanted,
)
from torch import Tensor, nn

# ---- the generator's block


def block(names: dict, inputs: dict) -> dict:
    """A residual block with given weights: output, gradient at its input, numbers that an optimiser
    finds.
    """
    image, weights = decode(inputs["image"]), [decode(w) for w in inputs["weights"]]
    net = wanted(names, "ResidualBlock")(image.shape[1]).double()
    fill(net, image, weights, [])
    h = decode(inputs["image"]).requires_grad_()

    def evaluated() -> bool:
        trained = net.train()(image)
        return torch.equal(net.eval()(image), trained)

    return {
        "output": attempt(lambda: encode(net(h))),
        "gradient": attempt(
            lambda: encode(torch.autograd.grad((net(h) * decode(inputs["at"])).sum(), h)[0])
        ),
        "known": sum(p.numel() for p in net.parameters() if p.requires_grad),
        "same in eval": attempt(evaluated),
    }


# ---- the pool


def marked(numbers: list[float], pattern: Tensor) -> Tensor:
    """Images that are told apart by one number each: (n, c, h, w)."""
    return torch.tensor(numbers, dtype=torch.float64)[:, None, None, None] * pattern


def marks(images: Tensor, pattern: Tensor) -> list[float]:
    """The numbers of such images; 0 for one that is none of them, up to rounding."""
    numbers, squares = [], float(pattern.square().sum())
    for image in images:
        number = round(float((image * pattern).sum()) / squares, 2)
        numbers.append(
            number
            if float((image - number * pattern).abs().max()) < 1e-5 * (1 + abs(number))
            else 0.0
        )
    return numbers


def pool_fill(names: dict, inputs: dict) -> dict:
    """A pool that is being filled, one of size 0, and a full one."""
    pattern, size = decode(inputs["pattern"]), inputs["size"]
    one, two, more = (marked(numbers, pattern) for numbers in inputs["batches"])
    known = [number for numbers in inputs["batches"] for number in numbers]
    Pool = wanted(names, "ImagePool")
    pools, none, room = [Pool(size) for _ in range(12)], Pool(0), size - len(one)
    full = [pools[0].query(one.clone()), pools[0].query(two.clone()), pools[0].query(more.clone())]

    def rest() -> Tensor:
        return torch.cat(
            [
                full[1][:room],
                *(
                    (pool.query(one.clone()), pool.query(two.clone())[:room])[1]
                    for pool in pools[1:]
                ),
            ]
        )

    return {
        "first": attempt(lambda: encode(full[0])),
        "second": attempt(lambda: encode(rest())),
        "dtype": precision(full[0]),
        "shape": attempt(lambda: list(full[2].shape)),
        "strangers": attempt(
            lambda: sum(m not in known for m in marks(full[2], pattern)),
        ),
        "none": attempt(lambda: encode(torch.cat([none.query(more.clone()) for _ in range(20)]))),
    }


def pool_draws(names: dict, inputs: dict) -> dict:
    """What a full pool does with many pairs of images: shares and counts, of which images come back
    and which stay.
    """
    pattern, size, rounds = decode(inputs["pattern"]), inputs["size"], inputs["rounds"]
    pool, number = wanted(names, "ImagePool")(size), float(size)
    stored = [float(i + 1) for i in range(size)]  # the oldest first
    pool.query(marked(stored, pattern))
    fresh, together, strangers, ranks = 0, 0, 0, [0] * size
    for _ in range(rounds):
        batch = [number + 1, number + 2]
        number += 2
        news = []
        for new, got in zip(batch, marks(pool.query(marked(batch, pattern)), pattern), strict=True):
            news.append(got == new)
            if got in stored:
                ranks[stored.index(got)] += 1
                stored.remove(got)
                stored.append(new)
            elif got != new:
                strangers += 1
        fresh, together = fresh + sum(news), together + (news[0] == news[1])
    return {
        "fresh": encode(fresh / (2 * rounds)),
        "together": encode(together / rounds),
        "strangers": strangers,
        "ranks": encode(torch.tensor(ranks) / max(1, sum(ranks))),
    }


def pool_copies(names: dict, inputs: dict) -> dict:
    """Whether what a pool returns is cut off, and whether later changes reach what it stores."""
    pattern, size = decode(inputs["pattern"]), inputs["size"]
    pool, started = (
        wanted(names, "ImagePool")(size),
        marked([float(i + 1) for i in range(size)], pattern),
    )
    given = started.clone().requires_grad_() * 1.0
    before = given.detach().clone()
    out = pool.query(given)
    attached = [bool(out.requires_grad)]
    unchanged = torch.equal(given.detach(), before)
    with torch.no_grad():
        out.detach().fill_(99.0)  # the caller may do what it wants with both
        given.detach().fill_(98.0)
    foreign, number = 0, 100.0
    attached.append(
        bool(
            wanted(names, "ImagePool")(0)
            .query(started.clone().requires_grad_() * 1.0)
            .requires_grad
        )
    )
    known = {float(i + 1) for i in range(size)}
    for _ in range(80):
        number += 1
        known.add(number)
        image = marked([number], pattern).requires_grad_() * 1.0
        got = pool.query(image)
        attached.append(bool(got.requires_grad))
        foreign += sum(m not in known for m in marks(got.detach(), pattern))
    return {"attached": any(attached), "input_unchanged": unchanged, "foreign": foreign}


# ---- losses


def translators(inputs: dict, dtype: torch.dtype = torch.float64) -> tuple[Mix, Mix]:
    """G_xy and G_yx: mixtures of channels."""
    return Mix(decode(inputs["G_xy"], dtype)), Mix(decode(inputs["G_yx"], dtype))


def generators(names: dict, inputs: dict) -> dict:
    """A loss of both generators on images of both domains, and the gradients in their weights."""
    dtype = getattr(torch, inputs["dtype"])
    G_xy, G_yx = translators(inputs, dtype)
    x, y = decode(inputs["x"], dtype), decode(inputs["y"], dtype)
    value = wanted(names, inputs["function"])(G_xy, G_yx, x, y, *inputs["weights"])
    return {
        "value": attempt(lambda: encode(value)),
        "dtype": precision(value),
        "G_xy_gradient": slope(value, G_xy.weight),
        "G_yx_gradient": slope(value, G_yx.weight),
    }


def fooling(names: dict, inputs: dict) -> dict:
    """The generators' GAN loss for given fakes, and the gradients that reach these."""
    dtype = getattr(torch, inputs["dtype"])
    D_x, D_y = (Patches(decode(inputs[name], dtype)) for name in ("D_x", "D_y"))
    fake_x, fake_y = (decode(inputs[name], dtype).requires_grad_() for name in ("fake_x", "fake_y"))
    value = wanted(names, "fooling_loss")(D_x, D_y, fake_x, fake_y)
    return {
        "value": attempt(lambda: encode(value)),
        "dtype": precision(value),
        "fake_x_gradient": slope(value, fake_x),
        "fake_y_gradient": slope(value, fake_y),
        "learns": all(p.requires_grad for D in (D_x, D_y) for p in D.parameters()),
    }


# ---- the step


class Shelf:
    """A pool that answers each query with given images, and notes what it was given."""

    def __init__(self, name: str, answers: list[Tensor], log: list[str]):
        self.name, self.answers, self.log, self.given = name, answers, log, []

    def query(self, images: Tensor) -> Tensor:
        self.log.append(self.name)
        self.given.append(images.detach().clone())
        return self.answers[min(len(self.given), len(self.answers)) - 1].clone()


def cyclegan_step(names: dict, inputs: dict) -> dict:
    """One or two steps of a game between two mixtures of channels and two maps of numbers."""
    step = wanted(names, "cyclegan_step")
    G = nn.ModuleList(translators(inputs))
    D = nn.ModuleList(Patches(decode(inputs[name])) for name in ("D_x", "D_y"))
    log: list[str] = []
    shelves = [
        Shelf(name, [decode(item) for item in inputs[f"old_{name}"]], log) for name in ("x", "y")
    ]

    def play(G: nn.Module, D: nn.Module, opt_G: Any, opt_D: Any, *args: Any) -> Any:
        return step(*G, *D, opt_G, opt_D, *shelves, *args)

    x, y = decode(inputs["x"]), decode(inputs["y"])
    times = [
        0,
        0,
    ]  # how often the images of each domain are translated; they may be part of a larger batch

    def count(i: int, originals: Tensor, images: Tensor) -> None:
        times[i] += sum(torch.equal(image, originals[0]) for image in images)

    for i, originals in enumerate((x.clone(), y.clone())):
        G[i].register_forward_pre_hook(
            lambda _, args, i=i, originals=originals: count(i, originals, args[0])
        )
    out = trace(play, G, D, inputs, x, y, inputs["lambda_cycle"], inputs["lambda_identity"])
    given = {
        f"pool_{s.name}": attempt(lambda s=s: encode(s.given[-1])) if s.given else None
        for s in shelves
    }
    return out | given | {"queries": sorted(log)[:20], "translated": times}
