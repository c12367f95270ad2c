"""``shape_walk``: what a network does to an image, layer by layer, found out by running it."""

from dataclasses import dataclass
from functools import partial
from html import escape

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

CONVS = (nn.Conv2d, nn.ConvTranspose2d)
POOLS = (nn.AvgPool2d, nn.MaxPool2d)
FOLLOWERS = (
    "activation",
    "batchnorm",
    "instancenorm",
    "normalization",
    "dropout",
)  # share the row of the layer before
BEFORE = (
    nn.Upsample,
    nn.ReflectionPad2d,
    nn.ReplicationPad2d,
    nn.ZeroPad2d,
)  # share the row of the convolution after
POINTWISE = {"tanh", "sigmoid", "relu", "leaky_relu", "gelu", "silu", "elu"}
NAMES = {
    "Conv2d": "conv",
    "ConvTranspose2d": "transposed conv",
    "AvgPool2d": "mean pool",
    "MaxPool2d": "max pool",
    "BatchNorm2d": "batch norm",
    "InstanceNorm2d": "instance norm",
    "Linear": "linear",
    "cat": "concat",
}


@dataclass
class ShapeWalk:
    """The layers in order of execution. Printed as a table; in a notebook, shown as one.

    Each of ``rows`` has ``name`` (where in the network), ``layer``, ``output`` (its shape without the batch),
    ``receptive_field`` (side in px of what one output position sees, or None) and ``parameters`` (counted once).
    """

    rows: list[dict]
    parameters: int  # of the whole network

    HEAD = ("name", "layer", "output", "sees, px", "parameters")

    def _cells(self) -> list[tuple[str, ...]]:
        cells = [
            (
                row["name"],
                row["layer"],
                " x ".join(map(str, row["output"])),
                "-" if row["receptive_field"] is None else str(row["receptive_field"]),
                f"{row['parameters']:,}" if row["parameters"] else "",
            )
            for row in self.rows
        ]
        return [*cells, ("", "all", "", "", f"{self.parameters:,}")]

    def __str__(self) -> str:
        table = [self.HEAD, *self._cells()]
        widths = [max(len(line[i]) for line in table) for i in range(len(self.HEAD))]
        align = "<<>>>"
        lines = [
            "  ".join(f"{cell:{a}{w}}" for cell, a, w in zip(line, align, widths, strict=True))
            for line in table
        ]
        rule = "-" * len(lines[0])
        return "\n".join(line.rstrip() for line in [lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def line(cells: tuple[str, ...], tag: str) -> str:
            sides = ("left", "left", "right", "right", "right")
            inside = (
                f'<{tag} style="text-align:{s}">{escape(c)}</{tag}>'
                for c, s in zip(cells, sides, strict=True)
            )
            return f"<tr>{''.join(inside)}</tr>"

        *cells, total = self._cells()
        body = "".join(line(row, "td") for row in cells)
        return f"<table><thead>{line(self.HEAD, 'th')}</thead><tbody>{body}{line(total, 'th')}</tbody></table>"


def shape_walk(net: nn.Module, *inputs: Tensor) -> ShapeWalk:
    """Runs ``net(*inputs)`` once, in evaluation mode and without gradients, and notes every layer that it executes.

    A norm, activation or dropout shares the row of the layer before it, an upsampling or padding that of the
    convolution after it. Functions called between the layers (concat, add, ...) have rows too. The receptive field is
    that of square kernels, followed from the input; it is None after functions that join branches with different ones,
    such as the concat of a skip. What the statistics of a norm see is not counted. Modes, buffers, hooks and random
    states are left as they were, also if the network raises.
    """
    modes = [(module, module.training) for module in net.modules()]
    recorder, hooks = _Recorder(inputs), []
    cuda = [tensor.device for tensor in inputs if tensor.is_cuda]
    try:
        net.eval()
        for name, module in net.named_modules():
            if isinstance(module, CONVS) or not list(module.children()):
                hooks.append(module.register_forward_pre_hook(recorder.enter))
                hooks.append(module.register_forward_hook(partial(recorder.leave, name)))
        with torch.no_grad(), torch.random.fork_rng(cuda), recorder:
            net(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes:
            module.training = training
    return ShapeWalk(recorder.rows, sum(p.numel() for p in net.parameters()))


class _Recorder(TorchFunctionMode):
    """Sees layers through their hooks, and the functions called between them as a mode of torch."""

    def __init__(self, inputs: tuple[Tensor, ...]):
        super().__init__()
        self.rows: list[dict] = []
        # id of a tensor -> the tensor, so that no other one gets its id, and the steps that led from the input to it
        self.seen: dict[int, tuple] = {}
        self.counted: set[int] = set()  # ids of the parameters
        self.depth = 0  # inside how many layers
        self.pending = False  # the last row waits for its convolution
        for i, tensor in enumerate(inputs):
            self._add(f"input {i + 1}" if len(inputs) > 1 else "input", "", tensor, ())

    def enter(self, module: nn.Module, args: tuple) -> None:
        self.depth += 1

    def leave(self, name: str, module: nn.Module, args: tuple, out: object) -> None:
        self.depth -= 1
        if self.depth or isinstance(module, nn.Identity) or not isinstance(out, Tensor):
            return
        steps = _steps(module, self._known(args[0]) if args else None)
        follows = args and self.rows and args[0] is self.last
        parameters = sum(p.numel() for p in module.parameters() if id(p) not in self.counted)
        self.counted.update(map(id, module.parameters()))
        joins = follows and (_follows(module) or (self.pending and isinstance(module, CONVS)))
        self._add(_describe(module), name, out, steps, parameters, joins)
        self.pending = isinstance(module, BEFORE)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if self.depth == 0 and isinstance(out, Tensor) and id(out) not in self.seen:
            name = func.__name__.strip("_")
            if (
                name == "getitem" and out.numel() == args[0].numel()
            ):  # z[:, :, None, None]: new axes are no layer
                self.seen[id(out)], self.last = (out, None), out
                return out
            given = [*args, *(kwargs or {}).values()]
            tensors = [
                t
                for a in given
                for t in (a if isinstance(a, (list, tuple)) else [a])
                if isinstance(t, Tensor)
            ]
            ways = {self._known(tensor) for tensor in tensors}
            known = name in POINTWISE | {"add", "cat"} and len(ways) == 1
            joins = name in POINTWISE and tensors[0] is self.last
            self._add(NAMES.get(name, name), "", out, ways.pop() if known else None, 0, joins)
            self.pending = False
        return out

    def _known(self, tensor: object) -> tuple | None:
        return self.seen.get(id(tensor), (None, None))[1]

    def _add(
        self,
        layer: str,
        name: str,
        out: Tensor,
        steps: tuple | None,
        parameters: int = 0,
        joins: object = False,
    ):
        if joins:
            row = self.rows[-1]
            row["layer"] += f" + {layer}"
            row["parameters"] += parameters
        else:
            row = {"name": name, "layer": layer, "parameters": parameters}
            self.rows.append(row)
        row["output"], row["receptive_field"] = (
            tuple(out.shape[1:]),
            None if steps is None else _sees(steps),
        )
        self.seen[id(out)], self.last = (out, steps), out


def _follows(module: nn.Module) -> bool:
    return type(module).__module__.rpartition(".")[2] in FOLLOWERS and type(
        module
    ).__module__.startswith("torch.nn")


def _steps(module: nn.Module, steps: tuple | None) -> tuple | None:
    """``steps`` and that of ``module``: (kernel, stride, whether it enlarges). None where unknown."""
    if steps is None or _follows(module) or isinstance(module, BEFORE[1:]):
        return steps
    if isinstance(module, nn.ConvTranspose2d):
        return (*steps, (_span(module), module.stride[0], True))
    if isinstance(module, (nn.Conv2d, *POOLS)):
        return (*steps, (_span(module), _first(module.stride), False))
    if isinstance(module, nn.Upsample) and module.scale_factor:
        factor = round(_first(module.scale_factor))
        return (*steps, (factor if module.mode == "nearest" else 2 * factor, factor, True))
    return None


def _sees(steps: tuple) -> int:
    """Receptive field in px: from one output position back to the input, where phases differ the largest."""
    n = 1
    for kernel, stride, enlarges in reversed(steps):
        n = (n + kernel - 2) // stride + 1 if enlarges else (n - 1) * stride + kernel
    return n


def _span(module: nn.Module) -> int:
    dilation = 1 if isinstance(module, nn.AvgPool2d) else module.dilation
    return _first(dilation) * (_first(module.kernel_size) - 1) + 1


def _describe(module: nn.Module) -> str:
    kind = type(module).__name__
    if isinstance(module, (*CONVS, *POOLS)):
        kernel, stride = _first(module.kernel_size), _first(module.stride)
        return f"{NAMES.get(kind, kind)} {kernel}x{kernel}" + (
            f", stride {stride}" if stride > 1 else ""
        )
    if isinstance(module, nn.Upsample):
        return (
            f"upsample {_first(module.scale_factor or 0):g}x" if module.scale_factor else "upsample"
        )
    if kind == "Dropout":
        return f"dropout {module.p:g}"
    return NAMES.get(kind, kind)


def _first(value: int | float | tuple) -> int | float:
    return value[0] if isinstance(value, tuple) else value
