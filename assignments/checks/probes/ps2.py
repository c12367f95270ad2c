"""Probes of problem set 2: the student's networks, losses and step on the parent's numbers."""

from collections.abc import Callable, Iterable, Sequence

import torch
from checks.probes.tools import (
    Mix,
    Normed,
    Patches,
    attempt,
    called,
    decode,
    dressed,
    encode,
    fill,
    passed,
    precision,
    slope,
    state,
    steady,
    tensors,
    trace,
    untouched,
    wanted,
)
from torch import Tensor, nn

# ---- the U-Net's block


class Scale(nn.Module):
    """Times a number, plus a number, as a convolution; halves, doubles or turns the image, gives
    twice the channels, or cuts rows and columns off, if asked to.
    """

    def __init__(self, numbers: Tensor, size: str = "", cut: Sequence[int] = (0, 0)):
        super().__init__()
        self.numbers, self.size, self.cut = nn.Parameter(numbers.clone()), size, cut

    def forward(self, h: Tensor) -> Tensor:
        channels, (weight, bias) = h.shape[1], self.numbers
        weight = weight.expand(channels, 1, 1, 1)
        h = nn.functional.conv2d(h, weight, bias.expand(channels), groups=channels)
        if self.size.startswith("half"):
            h = nn.functional.avg_pool2d(h, 2, ceil_mode=self.size == "half, rounded up")
        h = h[:, :, : h.shape[2] - self.cut[0], : h.shape[3] - self.cut[1]]
        if self.size.startswith("double"):
            h = h.repeat_interleave(2, 2).repeat_interleave(2, 3)
        h = h.transpose(2, 3) if self.size == "turned" else h
        return torch.cat([h, h.square()], 1) if self.size == "double, wider" else h


def skip_parts(inputs: dict) -> list[nn.Module]:
    """down, inner, up of primes, each with two parameters; inner has a batch norm if asked to."""
    down, inner, up = decode(inputs["numbers"])
    middle: nn.Module = Scale(inner, cut=inputs["cut"])
    if inputs["norm"]:
        middle = Normed(middle, nn.BatchNorm2d(inputs["h"]["shape"][1], affine=False))
    parts = [Scale(down, inputs["down"]), middle, Scale(up, inputs["up"])]
    return [part.to(getattr(torch, inputs["dtype"])) for part in parts]


def filled(parts: Iterable[nn.Module], numbers: Tensor) -> None:
    """Give the parts their numbers."""
    for part, pair in zip(parts, numbers, strict=True):
        for p in part.parameters():
            p.data.copy_(pair)


def skip(names: dict, inputs: dict) -> dict:
    """A block around stubs: its output, the gradient at its input, and its known parameters.

    The stubs get their numbers after the block is made of them, and a second block is made of
    others before it runs.
    """
    make, numbers = wanted(names, "SkipBlock"), decode(inputs["numbers"])
    parts = skip_parts(inputs | {"numbers": encode(0 * numbers)})
    block = make(*parts)
    second = make(*skip_parts(inputs | {"numbers": encode(-numbers)}))
    filled(parts, numbers)
    h = tensors(inputs, "h")[0].requires_grad_()

    def output() -> dict | None:
        up = steady(passed, block, h)
        second(h)
        return encode(up)

    return {
        "output": attempt(output),
        "gradient": attempt(lambda: slope(block(h) * tensors(inputs, "weights")[0], h)),
        "smaller_shape": attempt(lambda: list(block(h[:, :, 1:, :-1]).shape)),
        "known": attempt(
            lambda: encode(
                torch.cat([p.flatten() for p in block.parameters() if p.requires_grad])
                .sort()
                .values
            )
        ),
        "as_given": attempt(lambda: as_given(make)),
    }


