"""One page of what a class made: ``course gallery FOLDER``."""

from html import escape
from pathlib import Path

from course_lib.data.files import MARK, check_outputs, read_words, replace_file
from course_lib.data.images import find_images, list_folder, printable, read_image
from course_lib.errors import CourseError, ensure, note
from course_lib.runs import read_settings
from course_lib.training.run import read_rows
from course_lib.widgets.show import data_url

WIDEST = 900  # px of a picture on the page
COLOURS = Path(__file__).parents[1] / "demo" / "static" / "colours.css"
PAGE = """<!doctype html><meta charset=utf-8><meta name=generator content='{mark}'>
<title>What we made</title><style>{colours}{style}</style><h1>What we made</h1>
<main>{entries}</main>
"""
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; background: var(--back);
  color: var(--ink); color-scheme: light dark; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; padding: 1rem; border-radius: 12px; background: var(--card); }
img { width: 100%; border-radius: 6px; } small { color: var(--soft); }"""


def write(folder: Path, target: Path) -> int:
    """Write the page ``target``, with its pictures inside; how many entries it has.

    An entry is a run (its newest preview, with method, data and minutes) or a picture, anywhere
    below ``folder``, hidden folders aside. A text file of a picture's name beside it has what its
    author says, line by line, or for all pictures of a folder, and for a run, ``about.txt``.
    Nothing else of them is shown. What cannot be read is left out, with a note that names it.
    Raises CourseError if there is no entry, or ``target`` is a file of another kind.
    """
    check_outputs([target])
    list_folder(folder)  # or the reason why not
    places = [
        place
        for place in folder.glob("**/")
        if not any(name.startswith(".") for name in place.relative_to(folder).parts)
    ]
    runs = sorted(place for place in places if (place / "run.json").is_file())
    outside = [p for p in places if not any(p.is_relative_to(run) for run in runs)]
    shown = [(run, _run) for run in runs if any(run.glob("previews/*.png"))]
    shown += [(picture, _picture) for place in sorted(outside) for picture in find_images(place)]
    entries = []
    for path, entry in shown:
        try:
            entries.append(entry(path))
        except CourseError as error:
            note(f"left out {printable(path)}: {error.what}")
    ensure(
        entries,
        "nothing to show here",
        folder,
        "give a folder with runs that have previews, or with pictures",
    )
    page = PAGE.format(
        mark=MARK, colours=COLOURS.read_text("utf-8"), style=STYLE, entries="\n".join(entries)
    )
    replace_file(target, page.encode())
    return len(entries)


def _run(run: Path) -> str:
    settings, rows = read_settings(run), read_rows(run / "history.jsonl")
    seconds = [row["seconds"] for row in rows.values() if isinstance(row.get("seconds"), float)]
    minutes = max(seconds, default=0) / 60
    about = f"{settings['method']} on {Path(settings['data']).name}, {minutes:.0f} minutes"
    return _entry(max(run.glob("previews/*.png")), [run / "about.txt"], about)


def _picture(path: Path) -> str:
    return _entry(path, [path.with_suffix(".txt"), path.with_name("about.txt")], "")


def _entry(picture: Path, texts: list[Path], about: str) -> str:
    """``picture`` with what the first of ``texts`` that there is says, and ``about``."""
    image = read_image(picture)
    image.thumbnail((WIDEST, WIDEST))
    said = next((read_words(path) for path in texts if path.is_file()), "")
    lines = [escape(line.strip()) for line in said.splitlines() if line.strip()]
    alt = lines[0] if lines else escape(about)
    shown = f'<img src="{data_url(image, 85)}" alt="{alt}">'
    caption = f"{'<br>'.join(lines)}<br><small>{escape(about)}</small>"
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"
