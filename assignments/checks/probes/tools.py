"""What probes share: tensors as JSON, stubs, and a record of who is updated when and with which
gradients.
"""

import copy
import math
import numbers
import random
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

OTHERS = (
    "<frozen",
    str(Path(__file__).resolve().parent.parent),
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib")},
)  # whose lines are not shown
LARGEST = 100_000  # numbers in one answer


def encode(value: Any) -> dict | None:
    """A tensor or number as ``{"shape": [...], "data": [...]}`` in float64, nan and inf as strings.

    None stays None.

    Raises TypeError for anything else and ValueError for more than 100,000 numbers.
    """
    if value is None:
        return None
    if not isinstance(value, Tensor):
        if not isinstance(value, numbers.Number) and type(value).__module__ != "numpy":
            raise TypeError(f"a tensor or a number is wanted here, not {type(value).__name__}")
        value = torch.as_tensor(value, dtype=torch.float64)
    if value.numel() > LARGEST:
        raise ValueError(f"a tensor of shape {tuple(value.shape)} is far too large here")
    data = value.detach().to("cpu", torch.float64).flatten().tolist()
    return {"shape": list(value.shape), "data": [x if math.isfinite(x) else str(x) for x in data]}


def decode(item: dict, dtype: torch.dtype = torch.float64) -> Tensor:
    """The tensor that :func:`encode` wrote."""
    return (
        torch.tensor([float(x) for x in item["data"]], dtype=torch.float64)
        .reshape(item["shape"])
        .to(dtype)
    )


def tensors(inputs: dict, *names: str) -> list[Tensor]:
    """Those of the inputs that have these names, in the precision that the inputs ask for."""
    return [decode(inputs[name], getattr(torch, inputs["dtype"])) for name in names]


def precision(value: Any) -> str:
    """The dtype of a tensor in words; "number" for anything else."""
    return str(value.dtype) if isinstance(value, Tensor) else "number"


def attempt(f: Callable[[], Any]) -> Any:
    """``f()``, or ``{"error": ...}`` if it raises: one failure shall not cost the other answers of
    a probe.
    """
    try:
        return f()
    except Exception as error:
        return describe(error)


def describe(error: BaseException) -> dict:
    """An exception as an answer, with the line of the student's code in which it arose; None if it
    arose outside.
    """
    frames = traceback.extract_tb(error.__traceback__)
    student_frames = [
        f for f in frames if "site-packages" not in f.filename and not f.filename.startswith(OTHERS)
    ]
    return {
        "error": f"{type(error).__name__}: {' '.join(str(error).split())}"[:300],
        "line": student_frames[-1].lineno if student_frames else None,
    }


# What a call can leave behind on what it gets, and what is said of it.
TRACES = {
    "numbers": "what was passed is changed in place, and the caller still needs it",
    "requires_grad": "requires_grad is switched on a tensor that was passed: work on a copy",
    "grad": "a .grad is written to what was passed: is there a backward() that nobody asked for?",
    "retained": "retain_grad() is called on what was passed",
    "hooks": "a hook is left behind on what was passed",
    "seed": "torch.manual_seed is called, and whatever is drawn afterwards begins again",
}
SEED = 734_211  # with which a probe begins; nobody else would take it
HOOKS = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"


class Trace(ValueError):
    """A call leaves something on what it gets, or on what an earlier call gave."""


def state(value: Any) -> dict[str, Any]:
    """What a call can change of an argument, by the keys of ``TRACES``.

    Of a network: the gradients of its parameters, and hooks; its modes and what is frozen are for
    :func:`intact`.
    """
    if isinstance(value, Tensor):
        return {
            "numbers": encode(value),
            "requires_grad": value.requires_grad,
            "grad": encode(value.grad) if value.is_leaf else None,
            "retained": value.retains_grad,
            "hooks": len(value._backward_hooks or ()),
        }
    if isinstance(value, nn.Module):
        hooks = [[len(getattr(m, kind)) for kind in HOOKS] for m in value.modules()]
        params = [(state(p)["grad"], len(p._backward_hooks or ())) for p in value.parameters()]
        return {"grad": [grad for grad, _ in params], "hooks": [hooks, [n for _, n in params]]}
    return {"numbers": str(value)}


