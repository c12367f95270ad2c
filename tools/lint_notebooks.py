"""What every notebook and every page must be, whatever it teaches: `python -m
tools.lint_notebooks`.

Eight rules for the files that git tracks. It prints a line for each place that breaks one, and
exits with 1 if there is any:

    order       all cells were executed, from top to bottom, and none ended in an error
    parameters  the first code cell, and no other, is tagged parameters, and says profile = "auto"
    receipt     it has one, and the code that it is of is the code that stands in it
    quiet       no warnings, and on stderr nothing but progress bars
    alt         every picture has a text for those who cannot see it, and every figure, too
    links       files and headings that are linked to exist
    cited       notebooks, sections and exercises that are named exist
    machine     no path of somebody's machine, no registry's address, no note to oneself
"""

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat

from course_lib.cli.runner import code_hash
from tools.tracked import ROOT, tracked

WARNING = re.compile(r"\b\w*Warning:|Traceback \(most recent call last\)")
BAR = re.compile(r"\d+%\||\d+(it|cell|B) \[|\d+/\d+ \[")  # a bar, or a counter of something endless
PICTURE = re.compile(r"!\[(?P<markdown>[^\]]*)\]\(|<img\b(?P<html>[^>]*)>")
HTML_ALT = re.compile(r"""\balt=["']\s*[^\s"']""")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
SECTION = re.compile(r"^## (\d+)\. ", re.MULTILINE)
EXERCISE = re.compile(r"\*\*Exercise (\d+)")
LINK = re.compile(
    r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?[^)]*\)|<img[^>]* src=\"(?!https?:)([^\"]+)\""
)
HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)
NN = r"[01]\d[a-z]?"  # a notebook's number
TO_NOTEBOOK = re.compile(rf"\[[^\]]*\]\((?:[^)\s]*/)?({NN})_\w+\.ipynb[^)]*\)")
ABOUT = re.compile(rf"^#+ ({NN})(?!\.)\b.*$", re.MULTILINE)  # what follows is about this notebook
NAMED = re.compile(
    r"\bnotebooks? (\d\d[a-z]?\b(?:(?:, \d\d[a-z]?)*,? (?:and|or|to) \d\d[a-z]?\b)?)"
)
CITED = re.compile(
    rf"(?:\b(?P<before>{NN})(?:['\u2019]s|,)? (?:(?:and|in) )?)?"
    r"\b(?P<kind>section|exercise)"
    r"(?: (?P<one>\d+)|s (?P<several>\d+(?:(?:, \d+)*,? (?:and|or|to) \d+|[-\u2013]\d+)))(?!\.?\d)"
    rf"(?:,? (?:of|in|from) (?:notebook )?(?P<after>{NN})\b)?(?! of (?:the|its|their) paper)",
    re.IGNORECASE,
)
PAGES = (
    "*.md",
    ".github/*.md",
    "assignments/*.md",
    "notebooks/*.md",
    "notebooks/guide/*.md",
    "tests/*.md",
)
MACHINE = re.compile(
    r"(?<![\w.~/-])/(?:root|work|opt(?!/tljh)|home/\w+|Users/\w+|private/var"
    r"|tmp/(?:ipykernel|bash)_\w+)/"
    r"|file:///\w|C:\\+Users"
    r"|\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|npmmirror\.com|deb\.debian\.org)\b"
    r"|\b(?:TO" r"DO|FIX" r"ME)\b"
)  # fmt: skip


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    """All Markdown, without the code in it."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return CODE.sub("", "\n\n".join(cells))


def is_tagged(cell, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def order(notebook, path: Path) -> Iterator[str]:
    counts = [cell.execution_count for cell in code_cells(notebook) if cell.source.strip()]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}"
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {cell.execution_count} ended in {output.ename}"


def parameters(notebook, path: Path) -> Iterator[str]:
    cells = code_cells(notebook)
    if [cell for cell in cells if is_tagged(cell, "parameters")] != cells[:1]:
        yield "the first code cell, and no other, must be tagged parameters"
    if any(is_tagged(cell, "injected-parameters") for cell in cells):
        yield "papermill's injected cell would beat COURSE_PROFILE"
    default = ast.dump(ast.parse('profile = "auto"').body[0])
    if default not in [ast.dump(node) for node in ast.parse(cells[0].source).body]:
        yield 'the first code cell does not say profile = "auto"'


def receipt(notebook, path: Path) -> Iterator[str]:
    told = notebook.metadata.get("receipt", {"code": "", "profile": ""})
    if told["code"] != code_hash(notebook):
        yield "its code was not executed, or changed since: run it again, and tools/store.py"
    if told["profile"] == "gpu" and not told.get("memory_mb"):
        yield "a receipt of profile gpu whose GPU held 0 MB"


def quiet(notebook, path: Path) -> Iterator[str]:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            text = output.get("text", "")
            if hit := WARNING.search(text):
                yield f"cell {cell.execution_count}: {hit.group()}"
            elif output.get("name") == "stderr":
                for line in re.split(r"[\r\n]+", text):
                    if line.strip() and not BAR.search(line):
                        yield f"cell {cell.execution_count}, stderr: {line[:80]}"


def alt(notebook, path: Path) -> Iterator[str]:
    for cell in code_cells(notebook):
        kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
        drawn = any(kind.startswith("image/") for kind in kinds)
        if drawn and not cell.metadata.get("alt", "").strip():
            yield f"cell {cell.execution_count} draws a figure, and its metadata has no alt"
    yield from pictures_without_alt(prose(notebook))


def pictures_without_alt(text: str) -> Iterator[str]:
    for hit in PICTURE.finditer(text):
        told = hit["markdown"].strip() if hit["html"] is None else HTML_ALT.search(hit["html"])
        if not told:
            yield f"no alt text: {hit.group()[:80]}"


def links(notebook, path: Path) -> Iterator[str]:
    yield from dead_links(prose(notebook), path)


def dead_links(text: str, path: Path) -> Iterator[str]:
    for hit in LINK.finditer(text):
        target = path.parent / (hit[1] or hit[3]) if hit[1] or hit[3] else path
        if not target.exists():
            yield f"dead link: {hit[1] or hit[3]}"
        elif hit[2] and hit[2] not in anchors(target):
            yield f"no such heading: {hit.group()[2:-1]}"


def anchors(path: Path) -> set[str]:
    """What may stand behind the #: headings as Jupyter or code hosting sites write them; names."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        nodes = list(ast.walk(ast.parse(text)))
        defined = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        methods = [f"{c.name}.{n.name}" for c in defined for n in c.body if n in defined]
        return {node.name for node in defined} | set(methods)
    if path.suffix == ".ipynb":
        headings = HEADING.findall(prose(nbformat.reads(text, as_version=4)))
        return {heading.replace(" ", "-") for heading in headings}
    plain = [re.sub(r"[^\w\s-]", "", heading.lower()) for heading in HEADING.findall(text)]
    return {heading.replace(" ", "-") for heading in plain}


