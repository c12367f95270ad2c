"""A training step as a picture: who gets a gradient from which term, and whose weights move.

The step is run once and watched: each call of a network, each operation on a tensor between two
calls, each ``backward()``. So it may be a method's own ``step`` or a function of a learner.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch
from torch import Tensor, equal, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.overrides import TorchFunctionMode

from course_lib.plotting.figures import COLOURS, WIDTH, new_figure, pixel_axes

# What leaves an image what it is, and what makes one loss of several terms
SAME = {"cat", "stack", "clone", "detach", "setitem"}
SUMMED = {"add", "radd", "iadd", "sub", "rsub", "mul", "rmul", "div", "truediv", "neg"}
UNKNOWN: tuple[str, list, int] = ("", [], 0)  # how a tensor was made that came with the data


@dataclass(frozen=True)
class Node:
    """A call of a network, an image or a code that it gets or gives, or a term of a loss."""

    kind: Literal["call", "image", "term"]
    name: str
    key: Any = field(default=None, repr=False)  # tells two calls of one network apart
    given: tuple[Tensor, ...] = field(default=(), repr=False, compare=False)  # what it is made of
    requires_grad: bool = field(default=False, repr=False)  # it, or something behind it
    learns: bool = field(default=False, repr=False)  # a call of a network that was not frozen


Edge = tuple[Node, Node]  # from what is used to what uses it


@dataclass
class Update:
    """A backward pass, or several, and whose weights moved then.

    An edge ``flows`` if a gradient comes back along it, and ``leaks`` if this gradient reaches
    weights, but none that the update moves. It is ``detached`` if a gradient is stopped there, and
    else it carries ``data`` alone.
    """

    edges: dict[Edge, str] = field(default_factory=dict)
    # the networks that a gradient reaches along an edge that flows
    reached: dict[Edge, set[str]] = field(default_factory=dict)
    gradients: set[tuple[str, str]] = field(default_factory=set)  # (term, network)
    moved: set[str] = field(default_factory=set)
    leftover: set[tuple[str, str]] = field(default_factory=set)  # earlier terms that moved it, too

    def state(self, node: Node) -> tuple[bool, bool]:
        """Whether the weights of a call get a gradient by it, and whether they moved."""
        gets = node.learns and any(source == node for source, _ in self.reached)
        elsewhere = node.name in {name for _, name in self.gradients}  # by another call, if at all
        return gets, node.name in self.moved and (gets or not elsewhere)


def watch_step(
    step: Callable[..., Any], networks: Mapping[str, nn.Module], *args: Any
) -> list[Update]:
    """Runs ``step(*args)``, which moves weights as ever; returns its updates in their order.

    ``networks`` are the ones to watch, by name; a network is seen when it is called, ``G(x)``.
    Images and terms are called as the step's variables, or keys of its dicts, are. Raises
    ValueError if there was no update, and what the step raises.
    """
    watch = _Watch(networks)
    with register_module_forward_hook(watch.call, with_kwargs=True), watch:
        step(*args)
    if not watch.updates:
        raise ValueError("the step calls no backward(), so there is nothing to draw")
    watch.close()
    return watch.updates


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


class _Watch(TorchFunctionMode):
    """Sees every operation of torch, and remembers of what each tensor was made."""

    def __init__(self, networks: Mapping[str, nn.Module]):
        super().__init__()
        self.networks, self.updates, self.weights = networks, [], {}
        # of a tensor: the operation, what went in (of a network: its calls), which output
        self.made: dict[Tensor, tuple[str, list[Any], int]] = {}
        self.names: dict[Tensor, str] = {}
        self.holds = {name: {"an earlier step"} for name in networks}  # whose gradient is in .grad

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is Tensor.backward:
            self.note(args[0])
        out, op = func(*args, **(kwargs or {})), func.__name__.strip("_")
        given = [] if op.endswith("_like") else list(_tensors([args, kwargs]))
        for i, made in enumerate(_tensors(args[0] if op == "setitem" else out)):
            op_before, so_far, _ = self.made.get(made, (op, [], i))  # if changed in place
            if inputs := [tensor for tensor in given if tensor is not made]:
                self.made[made] = (op_before, so_far + inputs, i)
        return out

    def call(self, net: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """After a network ran. Batches that were joined for it become calls of their own."""
        name = next((name for name, one in self.networks.items() if one is net), None)
        if name is None:  # a layer of one
            return
        self.look()
        learns, given = any(p.requires_grad for p in net.parameters()), []
        for batch in _tensors([args, kwargs]):
            op, parts, _ = self.made.get(batch, UNKNOWN)
            joined = op == "cat" and sum(map(len, parts)) == len(batch)
            given.append(parts if joined else [batch])
        calls: list[Node] = []
        for i in range(max(map(len, given))):
            got = tuple(parts[i % len(parts)] for parts in given)
            wants = learns or any(tensor.requires_grad for tensor in got)
            calls.append(Node("call", name, (len(self.made), i), got, wants, learns))
        self.made |= {tensor: ("call", calls, 0) for tensor in _tensors(output)}

    def look(self) -> None:
        """Reads what the step calls its tensors; its own names count more than those deeper in."""
        frame = sys._getframe(1)
        while frame.f_locals.get("watch") is not self:
            if not frame.f_globals.get("__name__", "").startswith(("torch.", __name__)):
                found = [
                    pair
                    for name, value in frame.f_locals.items()
                    for pair in (value.items() if isinstance(value, dict) else [(name, value)])
                    if isinstance(pair[1], Tensor)
                ]
                self.names |= {tensor: str(name) for name, tensor in reversed(found)}
            frame = frame.f_back

    def note(self, loss: Tensor) -> None:
        """Before a backward pass: the edges behind each term of its loss."""
        self.look()
        if not self.updates or self.close():
            self.updates.append(Update())
            self.weights = {
                name: [p.detach().clone() for p in net.parameters()]
                for name, net in self.networks.items()
            }
        for name, net in self.networks.items():
            if not any(p.grad is not None and p.grad.any() for p in net.parameters()):
                self.holds[name] = set()
        for term in self.terms(loss):
            node = Node("term", self.names.get(term, "loss"))
            for name in self.link(node, [term], live=True):
                self.updates[-1].gradients.add((node.name, name))
                self.holds[name].add(node.name)

    def close(self) -> bool:
        """Notes whose weights the last update has moved so far; returns whether there are any."""
        update = self.updates[-1]
        for name, before in self.weights.items():
            if not all(map(equal, before, self.networks[name].parameters())):
                update.moved.add(name)
                update.leftover |= {(term, name) for term in self.holds[name]} - update.gradients
        for edge, names in update.reached.items():
            update.edges[edge] = "leaks" if names and not names & update.moved else "flows"
        return bool(update.moved)

    def terms(self, loss: Tensor) -> list[Tensor]:
        """The terms that were weighted and summed to this loss, if all have names; or itself."""
        op, inputs, _ = self.made.get(loss, UNKNOWN)
        parts = [part for part in inputs if op in SUMMED and part.requires_grad]
        terms = [term for part in parts for term in self.terms(part)]
        return terms if terms and all(term in self.names for term in terms) else [loss]

    def link(self, target: Node, inputs: Sequence[Tensor], live: bool) -> set[str]:
        """Adds the edges that end at ``target`` and, as far as they matter, those before it.

        Returns the networks whose weights get a gradient if ``target``, being ``live``, has one.
        """
        update, reached = self.updates[-1], set()
        found = self.sources(inputs, images=target.kind != "image")
        if target.kind == "term" and all(n.kind == "call" or self.sources(n.given) for n in found):
            found = self.sources(inputs)  # compares with no data: images need not be told apart
        for source, cut in found.items():
            flows = live and source.requires_grad and not cut
            names = {source.name} if flows and source.learns else set()
            if live or target.kind == "image":
                names |= self.link(source, source.given, flows)
            update.edges.setdefault((source, target), "detached" if cut else "data")
            if flows:
                update.reached[source, target] = names
            reached |= names
        return reached

    def sources(
        self, inputs: Sequence[Any], images: bool = False, output: int | None = None
    ) -> dict[Node, bool]:
        """The nearest images and calls, or calls alone, behind tensors: was each detached?"""
        found: dict[Node, bool] = {}
        for tensor in inputs:
            op, before, i = self.made.get(tensor, UNKNOWN)
            name = self.names.get(tensor)
            if images and name and tensor.ndim and op not in SAME:
                node = Node("image", name, id(tensor), (tensor,), tensor.requires_grad)
                found[node] = False
                continue
            piece = i if op in ("split", "chunk") else output
            if op == "call" and piece is not None and len(before) > 1:
                before = [before[piece]]
            known = self.made.pop(tensor, UNKNOWN)  # a pool is made of what it held, and so on
            for part in before:
                stops = part.requires_grad and not tensor.requires_grad
                behind = {part: False} if op == "call" else self.sources([part], images, piece)
                for node, cut in behind.items():
                    found[node] = found.get(node, True) and (cut or stops)
            if known is not UNKNOWN:
                self.made[tensor] = known
        return found


# The picture, in pixels

SPACE, ROW, HEAD, FOOT = 44, 72, 72, 96  # between columns, between rows, above and below them
LEAST = 800  # width, for the legend
ARROWS = {  # colour, width, pattern, arrow, meaning; data go to the right, gradients to the left
    "flows": (COLOURS[0], 2, "-", "<|-", "a gradient comes back"),
    "leaks": (COLOURS[1], 3, "-", "<|-", "a gradient into weights that do not move"),
    "detached": ("0.2", 1.6, (0, (4, 2.5)), "-", "detached: no gradient comes back"),
    "data": ("0.6", 0.9, "-", "-|>", "data"),
}
BOXES = {  # of a network, by what Update.state() says: colour, width, fill, meaning
    (True, True): (COLOURS[0], 3, "#cfe3f1", "weights get a gradient and move"),
    (True, False): (COLOURS[1], 1.5, "#fadccb", "weights get a gradient and do not move"),
    (False, True): (COLOURS[1], 3, "white", "weights move without a gradient"),
    (False, False): ("0.6", 1, "white", "weights get no gradient"),
}


def step_picture(step: Callable[..., Any], networks: Mapping[str, nn.Module], *args: Any) -> Figure:
    """Runs a training step once, for real, and draws it: a panel for each time that weights move.

    Data go from left to right through the networks to the terms of the loss. A solid line with an
    arrow to the left is a gradient on its way back, a dashed line a place where it is stopped by
    ``detach`` or ``no_grad``, a thin one data that need none. A box is filled if its weights get
    a gradient, and thick if they move. What is one without the other is red, and so are the lines
    on which a gradient reaches only weights that the update does not move: a forgotten ``detach``.

    ``step(*args)``, ``networks`` and errors are those of :func:`watch_step`::

        step_picture(model.step, model.networks, batch)
        step_picture(my_step, {"G": G, "D": D}, G, D, opt_G, opt_D, x, y)
    """
    updates = watch_step(step, networks, *args)
    panels = [_places(update.edges) for update in updates]
    wide, high = [panel[1] for panel in panels], [panel[2] for panel in panels]
    beside = sum(wide) <= WIDTH
    width = max(LEAST, sum(wide) if beside else max(wide))
    height = max(high) if beside else sum(high)
    with new_figure(width, height + FOOT) as fig:
        used: set[Any] = set()
        for i, (update, (at, *size)) in enumerate(zip(updates, panels, strict=True)):
            axes = pixel_axes(fig, beside * sum(wide[:i]), (not beside) * sum(high[:i]), *size)
            axes.set(xlim=(0, size[0]), ylim=(size[1], 0))
            used |= _draw(axes, update, at, f"{i + 1}.")
        lines = [
            Line2D([], [], color=colour, lw=line, ls=pattern, label=told)
            for kind, (colour, line, pattern, _, told) in ARROWS.items()
            if kind in used
        ]
        boxes = [
            Patch(ec=colour, lw=line, fc=fill, label=told)
            for state, (colour, line, fill, told) in BOXES.items()
            if state in used
        ]
        fig.legend(handles=lines + boxes, loc="lower left", ncols=2, fontsize=9)
    return fig


def _places(edges: Mapping[Edge, str]) -> tuple[dict[Node, tuple[float, float]], float, float]:
    """Where all nodes but data stand, x and y, and how wide and how high that is.

    A row is a path from the first network to a term, without what stands in a row above.
    """
    made = {target for _, target in edges}
    nodes = dict.fromkeys(n for edge in edges for n in edge if n.kind != "image" or n in made)
    after = {node: [t for s, t in edges if s == node] for node in nodes}
    first = [n for n in nodes if not any(s in nodes and t == n for s, t in edges)]

    def paths(node: Node) -> list[list[Node]]:
        return [[node, *path] for target in after[node] for path in paths(target)] or [[node]]

    columns, rows = dict.fromkeys(nodes, 0), dict[Node, int]()
    for path in [path for node in first for path in paths(node)]:
        row = 1 + max(rows.values(), default=-1)
        rows |= {node: row for node in path if node not in rows}
        columns |= {node: max(column, columns[node]) for column, node in enumerate(path)}
    last = 1 + max(columns[node] for node in nodes if node.kind != "term")
    for node in nodes:  # a network that judges stands beside the terms
        if node.kind != "image" and all(target.kind == "term" for target in after[node]):
            columns[node] = last - (node.kind == "call")
    right = max(sum(_width(s) for s, t in edges if t == n and s not in nodes) for n in first)
    at: dict[Node, tuple[float, float]] = {}
    for column in range(last + 1):
        here = [node for node in nodes if columns[node] == column]
        width = max(map(_width, here))
        at |= {node: (right + SPACE + width / 2, HEAD + ROW * rows[node]) for node in here}
        right += SPACE + width
    return at, right + SPACE / 2, HEAD + ROW * (1 + max(rows.values()))


def _width(node: Node) -> float:
    return 6 * len(node.name) + 30 if node.kind == "call" else 8.6 * len(node.name) + 12


def _draw(axes: Axes, update: Update, at: Mapping[Node, tuple], number: str) -> set[Any]:
    """Draws an update; returns what is to be told in the legend."""
    moved = [_label(name) for name in sorted(update.moved)]
    title = f"{number}  {' and '.join(moved) or 'nothing'} {'learn' if moved[1:] else 'learns'}"
    axes.text(3, 14, title, size=11.5, weight="bold", va="center")
    late = ", ".join(f"{_label(term)} → {_label(name)}" for term, name in sorted(update.leftover))
    if late:
        axes.text(3, 36, f"gradients left over: {late}", size=9, color=COLOURS[1], va="center")
    used, drawn = set(update.edges.values()), dict[Any, Any]()

    def write(x: float, y: float, text: str, ha: str = "center", pad: float = 0.25, **box: Any):
        box = {"boxstyle": f"round,pad={pad}", "ec": "none", "fc": "white"} | box
        return axes.text(x, y, text, ha=ha, va="center", bbox=box)

    for node, (x, y) in at.items():
        box = {"fc": "0.92"} if node.kind == "term" else {}
        if node.kind == "call":
            used.add(state := update.state(node))
            box = dict(zip(("ec", "lw", "fc"), BOXES[state], strict=False), pad=0.45)
        drawn[node] = write(x, y, _label(node.name), **box)
        before = [source for source, target in update.edges if target == node]
        if data := [source for source in before if source not in at]:
            left = len(data) == len(before)  # else they come from below
            place = (x - _width(node) / 2 - 30, y) if left else (x, y + 41)
            words = ", ".join(_label(source.name) for source in data)
            text = write(*place, words, ha="right" if left else "center", pad=0.1)
            drawn |= {(source, node): text for source in data}
    axes.figure.draw_without_rendering()  # from here on the boxes know their sizes, for the arrows
    for (source, target), kind in update.edges.items():
        start, end = drawn.get(source) or drawn[source, target], drawn[target]
        colour, width, line, arrow, _ = ARROWS[kind]
        down = source in at and at[source][1] < at[target][1]
        axes.add_patch(
            FancyArrowPatch(
                start.get_position(), end.get_position(),
                patchA=start.get_bbox_patch(), patchB=end.get_bbox_patch(), shrinkA=1, shrinkB=1,
                connectionstyle="angle,angleA=-90,angleB=180,rad=10" if down else "arc3",
                arrowstyle=arrow, mutation_scale=12, color=colour, lw=width, ls=line, zorder=4,
            )
        )  # fmt: skip
    return used


def _label(name: str) -> str:
    """``fake_y`` -> fake y; of a network, ``G_xy`` -> G with the index xy."""
    if re.fullmatch(r"[A-Z](_[a-z]+)?", name):
        letter, _, index = name.partition("_")
        return rf"${letter}_{{\mathrm{{{index}}}}}$" if index[2:] else f"${letter}_{{{index}}}$"
    return name.replace("_", " ")