def changed(before: list[dict], after: list[dict]) -> str | None:
    """The first key of ``TRACES`` in which the states of the arguments differ, or None."""
    pairs = zip(before, after, strict=True)
    return next((key for one, two in pairs for key in one if one[key] != two[key]), None)


def untouched(function: Callable, *args: Any) -> Any:
    """``function(*args)``. Raises Trace if it leaves something on what it gets."""
    before, answer = [state(a) for a in args], function(*args)
    if key := changed(before, [state(a) for a in args]):
        raise Trace(TRACES[key])
    return answer


def other(value: Any, factor: float = 0.75) -> Any:
    """Something of the same kind with other numbers: a tensor, a network, a float; with a factor
    of 1 a copy.
    """
    if isinstance(value, Tensor):
        return 0.75 * value.detach().flip(-1) if factor != 1 else value.detach().clone()
    if isinstance(value, nn.Module):
        net = copy.deepcopy(value)
        for p in net.parameters():
            p.data *= factor
        return net
    return factor * value if isinstance(value, float) else value


def refilled(value: Tensor | nn.Module, source: Tensor | nn.Module) -> None:
    """Give a tensor or a network the numbers of the other one."""
    pairs = [(value, source)]
    if isinstance(value, nn.Module):
        pairs = [*zip(value.parameters(), source.parameters(), strict=True)]
    for own, new in pairs:
        own.data.copy_(new.data)


def alike(one: Any, two: Any) -> bool:
    """Whether two answers hold the same numbers, up to rounding."""
    one, two = (part if isinstance(part, (tuple, list)) else [part] for part in (one, two))
    pairs = [pair for pair in zip(one, two, strict=True) if isinstance(pair[0], (Tensor, float))]
    numbers = [[torch.as_tensor(x).detach().double() for x in pair] for pair in pairs]
    return all(torch.allclose(a, b, 1e-4, 1e-7, equal_nan=True) for a, b in numbers)


def steady(function: Callable, *args: Any, slopes: bool = True, silent: bool = True) -> Any:
    """``untouched(function, *args)`` among calls with other numbers, so that it shows what a call
    keeps for the next one. Not for functions that draw at random.

    Before it, each argument in turn is another one; after it, each of the same tensors and networks
    in turn gets other numbers, both under no_grad if ``silent``. In the last call but one tensors
    come out of a graph if ``slopes`` are asked for. Raises Trace where an answer is not the one
    that its numbers alone have, or where the last call changes what the first one gave.
    """
    plain, again, others = ([other(a, factor) for a in args] for factor in (0.75, 1, 0.75))
    first = untouched(function, *plain)
    before = state(first)
    with torch.set_grad_enabled(not silent):
        changed = [function(*again[:i], one, *again[i + 1 :]) for i, one in enumerate(plain)]
    answer = untouched(function, *args)
    with torch.set_grad_enabled(not silent):
        if not alike(function(*again), answer):
            raise Trace("under no_grad, or a second time, the same numbers get another answer")
        for one, new, old, then in zip(again, plain, args, changed, strict=True):
            if isinstance(one, (Tensor, nn.Module)):
                refilled(one, new)
                if not alike(function(*again), then):
                    raise Trace("the same tensor or network with new numbers gets an old answer")
                refilled(one, old)
    leaves = (1 * a.requires_grad_() if slopes and isinstance(a, Tensor) else a for a in others)
    untouched(function, *leaves)
    function(*(a if isinstance(a, nn.Module) else other(a) for a in plain))
    if state(first) != before:
        raise Trace("what an earlier call gave is changed by a later one")
    return answer


def passed(net: nn.Module, *tensors: Tensor) -> Any:
    """What a network gives, as a function that is steady in its weights, too."""
    return net(*tensors)


