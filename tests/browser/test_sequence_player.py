"""The sequence player on pages made for the purpose, without any Python behind them."""

import live
import numpy as np
import pytest
from live import serious
from players import (
    PLAYERS,
    SET_AND_READ,
    TEXT,
    hold_to_python,
    network,
    opened,
    point,
    series_player,
    settings,
    shown_unit,
    text_player,
)

from gru_course.palette import BY_SYMBOL


@pytest.mark.parametrize("name", ["text", "series"])
def test_readout_equals_python(browser, served, name):
    rng = np.random.default_rng(1)
    player = PLAYERS[name]()
    wanted = [
        {
            "step": int(rng.integers(player.T)),
            "unit": int(rng.integers(player.H)),
            "sort": ("index", "half_life")[k % 2],
        }
        for k in range(60)
    ]
    lines = list(player.record["lines"].values())
    with opened(browser, f"{served}{name}.html") as page:
        shown = page.evaluate(SET_AND_READ, wanted)
    for setting, out in zip(wanted, shown, strict=True):
        for key, value in setting.items():
            setattr(player, key, value)
        hold_to_python(out, player, lines)
        assert out["now"] == ([player.step] if name == "text" else [])


def test_arrays_before_rounding(browser, served):
    """The page's numbers against the arrays themselves, not through the widget's own record."""
    made = network(len(TEXT), 9)
    wanted = [{"step": t, "unit": 4, "sort": "index"} for t in range(0, len(TEXT), 5)]
    with opened(browser, f"{served}text.html") as page:
        shown = page.evaluate(SET_AND_READ, wanted)
    for setting, out in zip(wanted, shown, strict=True):
        for name, array in made.items():
            value = array[0, setting["step"], 4]
            assert out["outs"][name] == pytest.approx(value, rel=0, abs=0.000501)


PIXELS = """() => Object.fromEntries([...document.querySelectorAll("[data-map]")].map((box) => {
  const canvas = box.querySelector("canvas");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [box.dataset.map, [canvas.width, canvas.height, [...data]]];
}))"""


