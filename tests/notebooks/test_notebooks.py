"""What every notebook of the course must be. Each rule is a function; each is shown to be able to fail."""

import ast
import base64
import binascii
import copy
import functools
import io
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mistune
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, UnidentifiedImageError

from tests import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

MAX_BYTES = (
    1_500_000  # larger ones load slowly in a browser and are not shown on code hosting sites
)
MIN_CELLS, MAX_CELLS = (
    25,
    60,
)  # good tutorial notebooks have about 58; fewer is a script, more is two notebooks
MIN_CELLS_START = 12  # 00_ is a welcome, not a lesson
MAX_WORDS = 3000  # of prose, about 15 minutes of reading
MAX_LINES, MAX_LINES_STEP = (
    25,
    30,
)  # of a code cell: what fits a screen; a training step is shown whole
MAX_MEDIAN_LINES = 10  # most cells do one thing
MIN_PROSE = 0.8  # share of code cells with prose right before: "nearly every one"
MIN_WIDTH, MIN_TILE = 700, 110  # pixels of a figure, or of each picture in a row of it
CELL_SECONDS = 240  # for one cell at profile smoke, on a slow machine

CHECKED = re.compile(r"^\s*#\s*NBVAL_CHECK_OUTPUT\s*$", re.MULTILINE)
STEP = re.compile(r"^\s*def \w*step\w*\(", re.MULTILINE)
PICTURE = re.compile(r"!\[(?P<markdown>[^\]]*)\]\(|<img\b(?P<html>[^>]*)>")
HTML_ALT = re.compile(r"""\balt=["']\s*[^\s"']""")
MACHINE = re.compile(r"/(?:home|root|work|Users)/|/tmp/ipykernel|C:\\+Users")
SECTION = re.compile(r"^## (\d+)\. ", re.MULTILINE)
CITED = re.compile(
    r"notebook (?P<notebook>\d\d[a-z]?)\b(?:,? section (?P<its>\d+))?"
    r"|sections? (?P<first>\d+)(?: (?:and|or|to) (?P<second>\d+))?(?: of notebook (?P<of>\d\d[a-z]?))?"
)
TQDM = re.compile(
    r"\d+%\||\d+(it|cell|B) \[|\d+/\d+ \["
)  # a bar, or a counter of something endless
NOISE = re.compile(r"\b\w*Warning:|Traceback \(most recent call last\)")


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    """All markdown, without code in it."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def outputs(notebook) -> list[tuple[int, dict]]:
    return [
        (i, output) for i, cell in enumerate(code_cells(notebook), 1) for output in cell.outputs
    ]


def lines_of(cell) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def text_of(output) -> str:
    """Everything in an output but pictures."""
    data = {
        kind: value
        for kind, value in output.get("data", {}).items()
        if not kind.startswith("image/")
    }
    return "".join([output.get("text", ""), *map(str, data.values()), *output.get("traceback", [])])


# ---- the rules: what is wrong, one string for each


def executed_in_order(notebook, path):
    counts = [cell.execution_count for cell in code_cells(notebook) if cell.source.strip()]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}"]


def no_errors(notebook, path):
    return [
        f"code cell {i}: {out.ename}" for i, out in outputs(notebook) if out.output_type == "error"
    ]


def some_output_is_checked(notebook, path):
    """nbval-lax compares marked cells only, and a marked cell that was stored without output compares nothing."""
    checked = [cell for cell in code_cells(notebook) if CHECKED.search(cell.source)]
    if not checked:
        return ["no cell is marked # NBVAL_CHECK_OUTPUT"]
    return [f"a checked cell has no output: {cell.source}" for cell in checked if not cell.outputs]


def parameters_first(notebook, path):
    """An injected cell would beat COURSE_PROFILE, and the tests would run the large profile."""
    cells, found = code_cells(notebook), []
    tags = [cell.metadata.get("tags", []) for cell in cells]
    if ["parameters" in t for t in tags] != [True] + [False] * (len(cells) - 1):
        found.append("the first code cell, and no other, must be tagged parameters")
    if any("injected-parameters" in t for t in tags):
        found.append("has a cell that papermill injected")
    wanted = ast.dump(ast.parse('profile = "auto"').body[0])
    if cells and wanted not in [ast.dump(node) for node in ast.parse(cells[0].source).body]:
        found.append('the first code cell does not hold profile = "auto"')
    return found


def kernel_is_plain(notebook, path):
    found = []
    if (name := notebook.metadata.get("kernelspec", {}).get("name")) != "python3":
        found.append(f"kernel {name!r} instead of 'python3'")
    if "version" in notebook.metadata.get("language_info", {}):
        found.append("language_info.version changes with every machine: remove it")
    return found


def small_file(notebook, path):
    size = path.stat().st_size
    return [] if size < MAX_BYTES else [f"{size} bytes"]


def number_of_cells(notebook, path):
    least = MIN_CELLS_START if path.name.startswith("00_") else MIN_CELLS
    return [] if least <= len(notebook.cells) <= MAX_CELLS else [f"{len(notebook.cells)} cells"]


def number_of_words(notebook, path):
    # not running: what is folded, tables, a reader's predictions, the list of papers
    left_out = (
        r"<details>.*?</details>|^\|[^\n]*$|^> \*\*Your guess[^\n]*$|^\*\*References?\.\*\*[^\n]*$"
    )
    words = len(re.sub(left_out, "", prose(notebook), flags=re.DOTALL | re.MULTILINE).split())
    return [] if words <= MAX_WORDS else [f"{words} words"]


def short_code(notebook, path):
    found = []
    for i, cell in enumerate(code_cells(notebook), 1):
        limit = MAX_LINES_STEP if STEP.search(cell.source) else MAX_LINES
        if lines_of(cell) > limit:
            found.append(f"code cell {i} has {lines_of(cell)} lines")
    median = statistics.median([lines_of(cell) for cell in code_cells(notebook)] or [0])
    return found + (
        [f"the median code cell has {median} lines"] if median > MAX_MEDIAN_LINES else []
    )


def prose_before_code(notebook, path):
    cells = [
        cell for cell in notebook.cells if 'find_spec("course_lib")' not in cell.source
    ]  # the one for Colab
    pairs = list(zip([None, *cells], cells, strict=False))
    before = [
        a is not None and a.cell_type == "markdown" for a, b in pairs if b.cell_type == "code"
    ]
    return (
        []
        if before and sum(before) >= MIN_PROSE * len(before)
        else [f"{sum(before)} of {len(before)} code cells"]
    )


def pictures_have_alt_text(notebook, path):
    found = []
    for hit in PICTURE.finditer(prose(notebook)):
        alt = hit["markdown"].strip() if hit["html"] is None else HTML_ALT.search(hit["html"])
        found += [] if alt else [f"no alt text: {hit.group()[:80]}"]
    for i, cell in enumerate(code_cells(notebook), 1):
        drawn = any(
            {"image/png", "image/jpeg"} & set(output.get("data", {})) for output in cell.outputs
        )
        if drawn and not cell.metadata.get("alt", "").strip():  # page.py puts it into the HTML
            found.append(f"code cell {i} draws a figure, and its metadata has no alt")
    return found


def no_machine_paths(notebook, path):
    hits = [(i, MACHINE.search(text_of(output))) for i, output in outputs(notebook)]
    widgets = MACHINE.search(json.dumps(notebook.metadata.get("widgets", {})))
    return [
        f"code cell {i}: {hit.group()}" for i, hit in [*hits, ("any (a widget)", widgets)] if hit
    ]


def quiet_outputs(notebook, path):
    found = []
    for i, output in outputs(notebook):
        text = text_of(output)
        if hit := NOISE.search(text):
            found.append(f"code cell {i}: {hit.group()}")
        if output.get("name") == "stderr":
            said = [
                line
                for line in re.split(r"[\r\n]+", text)
                if line.strip() and not TQDM.search(line)
            ]
            found += [f"code cell {i}, stderr: {line[:80]}" for line in said]
    return found


def sections_are_counted(notebook, path):
    """Sections and exercises are numbered 1, 2, 3, and so on."""
    found = []
    for kind, pattern in (("sections", r"^## (\d+)\. "), ("exercises", r"\*\*Exercise (\d+)")):
        numbers = [int(n) for n in re.findall(pattern, prose(notebook), re.MULTILINE)]
        found += (
            []
            if numbers == list(range(1, len(numbers) + 1))
            else [f"{kind} are numbered {numbers}"]
        )
    return found


def cited_places_exist(notebook, path):
    """``notebook 04``, ``section 3``, ``sections 3 and 4``, and a section of another notebook in either order."""
    text = prose(notebook)
    return wrong_citations(
        text, numbered_sections() | {own(path): set(SECTION.findall(text))}, own(path)
    )


def emphasis_is_closed(notebook, path):
    """No asterisk is left when the text is shown."""
    found, render = [], mistune.create_markdown(plugins=["table"])
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            text = re.sub(
                r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", "X", cell.source, flags=re.DOTALL
            )
            found += [f"cell {i}: {hit}" for hit in re.findall(r".{0,25}\*.{0,25}", render(text))]
    return found


def figures_have_captions(notebook, path):
    """The cell after a figure begins with what is shown, in italics."""
    found = []
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        drawn = any(
            kind.startswith("image/")
            for out in cell.get("outputs", ())
            for kind in out.get("data", {})
        )
        if drawn and (
            after is None
            or after.cell_type != "markdown"
            or not re.match(r"\*[^*\s]", after.source)
        ):
            found.append(f"no caption after: {cell.source[:60]}")
    return found


def figures_are_large(notebook, path):
    """Wide, or with few pictures in a row, each large enough: the cell's metadata has "tiles", how many they are."""
    found = []
    for i, cell in enumerate(code_cells(notebook), 1):
        for data in (out.get("data", {}) for out in cell.outputs):
            for kind in {"image/png", "image/jpeg"} & set(data):
                try:
                    width = Image.open(io.BytesIO(base64.b64decode(data[kind]))).width
                except (UnidentifiedImageError, binascii.Error):
                    continue
                tiles = cell.metadata.get("tiles")
                if width < (MIN_TILE * tiles if tiles else MIN_WIDTH):
                    found.append(f"code cell {i}: a figure of {width} px")
    return found


