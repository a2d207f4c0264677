"""How questions, their answers and the box of the reader's progress look."""

from itertools import pairwise

import pytest
from live import serious
from progress_box import PAGE, opened, question

LUMINANCE = """function luminance(colour) {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const linear = [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].map(c => c / 255).map(
    c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}"""
MARKS = f"""summaries => {{ {LUMINANCE}
  const page = luminance(getComputedStyle(document.body).backgroundColor);
  return summaries.map(summary => {{
    const style = getComputedStyle(summary, "::before");
    const mark = luminance(style.color);
    return [style.content, style.color,
      (Math.max(page, mark) + 0.05) / (Math.min(page, mark) + 0.05)];
  }});
}}"""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_looks(browser, site_url, scheme, width):
    size = {"width": width, "height": 800}
    with opened(browser, site_url + PAGE, color_scheme=scheme, viewport=size) as page:
        _, right, wrong = question(page, 1)
        closed = question(page, 2)[1][0]
        marks = "node => getComputedStyle(node, '::before').content"
        assert closed.evaluate(marks) == wrong[0].evaluate(marks), "a closed answer tells"
        wrong[0].click()
        right[0].click()
        page.get_by_role("button", name="Forget", exact=True).click()
        shown = page.locator("[open].gru-answer > summary").evaluate_all(MARKS)
        assert {content.split('"')[1] for content, _, _ in shown} == {"✓", "✗"}
        assert len({colour for _, colour, _ in shown}) == 2
        assert min(contrast for _, _, contrast in shown) >= 4.5
        targets = ".gru-answer > summary, .gru-tick, .gru-progress button"
        boxes = page.locator(targets).evaluate_all(
            "nodes => nodes.map(n => n.getBoundingClientRect()).map(r => [r.width, r.height])"
        )
        assert min(min(box) for box in boxes) >= 44
        column = page.locator("#check-yourself").evaluate("node => node.clientWidth")
        answers = page.locator("#check-yourself summary")
        widths = answers.evaluate_all("nodes => nodes.map(node => node.clientWidth)")
        assert min(widths) >= min(column, 700) - 2, "the whole width is to be hit"
        page.keyboard.press("Tab")  # from "Keep it", and back with a ring
        page.keyboard.press("Shift+Tab")
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(ring) == "solid"
        sideways = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        assert sideways[0] <= sideways[1], "the page scrolls sideways"
        assert not serious(page, ".gru-progress", "#check-yourself", ".gru-tick")


def test_hints_and_solution_are_one_group(browser, site_url):
    with opened(browser, site_url + PAGE) as page:
        boxes = page.locator("section[id^=exercise-2] > details").evaluate_all(
            "nodes => nodes.map(n => n.getBoundingClientRect()).map(r => [r.top, r.bottom])"
        )
        assert len(boxes) == 3
        for (_, bottom), (top, _) in pairwise(boxes):
            assert bottom - 1.5 <= top <= bottom, "two borders, or a gap"
