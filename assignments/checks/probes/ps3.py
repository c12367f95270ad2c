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
    intact,
    precision,
    slope,
    trace,
    untouched,
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
    Pool = wanted(names, "ImagePool")
    pool, none = Pool(size), Pool(0)
    full = [pool.query(batch.clone()) for batch in (one, two, more)]
    return {
        "first": attempt(lambda: encode(full[0])),
        "second": attempt(lambda: encode(full[1][: size - len(one)])),
        "dtype": precision(full[0]),
        "shape": attempt(lambda: list(full[2].shape)),
        "strangers": attempt(
            lambda: sum(
                not any(m in batch for batch in inputs["batches"]) for m in marks(full[2], pattern)
            ),
        ),
        "none": attempt(lambda: encode(torch.cat([none.query(more.clone()) for _ in range(20)]))),
    }


def pool_draws(names: dict, inputs: dict) -> dict:
    """What pools do with batches of three, from the first on: shares and counts, of which images
    come back and which stay.
    """
    pattern, size, Pool = decode(inputs["pattern"]), inputs["size"], wanted(names, "ImagePool")
    early, strangers, ranks, news, at_once, together = 0, 0, [0] * size, [], [], []
    for _ in range(inputs["pools"]):
        pool, stored, number = Pool(size), [], 0.0  # the oldest first
        for _ in range(4):
            batch, own = [number + 1, number + 2, number + 3], []
            number, filling = number + 3, len(stored) < size
            answer = marks(pool.query(marked(batch, pattern)), pattern)
            for new, got in zip(batch, answer, strict=True):
                if len(stored) < size:
                    stored.append(new)
                    early += got != new
                    continue
                own.append(got == new)
                if got in stored:
                    ranks[stored.index(got)] += 1
                    stored.remove(got)
                    stored.append(new)
                else:
                    strangers += got != new
            (at_once if filling else news).extend(own)
            together += [] if filling else [own[0] == own[1]]
    one = Pool(1)
    alone = [marks(one.query(marked([n], pattern)), pattern) == [n] for n in range(1, 301)]
    shares = {"fresh": news, "full_within": at_once, "together": together, "one": alone[1:]}
    return {name: encode(sum(x) / max(1, len(x))) for name, x in shares.items()} | {
        "early": early,
        "strangers": strangers,
        "ranks": encode(torch.tensor(ranks) / max(1, sum(ranks))),
    }


def pool_copies(names: dict, inputs: dict) -> dict:
    """Whether what a pool returns is cut off, and whether later changes reach what it stores.

    One pool is filled at once, one image by image; each image that goes in or comes out is
    overwritten afterwards.
    """
    pattern, size, Pool = decode(inputs["pattern"]), inputs["size"], wanted(names, "ImagePool")
    attached = [bool(Pool(0).query(marked([1.0], pattern).requires_grad_() * 1.0).requires_grad)]
    unchanged, foreign, rounded, news, number = True, 0, 0, [], 1e5
    for first in (size, 1):
        pool, known = Pool(size), {}
        for count in [first] + [1] * 80:
            batch = [number + 1 + i for i in range(count)]
            number = batch[-1]
            given = marked(batch, pattern).requires_grad_() * 1.0
            before = given.detach().clone()
            known |= dict(zip(batch, before, strict=True))
            got = pool.query(given)
            attached.append(bool(got.requires_grad))
            unchanged = unchanged and torch.equal(given.detach(), before)
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
    }


# ---- losses


def translators(inputs: dict, dtype: torch.dtype = torch.float64) -> tuple[Mix, Mix]:
    """G_xy and G_yx: mixtures of channels."""
    return Mix(decode(inputs["G_xy"], dtype)), Mix(decode(inputs["G_yx"], dtype))


def generators(names: dict, inputs: dict) -> dict:
    """A loss of both generators on images of both domains, and the gradients in their weights."""
    dtype = getattr(torch, inputs["dtype"])
    G_xy, G_yx = translators(inputs, dtype)
    x, y = decode(inputs["x"], dtype), decode(inputs["y"], dtype)
    value = untouched(wanted(names, inputs["function"]), G_xy, G_yx, x, y, *inputs["weights"])
    return {
        "intact": intact(G_xy, G_yx),
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
    value = untouched(wanted(names, "fooling_loss"), D_x, D_y, fake_x, fake_y)
    return {
        "intact": intact(D_x, D_y),
        "value": attempt(lambda: encode(value)),
        "dtype": precision(value),
        "fake_x_gradient": slope(value, fake_x),
        "fake_y_gradient": slope(value, fake_y),
    }


# ---- the step


class Shelf:
    """A pool that answers each query with given images, and notes what it was given."""

    def __init__(self, name: str, answers: list[Tensor], log: list[str]):
        self.name, self.answers, self.log, self.given = name, answers, log, []

    def query(self, images: Tensor) -> Tensor:
        self.log.append(self.name)
        self.given.append(images.detach().clone())
        return self.answers[min(len(self.given), len(self.answers)) - 1][-len(images) :].clone()


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
