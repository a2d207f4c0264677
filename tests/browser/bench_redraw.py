"""A slider must feel immediate: what one redraw of each widget costs on its page.

`make bench-widgets` runs it. pytest does not collect it by itself, since a time depends on the
computer and on what else it does, and so must not decide whether the course is correct.
"""

import pytest
from live import opened
from shown import place

from gru_course import widgets

# Each slider on its way from end to end.
MOVE = """(root) => {
  const inputs = document.querySelector(root).querySelectorAll(
    "[data-slider]:not([hidden]) input");
  for (const input of inputs) for (let i = 0; i <= 20; i++) {
    input.value = Number(input.min) + ((input.max - input.min) * i) / 20;
    input.dispatchEvent(new Event("input", {bubbles: true}));
    input.getBoundingClientRect();  // forces the layout
  }
  return 21 * inputs.length;
}"""


@pytest.mark.parametrize("name", widgets.__all__)
def test_redraw_fits_into_a_frame_on_a_slow_computer(browser, site, site_url, name):
    """Script, style and layout of one redraw, at a quarter of this computer's speed: under 16 ms.

    The browser counts its own thread's time, so that what other processes take is not charged.
    """
    path, root = place(site, name)
    with opened(browser, site_url + path, root) as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def busy():
            metrics = session.send("Performance.getMetrics")["metrics"]
            return 1e3 * next(m["value"] for m in metrics if m["name"] == "TaskDuration")

        page.evaluate(MOVE, root)  # the first ones are compiled on the way
        before = busy()
        moves = page.evaluate(MOVE, root)
        redraw = (busy() - before) / moves
    print(f"{name}: {redraw:.2f} ms of processor time, {4 * redraw:.1f} ms at a quarter speed")
    assert 0 < 4 * redraw < 16
