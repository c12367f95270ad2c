"""Build the course as web pages into build/site: `make site`, or `python notebooks/site/build.py
OTHER_FOLDER`.

No notebook is executed: what they store is what is shown. This file gathers the sources of the
pages in build/site-work (the notebooks, the guide, the first page, the command and the library as
these describe themselves), and Sphinx makes pages of them, with the settings in conf.py, on all
cores, and only of what has changed since. MathJax and the page to play with come first, and stay in
build/site-parts: from then on no network is needed.
"""

import ast
import functools
import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(
    0, str(ROOT)
)  # this checkout is described, whatever copy of the course is installed

import reading  # noqa: E402
import typer  # noqa: E402
from sphinx.cmd.build import main as sphinx  # noqa: E402

from course_lib import CourseError  # noqa: E402
from course_lib.cli.course import app, fail  # noqa: E402
from course_lib.cli.runner import receipt_line  # noqa: E402
from course_lib.demo import page as play  # noqa: E402
from course_lib.widgets.playground import embedded  # noqa: E402
from tools import claims  # noqa: E402

NOTEBOOKS, LIBRARY, HANDBOOK = (
    ROOT / "notebooks",
    ROOT / "course_lib",
    ROOT / "assignments" / "README.md",
)
WORK, PARTS = ROOT / "build" / "site-work", ROOT / "build" / "site-parts"
SOURCE = WORK / "source"
ENDED = WORK / "ended"  # after a build without a warning: the digest of what made it
MADE: set[Path] = set()  # files in there that this build has made, or left as they were
NOTEBOOK_FILES = sorted(NOTEBOOKS.glob("*.ipynb"))
# the same pages as a GPU executed them, where there is such a run
GPU_FILES = [
    path
    for path in sorted(NOTEBOOKS.glob("gpu/*.ipynb"))
    if NOTEBOOKS / path.name in NOTEBOOK_FILES
]
PAGES = [*NOTEBOOK_FILES, *sorted(NOTEBOOKS.glob("*.md")), *sorted(NOTEBOOKS.glob("guide/*.md"))]
READ = [  # files that are shown as pages to read, prose beside code; the rest as they are
    *(
        NOTEBOOKS / "one_file" / f"{name}.py"
        for name in ("dcgan", "pix2pix", "cyclegan", "bicyclegan", "cut", "munit")
    ),
    LIBRARY / "losses.py",
    *(LIBRARY / "methods" / f"{name}.py" for name in ("pix2pix", "cyclegan", "bicyclegan")),
    LIBRARY / "training" / "fit.py",
]
DEMOS = tomllib.loads((HERE / "demos.toml").read_text("utf-8"))
CLAIMS = NOTEBOOKS / "guide" / "claims.md"  # only the site has this page
MATHJAX = "mathjax@3.2.2"  # Apache-2.0; version 4 would load fonts later, from elsewhere
MATHJAX_HASH = "a4354ff94fd868aea0cc6eaaa79a57fda0588646fc46ee3700a349ee0a11cbe6"  # of its file
# of README's table
ROW = r"(?m)^\| \[.+?\]\(notebooks/(\w+)\.ipynb\) \|(?: !.+? \|)? (.+?) \| (.+?) \|$"
PICTURE = (".png", ".webp", ".jpg")
DEMO = """

{text}

<iframe class="demo" src="play/index.html?network={network}" title="Draw, and see it translated"
loading="lazy"></iframe>

<a class="demo-alone" href="play/index.html?network={network}">
On a page of its own, with your own images</a>
"""
ORPHAN = "---\norphan: true\n{}---\n"  # a page that is in no list
READING = "nosearch: true\nhtml_theme.sidebar_secondary.remove: true\n"  # room for two columns


def read(file: Path) -> dict:
    """A notebook, as its JSON has it."""
    return json.loads(file.read_text(encoding="utf-8"))


def write(page: Path, content: str | bytes) -> None:
    """Leaves a file that has this content, so that Sphinx knows that nothing changed."""
    MADE.add(page)
    content = content.encode() if isinstance(content, str) else content
    if not page.exists() or page.read_bytes() != content:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(content)


def digest(files: Iterable[Path]) -> str:
    """Of what they hold: times say little after a clone."""
    total = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        total.update(file.read_bytes())
    return total.hexdigest()


# ---- what is fetched or made once


