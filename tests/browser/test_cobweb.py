"""The cobweb on built pages: its pictures, which the tests of all widgets leave out."""

from functools import partial

import live
import pytest

PAGE = "book/recurrence/plain-rnn.html"
opened = partial(live.opened, root=".gru-cobweb")


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


def test_the_pictures_are_legible(browser, url):
    with opened(browser, url) as page:
        for width in live.at_widths(page):
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
