"""A training step as a table: who gets a gradient from which loss, and whose weights move.

The step is run once and watched by hooks: each call of a network, each ``backward()``, each step
of an optimiser. So it may be a method's own ``step`` or a function of a learner.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from course_lib.plotting.figures import COLOURS, new_figure, pixel_axes

ROW, COLUMN, LETTER = 44, 100, 8.5  # pixels of the picture
# What becomes of a network's weights by a loss, and how that is drawn: they get a gradient and
# move, they get one and do not move, or they get none.
BOXES = {
    "learns": {"boxstyle": "round", "ec": COLOURS[0], "lw": 2.5, "fc": "#cfe3f1"},
    "stays": {"boxstyle": "round", "ec": COLOURS[1], "lw": 2.5, "fc": "#fadccb"},
    "none": {"boxstyle": "round", "ec": "0.7", "lw": 0.8, "fc": "white"},
}


class Update(NamedTuple):
    """What happens until weights move: backward passes, and steps of optimisers."""

    losses: dict[str, set[str]]  # by the call whose result it is made of: who gets a gradient
    moved: set[str]  # networks that an optimiser moves by gradients


def watch_step(
    step: Callable[..., Any], networks: Mapping[str, nn.Module], *args: Any
) -> list[Update]:
    """Runs ``step(*args)``, which moves weights as ever; returns its updates in their order.

    ``networks`` are the ones to watch, by name; a network is seen when it is called, ``G(x)``, and
    has moved when an optimiser of torch moved it. A loss is named after the call whose result it is
    made of, as code would write it: ``D(x, G(x).detach())``. Raises ValueError if there was no
    ``backward()``, and what the step raises.
    """
    updates = [Update({}, set())]
    arguments = inspect.signature(step).bind(*args).arguments
    # words for each tensor, and whose weights get a gradient through it
    known: list[tuple[str, Tensor, set[str]]] = [
        (words, tensor, set())
        for name, value in arguments.items()
        for words, tensor in (value if isinstance(value, dict) else {name: value}).items()
        if isinstance(tensor, Tensor)
    ]

    def nearest(tensors: Iterable[Tensor]) -> dict[str, set[str]]:
        """The first calls that a gradient of these tensors comes to; who learns through each."""
        calls = {tensor.grad_fn for _, tensor, _ in known}
        seen, todo = {None}, {tensor.grad_fn for tensor in tensors}
        while todo := todo - seen:
            seen |= todo
            todo = {after for node in todo - calls for after, _ in node.next_functions}
        return {call: who for call, tensor, who in known if tensor.grad_fn in seen - {None}}

    def on_call(net: nn.Module, inputs: tuple, options: dict, output: Any) -> None:
        given = _tensors([inputs, options])
        attached = nearest(given)
        inside = dict.fromkeys(
            f"{words}.detach()" if "(" in words and words not in attached else words
            for words, one, _ in known
            if words in attached or _holds(given, one)
        )
        name = next(name for name, one in networks.items() if one is net)
        learn = {name for p in net.parameters() if p.requires_grad}.union(*attached.values())
        call = f"{name}({', '.join(inside) or '...'})"
        known.extend((call, tensor, learn) for tensor in _tensors(output))

    def on_backward(loss: Any, *options: Any, **more: Any) -> None:
        if updates[-1].moved:
            updates.append(Update({}, set()))
        updates[-1].losses.update(nearest(_tensors(loss)))
        backward(loss, *options, **more)

    def on_step(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        ids = {
            id(p) for group in optimizer.param_groups for p in group["params"] if p.grad is not None
        }
        updates[-1].moved.update(
            name for name, net in networks.items() for p in net.parameters() if id(p) in ids
        )

    backward = torch.autograd.backward
    with ExitStack() as hooks:
        for net in networks.values():
            hooks.enter_context(net.register_forward_hook(on_call, with_kwargs=True))
        hooks.enter_context(register_optimizer_step_pre_hook(on_step))
        hooks.enter_context(patch("torch.autograd.backward", on_backward))
        step(*args)
    if not updates[0].losses:
        raise ValueError("the step calls no backward(), so there is nothing to draw")
    return updates


def _tensors(value: Any) -> list[Tensor]:
    """All tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return [value]
    parts = [*value.values()] if isinstance(value, dict) else value
    return (
        [one for part in parts for one in _tensors(part)] if isinstance(parts, list | tuple) else []
    )


def _holds(tensors: Iterable[Tensor], part: Tensor) -> bool:
    """Whether one of the tensors is ``part``, or has it among its channels."""
    wide = part.shape[1] if part.ndim > 1 else 0
    return any(
        one[:, at : at + wide].equal(part)
        for one in tensors
        for at in range(one.shape[1] if wide and one.ndim > 1 else 0)
    )


def step_picture(step: Callable[..., Any], networks: Mapping[str, nn.Module], *args: Any) -> Figure:
    """Runs a training step once, for real, and draws who learns from what: each time that weights
    move, a row for each loss, or for each term of one, and a box for each network.

    A box says what becomes of the network's weights: the loss has a gradient for them and they
    move, so that it ``learns``; they get the gradient and do not move, as where a ``detach`` was
    forgotten, so that it ``stays``; or they get ``none``.

    ``step(*args)``, ``networks`` and errors are those of :func:`watch_step`::

        step_picture(model.step, model.networks, batch)
        step_picture(my_step, {"G": G, "D": D}, G, D, opt_G, opt_D, x, y)
    """
    table, shown = [], [name for name, net in networks.items() if [*net.parameters()]]
    for number, (losses, moved) in enumerate(watch_step(step, networks, *args), 1):
        names = ", ".join(sorted(moved)) or "nothing"
        table.append([f"{number}.  {names} moved", *shown])
        for call, who in losses.items():
            does = {name: "learns" if name in moved else "stays" for name in who}
            table.append([f"loss of {call}", *(does.get(name, "none") for name in shown)])
    left = LETTER * max(len(words) for words, *_ in table)
    width, height = left + COLUMN * len(shown), ROW * len(table)
    with new_figure(width, height) as fig:
        axes = pixel_axes(fig, 0, 0, width, height)
        axes.set(xlim=(0, width), ylim=(height, 0))
        for row, (words, *cells) in enumerate(table):
            y, weight = ROW * (row + 0.5), "normal" if cells[0] in BOXES else "bold"
            axes.text(4, y, words, va="center", weight=weight)
            for column, cell in enumerate(cells):
                x, box = left + COLUMN * (column + 0.5), BOXES.get(cell)
                axes.text(x, y, cell, va="center", ha="center", bbox=box)
    return fig
