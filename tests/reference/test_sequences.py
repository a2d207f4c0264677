"""What a sequence pass promises beyond its values: padding, dtypes, range."""

import numpy as np
import pytest

from gru_course.reference import gru_fast

from .cells import pack, problem, run, run_steps


def padded_problem(cell):
    p = problem(cell, (4, 6, 3, 2), with_lengths=True)
    p = p._replace(lengths=np.array([1, 6, 3, 5]))
    return p, np.arange(6) >= p.lengths[:, None]  # (N, T), True at padding


@pytest.mark.parametrize("garbage", [-1e3, np.finfo(np.float64).max])
def test_padding_changes_nothing(cell, garbage):
    p, padding = padded_problem(cell)
    wanted = run(cell, p)
    p.xs[padding] = garbage * np.array([1, -1, 1])  # opposite signs: inf - inf, if it is read
    with np.errstate(all="raise", under="ignore"):
        got = run(cell, p)
    for name, array in wanted.items():
        assert np.array_equal(array, got[name]), name


def test_padding_gets_no_gradient_and_ended_sequences_keep_their_state(cell):
    p, padding = padded_problem(cell)
    result = run(cell, p)
    assert (result["dxs"][padding] == 0).all()
    assert (result["dxs"][~padding] != 0).any()
    for part in cell.state:
        states = result[f"{part}s"]
        own_last = states[np.arange(4), p.lengths - 1]
        assert np.array_equal(states[:, -1], own_last)


def test_lengths_of_all_steps_change_nothing(cell):
    p = problem(cell, (4, 6, 3, 2))
    for name, array in run(cell, p._replace(lengths=[6, 6, 6, 6])).items():
        np.testing.assert_allclose(array, run(cell, p)[name], rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("with_lengths", [False, True])
def test_arguments_are_left_alone(cell, with_lengths):
    p = problem(cell, with_lengths=with_lengths)
    again = problem(cell, with_lengths=with_lengths)
    run(cell, p)
    run_steps(cell, p)
    for ours, fresh in zip(
        [p.xs, *p.state0, *p.params, *p.dstates],
        [again.xs, *again.state0, *again.params, *again.dstates],
        strict=True,
    ):
        assert np.array_equal(ours, fresh)


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("path", [run, run_steps])
def test_float32_stays_float32_and_agrees_with_float64(cell, path, with_lengths):
    p = problem(cell, (4, 10, 3, 5), with_lengths=with_lengths)
    wanted = path(cell, p)
    got = path(cell, p.astype(np.float32))
    for name, array in got.items():
        assert array.dtype == np.float32, name
        scale = np.abs(wanted[name]).max()
        np.testing.assert_allclose(array, wanted[name], rtol=0, atol=1e-5 * scale, err_msg=name)


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_backward_in_blocks_of_steps_changes_nothing(cell, monkeypatch, steps, with_lengths):
    """Long sequences of a GRU go back in blocks; these five steps are one block as they are."""
    p = problem(cell, (2, 5, 3, 4), with_lengths=with_lengths)
    wanted = run(cell, p)
    monkeypatch.setattr(gru_fast, "ROWS", 2 * steps + 1)
    for name, array in run(cell, p).items():
        np.testing.assert_allclose(array, wanted[name], rtol=0, atol=1e-14, err_msg=name)


def test_init_draws_float32_if_asked(cell):
    params = cell.init(np.random.default_rng(0), 2, 3, dtype=np.float32)
    assert {array.dtype for array in params} == {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_gates_raise_no_warning(cell, dtype):
    """exp of a pre-activation this large is infinite in either dtype."""
    p = problem(cell, (2, 3, 3, 4))
    with np.errstate(all="raise", under="ignore"):
        result = run(cell, p._replace(xs=1e4 * np.sign(p.xs)).astype(dtype))
    assert all(np.isfinite(array).all() for array in result.values())


@pytest.mark.parametrize("bias", [0, 1e5, -1e5])
@pytest.mark.parametrize(("dtype", "T"), [(np.float32, 2_000), (np.float64, 1_000)])
def test_large_inputs_over_many_steps_do_not_overflow(cell, dtype, T, bias):
    """The bias outweighs the inputs: gates stay open or shut, and an LSTM counts the steps."""
    p = problem(cell, (2, T, 3, 4))
    name = next(name for name in p.params._fields if name.startswith("bias"))
    params = p.params._replace(**{name: getattr(p.params, name) + bias})
    p = p._replace(xs=1e4 * np.sign(p.xs), params=params).astype(dtype)
    with np.errstate(all="raise", under="ignore"):
        result = run(cell, p)
    for name, array in result.items():
        assert array.dtype == dtype
        assert np.isfinite(array).all(), name


def test_results_do_not_share_memory_with_the_cache(cell):
    """A caller who edits the states must not change what backward sees."""
    p = problem(cell)
    wanted = run(cell, p)
    states, cache = cell.module.forward(p.xs, pack(cell, p.state0), p.params, **cell.options)
    for part in states if len(cell.state) > 1 else [states]:
        part[...] = 0
    _, _, grads = cell.module.backward(pack(cell, p.dstates), cache)
    for name, grad in grads._asdict().items():
        assert np.array_equal(grad, wanted[name]), name