def fetch_mathjax(folder: Path) -> None:
    """MathJax in one file, and its licence, into ``folder`` unless they are there. Raises
    CourseError.
    """
    script = folder / "tex-svg-full.js"
    if script.exists() and digest([script]) == MATHJAX_HASH:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            command = [shutil.which("npm") or "npm", "pack", MATHJAX, "--silent"]
            subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=300)
            with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
                for name in ("package/LICENSE", "package/es5/tex-svg-full.js"):
                    (folder / Path(name).name).write_bytes(archive.extractfile(name).read())
        except (OSError, subprocess.SubprocessError, tarfile.TarError, StopIteration) as error:
            fix = f"install Node.js, which has npm; this must work anywhere: npm pack {MATHJAX}"
            raise CourseError(
                f"could not fetch {MATHJAX}, for the formulas: {error}", "npm", fix
            ) from error
    if (found := digest([script])) != MATHJAX_HASH:
        script.unlink()
        raise CourseError(
            f"{MATHJAX} has another SHA-256: {found}", "npm", "fetch it from somewhere else"
        )


def make_play(folder: Path) -> None:
    """The page of `course demo --static` with the shipped weights, into ``folder``; networks only
    if they are old.
    """
    sources = (
        "demo/page.py",
        "runs/export.py",
        "runs/step.py",
        "methods/pix2pix.py",
        "runs/shipped*/*",
    )
    now = digest(path for name in sources for path in LIBRARY.glob(name))
    made_of = PARTS / "play.sha256"
    if not made_of.exists() or made_of.read_text("utf-8") != now:
        print("making the page to play with: some minutes, once")
        runs = [Path(run) for run in play.SHIPPED]
        play.build(folder, runs, half=True, lesson="../02_pix2pix.html")
        made_of.write_text(now, encoding="utf-8")
    shutil.copytree(LIBRARY / "demo" / "static", folder, dirs_exist_ok=True)


# ---- pages that exist: notebooks, guide, and files of the course they link to


def place(file: Path) -> Path:
    """Where the page or picture of a file of the course lies in the site's source."""
    if file.parent == HERE:
        return SOURCE / file.name
    if file in GPU_FILES:  # beside the other run: their links are the same
        return SOURCE / f"{file.stem}_gpu.ipynb"
    if file in (*PAGES, CLAIMS) or (file.suffix in PICTURE and file.is_relative_to(NOTEBOOKS)):
        return SOURCE / file.relative_to(NOTEBOOKS)
    return (
        SOURCE
        / "files"
        / f"{file.relative_to(ROOT)}{'' if file.suffix in ('.md', *PICTURE) else '.md'}"
    )


def relink(text: str, file: Path) -> str:
    """Markdown of ``file`` with its links to files of the course turned to their pages, which are
    made, too.
    """

    def turned(link: re.Match) -> str:
        name, _, anchor = link[1].partition("#")
        target = (file.parent / name).resolve()
        if not name or not target.is_file() or not target.is_relative_to(ROOT):
            return link[0]  # an anchor of this page, a web address, or code that looks like a link
        add(target)
        if target.suffix in (".ipynb", ".py"):  # anchors that are the headings themselves
            anchor = re.sub(r"[^\w ]", "", anchor.replace("-", " ").lower()).replace(" ", "-")
        relative = os.path.relpath(place(target), place(file).parent)
        return f"]({relative}{'#' if anchor else ''}{anchor})"

    return re.sub(r"\]\(([^()\s]+)\)", turned, text)


def add(file: Path) -> None:
    """Put a file of the course, and what it links to, into the source of the site."""
    page = place(file)
    if page in MADE:
        return
    MADE.add(page)  # pages link to each other
    if file.suffix in PICTURE:
        write(page, file.read_bytes())
    elif file.suffix == ".ipynb":
        write(page, json.dumps(notebook(file)))
    elif file in READ:
        title, head = file.relative_to(ROOT).as_posix(), ORPHAN.format(READING)
        write(page, head + reading.page(file.read_text("utf-8"), title))
    elif file.suffix == ".md":
        write(
            page,
            ("" if file in (*PAGES, HANDBOOK) else ORPHAN.format(""))
            + relink(file.read_text("utf-8"), file),
        )
    else:
        kind, fence = {".py": "python", ".toml": "toml"}.get(file.suffix, "text"), "``````"
        head = ORPHAN.format("nosearch: true\n") + f"# {file.relative_to(ROOT).as_posix()}"
        write(page, f"{head}\n\n{fence}{kind}\n{file.read_text('utf-8')}\n{fence}\n")


