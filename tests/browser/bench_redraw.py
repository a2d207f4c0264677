"""A slider must feel immediate: what one redraw of each widget costs on its page.

`make bench-widgets` runs it. pytest does not collect it by itself, since a time depends on the
computer and on what else it does, and so must not decide whether the course is correct.
"""

import pytest
from live import opened

# Widget -> its page, its root, the slider that is moved and the two ends of its way.
WIDGETS = {
    "Cobweb": ("book/recurrence/plain-rnn.html", ".gru-cobweb", "w", -3, 3),
    "GateExplorer": ("book/gating/gru.html", ".gru-explorer", "a_z", -8, 8),
    "GradientFlow": (
        "book/recurrence/vanishing-gradients.html",
        ".gru-gradient-flow",
        "gate_bias",
        -2,
        6,
    ),
    "LSTMExplorer": ("book/gating/lstm.html", ".gru-lstm-explorer", "c_prev", -5, 5),
    "LaunchTimeline": ("book/performance/gru-on-a-gpu.html", ".gru-timeline", "work", 0.1, 20),
    "ScanTree": ("book/performance/mingru-and-the-scan.html", ".gru-scan", "z", 0, 1),
    "SequencePlayer": ("book/gating/what-gates-learn.html", ".gru-sequence", "step", 0, 80),
    "UnrollPlayer": ("book/recurrence/bptt.html", ".gru-unroll", "w_h", -2, 2),
}
MOVE = """([root, key, low, high]) => {
  const widget = document.querySelector(root);
  const input = widget.querySelector(`[data-slider=${key}] input`);
  for (let i = 0; i <= 80; i++) {
    input.value = low + ((high - low) * i) / 80;
    input.dispatchEvent(new Event("input", {bubbles: true}));
    widget.getBoundingClientRect();  // forces the layout
  }
}"""


@pytest.mark.parametrize("name", WIDGETS)
def test_redraw_fits_into_a_frame_on_a_slow_computer(browser, site_url, name):
    """Script, style and layout of one redraw, at a quarter of this computer's speed: under 16 ms.

    The browser counts its own thread's time, so that what other processes take is not charged.
    """
    path, root, *way = WIDGETS[name]
    with opened(browser, site_url + path, root) as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def busy():
            metrics = session.send("Performance.getMetrics")["metrics"]
            return 1e3 * next(m["value"] for m in metrics if m["name"] == "TaskDuration")

        page.evaluate(MOVE, [root, *way])  # the first ones are compiled on the way
        before = busy()
        page.evaluate(MOVE, [root, *way])
        redraw = (busy() - before) / 81
    print(f"{name}: {redraw:.2f} ms of processor time, {4 * redraw:.1f} ms at a quarter speed")
    assert 0 < 4 * redraw < 16
