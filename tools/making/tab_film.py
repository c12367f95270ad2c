"""The film of the page that trains: a minute of learning, then somebody paints, in ten seconds.

``python -m tools.making.tab_film`` builds the page, plays it in Chromium and writes
``notebooks/guide/tab.film.webp``. Its pace is that of the machine: let nothing else run.
"""

import shutil
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

from course_lib.demo import page
from tools.making.strips import film

MINUTE = 60  # seconds of training before somebody paints
# A cub in the leaves: colour, brush and points (shares of the side) of each stroke
CUB = [
    (8, 7, [(0.07, 0.5), (0.08, 0.52)]),
    (8, 7, [(0.27, 0.5), (0.26, 0.52)]),
    (5, 12, [(0.12, 0.57), (0.22, 0.57), (0.25, 0.63), (0.09, 0.63), (0.13, 0.67), (0.21, 0.67)]),
    (8, 7, [(0.15, 0.685), (0.19, 0.685)]),
    (8, 3, [(0.105, 0.575), (0.125, 0.57)]),
    (8, 3, [(0.215, 0.57), (0.235, 0.575)]),
    (2, 3, [(0.1, 0.66), (0.115, 0.63)]),
    (2, 3, [(0.24, 0.66), (0.225, 0.63)]),
    (1, 3.5, [(0.165, 0.665), (0.175, 0.665)]),
    (1, 3, [(0.12, 0.61), (0.122, 0.61)]),
    (1, 3, [(0.22, 0.61), (0.222, 0.61)]),
]

frames, site = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
page.build(site, [])
server = ThreadingHTTPServer(
    ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(site))
)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
    tab = browser.new_page(viewport={"width": 796, "height": 1100})
    tab.goto(f"http://127.0.0.1:{server.server_port}/#train")
    tab.locator("#start:enabled").wait_for(timeout=90_000)
    time.sleep(2)
    top, tools = (tab.locator(it).bounding_box() for it in ("#lesson", "#train-pen"))
    height = tools["y"] + tools["height"] + 6 - top["y"]
    clip = {"x": top["x"] - 4, "y": top["y"] - 6, "width": top["width"] + 8, "height": height + 6}

    def keep(times: int = 1) -> None:
        for _ in range(times):
            name = f"{len(list(frames.glob('*.png'))):03}.png"
            tab.screenshot(path=frames / name, clip=clip)

    keep(5)
    tab.locator("#start").click()
    begun = time.monotonic()
    for moment in range(18):  # more of them at first, when it learns fastest
        time.sleep(max(0, begun + MINUTE * (moment / 17) ** 1.5 - time.monotonic()))
        keep()
    tab.locator("#pause-training").click()
    paper = tab.locator("#train-paper").bounding_box()
    for colour, brush, points in CUB:
        tab.locator("#train-colours button").nth(colour - 1).click()
        tab.locator("#train-brush").fill(str(brush))
        for i, (u, v) in enumerate(points):
            tab.mouse.move(paper["x"] + u * paper["width"], paper["y"] + v * paper["height"])
            if i == 0:
                tab.mouse.down()
            elif abs(u - points[i - 1][0]) > 0.05:
                keep()
        tab.mouse.up()
        time.sleep(0.8)
        keep()
    tab.mouse.move(0, 0)
    time.sleep(2)
    keep(3)
    browser.close()
server.shutdown()
Path("notebooks/guide/tab.film.webp").write_bytes(film(frames, most=700_000, pace=200))
shutil.rmtree(frames)
shutil.rmtree(site)
