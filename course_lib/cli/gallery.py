"""One page of what a class made: ``course gallery FOLDER``."""

import io
from base64 import b64encode
from html import escape
from pathlib import Path

from course_lib.data.files import MARK, check_outputs, replace_file
from course_lib.data.images import find_images, read_image
from course_lib.errors import CourseError
from course_lib.runs import read_settings
from course_lib.training.state import read_rows

WIDEST = 900  # px of a picture on the page
COLOURS = Path(__file__).parents[1] / "demo" / "static" / "colours.css"
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; background: var(--back);
  color: var(--ink); color-scheme: light dark; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; padding: 1rem; border-radius: 12px; background: var(--card); }
img { width: 100%; border-radius: 6px; } small { color: var(--soft); }"""


def write(folder: Path, target: Path) -> int:
    """Write the page ``target``, with its pictures inside; how many entries it has.

    An entry is a run (its newest preview, with method, data and minutes) or a picture, anywhere
    below ``folder``. A text file beside them of the same name, or ``about.txt`` in the run, has the
    author's line; a second line is their name. Nothing else of them is shown. Raises CourseError
    if there is no entry, a picture cannot be read, or ``target`` is a file of another kind.
    """
    check_outputs([target])
    runs = sorted(path.parent for path in folder.rglob("run.json"))
    outside = [p for p in folder.glob("**/") if not any(p.is_relative_to(run) for run in runs)]
    pictures = [picture for place in sorted(outside) for picture in find_images(place)]
    entries = [_run(run) for run in runs if any(run.glob("previews/*.png"))]
    entries += [_entry(picture, picture.with_suffix(".txt"), "") for picture in pictures]
    if not entries:
        raise CourseError(
            "nothing to show here",
            folder,
            "give a folder with runs that have previews, or with pictures",
        )
    style = f"{COLOURS.read_text('utf-8')}{STYLE}"
    head = f"<!doctype html><meta charset=utf-8><meta name=generator content='{MARK}'>"
    head += f"<title>What we made</title><style>{style}</style>"
    page = f"{head}<h1>What we made</h1><main>{''.join(entries)}</main>"
    replace_file(target, page.encode())
    return len(entries)


def _run(run: Path) -> str:
    settings, rows = read_settings(run), read_rows(run / "history.jsonl")
    minutes = rows[max(rows)]["seconds"] / 60 if rows else 0
    about = f"{settings['method']} on {Path(settings['data']).name}, {minutes:.0f} minutes"
    return _entry(max(run.glob("previews/*.png")), run / "about.txt", about)


def _entry(picture: Path, text: Path, about: str) -> str:
    image = read_image(picture)
    image.thumbnail((WIDEST, WIDEST))
    image.save(file := io.BytesIO(), "webp", quality=85)
    line, name, *_ = [
        *(text.read_text("utf-8", "replace").splitlines() if text.exists() else []),
        "",
        "",
    ]
    data = b64encode(file.getvalue()).decode()
    said = "<br>".join(escape(part) for part in (line, name) if part)
    shown = f'<img src="data:image/webp;base64,{data}" alt="{escape(line or about)}">'
    caption = f"{said}<br><small>{escape(about)}</small>"
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"