def tagged_numbers_are_outputs(notebook, path):
    """A number in prose as <data>0.07</data> stands in an output of the notebook, digit for digit."""
    printed = " ".join(text_of(output) for _, output in outputs(notebook))
    numbers = re.findall(r"<data>(.*?)</data>", prose(notebook))
    return [n for n in numbers if not re.search(rf"(?<![\d.]){re.escape(n)}(?!\.?\d)", printed)]


def begins_with_a_title(notebook, path):
    title = notebook.cells[0].source.partition("\n")[0]
    return [] if re.match(r"# [^#\s]", title) else [f"the first line is no title: {title}"]


RULES = {
    rule.__name__: rule
    for rule in (
        executed_in_order, no_errors, some_output_is_checked, parameters_first, kernel_is_plain, small_file,
        number_of_cells, number_of_words, short_code, prose_before_code, pictures_have_alt_text, no_machine_paths,
        quiet_outputs, begins_with_a_title, sections_are_counted, cited_places_exist, emphasis_is_closed,
        figures_have_captions, figures_are_large, tagged_numbers_are_outputs,
    )
}  # fmt: skip


def own(path: Path) -> str:
    return path.name.partition("_")[0]


@functools.cache
def numbered_sections() -> dict[str, set[str]]:
    """For each notebook of the course, as "02b", the numbers of its sections."""
    return {
        own(path): set(SECTION.findall(prose(nbformat.read(path, as_version=4))))
        for path in NOTEBOOKS
    }


