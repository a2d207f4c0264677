"""The cobweb on built pages, without any Python behind it."""

import json
from functools import partial

import live
import numpy as np
import pytest

from gru_course.reference import rnn
from gru_course.widgets import Cobweb

PAGE = "book/recurrence/plain-rnn.html"
opened = partial(live.opened, root=".gru-cobweb")
STEPS = 30
# Sets sliders as a hand would, one event each, then steps through all states; reads what is shown.
SET_AND_READ = """(settings) => {
  const cobweb = document.querySelector(".gru-cobweb");
  const move = (input, value) => {
    input.value = value;
    input.dispatchEvent(new Event("input", {bubbles: true}));
  };
  const out = (name) => cobweb.querySelector(`[data-out=${name}]`);
  const number = (node) => Number(node.dataset.value);
  return settings.map((setting) => {
    for (const [key, value] of Object.entries(setting)) {
      move(cobweb.querySelector(`[data-slider=${key}] input`), value);
    }
    const shown = [0, 1, 2].filter((i) =>
      getComputedStyle(out(`point_${i}`)).visibility === "visible");
    const states = [];
    for (let k = 0; k <= 30; k++) {
      move(cobweb.querySelector(".gru-player input"), k);
      states.push(number(cobweb.querySelector(".gru-step")));
    }
    return {
      states,
      points: shown.map((i) => [number(out(`point_${i}`)), number(out(`slope_${i}`)),
        out(`kind_${i}`).textContent]),
      sentence: out("sentence").textContent,
      cycle: out("sentence").dataset.value,
    };
  });
}"""


def reference(w, b, h0):
    params = rnn.Params(np.zeros((1, 1)), np.array([[float(w)]]), np.zeros(1), np.array([float(b)]))
    hs, _ = rnn.forward(np.zeros((1, STEPS, 1)), np.array([[float(h0)]]), params)
    return [h0, *hs[0, :, 0]]


def test_readout_equals_python(browser, url):
    rng = np.random.default_rng(0)
    wanted = [
        {key: round(rng.uniform(-end, end), 2) for key, end in (("w", 3), ("b", 1.5), ("h0", 1))}
        for _ in range(80)
    ]
    wanted += [{**s, "w": abs(s["w"]), "b": round(s["b"] / 10, 2)} for s in wanted]
    wanted += [{"w": w, "b": 0, "h0": 0.4} for w in (-3, -1.01, -1, 0, 0.99, 1, 1.01, 3)]
    with opened(browser, url) as page:
        shown = page.evaluate(SET_AND_READ, wanted)
    for setting, out in zip(wanted, shown, strict=True):
        assert out["states"] == pytest.approx(reference(**setting), rel=0, abs=1e-9), setting
        unit = Cobweb(**setting)
        points = unit.fixed_points()
        assert len(out["points"]) == len(points), setting
        for (h, slope, kind), point in zip(out["points"], points, strict=True):
            assert h == pytest.approx(point.h, rel=0, abs=1e-9), setting
            assert slope == pytest.approx(point.slope, rel=0, abs=1e-9), setting
            assert kind == ("at the edge" if point.kind == "edge" else point.kind), setting
        assert out["sentence"] == unit.sentence()
        assert json.loads(out["cycle"]) == pytest.approx(unit.cycle(), rel=0, abs=1e-9)
    kinds = {(len(out["points"]), bool(json.loads(out["cycle"]))) for out in shown}
    assert kinds == {(1, False), (1, True), (3, False)}


def reading(page, key):
    return float(page.locator(f"[data-reading={key}]").first.get_attribute("data-value"))


def grip(page):
    """Where the start is on the map, and how many pixels a state of 1 is."""
    shown = page.locator(".gru-cobweb [data-grip] >> visible=true").first
    shown.scroll_into_view_if_needed()
    box = shown.bounding_box()
    scale = box["width"] / 44
    # The plot is as wide as its picture less the room for ticks, which `axes` takes.
    svg = page.locator(".gru-cobweb svg:has([data-grip]) >> visible=true").first
    width = float(svg.get_attribute("viewBox").split()[2]) - 44 - 14
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return x, y, scale * width / 2, box["width"]


def test_the_start_is_dragged_by_mouse(browser, url):
    with opened(browser, url, viewport={"width": 1280, "height": 900}) as page:
        page.locator(".gru-cobweb [data-slider=h0] input").first.fill("0")
        x, y, unit, _ = grip(page)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 0.4 * unit, y - 0.4 * unit, steps=4)
        assert reading(page, "h0") == pytest.approx(0.4, abs=0.011)
        page.mouse.move(x + 3 * unit, y, steps=4)
        assert reading(page, "h0") == 1
        page.mouse.up()
        page.mouse.move(x, y, steps=2)
        assert reading(page, "h0") == 1, "let go"
        assert grip(page)[0] - x == pytest.approx(unit, abs=1)


def test_the_start_is_dragged_by_touch(browser, url):
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 375, "height": 800}}
    with opened(browser, url, **phone) as page:
        page.locator(".gru-cobweb [data-slider=h0] input").first.fill("0.5")
        x, y, unit, size = grip(page)
        assert size >= 40, "as large as a finger"
        scrolled = page.evaluate("scrollY")
        cdp = page.context.new_cdp_session(page)
        for kind, share in [("touchStart", 0), ("touchMove", -0.2), ("touchMove", -0.7)]:
            point = {"x": x + share * unit, "y": y - share * unit}
            cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert reading(page, "h0") == pytest.approx(-0.2, abs=0.011)
        assert page.evaluate("scrollY") == scrolled


@pytest.mark.parametrize("width", [1280, 375])
def test_the_pictures_are_legible(browser, site_url, width):
    with opened(browser, site_url + PAGE, viewport={"width": width, "height": 900}) as page:
        seen = page.evaluate("""() => [
          ...document.querySelector(".gru-cobweb").querySelectorAll(".gru-chart")]
          .filter((svg) => svg.getBoundingClientRect().width).map((svg) => {
            const {width, top} = svg.getBoundingClientRect();
            return [parseFloat(getComputedStyle(svg).fontSize) * width /
              svg.viewBox.baseVal.width, top];
          })""")
        assert len(seen) == 2
        assert min(size for size, _ in seen) >= 10.5
        beside = seen[0][1] == seen[1][1]
        assert beside is (width == 1280)
