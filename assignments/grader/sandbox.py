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
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from assignments.grader.inbox import Inbox
from course_lib.errors import CourseError, ensure

# "nobody", of bundled.py alone, is no choice
PROTECTS = {
    "bubblewrap": "own file system (read-only, without grade book and hidden checks), no network,"
    " limits",
    "plain": "WEAK: limits on time, memory and output only; a submission can read and write what"
    " you can",
}
NOBODY = 65534


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
    """What came out of a sandbox: what it said, which the submission may have forged, and how it
    ended.
    """

    said: Inbox
    reason: str  # finished, time, memory, processes, output, or lost
    cpu: float  # seconds of a core


def choose_tier(wanted: str) -> str:
    """``auto`` is bubblewrap where it works, else the weak tier. Raises CourseError."""
    ensure(
        wanted in ("auto", *PROTECTS),
        f"no tier called {wanted}",
        "--tier",
        f"one of auto, {', '.join(PROTECTS)}",
    )
    ensure(
        os.name == "posix",
        "the grader needs fork, which Windows lacks",
        sys.platform,
        "run it in WSL",
    )
    trouble = bubblewrap_trouble() if wanted != "plain" else ""
    ensure(
        not (wanted == "bubblewrap" and trouble),
        f"bubblewrap does not work here: {trouble}",
        wanted,
        "install it, or --tier plain (weak)",
    )
    return "plain" if wanted == "plain" or trouble else "bubblewrap"


