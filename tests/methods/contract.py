"""What every method must do, written once against the protocol in course_lib/methods/base.py.

A method of your own passes the same contract as those of the course. In a test module:

    @pytest.mark.parametrize("promise", contract.PROMISES)
    def test_mine(promise, tmp_path):
        promise(contract.Case(MyMethod, small={"image_size": 16, "base_channels": 4}), tmp_path)

A promise is a function of a :class:`Case`, which knows how the method is built at its smallest, and
of an empty folder.
"""

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import DEFAULT, Mock

import pytest
import torch
from torch import Tensor, nn

from course_lib.data.facades import colour_labels
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.runs.folder import swapped
from course_lib.training import checkpoint, progress
from course_lib.training import run as training_run
from course_lib.training.fit import fit
from tests.support.killing import equal


@dataclass(frozen=True)
class Case:
    """A method as the contract takes it.

    ``small`` changes the configuration's defaults: tiny networks, no dropout, no batch statistics
    at test time. ``ablations`` are rows of the paper's tables: changes of ``small``, and the terms
    that are left out by them.
    """

    cls: type[Method]
    small: dict
    ablations: tuple[tuple[dict, set[str]], ...] = ()
    ready: float = 1.0  # the share of the training from which all networks learn
    stops: tuple[int, ...] = (4,)  # after so many of 8 steps a training stops; 4 is amid an epoch
    learns: tuple[str, ...] = ("opt_D", "opt_G")  # the order of the updates in one step

    def make(self, seed: int = 0, bf16: bool = False, **changes) -> Method:
        torch.manual_seed(seed)
        method = self.cls(configs.build(self.cls.Config, **self.small | changes), bf16=bf16)
        method.advance(self.ready)
        return method

    def batch(self, n: int | None = None, size: int | None = None) -> dict:
        """n images of noise, by default a batch of them, with label maps of 4 x 4 regions."""
        return Noise(size or self.small["image_size"], n or self.small.get("batch_size", 2)).batch()


class Noise(torch.utils.data.Dataset):
    """Images of noise, always the same: the smallest data that all methods can learn from."""

    card = "noise"

    def __init__(self, size: int, n: int = 6, paired: bool = True):
        self.paired = paired
        generator = torch.Generator().manual_seed(7)
        coarse = torch.randint(0, 12, (n, 4, 4), generator=generator)
        grid = torch.arange(16).reshape(1, 4, 4).expand(n, -1, -1)
        self.labels, self.instances = (
            maps.repeat_interleave(size // 4, 1).repeat_interleave(size // 4, 2).byte()
            for maps in (coarse, grid)
        )
        self.y = torch.rand(n, 3, size, size, generator=generator) * 2 - 1
        self.x = colour_labels(self.labels)

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> dict:
        if i >= len(self):
            raise IndexError(i)
        return {key: value[i] for key, value in self.batch().items()} | {"name": str(i)}

    def batch(self) -> dict[str, Tensor]:
        """All of it."""
        return {"x": self.x, "y": self.y, "labels": self.labels, "instances": self.instances}


# ---- what the promises look at


def step(method: Method, data: dict, seed: int = 5) -> dict[str, float]:
    """The terms of one step, read."""
    torch.manual_seed(seed)
    return {name: term.item() for name, term in method.step(data).items()}


def output(method: Method, data: dict, direction: str = "xy", seed: int = 1) -> Tensor:
    """What a method paints: its translation, or images from noise for one that has no input."""
    torch.manual_seed(seed)
    if not method.translates:
        return method.generate(len(data["y"]))
    return method.translate_batch(data, direction)["fake_y"]


def state(method: Method) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in checkpoint.snapshot(method).items()}


def in_float64(*methods: Method) -> tuple[Method, ...]:
    """The methods, for steps that are compared to their equations."""
    for method in methods:
        for net in method.networks.values():
            net.double()
    return methods


def assert_same_weights(ours: nn.Module, theirs: nn.Module, atol: float = 1e-9) -> None:
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=atol)


def weights(net: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in net.parameters()]


def moved(method: Method, before: dict[str, list[Tensor]]) -> set[str]:
    """The networks whose weights are not what they were."""
    return {
        name
        for name, old in before.items()
        if any(
            not torch.equal(p, q)
            for p, q in zip(method.networks[name].parameters(), old, strict=True)
        )
    }


@torch.no_grad()
def clear(net: nn.Module) -> None:
    for parameter in net.parameters():
        parameter.zero_()


def gradients(net: nn.Module) -> list[Tensor]:
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in net.parameters()]


def all_gradients(method: Method) -> list[Tensor]:
    return [slope for net in method.networks.values() for slope in gradients(net)]


