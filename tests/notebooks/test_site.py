"""The course as web pages: built without a network, and each page as a reader with a phone meets
it.
"""

import ast
import json
import re
import resource
import shutil
import subprocess
import sys
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from tests import ROOT
from tests.demo.test_browser import stroke
from tests.support.served import served, window

pytestmark = [pytest.mark.extra, pytest.mark.timeout(1800)]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
READ = [
    *("course_lib/losses.py", "course_lib/training/fit.py"),
    *(f"course_lib/methods/{name}.py" for name in ("pix2pix", "cyclegan", "bicyclegan")),
    *(f"notebooks/one_file/{path.name}" for path in (ROOT / "notebooks/one_file").glob("*.py")),
]
LOOK = """async () => {
  await window.MathJax?.startup?.promise;
  const all = (selector) => [...document.querySelectorAll(selector)];
  return {
    ids: all('[id]').map((e) => e.id),
    links: all('a[href]').map((e) => e.href),
    mute: all('img').filter(
      (e) => e.closest('article') ? !e.alt.trim() : !e.hasAttribute('alt')).map((e) => e.src),
    broken: all('img').filter((e) => e.complete && !e.naturalWidth).map((e) => e.src),
    formulas: all('[data-mjx-error]').map((e) => e.dataset.mjxError),
    width: document.documentElement.scrollWidth,
    unfolded: all('article details[open]').length,
    folded: all('article details').length,
    pictures: all('.cell_output img').length,
  };
}"""

CHANGED = """async (canvas, before) => {
  while (canvas.toDataURL() === before) await new Promise(requestAnimationFrame);
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site's folder, which lies below another one, and its address."""
    pytest.importorskip("sphinx_book_theme", reason="the extra site is not installed")
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings MathJax and the runtime for browsers, is not installed")
    top, here = tmp_path_factory.mktemp("server"), ROOT / "notebooks" / "site"
    subprocess.run(
        [sys.executable, "-c", "import build; build.fetch_parts()"], cwd=here, check=True
    )
    shutil.rmtree(ROOT / "build" / "site-work", ignore_errors=True)  # all pages, from nothing
    cut = ["unshare", "--map-root-user", "--net"]
    alone = (
        shutil.which("unshare")
        and not subprocess.run([*cut, "true"], capture_output=True).returncode
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [*(cut if alone else []), sys.executable, here / "build.py", top / "some" / "where"]
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr  # every warning is an error
    assert (
        after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 60
    )  # seconds of one core
    with served(top) as address:
        yield top / "some" / "where", f"{address}some/where/"


def opened(browser, address, width=375):
    """A page of the site, on a phone unless it is wider, which asks for nothing elsewhere."""
    return window(browser, (address, "data:", "blob:"), viewport={"width": width, "height": 800})


def test_every_page_is_whole_and_fits_a_phone(site, browser):
    folder, address = site
    found, wrong = (
        (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.html"))),
        [],
    )
    pages = {name: {} for name in found if not name.startswith("_static/")}
    with opened(browser, address) as page:
        for name in pages:
            page.goto(address + name)
            pages[name] = look = page.evaluate(LOOK)
            wrong += [
                f"{name}: {kind} {what}"
                for kind in ("mute", "broken", "formulas")
                for what in look[kind]
            ]
            if look["width"] > 375 or look["unfolded"]:
                wrong.append(f"{name}: {look['width']} px wide, {look['unfolded']} unfolded")
    for name, look in pages.items():
        for link in look["links"]:
            place, _, anchor = link.partition("#")
            target = unquote(place.partition("?")[0].removeprefix(address)) or "index.html"
            inside = place.startswith(address) and (folder / target).is_file()
            if inside and anchor and unquote(anchor) not in pages[target]["ids"]:
                wrong.append(f"{name}: no such anchor: {link}")
            # a picture to save lies in its own link
            elif not inside and not place.startswith(("https://", "data:image/")):
                wrong.append(f"{name}: dead link {link}")
    assert wrong == []
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        solutions = sum("".join(cell["source"]).count("<details") for cell in cells)
        assert pages[f"{path.stem}.html"]["folded"] >= solutions
        kinds = [" ".join(out.get("data", {})) for cell in cells for out in cell.get("outputs", [])]
        made = sum("image/" in kind for kind in kinds)
        assert pages[f"{path.stem}.html"]["pictures"] >= made


def test_a_stroke_changes_the_picture_and_nothing_large_is_loaded_before(site, browser):
    with opened(browser, site[1], 1000) as page:
        sizes = {}

        def count(response) -> None:
            sizes[response.url] = int(response.headers.get("content-length", 0))

        page.on("response", count)
        page.goto(f"{site[1]}02_pix2pix.html")
        page.locator("iframe.demo").scroll_into_view_if_needed()
        demo = page.frame_locator("iframe.demo")
        demo.get_by_text("are loaded").wait_for()
        assert not [url for url, size in sizes.items() if "/play/" in url and size > 1e5]
        stroke(page, demo.locator("#paper"), (0.2, 0.3), (0.8, 0.7))
        demo.get_by_text(re.compile(r"picture in \d+ ms")).wait_for(timeout=120_000)
        drawn = demo.locator("#result").evaluate("canvas => canvas.toDataURL()")
        demo.locator("#undo").click()
        demo.locator("#result").evaluate(CHANGED, drawn)


@pytest.mark.parametrize("name", READ)
def test_a_page_to_read_has_all_code_of_its_file(site, name):
    source, page = (ROOT / name).read_text("utf-8"), site[0] / "files" / f"{name}.html"
    article = BeautifulSoup(page.read_text("utf-8"), "html.parser").article
    shown = "".join(part.get_text() for part in article.select(".highlight-python pre"))
    bare, documented = ast.parse(source), (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(bare):
        if isinstance(node, documented) and ast.get_docstring(node):
            del node.body[0]
    assert ast.dump(ast.parse(shown)) == ast.dump(bare)  # every statement once, and in order


def test_the_site_is_small_and_keeps_the_notebooks_themselves(site):
    files = [path for path in site[0].rglob("*") if path.is_file()]
    assert (
        sum(path.stat().st_size for path in files) < 140e6
        and site[0] / "play" / "models.json" in files
    )
    assert all(
        (site[0] / "_sources" / path.name).read_bytes() == path.read_bytes() for path in NOTEBOOKS
    )