def as_given(make: Callable) -> bool:
    """Whether a block leaves its parts as they are, when it is made and when it is called: their
    numbers, what is frozen, their modes, and hooks; and whether each runs once a call, also after
    a gradient was asked for.
    """
    parts = nn.ModuleList(
        [nn.Conv2d(2, 3, 2, 2), nn.BatchNorm2d(3), nn.ConvTranspose2d(3, 2, 2, 2)]
    )
    parts[1].eval().requires_grad_(False)

    def facts() -> list:
        return [
            [encode(number) for number in parts.state_dict().values()],
            [p.requires_grad for p in parts.parameters()],
            [part.training for part in parts.modules()],
            state(parts),
        ]

    ran: list = []
    for part in parts:
        part.register_forward_pre_hook(lambda *_: ran.append(1))
    before = facts()
    block = make(*parts)
    made = facts()
    torch.autograd.grad(block(torch.ones(2, 2, 4, 4)).sum(), parts[0].weight)
    return before == made == facts() and len(ran) == 3


# ---- the discriminator


def field(names: dict, inputs: dict) -> dict:
    """The receptive field of each stack of layers, which come in the same list."""
    function, layers = wanted(names, "receptive_field"), []

    def seen(stack: list[list[int]]) -> dict | None:
        layers[:] = map(tuple, stack)
        return encode(untouched(function, layers))

    return {name: attempt(lambda s=stack: seen(s)) for name, stack in inputs["stacks"].items()}


def convolutions(net: nn.Module, image: Tensor) -> list[nn.Conv2d]:
    """The convolutions of a network, in the order in which an image passes them."""
    return [layer for kind, layer in called(net, image) if kind == "conv"]


def signature(convs: list[nn.Conv2d]) -> Tensor:
    """Some numbers of each convolution, by which its first weights are known, and the sum of the
    biases at either end.
    """
    rows = [torch.stack([*conv.weight.flatten()[:2], conv.weight.sum()]) for conv in convs]
    ends = [c.weight.new_zeros(1) if c.bias is None else c.bias for c in (convs[0], convs[-1])]
    return torch.stack([*rows, *(end.sum().expand(3) for end in ends)]).detach()


def built(net: nn.Module, image: Tensor) -> dict:
    """Shape of the map, widths, kernels, strides, kinds of layers, biases at both ends, how many
    layers there are, and whether the network can learn.
    """
    convs = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    learns = all(p.requires_grad for p in net.parameters())
    seen = sum(int(b) for name, b in net.named_buffers() if name.endswith("num_batches_tracked"))
    first = attempt(lambda: convolutions(net, image))
    return {
        "map": attempt(lambda: list(net(image).shape)),
        "channels": [list(c.weight.shape[1::-1]) for c in convs][:20],
        "strides": [[c.kernel_size[0], c.stride[0]] for c in convs][:20],
        "called": attempt(lambda: fill(net, image, None, [])),
        "biases": attempt(lambda: [first[i].bias is not None for i in (0, -1)]),
        "own": [len(convs), len(norms)],
        "learns": learns and not seen and all(layer.training for layer in net.modules()),
    }


def patch_layers(names: dict, inputs: dict) -> dict:
    """Discriminators of four, one and six layers for images of odd sizes, and the first weights of
    two that are made one after the other.
    """
    build, channels = wanted(names, "build_patch_gan"), inputs["channels"]
    out: dict = {}
    for name, (*arguments, image) in inputs["stacks"].items():
        answer = attempt(
            lambda a=arguments, image=image: built(build(channels, *a), torch.zeros(image))
        )
        out |= {name: answer if "error" in answer else list(answer.values())} if name else answer

    def fresh() -> dict | None:
        torch.manual_seed(inputs["seed"])
        nets, image = [build(*inputs["small"]) for _ in range(2)], torch.zeros(1, channels, 32, 32)
        return encode(torch.stack([signature(convolutions(net, image)) for net in nets]))

    return out | {"fresh": attempt(fresh)}