def rgb(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.mark.parametrize("sort", ["index", "half_life"])
def test_heat_maps_draw_the_arrays(browser, served, sort):
    made, player = network(len(TEXT), 9), text_player(sort=sort)
    with opened(browser, f"{served}text.html") as page:
        page.evaluate(SET_AND_READ, [{"sort": sort}])
        seen = page.evaluate(PIXELS)
    assert sorted(seen) == sorted("rznh")
    for name, (width, height, data) in seen.items():
        pixels = np.array(data).reshape(height, width, 4)
        values = made[name][0][:, player.order()].T  # (H, T), as the rows stand
        assert pixels[..., 3] == pytest.approx(255 * np.abs(values) ** 0.7, abs=2.5)
        strong = pixels[..., 3] > 100  # a canvas forgets the colour of what is nearly transparent
        colors = np.where((values < 0)[..., None], rgb(BY_SYMBOL["neutral"]), rgb(BY_SYMBOL[name]))
        assert np.abs(pixels[..., :3] - colors)[strong].max() <= 3
        assert (values[strong] < 0).any() == (name in "nh")


def test_the_unit_is_drawn_and_the_text_tinted(browser, served):
    made = network(len(TEXT), 9)
    with opened(browser, f"{served}text.html") as page:
        for unit in (0, 5, 8):
            page.evaluate(SET_AND_READ, [{"unit": unit, "sort": "index"}])
            for name in "zh":
                d = page.locator(f".gru-strip [data-line={name}]").get_attribute("d")
                points = np.array([point.split() for point in d[1:].split("L")], dtype=float)
                assert points[:, 0] == pytest.approx(np.arange(len(TEXT)) + 0.5)
                assert 1 - 2 * points[:, 1] == pytest.approx(made[name][0, :, unit], abs=0.0008)
            tints = page.evaluate(
                "[...document.querySelectorAll('.gru-tokens span')]"
                ".map((span) => getComputedStyle(span).backgroundColor)"
            )
            assert len(tints) == len(TEXT)
            opacity = [float(t.split(",")[3][:-1]) if "rgba" in t else 1 for t in tints]
            assert opacity == pytest.approx(0.45 * (1 - made["z"][0, :, unit]), abs=0.005)
        shown = page.locator(".gru-tokens").evaluate("(node) => node.textContent")
        assert shown == TEXT.replace("\n", "↵\n").replace("\t", "→\t")


def test_a_line_of_whole_numbers_is_a_staircase(browser, served):
    depth, output = text_player().record["lines"].values()
    low, high = min(depth + output), max(depth + output)
    with opened(browser, f"{served}text.html") as page:
        d = page.locator("[data-line='0']").get_attribute("d")
        steps = [step.split("H") for step in d.removeprefix("M0 ").split("V")]
        assert [int(end) for _, end in steps] == list(range(1, len(TEXT) + 1))
        levels = high - np.array([float(y) for y, _ in steps]) * (high - low)
        assert levels == pytest.approx(depth, abs=0.001)
        assert "H" not in page.locator("[data-line='1']").get_attribute("d")
        now = page.locator("[data-out=line_0]").text_content()
        assert now == f"{depth[0]:.0f}"
        axis = page.locator(".gru-gutter").first.locator("span").all_text_contents()
        assert [float(end.replace("−", "-")) for end in axis] == [round(high, 2), round(low, 2)]


def test_keyboard(browser, served):
    player = text_player(sort="half_life")
    with opened(browser, f"{served}text.html") as page:
        step = page.get_by_role("slider", name="step", exact=True)
        unit = page.get_by_role("slider", name="unit", exact=True)
        for slider, index, last in ((step, 0, player.T - 1), (unit, 1, player.H - 1)):
            for key, wanted in (("End", last), ("ArrowLeft", last - 1), ("Home", 0)):
                slider.press(key)
                assert settings(page)[index] == wanted
            slider.press("ArrowRight")
            assert settings(page)[index] == 1
            assert slider.get_attribute("aria-valuetext") in ("step 1", "1")
        page.locator("[data-choice=sort] input:checked").press("ArrowRight")
        assert settings(page) == (1, 1, "half_life")
        maps = page.get_by_role("group", name="Heat maps of all units")
        maps.focus()
        scrolled = page.evaluate("scrollY")
        place = player.order().index(1)
        assert 0 < place < player.H - 1
        for key, wanted in (
            ("ArrowRight", (2, 1)),
            ("ArrowLeft", (1, 1)),
            ("ArrowLeft", (0, 1)),
            ("ArrowLeft", (0, 1)),
            ("ArrowUp", (0, player.order()[place - 1])),
            ("ArrowDown", (0, 1)),
            ("ArrowDown", (0, player.order()[place + 1])),
        ):
            maps.press(key)
            assert settings(page)[:2] == wanted
        assert page.evaluate("scrollY") == scrolled
        assert shown_unit(page) == settings(page)[1]
        for _ in range(player.H):
            maps.press("ArrowUp")
        assert settings(page)[1] == player.order()[0]
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Link to this setting"


def test_mouse(browser, served):
    player = text_player(sort="half_life")
    T, H, order = player.T, player.H, player.order()
    with opened(browser, f"{served}text.html", viewport={"width": 1280, "height": 900}) as page:
        page.get_by_text("half-life, longest on top").click()
        for name, row, step in (("z", 0, 10), ("n", H - 1, 55), ("h", 4, T - 1)):
            kept = settings(page)
            page.mouse.move(*point(page, f"[data-map={name}]", step, T, row, H))
            assert shown_unit(page) == order[row], "hovering shows a unit"
            assert settings(page) == kept, "and keeps nothing"
            page.mouse.move(5, 5)
            assert shown_unit(page) == kept[1]
            page.mouse.click(*point(page, f"[data-map={name}]", step, T, row, H))
            page.mouse.move(5, 5)
            assert settings(page) == (step, order[row], "half_life")
            assert shown_unit(page) == order[row]
        for css in (".gru-strip .gru-plot", ".gru-plot:has([data-line='0'])", "[data-map=r]"):
            kept = settings(page)
            page.mouse.move(*point(page, css, 20, T, 0, 5))
            page.mouse.down()
            page.mouse.move(*point(page, css, 30, T, 0, 5), steps=3)
            assert settings(page) == (30, *kept[1:])
            page.mouse.move(*point(page, css, 41, T, 0, 5), steps=3)
            page.mouse.up()
            assert settings(page) == (41, *kept[1:])
            page.mouse.move(*point(page, css, 60, T))
            assert settings(page) == (41, *kept[1:]), "let go"
        page.mouse.click(*point(page, ".gru-strip .gru-plot", 12, T))
        assert settings(page)[0] == 12
        page.locator(".gru-tokens span").nth(33).click()
        assert settings(page)[0] == 33
        assert page.locator(".gru-now").get_attribute("data-step") == "33"


PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 375, "height": 800}}


