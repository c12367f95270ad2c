"""The playground in a browser, as a page without a kernel and without a network has it."""

import contextlib
import json

import pytest

from course_lib.widgets.playground import GAMES, embedded
from tests.demo.test_browser import stroke
from tests.support.served import window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
TOLD = json.loads(GAMES.read_text("utf-8"))
# What the bars say, in percent, after a preset's updates: at least and at most
LESSONS = {
    ("points", "A fair game"): {"D is right": (40, 65), "shape covered": (60, 100)},
    ("points", "Saturation"): {"D is right": (99, 100), "push on G's points": (0, 1)},
    ("points", "Collapse"): {"shape covered": (0, 30)},
    ("points", "D stands still"): {"shape covered": (0, 30)},
    ("points", "A lost mode"): {"shape covered": (20, 70)},
    ("cycles", "GAN alone"): {"D is content": (60, 100), "points come back": (0, 60)},
    ("cycles", "One cycle"): {"points come back": (50, 80)},
    ("cycles", "Straight"): {"D is content": (80, 100), "the right partner": (99, 100)},
    ("cycles", "Swapped"): {"D is content": (80, 100), "the right partner": (0, 1)},
    ("codes", "No cycle"): {"near a true answer": (80, 100), "both answers given": (0, 10)},
    ("codes", "Both cycles"): {"near a true answer": (70, 100), "both answers given": (80, 100)},
    ("codes", "Too much KL"): {"the code is used": (0, 20), "both answers given": (0, 10)},
    ("codes", "Too little KL"): {"near a true answer": (0, 60)},
}
# Sixty frames, to each of which the page adds `work` values of tanh of its own
FRAMES = """async work => {
    const values = new Float32Array(4096).fill(0.5);
    const busy = seen => {
        for (let n = 0; n < work; n++) values[n % 4096] = Math.tanh(values[n % 4096] * 1.1);
        seen();
    };
    for (let frame = 0; frame < 60; frame++)
        await new Promise(seen => requestAnimationFrame(() => busy(seen)));
}"""


@pytest.fixture
def opened(browser):
    """A function that opens a game; at the end no script may have failed, and nothing was asked."""
    with contextlib.ExitStack() as windows:

        def open_(game: str, **options):
            page = windows.enter_context(window(browser, (), offline=True, **options))
            page.set_content(
                f"<!doctype html><meta name=viewport content=width=device-width>{embedded(game)}"
            )
            page.set_default_timeout(60_000)
            return page

        yield open_


def test_a_shape_is_drawn_played_and_broken(opened):
    page = opened("points", viewport={"width": 1000, "height": 800})
    canvas, bars = page.locator("canvas"), page.locator(".bar output")
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Play").click()
    page.get_by_text("Draw a shape first.").wait_for()
    stroke(page, canvas, (0.2, 0.2), (0.5, 0.8), (0.8, 0.2))
    page.wait_for_function("parseInt(document.querySelector('.count').innerText.slice(7)) > 200")
    canvas.press("ArrowUp")
    page.wait_for_function(  # of D, anew while it plays
        "(window.told ??= new Set()).add(document.querySelector('.answer').innerText).size > 4"
    )
    profile = page.context.new_cdp_session(page)
    profile.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        told = profile.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in told if one["name"] == "ScriptDuration")

    def seconds(button: str, work: int) -> float:
        """The CPU time of the scripts of 60 frames, after `button`."""
        page.get_by_role("button", name=button).click()
        return -spent() + (page.evaluate(FRAMES, work) or spent())

    # What a frame costs, in units of 100,000 values of tanh (3 ms of a slow core): some 2.1 in the
    # best of five, with neighbours and without. Milliseconds would judge the machine.
    costs = [1 / seconds("Pause", 100_000) * seconds("Play", 0) for _ in range(5)]
    assert min(costs) < 3.5, costs
    assert int(bars.last.inner_text().split()[0]) > 0
    page.get_by_label("learning rate of D").press("Home")  # a D that stands still
    assert page.get_by_label("learning rate of D").get_attribute("aria-valuetext") == "0"
    page.get_by_role("button", name="Pause").click()
    updates = int(page.locator(".count").inner_text().split(";")[0].split()[1].replace(",", ""))
    page.get_by_role("button", name="One update").click()
    assert f"update {updates + 1:,};" in canvas.get_attribute("aria-label")
    before = bars.all_inner_texts()
    canvas.press("ArrowUp")
    assert bars.all_inner_texts() == before and page.get_by_text("before you changed it").count()


@pytest.mark.extra
@pytest.mark.parametrize("game", TOLD)
def test_every_preset_shows_what_it_says_on_a_phone(opened, game):
    page = opened(game, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for preset in TOLD[game]["presets"]:
        page.get_by_role("button", name=preset["name"], exact=True).click()
        page.evaluate("n => document.querySelector('.course-play').run(n)", preset["updates"])
        for label, (least, most) in LESSONS.get((game, preset["name"]), {}).items():
            share = (
                page.locator(".bar", has_text=label)
                .locator("i")
                .evaluate("e => parseFloat(e.style.width)")
            )
            assert least <= share <= most, (preset["name"], label, share)
        assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.extra
def test_who_asks_for_little_motion_sees_few_pictures(opened):
    page = opened("cycles", reduced_motion="reduce")
    page.evaluate("""() => {
        window.pictures = 0;
        new MutationObserver(() => window.pictures++)
            .observe(document.querySelector(".count"), { childList: true });
    }""")
    page.get_by_role("button", name="Play").click()
    page.evaluate(FRAMES)
    assert page.evaluate("pictures") <= 2
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate(FRAMES)
    assert page.evaluate("pictures") > 8
