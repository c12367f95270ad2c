"""``shape_walk``: what a network does to an image, layer by layer, found out by running it."""

from html import escape
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from course_lib.networks.blocks import BlurDown, inference, receptive_field

HEAD = ["name", "layer", "output", "sees, px", "parameters"]
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
    share the row of the layer before them. What is seen is known for a plain stack, as D is one:
    behind a skip, or a layer that enlarges or pools, it is not given. The network is left as it
    was, also if it raises.
    """
    calls: list[tuple[nn.Module, tuple, Tensor]] = []  # layer, arguments, output
    names = {layer: name for name, layer in net.named_modules() if not [*layer.children()]}

    def note(layer: nn.Module, *call: Any) -> None:
        if layer in names:
            calls.append((layer, *call))

    with inference(net), torch.no_grad(), register_module_forward_hook(note):
        net(x)
    stack, is_plain = nn.ModuleList(), True
    rows = [{"name": "", "layer": "input", "output": x, "sees": "1", "parameters": 0}]
    for layer, (given, *_), out in calls:
        follows = given.shape[1:] == rows[-1]["output"].shape[1:]
        if isinstance(layer, nn.Conv2d | BlurDown):
            stack.append(layer)
        elif given.shape[2:] != out.shape[2:] and "Pad" not in type(layer).__name__:
            follows = False
        is_plain = is_plain and follows
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            (side, _), (stride, _) = layer.kernel_size, layer.stride
            text = "transposed " * isinstance(layer, nn.ConvTranspose2d) + f"conv {side}x{side}"
            text += f", stride {stride}" * (stride > 1)
            sees = str(receptive_field(stack)) if is_plain else "-"
            rows.append({"name": names[layer], "layer": text, "sees": sees, "parameters": 0})
        elif not isinstance(layer, nn.Identity):
            rows[-1]["layer"] += f" + {NAMES.get(type(layer).__name__, type(layer).__name__)}"
        rows[-1]["output"] = out
        rows[-1]["parameters"] += sum(p.numel() for p in layer.parameters())
    walk = ShapeWalk()
    for row in rows:
        shape = " x ".join(map(str, row["output"].shape[1:]))
        parameters = f"{row['parameters']:,}" if row["parameters"] else ""
        walk.append([row["name"], row["layer"], shape, row["sees"], parameters])
    walk.append(["", "all", "", "", f"{sum(p.numel() for p in net.parameters()):,}"])
    return walk
