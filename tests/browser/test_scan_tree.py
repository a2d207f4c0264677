"""The scan tree on built pages: its picture, which the shared walk over all controls leaves out."""

from contextlib import contextmanager

import live
import numpy as np
import pytest

from gru_course.goals import digits
from gru_course.widgets import ScanTree
from gru_course.widgets.scan_tree import METHODS, levels

ROOT = ".gru-scan"
PAGE = "book/performance/mingru-and-the-scan.html"
# Sets the controls as a hand would, one event each; reads the boxes that are full and those that
# are empty, by the step and the level that they stand at.
SET_AND_READ = """(root, settings) => settings.map(({ method, ...numbers }) => {
  root.querySelector(`[data-choice=method] [value=${method}]`).click();
  for (const [key, value] of Object.entries(numbers)) {
    const input = root.querySelector(`[data-slider=${key}] input`);
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const boxes = [...root.querySelectorAll("[data-pair]")].filter((box) =>
    box.getBoundingClientRect().width);
  const shown = (node) => getComputedStyle(node).visibility === "visible";
  return {
    full: Object.fromEntries(boxes.filter((box) => shown(box.querySelector("text")))
      .map((box) => [box.dataset.pair,
        [...box.querySelectorAll("text")].map((text) => text.textContent)])),
    empty: boxes.filter((box) => !shown(box.querySelector("text")))
      .map((box) => box.dataset.pair),
    height: root.getBoundingClientRect().height,
  };
})"""
# The size of the writing in pixels, and how far it sticks out of its boxes.
SPILL = """(svg) => {
  const box = (node) => node.getBoundingClientRect();
  const scale = box(svg).width / svg.viewBox.baseVal.width;
  const pairs = [...svg.querySelectorAll("[data-pair]")].filter((pair) => box(pair).width);
  return [parseFloat(getComputedStyle(svg).fontSize) * scale,
    Math.max(...pairs.flatMap((pair) => [...pair.querySelectorAll("text")].map((text) =>
      box(text).width - box(pair.querySelector("rect")).width)))];
}"""


@contextmanager
def opened(browser, url, **context):
    """The first scan tree of the page."""
    with live.opened(browser, url, ROOT, **context) as page:
        yield page.locator(ROOT).first


def boxes(setting):
    """What stands in each box that is full at this setting, and the boxes that are empty."""
    made = [[(t, 0) for t in range(1, 9)]]
    made += [[(t, k) for t, _ in joined] for k, joined in enumerate(levels(setting["method"]), 1)]
    full = {}
    for k, row in enumerate(made[: setting["level"] + 1]):
        pairs = ScanTree(**{**setting, "level": k}).pairs()
        for t, _ in row:
            pair = pairs[t - 1]
            full[f"{t} {k}"] = [pair.span, digits(pair.a), digits(pair.b)]
    return full, {f"{t} {k}" for row in made for t, k in row} - full.keys()


def test_every_box_equals_python(browser, url):
    rng = np.random.default_rng(0)
    wanted = [
        {
            "method": method,
            "level": level,
            "z": round(rng.random(), 2),
            "overwrite": int(rng.integers(0, 9)),
            "pulse": int(rng.integers(1, 9)),
        }
        for method in METHODS
        for level in range(8)
        for _ in range(4)
    ]
    with opened(browser, url) as tree:
        shown = tree.evaluate(SET_AND_READ, wanted)
    for setting, out in zip(wanted, shown, strict=True):
        full, empty = boxes(setting)
        assert out["full"] == full, setting
        assert set(out["empty"]) == empty, setting


@pytest.mark.parametrize("touch", [False, True])
def test_a_press_on_a_box_goes_to_its_pair(browser, site_url, touch):
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 375, "height": 800}}
    with opened(browser, site_url + PAGE, **(phone if touch else {})) as tree:
        tree.locator("[data-choice=method] [value=tree]").check(force=True)
        for t, k, span in ((8, 2, "Steps 5–8"), (6, 4, "Steps 1–6"), (3, 0, "Step 3")):
            box = tree.locator(f"[data-pair='{t} {k}']:visible")
            box.tap() if touch else box.click()
            assert tree.locator("[data-out=span]").text_content() == span
            assert tree.locator("[data-reading=at]").text_content() == f"{t}"
            assert tree.locator(".gru-step").text_content() == f"after level {k}"


def test_it_is_legible_and_nothing_jumps(browser, url):
    with opened(browser, url) as tree:
        for _ in live.at_widths(tree.page):
            settings = [
                {"method": method, "level": level, "at": at}
                for method in METHODS
                for level in (0, 3, 7)
                for at in (1, 5, 8)
            ]
            heights = [out["height"] for out in tree.evaluate(SET_AND_READ, settings)]
            assert max(heights) - min(heights) < 1, heights
            assert tree.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            size, spill = tree.locator("svg").evaluate(SPILL)
            assert size >= 11
            assert spill < -2
