"""The sequence player on pages made for the purpose, without any Python behind them.

A page of the book shows one network; here each test can have its own.
"""

import json
from functools import partial

import live
import numpy as np
import pytest
from live import serious

from gru_course import goals
from gru_course.analysis import gates
from gru_course.goals import Goal, Rule
from gru_course.palette import BY_SYMBOL
from gru_course.reference import gru
from gru_course.widgets import SequencePlayer
from gru_course.widgets._base import SHARED
from gru_course.widgets.sphinx_host import script_text

TEXT = "def f(a):\n\tif a[0] < (b + c) * 2:\n\t\treturn [d(a), (b, 1)]\n\n" * 2
opened = partial(live.opened, root=".gru-sequence")
SHOWN = ("r", "z", "n", "h", "mean_z", "half_life")
# Every colour of a theme that a widget takes from its page.
STYLE = """:root { color-scheme: light dark; } body { margin: 16px; font-family: sans-serif;
  color: #222832; background: #fff; }
@media (prefers-color-scheme: dark) { body { color: #ced6dd; background: #14181e; } }"""


def network(T, H):
    """The gates, candidates and states of an untrained network that keeps and lets go."""
    rng = np.random.default_rng(0)
    params = gru.init(rng, 3, H)
    params = params._replace(bias_ih=params.bias_ih + np.tile(np.linspace(-3, 5, H), 3))
    xs = 2 * rng.normal(size=(1, T, 3))
    hs, _ = gru.forward(xs, np.zeros((1, H)), params)
    return {**gates(gru, params, xs), "h": hs}


def text_player(**settings):
    T = len(TEXT)
    depth = np.cumsum([(c in "([") - (c in ")]") for c in TEXT])
    lines = {"depth": depth, "output": depth + np.sin(np.arange(T))}
    return SequencePlayer(TEXT, network(T, 9), lines=lines, **settings)


def series_player(**settings):
    return SequencePlayer(1000 * np.sin(np.arange(60) / 4), network(60, 20), **settings)


def large_player():
    return SequencePlayer("0123456789" * 20, network(200, 32), step=3)


PLAYERS = {"text": text_player, "series": series_player, "large": large_player}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("players") / "book"
    folder.mkdir()
    (folder / "widgets.js").write_text(script_text(), encoding="utf-8")
    for name, make in PLAYERS.items():
        (folder / f"{name}.html").write_text(
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A player</title>'
            '<meta name="viewport" content="width=device-width">'
            f'<link rel="icon" href="data:,"><style>{STYLE}</style></head>'
            f"<body><main><h1>A player</h1>{make().html()}</main>"
            '<script src="widgets.js"></script></body></html>',
            encoding="utf-8",
        )
    return folder


@pytest.fixture(scope="module")
def served(pages):
    with live.serving(pages.parent) as url:
        yield f"{url}book/"


@pytest.fixture(params=["http", "disk"])
def base(request, pages, served):
    return served if request.param == "http" else f"{pages.as_uri()}/"


# Sets the controls as a hand would, one event each, and reads what is then shown.
SET_AND_READ = """(settings) => {
  const player = document.querySelector(".gru-sequence");
  const number = (node) => Number(node.dataset.value);
  return settings.map(({sort, ...values}) => {
    const radio = player.querySelector(`[data-choice=sort] input[value=${sort}]`);
    if (!radio.checked) radio.click();
    for (const [key, value] of Object.entries(values)) {
      const input = player.querySelector(`[data-slider=${key}] input`);
      input.value = value;
      input.dispatchEvent(new Event("input", {bubbles: true}));
    }
    const top = (node) => node.getBoundingClientRect().top;
    return {
      outs: Object.fromEntries([...player.querySelectorAll("[data-out]")].map((node) =>
        [node.dataset.out, number(node)])),
      step: number(player.querySelector(".gru-step")),
      unit: number(player.querySelector("[data-reading=unit]")),
      rows: [...player.querySelectorAll(".gru-row")].map((row) =>
        (top(row) - top(row.parentNode)) / row.getBoundingClientRect().height),
      cursors: [...player.querySelectorAll(".gru-cursor")].map((node) => {
        const [mine, box] = [node, node.parentNode].map((n) => n.getBoundingClientRect());
        return (mine.left + mine.width / 2 - box.left) / box.width;
      }),
      now: [...player.querySelectorAll(".gru-now")].map((node) => Number(node.dataset.step)),
    };
  });
}"""


def hold_to_python(shown, player, lines):
    wanted = player.readings()
    assert (shown["step"], shown["unit"]) == (wanted["step"], wanted["unit"])
    for name in SHOWN:
        assert shown["outs"][name] == pytest.approx(wanted[name], rel=0, abs=1e-9), name
    assert shown["outs"]["keeps"] == pytest.approx(wanted["z"], rel=0, abs=1e-9)
    assert shown["outs"]["writes"] == pytest.approx(1 - wanted["z"], rel=0, abs=1e-9)
    for i, values in enumerate(lines):
        assert shown["outs"][f"line_{i}"] == pytest.approx(values[player.step], rel=5e-5)
    assert shown["rows"] == pytest.approx([player.order().index(player.unit)] * 4, abs=0.01)
    assert shown["cursors"] == pytest.approx([(player.step + 0.5) / player.T] * 6, abs=0.002)


@pytest.mark.parametrize("name", ["text", "series"])
def test_readout_equals_python(browser, base, name):
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
    with opened(browser, f"{base}{name}.html") as page:
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


def test_a_line_of_whole_numbers_is_a_staircase(browser, base):
    depth, output = text_player().record["lines"].values()
    low, high = min(depth + output), max(depth + output)
    with opened(browser, f"{base}text.html") as page:
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


