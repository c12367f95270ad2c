"""Probes of problem set 3: the student's block, pool, losses and step on the parent's numbers."""

import random
from itertools import accumulate, chain, combinations, pairwise
from typing import Any

import numpy as np
import torch
from checks.probes.tools import (
    Mix,
    Normed,
    Patches,
    Watched,
    attempt,
    decode,
    encode,
    fill,
    other,
    passed,
    precision,
    slope,
    state,
    steady,
    tensors,
    trace,
    wanted,
    watched,
)
from torch import Tensor, nn

# ---- the generator's block


def block(names: dict, inputs: dict) -> dict:
    """A residual block with given weights, one of three: output, gradients at its input and in its
    weights, numbers that an optimiser finds.
    """
    Block = wanted(names, "ResidualBlock")
    image, at, *weights = tensors(inputs, "image", "at", "one", "two")
    before, net, after = (
        Block(image.shape[1], inputs["dilation"]).to(image.dtype) for _ in range(3)
    )
    starts = [p.detach().clone() for b in (before, net) for p in b.parameters() if p.ndim == 4]
    fill(net, image, weights, [])
    for another in (before, after):  # which have weights of their own
        fill(another, image, [-w for w in weights], [])
    h = image.clone().requires_grad_()

    def evaluated() -> bool:
        trained = net.train()(image)
        return torch.equal(net.eval()(image), trained)

    def learned(out: Tensor) -> dict:
        found = [p for w in weights for p in net.parameters() if torch.equal(p, w)]
        return encode(torch.stack(torch.autograd.grad((out * at).sum(), found, retain_graph=True)))

    with torch.no_grad():
        net(other(image)[..., 1:])
    out = steady(passed, net, h)
    return {
        "output": attempt(lambda: encode(out)),
        "gradient": slope(out * at, h),
        "learned": attempt(lambda: learned(out)),
        "known": sum(p.numel() for p in net.parameters() if p.requires_grad),
        "apart": not any(torch.equal(a, b) for a, b in combinations(starts, 2)),
        "same in eval": attempt(evaluated),
    }


# ---- the pool


def marked(numbers: list[float], pattern: Tensor) -> Tensor:
    """Images that are told apart by one number each: (n, c, h, w)."""
    return torch.tensor(numbers, dtype=torch.float64)[:, None, None, None] * pattern


def marks(images: Tensor, pattern: Tensor) -> list[float]:
    """The numbers of such images; 0 for one that is none of them, up to rounding."""
    squares = float(pattern.square().sum())
    numbers = [round(float((image * pattern).sum()) / squares, 2) for image in images]
    off = [float((i - n * pattern).abs().max()) for i, n in zip(images, numbers, strict=True)]
    return [n if d < 1e-5 * (1 + abs(n)) else 0.0 for n, d in zip(numbers, off, strict=True)]


