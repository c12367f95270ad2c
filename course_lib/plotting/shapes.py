"""``shape_walk``: what a network does to an image, layer by layer, found out by running it."""

from html import escape
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from course_lib.errors import ensure
from course_lib.networks.blocks import BlurDown, inference

HEAD = ["name", "layer", "output", "sees, px", "parameters"]
RESIZES = nn.Conv2d, nn.ConvTranspose2d, nn.Upsample, nn.AvgPool2d, nn.MaxPool2d, BlurDown
NAMES = {"BatchNorm2d": "batch norm", "InstanceNorm2d": "instance norm", "Dropout": "dropout"}


class ShapeWalk(list[list[str]]):
    """The layers in order of execution, a row of five texts each, the total last."""

    def __repr__(self) -> str:
        table = [HEAD, *self]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        sides = [f"{side}{width}" for side, width in zip("<<>>>", widths, strict=True)]
        lines = ["  ".join(map(format, row, sides)).rstrip() for row in table]
        rule = "-" * (sum(widths) + 8)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _repr_html_(self) -> str:
        def line(row: list[str], tag: str) -> str:
            cells = zip(row, ("left", "left", "right", "right", "right"), strict=True)
            texts = (f'<{tag} style="text-align:{s}">{escape(cell)}</{tag}>' for cell, s in cells)
            return f"<tr>{''.join(texts)}</tr>"

        body = [*(line(row, "td") for row in self[:-1]), line(self[-1], "th")]
        return f"<table><thead>{line(HEAD, 'th')}</thead><tbody>{''.join(body)}</tbody></table>"


def shape_walk(net: nn.Module, x: Tensor) -> ShapeWalk:
    """Runs ``net(x)`` once, in evaluation mode and without gradients; a row for each convolution.

    A row has where it is in the network, the layer, the shape of its output without the batch, the
    side in px of what one position of it sees, and the parameters. Norms, activations and dropout
    share the row of the layer before them. The concat of a skip, found by its additional channels,
    has a row of its own; behind it the field is that of two branches, and not given, as behind a
    layer that resizes in another way than those of RESIZES. The network is left as it was, also if
    it raises. Raises CourseError for one that gives a list, as several scales do.
    """
    calls: list[tuple[nn.Module, tuple, Tensor]] = []  # layer, arguments, output
    names = {layer: name for name, layer in net.named_modules()}

    def note(layer: nn.Module, *call: Any) -> None:
        if layer in names and not [*layer.children()]:
            calls.append((layer, *call))

    with inference(net), torch.no_grad(), register_module_forward_hook(note):
        result = net(x)
    ensure(
        not isinstance(result, list),
        f"a {type(net).__name__} is several networks side by side, which no walk can show",
        "shape_walk",
        "give one of them, such as net.scales[0]",
    )
    convs: list[nn.Module] | None = []  # all so far, while they stand in one line
    rows = [{"name": "", "layer": "input", "output": x, "sees": "1", "parameters": 0}]
    for layer, (given, *_), out in calls:
        if given.shape[1] > rows[-1]["output"].shape[1]:
            convs = None
            rows.append({"name": "", "layer": "concat", "sees": "-", "parameters": 0})
        if isinstance(layer, RESIZES):
            convs = None if convs is None else [*convs, layer]
        elif given.shape[2:] != out.shape[2:] and "Pad" not in type(layer).__name__:
            convs = None  # it moves or joins pixels in a way that is not followed here
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            (side, _), (stride, _) = layer.kernel_size, layer.stride
            text = "transposed " * isinstance(layer, nn.ConvTranspose2d) + f"conv {side}x{side}"
            text += f", stride {stride}" * (stride > 1)
            rows += [{"name": names[layer], "layer": text, "sees": _sees(convs), "parameters": 0}]
        elif not isinstance(layer, nn.Identity):
            rows[-1]["layer"] += f" + {NAMES.get(type(layer).__name__, type(layer).__name__)}"
        rows[-1]["output"] = out
        rows[-1]["parameters"] += sum(p.numel() for p in layer.parameters())
    if isinstance(result, Tensor) and torch.equal(result, out.tanh()):
        rows[-1]["layer"] += " + tanh"
    walk = ShapeWalk()
    for row in rows:
        shape = " x ".join(map(str, row["output"].shape[1:]))
        parameters = f"{row['parameters']:,}" if row["parameters"] else ""
        walk.append([row["name"], row["layer"], shape, row["sees"], parameters])
    walk.append(["", "all", "", "", f"{sum(p.numel() for p in net.parameters()):,}"])
    return walk


def _sees(convs: list[nn.Module] | None) -> str:
    """Receptive field in px: back from one output position to the input, at most."""
    n = 1
    for layer in reversed(convs or []):
        if isinstance(layer, nn.Upsample):  # as a transposed convolution that copies, or mixes two
            stride = int(layer.scale_factor)
            kernel = stride if layer.mode == "nearest" else 2 * stride
        else:
            sizes = (layer.kernel_size, layer.stride)
            kernel, stride = (size[0] if isinstance(size, tuple) else size for size in sizes)
            if isinstance(layer, nn.Conv2d):
                kernel = 1 + (kernel - 1) * layer.dilation[0]
        enlarges = isinstance(layer, nn.ConvTranspose2d | nn.Upsample)
        n = (n + kernel - 2) // stride + 1 if enlarges else (n - 1) * stride + kernel
    return "-" if convs is None else str(n)
