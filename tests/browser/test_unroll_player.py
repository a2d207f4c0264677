"""The unroll player on built pages, without any Python behind it."""

import itertools
import re
from contextlib import contextmanager
from math import tanh

import live
import numpy as np
import pytest
from shown import assert_legible

from gru_course.goals import digits
from gru_course.widgets import UnrollPlayer

ROOT = ".gru-unroll"
PAGE = "book/recurrence/bptt.html"
SLIDERS = ("w_h", "w_x", "b", "x1", "x3")
LAST = 16
BACK = (3, 2, 1)
# The lines that each step of the player writes out.
LINES = [
    [],
    *itertools.chain(*([[f"a_{t}", f"h_{t}"], [f"e_{t}", f"L_{t}"]] for t in (1, 2, 3))),
    *itertools.chain(
        *([[f"dh_{t}"], [f"s_{t}", f"delta_{t}"], [f"dw_h_{t}", f"dw_x_{t}"]] for t in BACK)
    ),
    ["dh_0", "dw_h"],
]
LINES[6].append("L")
PARTS_AT = {3: 9, 2: 12, 1: 15}  # the step at which the table gets the row of time t
READ = """(player) => {
  const number = (node) => Number(node.dataset.value);
  const seen = (node) => getComputedStyle(node.closest("[opacity]") ?? node).opacity === "1";
  const svg = [...player.querySelectorAll(".gru-picture")].find((each) => each.clientWidth);
  return {
    lines: [...player.querySelectorAll(".gru-written [data-out][data-value]")].map((node) =>
      [node.dataset.out, number(node), node.closest("p").textContent]),
    cells: Object.fromEntries([...player.querySelectorAll("[data-cell][data-value]")].map((node) =>
      [node.dataset.cell, number(node)])),
    blank: [...player.querySelectorAll("[data-cell]:not([data-value])")].map((node) =>
      node.textContent),
    drawn: Object.fromEntries([...svg.querySelectorAll("[data-number]")].filter(seen).map((node) =>
      [node.dataset.number, node.textContent])),
    sentence: player.querySelector("[data-out=sentence]").textContent,
    step: player.querySelector(".gru-step").textContent,
  };
}"""
# Sets sliders as a hand would, one event each, then steps through both passes.
SET_AND_READ = f"""(settings) => {{
  const player = document.querySelector("{ROOT}");
  const move = (input, value) => {{
    input.value = value;
    input.dispatchEvent(new Event("input", {{bubbles: true}}));
  }};
  return settings.map(({{losses, ...values}}) => {{
    player.querySelector(`[data-choice=losses] [value=${{losses}}]`).click();
    for (const [key, value] of Object.entries(values)) {{
      move(player.querySelector(`[data-slider=${{key}}] input`), value);
    }}
    return Array.from({{length: {LAST} + 1}}, (_, k) => {{
      move(player.querySelector(".gru-player input"), k);
      return ({READ})(player);
    }});
  }});
}}"""
CLIPPED = """(cells) => cells.filter((node) => node.scrollWidth > node.clientWidth)
  .map((node) => node.textContent)"""


@contextmanager
def opened(browser, url, **context):
    """The first player of the page."""
    with live.opened(browser, url, ROOT, **context) as page:
        yield page.locator(ROOT).first


def drawn_at(k, values, player):
    """What the picture shows at step k: each number from the step on in which it is computed."""
    shown = {"h_0": values["h_0"]}
    for t in (1, 2, 3):
        shown |= {f"x_{t}": getattr(player, f"x{t}"), f"y_{t}": getattr(player, f"y{t}")}
    for line in LINES[1 : min(k, 6) + 1]:
        shown |= {key: values[key] for key in line if key[0] != "e"}
    for i, t in enumerate(BACK):
        if k >= 7 + 3 * i:
            shown |= {f"{name}_{t}": values[f"{name}_{t}"] for name in ("e", "dh")}
            shown |= {f"future_{t}": values[f"future_{t}"]} if t < 3 else {}
        if k >= 8 + 3 * i:
            shown[f"delta_{t}"] = values[f"delta_{t}"]
    return shown | ({"future_0": values["dh_0"]} if k == LAST else {})


