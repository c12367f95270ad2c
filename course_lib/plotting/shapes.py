"""``shape_walk``: what a network does to an image, layer by layer, found out by running it."""

from html import escape

import torch
from torch import Tensor, nn

from course_lib.networks.blocks import inference

HEAD = ["name", "layer", "output", "sees, px", "parameters"]
NAMES = {"BatchNorm2d": "batch norm", "InstanceNorm2d": "instance norm", "Dropout": "dropout"}


class ShapeWalk(list[list[str]]):
    """The layers in order of execution, a row of five texts each, the total last."""

    def __repr__(self) -> str:
        table = [HEAD, *self]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for row in table:
            cells = zip(row, "<<>>>", widths, strict=True)
            lines.append("  ".join(f"{cell:{side}{width}}" for cell, side, width in cells).rstrip())
        rule = "-" * (sum(widths) + 8)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _repr_html_(self) -> str:
        lines = []
        for row in [HEAD, *self]:
            tag = "th" if row in (HEAD, self[-1]) else "td"
            sides = ("left", "left", "right", "right", "right")
            cells = [
                f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>'
                for side, cell in zip(sides, row, strict=True)
            ]
            lines.append(f"<tr>{''.join(cells)}</tr>")
        return f"<table><thead>{lines[0]}</thead><tbody>{''.join(lines[1:])}</tbody></table>"


def shape_walk(net: nn.Module, x: Tensor) -> ShapeWalk:
    """Runs ``net(x)`` once, in evaluation mode and without gradients; a row for each convolution.

    A row has where it is in the network, the layer, the shape of its output without the batch, the
    side in px of what one position of it sees, and the parameters. Norms, activations and dropout
    share the row of the layer before them. The concat of a skip, found by its additional channels,
    has a row of its own; behind it the field is that of two branches, and not given. The network is
    left as it was, also if it raises.
    """
    calls, names = [], {layer: name for name, layer in net.named_modules()}

    def note(layer: nn.Module, args: tuple, out: Tensor) -> None:
        calls.append((layer, args[0], out))

    hooks = [layer.register_forward_hook(note) for layer in names if not [*layer.children()]]
    try:
        with inference(net), torch.no_grad():
            result = net(x)
    finally:
        for hook in hooks:
            hook.remove()
    steps: list[tuple[int, int, bool]] | None = []  # (kernel, stride, whether it enlarges)
    rows = [{"name": "", "layer": "input", "output": x, "sees": "1", "parameters": 0}]
    for layer, given, out in calls:
        if given.shape[1] > rows[-1]["output"].shape[1]:
            steps = None
            rows.append({"name": "", "layer": "concat", "sees": "-", "parameters": 0})
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            kernel, stride = layer.kernel_size[0], layer.stride[0]
            enlarges = isinstance(layer, nn.ConvTranspose2d)
            if steps is not None:
                steps = [*steps, (kernel, stride, enlarges)]
            behind = f", stride {stride}" if stride > 1 else ""
            text = f"{'transposed ' * enlarges}conv {kernel}x{kernel}{behind}"
            rows.append(
                {"name": names[layer], "layer": text, "sees": _sees(steps), "parameters": 0}
            )
        elif not isinstance(layer, nn.Identity):
            rows[-1]["layer"] += f" + {NAMES.get(type(layer).__name__, type(layer).__name__)}"
        rows[-1]["output"] = out
        rows[-1]["parameters"] += sum(p.numel() for p in layer.parameters())
    if torch.equal(result, out.tanh()):
        rows[-1]["layer"] += " + tanh"
    walk = ShapeWalk()
    for row in rows:
        shape = " x ".join(map(str, row["output"].shape[1:]))
        parameters = f"{row['parameters']:,}" if row["parameters"] else ""
        walk.append([row["name"], row["layer"], shape, row["sees"], parameters])
    walk.append(["", "all", "", "", f"{sum(p.numel() for p in net.parameters()):,}"])
    return walk


def _sees(steps: list[tuple[int, int, bool]] | None) -> str:
    """Receptive field in px: back from one output position to the input, at most."""
    if steps is None:
        return "-"
    n = 1
    for kernel, stride, enlarges in reversed(steps):
        n = (n + kernel - 2) // stride + 1 if enlarges else (n - 1) * stride + kernel
    return str(n)