def test_touch(browser, served):
    player = text_player()
    T, H = player.T, player.H
    with opened(browser, f"{served}text.html", **PHONE) as page:
        page.touchscreen.tap(*point(page, "[data-map=n]", 70, T, 6, H))
        assert (*settings(page), shown_unit(page)) == (70, 6, "index", 6)
        page.locator(".gru-tokens span").nth(4).tap()
        assert settings(page)[0] == 4
        cdp = page.context.new_cdp_session(page)

        def drag(*places):
            for kind, (x, y) in zip(["touchStart"] + ["touchMove"] * 9, places, strict=False):
                touch = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
                cdp.send("Input.dispatchTouchEvent", touch)
            cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        across = [point(page, "[data-map=z]", step, T, 2, H) for step in (10, 30, 50, 80)]
        scrolled = page.evaluate("scrollY")
        drag(*across)
        assert settings(page) == (80, 6, "index")
        assert page.evaluate("scrollY") == scrolled
        x, y = point(page, "[data-map=z]", 20, T, 2, H)
        drag((x, y), (x, y - 60), (x, y - 120), (x, y - 180))
        assert settings(page) == (80, 6, "index"), "who scrolls chooses nothing"


def test_play(browser, served):
    with opened(browser, f"{served}series.html") as page:
        page.evaluate(live.HOLD_TIME)
        button = page.locator(".gru-player button")
        button.press("Enter")
        page.evaluate(live.GO_ON, 0)  # what is then drawn starts the clock
        page.evaluate(live.GO_ON, 300)
        assert settings(page)[0] == 2, "eight steps a second"
        button.press("Space")
        assert button.text_content() == "▶ Play"
        page.evaluate(live.GO_ON, 400)
        assert settings(page)[0] == 2
        [out] = page.evaluate(SET_AND_READ, [{"sort": "index"}])
        hold_to_python(out, series_player(step=2), [])


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
@pytest.mark.parametrize("name", list(PLAYERS))
def test_both_themes_and_widths(browser, served, name, scheme, width):
    shape = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with opened(browser, f"{served}{name}.html", **shape) as page:
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        assert not serious(page)
        sizes = page.evaluate("""() => [...document.querySelectorAll(".gru-sequence *")]
          .filter((node) => node.checkVisibility() && [...node.childNodes].some((child) =>
            child.nodeType === 3 && child.data.trim()))
          .map((node) => parseFloat(getComputedStyle(node).fontSize))""")
        assert min(sizes) >= 10.5
        tops = page.evaluate(
            """() => Array.from({length: 60}, (_, step) => {
              const input = document.querySelector("[data-slider=step] input");
              input.value = step;
              input.dispatchEvent(new Event("input", {bubbles: true}));
              return document.querySelector(".gru-maps").getBoundingClientRect().top;
            })"""
        )
        assert len(set(tops)) == 1, "nothing jumps while time goes on"
        heights = page.evaluate("""() => [...document.querySelectorAll(
          ".gru-sequence :is(input[type=range], button, .gru-choice)")]
          .map((node) => node.getBoundingClientRect().height)""")
        assert min(heights) >= 44