def assert_shows(k, out, setting):
    player = UnrollPlayer(**setting)
    values = player.values()
    assert [key for key, *_ in out["lines"]] == LINES[k]
    for key, number, text in out["lines"]:
        assert number == pytest.approx(values[key], rel=0, abs=1e-9), (setting, k)
        *_, terms, result = text.split(" = ")
        assert result == digits(values[key])
        if terms.strip() == "no loss here":
            assert key in ("e_1", "e_2")
            assert setting["losses"] == "last"
            continue
        # The numbers of the line, computed as they are written, give its result.
        for written, meant in (("−", "-"), ("·", "*"), ("½", "0.5"), ("²", "**2")):
            terms = terms.replace(written, meant)
        assert eval(terms, {"tanh": tanh}) == pytest.approx(values[key], abs=0.08), text
    cells = dict.fromkeys(("dw_h", "dw_x", "db"), 0.0)
    for t in BACK:
        for name in ("dw_h", "dw_x", "db") if k >= PARTS_AT[t] else ():
            cells[f"{name}_{t}"] = values[f"{name}_{t}"]
            cells[name] += values[f"{name}_{t}"]
    assert out["cells"] == pytest.approx(cells, rel=0, abs=1e-9), (setting, k)
    assert out["blank"] == ["·"] * (12 - len(cells))
    if k >= PARTS_AT[1]:
        assert [cells[name] for name in ("dw_h", "dw_x", "db")] == pytest.approx(
            [values[name] for name in ("dw_h", "dw_x", "db")], rel=0, abs=1e-12
        )
    wanted = {key: digits(value) for key, value in drawn_at(k, values, player).items()}
    assert out["drawn"] == wanted, (setting, k)
    assert out["step"].endswith(f" = {digits(values[LINES[k][-1]])}" if 0 < k < 6 else "")
    assert re.match("Known|Forward|Backward|The uses", out["sentence"])


def test_every_step_equals_python(browser, url):
    rng = np.random.default_rng(0)
    wanted = [
        {
            "losses": ("every", "last")[i % 2],
            **{key: round(rng.uniform(-2, 2), 2) for key in SLIDERS},
        }
        for i in range(12)
    ]
    ends = itertools.product([-2, 0, 2], [-2, 2], [2, -2])
    wanted += [
        {"losses": "every", "w_h": w_h, "w_x": w_x, "b": 0, "x1": x, "x3": -x}
        for w_h, w_x, x in ends
    ]
    with opened(browser, url) as player:
        shown = player.page.evaluate(SET_AND_READ, wanted)
    for setting, outs in zip(wanted, shown, strict=True):
        for k, out in enumerate(outs):
            assert_shows(k, out, setting)


def held(player):
    """The settings that the controls show."""
    setting = {
        key: float(player.locator(f"[data-reading={key}]").get_attribute("data-value"))
        for key in SLIDERS
    }
    return {**setting, "losses": player.locator("[data-choice] :checked").get_attribute("value")}


def test_touch(browser, url):
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 375, "height": 800}}
    with opened(browser, url, **phone) as player:
        slider = player.locator("[data-slider=x3] input")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box["height"] >= 44
        y = box["y"] + box["height"] / 2
        player.page.touchscreen.tap(box["x"] + box["width"] / 2, y)
        assert abs(held(player)["x3"]) < 0.2
        cdp = player.page.context.new_cdp_session(player.page)
        for kind, share in [("touchStart", 0.5), ("touchMove", 0.7), ("touchMove", 1.0)]:
            point = {"x": box["x"] + box["width"] * share, "y": y}
            cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert held(player)["x3"] == 2
        last = player.locator("[data-choice] label", has_text="last step")
        assert last.bounding_box()["height"] >= 44
        last.tap()
        assert_shows(LAST, player.evaluate(READ), held(player))


def test_play(browser, site_url):
    with opened(browser, site_url + PAGE) as player:
        position = player.get_by_role("slider", name="step of the two passes")
        position.press("Home")
        player.page.evaluate(live.HOLD_TIME)
        player.get_by_role("button", name="Play").press("Enter")
        player.page.evaluate(live.GO_ON, 0)  # what is then drawn starts the clock
        player.page.evaluate(live.GO_ON, 3000)
        assert position.input_value() == "2", "0.8 steps a second"
        player.get_by_role("button", name="Pause").press("Space")
        player.page.evaluate(live.GO_ON, 3000)
        assert position.input_value() == "2"
        assert_shows(2, player.evaluate(READ), held(player))


def test_nothing_below_the_lines_jumps(browser, url):
    with opened(browser, url) as player:
        for _ in live.at_widths(player.page):
            longest = {"w_h": -1.99, "w_x": -1.95, "b": -1.11, "x1": -1.5, "x3": -1.55}
            player.page.evaluate(SET_AND_READ, [{"losses": "last", **longest}])
            position = player.get_by_role("slider", name="step of the two passes")
            heights = []
            for k in range(LAST + 1):
                position.fill(str(k))
                heights.append(player.bounding_box()["height"])
            assert max(heights) - min(heights) < 1, heights


def test_picture_is_legible(browser, url):
    longest = {"w_h": -1.99, "w_x": -1.95, "b": 1.11, "x1": -1.5, "x3": -1.55}
    with opened(browser, url) as player:
        for _ in live.at_widths(player.page):
            player.page.evaluate(SET_AND_READ, [{"losses": "every", **longest}])
            assert player.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert_legible(player.locator(".gru-picture:visible"))
            clipped = player.locator("[data-cell]").evaluate_all(CLIPPED)
            assert clipped == []
