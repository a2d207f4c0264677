"""The gate explorer on built pages: what the tests of all widgets leave out."""

import re
from functools import partial

import live
import numpy as np
import pytest
from shown import assert_legible

LANDING = "book/index.html"
PAGE = "book/gating/gru.html"  # its first explorer is as the class makes it, with no settings
opened = partial(live.opened, root=".gru-explorer")
# Sets sliders as a hand would, one event each, and reads back what is then shown.
SET_AND_READ = """(settings) => {
  const explorer = document.querySelector(".gru-explorer");
  const box = explorer.querySelector("[role=switch]");
  return settings.map(({drive, ...values}) => {
    if (box.checked !== drive) box.click();
    for (const [key, value] of Object.entries(values)) {
      const input = explorer.querySelector(`[data-slider=${key}] input`);
      input.value = value;
      input.dispatchEvent(new Event("input", {bubbles: true}));
    }
    const out = [...explorer.querySelectorAll("[data-out]")];
    return Object.fromEntries(out.map((node) => [node.dataset.out, [
      Number(node.dataset.value), node.textContent]]));
  });
}"""


def first(page):
    return page.locator(".gru-explorer").first


def test_the_landing_page_moves_at_once(browser, site_url):
    with opened(browser, site_url + LANDING) as page:
        state = page.locator(".gru-explorer [data-out=h]")
        before = state.text_content()
        page.locator(".gru-explorer [data-slider=z] input").focus()
        page.keyboard.press("ArrowLeft")
        assert state.text_content() != before


def test_half_life(browser, url):
    gates = [0.0, 0.01, 0.5, 0.9, 0.99, 1.0]
    wanted = [{"drive": True, "x": 0, "h_prev": 1, "r": 0, "z": z} for z in gates]
    with opened(browser, url) as page:
        shown = [out["half_life"] for out in page.evaluate(SET_AND_READ, wanted)]
    for z, (number, _) in list(zip(gates, shown, strict=True))[1:-1]:
        assert z**number == pytest.approx(0.5, abs=1e-12)
    assert [text for _, text in shown] == [
        "At z = 0 nothing of the state is copied.",
        "At z = 0.010 half of the copied state is left after 0.2 steps.",
        "At z = 0.500 half of the copied state is left after 1.0 steps.",
        "At z = 0.900 half of the copied state is left after 6.6 steps.",
        "At z = 0.990 half of the copied state is left after 69.0 steps.",
        "At z = 1 the state is kept for ever.",
    ]


def test_play_does_not_move_for_who_asked_for_no_motion(browser, site_url):
    with opened(browser, site_url + PAGE, reduced_motion="reduce") as page:
        explorer = first(page)
        explorer.get_by_role("slider", name="step of the strip").press("Home")
        explorer.get_by_role("button", name="Play").click()
        assert explorer.locator(".gru-player input").input_value() == "50"


def test_a_broken_link_keeps_to_what_the_controls_allow(browser, url):
    with opened(browser, f"{url}#gru-widget=0&x=99&h_prev=nonsense&a_z=&unknown=1") as page:
        page.wait_for_function("document.querySelector('[data-reading=x]').dataset.value === '2'")
        assert (reading(page, "h_prev"), reading(page, "a_z")) == (-0.6, 2.2)


def reading(page, key):
    return float(first(page).locator(f"[data-reading={key}]").get_attribute("data-value"))


def test_a_widget_that_cannot_start_leaves_the_still_picture(browser, site_url):
    page = live.window(browser)
    page.route("**/gru-widgets.js*", lambda route: route.abort())
    page.goto(site_url + PAGE)
    assert page.locator(".gru-still svg").first.is_visible()
    page.context.close()


def _luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


def _contrast(a, b):
    light, dark = sorted([_luminance(a), _luminance(b)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _rgb(css):
    return np.array([float(part) for part in re.findall(r"[\d.]+", css)[:3]]) / 255


def test_picture_is_legible(browser, url):
    longest = {"drive": False, "x": -1.95, "h_prev": -0.99, "a_r": -7.9, "a_z": -1.1}
    with opened(browser, url) as page:
        page.evaluate(SET_AND_READ, [longest])
        for width in live.at_widths(page):
            page.emulate_media(color_scheme={1280: "light", 375: "dark"}[width])
            page.evaluate(live.AT_REST)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            picture = first(page).locator(".gru-picture:visible")
            assert_legible(picture)
            assert_contrasts(picture)


def assert_contrasts(picture):
    seen = picture.evaluate("""(picture) => ({
      ink: getComputedStyle(picture).fill,
      paper: getComputedStyle(document.body).backgroundColor,
      fills: [...picture.querySelectorAll("[data-level]")].map((node) =>
        [getComputedStyle(node).fill, Number(getComputedStyle(node).fillOpacity)]),
    })""")
    ink, paper = _rgb(seen["ink"]), _rgb(seen["paper"])
    assert _contrast(ink, paper) >= 4.5
    cell = 0.045 * ink + 0.955 * paper
    for fill, opacity in seen["fills"]:
        assert opacity == 0.3
        assert _contrast(ink, opacity * _rgb(fill) + (1 - opacity) * cell) >= 4.5
