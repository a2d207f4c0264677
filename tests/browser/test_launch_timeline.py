"""The launch timeline on built pages: every kernel, and what is drawn of it."""

from contextlib import contextmanager

import live
import numpy as np
from shown import SHOWN, assert_outputs

from gru_course.widgets.launch_timeline import WAYS

ROOT = ".gru-timeline"
PAGE = "book/performance/gru-on-a-gpu.html"
# Sets the controls as a hand would, one event each.
SET = """(root, { way, ...numbers }) => {
  root.querySelector(`[data-choice=way] [value=${way}]`).click();
  for (const [key, value] of Object.entries(numbers)) {
    const input = root.querySelector(`[data-slider=${key}] input`);
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}"""
SET_AND_READ = (
    f"(root, all) => all.map((each) => {{ ({SET})(root, each); return ({SHOWN})(root) }})"
)
# The boxes of a colour, from left to right: from where to where, in pixels of the drawing.
DRAWN = """(root, color) => [...root.querySelectorAll("svg path")]
  .filter((path) => path.getAttribute("fill") === color && path.getAttribute("fill-opacity"))
  .flatMap((path) => [...(path.getAttribute("d") ?? "")
    .matchAll(/M([\\d.]+) [\\d.]+h([\\d.]+)v28/g)])
  .map(([, x, width]) => [Number(x), Number(x) + Number(width)])
  .sort((one, other) => one[0] - other[0])"""
# The brackets of the steps, in the same pixels.
BRACKETS = """(root) => [...root.querySelectorAll("svg path")].flatMap((path) =>
  [...(path.getAttribute("d") ?? "").matchAll(/M([\\d.]+) [\\d.]+v4H([\\d.]+)v-4/g)]
    .map(([, from, to]) => [Number(from), Number(to)]))"""
# How many pairs of texts lie on each other, and how far one sticks out on the right.
SPILL = """(svg) => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")]
    .filter((text) => text.checkVisibility({ visibilityProperty: true }))
    .map((text) => text.getBoundingClientRect());
  const rows = texts.flatMap((one, i) => texts.slice(i + 1).filter((other) =>
    Math.min(one.right, other.right) > Math.max(one.left, other.left) &&
    Math.min(one.bottom, other.bottom) > Math.max(one.top, other.top) + 2));
  return [rows.length, Math.max(...texts.map(({ right }) => right - frame.right))];
}"""
SIZE = """(svg) => parseFloat(getComputedStyle(svg).fontSize)
  * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"""


@contextmanager
def opened(browser, url, **context):
    """The first launch timeline of the page."""
    with live.opened(browser, url, ROOT, **context) as page:
        yield page.locator(ROOT).first


def test_each_bound_is_named(browser, url):
    """By chance a setting that gaps or barriers bound is hardly ever drawn."""
    wanted = [
        {"way": "eager", "kernels": 10, "launch": 5, "work": 0.5, "gap": 0.5, "barrier": 0},
        {"way": "graph", "kernels": 10, "launch": 5, "work": 0.5, "gap": 1, "barrier": 0},
        {"way": "persistent", "kernels": 1, "launch": 1, "work": 0.5, "gap": 0, "barrier": 3},
        {"way": "eager", "kernels": 3, "launch": 1, "work": 20, "gap": 0, "barrier": 0},
    ]
    with opened(browser, url) as widget:
        shown = widget.evaluate(SET_AND_READ, wanted)
    for setting, out in zip(wanted, shown, strict=True):
        assert_outputs("LaunchTimeline", setting, out)
    bounds = [out["outputs"]["bound"]["value"] for out in shown]
    assert bounds == ["launches", "gaps", "barriers", "arithmetic"]


def test_boxes_stand_where_their_kernels_run(browser, url):
    with opened(browser, url) as widget:
        for width in live.at_widths(widget.page):
            for way in WAYS:
                setting = {"way": way, "kernels": 4, "launch": 3, "work": 6, "gap": 1, "barrier": 2}
                widget.evaluate(SET, setting)
                assert_draws(widget, way, right={1280: 726, 375: 326}[width])
                assert widget.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def assert_draws(widget, way, right):
    """Four steps of three kernels of 6, launches of 3, gaps of 1, barriers of 2, in pixels."""
    slowest = 3 + 12 * 7  # twelve kernels and their gaps, after one launch: the right end
    at = lambda time: 36 + (right - 36) * np.array(time) / slowest
    launches, kernels = (widget.evaluate(DRAWN, color) for color in ("#7A7A7A", "#0072B2"))
    brackets = np.array(widget.evaluate(BRACKETS))
    # As long as a step takes, gaps and barrier included.
    step = 26 if way == "persistent" else 28
    wanted = 3 + step * np.arange(4)
    wanted = at(np.column_stack([wanted[:-1], wanted[1:]]))
    np.testing.assert_allclose(brackets, wanted, rtol=0, atol=0.01)
    starts, work = ([3, 29, 55], 24) if way == "persistent" else (3 + 7 * np.arange(12), 6)
    begun = 3 * np.arange(12) if way == "eager" else [0]
    for boxes, since, took in ((kernels, starts, work), (launches, begun, 3)):
        drawn = np.array(boxes)
        np.testing.assert_allclose(drawn[:, 0], at(since), rtol=0, atol=0.01)
        # A neighbour is kept off by one pixel at most.
        missing = at(np.array(since) + took) - drawn[:, 1]
        assert missing.min() > -0.02
        assert missing.max() < 1.02


def test_it_is_legible_and_nothing_jumps(browser, url):
    with opened(browser, url) as widget:
        for _ in live.at_widths(widget.page):
            heights = set()
            for way in WAYS:
                for kernels, work, gap in ((1, 0.1, 2), (30, 20, 0), (30, 0.1, 1), (10, 1, 1)):
                    settings = {"way": way, "kernels": kernels, "work": work, "gap": gap}
                    widget.evaluate(SET, {**settings, "launch": 10, "barrier": 3})
                    heights.add(round(widget.bounding_box()["height"]))
                    spill = widget.locator("svg").evaluate(SPILL)
                    assert spill[0] == 0, "two texts of the picture lie on each other"
                    assert spill[1] < 1
            assert len(heights) == 1, heights
            size = widget.locator("svg").evaluate(SIZE)
            assert size >= 11
