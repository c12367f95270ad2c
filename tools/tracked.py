"""Which files are the project's: those that git tracks. A file of one's own beside them is not."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def tracked(*patterns: str, root: Path = ROOT) -> list[Path]:
    """The tracked files that match one of ``patterns``, as ``Path.glob`` reads them, sorted.

    ``root`` need not be a clone: in an unpacked archive every file that matches counts.
    """
    if not (root / ".git").exists():
        return sorted({path for pattern in patterns for path in root.glob(pattern)})
    command = ["git", "ls-files", "-z", "--", *(f":(glob){pattern}" for pattern in patterns)]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True)
    names = set(os.fsdecode(done.stdout).split("\0"))
    return [path for name in sorted(names) if (path := root / name).is_file()]
