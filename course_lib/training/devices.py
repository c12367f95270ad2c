"""Training on several devices: Lightning Fabric starts a process for each (a rank), and rank 0 alone runs fit().

    rank 0   fit() as ever: order of events, history, previews, checkpoints, the clock, Ctrl-C, the stop on NaN
    others   follow(): wait for an order, step along with images of their own, hand over their state for a checkpoint

Each rank steps on ``batch_size`` images of its own share of the data; before an optimiser updates, its gradients are
averaged over the ranks. The networks are not wrapped in DistributedDataParallel: that averages in the middle of
backward(), and wants one forward for one backward. A GAN judges three times between two updates, freezes D halfway,
and leaves out the terms of weight 0. An optimiser that is about to step has its gradients, however they came about, so
the methods need not know of ranks, and all forwards of one update see the same weights. Batch norm takes the statistics
of its rank's batch; the running ones that are kept are those of rank 0.
"""

import atexit
import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import Dataset

from course_lib.data.base import View
from course_lib.errors import CourseError, need
from course_lib.methods.base import Method
from course_lib.training import checkpoint
from course_lib.training.fit import Result, fit
from course_lib.training.loading import batches
from course_lib.training.progress import in_notebook

STRIDE = 7919  # between the seeds of two ranks


def layout(devices: int, device: torch.device) -> tuple[int, int]:
    """(processes on each machine, machines): what torchrun has started, else ``devices`` on this one.

    Raises CourseError if they cannot be had here.
    """
    where, machines = f"--devices {devices}", 1
    if dist.is_available() and dist.is_torchelastic_launched():
        here, everywhere = (int(os.environ[name]) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
        if devices not in (1, here):
            what = f"torchrun started {here} processes on this machine, not {devices}"
            raise CourseError(what, where, "leave out --devices: torchrun decides")
        devices, machines = here, everywhere // here
    elif devices > 1 and in_notebook():
        what = "a notebook cannot start processes that share its work"
        raise CourseError(what, where, "use the command: course train METHOD ... --devices N")
    if devices * machines == 1:
        return 1, 1
    if device.type not in ("cpu", "cuda"):
        raise CourseError(f"{device.type} is one device", where, "leave out --devices")
    if device.type == "cuda" and devices > torch.cuda.device_count():
        what = f"there are {torch.cuda.device_count()} GPUs here, not {devices}"
        raise CourseError(
            what, where, "ask for fewer, or for processes of the CPU with --device cpu"
        )
    if dist.is_initialized():
        fix = "start a new process for each training"
        raise CourseError("this process has trained on several devices already", where, fix)
    need("devices", "lightning_fabric")
    return devices, machines


def launch(devices: int, machines: int, device: torch.device) -> "Ranks | None":
    """Start the other processes, which run this same command up to here, and join them. None where there is one."""
    if devices * machines == 1:
        return None
    from lightning_fabric import Fabric

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(accelerator=device.type, devices=devices, num_nodes=machines, strategy="ddp")
    fabric.launch()
    return Ranks(fabric.global_rank, fabric.world_size, fabric.device)


class Shard(View):
    """Every ``count``-th item of ``dataset``, from ``rank`` on: the shares of the ranks are disjoint, equally long."""

    def __init__(self, dataset: Dataset, rank: int, count: int):
        if len(dataset) < count:
            what = f"{len(dataset)} training images cannot be shared among {count} devices"
            raise CourseError(what, "--devices", "use fewer devices")
        super().__init__(dataset)
        self.rank, self.count = rank, count
        self.names = self.names[rank::count] if self.names else self.names

    def __len__(self) -> int:
        return len(self.dataset) // self.count

    def __getitem__(self, i: int) -> dict:
        return self.dataset[i * self.count + self.rank]


class Ranks:
    """This process among the others: ``rank`` of ``count``, with its ``device``."""

    def __init__(self, rank: int, count: int, device: torch.device):
        self.rank, self.count, self.device, self.steps, self.busy = rank, count, device, 0, False
        self.control = dist.new_group(
            backend="gloo"
        )  # for words; gradients take the fastest way of their device
        atexit.register(
            dist.destroy_process_group
        )  # its threads, left alone, abort an interpreter that ends
        if rank:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # rank 0 decides what Ctrl-C means
            warnings.simplefilter("ignore")  # it has warned already
            threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()

    def fit(
        self,
        method: Method,
        dataset: Dataset,
        *,
        seed: int = 0,
        augment: bool = True,
        workers: int = 0,
        **options: Any,
    ) -> Result:
        """:func:`fit` on all ranks, with a random state for each; returns its result on rank 0.

        On the others it ends the process, with status 0 if rank 0 ended the training in order.
        """
        shard = Shard(dataset, self.rank, self.count)
        for optimizer in method.optimizers.values():
            optimizer.register_step_pre_hook(self.average)
        if self.rank:
            try:
                self.follow(method, shard, seed + STRIDE * self.rank, augment, workers)
            except Lost:
                os._exit(1)  # rank 0, or what has started it, says why
            raise SystemExit(0)
        with self.leading(method) as update:
            options |= {"update": update, "devices": self.count}
            return fit(method, shard, seed=seed, augment=augment, workers=workers, **options)

    @torch.no_grad()
    def average(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Before ``optimizer`` steps: every gradient becomes its mean over the ranks."""
        parameters = (p for group in optimizer.param_groups for p in group["params"])
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([grad.flatten() for grad in grads])
        with _linked():
            dist.all_reduce(flat)
        for grad, mean in zip(
            grads, (flat / self.count).split([grad.numel() for grad in grads]), strict=True
        ):
            grad.copy_(mean.view(grad.shape))

    def mean(self, terms: dict[str, Tensor | float]) -> dict[str, Tensor]:
        """The terms averaged over the ranks; one that is not finite anywhere is not finite here. Waits for no GPU."""
        values = [
            torch.as_tensor(term, dtype=torch.float64, device=self.device)
            for term in terms.values()
        ]
        mean = torch.stack(values)
        with _linked():
            dist.all_reduce(mean)
        return dict(zip(terms, mean / self.count, strict=True))

    def agree(self, problem: tuple[str, str, str] | None = None) -> None:
        """Every rank is ready to step. Raises on all of them the CourseError of the first that is not."""
        problems: list = [None] * self.count
        with _linked():
            dist.all_gather_object(problems, problem, group=self.control)
        for rank, found in enumerate(problems):
            if found:
                raise CourseError(found[0], f"{found[1]}, on device {rank}", found[2])

    def order(self, *words: Any) -> tuple:
        """What rank 0 says, on all ranks."""
        said = [words]
        with _linked():
            dist.broadcast_object_list(said, src=0, group=self.control)
        return said[0]

    # ---- rank 0

    @contextmanager
    def leading(self, method: Method) -> Iterator[Callable[[dict], dict[str, Tensor]]]:
        """The update that steps on all ranks; while this is open, a checkpoint of ``method`` holds all of them."""
        alone = SimpleNamespace(networks=dict(method.networks), optimizers=method.optimizers)
        others = Others(self)

        def update(batch: dict) -> dict[str, Tensor]:
            begin = None if self.steps else (_on_cpu(checkpoint.snapshot(alone)), others.kept)
            rates = {
                name: [group["lr"] for group in opt.param_groups]
                for name, opt in method.optimizers.items()
            }
            self.order("step", rates, begin)
            self.agree()
            self.busy = True
            terms = self.mean(method.step(batch))
            self.busy, self.steps = False, self.steps + 1
            return terms

        method.networks["ranks"] = others
        try:
            yield update
        finally:
            if not self.busy:  # in the middle of a step nobody would listen; then the end of this process tells them
                with _linked():
                    self.order("stop")

    # ---- the others

    def follow(self, method: Method, shard: Shard, seed: int, augment: bool, workers: int) -> None:
        """Do what rank 0 says until it says stop."""
        torch.manual_seed(seed)
        while True:
            match self.order():
                case ("stop",):
                    return
                case ("state",):
                    with _linked():
                        dist.gather_object(self.private(method), dst=0, group=self.control)
                case ("step", rates, begin):
                    if begin:
                        shared, private = begin
                        checkpoint.restore(method, shared, Path("rank 0"))
                        self.take(method, private)
                        feed = batches(shard, method, seed, augment, self.steps, workers)
                    for name, optimizer in method.optimizers.items():
                        for group, rate in zip(optimizer.param_groups, rates[name], strict=True):
                            group["lr"] = rate
                    try:
                        batch, problem = next(feed), None
                    except CourseError as error:
                        problem = (error.what, str(error.where), error.fix)
                    try:
                        self.agree(problem)
                    except CourseError:
                        continue  # rank 0 has it, too, and will say stop
                    self.mean(method.step(batch))
                    self.steps += 1

    def private(self, method: Method) -> dict[str, Tensor]:
        """What belongs to this rank alone: how far it is in its data, its random states, its pools of fakes."""
        state = {"steps": torch.tensor(self.steps), "random.cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["random.cuda"] = torch.cuda.get_rng_state(self.device)
        for name, net in _pools(method).items():
            state |= {f"{name}.{key}": tensor for key, tensor in net.state_dict().items()}
        return _on_cpu(state)

    def take(self, method: Method, kept: dict[str, Tensor]) -> None:
        """The inverse of :meth:`private`, out of what rank 0 keeps of all ranks; it may keep nothing."""
        state = {
            name.removeprefix(f"{self.rank}."): t
            for name, t in kept.items()
            if name.startswith(f"{self.rank}.")
        }
        if not state:
            return
        self.steps = int(state["steps"])
        torch.set_rng_state(state["random.cpu"])
        if "random.cuda" in state:
            torch.cuda.set_rng_state(state["random.cuda"], self.device)
        for name, net in _pools(method).items():
            net.load_state_dict({key: state[f"{name}.{key}"] for key in net.state_dict()})


class Others:
    """What rank 0 keeps of the other ranks, for checkpoints: an entry of ``method.networks`` beside the networks."""

    def __init__(self, ranks: Ranks):
        self.ranks, self.kept = ranks, {}

    def state_dict(self) -> dict[str, Tensor]:
        """``RANK.NAME``: a tensor, asked from the ranks. A checkpoint that is restored is written into these."""
        self.ranks.order("state")
        states: list = [None] * self.ranks.count
        with _linked():
            dist.gather_object(None, states, dst=0, group=self.ranks.control)
        named = enumerate(states[1:], start=1)
        self.kept = {
            f"{rank}.{key}": tensor for rank, state in named for key, tensor in state.items()
        }
        return self.kept


class Lost(CourseError):
    """Another rank is gone."""


@contextmanager
def _linked() -> Iterator[None]:
    """Turns what torch says when another process does not answer into Lost."""
    try:
        yield
    except RuntimeError as error:
        fix = "see above for its own message, if any; then go on with --resume"
        raise Lost(
            "another process of this training has died", "course train --devices", fix
        ) from error


def _pools(method: Method) -> dict[str, Any]:
    """The entries of ``method.networks`` that do not learn."""
    nets = {name: net for name, net in method.networks.items() if isinstance(net, torch.nn.Module)}
    return {name: net for name, net in nets.items() if not any(True for _ in net.parameters())}


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in tensors.items()}


def _end_with(parent: int) -> None:
    """Ends this process soon after the one that started it, also where a collective waits for the dead."""
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)
