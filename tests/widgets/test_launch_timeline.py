"""What Python says and writes for the launch timeline; tests/browser has its life on pages."""

import heapq
from itertools import count
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.widgets import LaunchTimeline
from gru_course.widgets.launch_timeline import WAYS

STEPS = 3
timelines = st.builds(
    LaunchTimeline,
    way=st.sampled_from(list(WAYS)),
    kernels=st.integers(1, 30),
    launch=st.floats(0.5, 10),
    work=st.floats(0.1, 20),
    gap=st.floats(0, 2),
    barrier=st.floats(0, 3),
)


def simulated(widget):
    """Two machines that send each other events: a CPU that launches, a GPU with a queue."""
    together = widget.way == "persistent"
    pieces = STEPS if together else STEPS * widget.kernels
    work = widget.work * widget.kernels if together else widget.work
    pause = widget.barrier if together else widget.gap
    a_launch = 1 if widget.way == "eager" else pieces
    turn = count()
    events = [(widget.launch, next(turn), "launched")]
    queue, log, idle, launched = [], [], True, 0
    while events:
        now, _, event = heapq.heappop(events)
        if event == "launched":
            queue += [now] * a_launch
            launched += a_launch
            if launched < pieces:
                heapq.heappush(events, (now + widget.launch, next(turn), "launched"))
        elif event == "ended":
            heapq.heappush(events, (now + pause, next(turn), "ready"))
        else:
            idle = True
        if idle and queue:
            log.append((queue.pop(0), now, now + work))
            idle = False
            heapq.heappush(events, (now + work, next(turn), "ended"))
    return np.array(log).T


@settings(max_examples=150, deadline=None)
@given(widget=timelines)
def test_every_kernel_runs_when_a_simulation_of_events_runs_it(widget):
    np.testing.assert_allclose(widget.timeline(), simulated(widget), rtol=0, atol=1e-9)


@settings(max_examples=150, deadline=None)
@given(widget=timelines)
def test_a_step_takes_what_the_slowest_of_its_parts_takes(widget):
    K, alone = widget.kernels, widget.work + widget.gap
    wanted = {
        "eager": K * max(widget.launch, alone),
        "graph": K * alone,
        "persistent": K * widget.work + widget.barrier,
    }[widget.way]
    assert widget.time() == pytest.approx(wanted, rel=0, abs=1e-9)
    assert widget.share() == pytest.approx(K * widget.work / wanted, rel=0, abs=1e-9)
    assert 0 < widget.share() <= 1 + 1e-12


@settings(max_examples=200, deadline=None)
@given(widget=timelines)
def test_what_does_not_bound_a_step_changes_nothing(widget):
    bound, state = widget.bound(), widget.state()
    if bound == "launches":
        other = {"work": 0.1, "gap": 0.0}  # a faster GPU
    elif widget.way == "persistent":
        other = {"launch": 0.5, "gap": 0.0}
    else:
        other = {"launch": 0.5, "barrier": 0.0}
    assert LaunchTimeline(**state | other).time() == pytest.approx(widget.time(), rel=0, abs=1e-9)
    if bound != "launches":
        waits = widget.time() - widget.kernels * widget.work
        assert (bound == "arithmetic") == (waits <= widget.kernels * widget.work + 1e-9)
        assert (bound == "barriers") == (bound != "arithmetic" and widget.way == "persistent")


def test_the_still_table():
    html = LaunchTimeline(way="graph", work=0.5, barrier=2.0).html()
    figure = ElementTree.fromstring(html[html.index("<figure") : -len("</div>")])
    rows = [["".join(cell.itertext()) for cell in row] for row in figure.find("table/tbody")]
    assert rows == [
        ["each kernel by itself", "50.00", "10.0 %", "launches"],
        ["CUDA graph", "15.00", "33.3 %", "gaps"],
        ["one persistent kernel", "7.00", "71.4 %", "arithmetic"],
    ]
    caption = "".join(figure.find("figcaption").itertext())
    assert "A step of 10 dependent kernels, each of 0.500 microseconds" in caption
    assert "not measurements of a device" in caption