def settings(page):
    player = page.locator(".gru-sequence")
    value = lambda css: int(player.locator(css).get_attribute("data-value"))
    sort = player.locator("[data-choice=sort] input:checked").input_value()
    return value(".gru-step"), value("[data-reading=unit]"), sort


def shown_unit(page):
    return int(page.locator(".gru-strip .gru-title").text_content().split()[1])


def test_keyboard(browser, base):
    player = text_player(sort="half_life")
    with opened(browser, f"{base}text.html") as page:
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


def point(page, css, step, of_steps, row=0, of_rows=1):
    """The place on the screen of a step, and of a row, of a box."""
    box = page.locator(css)
    box.scroll_into_view_if_needed()
    seen = box.bounding_box()
    return (
        seen["x"] + seen["width"] * (step + 0.5) / of_steps,
        seen["y"] + seen["height"] * (row + 0.5) / of_rows,
    )


def test_mouse(browser, base):
    player = text_player(sort="half_life")
    T, H, order = player.T, player.H, player.order()
    with opened(browser, f"{base}text.html", viewport={"width": 1280, "height": 900}) as page:
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


def test_touch(browser, base):
    player = text_player()
    T, H = player.T, player.H
    with opened(browser, f"{base}text.html", **PHONE) as page:
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


# Mounts the module on a model as Jupyter's: somebody else holds it, sets it and hears of changes.
MOUNT = """async ([text, state]) => {
  const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
  const {render} = (await import(url)).default;
  const handlers = {};
  window.model = {
    saved: 0,
    get: (key) => state[key],
    set(key, value) {
      if (state[key] === value) return;
      state[key] = value;
      for (const handler of handlers[`change:${key}`] ?? []) handler();
    },
    on: (event, handler) => (handlers[event] ??= new Set()).add(handler),
    off: (event, handler) => handlers[event].delete(handler),
    save_changes() { this.saved++; },
  };
  const el = document.createElement("div");
  document.querySelector("main").replaceChildren(el);
  window.leave = render({model, el});
}"""


def test_python_sets_and_follows(browser, served):
    player = text_player(step=8, unit=2)
    with opened(browser, f"{served}text.html") as page:
        page.evaluate(MOUNT, [player._esm, player.state()])
        page.evaluate(live.AT_REST)
        assert settings(page) == (8, 2, "index")
        page.evaluate(live.HOLD_TIME)
        page.locator(".gru-player button").click()
        page.evaluate(live.GO_ON, 0)  # what is then drawn starts the clock
        page.evaluate("model.set('step', 50), model.set('unit', 7), model.set('sort', 'half_life')")
        page.evaluate(live.GO_ON, 300)
        assert settings(page) == (50, 7, "half_life"), "playing ends where Python sets the step"
        assert page.locator(".gru-player button").text_content() == "▶ Play"
        saved = page.evaluate("model.saved")
        page.get_by_role("slider", name="step", exact=True).press("ArrowRight")
        page.get_by_role("slider", name="unit", exact=True).press("ArrowLeft")
        page.get_by_text("number", exact=True).click()
        keys = ("step", "unit", "sort")
        heard = page.evaluate("(keys) => keys.map((key) => model.get(key))", keys)
        assert heard == [51, 6, "index"]
        assert page.evaluate("model.saved") == saved + 3
        page.evaluate("leave()")
        page.evaluate("model.set('unit', 0)")
        assert settings(page)[1] == 6, "a closed view hears nothing"


def test_a_goal_is_marked_by_the_rules_of_python(browser, served, monkeypatch):
    rules = (
        Rule("half_life", 2, None, "Half is left after {half_life} steps."),
        Rule("z", None, 0.9, "At step {step} unit {unit} keeps {z}, on average {mean_z}."),
        Rule("h", 0.9, 1, "The state {h} is below 0.9, as r = {r} and n = {n} have it."),
    )
    goal = Goal("SequencePlayer", rules, "It writes {n} at step {step}.", ("", ""))
    monkeypatch.setitem(goals.GOALS, "test.goal", goal)
    text = SHARED + SequencePlayer.own_text()
    player = text_player(goal="test.goal")
    said = set()
    with opened(browser, f"{served}text.html") as page:
        page.evaluate(MOUNT, [text, player.state()])
        page.evaluate(live.AT_REST)
        line = page.locator(".gru-goal")
        for step in range(0, player.T, 7):
            for unit in range(player.H):
                page.evaluate(SET_AND_READ, [{"step": step, "unit": unit, "sort": "index"}])
                player.step, player.unit = step, unit
                readings = player.readings()
                passed, sentence = goals.judge(goal, readings)
                assert json.loads(line.get_attribute("data-readings")) == readings
                assert line.text_content() == (
                    f"{'✓ Solved.' if passed else '→ Not yet.'} {sentence}"
                )
                said.add(sentence.split()[0])
        assert said == {"Half", "At", "The", "It"}
        unit = int(player.unit)
        page.mouse.move(*point(page, "[data-map=h]", 0, player.T, 0, player.H))
        assert shown_unit(page) == 0 != unit
        assert json.loads(line.get_attribute("data-readings"))["unit"] == unit, "not the hovered"


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


def test_link_to_a_setting(browser, served):
    with opened(browser, f"{served}text.html") as page:
        wanted = {"step": 17, "unit": 6, "sort": "half_life"}
        page.evaluate(SET_AND_READ, [wanted])
        page.get_by_role("button", name="Link to this setting").click()
        page.wait_for_url("**#gru-widget=*")
        link = page.url
    with opened(browser, link) as page:
        assert settings(page) == tuple(wanted.values())
        hold_to_python(
            page.evaluate(SET_AND_READ, [{"sort": "half_life"}])[0], text_player(**wanted), []
        )
