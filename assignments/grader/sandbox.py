"""Where submissions run: tiers, the sandbox of each, and the warm worker the grader talks to."""

import contextlib
import functools
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from assignments.grader import container
from assignments.grader.inbox import Inbox
from course_lib.errors import CourseError

TIERS = (
    "bubblewrap",
    "container",
    "plain",
)  # the order in which auto looks; "nobody" is for bundled.py alone
PROTECTS = {
    "bubblewrap": "own file system (read-only, without grade book and hidden checks), no network, limits",
    "container": "own file system (read-only, without grade book and hidden checks), no network, limits; slow",
    "plain": "WEAK: limits on time, memory and output only; a submission can read and write what you can",
}


@dataclass(frozen=True)
class Limits:
    """What one submission may take. Seconds are of a core unless said otherwise."""

    cells_cpu: float = 40  # all cells together
    cell_cpu: float = 15  # one cell
    patience: float = 4  # a check may take so many times its seconds by the clock
    wall: float = 300  # everything, by the clock
    memory_mb: int = 2048
    processes: int = 32
    scratch_mb: int = 64  # what it may write, to /tmp and to /dev/shm each


@dataclass(frozen=True)
class Outcome:
    """What came out of a sandbox: what it said, which the submission may have forged, and how it ended."""

    said: Inbox
    reason: str  # finished, time, memory, processes, output, or lost
    seconds: float
    cpu: float  # of a core


def choose_tier(wanted: str) -> str:
    """``auto`` is bubblewrap where it works, else a container where docker or podman work, else the weak tier."""
    if wanted not in ("auto", *TIERS):
        raise CourseError(f"no tier called {wanted}", "--tier", f"one of auto, {', '.join(TIERS)}")
    if os.name != "posix":
        raise CourseError(
            "the grader needs fork, which Windows lacks",
            sys.platform,
            "run it in WSL or in a container",
        )
    for tier, trouble in (("bubblewrap", bubblewrap_trouble), ("container", container.trouble)):
        if wanted in ("auto", tier):
            if not (why := trouble()):
                return tier
            if wanted == tier:
                raise CourseError(
                    f"{tier} does not work here: {why}", tier, "install it, or --tier plain (weak)"
                )
    return "plain"


@functools.cache
def bubblewrap_trouble() -> str:
    """Why bubblewrap cannot be used; empty where it can."""
    if not sys.platform.startswith("linux") or not shutil.which("bwrap"):
        return "not installed"
    command = ["bwrap", *SEPARATE, "--ro-bind", "/", "/", "--proc", "/proc", "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"status {done.returncode}")


SEPARATE = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
            "--die-with-parent", "--new-session"]  # fmt: skip
AS_ROOT = ["CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN"]  # given away before the first order


def environment(library: str, scratch: str) -> dict[str, str]:
    """All a submission gets to see of the environment."""
    one = dict.fromkeys(
        ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
    )
    return one | {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": scratch, "TMPDIR": scratch, "USER": "student",
        "LOGNAME": "student", "LANG": "C.UTF-8", "PYTHONPATH": library, "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1", "PYTHONWARNINGS": "ignore", "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": f"{scratch}/matplotlib", "GRADING_FONTS": f"{library}/fonts",
        "IPYTHONDIR": f"{scratch}/ipython", "CUDA_VISIBLE_DEVICES": "", "COURSE_PROFILE": "smoke",
        "COURSE_GRADING": "1", "COURSE_NO_SHAPE_CHECK": "1",
    }  # fmt: skip


