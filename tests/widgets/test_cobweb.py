"""What Python says and writes for the cobweb; its life in a browser is in tests/browser."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gru_course.widgets import Cobweb

weights = st.floats(-3, 3)
biases = st.floats(-1.5, 1.5)


def roots_on_a_grid(w, b):
    """Independent of slopes and of bisection: one root for each change of sign on a fine grid."""
    h = np.linspace(-1, 1, 100_001) + 1e-9  # not on a root that is a round number
    above = np.tanh(w * h + b) > h
    return h[1:][above[1:] != above[:-1]]


@settings(max_examples=100, deadline=None)
@given(w=weights, h=st.floats(-0.99, 0.99))
def test_a_state_that_is_made_a_fixed_point_is_found(w, h):
    b = math.atanh(h) - w * h
    slope = w * (1 - h * h)
    assume(abs(b) <= 1.5 and abs(abs(slope) - 1) > 1e-3)
    found = min(Cobweb(w=w, b=b).fixed_points(), key=lambda point: abs(point.h - h))
    assert found.h == pytest.approx(h, rel=0, abs=1e-12)
    step = 1e-6
    difference = math.tanh(w * (h + step) + b) - math.tanh(w * (h - step) + b)
    assert found.slope == pytest.approx(difference / (2 * step), rel=0, abs=1e-8)
    assert found.kind == ("stable" if abs(slope) < 1 else "unstable")


def test_no_fixed_point_is_missed_or_invented():
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(300):
        w, b = round(rng.uniform(-3, 3), 2), round(rng.uniform(-1.5, 1.5) / 2, 2)
        found = [point.h for point in Cobweb(w=w, b=b).fixed_points()]
        wanted = roots_on_a_grid(w, b)
        assert found == pytest.approx(wanted, rel=0, abs=4e-5), (w, b)
        counts.append(len(found))
    assert set(counts) == {1, 3}


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("w", [1.01, 1.5, 2.0, 2.5])
def test_where_the_map_touches_the_diagonal(w, side):
    h = -side * math.sqrt(1 - 1 / w)  # slope 1
    b = math.atanh(h) - w * h
    touching = Cobweb(w=w, b=b).fixed_points()
    assert sorted(point.kind for point in touching) == ["edge", "stable"]
    edge = next(point for point in touching if point.kind == "edge")
    assert edge.h == pytest.approx(h, rel=0, abs=1e-12)
    assert len(Cobweb(w=w, b=b + side * 1e-9).fixed_points()) == 1
    assert len(Cobweb(w=w, b=b - side * 1e-9).fixed_points()) == 3


@pytest.mark.parametrize("w", [1.0, -1.0, 1 + 1e-12])
def test_the_edge_itself(w):
    (point,) = Cobweb(w=w, b=0.0).fixed_points()
    assert point.kind == "edge"
    assert point.h == pytest.approx(0, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(w=weights, b=biases, h0=st.floats(-1, 1))
def test_the_unit_ends_where_it_is_said_to(w, b, h0):
    unit = Cobweb(w=w, b=b, h0=h0)
    points, cycle = unit.fixed_points(), unit.cycle()
    assume(all(abs(abs(point.slope) - 1) > 0.02 for point in points))
    assume(all(abs(h0 - point.h) > 1e-6 for point in points))
    h = h0
    for _ in range(3000):
        h = math.tanh(w * h + b)
    following = math.tanh(w * h + b)
    if cycle:
        assert sorted([h, following]) == pytest.approx(cycle, rel=0, abs=1e-9)
        assert cycle[1] - cycle[0] > 0.01
        return
    assert following == pytest.approx(h, rel=0, abs=1e-12)
    resting = [point.h for point in points if point.kind == "stable"]
    if len(points) == 3:
        resting = resting[1:] if h0 > points[1].h else resting[:1]
    assert [h] == pytest.approx(resting, rel=0, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(w=weights, b=biases, h0=st.floats(-1, 1))
def test_states(w, b, h0):
    hs = [h0]
    for _ in range(5):
        hs.append(math.tanh(w * hs[-1] + b))
    states = Cobweb(w=w, b=b, h0=h0).states()
    assert len(states) == 31
    assert states[:6] == pytest.approx(hs, rel=0, abs=1e-12)


TOUCHING = math.atanh(-math.sqrt(0.5)) + 2 * math.sqrt(0.5)


@pytest.mark.parametrize(
    ("w", "b", "sentence"),
    [
        (0.5, 0.0, "One stable state, 0.000: wherever the unit starts, it ends there and forgets."),
        (
            2.0,
            0.0,
            "Two stable states, −0.958 and 0.958, and one unstable between them, 0.000: the unit "
            "remembers which side it is on.",
        ),
        (
            -2.0,
            0.0,
            "One unstable state, 0.000, and a stable cycle of two: the unit ends up alternating "
            "between −0.958 and 0.958.",
        ),
        (
            1.0,
            0.0,
            "One state, 0.000, at the edge of stability: the unit forgets its start, more slowly "
            "with every step.",
        ),
        (
            2.0,
            TOUCHING,
            "One stable state, 0.987, and one at the edge, −0.707, where the map only touches the "
            "diagonal: a memory ends here.",
        ),
        (
            2.0,
            -TOUCHING,
            "One stable state, −0.987, and one at the edge, 0.707, where the map only touches the "
            "diagonal: a memory ends here.",
        ),
    ],
)
def test_the_sentence_and_the_still_picture(w, b, sentence):
    unit = Cobweb(w=w, b=b, h0=0.3)
    assert unit.sentence() == sentence
    html = unit.html()
    figure = ElementTree.fromstring(html[html.index("<figure") : -len("</div>")])
    assert sentence in "".join(figure.find("figcaption").itertext())
    marks = [node for node in figure.iter() if node.get("data-kind")]
    assert [node.get("data-kind") for node in marks] == [p.kind for p in unit.fixed_points()]
    for node, point in zip(marks, unit.fixed_points(), strict=True):
        assert float(node.get("cx")) == pytest.approx(160 + 150 * point.h, abs=0.06)
        assert float(node.get("cy")) == pytest.approx(160 - 150 * point.h, abs=0.06)
        assert (
            float(node.get("fill-opacity"))
            == {"stable": 1, "edge": 0.5, "unstable": 0}[node.get("data-kind")]
        )
    assert not [node for node in figure.iter() if node.get("id")]