def patch_values(names: dict, inputs: dict) -> dict:
    """The map of a patch discriminator with given weights in both modes, and how far one of its
    outputs looks.
    """
    net = wanted(names, "build_patch_gan")(*inputs["arguments"]).double().eval()
    image, norms = decode(inputs["image"]), list(decode(inputs["norms"]))
    weights = [decode(w) for w in inputs["weights"]]
    fill(net, image, weights, norms)
    out = {
        "map": attempt(lambda: encode(net(image))),
        "one": attempt(lambda: list(net(image[:1]).shape)),
        "train map": attempt(lambda: encode(net.train()(image))),
    }

    def learned() -> dict:
        norm_layers = [n for n in net.eval().modules() if isinstance(n, nn.BatchNorm2d)]
        return encode(torch.cat([torch.cat([n.running_mean, n.running_var]) for n in norm_layers]))

    out["running"] = attempt(learned)

    def looks() -> list[int]:
        fill(net, image, None, [torch.tensor([0.0, 1.0]).double()] * len(norms))
        large = torch.ones(inputs["large"], dtype=torch.float64, requires_grad=True)
        logits = net(large)
        logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
        touched = large.grad[0].abs().sum(0) > 0
        return [int(touched.any(1).sum()), int(touched.any(0).sum())]

    return out | ({"field": attempt(looks)} if "large" in inputs else {})


# ---- what D sees, what G minimises, and the step


def pair_parts(inputs: dict) -> tuple:
    """D in its mode, x and y; D holds gradients already."""
    norms = [nn.Identity(), nn.BatchNorm2d(1)]
    _, D = dressed(nn.Identity(), Patches(decode(inputs["D"])), inputs, norms)
    D.requires_grad_(not inputs["frozen"]).train(inputs["train"])
    for p in D.parameters():
        p.grad = torch.full_like(p, 3.0)
    return D, *tensors(inputs, "x", "y")


def judged(names: dict, inputs: dict) -> dict:
    """D's opinion of a pair, and the gradients it sends to y and to D, whether or not the other of
    them wants one; and whether D stays as it came.
    """
    judge, (D, x, y) = wanted(names, "judge_pair"), pair_parts(inputs)
    weights = next(iter(D.parameters()))
    wanting = y.clone().requires_grad_()
    logits = steady(judge, D, x, wanting)
    modes = {part.training for part in D.modules()} == {inputs["train"]}
    out = {
        "logits": attempt(lambda: encode(logits)),
        "dtype": precision(logits),
        "intact": modes and {p.requires_grad for p in D.parameters()} == {not inputs["frozen"]},
        "y_gradient": slope(logits, wanting),
    }
    if inputs["frozen"]:
        return out
    real = attempt(lambda: judge(D, x, y))
    return out | {"D_gradient": slope(logits, weights), "real_gradient": slope(real, weights)}


def generator_loss(names: dict, inputs: dict) -> dict:
    """G's loss for given logits, images and weight, and its gradients in the logits and in the fake
    image.
    """
    logits, fake, y = tensors(inputs, "logits", "fake", "y")
    logits, fake = logits.requires_grad_(), fake.requires_grad_()
    function, weight = wanted(names, "pix2pix_generator_loss"), inputs["lambda_l1"]

    def loss(*leaves: Tensor) -> Tensor:  # of no leaves of a graph, as after a network
        return steady(function, *(leaf.clone() for leaf in leaves), y, weight)

    value = untouched(loss, logits, fake)
    gradients = {"logits_gradient": slope(value, logits), "fake_gradient": slope(value, fake)}
    numbers = [x for item in gradients.values() if item and "data" in item for x in item["data"]]
    return {
        "value": attempt(lambda: encode(value)),
        "dtype": precision(value),
        "finite": "nan" not in numbers and "inf" not in numbers,
        **gradients,
    }


def step_parts(inputs: dict) -> tuple:
    """G, D, x and y of a game between a mixture of channels and a map of logits."""
    norms = [nn.BatchNorm2d(inputs["G"]["shape"][0]), nn.BatchNorm2d(1)]
    nets = Mix(decode(inputs["G"])), Patches(decode(inputs["D"]))
    return *dressed(*nets, inputs, norms), *tensors(inputs, "x", "y", "w")


def pix2pix_step(names: dict, inputs: dict) -> dict:
    """One or two steps of such a game."""
    *parts, x, y, w = step_parts(inputs)
    return trace(wanted(names, "pix2pix_step"), *parts, inputs, x, y, w, inputs["lambda_l1"])