@functools.cache
def bubblewrap_trouble() -> str:
    """Why bubblewrap cannot be used; empty where it can."""
    if not sys.platform.startswith("linux") or not shutil.which("bwrap"):
        return "not installed"
    command = ["bwrap", *SEPARATE, "--ro-bind", "/", "/", "--proc", "/proc", "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"status {done.returncode}")


SEPARATE = [
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--die-with-parent",
    "--new-session",
]
# As root it may enter every folder, and is nobody before it reads the first order: these
# capabilities are given away by then.
AS_ROOT = [
    "--cap-add",
    "CAP_SETUID",
    "--cap-add",
    "CAP_SETGID",
    "--cap-add",
    "CAP_SYS_ADMIN",
    "--dir",
    "/proc",
]
AS_USER = ["--unshare-user", "--proc", "/proc"]
PACKAGES = ("site-packages", "dist-packages")
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin")
FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts")


def environment(library: str, scratch: str) -> dict[str, str]:
    """All a submission gets to see of the environment."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": library,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONWARNINGS": "ignore",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": f"{scratch}/matplotlib",
        "GRADING_FONTS": f"{library}/fonts",
        "IPYTHONDIR": f"{scratch}/ipython",
        "CUDA_VISIBLE_DEVICES": "",
        "COURSE_PROFILE": "smoke",
        "COURSE_GRADING": "1",
        "COURSE_NO_SHAPE_CHECK": "1",
        "OMP_NUM_THREADS": "1",
        "OMP_THREAD_LIMIT": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def places(hidden: Iterable[Path]) -> tuple[list[tuple[str, Path]], set[Path]]:
    """What a sandbox shows of this machine: bwrap's mounts of what Python needs, without
    ``hidden``, and the system's links, such as /lib. Raises CourseError where Python lies in there.
    """
    executable = Path(os.path.realpath(sys.executable))
    python = {Path(sys.prefix), Path(sys.base_prefix), executable.parent.parent}
    packages = {path for path in map(Path, sys.path) if path.name in PACKAGES and path.is_dir()}
    python = {path.absolute() for path in python | packages}
    system = {path for path in map(Path, SYSTEM) if path.exists()}
    links = {path for path in system if path.is_symlink()}
    shown = python | system - links
    shown = {path for path in shown if not shown & set(path.parents)}
    masked = {form for path in hidden for form in (path.absolute(), path.resolve())}
    masked = {path for path in masked if path.is_dir()}
    ensure(
        not shown & masked,
        "Python is installed in a folder that must be hidden",
        ", ".join(map(str, sorted(shown & masked))),
        "use another environment",
    )
    inner = {path for path in python if masked & set(path.parents)}
    mounts = [("--ro-bind", path) for path in shown | inner]
    mounts += [("--tmpfs", path) for path in masked if shown & set(path.parents)]
    return sorted(mounts, key=lambda mount: len(mount[1].parts)), links


def bubblewrap(library: Path, hidden: Iterable[Path]) -> list[str]:
    """What comes before the command: Python's folders and ``library`` read-only, and nothing else
    of this machine."""
    mounts, links = places(hidden)
    shown = {path for how, path in mounts if how == "--ro-bind"}
    # bwrap would make these folders for its owner only
    between = {Path("/etc")}.union(*(path.parents for path in shown)) - shown - {Path("/")}
    no_tmp = not any(Path("/tmp") in path.parents for path in shown)
    options = [
        (*SEPARATE, *(AS_ROOT if os.geteuid() == 0 else AS_USER)),
        *(("--perms", "0755", "--dir", path) for path in sorted(between)),
        *((how, path, path) if how == "--ro-bind" else (how, path) for how, path in mounts),
        *(("--symlink", os.readlink(link), link) for link in sorted(links)),
        *(("--ro-bind-try", file, file) for file in FILES),
        ("--ro-bind", library, "/grading"),
        ("--dev", "/dev"),
        ("--perms", "1777", "--tmpfs", "/scratch"),
        ("--symlink", "scratch", "/tmp") if no_tmp else (),
        ("--perms", "1777", "--tmpfs", "/dev/shm"),
        ("--remount-ro", "/"),
        ("--chdir", "/scratch"),
        ("--clearenv",),
        *(("--setenv", *pair) for pair in environment("/grading", "/scratch").items()),
    ]
    return ["bwrap", *map(str, chain.from_iterable(options)), "--"]


class Worker(contextlib.AbstractContextManager):
    """One sandbox with a warm process inside, for one submission after the other."""

    def __init__(self, tier: str, library: Path, probes: list[str], hidden: Iterable[Path] = ()):
        self.tier, self.library, self.probes = tier, library, probes
        # the complete course_lib, with its solutions, may lie within Python's own folders
        copies = (Path(entry) / "course_lib" for entry in sys.path)
        self.hidden = [*hidden, *(copy for copy in copies if copy.is_dir())]
        self.process: subprocess.Popen | None = None
        self.closed, self.cpu = False, 0.0

    def __exit__(self, *_: object) -> None:
        self.stop()

    def abort(self) -> None:
        """From another thread: end what runs, and start nothing more."""
        self.closed = True
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.orders.shutdown(socket.SHUT_RDWR)

    def start(self) -> None:
        """Start the sandbox and its warm process. Raises CourseError if that does not answer."""
        ensure(
            not self.closed,
            "grading was stopped",
            self.tier,
            "run it again: finished submissions are kept",
        )
        boxed = self.tier == "bubblewrap"
        self.scratch = "" if boxed else self._folder()
        self.orders, theirs = socket.socketpair()
        command = [
            *(bubblewrap(self.library, self.hidden) if boxed else ()),
            *(sys.executable, "-B", "-m", "grading_child.zygote", str(theirs.fileno())),
            *("nest" if boxed else "plain", *self.probes),
        ]
        inside = environment(str(self.library), self.scratch)
        variables = {"PATH": os.environ["PATH"]} if boxed else inside
        self.said = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            env=variables,
            cwd=self.scratch or "/",
            stdin=subprocess.DEVNULL,
            stdout=self.said,
            stderr=self.said,
            start_new_session=True,
            **self._other_user(),
        )
        theirs.close()
        self._ready()

    def _folder(self, inside: str | None = None) -> str:
        """A new folder that the submission may write to."""
        folder = tempfile.mkdtemp(prefix="grading-", dir=inside)
        if self.tier == "nobody":
            os.chown(folder, NOBODY, NOBODY)
        return folder

    def _other_user(self) -> dict:
        """Tier ``nobody``, for containers without namespaces: only root can start it.

        Raises CourseError if that user could read what is hidden.
        """
        if self.tier != "nobody":
            return {}
        nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        hidden = [str(path.absolute()) for path in self.hidden]
        look = "import os, sys; sys.exit(any(os.access(path, os.R_OK) for path in sys.argv[1:]))"
        ensure(
            not subprocess.run([sys.executable, "-c", look, *hidden], cwd="/", **nobody).returncode,
            "what is hidden from submissions can be read",
            ", ".join(hidden),
            "chmod 700, as root",
        )
        return nobody

    def _ready(self) -> None:
        self.facts = self._answer(time.monotonic() + 180)
        failed = self.facts.get("failed", {})
        needed = [name for name in failed if "checks.probes" in name or name == "torch"]
        if self.facts.get("ready") and not needed:
            return
        self.said.seek(0)
        said = self.said.read()[-2000:].decode(errors="replace").strip()
        self.stop()
        reason = "; ".join(f"{name}: {text}" for name, text in failed.items()) or said
        raise CourseError(
            f"the sandbox does not start: {reason or 'no answer'}",
            self.tier,
            "wait until the machine is less busy; --tier plain shows if the sandbox is at fault",
        )

    def stop(self) -> None:
        """End the warm process, which ends its children first."""
        if self.process is None:
            return
        self.orders.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()
        self.said.close()
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)
        self.process = None

    def run(self, job: dict, limits: Limits) -> Outcome:
        """One submission; whatever it does, this returns, and nothing of it is left running."""
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
        return Outcome(inbox, reason, self.cpu)

    def _collect(self, pipe: int, inbox: Inbox, deadline: float) -> str:
        """Fill ``inbox`` from the pipe until the last process of the submission has closed it, or
        has said too much.

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
