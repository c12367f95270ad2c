"""Painting in the colours of a network: in a real browser, whose kernel is the widget itself."""

from PIL import Image

from course_lib import runs
from course_lib.widgets import paint as painting
from course_lib.widgets.show import data_url
from tests.demo.test_browser import changes
from tests.support import small
from tests.support.pictures import encoded, photograph
from tests.support.served import window
from tests.widgets.test_draw import collected, picture_of

PAGE = """async ([source, state]) => {
    const script = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
    const heard = [], {default: widget} = await import(script);
    const model = {
        get: (name) => state[name], on: (_, act) => heard.push(act), off: () => {},
        send: async (content, _, [buffer]) => {
            const answer = await kernel(content, [...new Uint8Array(buffer)]);
            heard.forEach((act) => act(answer));
        },
    };
    widget.render({model, el: document.body});
}"""


def test_one_paints_fills_and_takes_back_by_keys_and_what_is_saved_is_translated_alike(
    browser, tmp_path
):
    run = small.trained(tmp_path / "run", "photo:red_panda", size=32)
    canvas = painting.paint(*runs.open_run(run, "cpu"))
    sent, seen = collected(canvas), []

    def kernel(content, numbers):
        seen.append(numbers)
        canvas.answer(content, [bytes(numbers)])
        return sent[-1]

    state = canvas.get_state(["models", "outlines", "first"])
    assert state["first"].startswith("data:image/webp"), "the only one that is not sent anew"
    state["first"] = data_url(canvas.translated(picture_of(canvas.outlines[0]["image"])))
    with window(browser, ("blob:", "data:")) as page:
        page.expose_function("kernel", kernel)
        page.evaluate(PAGE, [canvas._esm, state])
        paper, answer = page.locator("canvas"), page.locator("img.paper")
        first = answer.get_attribute("src")
        # a line of the third colour, which is filled with the eighth; one step more than there are
        # is taken back
        for keys in ("3 Shift+ArrowRight", "f 8 Enter", "Control+z", "Control+z Control+z"):
            changes(answer, lambda keys=keys: [paper.press(key) for key in keys.split()])
        page.wait_for_function("src => document.querySelector('img.paper').src === src", arg=first)
        most = [max(one.count(i) - seen[-1].count(i) for one in seen) for i in (2, 7)]
        assert min(most) > 4, "a line, and all of it in another colour"
        photo = {"name": "a.png", "mimeType": "", "buffer": encoded(photograph(80, 50), "png")}
        changes(answer, lambda: page.set_input_files("input[type=file]", photo))
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save the painting").click()
        saved.value.save_as(tmp_path / "painting.png")
        shown = picture_of(answer.get_attribute("src"))
    with Image.open(tmp_path / "painting.png") as painted:
        assert {colour[:3] for _, colour in painted.getcolors()} <= {*canvas.colours}
    translated = small.translated(run, tmp_path / "painting.png", tmp_path / "out")
    assert shown.tobytes() == Image.open(translated).convert("RGB").tobytes()


def test_where_the_photograph_is_gone_a_blank_sheet_is_there_to_paint_on(tmp_path):
    colours = [[0, 0, 0], [250, 240, 230]]
    look = {"beside": False, "grey": [], "same_luminance": False, "palette": colours}
    settings = {"data": str(tmp_path / "gone.png"), "direction": "xy", "look": look}
    sheet = {"a blank sheet": Image.new("RGB", (32, 32), (250, 240, 230))}
    assert painting.starts(small.untrained("pix2pix"), settings) == sheet