def pool_fill(names: dict, inputs: dict) -> dict:
    """A pool that is being filled, one of size 0, one of lifetime 0, a full one, one whose images
    leave before it is full, and whether images are still there at the end of their lifetime; a
    large one, and one that is full of equal images.
    """
    pattern, size = decode(inputs["pattern"]), inputs["size"]
    one, two, more = (marked(numbers, pattern) for numbers in inputs["batches"])
    Pool = wanted(names, "ImagePool")
    pool, ages, sieves = Pool(size, 100), Pool(6, 2), (Pool(0, 3), Pool(len(more), 0))
    pairs = marked(inputs["pairs"], pattern)

    def stays(pool: Any) -> bool:  # whether the third answer comes from the first query
        answers = [pool.query(part.clone()) for part in pairs[:8].split([6, 1, 1])]
        return marks(answers[-1], pattern)[0] in inputs["pairs"][:6]

    def large() -> list[bool]:
        many = marked([float(n) for n in range(1, 301)], pattern)
        pool, parts = Pool(200, 9), many.split([150, 100, 50])
        a, b, c = (pool.query(part.clone()) for part in parts)
        stored = torch.equal(a, parts[0]), torch.equal(b[:50], parts[1][:50])
        return [*stored, torch.equal(c, parts[2])]

    def alike() -> bool:  # whether new images always come back from a pool full of equal ones
        pools = [Pool(3, 9) for _ in range(20)]
        for pool in pools:
            pool.query(one[:1].repeat(3, 1, 1, 1))
        return all(torch.equal(pool.query(pairs[:2]), pairs[:2]) for pool in pools)

    full = [pool.query(batch.clone()) for batch in (one, two, more)]
    return {
        "large": attempt(large),
        "equal": attempt(alike),
        "first": attempt(lambda: encode(full[0])),
        "second": attempt(lambda: encode(full[1][: size - len(one)])),
        "dtype": precision(full[0]),
        "shape": attempt(lambda: list(full[2].shape)),
        "strangers": attempt(
            lambda: sum(m not in chain(*inputs["batches"]) for m in marks(full[2], pattern))
        ),
        "none": attempt(
            lambda: encode(torch.cat([p.query(more.clone()) for p in sieves for _ in range(10)]))
        ),
        "aged": attempt(
            lambda: encode(torch.cat([ages.query(two.clone()) for two in pairs.split(2)]))
        ),
        "kept": attempt(lambda: any(stays(Pool(6, 2)) for _ in range(40))),
    }


def told(given: list[list[float]], answers: list[Tensor], size: int, lifetime: int) -> dict:
    """What the answers of one pool tell about its draws.

    Of each image that came to a full pool: whether it came back, and whether it came in a batch
    that filled the pool. Of each stored image that came back: how many were older, and in which
    place it was, where the new one is now. How often something else came back, before the pool was
    full (``early``) and after (``strangers``).
    """
    # of the stored images, the oldest first: the place, and in which query they came
    places: dict[float, tuple[int, int]] = {}
    out: dict = {"new": [], "within": [], "ages": [], "places": [], "early": 0, "strangers": 0}
    for query, (batch, answer) in enumerate(zip(given, answers, strict=True)):
        places = {new: at for new, at in places.items() if query - at[1] <= lifetime}
        filling = len(places) < size
        for new, got in zip(batch, answer.flatten().tolist(), strict=True):
            if len(places) < size:
                places[new] = min({*range(size)} - {place for place, _ in places.values()}), query
                out["early"] += got != new
                continue
            out["new"].append(got == new)
            out["within"] += [got == new] * filling
            if got in places:
                out["ages"].append(list(places).index(got))
                out["places"].append(places.pop(got)[0])
                places[new] = out["places"][-1], query
            else:
                out["strangers"] += got != new
    return out


def spread(numbers: list[int], size: int) -> float:
    """Chi-square of numbers below ``size`` that should be equally frequent."""
    even = len(numbers) / size
    return sum((numbers.count(i) - even) ** 2 for i in range(size)) / max(even, 1)


def share(found: list[bool]) -> float:
    return sum(found) / max(1, len(found))


