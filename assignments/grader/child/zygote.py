"""A warm process with torch imported, which forks one child per submission. It never runs or holds
student code.

Started inside the sandbox as ``python -m grading_child.zygote SOCKET NESTED PROBES...``. Over the
socket (the number of an open file) each order brings two open files: the job to read, and the pipe
for results. The zygote itself reads neither, so that no later submission finds an earlier one in
its memory.
"""

import contextlib
import fcntl
import importlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from grading_child import cells, jail

WARM = (
    "torch",
    "numpy",
    "matplotlib.pyplot",
    "IPython.core.inputtransformer2",
    "course_lib.losses",
    "course_lib.networks",
    "course_lib.methods.image_pool",
    "course_lib.plotting",
    "course_lib.data",
)

MAX_ENDED = 1000  # processes that have ended, and whose parent has not asked for it


def warm_up(modules: list[str]) -> dict[str, str]:
    """Import what submissions will import, and use torch once; returns what failed, and why."""
    # or matplotlib reads every font of the machine
    shutil.copytree(os.environ["GRADING_FONTS"], os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
    failed = {}
    for name in (*WARM, *modules):
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    if tools := sys.modules.get("checks.probes.tools"):
        tools.warm()
    return failed


def nest(scratch_mb: int, *files: int) -> None:
    """Go on as the first process in namespaces of its own; the one that was called waits for that
    one's end, without the files.
    """
    jail.enter_namespaces()
    first = os.fork()
    if first:
        for file in files:
            os.close(file)
        os._exit(os.waitpid(first, 0)[1] != 0)
    jail.control(jail.PDEATHSIG, signal.SIGKILL)
    jail.furnish(scratch_mb)


def can_nest() -> bool:
    """Whether a child can be given namespaces of its own in here."""
    pid = os.fork()
    if pid == 0:
        try:
            nest(1)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def serve(orders: socket.socket, nested: bool, failed: dict[str, str]) -> None:
    """Orders one after the other; ends when the grader does, with every process below."""
    shared = jail.private_bytes([os.getpid()], 0)
    orders.sendall(json.dumps({"ready": True, "nested": nested, "failed": failed}).encode() + b"\n")
    while True:
        message, files, _, _ = socket.recv_fds(orders, 4096, 2)
        if not message:
            return
        limits = json.loads(message)
        child = os.fork()
        if child == 0:
            orders.close()
            submission(*files, nested, limits)
        for file in files:
            os.close(file)
        before = cpu_below()
        reason = watch(child, orders, limits, shared)
        orders.sendall(json.dumps({"done": reason, "cpu": cpu_below() - before}).encode() + b"\n")


def watch(child: int, orders: socket.socket, limits: dict, shared: int) -> str:
    """Wait for a submission, and end it when its time is up, its memory is used up, or the grader
    is gone.
    """
    deadline, looked, pause, reason = time.monotonic() + limits["wall"], 0.0, 0.001, ""
    while not reason:
        if os.waitpid(child, os.WNOHANG)[0]:
            reason = "finished"
        elif time.monotonic() > deadline:
            reason = "time"
        elif time.monotonic() > looked + 0.1:
            looked = time.monotonic()
            family = jail.family(child)
            ended = sum(family.values())
            if jail.private_bytes(family, shared) > 1.5 * limits["memory_mb"] * 2**20:
                reason = "memory"
            elif len(family) - ended > limits["processes"] + 8 or ended > MAX_ENDED:
                reason = "processes"
            elif gone(orders):
                reason = "grader gone"
        time.sleep(pause)
        pause = min(0.01, pause * 1.3)
    jail.kill_below(os.getpid(), spare=os.getpid())
    return reason


def cpu_below() -> float:
    """Seconds of a core that ended submissions have taken."""
    used = os.times()
    return used.children_user + used.children_system


def gone(orders: socket.socket) -> bool:
    try:
        return orders.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


def submission(job: int, results: int, nested: bool, limits: dict) -> None:
    """In the fork: lock up, then a first process that waits, and below it the one that runs the
    student's code.
    """
    try:
        os.setsid()
        jail.control(jail.PDEATHSIG, signal.SIGKILL)
        if nested:
            nest(limits["scratch_mb"], job, results)
            # it holds files that the student's code must not get by tracing it
            jail.control(jail.SET_DUMPABLE, 0)
        runner = os.fork()
        if runner:
            os.close(job)
            ended, status = os.wait()
            while ended != runner:
                ended, status = os.wait()
            if status:
                os.write(
                    results,
                    b"\n"
                    + json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode()
                    + b"\n",
                )
            os._exit(0)  # the kernel ends whatever else runs in this process namespace
        jail.control(jail.PDEATHSIG, signal.SIGKILL)
        run(job, results, nested, limits)
    finally:
        os._exit(1)


def run(job: int, results: int, nested: bool, limits: dict) -> None:
    """The last steps before student code: no open file but the results, nothing to print to, all
    limits on.
    """
    jail.control(jail.SET_DUMPABLE, 1)
    nothing = os.open(os.devnull, os.O_RDWR)
    high = [
        fcntl.fcntl(file, fcntl.F_DUPFD, 64) for file in (nothing, nothing, nothing, job, results)
    ]
    for number, file in enumerate(high):
        os.dup2(file, number)
    os.closerange(5, 4096)
    with open(3, "rb") as file:
        order = json.load(file)
    folder = Path("/scratch/work") if nested else Path(order["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    jail.limit(limits["memory_mb"], limits["processes"] if nested else None, limits["scratch_mb"])

    def write(message: dict, put: Callable = os.write, dumps: Callable = json.dumps) -> None:
        data = memoryview(b"\n" + dumps(message).encode() + b"\n")
        while data:
            data = data[put(4, data) :]

    cells.main(order, write, nested)


def main() -> None:
    number, nesting, *probes = sys.argv[1:]
    orders = socket.socket(fileno=int(number))
    orders.set_inheritable(False)
    jail.control(jail.SET_CHILD_SUBREAPER, 1)
    jail.control(jail.SET_NO_NEW_PRIVS, 1)
    if nesting == "nest":
        jail.become_nobody()
    failed = warm_up(probes)
    nested = nesting == "nest" and can_nest()
    jail.control(jail.SET_DUMPABLE, 0)  # after this no child may read or change this process
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        serve(orders, nested, failed)
    jail.kill_below(os.getpid(), spare=os.getpid())


if __name__ == "__main__":
    main()
