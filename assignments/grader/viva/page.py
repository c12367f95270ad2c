"""The pages of a viva: the sheet and its key."""

from pathlib import Path

from assignments.grader.feedback import PAGES
from course_lib.data.files import replace_file


def write(folder: Path, viva: dict, practice: bool) -> list[Path]:
    """The sheet (HTML, Markdown) and its key, or the sheet for practice with folded answers."""
    of = viva["of"]
    folder.mkdir(parents=True, exist_ok=True)
    pages = ("practice.md",) if practice else ("sheet.html", "sheet.md", "key.md")
    paths = [folder / f"{of.problem_set}-{of.student}-{viva['seed']}-{page}" for page in pages]
    for path, page in zip(paths, pages, strict=True):
        template = PAGES.get_template(f"viva{path.suffix}")
        replace_file(path, template.render(viva | {"page": page.split(".")[0]}).encode())
    return paths