def training_modes(method: Method) -> list[bool]:
    return [layer.training for net in method.networks.values() for layer in net.modules()]


def has_gradient(net: nn.Module) -> bool:
    return any(p.grad is not None and p.grad.any() for p in net.parameters())


def owned(method: Method, optimizer: torch.optim.Optimizer) -> set[str]:
    """The networks whose weights an optimiser moves."""
    entries = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return {
        name
        for name, net in method.networks.items()
        if any(id(p) in entries for p in net.parameters())
    }


@contextmanager
def watched(method: Method):
    """Writes down, in order, what each backward() reaches and which optimiser steps then."""
    events, backward = [], torch.Tensor.backward

    def watch_backward(loss: Tensor, *arguments, **options) -> None:
        before = {name: gradients(net) for name, net in method.networks.items()}
        backward(loss, *arguments, **options)
        after = {name: gradients(net) for name, net in method.networks.items()}
        reached = {
            n
            for n in after
            if any(not torch.equal(a, b) for a, b in zip(after[n], before[n], strict=True))
        }
        events.append(("backward", reached))

    for name, optimizer in method.optimizers.items():

        def watch_step(*arguments, true_step=optimizer.step, name=name, optimizer=optimizer):
            before = {of: weights(net) for of, net in method.networks.items()}
            result = true_step(*arguments)
            events.append((name, moved(method, before)))
            return result

        optimizer.step = watch_step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "backward", watch_backward)
        yield events


# ---- the promises


def presets_build_and_step(case: Case, folder: Path) -> None:
    """``paper`` is the defaults, every preset is valid, and smoke makes a step."""
    assert {"paper", "smoke", "cpu", "gpu"} <= set(case.cls.PRESETS)
    built = {
        name: configs.build(case.cls.Config, **values) for name, values in case.cls.PRESETS.items()
    }
    assert (
        built["paper"] == case.cls.Config() and built["smoke"].image_size <= built["cpu"].image_size
    )
    case.cls(built["cpu"])
    method = case.cls(built["smoke"])
    method.advance(case.ready)
    step(method, case.batch(built["smoke"].batch_size, built["smoke"].image_size))


def one_step_moves_everything(case: Case, folder: Path) -> None:
    """Every weight has one optimiser; a step moves each network and its average."""
    method = case.make(average=0.5)
    entries = [
        id(p)
        for each in method.optimizers.values()
        for group in each.param_groups
        for p in group["params"]
    ]
    own = {name: net for name, net in method.networks.items() if not name.endswith("_average")}
    trained = {id(p) for net in own.values() for p in net.parameters()}
    assert len(entries) == len(set(entries)) and set(entries) == trained
    before = {name: weights(net) for name, net in method.networks.items() if weights(net)}
    step(method, case.batch())
    assert moved(method, before) == before.keys()


