"""A training step as a picture: who gets a gradient from a loss, and whose weights move.

The step is run once and watched by hooks: each call of a network, each ``backward()``, each step
of an optimiser. So it may be a method's own ``step`` or a function of a learner.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from course_lib.plotting.figures import COLOURS, new_figure, pixel_axes


@dataclass(eq=False)
class Call:
    """A call of a network, and what it was given."""

    name: str  # of the network
    learns: bool  # its weights were not frozen
    sources: list["Call"]  # whose results it got, so that a gradient goes on to them
    detached: list["Call"]  # whose results it got without their history
    data: list[str]  # the step's arguments that it got, by name

    def reached(self) -> set["Call"]:
        """The calls that a gradient of the result goes to: this one and those behind it."""
        return {self}.union(*(source.reached() for source in self.sources))


@dataclass
class Update:
    """What happens until weights move: backward passes, and steps of optimisers."""

    judged: list[Call] = field(default_factory=list)  # calls whose results a loss was made of
    moved: set[str] = field(default_factory=set)  # networks that an optimiser moves by gradients
    leftover: set[str] = field(default_factory=set)  # those of them that held older ones, too

    def kind(self, call: Call) -> str:
        """Whether a gradient of the result ``flows``, or ``leaks``: into weights that all stay."""
        taught = {one.name for one in call.reached() if one.learns}
        return "leaks" if taught and not taught & self.moved else "flows"

    def state(self, call: Call) -> str:
        """How the call's weights fare: by a gradient they ``move`` or ``stay``, or get ``none``."""
        gets = call.learns and any(call in one.reached() for one in self.judged)
        return ("move" if call.name in self.moved else "stay") if gets else "none"


