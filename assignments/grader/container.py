"""The container tier: docker or podman on Linux, an empty image, and this machine's Python shown in it read-only."""

import functools
import io
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from course_lib.errors import CourseError

IMAGE = "course-grader:empty"
NOBODY = 65534


def places(hidden: Iterable[Path]) -> tuple[set[Path], set[Path], list[Path], set[Path]]:
    """What a sandbox shows: folders of Python and the system; those within that it covers, hidden ones; Python's own
    folders that lie within a covered one; and links of the system, such as /lib."""
    python = {
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(os.path.realpath(sys.executable)).parent.parent,
    }
    python |= {
        Path(p)
        for p in sys.path
        if Path(p).name in ("site-packages", "dist-packages") and Path(p).is_dir()
    }
    system = {
        Path(p) for p in ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin") if Path(p).exists()
    }
    links = {p for p in system if p.is_symlink()}
    shown = {p.absolute() for p in python} | system - links
    shown = {p for p in shown if not any(other in p.parents for other in shown)}
    masked = {p for q in hidden for p in {q.absolute(), q.resolve()} if p.is_dir()}
    if clash := sorted(shown & masked):
        raise CourseError(
            "Python is installed in a folder that must be hidden",
            clash[0],
            "use another environment",
        )
    inner = [p.absolute() for p in python if any(m in p.absolute().parents for m in masked)]
    return (
        shown,
        {p for p in masked if any(s in p.parents for s in shown)},
        sorted({*inner} - shown),
        links,
    )


@functools.cache
def engine() -> str:
    """``docker`` or ``podman``, whichever answers first; empty if none does."""
    for name in ("docker", "podman") if sys.platform.startswith("linux") else ():
        if shutil.which(name) and _quiet([name, "version"]).returncode == 0:
            return name
    return ""


@functools.cache
def trouble() -> str:
    """Why no container can be used; empty where one can. Makes the empty image the first time."""
    if not (name := engine()):
        return (
            "neither docker nor podman answers"
            if sys.platform.startswith("linux")
            else "it needs Linux"
        )
    if _quiet([name, "image", "inspect", IMAGE]).returncode:
        with tarfile.open(fileobj=(data := io.BytesIO()), mode="w") as tar:
            for folder in ("etc", "scratch", "tmp"):
                (info := tarfile.TarInfo(folder)).type = tarfile.DIRTYPE
                info.mode = 0o755 if folder == "etc" else 0o1777
                tar.addfile(info)
        _quiet([name, "import", "-", IMAGE], data.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        done = _quiet(
            [
                *command(
                    "course-grader-try-" + secrets.token_hex(4), Path(folder), Path(folder), ()
                ),
                "true",
            ]
        )
    return "" if done.returncode == 0 else done.stderr.decode(errors="replace").strip()[-500:]


def _quiet(words: list[str], data: bytes = b"") -> subprocess.CompletedProcess:
    return subprocess.run(words, input=data, capture_output=True, timeout=120)


def command(name: str, library: Path, control: Path, hidden: Iterable[Path]) -> list[str]:
    """What comes before the command: no network, no capability, nothing to write to but memory."""
    from assignments.grader.sandbox import Limits, environment

    shown, masked, inner, links = places(hidden)
    words = [
        engine(),
        "run",
        "--rm",
        "--pull=never",
        "--name",
        name,
        "--network=none",
        "--read-only",
        "--cap-drop=ALL",
    ]
    words += ["--security-opt=no-new-privileges", f"--user={NOBODY}:{NOBODY}", "--pids-limit=128"]
    words += [f"--memory={2 * Limits.memory_mb}m", f"--memory-swap={2 * Limits.memory_mb}m"]
    for path in ("/scratch", "/tmp"):
        words.append(f"--tmpfs={path}:rw,nosuid,nodev,mode=1777,size={Limits.scratch_mb}m")
    words += [
        f"--shm-size={Limits.scratch_mb}m",
        "--workdir=/scratch",
        "--ulimit=nofile=1024:1024",
        "--ulimit=nproc=1024:1024",
    ]
    over = [(p, "") for p in masked] + [(p, f"{p}:{p}:ro") for p in (*shown, *inner)]
    for path, bind in sorted(over, key=lambda place: len(place[0].parts)):
        words.append(f"--volume={bind}" if bind else f"--tmpfs={path}:ro,mode=0755,size=4k")
    words += [f"--volume={p.resolve()}:{p}:ro" for p in sorted(links)]
    for path in ("/etc/ld.so.cache", "/etc/fonts"):
        words += [f"--volume={path}:{path}:ro"] if Path(path).exists() else []
    words += [f"--volume={library}:/grading:ro", f"--volume={control}:/control:ro"]
    words += [f"--env={key}={value}" for key, value in environment("/grading", "/scratch").items()]
    return [*words, IMAGE]


class Cage:
    """One container with a warm process inside. A submission gets one of its own: in here none can be nested."""

    def __init__(self, library: Path, hidden: Iterable[Path]):
        self.library, self.hidden = library, tuple(hidden)
        self.name = "course-grader-" + secrets.token_hex(8)

    def start(self, probes: list[str]) -> tuple[subprocess.Popen, socket.socket, IO[bytes]]:
        """The engine's process, the socket to the warm process, and what both say. Raises CourseError."""
        with (
            tempfile.TemporaryDirectory(prefix="grading-control-") as folder,
            socket.socket(socket.AF_UNIX) as door,
        ):
            os.chmod(folder, 0o755)
            door.bind(f"{folder}/door")
            os.chmod(
                f"{folder}/door", 0o777
            )  # the warm process is nobody; it knocks before any student code runs
            door.listen(1)
            door.settimeout(1)
            inside = [
                sys.executable,
                "-B",
                "-m",
                "grading_child.zygote",
                "/control/door",
                "nest",
                *probes,
            ]
            words = [*command(self.name, self.library, Path(folder), self.hidden), *inside]
            said = tempfile.TemporaryFile()  # noqa: SIM115
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
            for _ in range(120):
                try:
                    return process, door.accept()[0], said
                except TimeoutError:
                    if process.poll() is not None:
                        break
            self.end()
            said.seek(0)
            what = f"the container does not start: {said.read()[-2000:].decode(errors='replace').strip()}"
            raise CourseError(what, engine(), "--tier bubblewrap, or --tier plain (weak)")

    def end(self) -> None:
        """Nothing of it is left, also where its warm process no longer listens."""
        _quiet([engine(), "rm", "--force", self.name])
