"""Training inside a real Jupyter kernel: the preview is drawn in place, and interrupting leaves
everything usable.
"""

import re
import time

import pytest
from jupyter_client.manager import start_new_kernel

from course_lib.training import checkpoint

SETUP = """
import torch
from course_lib import runs
from course_lib.data import open_dataset
from course_lib.training import fit
torch.set_num_threads(1)
method = runs.method_class("pix2pix")(runs.make_config("pix2pix", "smoke"))
train, val = (open_dataset("emoji:edges", split, 32) for split in ("train", "val"))
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code: str, during=None) -> tuple[dict, list[dict]]:
    """Executes a cell; returns its reply and what it showed. ``during`` gets each message until it
    returns True.
    """
    request, shown = client.execute(code), []
    while True:
        message = client.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return client.get_shell_msg(timeout=30)["content"], shown
        if message["msg_type"] in ("display_data", "update_display_data", "stream", "error"):
            shown.append(message)
            if during and during(message):
                during = None


@pytest.mark.slow
def test_interrupt_keeps_checkpoint_and_kernel(kernel, tmp_path):
    manager, client = kernel
    reply, _ = run(client, SETUP)
    assert reply["status"] == "ok", reply

    def interrupt(message: dict) -> bool:
        """As soon as the progress line says that a step is done."""
        under_way = re.search(r"step [1-9]", str(message["content"].get("data", "")))
        if under_way:
            manager.interrupt_kernel()
        return bool(under_way)

    start = time.monotonic()
    code = f"result = fit(method, train, minutes=2, val=val, out={str(tmp_path / 'run')!r})"
    reply, shown = run(client, code, during=interrupt)
    assert reply["status"] == "ok" and time.monotonic() - start < 60
    assert any("interrupted: stopped after step" in m["content"].get("text", "") for m in shown)
    reply, shown = run(client, "print(result.stopped, result.steps)")
    stopped, steps = shown[0]["content"]["text"].split()
    assert stopped == "interrupted" and checkpoint.steps(tmp_path / "run" / "checkpoints")[
        -1
    ] == int(steps)


@pytest.mark.slow
def test_preview_and_speed_are_updated_in_place(kernel):
    _, client = kernel
    run(client, SETUP)
    reply, shown = run(client, "_ = fit(method, train, steps=4, val=val, previews=2)")
    assert reply["status"] == "ok"
    pictures = [m for m in shown if "image/png" in m["content"].get("data", {})]
    assert [m["msg_type"] for m in pictures] == [
        "display_data",
        "update_display_data",
        "update_display_data",
    ]
    assert len({m["content"]["transient"]["display_id"] for m in pictures}) == 1
    lines = [
        m["content"]["data"]["text/html"]
        for m in shown
        if "text/html" in m["content"].get("data", {})
    ]
    assert "step 4/4" in lines[-1] and "images/s" in lines[-1] and "left" in lines[-1]
    assert not [m for m in shown if m["msg_type"] == "stream"]