def pool_draws(names: dict, inputs: dict) -> dict:
    """What pools do with images of one number each: many small ones, always two at a time, and one
    of each size that goes on for long.
    """
    Pool, first = wanted(names, "ImagePool"), float(inputs["first"])

    def asked(pools: list, size: int, lifetime: int, batches: list[int]) -> list[dict]:
        """What pools of one size tell that get batches of these sizes in turn, each its own."""
        ends = [*accumulate(batches, initial=0)]
        given = [[first + j for j in range(*pair)] for pair in pairwise(ends)]
        numbers = [[[n + 0.5 * k for n in part] for part in given] for k in range(len(pools))]
        answers: list = [[] for _ in pools]
        for i in range(len(given)):
            for pool, own, back in zip(pools, numbers, answers, strict=True):
                images = torch.tensor(own[i], dtype=torch.float64)
                back.append(pool.query(images[:, None, None, None]))
        return [told(*pair, size, lifetime) for pair in zip(numbers, answers, strict=True)]

    pairs = [[Pool(4, 1), Pool(4, 1)] for _ in range(inputs["pools"] // 2)]
    small = [one for pair in pairs for one in asked(pair, 4, 1, [3] * 4)]
    partly = asked([Pool(3, 1) for _ in range(40)], 3, 1, [1, 1, 2, 2])  # images leave, not full
    out = {"one": share(asked([Pool(1, 99)], 1, 99, [1] * 300)[0]["new"])}
    draws = [(Pool(3, 9), torch.rand(()).item(), random.random(), np.random.rand()) for _ in "ab"]
    long: list[dict] = []
    for size, life in zip(inputs["sizes"], inputs["lifetimes"], strict=True):
        one = asked([Pool(size, life)], size, life, [7] * (inputs["images"] // 7))[0]
        new, places, long = one["new"], one["places"], [*long, one]
        lags = [share([a == b for a, b in zip(new, new[k:])]) for k in range(1, 5)]  # noqa: B905
        out |= {
            f"fresh, {size}": share(new),
            f"together, {size}": torch.tensor(lags),
            f"ages, {size}": torch.tensor(
                [share([a == i for a in one["ages"]]) for i in range(size)]
            ),
            f"again, {size}": share([a == b for a, b in pairwise(places)]),
            f"spread of ages, {size}": spread(one["ages"], size),
            f"spread of places, {size}": spread(places, size),
        }
    return {name: encode(number) for name, number in out.items()} | {
        "full_within": encode(share([new for one in small for new in one["within"]])),
        "early": sum(one["early"] for one in [*small, *partly, *long]),
        "seeds": any(a == b for a, b in zip(*(numbers[1:] for numbers in draws), strict=True)),
        "strangers": sum(one["strangers"] for one in [*small, *long]),
    }


def pool_copies(names: dict, inputs: dict) -> dict:
    """Whether what a pool returns is cut off, and whether later changes reach what it stores.

    One pool is filled at once, one image by image; each image that goes in or comes out is
    overwritten afterwards. Of a third one, what came out is looked at again in the end.
    """
    pattern, size, life = decode(inputs["pattern"]), inputs["size"], inputs["lifetime"]
    Pool = wanted(names, "ImagePool")
    attached = [
        bool(Pool(0, life).query(marked([1.0], pattern).requires_grad_() * 1.0).requires_grad)
    ]
    unchanged, foreign, rounded, news, number = True, 0, 0, [], 1e5
    for first in (size, 1):
        pool, known = Pool(size, life), {}
        for count in [first] + [1] * 80:
            batch = [number + 1 + i for i in range(count)]
            number = batch[-1]
            given = marked(batch, pattern).requires_grad_(first == 1) * 1.0
            before = state(given), given.detach().clone()
            known |= dict(zip(batch, before[1], strict=True))
            got = pool.query(given)
            attached.append(bool(got.requires_grad))
            unchanged = unchanged and state(given) == before[0]
            found = marks(got.detach(), pattern)
            foreign += sum(mark not in known for mark in found)
            rounded += sum(
                mark in known and not torch.equal(image, known[mark])
                for mark, image in zip(found, got.detach(), strict=True)
            )
            news += [found == batch] if len(known) > size else []
            got.detach().fill_(99.0)  # the caller may do what it wants with both
            given.detach().fill_(98.0)
    return {
        "attached": any(attached),
        "input_unchanged": unchanged,
        "foreign": foreign,
        "rounded": rounded,
        "fresh": encode(sum(news) / len(news)),
        "later": later(Pool(size, life), pattern),
    }


def later(pool: Any, pattern: Tensor) -> bool:
    """Whether all answers of the pool are in the end what they were when they came."""
    answers = []
    for n in range(1, 60):
        got = pool.query(marked([float(n)] * (1 + n % 2), pattern))
        answers.append((got, got.clone()))
    return all(torch.equal(got, then) for got, then in answers)


# ---- losses


def translators(inputs: dict) -> dict[str, nn.Module]:
    """G_xy and the others, by name: mixtures of channels, or networks that change nothing. Where
    the inputs name a layer, it is part of each.
    """
    names = [name for name in inputs if name.startswith("G_")]
    if inputs.get("layer") == "none":
        return {name: nn.Identity() for name in names}
    weights = zip(names, tensors(inputs, *names), strict=True)
    return {name: built(Mix(weight), len(weight), inputs) for name, weight in weights}


def judges(inputs: dict) -> list[nn.Module]:
    """D_x and D_y: maps of numbers, with a batch norm where the inputs name it."""
    return [built(Patches(weight), 1, inputs) for weight in tensors(inputs, "D_x", "D_y")]


def built(net: nn.Module, channels: int, inputs: dict) -> nn.Module:
    """The network with what ``inputs["layer"]`` names, a tanh or a batch norm."""
    if inputs.get("layer") == "batch norm":
        return Normed(net, nn.BatchNorm2d(channels)).to(getattr(torch, inputs["dtype"]))
    return nn.Sequential(net, nn.Tanh()) if inputs.get("layer") == "tanh" else net


def generators(names: dict, inputs: dict) -> dict:
    """A loss of three generators on images of three domains, and the gradients in their weights."""
    nets, args = translators(inputs), [*tensors(inputs, *"xyz"), *inputs["weights"]]
    value, kept = watched(wanted(names, inputs["function"]), [*nets.values()], *args)
    learners = {} if inputs["layer"] == "none" else nets
    gradients = {f"{k}_gradient": slope(value, next(G.parameters())) for k, G in learners.items()}
    return kept | gradients | {"value": attempt(lambda: encode(value)), "dtype": precision(value)}


def fooling(names: dict, inputs: dict) -> dict:
    """The generators' GAN loss for given fakes, and the gradients that reach these."""
    fakes = [fake.requires_grad_() for fake in tensors(inputs, "fake_x", "fake_y")]
    args = judges(inputs), *fakes, *tensors(inputs, "x", "y")
    value, kept = watched(wanted(names, "fooling_loss"), *args)
    return kept | {
        "value": attempt(lambda: encode(value)),
        "dtype": precision(value),
        "fake_x_gradient": slope(value, fakes[0]),
        "fake_y_gradient": slope(value, fakes[1]),
    }


# ---- the step


class Shelf:
    """A pool that answers each query with given images, or with what it gets, and notes that."""

    def __init__(self, name: str, answers: list[Tensor], log: list[str]):
        self.name, self.answers, self.log, self.given = name, answers, log, []

    def query(self, images: Tensor) -> Tensor:
        self.log.append(self.name)
        self.given.append(images.detach().clone())
        answers = self.answers or self.given
        return answers[min(len(self.given), len(answers)) - 1][-len(images) :].clone()


def players(inputs: dict) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Both translators and both judges; with ``norms`` batch norms are in all of them."""
    norms = {"layer": "batch norm"} if inputs["norms"] else {}
    G = [Watched(net) for net in translators(inputs | norms).values()]
    return nn.ModuleList(G), nn.ModuleList(judges(inputs | {"layer": ""} | norms))


def cyclegan_step(names: dict, inputs: dict) -> dict:
    """One or two steps of a game between two mixtures of channels and two maps of numbers."""
    step, dtype = wanted(names, "cyclegan_step"), getattr(torch, inputs["dtype"])
    (G, D), log = players(inputs), []
    shelves = [
        Shelf(name, [decode(item, dtype) for item in inputs[f"old_{name}"]], log) for name in "xy"
    ]

    def play(G: nn.Module, D: nn.Module, opt_G: Any, opt_D: Any, *args: Any) -> Any:
        return step(*G, *D, opt_G, opt_D, *shelves, *args)

    x, y = tensors(inputs, "x", "y")
    times = [0, 0]  # how often a domain's images are translated, alone or in a larger batch

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