def counted(text: str) -> dict[str, set[str]]:
    """The numbers of a page's sections and exercises."""
    return {"section": set(SECTION.findall(text)), "exercise": set(EXERCISE.findall(text))}


def cited(notebook, path: Path) -> Iterator[str]:
    """In prose, and in the hints and comments of the code."""
    code = "\n".join(cell.source for cell in code_cells(notebook))
    yield from wrong_citations(prose(notebook) + "\n" + code, counted(prose(notebook)))


def wrong_citations(text: str, here: dict[str, set[str]]) -> Iterator[str]:
    """``notebook 04``, ``section 3``, ``sections 3 to 5``, ``exercise 2 of notebook 05`` ...

    Without a notebook beside it, a number is one of this page, or of the notebook that the heading
    above is about (``## 02 · pix2pix``).
    """
    first, *about = ABOUT.split(TO_NOTEBOOK.sub(r"notebook \1", text))
    parts = [(here, first)]
    parts += [(COUNTED.get(n, here), part) for n, part in zip(about[::2], about[1::2], strict=True)]
    for of_part, part in parts:
        line = " ".join(part.split())
        for hit in NAMED.finditer(line):
            if not COUNTED.keys() >= set(re.findall(r"\d\d[a-z]?", hit[1])):
                yield f"there is no such notebook: {hit.group()}"
        for hit in CITED.finditer(line):
            known = COUNTED.get(hit["after"] or hit["before"], of_part)[hit["kind"].lower()]
            if not known >= set(re.findall(r"\d+", hit["one"] or hit["several"])):
                yield f"there is no such {hit['kind'].lower()}: {hit.group()}"


def machine(text: str) -> Iterator[str]:
    for hit in MACHINE.finditer(text):
        yield f"names {hit.group()}"


NOTEBOOK_RULES = (order, parameters, receipt, quiet, alt, links, cited)
COUNTED: dict[str, dict[str, set[str]]] = {}  # of each notebook, as 02b


def texts() -> Iterator[tuple[str, str]]:
    """Every text file; pictures in notebooks are left out."""
    for path in tracked("**"):
        data = path.read_bytes()
        if b"\0" not in data[:8000]:
            lines = data.decode("utf-8", errors="replace").splitlines()
            yield (
                str(path.relative_to(ROOT)),
                "\n".join(line for line in lines if len(line) <= 4000),
            )


def problems() -> Iterator[str]:
    notebooks = {path: nbformat.read(path, as_version=4) for path in tracked("notebooks/*.ipynb")}
    for path, notebook in notebooks.items():
        nbformat.validate(notebook)
        COUNTED[path.name.partition("_")[0]] = counted(prose(notebook))
    for path, notebook in notebooks.items():
        for rule in NOTEBOOK_RULES:
            yield from named(f"{path.name}: {rule.__name__}", rule(notebook, path))
        widgets = json.dumps(notebook.metadata.get("widgets", {}))
        yield from named(f"{path.name}: machine: a widget", machine(widgets))
    for path in tracked("notebooks/gpu/*.ipynb"):  # copies of those above
        found = receipt(nbformat.read(path, as_version=4), path)
        yield from named(f"gpu/{path.name}: receipt", found)
    for path in tracked("assignments/source/**/*.ipynb"):
        yield from named(f"{path.name}: cited", cited(nbformat.read(path, as_version=4), path))
    for path in tracked(*PAGES):
        text = CODE.sub("", path.read_text(encoding="utf-8"))
        found = [*dead_links(text, path), *pictures_without_alt(text)]
        found += wrong_citations(text, counted(text))
        yield from named(str(path.relative_to(ROOT)), found)
    for name, text in texts():
        yield from named(f"{name}: machine", machine(text))


def named(place: str, found: Iterable[str]) -> Iterator[str]:
    return (f"{place}: {problem}" for problem in found)


if __name__ == "__main__":
    wrong = list(problems())
    print("\n".join(wrong) or "notebooks and pages: eight rules, nothing to say")
    sys.exit(bool(wrong))