def watch_step(
    step: Callable[..., Any], networks: Mapping[str, nn.Module], *args: Any
) -> list[Update]:
    """Runs ``step(*args)``, which moves weights as ever; returns its updates in their order.

    ``networks`` are the ones to watch, by name; a network is seen when it is called, ``G(x)``, and
    has moved when an optimiser of torch moved it. Raises ValueError if there was no ``backward()``,
    and what the step raises.
    """
    updates: list[Update] = []
    made: dict[Any, Call] = {}  # by the node of autograd that a call's result comes from
    known: list[tuple[Call | str, Tensor]] = list(_named(step, args))

    def nearest(tensors: Iterable[Tensor]) -> list[Call]:
        """The first calls that a gradient of these tensors comes to, in the order of the calls."""
        seen, todo = set(), [tensor.grad_fn for tensor in tensors]
        while todo:
            node = todo.pop()
            if node not in seen and node not in made and node is not None:
                todo += [following for following, _ in node.next_functions]
            seen.add(node)
        return list(dict.fromkeys(call for node, call in made.items() if node in seen))

    def on_call(net: nn.Module, inputs: tuple, options: dict, output: Any) -> None:
        given = list(_tensors([inputs, options]))
        parts = [part for tensor in given for part in _parts(tensor, known)]
        sources = nearest(given)
        call = Call(
            name=next(name for name, one in networks.items() if one is net),
            learns=any(p.requires_grad for p in net.parameters()),
            sources=sources,
            detached=[part for part in parts if isinstance(part, Call) and part not in sources],
            data=[part for part in parts if isinstance(part, str)],
        )
        known.extend((call, tensor) for tensor in _tensors(output))
        made.update({tensor.grad_fn: call for tensor in _tensors(output) if tensor.grad_fn})

    def on_backward(loss: Any, *options: Any, **more: Any) -> None:
        if not updates or updates[-1].moved:
            weights = {name: list(net.parameters()) for name, net in networks.items()}
            held = {
                n for n, ps in weights.items() for p in ps if p.grad is not None and p.grad.any()
            }
            updates.append(Update(leftover=held))
        updates[-1].judged += nearest(_tensors([loss]))
        backward(loss, *options, **more)

    def on_step(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        ids = {
            id(p) for group in optimizer.param_groups for p in group["params"] if p.grad is not None
        }
        moved = {name for name, net in networks.items() for p in net.parameters() if id(p) in ids}
        for update in updates[-1:]:
            update.moved |= moved

    backward = torch.autograd.backward
    with ExitStack() as hooks:
        for net in networks.values():
            hooks.enter_context(net.register_forward_hook(on_call, with_kwargs=True))
        hooks.enter_context(register_optimizer_step_pre_hook(on_step))
        hooks.enter_context(patch("torch.autograd.backward", on_backward))
        step(*args)
    if not updates:
        raise ValueError("the step calls no backward(), so there is nothing to draw")
    for update in updates:
        update.leftover &= update.moved
    return updates


def _named(step: Callable[..., Any], args: tuple) -> Iterator[tuple[str, Tensor]]:
    """The tensors among the arguments, by the step's parameters or by the keys of its dicts."""
    for name, value in inspect.signature(step).bind(*args).arguments.items():
        pairs = value.items() if isinstance(value, dict) else [(name, value)]
        yield from ((key, part) for key, part in pairs if isinstance(part, Tensor))


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def _parts(tensor: Tensor, known: list[tuple[Call | str, Tensor]]) -> Iterator[Call | str]:
    """Which known tensors this one is, or holds side by side along its channels."""
    whole, at = [(who, one) for who, one in reversed(known) if one.ndim == tensor.ndim > 1], 0
    while whole and at < tensor.shape[1]:
        same = ((who, one) for who, one in whole if tensor[:, at : at + one.shape[1]].equal(one))
        who, found = next(same, (None, tensor[:, :1]))
        yield from [who] * (who is not None)
        at += found.shape[1]


# The picture, in pixels

STEP, ROW, TOP, LEGEND = 110, 66, 46, 84  # between boxes, rows, above an update's rows, below all
ARROWS = {  # colour, width, pattern, arrow, meaning; data go to the right, gradients to the left
    "flows": (COLOURS[0], 2, "-", "<|-", "a gradient comes back"),
    "leaks": (COLOURS[1], 3, "-", "<|-", "a gradient into weights that do not move"),
    "detached": ("0.2", 1.6, (0, (4, 2.5)), "-", "detached: no gradient comes back"),
    "data": ("0.6", 0.9, "-", "-|>", "data"),
}
BOXES = {  # of a network: colour, width, fill, meaning
    "move": (COLOURS[0], 3, "#cfe3f1", "weights get a gradient and move"),
    "stay": (COLOURS[1], 1.5, "#fadccb", "weights get a gradient and do not move"),
    "none": ("0.6", 1, "white", "weights get no gradient"),
}


def step_picture(step: Callable[..., Any], networks: Mapping[str, nn.Module], *args: Any) -> Figure:
    """Runs a training step once, for real, and draws it: each time that weights move, and why.

    A row ends in a loss, or in one term of it. Data go from left to right through the networks. A
    solid line with an arrow to the left is a gradient on its way back, a dashed line a place where
    it is stopped by ``detach`` or ``no_grad``. A box is filled if its weights get a gradient, and
    red if they get it and do not move, and so are the lines on which a gradient reaches only
    weights that the update does not move: a forgotten ``detach``.

    ``step(*args)``, ``networks`` and errors are those of :func:`watch_step`::

        step_picture(model.step, model.networks, batch)
        step_picture(my_step, {"G": G, "D": D}, G, D, opt_G, opt_D, x, y)
    """
    updates = watch_step(step, networks, *args)
    rows = [[_row(call) for call in dict.fromkeys(update.judged)] for update in updates]
    right = STEP * (1 + max(len(row) for each in rows for row in each))
    width, height = max(780, right + STEP), sum(TOP + ROW * len(each) for each in rows)
    with new_figure(width, height + LEGEND) as fig:
        axes = pixel_axes(fig, 0, 0, width, height)
        axes.set(xlim=(0, width), ylim=(height, 0))
        used, y = set(), 0
        for number, (update, each) in enumerate(zip(updates, rows, strict=True), 1):
            title = (
                f"{number}.  {_all(update.moved) or 'nothing'} learn{'s' * (len(update.moved) < 2)}"
            )
            axes.text(3, y + 16, title, size=11.5, weight="bold", va="center")
            if update.leftover:
                late = f"by gradients left over from before, too: {_all(update.leftover)}"
                axes.text(240, y + 16, late, size=9, color=COLOURS[1], va="center")
            y += TOP
            for row in each:
                used |= _draw(axes, update, row, right, y + 14)
                y += ROW
        handles = [
            Line2D([], [], color=colour, lw=line, ls=pattern, label=meaning)
            for kind, (colour, line, pattern, _, meaning) in ARROWS.items()
            if kind in used
        ] + [
            Patch(ec=colour, lw=line, fc=fill, label=meaning)
            for state, (colour, line, fill, meaning) in BOXES.items()
            if state in used
        ]
        fig.legend(handles=handles, loc="lower left", ncols=2, fontsize=9)
    return fig


def _row(call: Call) -> list[Call]:
    """A call and those before it, one each, back to the data."""
    before = call.sources + call.detached
    return [call] + (_row(before[0]) if before else [])


def _draw(axes: Axes, update: Update, row: list[Call], x: float, y: float) -> set[str]:
    """Draws a row from its loss, which stands at (x, y), to the left; returns what it shows."""
    used, live, place = set(), True, {"ha": "center", "va": "center"}

    def write(text: str, at: tuple, to: Any, kind: str, **options: Any) -> Any:
        """Text, and an arrow from it to another text."""
        used.add(kind)
        colour, width, line, style, _ = ARROWS[kind]
        arrow = {"color": colour, "lw": width, "ls": line, "arrowstyle": style, "shrinkB": 1}
        arrow |= {"patchB": to.get_bbox_patch(), "mutation_scale": 12}
        return axes.annotate(text, to.get_position(), at, arrowprops=arrow, **place, **options)

    text = axes.text(
        x, y, "loss", bbox={"boxstyle": "round,pad=0.25", "ec": "none", "fc": "0.92"}, **place
    )
    for after, call in zip([None, *row], row, strict=False):
        kind = update.kind(call) if live else "data"
        if live and after and call in after.detached:
            kind, live = "detached", False
        state = update.state(call)
        used.add(state)
        colour, line, fill, _ = BOXES[state]
        box = {"boxstyle": "round,pad=0.45", "ec": colour, "lw": line, "fc": fill}
        x -= STEP
        text = write(_label(call.name), (x, y), text, kind, bbox=box)
        if call.data:
            at = (x - 0.6 * STEP, y) if call is row[-1] else (x, y + 37)
            write(", ".join(map(_label, call.data)), at, text, "data", size=9)
    return used


def _label(name: str) -> str:
    """``fake_y`` -> fake y; of a network, ``G_xy`` -> G with the index xy."""
    letter, _, index = name.partition("_")
    return f"${letter}_{{{index}}}$" if letter.isupper() else name.replace("_", " ")


def _all(names: Iterable[str]) -> str:
    return " and ".join(map(_label, sorted(names)))