def intact(*nets: nn.Module) -> bool:
    """Whether the networks can be trained on as they came: nothing frozen, all in train mode."""
    return all(p.requires_grad for net in nets for p in net.parameters()) and all(
        part.training for net in nets for part in net.modules()
    )


def watched(
    loss: Callable, nets: list[nn.Module], *args: Any, silent: bool = True
) -> tuple[Any, dict]:
    """``steady(loss, *nets, *args)`` with gradients of the networks that are there before, and
    whether the networks run and stay in train mode, and can be trained on.
    """
    modes: set[bool] = set()
    for net in nets:
        for p in net.parameters():
            p.grad = torch.full_like(p, 3.0)
        for part in net.modules():
            part.register_forward_pre_hook(lambda part, _: modes.add(part.training))
    value = steady(loss, *nets, *args, silent=silent)
    return value, {"intact": modes <= {True} and intact(*nets)}


def answers(probe: Callable[[dict, dict], dict], names: dict, inputs: dict) -> dict:
    """The answer of a probe; where ``inputs`` hold several cases, the answers to each of them, or
    the error that stopped it.
    """
    if "several" not in inputs:
        return probe(names, inputs)
    return {
        f"{case}: {key}": value
        for case, item in inputs["several"].items()
        for key, value in attempt(lambda item=item: probe(names, item)).items()
    }


def run(probe: Callable[[dict, dict], Any], names: dict, inputs: dict) -> Any:
    """The answer of a probe; whatever stops it becomes ``{"error": ...}``, and a function that
    seeds the whole program has no other answer.

    Leaves the random states as they were.
    """
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        for seed in (torch.manual_seed, random.seed, np.random.seed):
            seed(SEED)
        answer = attempt(lambda: answers(probe, names, inputs))
        if torch.initial_seed() not in (SEED, inputs.get("seed")):
            answer = {"error": f"Trace: {TRACES['seed']}"}
    random.setstate(states[0])
    np.random.set_state(states[1])
    return answer


def slope(value: Any, source: Tensor) -> Any:
    """The gradient of the sum of ``value`` in ``source``, encoded; None if there is none.

    It is asked as a part of a larger loss, where an own backward may forget what comes from behind.
    """

    def gradient() -> dict | None:
        how = {"retain_graph": True, "allow_unused": True}
        (found,) = torch.autograd.grad(4 * value.sum(), source, **how)
        return None if found is None else encode(found / 4)

    return attempt(gradient)


def warm() -> None:
    """Let PyTorch load what the first optimiser of a process needs: seconds that shall not count as
    a check's.
    """
    p = nn.Parameter(torch.zeros(1))
    p.grad = torch.zeros(1)
    torch.optim.SGD([p], 0.1).step()


def wanted(names: dict, function: str) -> Any:
    """The student's object of that name. Raises NameError if there is none."""
    if function not in names:
        raise NameError(f"name '{function}' is not defined")
    return names[function]


# ---- stubs


class Line(nn.Module):
    """x = a z + b: a generator on the line, (B, 1) -> (B, 1), and nothing else."""

    def __init__(self, numbers: Tensor):
        super().__init__()
        self.a, self.b = (nn.Parameter(number.clone()) for number in numbers)

    def forward(self, z: Tensor) -> Tensor:
        return nn.functional.linear(z, self.a.view(1, 1), self.b.view(1))


class Mix(nn.Module):
    """Each output channel is a weighted sum of the input channels: (B, c_in, H, W) -> (B, c_out, H,
    W).
    """

    def __init__(self, weight: Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight.clone())  # (c_out, c_in)

    def forward(self, image: Tensor) -> Tensor:
        return torch.einsum("oi,bihw->bohw", self.weight, image)


class Patches(nn.Module):
    """A map of logits from any number of channels, every second row and column: (B, c, H, W) -> (B,
    1, h, w).
    """

    def __init__(self, weight: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight[1:].clone()), nn.Parameter(weight[0].clone())

    def forward(self, image: Tensor) -> Tensor:
        weight = self.weight[None, : image.shape[1], None, None]
        return nn.functional.conv2d(image, weight, self.bias[None], stride=2)


