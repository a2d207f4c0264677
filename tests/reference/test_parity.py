"""The cells against torch in float64, and the fast passes against the plain ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .cells import (
    CELLS,
    assert_close,
    problem,
    run,
    run_steps,
    run_torch_cell,
    run_torch_layer,
)

LAYERS = [name for name, cell in CELLS.items() if cell.torch_layer]


def test_step_equals_torch(cell):
    p = problem(cell, (4, 1, 3, 2))
    assert_close(run_steps(cell, p), run_torch_cell(cell, p), 1e-10)


@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("with_lengths", [False, True])
def test_sequence_equals_a_loop_of_torch_cells(cell, with_lengths, last_only):
    p = problem(cell, (5, 12, 3, 4), with_lengths=with_lengths)
    p = p.last_only() if last_only else p
    assert_close(run(cell, p), run_torch_cell(cell, p), 1e-10)


@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_sequence_equals_torch_layer(name, with_lengths, last_only):
    cell = CELLS[name]
    p = problem(cell, (5, 12, 3, 4), with_lengths=with_lengths)
    p = p.last_only() if last_only else p.last_only(parts=slice(1, None))
    got = run(cell, p)
    if "cs" in got:
        got["cs"] = got["cs"][:, -1:]
    assert_close(got, run_torch_layer(cell, p), 1e-10)


@pytest.mark.parametrize("with_lengths", [False, True])
def test_sequence_equals_a_loop_of_steps(cell, with_lengths):
    p = problem(cell, (5, 12, 3, 4), with_lengths=with_lengths)
    assert_close(run(cell, p), run_steps(cell, p), 1e-12)


sizes = st.integers(1, 5)


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=25, deadline=None, database=None)
@given(
    shape=st.tuples(sizes, st.integers(1, 8), sizes, sizes),
    with_lengths=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_shape_equals_torch(name, shape, with_lengths, seed):
    cell = CELLS[name]
    p = problem(cell, shape, seed=seed, with_lengths=with_lengths)
    assert_close(run(cell, p), run_torch_cell(cell, p), 1e-10)
    assert_close(run_steps(cell, p), run_torch_cell(cell, p), 1e-10)


def test_init_draws_as_torch_does(cell):
    params = cell.init(np.random.default_rng(0), 40, 25)
    network = cell.torch_cell(40, 25)
    for name, array in params._asdict().items():
        assert array.shape == tuple(getattr(network, name).shape)
        assert -0.2 <= array.min() < -0.15 < 0.15 < array.max() <= 0.2  # 1 / sqrt(25)
