"""The process of an entry of the speedrun, in its sandbox: ``python -m entrant WIRE SEED LIMIT``.

It lies in a copy there, beside the entry as entry.py, the one-file editions, and how the grader
locks a submission in. Over the WIRE, a socket, come the training images, and at each pause those to
translate, or none: an entry gets the hidden ones when it has ended.
"""

import os
import runpy
import socket
import sys
import time

from grading_child import jail, zygote

LIMITS, SCRATCH = {"memory_mb": 4096, "processes": 32}, 64  # and MB of files


def lock_in(wire: socket.socket, seconds: float) -> None:
    """Go on in namespaces of its own, without a network or privileges, and with limits. The first
    process in there ends whatever the entry has left, and waits for it, so that all seconds count.
    """
    jail.become_nobody(), zygote.nest(SCRATCH)
    if runner := os.fork():
        jail.control(jail.SET_DUMPABLE, 0)  # the entry can't get at it
        print("its end:", zygote.watch(runner, wire, LIMITS | {"wall": seconds}, 0), flush=True)
        os._exit(0)
    os.chdir("/scratch"), jail.limit(*LIMITS.values(), SCRATCH)


def play(end: socket.socket, seed: int) -> None:
    """Learn, and at each pause say how many seconds of a core it took so far, translate what is
    asked for, and say how many it took then.
    """
    import torch  # not before the fork: the first process takes next to nothing
    from numpy.lib import format as npy

    tell = end.makefile("rw")  # text, but for arrays

    @torch.no_grad()
    def report(translate) -> None:
        print(time.process_time(), file=tell, flush=True)
        x = torch.from_numpy(npy.read_array(tell.buffer))  # (n, 3, S, S), bytes
        y = (127.5 * (translate(x / 127.5 - 1).float().clamp(-1, 1) + 1)).round() if len(x) else x
        tell.buffer.write(y.byte().contiguous().numpy().tobytes())
        print(time.process_time(), file=tell, flush=True)

    x, y = (torch.from_numpy(npy.read_array(tell.buffer)) for _ in "xy")
    print(time.process_time(), file=tell, flush=True)
    for translate in runpy.run_module("entry")["train"](x, y, seed):
        report(translate)
    print("end", file=tell)
    report(translate)


if __name__ == "__main__":
    number, seed, seconds = map(int, sys.argv[1:])
    wire = socket.socket(fileno=number)
    lock_in(wire, seconds), play(wire, seed)
    os._exit(0)  # whatever it has left to do at its end