def notebook(file: Path) -> dict:
    """A notebook as its page shows it: alt texts where MyST-NB looks for them, the page to play
    with below the cell that is tagged demo, playgrounds as they are, and no widgets that need a
    kernel. Of a page that a CPU and a GPU executed, each leads to the other.
    """
    content, is_gpu = read(file), file in GPU_FILES
    demo = None if is_gpu else DEMOS.get(file.stem)
    content["metadata"].pop("widgets", None)
    if told := content["metadata"].get("receipt"):
        grey = f'<p class="receipt">{receipt_line(told)}</p>'
        last = {"cell_type": "markdown", "id": "receipt", "metadata": {}, "source": grey}
        content["cells"].append(last)
    if is_gpu:  # in no list, and found once by a search
        content["metadata"] |= {"orphan": True, "nosearch": True}
        file = NOTEBOOKS / file.name  # what its links start from
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = relink("".join(cell["source"]), file)
            if demo and "demo" in cell["metadata"].get("tags", []):
                cell["source"] += DEMO.format(**demo)
        if "alt" in cell["metadata"]:
            cell["metadata"]["mystnb"] = {"image": {"alt": cell["metadata"]["alt"]}}
        game = re.search(r'^playground\("(\w+)"\)', "".join(cell["source"]), re.MULTILINE)
        for output in cell.get("outputs", []):
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                alone = "*Interactive: open the notebook in JupyterLab to use it.*"
                output["data"] = (
                    {"text/html": embedded(game[1])} if game else {"text/markdown": alone}
                )
    if (twin := NOTEBOOKS / "gpu" / file.name) in GPU_FILES:
        words = "Executed on a {}. The same page, [executed on a {}]({}).".format(
            *(("GPU", "CPU", file.name) if is_gpu else ("CPU", "GPU", place(twin).name))
        )
        both = {"cell_type": "markdown", "id": "both", "metadata": {}, "source": f"*{words}*"}
        content["cells"].insert(1, both)
    return content


# ---- the first page


def cards() -> str:
    """A card for each notebook, from README's table: title, picture, what happens in it, and how
    long it takes.
    """
    out = []
    for stem, text, minutes in re.findall(ROW, (ROOT / "README.md").read_text("utf-8")):
        picture = NOTEBOOKS / "guide" / "small" / f"{stem.partition('_')[0]}.webp"
        add(picture)
        text = re.sub(r"\[(.+?)\]\(.+?\)", r"\1", text)  # a card is one link
        out += [
            f"::::{{grid-item-card}} {short_title(NOTEBOOKS / f'{stem}.ipynb')}",
            f":img-top: {place(picture).relative_to(SOURCE)}", f":img-alt: {text}",
            f":link: {stem}", ":link-type: doc", "", f"{text[0].upper()}{text[1:]}.", "",
            ":::{card-footer}", f"{minutes} min on two CPU cores", ":::", "::::",
        ]  # fmt: skip
    return "\n".join(out)


def short_title(file: Path) -> str:
    """A notebook's number and its title up to the colon: 02 · pix2pix."""
    title = (
        "".join(read(file)["cells"][0]["source"])
        .split("\n")[0]
        .removeprefix("# ")
        .partition(":")[0]
    )
    number, _, name = file.stem.partition("_")
    return title if " · " in title else f"{number} · {name.replace('_', ' ').capitalize()}"


# ---- pages that describe the code


def command_page() -> str:
    """Every command of ``course`` with every option, as its --help has them."""
    command = typer.main.get_command(app)
    out = [
        f"# The command\n\n{command.help}\n\n"
        "An error ends in three lines (what, where, how to mend it), status 2."
    ]
    for name, sub in command.commands.items():
        usage = " ".join(sub.collect_usage_pieces(typer.Context(sub, info_name=name)))
        out.append(
            f"\n## course {name}\n\n    course {name} {usage}\n\n{inspect.cleandoc(sub.help)}\n"
        )
        out += ["| option | what it means | if not given |", "|---|---|---|"] if sub.params else []
        for param in sub.params:
            options = [
                name for name in (*param.opts, *param.secondary_opts) if name.startswith("-")
            ]
            names = ", ".join(options or [param.metavar or param.name.upper()])
            default = (
                "" if param.required or param.default in (None, False, ()) else f"`{param.default}`"
            )
            default = {"`True`": "yes", "": "needed" * param.required}.get(default, default)
            out.append(f"| `{names}` | {param.help.replace('|', chr(92) + '|')} | {default} |")
    return "\n".join(out)


