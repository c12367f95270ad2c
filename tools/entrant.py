"""The process in which an entry of the speedrun runs: ``python entrant.py WIRE FILE SEED``.

It imports nothing of the course. Over the WIRE, a socket, come the training images, and at each
pause those to translate, or none: an entry gets the hidden ones when it has ended.
"""

import runpy
import socket
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

import torch
from numpy.lib import format as npy
from torch import Tensor


@torch.no_grad()
def report(wire: BinaryIO, translate: Callable[[Tensor], Tensor]) -> None:
    """Say how many seconds of a core it took so far, translate what is asked for, and say how many
    it took then.
    """
    wire.write(f"{time.process_time()}\n".encode()), wire.flush()
    x = torch.from_numpy(npy.read_array(wire))  # (n, 3, S, S), bytes
    y = (127.5 * (translate(x / 127.5 - 1).float().clamp(-1, 1) + 1)).round() if len(x) else x
    wire.write(y.byte().contiguous().numpy().tobytes())
    wire.write(f"{time.process_time()}\n".encode()), wire.flush()


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.modules["course_lib"] = None  # it has the hidden images, and networks that know too much
    wire = socket.socket(fileno=int(sys.argv[1])).makefile("rwb")
    x, y = (torch.from_numpy(npy.read_array(wire)) for _ in "xy")
    report(wire, lambda x: x)
    for translate in runpy.run_path(sys.argv[2])["train"](x, y, int(sys.argv[3])):
        report(wire, translate)
    wire.write(b"end\n")
    report(wire, translate)
