"""Every page in a browser, in both colour schemes, on a desk and on a phone."""

import itertools

import pytest
from axe_playwright_python.sync_playwright import Axe
from live import AT_REST
from sources import TOC

PAGES = [*TOC, "search"]
WIDTHS = [1280, 375]  # CSS pixels
SCHEMES = ["light", "dark"]

CUT_EQUATIONS = """() => [...document.querySelectorAll('div.math')].filter(
  box => box.offsetParent && box.scrollWidth > box.clientWidth + 1).map(box => box.textContent)"""

# Thousands of spans of code would be most of axe's work. One of each kind stays, which is one of
# each class in each kind of block: what is repeated becomes plain text.
ONE_OF_EACH = """() => {
  const kinds = new Set();
  for (const span of document.querySelectorAll("pre span")) {
    let kind = "";
    for (let node = span; node.parentElement; node = node.parentElement) {
      kind += `${node.tagName} ${node.className} ${node.style.cssText}<`;
    }
    if (kinds.has(kind)) span.replaceWith(...span.childNodes);
    kinds.add(kind);
  }
}"""


def watch(page, origin) -> list[str]:
    """A list that fills with whatever the page asks for, or says, that it should not."""
    seen = []

    def request(asked):
        if not asked.url.startswith((origin, "data:", "blob:")):
            seen.append(f"request to {asked.url}")

    def response(got):
        if got.status >= 400:
            seen.append(f"{got.status} for {got.url}")

    def console(message):
        if message.type == "error":
            seen.append(f"console: {message.text}")

    page.on("request", request)
    page.on("response", response)
    page.on("requestfailed", lambda asked: seen.append(f"failed: {asked.url}"))
    page.on("console", console)
    page.on("pageerror", lambda error: seen.append(f"uncaught: {error}"))
    return seen


def serious(page, exclude) -> list[str]:
    """What axe finds serious or critical, one line for each element."""
    # Without preloading: axe would fetch the style sheets again, from wrong addresses.
    options = {"preload": False, "resultTypes": ["violations"]}
    context = {"exclude": [[selector] for selector in exclude]}
    found = Axe().run(page, context=context, options=options).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_page(browser, site_url, name):
    """No stray request, no error, no sideways scroll, nothing serious for axe."""
    with browser.new_context(viewport={"width": WIDTHS[0], "height": 800}) as context:
        page = context.new_page()
        seen = watch(page, site_url)
        page.goto(f"{site_url}{name}.html")
        page.wait_for_load_state("networkidle")
        page.evaluate(AT_REST)
        assert page.locator("mjx-merror").all_text_contents() == [], "MathJax refused"
        assert page.evaluate(CUT_EQUATIONS) == [], "equations wider than a desk's column"
        # Text in closed blocks must be legible and fit as well.
        page.evaluate("document.querySelectorAll('article details').forEach(d => d.open = true)")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate(AT_REST)
            sideways = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
            assert sideways[0] <= sideways[1] == width, "the page scrolls sideways"
        page.evaluate(ONE_OF_EACH)
        for width, scheme in itertools.product(WIDTHS, SCHEMES):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AT_REST)
            assert page.evaluate("document.documentElement.dataset.theme") == scheme
            assert not serious(page, exclude=[]), (width, scheme)
        assert not seen


def test_equations_are_set_without_a_server(browser, site):
    """The page opened straight from disk sets its equations with the site's own MathJax."""
    page = browser.new_page()
    seen = watch(page, site.as_uri())
    page.goto((site / "book" / "notation.html").as_uri())
    page.wait_for_load_state("networkidle")
    page.evaluate(AT_REST)
    asked, drawn = page.evaluate(
        "['.math', '.math mjx-container'].map(s => document.querySelectorAll(s).length)"
    )
    page.close()
    assert asked == drawn > 10
    assert not seen


def test_wide_equations_scroll_from_their_beginning(browser, site_url):
    """At 375 px no equation starts left of its box, where scrolling could not reach it."""
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto(f"{site_url}book/notation.html")
    page.wait_for_load_state("networkidle")
    page.evaluate(AT_REST)
    hidden = page.evaluate(
        """() => [...document.querySelectorAll('div.math')].filter(box =>
             box.querySelector('mjx-container').getBoundingClientRect().left
               < box.getBoundingClientRect().left - 1).length"""
    )
    page.close()
    assert hidden == 0