def used() -> dict:
    """What notebooks use of the library: (its shortest name, the notebooks), by object."""
    found = {}
    for file in NOTEBOOK_FILES:
        code = [cell for cell in read(file)["cells"] if cell["cell_type"] == "code"]
        tree, names = ast.parse("\n".join("".join(cell["source"]) for cell in code)), {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("course_lib"):
                for alias in node.names:
                    package = __import__(node.module, fromlist=[alias.name])
                    names[alias.asname or alias.name] = (
                        getattr(package, alias.name),
                        f"{node.module}.{alias.name}",
                    )
        for node in ast.walk(tree):
            tail = []
            while isinstance(node, ast.Attribute):
                node, tail = node.value, [node.attr, *tail]
            if not isinstance(node, ast.Name) or node.id not in names:
                continue
            thing, name = names[node.id]
            try:
                thing, name = functools.reduce(getattr, tail, thing), ".".join([name, *tail])
            except AttributeError:  # a variable with the name of something imported
                continue
            if (
                inspect.isfunction(thing) or inspect.isclass(thing)
            ) and thing.__qualname__ == name.rpartition(".")[2]:
                if not name.startswith(
                    ".".join(thing.__module__.split(".")[:2])
                ):  # seen through another room
                    name = f"{thing.__module__}.{thing.__qualname__}"
                known, where = found.get(thing, (name, []))
                found[thing] = (
                    min(known, name, key=len),
                    [*where, *([] if file in where else [file])],
                )
    return found


def library_pages() -> None:
    """A page for each room of course_lib with what notebooks use of it; autodoc takes the rest from
    docstrings.
    """
    rooms = {}
    for thing, (name, files) in used().items():
        module, _, last = name.rpartition(".")
        modules = rooms.setdefault(thing.__module__.split(".")[1], {})
        modules.setdefault(module, []).append((last, thing, files))
    for room, modules in rooms.items():
        out = [f"{room}\n{'=' * len(room)}", f".. automodule:: course_lib.{room}\n   :no-members:"]
        for module, things in sorted(modules.items()):
            out.append(f"{module}\n{'-' * len(module)}")
            for name, thing, files in sorted(things, key=lambda row: row[0]):
                source = Path(sys.modules[thing.__module__].__file__)
                add(source)
                kind, members = (
                    ("class", "\n   :members:") if inspect.isclass(thing) else ("function", "")
                )
                used_in = ", ".join(
                    f":doc:`{file.stem.partition('_')[0]} </{file.stem}>`" for file in files
                )
                code = f":doc:`code </files/{source.relative_to(ROOT).as_posix()}>`"
                out.append(
                    f".. auto{kind}:: {module}.{name}{members}\n\n   Notebooks {used_in}; {code}"
                )
        write(SOURCE / "library" / f"{room}.rst", "\n\n".join(out))


def fetch_parts() -> None:
    """What needs the network, the first time."""
    fetch_mathjax(PARTS / "static" / "mathjax")
    make_play(PARTS / "play")


def gather() -> None:
    """The sources of all pages, into a folder of their own, which begins empty if the last build
    did not end well, or if what makes the pages has changed since.
    """
    if not ENDED.exists() or ENDED.read_text("utf-8") != digest(HERE.glob("*.*")):
        shutil.rmtree(WORK, ignore_errors=True)
    ENDED.unlink(missing_ok=True)
    for file in (*PAGES, *GPU_FILES, HANDBOOK, *READ):
        add(file)
    library_pages()
    write(SOURCE / "command.md", command_page())
    write(SOURCE / CLAIMS.relative_to(NOTEBOOKS), relink(claims.page(NOTEBOOKS), CLAIMS))
    titles = "\n".join(f"{short_title(file)} <{file.stem}>" for file in NOTEBOOK_FILES)
    code = "\n".join(
        f"{'/'.join(file.parts[-2:])} <{place(file).relative_to(SOURCE).with_suffix('')}>"
        for file in READ
    )
    index = relink((HERE / "index.md").read_text("utf-8"), HERE / "index.md")
    write(
        SOURCE / "index.md",
        index.replace("<!-- cards -->", cards())
        .replace("<!-- notebooks -->", titles)
        .replace("<!-- code -->", code),
    )
    for old in {path for path in SOURCE.rglob("*") if path.is_file()} - MADE:
        old.unlink()


def main(target: Path) -> int:
    """Build the site into ``target``; a status that is not 0 says that something was amiss."""
    if target.exists() and not (target / ".buildinfo").exists():  # Sphinx leaves this file
        raise CourseError(
            "this folder holds something else",
            target,
            "name a new folder, or one with an earlier site",
        )
    fetch_parts()
    gather()
    # A warning is an error.
    options = ["-qW", "--keep-going", "-j", "auto", "-c", str(HERE), "-d", str(WORK / "trees")]
    status = sphinx([*options, str(SOURCE), str(WORK / "pages")])
    if status == 0:
        ENDED.write_text(digest(HERE.glob("*.*")), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(WORK / "pages", target)
    for file in (*NOTEBOOK_FILES, *GPU_FILES):  # what readers download is the notebook itself
        shutil.copy(file, target / "_sources" / place(file).name)
    shutil.copytree(PARTS / "play", target / "play")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main(Path(*(sys.argv[1:] or [ROOT / "build" / "site"]))))
    except CourseError as error:
        sys.exit(fail(error.what, error.where, error.fix))
