"""Locks one submission in: fresh namespaces, limits, and the end of a whole process tree. Needs
only the kernel.
"""

import contextlib
import ctypes
import os
import resource
import signal
import time
from collections.abc import Iterable

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID = 0x20000, 0x04000000, 0x08000000, 0x10000000, 0x20000000
NOSUID_NODEV, NOSUID_NODEV_NOEXEC = 6, 14
PDEATHSIG, SET_DUMPABLE, CAPBSET_DROP, SET_NO_NEW_PRIVS, SET_CHILD_SUBREAPER = 1, 4, 24, 38, 36
NOBODY = 65534
PAGE = os.sysconf("SC_PAGE_SIZE")

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """A function of libc that returns 0, or OSError."""
    if getattr(libc, name)(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def control(option: int, value: int = 0) -> None:
    """prctl where there is one."""
    if hasattr(libc, "prctl"):
        libc.prctl(option, value, 0, 0, 0)


def mount(
    kind: bytes, target: bytes, flags: int = NOSUID_NODEV, options: bytes | None = None
) -> None:
    call("mount", kind, target, kind, ctypes.c_ulong(flags), options)


def become_nobody() -> None:
    """Started by root: mount /proc, which root's sandbox lacks, and give all privileges away for
    good.
    """
    if os.geteuid() == 0:
        mount(b"proc", b"/proc", NOSUID_NODEV_NOEXEC)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def enter_namespaces() -> None:
    """New user, mount, process and IPC namespaces for this process and, for processes, its next
    child.
    """
    uid, gid = os.getuid(), os.getgid()
    control(SET_DUMPABLE, 1)  # or the two maps could not be written
    call("unshare", NEWUSER | NEWNS | NEWPID | NEWIPC | NEWUTS)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def furnish(scratch_mb: int) -> None:
    """As the first process in there: own /proc, /scratch and /dev/shm; then no capability and no
    further namespace.
    """
    mount(b"proc", b"/proc", NOSUID_NODEV_NOEXEC)
    mount(b"tmpfs", b"/scratch", options=f"size={scratch_mb}m,nr_inodes=4096,mode=1777".encode())
    mount(b"tmpfs", b"/dev/shm", options=f"size={scratch_mb}m,nr_inodes=1024,mode=1777".encode())
    with contextlib.suppress(OSError), open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")
    for capability in range(64):
        control(CAPBSET_DROP, capability)
    head, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    call("capset", head, none)
    control(SET_NO_NEW_PRIVS, 1)


def limit(memory_mb: int, processes: int | None, file_mb: int) -> None:
    """Limits on what one process may take; they are inherited. Address space is counted on top of
    today's.
    """
    with contextlib.suppress(OSError):
        with open("/proc/self/statm") as file:
            space = int(file.read().split()[0]) * PAGE
        lower(resource.RLIMIT_AS, space + memory_mb * 2**20)
    lower(resource.RLIMIT_FSIZE, file_mb * 2**20)
    lower(resource.RLIMIT_NOFILE, 128)
    lower(resource.RLIMIT_CORE, 0)
    # counted in the namespace; elsewhere the user's other processes would count too
    if processes is not None:
        lower(resource.RLIMIT_NPROC, processes)


def lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS knows some of them in name only
        resource.setrlimit(which, (value, value))


def limit_cpu(seconds: float) -> None:
    """At most so many seconds of a core from now on, for this process; then SIGXCPU, a second later
    SIGKILL.
    """
    soft = int(time.process_time() + seconds) + 1
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 1))


def family(root: int) -> dict[int, bool]:
    """``root`` and all processes below it, by /proc; only ``root`` where there is none.

    True stands beside those that have ended, and whose parent has not asked for it.
    """
    children: dict[int, list[tuple[int, bool]]] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, IndexError, ValueError):
                    with open(f"/proc/{name}/stat", "rb") as file:
                        state, parent = file.read().rpartition(b")")[2].split()[:2]
                    children.setdefault(int(parent), []).append((int(name), state == b"Z"))
    found = [(root, False)]
    for pid, _ in found:
        found += children.get(pid, [])
    return dict(found)


def private_bytes(pids: Iterable[int], shared: int) -> int:
    """Resident memory of ``pids`` together, each beyond the ``shared`` bytes it was forked with."""
    total = 0
    for pid in pids:
        with (
            contextlib.suppress(OSError, IndexError, ValueError),
            open(f"/proc/{pid}/statm", "rb") as file,
        ):
            total += max(0, int(file.read().split()[1]) * PAGE - shared)
    return total


def kill_below(root: int, spare: int) -> None:
    """SIGKILL to all processes below ``root`` until none is left; ``spare`` (this process) reaps
    what falls to it.
    """
    for _ in range(200):
        left = [pid for pid in family(root) if pid != spare]
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not left:
            return
        time.sleep(0.002)
