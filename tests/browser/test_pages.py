"""Every page in a browser, in both colour schemes, on a desk and on a phone."""

import pytest
from live import AT_REST, WIDTHS, at_widths, opened, serious
from sources import TOC

PAGES = [*TOC, "search"]
SCHEMES = ["light", "dark"]

# Equations that a desk's column cuts off, and those that are not set, or on a phone begin left of
# their box, where scrolling does not reach.
CUT = """() => [...document.querySelectorAll('div.math')].filter(
  box => box.offsetParent && box.scrollWidth > box.clientWidth + 1).map(box => box.textContent)"""
HIDDEN = """() => [...document.querySelectorAll('div.math')].filter(
  box => !(box.querySelector('mjx-container')?.getBoundingClientRect().left
    >= box.getBoundingClientRect().left - 1)).map(box => box.textContent)"""

# Thousands of spans of code and of parts of equations would be most of axe's work. One of each
# kind stays, which is one of each class in each kind of block: repeated code becomes plain text,
# repeated equations an empty place. What scrolls is of another kind.
ONE_OF_EACH = """() => {
  const kinds = new Set(), repeated = [];
  for (const part of document.querySelectorAll("pre span, mjx-container")) {
    const box = part.closest("div");
    let kind = `${box.scrollWidth > box.clientWidth} `;
    for (let node = part; node.parentElement; node = node.parentElement) {
      kind += `${node.tagName} ${node.className} ${node.style.cssText}<`;
    }
    if (kinds.has(kind)) repeated.push(part);
    kinds.add(kind);
  }
  for (const part of repeated) {
    if (part.matches("span")) part.replaceWith(...part.childNodes);
    else part.replaceChildren();
  }
  document.body.normalize();
}"""


# The theme lets the keyboard reach what scrolls, some time after the width or the contents changed.
REACHED = """() => [...document.querySelectorAll("pre, .cell_output > .output")].every(
  box => box.scrollWidth <= box.clientWidth || box.tabIndex === 0)"""


def settings(name):
    """The widths and colour schemes in which axe looks at a page.

    A chapter gets both of either, a page of solutions, which has nothing that is not in a chapter
    too, one of each; what all pages share is met in every pair.
    """
    number = PAGES.index(name)
    pairs = list(zip(WIDTHS, SCHEMES[:: (-1) ** number], strict=True))
    return [pairs[number // 2 % 2]] if "/solutions/" in name else pairs


@pytest.mark.parametrize("name", PAGES)
def test_page(browser, site_url, name):
    """No stray request, no error, no sideways scroll, nothing serious for axe."""
    with opened(browser, f"{site_url}{name}.html", "body", equations=True) as page:
        assert page.locator("mjx-merror").all_text_contents() == [], "MathJax refused"
        assert page.evaluate(CUT) == [], "equations wider than a desk's column"
        # Text in closed blocks must be legible and fit as well.
        page.evaluate("document.querySelectorAll('article details').forEach(d => d.open = true)")
        for width in at_widths(page):
            sideways = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
            assert sideways[0] <= sideways[1] == width, "the page scrolls sideways"
        assert page.evaluate(HIDDEN) == [], "equations not set, or out of reach on a phone"
        page.evaluate(ONE_OF_EACH)
        for width, scheme in settings(name):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AT_REST)
            page.wait_for_function(REACHED)
            assert page.evaluate("document.documentElement.dataset.theme") == scheme
            assert not serious(page), (width, scheme)


def test_equations_are_set_without_a_server(browser, site):
    """The page opened straight from disk sets its equations with the site's own MathJax."""
    url = (site / "book" / "notation.html").as_uri()
    with opened(browser, url, "body", equations=True) as page:
        asked, drawn = page.evaluate(
            "['.math', '.math mjx-container'].map(s => document.querySelectorAll(s).length)"
        )
    assert asked == drawn > 10