def bubblewrap(library: Path, hidden: Iterable[Path]) -> list[str]:
    """The command before the command: Python's folders and ``library`` read-only, and nothing else of this machine."""
    shown, masked, inner, links = container.places((*hidden, *installed_copies()))
    places = [("--ro-bind", p) for p in shown]
    places += [("--tmpfs", p) for p in masked] + [("--ro-bind", p) for p in inner]
    command = ["bwrap", *SEPARATE]
    if (
        os.geteuid() == 0
    ):  # it may enter every folder as root, and is nobody before it reads the first order
        command += [word for name in AS_ROOT for word in ("--cap-add", name)] + ["--dir", "/proc"]
    else:
        command += ["--unshare-user", "--proc", "/proc"]
    between = {
        p
        for _, path in places
        for p in path.parents
        if not any(s in (p, *p.parents) for s in shown)
    }
    for path in sorted(
        {*between, Path("/etc")} - {Path("/")}
    ):  # bwrap would make them for its owner only
        command += ["--perms", "0755", "--dir", str(path)]
    for how, path in sorted(places, key=lambda place: len(place[1].parts)):
        command += [how, str(path)] + ([str(path)] if how == "--ro-bind" else [])
    for link in sorted(links):
        command += ["--symlink", os.readlink(link), str(link)]
    for path in ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts"):
        command += ["--ro-bind-try", path, path]
    command += [
        "--ro-bind",
        str(library),
        "/grading",
        "--dev",
        "/dev",
        "--perms",
        "1777",
        "--tmpfs",
        "/scratch",
    ]
    command += (
        [] if any(Path("/tmp") in p.parents for p in shown) else ["--symlink", "scratch", "/tmp"]
    )
    command += [
        "--perms",
        "1777",
        "--tmpfs",
        "/dev/shm",
        "--remount-ro",
        "/",
        "--chdir",
        "/scratch",
        "--clearenv",
    ]
    for name, value in environment("/grading", "/scratch").items():
        command += ["--setenv", name, value]
    return [*command, "--"]


def installed_copies() -> list[Path]:
    """Where the complete course_lib, with its solutions, may lie within Python's own folders."""
    return [Path(p) / "course_lib" for p in sys.path if (Path(p) / "course_lib").is_dir()]


