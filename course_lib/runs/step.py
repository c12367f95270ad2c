"""A training step as a file: forward, backward and Adam in ONNX, for a page that trains.

``step(batch)`` of a method is traced as it stands: its networks take their weights from an input,
``state``, and stand-ins for its optimisers write what comes next into an output.
"""

import copy
import json
import re
from collections.abc import Callable
from math import prod
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch._decomp import core_aten_decompositions, get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from course_lib.data.files import check_outputs, expanded, replace_file
from course_lib.errors import CourseError, ensure, need
from course_lib.methods.base import Method
from course_lib.networks import small_maps
from course_lib.runs import export

aten = torch.ops.aten
NETWORKS = ("G", "D")


class _Adam:
    """torch's Adam for tracing: parameters, means and squares of ``net`` are vectors.

    ``state`` are these three, and the powers of both betas.
    """

    def __init__(self, net: nn.Module, options: dict, state: list[Tensor]):
        self.net, self.options, self.state, self.zero_grad = net, options, state, net.zero_grad
        self.places = [
            (module, name, parameter.shape)
            for module in net.modules()
            for name, parameter in module._parameters.items()
            if parameter is not None
        ]
        self.place()

    def place(self) -> None:
        parts = self.state[0].split([prod(shape) for *_, shape in self.places])
        for (module, name, shape), part in zip(self.places, parts, strict=True):
            # no nn.Parameter: that would be a copy, of which the trace knows nothing
            module._parameters[name] = part.view(shape).detach().requires_grad_()

    def step(self) -> None:
        (beta1, beta2), lr = self.options["betas"], self.options["lr"]
        weight, mean, square, powers = self.state
        grad = torch.cat([p.grad.flatten() for p in self.net.parameters()])
        powers = powers * torch.tensor([beta1, beta2])
        mean = beta1 * mean + (1 - beta1) * grad
        square = beta2 * square + (1 - beta2) * grad * grad
        root = square.sqrt() / (1 - powers[1]).sqrt() + self.options["eps"]
        weight = weight - lr / (1 - powers[0]) * mean / root
        self.state = [weight, mean, square, powers]
        self.place()


def initial(method: Method) -> Float[Tensor, " size"]:
    """The ``state`` of a method that has not learned anything yet, with the weights that it has.

    Of G and then of D: parameters, means and squares of their gradients, two powers of the betas.
    Then G's average, and how many updates it has seen.
    """
    parts = []
    for name in NETWORKS:
        weights = torch.cat([p.detach().flatten() for p in method.networks[name].parameters()])
        parts += [weights, torch.zeros(2 * len(weights)), torch.ones(2)]
    return torch.cat([*parts, parts[0], torch.zeros(1)])


def layout(method: Method) -> dict:
    """Where in a ``state`` is what: [name, shape, first number] of the parameters of G, D and G's
    average, which begins at ``average``; ``ones``, where there are ones at first; its ``size``.
    """
    rows, ones, at = [], [], 0
    for name in (*NETWORKS, "G"):
        first = at
        for key, parameter in method.networks[name].named_parameters():
            rows.append([f"{name}.{key}", [*parameter.shape], at])
            at += parameter.numel()
        ones += [3 * at - 2 * first, 3 * at - 2 * first + 1]
        size, at = at + 1, ones[-1] + 1
    return {"parameters": rows, "ones": ones[:4], "average": first, "size": size}


def _parts(method: Method, state: Tensor) -> tuple[Tensor, ...]:
    G, D = (sum(p.numel() for p in method.networks[name].parameters()) for name in NETWORKS)
    return state.split([G, G, G, 2, D, D, D, 2, G, 1])