def wrong_citations(text: str, sections: dict[str, set[str]], here: str = "") -> list[str]:
    found = []
    for hit in CITED.finditer(text):
        notebook = hit["notebook"] or hit["of"] or here
        if notebook not in sections:
            found.append(f"there is no notebook {notebook}: {hit.group()}")
            continue
        cited = [hit[name] for name in ("its", "first", "second") if hit[name]]
        found += [
            f"notebook {notebook} has no section {n}: {hit[0]}"
            for n in cited
            if n not in sections[notebook]
        ]
    return found


def problems(path: Path, rule: str) -> list[str]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return RULES[rule](notebook, path)


# ---- the notebooks of the course


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS if path.name.startswith("00_")], (
        "notebooks/ holds no 00_*.ipynb"
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, rule):
    assert problems(path, rule) == []


def nbval(path: Path, out: Path) -> subprocess.CompletedProcess:
    """nbval-lax in a process of its own, at profile smoke."""
    command = f"-m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout={CELL_SECONDS} -p no:cacheprovider"
    env = {**os.environ, "COURSE_PROFILE": "smoke", "COURSE_OUT": str(out)}
    return subprocess.run(
        [sys.executable, *command.split(), "-q", "--color=no", f"--rootdir={ROOT}", str(path)],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=1100,
    )  # fmt: skip