class Worker:
    """One sandbox with a warm process inside, for one submission after the other."""

    def __init__(self, tier: str, library: Path, probes: list[str], hidden: Iterable[Path] = ()):
        self.tier, self.library, self.probes, self.hidden = tier, library, probes, tuple(hidden)
        self.process: subprocess.Popen | None = None
        self.closed, self.cpu, self.cage = False, 0.0, None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def abort(self) -> None:
        """From another thread: end what runs, and start nothing more."""
        self.closed = True
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.orders.shutdown(socket.SHUT_RDWR)

    def start(self) -> None:
        if self.closed:
            raise CourseError(
                "grading was stopped", self.tier, "run it again: finished submissions are kept"
            )
        self.scratch = self._folder() if self.tier in ("plain", "nobody") else ""
        if self.tier == "container":
            self.cage = container.Cage(self.library, (*self.hidden, *installed_copies()))
            self.process, self.orders, self.said = self.cage.start(self.probes)
            return self._ready()
        prefix = bubblewrap(self.library, self.hidden) if self.tier == "bubblewrap" else []
        variables = (
            environment(str(self.library), self.scratch)
            if self.scratch
            else {"PATH": os.environ["PATH"]}
        )
        self.orders, theirs = socket.socketpair()
        mode = "nest" if self.tier == "bubblewrap" else "plain"
        inside = [
            sys.executable,
            "-B",
            "-m",
            "grading_child.zygote",
            str(theirs.fileno()),
            mode,
            *self.probes,
        ]
        self.said = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [*prefix, *inside], pass_fds=[theirs.fileno()], env=variables, cwd=self.scratch or "/",
            stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said, start_new_session=True, **self._other_user(),
        )  # fmt: skip
        theirs.close()
        self._ready()

    def _folder(self, inside: str | None = None) -> str:
        """A new folder that the submission may write to."""
        folder = tempfile.mkdtemp(prefix="grading-", dir=inside)
        if self.tier == "nobody":
            os.chown(folder, container.NOBODY, container.NOBODY)
        return folder

    def _other_user(self) -> dict:
        """Tier ``nobody``, for containers without namespaces: only root can start it. Raises CourseError if that user
        could read what is hidden."""
        if self.tier != "nobody":
            return {}
        nobody = {"user": container.NOBODY, "group": container.NOBODY, "extra_groups": []}
        hidden = [str(path.absolute()) for path in (*self.hidden, *installed_copies())]
        look = "import os, sys; sys.exit(any(os.access(path, os.R_OK) for path in sys.argv[1:]))"
        if subprocess.run([sys.executable, "-c", look, *hidden], cwd="/", **nobody).returncode:
            raise CourseError(
                "what is hidden from submissions can be read",
                ", ".join(hidden),
                "chmod 700, as root",
            )
        return nobody

    def _ready(self) -> None:
        self.facts = self._answer(time.monotonic() + 180)
        if not self.facts.get("ready") or any(
            "checks.probes" in name or name == "torch" for name in self.facts["failed"]
        ):
            self.said.seek(0)
            said = self.said.read()[-2000:].decode(errors="replace").strip()
            self.stop()
            failed = "; ".join(
                f"{name}: {text}" for name, text in self.facts.get("failed", {}).items()
            )
            what = f"the sandbox does not start: {failed or said or 'no answer'}"
            raise CourseError(
                what, self.tier, "--tier plain shows whether the sandbox or Python is at fault"
            )

    def stop(self) -> None:
        if self.process is not None:
            self.orders.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)  # the warm process ends its children, then itself
            self.process.kill()
            self.process.wait()
            self.said.close()
            if self.cage:
                self.cage.end()
            if self.scratch:
                shutil.rmtree(self.scratch, ignore_errors=True)
            self.process = None

    def run(
        self, job: dict, limits: Limits, watch: Callable[[dict], None] = lambda message: None
    ) -> Outcome:
        """One submission; whatever it does, this returns, and nothing of it is left running."""
        began = time.monotonic()
        if self.process is None:
            self.start()
        folder = self._folder(self.scratch) if self.scratch else ""
        ours, theirs = os.pipe()
        try:
            with tempfile.TemporaryFile() as file:
                file.write(json.dumps({**job, "limits": asdict(limits), "folder": folder}).encode())
                file.seek(0)
                with contextlib.suppress(OSError):
                    socket.send_fds(
                        self.orders, [json.dumps(asdict(limits)).encode()], [file.fileno(), theirs]
                    )
            os.close(theirs)
            inbox = Inbox([check["name"] for check in job["checks"]], len(job["cells"]))
            reason = self._collect(ours, inbox, time.monotonic() + limits.wall + 20)
        finally:
            os.close(ours)
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
        if reason in ("lost", "output") or (not self.facts["nested"] and self.tier != "plain"):
            self.stop()  # without namespaces of its own a submission gets a sandbox of its own
        return Outcome(inbox, reason, time.monotonic() - began, self.cpu)

    def _collect(self, pipe: int, inbox: Inbox, deadline: float) -> str:
        """Fill ``inbox`` from the pipe until the last process of the submission has closed it, or has said too much.

        Returns how the submission ended.
        """
        reason, open_ = "", True
        while open_ or not reason:
            ready, _, _ = select.select(([pipe] if open_ else []) + [self.orders], [], [], 1.0)
            if pipe in ready:
                part = os.read(pipe, 1 << 16)
                open_ = bool(part)
                if not inbox.feed(part):
                    return "output"
            if self.orders in ready and not reason:
                answer = self._answer(deadline)
                reason, self.cpu = answer.get("done", "lost"), float(answer.get("cpu", 0))
                if reason == "lost":
                    return "lost"
            if time.monotonic() > deadline:
                return "lost"
        return reason

    def _answer(self, deadline: float) -> dict:
        """A line from the warm process, which runs no student code; {} when it is gone or late."""
        data = b""
        while not data.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.orders], [], [], left)[0]:
                return {}
            part = self.orders.recv(1 << 16)
            if not part:
                return {}
            data += part
        return json.loads(data)
