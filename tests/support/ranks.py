"""What torchrun starts: a toy's training among several ranks.

torchrun ... ranks.py FOLDER STEPS    writes FOLDER/RANK.pt, the tensors that each rank ends with
"""

import sys
from pathlib import Path

import torch

from course_lib.methods.cyclegan import Config, CycleGAN
from course_lib.training import checkpoint, distributed, run
from course_lib.training.fit import fit
from tests.support.killing import Toy

SMALL = Config(
    image_size=16,
    base_channels=2,
    d_base_channels=2,
    n_blocks=1,
    d_layers=1,
    batch_size=4,
    pool_size=0,
)


def train(folder: Path, steps: int) -> dict[str, torch.Tensor]:
    """All tensors of a CycleGAN, which has no batch norm, after so many steps."""
    distributed.join(torch.device("cpu"))
    run.CHECKPOINT_SECONDS = 0
    rank, _ = distributed.world()
    torch.manual_seed(rank)  # the weights of rank 0 count
    method = CycleGAN(SMALL)
    fit(method, Toy(), steps=steps, out=folder / "run", progress=False)
    torch.save(checkpoint.snapshot(method), folder / f"{rank}.pt")
    return checkpoint.snapshot(method)


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]))
