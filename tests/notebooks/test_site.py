"""The course as web pages: built without a network, and each page as a reader with a phone meets it."""

import contextlib
import json
import resource
import shutil
import subprocess
import sys
from urllib.parse import unquote

import pytest

from tests import ROOT
from tests.support.served import served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LOOK = """async () => {
  await window.MathJax?.startup?.promise;
  const all = (selector) => [...document.querySelectorAll(selector)];
  return {
    ids: all('[id]').map((e) => e.id),
    links: all('a[href]').map((e) => e.href),
    mute: all('img').filter((e) => e.closest('article') ? !e.alt.trim() : !e.hasAttribute('alt')).map((e) => e.src),
    broken: all('img').filter((e) => e.complete && !e.naturalWidth).map((e) => e.src),
    formulas: all('[data-mjx-error]').map((e) => e.dataset.mjxError),
    width: document.documentElement.scrollWidth,
    unfolded: all('article details[open]').length,
    pictures: all('.cell_output img').length,
  };
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site's folder, which lies below another one, and its address."""
    pytest.importorskip("sphinx_book_theme", reason="the extra site is not installed")
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings MathJax and the runtime for browsers, is not installed")
    top, here = tmp_path_factory.mktemp("server"), ROOT / "notebooks" / "site"
    subprocess.run([sys.executable, "-c", "import build; build.fetch_parts()"], cwd=here, check=True)
    cut = ["unshare", "--map-root-user", "--net"]
    alone = shutil.which("unshare") and not subprocess.run([*cut, "true"], capture_output=True).returncode
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [*(cut if alone else []), sys.executable, here / "build.py", top / "some" / "where"]
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr  # every warning is an error
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 60  # seconds of one core
    with served(top) as address:
        yield top / "some" / "where", f"{address}some/where/"


@contextlib.contextmanager
def window(browser, address, width=375, **options):
    """A page; at the end no script may have failed, and no request may have failed or left the site."""
    context, errors, asked = browser.new_context(viewport={"width": width, "height": 800}, **options), [], []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.on("console", lambda said: errors.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("request", lambda sent: asked.append(sent.url))
    yield page
    context.close()
    assert errors == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_every_page_is_whole_and_fits_a_phone(site, browser):
    folder, address = site
    found, wrong = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.html"))), []
    pages = {name: {} for name in found if not name.startswith("_static/")}
    with window(browser, address) as page:
        for name in pages:
            page.goto(address + name)
            pages[name] = look = page.evaluate(LOOK)
            wrong += [f"{name}: {kind} {what}" for kind in ("mute", "broken", "formulas") for what in look[kind]]
            if look["width"] > 375 or look["unfolded"]:
                wrong.append(f"{name}: {look['width']} px wide, {look['unfolded']} unfolded")
    for name, look in pages.items():
        for link in look["links"]:
            place, _, anchor = link.partition("#")
            target = unquote(place.partition("?")[0].removeprefix(address)) or "index.html"
            inside = place.startswith(address) and (folder / target).is_file()
            if inside and anchor and unquote(anchor) not in pages[target]["ids"]:
                wrong.append(f"{name}: no such anchor: {link}")
            elif not inside and (place.startswith(address) or not place.startswith("https://")):
                wrong.append(f"{name}: dead link {link}")
    assert wrong == []
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        kinds = [kind for cell in cells for out in cell.get("outputs", []) for kind in out.get("data", {})]
        assert pages[f"{path.stem}.html"]["pictures"] >= sum(kind.startswith("image/") for kind in kinds) > 0


def test_search_finds_words_of_a_notebook(site, browser):
    with window(browser, site[1]) as page:
        page.goto(site[1] + "search.html?q=cycle+consistency")
        page.locator("#search-results a[href*='04_cyclegan_losses']").first.wait_for()


def test_light_and_dark_on_a_wide_screen(site, browser, keep):
    ground = {}
    for scheme in ("light", "dark"):
        with window(browser, site[1], 1400, color_scheme=scheme) as page:
            for name in ("index", "02_pix2pix", "guide/sizes"):
                page.goto(f"{site[1]}{name}.html")
                keep(page, f"site_{name.replace('/', '_')}_{scheme}")
            ground[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground["light"] == "rgb(255, 255, 255)" != ground["dark"]


def test_the_site_is_small_and_keeps_the_notebooks_themselves(site):
    files = [path for path in site[0].rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 110e6 and site[0] / "play" / "models.json" in files
    assert all((site[0] / "_sources" / path.name).read_bytes() == path.read_bytes() for path in NOTEBOOKS)
