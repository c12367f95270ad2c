"""Probes of problem set 2: the student's networks, losses and step on the parent's numbers."""

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

# ---- the U-Net's block


class Scale(nn.Module):
    """Times a number, plus a number; halves or doubles the image if asked to."""

    def __init__(self, numbers: Tensor, size: str = ""):
        super().__init__()
        self.numbers, self.size = nn.Parameter(numbers.clone()), size

    def forward(self, h: Tensor) -> Tensor:
        h = self.numbers[0] * h + self.numbers[1]
        if self.size.startswith("half"):
            h = nn.functional.avg_pool2d(h, 2, ceil_mode=self.size == "half, rounded up")
        return h.repeat_interleave(2, 2).repeat_interleave(2, 3) if self.size == "double" else h


def skip_parts(inputs: dict) -> tuple[nn.Module, nn.Module, nn.Module]:
    """down, inner, up of primes, each with two parameters."""
    down, inner, up = decode(inputs["numbers"])
    return Scale(down, inputs["down"]), Scale(inner), Scale(up, "double")


def skip(names: dict, inputs: dict) -> dict:
    """A block around stubs: its output, the gradient at its input, and its known parameters.

    The stubs get their numbers after the block is made of them.
    """
    parts = skip_parts(inputs | {"numbers": encode(0 * decode(inputs["numbers"]))})
    block = wanted(names, "SkipBlock")(*parts)
    for part, numbers in zip(parts, decode(inputs["numbers"]), strict=True):
        part.numbers.data.copy_(numbers)
    h = decode(inputs["h"]).requires_grad_()

    def gradient() -> dict | None:
        weights = decode(inputs["weights"])
        return encode(torch.autograd.grad((block(h) * weights).sum(), h)[0])

    return {
        "output": attempt(lambda: encode(block(h))),
        "gradient": attempt(gradient),
        "smaller_shape": attempt(lambda: list(block(h[:, :, 1:, :-1]).shape)),
        "known": attempt(
            lambda: encode(
                torch.cat([p.flatten() for p in block.parameters() if p.requires_grad])
                .sort()
                .values
            )
        ),
    }


# ---- the discriminator


def field(names: dict, inputs: dict) -> dict:
    """The receptive field of each stack of layers."""
    function = wanted(names, "receptive_field")
    return {
        name: attempt(lambda s=stack: encode(untouched(function, [tuple(x) for x in s])))
        for name, stack in inputs["stacks"].items()
    }


def patch_layers(names: dict, inputs: dict) -> dict:
    """Widths, kernels, strides and norms of a patch discriminator, and its map for an image of odd
    size.
    """
    build, image = wanted(names, "build_patch_gan"), torch.zeros(inputs["image"])

    def built(*arguments: int) -> dict:
        net = build(*arguments)
        convs = [
            layer
            for layer in net.modules()
            if isinstance(layer, nn.Conv2d) and layer.weight.requires_grad
        ]
        return {
            "map": attempt(lambda: list(net(image).shape)),
            "channels": [[c.in_channels, c.out_channels] for c in convs][:20],
            "strides": [[c.kernel_size[0], c.stride[0]] for c in convs][:20],
            "called": attempt(lambda: fill(net, image, None, [])),
        }

    return built(*inputs["arguments"]) | {
        "one layer": attempt(lambda: list(built(*inputs["arguments"][:2], 1).values()))
    }


def patch_values(names: dict, inputs: dict) -> dict:
    """The map of a patch discriminator with given weights, and how far one of its outputs looks."""
    net = wanted(names, "build_patch_gan")(*inputs["arguments"]).double().eval()
    image, weights, norms = (
        decode(inputs["image"]),
        [decode(w) for w in inputs["weights"]],
        list(decode(inputs["norms"])),
    )
    fill(net, image, weights, norms)
    out = {
        "map": attempt(lambda: encode(net(image))),
        "one": attempt(lambda: list(net(image[:1]).shape)),
    }

    def learned() -> dict:
        net.train()(image)
        norm_layers = [n for n in net.modules() if isinstance(n, nn.BatchNorm2d)]
        net.eval()
        return encode(torch.cat([torch.cat([n.running_mean, n.running_var]) for n in norm_layers]))

    out["running"] = attempt(learned)

    def looks() -> list[int]:
        fill(net, image, None, [torch.tensor([0.0, 1.0]).double()] * len(norms))
        large = torch.ones(inputs["large"], dtype=torch.float64, requires_grad=True)
        logits = net(large)
        (slope,) = torch.autograd.grad(
            logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2], large
        )
        touched = slope[0].abs().sum(0) > 0
        return [int(touched.any(1).sum()), int(touched.any(0).sum())]

    return out | {"field": attempt(looks)}


# ---- what D sees, what G minimises, and the step


def judged(names: dict, inputs: dict) -> dict:
    """D's opinion of a pair, and the gradients it sends to x and y."""
    x, y = (decode(inputs[name]).requires_grad_() for name in ("x", "y"))
    D = Patches(decode(inputs["D"]))
    logits = untouched(wanted(names, "judge_pair"), D, x, y)
    return {
        "logits": attempt(lambda: encode(logits)),
        "intact": intact(D),
        "y_gradient": slope(logits, y),
        "D_gradient": slope(logits, D.weight),
    }


def generator_loss(names: dict, inputs: dict) -> dict:
    """G's loss for given logits, images and weight, and its gradients in the logits and in the fake
    image.
    """
    dtype = getattr(torch, inputs["dtype"])
    logits, fake, y = (decode(inputs[name], dtype) for name in ("logits", "fake", "y"))
    logits, fake = logits.requires_grad_(), fake.requires_grad_()
    value = untouched(wanted(names, "pix2pix_generator_loss"), logits, fake, y, inputs["lambda_l1"])
    return {
        "value": attempt(lambda: encode(value)),
        "dtype": precision(value),
        "logits_gradient": slope(value, logits),
        "fake_gradient": slope(value, fake),
    }


def pix2pix_step(names: dict, inputs: dict) -> dict:
    """One or two steps of a game between a mixture of channels and a map of logits."""
    G, D = Mix(decode(inputs["G"])), Patches(decode(inputs["D"]))
    x, y = decode(inputs["x"]), decode(inputs["y"])
    return trace(wanted(names, "pix2pix_step"), G, D, inputs, x, y, inputs["lambda_l1"])
