"""What Python says and writes for the scan tree; its life in a browser is in tests/browser."""

from math import log2
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_course.widgets import ScanTree
from gru_course.widgets.scan_tree import METHODS, Pair, join, levels

T = 8
every_method = pytest.mark.parametrize("method", METHODS)
numbers = st.floats(-2, 2)
trees = st.builds(
    ScanTree,
    method=st.sampled_from(list(METHODS)),
    z=st.floats(0, 1),
    overwrite=st.integers(0, T),
    pulse=st.integers(1, T),
    level=st.integers(0, T - 1),
)


def blend(tree, first, last, h):
    """The minGRU's line over the steps first to last, from the state h before them."""
    for t in range(first, last + 1):
        z = 0.0 if t == tree.overwrite else tree.z
        h = (1 - z) * (t == tree.pulse) + z * h
    return h


@settings(max_examples=100, deadline=None)
@given(tree=trees)
def test_every_pair_is_the_recurrence_over_its_steps(tree):
    pairs = tree.pairs()
    assert [pair.last for pair in pairs] == list(range(1, T + 1))
    for pair in pairs:
        for h in (0.0, 1.0, -3.0):
            wanted = blend(tree, pair.first, pair.last, h)
            assert pair.a * h + pair.b == pytest.approx(wanted, rel=0, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(tree=trees)
def test_all_methods_end_at_the_same_states(tree):
    tree.level = T - 1
    hs = np.zeros(T + 1)
    for t in range(1, T + 1):
        hs[t] = blend(tree, t, t, hs[t - 1])
    for method in METHODS:
        pairs = tree.pairs(method)
        assert all(pair.first == 1 for pair in pairs)
        np.testing.assert_allclose([pair.b for pair in pairs], hs[1:], rtol=0, atol=1e-12)


@given(steps=st.lists(st.tuples(numbers, numbers), min_size=3, max_size=3), h=numbers)
def test_joined_either_way_three_steps_are_three_steps(steps, h):
    one, two, three = (Pair(t, t, a, b) for t, (a, b) in enumerate(steps, start=1))
    wanted = h
    for a, b in steps:
        wanted = a * wanted + b
    for whole in (join(join(one, two), three), join(one, join(two, three))):
        assert (whole.first, whole.last) == (1, 3)
        assert whole.a * h + whole.b == pytest.approx(wanted, rel=0, abs=1e-12)


@every_method
def test_a_level_joins_neighbours_that_are_there(method):
    tree = ScanTree(method=method)
    for level, joined in enumerate(levels(method)):
        tree.level = level
        pairs = tree.pairs()
        assert len({t for t, _ in joined}) == len(joined)
        for t, earlier in joined:
            assert pairs[earlier - 1].last + 1 == pairs[t - 1].first


def test_the_counts_are_those_of_the_literature():
    depth = int(log2(T))
    wanted = {
        "chain": (T - 1, T - 1),
        "doubling": (depth, T * depth - T + 1),
        "tree": (2 * depth - 1, 2 * T - 2 - depth),
    }
    tree = ScanTree(level=T - 1)
    for method, (levels_needed, joins) in wanted.items():
        assert tree.counts(method) == {"depth": levels_needed, "work": joins, "known": T}


@pytest.mark.parametrize(
    ("method", "firsts"),
    [
        ("chain", [[1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 3, 4, 5, 6, 7, 8], [1, 1, 1, 4, 5, 6, 7, 8]]),
        (
            "doubling",
            [[1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 3, 4, 5, 6, 7], [1, 1, 1, 1, 2, 3, 4, 5]],
        ),
        (
            "tree",
            [
                [1, 2, 3, 4, 5, 6, 7, 8],
                [1, 1, 3, 3, 5, 5, 7, 7],
                [1, 1, 3, 1, 5, 5, 7, 5],
                [1, 1, 3, 1, 5, 5, 7, 1],
                [1, 1, 3, 1, 5, 1, 7, 1],
                [1] * 8,
            ],
        ),
    ],
)
def test_what_the_pairs_cover_level_by_level(method, firsts):
    for level, wanted in enumerate(firsts):
        tree = ScanTree(method=method, level=level)
        assert [pair.first for pair in tree.pairs()] == wanted
        readings = tree.readings()
        assert [readings[f"first_{t}"] for t in range(1, T + 1)] == wanted
        assert readings["known"] == wanted.count(1)
        assert readings["work"] == tree.counts(method)["work"]
        assert tree.counts(method)["depth"] == level


def test_the_still_table():
    html = ScanTree(method="tree", z=0.5, pulse=1, level=0).html()
    figure = ElementTree.fromstring(html[html.index("<figure") : -len("</div>")])
    rows = [[cell.text for cell in row.iter("td")] for row in figure.find("table/tbody")]
    assert len(rows) == 6
    assert rows[0] == list("12345678")
    assert rows[2] == ["1", "1–2", "3", "1–4", "5", "5–6", "7", "5–8"]
    assert rows[-1] == ["1", *(f"1–{t}" for t in range(2, 9))]
    caption = "".join(figure.find("figcaption").itertext())
    assert "doubling 17 pairs in 3 levels, up and down 11 pairs in 5 levels" in caption
    assert "h1 to h8 are 0.500, 0.250, 0.125, 0.063, " in caption