def gradients_stay_with_their_owners(case: Case, folder: Path) -> None:
    """Fakes are detached where D learns, and D is frozen where G learns.

    Each backward() reaches networks of one optimiser alone, which then moves its own and nothing
    else; twice in a row.
    """
    method = case.make()
    with watched(method) as events:
        for _ in range(2):
            step(method, case.batch())
    assert tuple(name for name, _ in events if name != "backward") == case.learns * 2
    assert [name == "backward" for name, _ in events] == [True, False] * (len(events) // 2)
    for (_, reached), (optimizer, changed) in zip(events[::2], events[1::2], strict=True):
        assert reached and reached <= owned(method, method.optimizers[optimizer]), optimizer
        assert changed == owned(method, method.optimizers[optimizer])


def terms_are_unweighted(case: Case, folder: Path) -> None:
    """Twice the weight of a term is the same term: the history of two runs can be compared."""
    plain = step(case.make(), case.batch())
    config = case.make().config
    for name in (name for name in configs.as_dict(config) if name.startswith("lambda_")):
        value = getattr(config, name)
        if value:
            assert step(case.make(**{name: 2 * value}), case.batch()) == pytest.approx(
                plain, rel=0.02, abs=2e-3
            ), name


def ablations_are_configuration(case: Case, folder: Path) -> None:
    """A row is a value: a term of weight 0 is not computed, and a D without terms rests."""
    everything = step(case.make(), case.batch()).keys()
    for changes, left_out in case.ablations:
        method = case.make(**changes)
        before = {name: weights(net) for name, net in method.networks.items()}
        terms = step(method, case.batch(3))
        if isinstance(left_out, dict):  # a row with terms of its own
            assert terms.keys() == set(left_out), changes
        else:
            assert terms.keys() == everything - left_out, changes
        assert all(abs(value) < 1000 for value in terms.values()), changes
        rests = not any(name.startswith("d_") for name in terms)
        d = owned(method, method.optimizers["opt_D"]) if "opt_D" in method.optimizers else set()
        after = moved(method, before)
        assert after - d and (not after & d if rests else after >= d), changes
        assert torch.isfinite(output(method, case.batch(3))).all(), changes


def bfloat16_stays_close(case: Case, folder: Path) -> None:
    """Losses are near those of float32; what is painted for looking is float32 all the same."""
    plain, fast, data = case.make(), case.make(bf16=True), case.batch()
    assert torch.equal(output(plain, data), output(fast, data))
    a, b = step(plain, data), step(fast, data)
    assert a == pytest.approx(b, rel=0.06, abs=0.02) and a != b


def any_batch_will_do(case: Case, folder: Path) -> None:
    """Terms are finite scalars, of a single image, too: an epoch may end with one."""
    for bf16 in (False, True):
        method = case.make(bf16=bf16, average=0.9)
        for n in (3, 1):
            for name, term in method.step(case.batch(n)).items():
                assert name.startswith(("g_", "d_")) and abs(term) < 1000, name
                assert term.shape == () and term.dtype == torch.float32 and not term.requires_grad
            assert output(method, case.batch(n)).shape == case.batch(n)["y"].shape


def its_device_is_asked_for_no_number(case: Case, folder: Path) -> None:
    """A step and a translation run through on "meta", whose tensors have shapes and no numbers.

    There a tensor left on the CPU raises, and so does a number that Python wants to know, for which
    a GPU would have to finish its work.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # it knows no "meta"
        config = configs.build(case.cls.Config, **case.small | {"average": 0.9})
        method, data = case.cls(config, "meta"), case.batch()
        method.advance(case.ready)
        on_device = {key: value.to("meta") for key, value in data.items()}
        for _ in range(2):  # pools are full in the second
            for term in method.step(on_device).values():
                assert term.is_meta and term.shape == () and not term.requires_grad
        assert output(method, data).is_meta


def looking_changes_nothing(case: Case, folder: Path) -> None:
    """translate() leaves weights, statistics, moments, gradients and modes alone.

    And no image sees its neighbours.
    """
    method, data = case.make(), case.batch(3)
    step(method, data)
    before, modes, slopes = state(method), training_modes(method), all_gradients(method)
    for direction in method.directions:
        images = output(method, data, direction)
        assert images.shape == data["y"].shape and images.dtype == torch.float32
        assert images.abs().max() <= 1 and not images.requires_grad
        assert torch.equal(images, output(method, data, direction))
    assert equal(state(method), before) and training_modes(method) == modes
    assert all(torch.equal(a, b) for a, b in zip(all_gradients(method), slopes, strict=True))
    if method.translates and not method.has_codes:
        alone = output(method, {key: value[:1] for key, value in data.items()})
        assert torch.allclose(alone, output(method, data)[:1], atol=1e-3)


def averaged_weights_paint(case: Case, folder: Path) -> None:
    """With an average, translate() asks nothing else; without one, the networks themselves."""
    plain = case.make()
    assert all(net is plain.networks[name] for name, net in plain.averaged.items())
    method, data = case.make(average=0.5), case.batch()
    assert all(net is method.networks[f"{name}_average"] for name, net in method.averaged.items())
    step(method, data)
    before = output(method, data)
    for name, net in method.networks.items():
        if not name.endswith("_average"):
            clear(net)
    assert torch.equal(output(method, data), before)
    for net in method.averaged.values():
        clear(net)
    assert not torch.equal(output(method, data), before)


def directions_are_told_apart(case: Case, folder: Path) -> None:
    """A method that goes both ways can be seen from the other side."""
    method, data = case.make(), case.batch()
    assert method.directions in (("xy",), ("xy", "yx"))
    if not method.translates or len(method.directions) == 1:
        return
    there, back = output(method, data), output(method, data, "yx")
    assert not torch.allclose(there, back)
    other = swapped(method)
    mirrored = data | {"x": data["y"], "y": data["x"]}
    assert torch.equal(output(other, mirrored), back) and torch.equal(
        output(other, mirrored, "yx"), there
    )
    assert (other.has_codes, other.reads_codes) == (method.has_codes, method.reads_codes)
    if method.has_codes:
        assert torch.equal(other.sample(data["y"], 2, 3), method.sample(data["y"], 2, 3, "yx"))
    if method.reads_codes:
        assert torch.equal(other.encode(data["x"]), method.encode(data["x"], "yx"))


def codes_decide(case: Case, folder: Path) -> None:
    """Noise of a seed is the same each time, and sample k has one style for all images."""
    method, data = case.make(), case.batch(3)
    if not method.has_codes:
        return
    x, random = data["x"], torch.get_rng_state()
    z, other = method.noise(3, seed=4), method.noise(3, seed=5)
    samples = method.sample(x, 3, seed=2)
    assert torch.equal(torch.get_rng_state(), random) and torch.equal(z, method.noise(3, seed=4))
    assert z.shape == other.shape and not torch.equal(z, other)
    one = method.translate(x, z[:1])["fake_y"]
    assert torch.allclose(one[1:2], method.translate(x[1:2], z[:1])["fake_y"], atol=1e-4)
    assert not torch.equal(one, method.translate(x, other[:1])["fake_y"])
    assert not torch.equal(
        output(method, data, seed=0), output(method, data, seed=1)
    )  # none given: drawn
    assert samples.shape == (3, 3, *x.shape[1:]) and not torch.equal(samples[:, 0], samples[:, 1])
    for k, code in enumerate(method.noise(3, seed=2).split(1)):
        assert torch.allclose(samples[:, k], method.translate(x, code)["fake_y"], atol=1e-6)
    assert torch.equal(samples[:, :2], method.sample(x, 3, seed=2)[:, :2])
    assert not torch.equal(samples, method.sample(x, 3, seed=3))
    if method.reads_codes:
        read = method.encode(data["y"])
        assert read.shape == z.shape and read.dtype == torch.float32 and not read.requires_grad
        assert torch.allclose(method.encode(data["y"][2:]), read[2:], atol=1e-5)
        method.translate(x, read)


def discriminators_are_its_own(case: Case, folder: Path) -> None:
    """What the patch lens opens: a domain, a network that opt_D moves, a scale."""
    method = case.make()
    groups = method.optimizers["opt_D"].param_groups if "opt_D" in method.optimizers else []
    entries = {id(p) for group in groups for p in group["params"]}
    for name, (domain, net, scale) in method.discriminators().items():
        assert isinstance(name, str) and domain in "xy" and scale >= 0
        assert {id(p) for p in net.parameters()} <= entries


def resumes_to_the_bit(case: Case, folder: Path) -> None:
    """Stopped after some of 8 steps and gone on with, all is the same: weights, moments, history.

    fit() shows previews on the way, which change nothing, and a finished run that is opened again
    stays as it is.
    """
    data = Noise(case.small["image_size"], paired=case.cls.needs_pairs)
    options = {"steps": 8, "seed": 3, "val": data, "previews": 2, "progress": False}
    changes = {"decay_from": 0.5, "average": 0.9}
    whole = case.make(**changes)
    expected = fit(whole, data, **options).history
    for stop in case.stops:
        first, second = case.make(**changes), case.make(seed=9, **changes)
        out = folder / str(stop)
        interrupt_after(first, stop)
        with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(training_run, "CHECKPOINT_SECONDS", 0)
            fit(first, data, out=out, **options)
        assert not equal(state(first), state(whole))
        history = fit(second, data, out=out, resume=True, **options).history
        assert equal(state(second), state(whole)) and untimed(history) == untimed(expected)
    again = case.make(seed=9, **changes)
    fit(again, data, out=out, resume=True, **options)
    assert equal(state(again), state(whole))


def interrupt_after(method: Method, steps: int) -> None:
    """The step after so many is interrupted, as by the stop button."""
    calls = [DEFAULT] * steps + [KeyboardInterrupt]
    method.step = Mock(wraps=method.step, side_effect=calls)


def untimed(history: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


def previews_show_the_same(case: Case, folder: Path) -> None:
    """The same inputs in the same styles each time: only learning changes them."""
    data, method, shown = (
        Noise(case.small["image_size"], paired=case.cls.needs_pairs),
        case.make(),
        [],
    )
    method.step = lambda batch: {"d_real": torch.rand(())}
    method.advance = lambda share: None

    def show(_, rows: dict[str, Tensor], *arguments) -> None:
        shown.append(torch.cat([*rows.values()]))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(progress.Progress, "show", show)
        fit(method, data, steps=2, val=data, previews=2, progress=False)
    assert len(shown) == 3 and all(torch.equal(images, shown[0]) for images in shown)


PROMISES = (
    presets_build_and_step,
    one_step_moves_everything,
    gradients_stay_with_their_owners,
    terms_are_unweighted,
    ablations_are_configuration,
    bfloat16_stays_close,
    any_batch_will_do,
    its_device_is_asked_for_no_number,
    looking_changes_nothing,
    averaged_weights_paint,
    directions_are_told_apart,
    codes_decide,
    discriminators_are_its_own,
    resumes_to_the_bit,
    previews_show_the_same,
)
