"""What torch.compile costs before it pays: measured in a new process, with nothing compiled before.

On a GPU the compiled network also runs as CUDA graphs (mode "reduce-overhead").
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import torch

from course_lib.errors import CourseError
from course_lib.experiments import bench
from course_lib.networks import ResNetGenerator
from course_lib.training import profiles


def compile_cost(
    channels: int, blocks: int, size: int, backend: str = "inductor", turns: int = 20, limit: float = 180.0
) -> dict[str, float]:
    """Forward and backward of CycleGAN's generator, (1, 3, size, size): seconds ``plain`` and ``compiled`` (medians of
    alternating turns), and ``warm_up``, the seconds that the first three compiled turns took beyond that.

    In bfloat16 where it pays. Raises CourseError if the child process fails or takes more than ``limit`` seconds.
    """
    asked = json.dumps([channels, blocks, size, backend, turns])
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-m", "course_lib.experiments.bench_compile", asked]
        env = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": empty}
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            raise CourseError(f"not done in {limit:g} s", "torch.compile", "allow more, or compile less") from None
    if done.returncode:
        named = re.findall(r"^(?:\w+\.)*(\w+: .+)", done.stderr, re.MULTILINE)  # ... .InvalidBackend: what is wrong
        why = named[-1][:200] if named else f"exit status {done.returncode}"
        raise CourseError(why, "torch.compile", "it needs a C++ compiler on a CPU, Triton on a GPU")
    return json.loads(done.stdout.splitlines()[-1])


def _measure(channels: int, blocks: int, size: int, backend: str, turns: int) -> dict[str, float]:
    device = profiles.pick_device()
    net, x = ResNetGenerator(channels, blocks).to(device), torch.rand(1, 3, size, size, device=device)
    mode = {"mode": "reduce-overhead"} if device.type == "cuda" and backend == "inductor" else {}
    fast = torch.compile(net, backend=backend, **mode)

    def turn(forward) -> None:
        net.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=profiles.use_bf16(device)):
            fake = forward(x)
        fake.float().abs().mean().backward()

    start = time.perf_counter()
    for _ in range(3):  # compiled in the first, captured as graphs in the second or third
        turn(fast)
    if device.type == "cuda":
        torch.cuda.synchronize()
    first = time.perf_counter() - start
    took = bench.alternate({"plain": lambda: turn(net), "compiled": lambda: turn(fast)}, turns)
    found = {name: statistics.median(times) for name, times in took.items()}
    return {"warm_up": first - 3 * found["compiled"], **found}


if __name__ == "__main__":
    print(json.dumps(_measure(*json.loads(sys.argv[1]))))
