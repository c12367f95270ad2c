"""The networks against their authors' code: with the same weights and inputs, the same outputs.

The numbers of ``authors.json`` were computed outside this repository, in float64. The ``source`` of
a case says by whose code, or that it was a layer list written independently of the course's; none
of that code is here. Weights and inputs come from :func:`numbers`, not from a random generator, so
that they are the same with every version of torch.
"""

import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from course_lib.networks import (
    bicycle,
    blocks,
    discriminators,
    efficientnet,
    generators,
    munit,
    pix2pixhd,
    resnet,
    unit,
)
from course_lib.networks.bicycle import halve
from course_lib.networks.pix2pixhd import boundary_map
from tests.support.tensors import parameter_count

FILE = json.loads(Path(__file__).with_name("authors.json").read_text())


class Enhanced(nn.Module):
    """G2 on what G1 sees at half the size: in the authors' code one module, without G1's output."""

    def __init__(self, n_down: int = 4, n_blocks: int = 9, n_local_blocks: int = 3, **sizes):
        super().__init__()
        self.G1 = pix2pixhd.GlobalGenerator(n_down=n_down, n_blocks=n_blocks, **sizes)
        del self.G1.picture
        self.G2 = pix2pixhd.LocalEnhancer(n_blocks=n_local_blocks, **sizes)

    def forward(self, x: Tensor) -> Tensor:
        return self.G2(x, self.G1.feature_map(halve(x)))


class Boundaries(nn.Module):
    """The map of boundaries between instances, as a module without weights."""

    def forward(self, instances: Tensor) -> Tensor:
        return boundary_map(instances)


ROOMS = (bicycle, blocks, discriminators, efficientnet, generators, munit, pix2pixhd, resnet, unit)
NETWORKS = {name: net for room in ROOMS for name, net in vars(room).items()}
NETWORKS |= {"LocalEnhancer": Enhanced, "boundary_map": Boundaries}
NETWORKS |= {"EncoderDecoder": partial(generators.UNet, skips=False)}


def numbers(shape: list[int], seed: int) -> Tensor:
    """Irregular numbers in [-1, 1): cubes modulo a prime, exact everywhere."""
    i = torch.arange(math.prod(shape)) * 1237 + seed * 419
    return ((i % 10007) ** 3 % 10007).double().view(shape) / 10007 * 2 - 1


def given(name: str, shape: list[int], seed: int) -> Tensor:
    """An input: for ``instances`` ids from 0 to 4 in squares of 4 px, else numbers."""
    if name != "instances":
        return numbers(shape, seed)
    ids = ((numbers([shape[0], shape[1] // 4, shape[2] // 4], seed) + 1) * 2.5).long()
    return ids.repeat_interleave(4, 1).repeat_interleave(4, 2)


@torch.no_grad()
def built(case: dict) -> nn.Module:
    """The case's network in float64, its weights scaled so that no layer fades out."""
    net = NETWORKS[case["network"]](**case["arguments"]).double().train(case["mode"] == "train")
    for k, (name, value) in enumerate(net.state_dict().items()):
        if value.ndim:  # not the count of batches
            about_one = value.ndim == 1 and name.endswith(("weight", "running_var"))
            scale = 0.3 if value.ndim == 1 else (6 / value[0].numel()) ** 0.5
            value.copy_(about_one + scale * numbers(value.shape, case["seed"] + k))
    return net


@torch.no_grad()
def seen(net: nn.Module, case: dict) -> dict:
    """What the file keeps of the outputs: shape, mean and deviation of each, and twelve values."""
    inputs = [
        given(name, shape, case["seed"] - 1 - k)
        for k, (name, shape) in enumerate(case["inputs"].items())
    ]
    outputs = list(flat(net(*inputs, *case.get("then", []))))
    values = torch.cat([output.flatten() for output in outputs])
    return {
        "shapes": [list(output.shape) for output in outputs],
        "means": [output.mean().item() for output in outputs],
        "deviations": [output.std().item() for output in outputs],
        "values": values[torch.arange(12) * (len(values) - 1) // 11].tolist(),
    }


def flat(outputs: Tensor | list | tuple) -> Iterator[Tensor]:
    """The tensors in lists of lists, in order."""
    if isinstance(outputs, Tensor):
        yield outputs
    else:
        for output in outputs:
            yield from flat(output)


@pytest.mark.parametrize("case", FILE["outputs"], ids=lambda case: case["name"])
def test_outputs_are_those_of_the_authors_code(case):
    near = {
        kind: pytest.approx(case[kind], rel=1e-6, abs=1e-8)
        for kind in ("means", "deviations", "values")
    }
    assert seen(built(case), case) == near | {"shapes": case["shapes"]}


@pytest.mark.parametrize("case", FILE["parameters"], ids=lambda case: case["network"])
def test_papers_size_has_as_many_parameters_as_the_authors_code(case, monkeypatch):
    monkeypatch.setattr(
        torch.Tensor, "normal_", lambda self, *_, **__: self
    )  # nothing to draw, and a slow import
    with torch.device("meta"):
        net = NETWORKS[case["network"]](**case["arguments"])
    assert parameter_count(net) == case["count"]


def test_the_network_of_photographs_has_the_weights_of_its_package():
    """float16 keeps three digits: within 1 % of a map's deviation. Unrounded, a millionth."""
    case = FILE["shipped"]
    net = efficientnet.load_photo_features()
    (images,) = (numbers(shape, case["seed"] - 1).float() for shape in case["inputs"].values())
    maps = net(images)
    assert [list(h.shape) for h in maps] == case["shapes"]
    spread = max(case["deviations"])
    values = torch.cat([h.flatten() for h in maps])
    found = values[torch.arange(12) * (len(values) - 1) // 11].tolist()
    assert found == pytest.approx(case["values"], abs=0.01 * spread)
    for h, mean, deviation in zip(maps, case["means"], case["deviations"], strict=True):
        assert [h.mean().item(), h.std().item()] == pytest.approx([mean, deviation], abs=0.1)