def _step(method: Method, state: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(the next state, the terms) of one ``method.step``, by torch's operations alone."""
    parts = _parts(method, state)
    for at, name in ((0, "G"), (4, "D")):
        net, options = method.networks[name], method.optimizers[f"opt_{name}"].param_groups[0]
        setattr(method, f"opt_{name}", _Adam(net, options, [*parts[at : at + 4]]))
    method.update_averages = lambda: None
    terms = method.step({"x": x, "y": y})
    seen = parts[-1] + 1
    decay = ((1 + seen) / (10 + seen)).clamp(max=method.config.average)
    average = decay * parts[-2] + (1 - decay) * method.opt_G.state[0]
    following = [*method.opt_G.state, *method.opt_D.state, average, seen]
    return torch.cat([part.detach() for part in following]), torch.stack([*terms.values()])


def _look(method: Method, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """(G's picture of x by its averaged weights, D's map of logits for x and that)."""
    parts = _parts(method, state)
    _Adam(method.networks["G"], {}, [parts[-2]])
    _Adam(method.networks["D"], {}, [parts[4]])
    y = method.networks["G"](x)
    return y.detach(), method.judge(x, y).detach()


def to_onnx(method: Method, path: Path | str, look: Path | str | None = None) -> dict:
    """Write one training step of ``method``, which is of pix2pix's kind, as ``path``; returns its
    :func:`layout`, which is in the file, too.

    Inputs: ``state``, a vector, which :func:`initial` gives, and a pair ``x`` and ``y``, (1, 3, S,
    S) in [-1, 1]. Outputs: the ``next`` state and ``terms``, those of ``method.step`` in its order.
    ``look`` is a second file, of what ``state`` and ``x`` give: ``y``, and D's map of ``logits``.
    Raises CourseError for a step with an operation that cannot be exported, which is named.
    """
    path, side = expanded(path), method.config.image_size
    ensure(path.suffix == ".onnx", "an ONNX file has another name", path, "write NAME.onnx")
    ensure(
        {*NETWORKS} == method.networks.keys() - {"G_average"},
        f"a page trains one G and one D, and {type(method).__name__} has others",
        "to_onnx",
        "export the step of a pix2pix, or of your own",
    )
    ensure(
        not method.through_lite0,
        "the step looks through a network that has seen photographs",
        "lambda_features",
        "set it to 0",
    )
    # two tensors: a trace takes one that is given twice for one input
    state, (x, y) = initial(method), torch.rand(2, 1, 3, side, side)
    made = {path: _file(method, _step, (state, x, y), ["state", "x", "y"], ["next", "terms"])}
    if look:
        made[look] = _file(method, _look, (state, x), ["state", "x"], ["y", "logits"])
    check_outputs([*made])
    for target, written in made.items():
        replace_file(target, written)
    return layout(method)


def _file(
    method: Method, function: Callable, given: tuple, inputs: list[str], outputs: list[str]
) -> bytes:
    """The ONNX file of ``function(method, *given)``."""
    (onnx,) = need("web", "onnx")
    method = copy.copy(method)
    method.networks = {name: copy.deepcopy(net).cpu() for name, net in method.networks.items()}
    method.G, method.D = (method.networks[name] for name in NETWORKS)
    for net in method.networks.values():
        export.in_one(net)
    table = core_aten_decompositions() | get_decompositions([aten.native_batch_norm])
    table[aten.convolution_backward.default] = _convolution_back
    few, small_maps.FEW = small_maps.FEW, 0  # a product of matrices is no faster in ONNX
    try:
        traced = make_fx(lambda *now: function(method, *now), table)(*given)
        model = export.bare(traced, dict(zip(inputs, given, strict=True)), outputs)
    except torch.onnx.errors.OnnxExporterError as error:
        named = re.search(r"aten[.:]+(\w+)", str(error))
        raise CourseError(
            f"the step uses {named[1] if named else 'something'}, which cannot be exported",
            type(method).__name__,
            "write it with other operations of torch",
        ) from error
    finally:
        small_maps.FEW = few
    onnx.helper.set_model_props(model, {"layout": json.dumps(layout(method))})
    return model.SerializeToString()


def _convolution_back(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: list[int] | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
    mask: list[bool],
) -> tuple[Tensor | None, ...]:
    """The gradient of a convolution by convolutions, as ONNX has no operation for it."""
    x_grad, side = None, weight.shape[2]
    if mask[0] and transposed:
        x_grad = F.conv2d(grad, weight, None, stride, padding)
    elif mask[0]:
        missing = [(x.shape[2 + i] + 2 * padding[i] - side) % stride[i] for i in (0, 1)]
        x_grad = F.conv_transpose2d(grad, weight, None, stride, padding, missing)
    # each pixel of the smaller map meets what the kernel saw there
    large, small = (grad, x) if transposed else (x, grad)
    found = F.conv2d(large.transpose(0, 1), small.transpose(0, 1), None, 1, padding, stride)
    weight_grad = found[:, :, :side, :side].transpose(0, 1)
    return x_grad, weight_grad, grad.sum((0, 2, 3)) if mask[2] else None
