"""Films of ten seconds of the three games of points, for those who cannot play them.

``python -m tools.making.play`` plays presets of each in Chromium, update by update, into
``notebooks/pictures``.
"""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from course_lib.widgets.playground import embedded
from tools.making.strips import film

SCENES = {  # presets, and how many updates of each
    "points": {"A fair game": 1200, "Collapse": 400, "A lost mode": 900},
    "cycles": {"CycleGAN": 600, "GAN alone": 600, "Swapped": 600},
    "codes": {"No cycle": 1000, "First cycle": 1000, "Too much KL": 1000},
}

with sync_playwright() as playwright:
    page = playwright.chromium.launch(executable_path=shutil.which("chromium")).new_page(
        viewport={"width": 740, "height": 680}
    )
    for game, scenes in SCENES.items():
        page.set_content(embedded(game))
        for i, (preset, updates) in enumerate(scenes.items()):
            page.get_by_role("button", name=preset, exact=True).click()
            for frame in range(10):
                page.screenshot(path=f"build/play/{game}/{i}{frame:02}.png")
                page.locator(".course-play").evaluate(
                    "(game, updates) => game.run(updates)", updates // 9
                )
        Path(f"notebooks/pictures/play_{game}.film.webp").write_bytes(
            film(Path("build/play", game), most=400_000, pace=240)
        )