def nbval_problems(path: Path, out: Path) -> str:
    """Empty, or the end of what nbval says. A run that collected other than every code cell is a problem."""
    done = nbval(path, out)
    passed = sum(
        map(int, re.findall(r"(\d+) passed", done.stdout.splitlines()[-1] if done.stdout else ""))
    )
    cells = len(code_cells(nbformat.read(path, as_version=4)))
    if done.returncode == 0 and passed == cells > 0:
        return ""
    return f"{passed} of {cells} cells passed\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nbval_at_profile_smoke(path, tmp_path):
    assert (found := nbval_problems(path, tmp_path)) == "", found


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", *sorted((ROOT / "notebooks/guide").glob("*.md"))],
    ids=lambda path: path.stem,
)
def test_pages_cite_notebooks_and_sections_that_exist(path):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert wrong_citations(text, numbered_sections() | {"": set(SECTION.findall(text))}) == []


# ---- the rules themselves


def good_notebook():
    """A small notebook that breaks no rule."""
    bar = "\r  0%|          | 0/3 [00:00<?, ?it/s]\r100%|##########| 3/3 [00:01<00:00, 2.9it/s]\n"
    cells = [
        new_markdown_cell(
            '# Title\n\n![A red dot](dot.png) and <img src="x.png" alt="a blue dot"/> not `![](x)`'
        ),
        new_code_cell('profile = "auto"', metadata={"tags": ["parameters"]}),
    ]
    for i in range(15):
        stream = new_output("stream", name="stdout", text=f"{i}\n")
        cells += [
            new_markdown_cell(f"Now {i}."),
            new_code_cell(f"# NBVAL_CHECK_OUTPUT\nprint({i})", outputs=[stream]),
        ]
    cells[5].outputs.append(new_output("stream", name="stderr", text=bar))
    cells[7].outputs.append(
        new_output("display_data", data={"image/png": "/ho" + "me/", "text/plain": "<Figure>"})
    )
    cells[7].metadata["alt"] = "A figure of nothing"
    cells[
        8
    ].source = "*Nothing, in red.* Here it is <data>2</data>. See section 1, and notebook 00."
    cells[2].source = "## 1. The start\n\n**Exercise 1.** Write $a * b$."
    cells[9].source += "\n" + "\n\n".join(
        ["def training_step(batch):", *["    pass"] * (MAX_LINES_STEP - 3)]
    )
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
    info = {"name": "python"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": info})


def stored(notebook, path: Path) -> Path:
    nbformat.write(notebook, path)
    return path


def add_output(kind: str, **content) -> Callable:
    return lambda nb: nb.cells[3].outputs.append(new_output(kind, **content))


def blank(width: int) -> str:
    Image.new("L", (width, 1)).save(file := io.BytesIO(), "png")
    return base64.b64encode(file.getvalue()).decode()


def set_source(index: int, text: str) -> Callable:
    return lambda nb: nb.cells[index].update(source=text)


def every_code_cell(**content) -> Callable:
    return lambda nb: [cell.update(**content) for cell in code_cells(nb)[1:]]


BAD = [
    ("executed_in_order", lambda nb: nb.cells[3].update(execution_count=None)),
    ("executed_in_order", lambda nb: nb.cells.insert(2, nb.cells.pop(5))),
    ("executed_in_order", lambda nb: [cell.update(execution_count=i) for i, cell in enumerate(code_cells(nb), 2)]),
    ("no_errors", add_output("error", ename="ValueError", evalue="x", traceback=[])),
    ("some_output_is_checked", every_code_cell(source="print('NBVAL_CHECK_OUTPUT')")),
    ("some_output_is_checked", every_code_cell(outputs=[])),
    ("parameters_first", lambda nb: nb.cells[1].metadata.update(tags=[])),
    ("parameters_first", lambda nb: nb.cells[3].metadata.update(tags=["parameters"])),
    ("parameters_first", lambda nb: nb.cells[3].metadata.update(tags=["injected-parameters"])),
    ("parameters_first", lambda nb: nb.cells.insert(1, new_code_cell("import torch"))),
    ("parameters_first", set_source(1, 'profile = "cpu"')),
    ("parameters_first", set_source(1, 'other = "auto"')),
    ("kernel_is_plain", lambda nb: nb.metadata.kernelspec.update(name="venv-course")),
    ("kernel_is_plain", lambda nb: nb.metadata.pop("kernelspec")),
    ("kernel_is_plain", lambda nb: nb.metadata.language_info.update(version="3.11.7")),
    ("small_file", add_output("display_data", data={"image/png": "A" * MAX_BYTES})),
    ("number_of_cells", lambda nb: nb.update(cells=nb.cells[: MIN_CELLS - 1])),
    ("number_of_cells", lambda nb: nb.cells.extend(new_markdown_cell("x") for _ in range(MAX_CELLS))),
    ("number_of_words", set_source(0, "word " * (MAX_WORDS + 1))),
    ("number_of_words", set_source(0, "| a | table |\n\n" + "word " * (MAX_WORDS + 1))),
    ("short_code", set_source(3, "\n\n".join(["pass"] * (MAX_LINES + 1)))),
    ("short_code", set_source(3, "\n".join(["def step(x):"] + ["    pass"] * MAX_LINES_STEP))),
    ("short_code", set_source(3, "\n".join(["step(1)"] * MAX_LINES_STEP))),
    ("short_code", every_code_cell(source="\n".join(["pass"] * (MAX_MEDIAN_LINES + 1)))),
    ("prose_before_code", lambda nb: [nb.cells.pop(2) and nb.cells.pop(3) for _ in range(4)] and nb.cells.extend(
        new_code_cell("1") for _ in range(4))),
    ("pictures_have_alt_text", set_source(2, "![](dot.png)")),
    ("pictures_have_alt_text", set_source(2, "text ![ ](dot.png)")),
    ("pictures_have_alt_text", set_source(2, "<img src='dot.png'>")),
    ("pictures_have_alt_text", set_source(2, '<img alt="" src="dot.png">')),
    ("pictures_have_alt_text", lambda nb: nb.cells[7].metadata.pop("alt")),
    ("no_machine_paths", add_output("stream", name="stdout", text="saved to /ho" + "me/ann/out")),
    ("no_machine_paths", add_output("display_data", data={"text/html": "<b>/ro" + "ot/x</b>"})),
    ("no_machine_paths", add_output("stream", name="stdout", text="/tmp/" + "ipykernel_1/2.py:3")),
    ("no_machine_paths", add_output("stream", name="stdout", text=r"C:\Users\ann")),
    ("no_machine_paths", lambda nb: nb.metadata.update(widgets={"a": "/wo" + "rk/x"})),
    ("quiet_outputs", add_output("stream", name="stderr", text="UserWarning: x is deprecated\n  x()\n")),
    ("quiet_outputs", add_output("stream", name="stderr", text="100%|###| 3/3 [00:01]\nnote: slow\n")),
    ("quiet_outputs", add_output("stream", name="stdout", text="FutureWarning: soon")),
    ("quiet_outputs", add_output("stream", name="stdout", text="Traceback (most recent call last):\n")),
    ("sections_are_counted", set_source(2, "## 2. Later")),
    ("sections_are_counted", set_source(2, "**Exercise 1.** One.\n\n**Exercise 3.** Three.")),
    ("cited_places_exist", set_source(2, "See section 9.")),
    ("cited_places_exist", set_source(2, "See sections 1 and 9 of notebook 00.")),
    ("cited_places_exist", set_source(2, "See notebook 99.")),
    ("cited_places_exist", set_source(2, "See notebook 00, section 99.")),
    ("emphasis_is_closed", set_source(2, "*A caption that does not end.")),
    ("emphasis_is_closed", set_source(2, "Some **bold * text**.")),
    ("figures_have_captions", lambda nb: nb.cells[8].update(source="Next, **another** thing.")),
    ("figures_have_captions", lambda nb: nb.cells.pop(8)),
    ("figures_are_large", add_output("display_data", data={"image/png": blank(MIN_WIDTH - 1)})),
    ("figures_are_large", lambda nb: (nb.cells[3].metadata.update(tiles=2), nb.cells[3].outputs.append(
        new_output("display_data", data={"image/png": blank(2 * MIN_TILE - 1)})))),
    ("tagged_numbers_are_outputs", set_source(2, "It was <data>0.5</data>.")),
    ("tagged_numbers_are_outputs", set_source(2, "It was <data>1.2</data>.")),
    ("begins_with_a_title", set_source(0, "# # 01 A toy")),
    ("begins_with_a_title", set_source(0, "What is it?")),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_a_good_notebook_breaks_no_rule(rule, tmp_path):
    assert problems(stored(good_notebook(), tmp_path / "01_x.ipynb"), rule) == []


@pytest.mark.parametrize(("rule", "spoil"), BAD)
def test_a_rule_can_fail(rule, spoil, tmp_path):
    notebook = copy.deepcopy(good_notebook())
    spoil(notebook)
    assert problems(stored(notebook, tmp_path / "01_x.ipynb"), rule) != []


def test_every_rule_is_shown_to_fail():
    assert {rule for rule, _ in BAD} == set(RULES)


def test_the_first_notebook_may_be_shorter(tmp_path):
    notebook = good_notebook()
    notebook.cells = notebook.cells[:MIN_CELLS_START]
    assert problems(stored(notebook, tmp_path / "00_x.ipynb"), "number_of_cells") == []
    assert problems(stored(notebook, tmp_path / "01_x.ipynb"), "number_of_cells") != []
    notebook.cells.pop()
    assert problems(stored(notebook, tmp_path / "00_x.ipynb"), "number_of_cells") != []


@pytest.mark.slow
def test_nbval_notices_a_changed_output_and_an_exception_at_profile_smoke(tmp_path):
    profile = "import os\nprint(os.environ['COURSE_PROFILE'])\nopen(os.environ['COURSE_OUT'] + '/seen', 'w').close()"
    notebook = good_notebook()
    notebook.cells = notebook.cells[:6]
    notebook.cells.append(new_code_cell(f"# NBVAL_CHECK_OUTPUT\n{profile}", execution_count=4))
    notebook.cells[-1].outputs.append(new_output("stream", name="stdout", text="smoke\n"))
    notebook.cells[3].source = "# NBVAL_CHECK_OUTPUT\nprint('other')"
    notebook.cells[5].source = "1 / 0"
    found = nbval_problems(stored(notebook, tmp_path / "x.ipynb"), tmp_path)
    assert (
        "2 of 4 cells passed" in found
        and "ZeroDivisionError" in found
        and (tmp_path / "seen").exists()
    )