class Normed(nn.Module):
    """A network, its output, and the batch norm of its output: what it gives for one image depends
    on the other images of the batch.
    """

    def __init__(self, net: nn.Module, norm: nn.Module):
        super().__init__()
        self.net, self.norm = net, norm

    def forward(self, image: Tensor) -> Tensor:
        h = self.net(image)
        return h + self.norm(h)


class Watched(nn.Module):
    """A network beside a batch norm that touches nothing and learns nothing: it only shows in which
    mode the parts of a network run, whatever passes through it together.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net, self.norm = net, nn.BatchNorm2d(1, affine=False)

    def forward(self, *tensors: Tensor) -> Any:
        self.norm(torch.zeros(2, 1, 1, 1))
        return self.net(*tensors)


def dressed(G: nn.Module, D: nn.Module, inputs: dict, norms: list[nn.Module]) -> tuple:
    """The two networks as a case wants them: with the two batch norms, G with a tanh at its end; in
    its precision.
    """
    if inputs.get("norms"):
        G, D = nn.Sequential(Normed(G, norms[0]), nn.Tanh()), Normed(D, norms[1])
    dtype = getattr(torch, inputs.get("dtype", "float64"))
    return G.to(dtype), D.to(dtype)


KINDS = {
    nn.Conv2d: "conv",
    nn.BatchNorm2d: "batch norm",
    nn.InstanceNorm2d: "instance norm",
    nn.Sigmoid: "sigmoid",
}


def called(net: nn.Module, image: Tensor) -> list[tuple[str, nn.Module]]:
    """The layers of some kinds that ``net`` calls for this image, in that order."""
    calls: list[tuple[str, nn.Module]] = []
    hooks = [
        layer.register_forward_hook(lambda layer, *_, kind=kind: calls.append((kind, layer)))
        for layer in net.modules()
        for cls, kind in KINDS.items()
        if isinstance(layer, cls)
    ]
    with torch.no_grad():
        net(image)
    for hook in hooks:
        hook.remove()
    return calls


@torch.no_grad()
def fill(
    net: nn.Module, image: Tensor, weights: list[Tensor] | None, norms: list[Tensor]
) -> list[str]:
    """Run ``net`` once and fill its convolutions and batch norms in the order in which they are
    called.

    ``weights`` None fills convolutions with positive numbers. Returns what was called, in words.
    """
    calls = called(net, image)
    convs, batch_norms = (
        [layer for kind, layer in calls if kind == k] for k in ("conv", "batch norm")
    )
    for i, conv in enumerate(convs):
        if weights is None:
            conv.weight.fill_(1 / conv.weight[0].numel())
        elif i < len(weights) and conv.weight.shape == weights[i].shape:
            conv.weight.copy_(weights[i])
        if conv.bias is not None:
            conv.bias.zero_()
    for norm, (mean, scale) in zip(batch_norms, norms, strict=False):
        numbers = {"running_mean": mean, "running_var": 1.0, "weight": scale, "bias": 0.0}
        for name, number in numbers.items():
            getattr(norm, name).fill_(number)
    return [kind for kind, _ in calls][:40]


# ---- who is updated, when, with which gradients


def flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([t.detach().double().flatten() for t in tensors])


def learning(net: nn.Module) -> list[Tensor]:
    """The parameters of a network, but for those that play no part."""
    return [p for name, p in net.named_parameters() if not name.endswith("spare")]


def gradients(net: nn.Module) -> Tensor | None:
    """All gradients of a network in one row, 0 for those that are None; None if there is none at
    all.
    """
    params = learning(net)
    if all(p.grad is None for p in params):
        return None
    return flat(torch.zeros_like(p) if p.grad is None else p.grad for p in params)


def optimiser(net: nn.Module, lr: float, groups: bool) -> torch.optim.SGD:
    """All parameters in one group, or in two."""
    params = list(net.parameters())
    parts = [params[:1], params[1:]] if groups else [params]
    return torch.optim.SGD([{"params": part} for part in parts], lr)


def shortened(inputs: dict) -> list[int]:
    """By how many images the batch of each step is shorter than the whole one."""
    missing = list(range(inputs.get("steps", 1)))
    return missing[::-1] if inputs.get("grows") else missing


def trace(step: Callable[..., Any], G: nn.Module, D: nn.Module, inputs: dict, *args: Any) -> dict:
    """Call ``step(G, D, opt_G, opt_D, *args)`` ``inputs["steps"]`` times and record updates,
    weights and gradients.

    Each call gets a batch that is one shorter, or with ``inputs["grows"]`` one longer, and before
    call ``inputs["late"]`` all weights are 0. ``inputs["stale"]``, if there, fills all gradients
    with that number before the first call, also those of a parameter in each network that plays no
    part; ``spare``: whether that one stays. ``inputs["groups"]`` puts the parameters of an
    optimiser into two groups. ``modes``: whether the networks run and stay in train mode, in which
    they come;
    ``learns``: whether nothing stays frozen; ``unchanged``: True, or the key of ``TRACES`` that is
    left on the tensors, or as hooks on the networks; ``report kept``: whether each report is, after
    all calls, what it was after its own.
    """
    nets = [*G.modules(), *D.modules()]
    sides = (both if isinstance(both, nn.ModuleList) else [both] for both in (G, D))
    players = [net for side in sides for net in side]
    for net in players if "stale" in inputs else []:
        net.spare = nn.Parameter(torch.ones(2, dtype=next(net.parameters()).dtype))
    modes: set[bool] = set()
    for net in nets:
        net.register_forward_pre_hook(lambda net, _: modes.add(net.training))
    opt_G, opt_D = (
        optimiser(net, inputs[lr], inputs.get("groups", False))
        for net, lr in ((G, "lr_G"), (D, "lr_D"))
    )
    if "stale" in inputs:
        for p in (*G.parameters(), *D.parameters()):
            p.grad = torch.full_like(p, inputs["stale"])
    order, at_update = [], {"G_grad_at_D": "absent", "D_at_G": "absent"}

    def note(player: str, key: str, look: Callable[[], Tensor | None]) -> None:
        if player not in order:
            at_update[key] = encode(look())
        order.append(player)

    def told(report: Any) -> dict:
        return {name: attempt(lambda name=name: encode(report[name])) for name in inputs["report"]}

    opt_D.register_step_pre_hook(lambda *_: note("D", "G_grad_at_D", lambda: gradients(G)))
    opt_G.register_step_pre_hook(lambda *_: note("G", "D_at_G", lambda: flat(learning(D))))
    reports = []

    def given() -> list[dict]:  # gradients of networks may change
        hooks = [{"hooks": state(net)["hooks"]} for net in (G, D)]
        return [*(state(a) for a in args if isinstance(a, Tensor)), *hooks]

    before = given()
    for i, less in enumerate(shortened(inputs)):
        late = i >= inputs.get("late", 0)
        batch = [(a[less:] if less else a) if isinstance(a, Tensor) else a * late for a in args]
        report = step(G, D, opt_G, opt_D, *batch)
        reports.append((report, told(report)))
    left = changed(before, given())
    return {
        "modes": modes <= {True} and all(net.training for net in nets),
        "learns": all(p.requires_grad for net in (G, D) for p in net.parameters()),
        "unchanged": left or True,
        "report kept": all(told(report) == then for report, then in reports),
        "order": order[:20],
        **at_update,
        "G_grad_after": encode(gradients(G)),
        "D_grad_after": encode(gradients(D)),
        "G_after": encode(flat(learning(G))),
        "D_after": encode(flat(learning(D))),
        "spare": all(bool((getattr(net, "spare", torch.ones(1)) == 1).all()) for net in players),
        **reports[-1][1],
    }
