"""A wrong argument is named, with what was expected and what came."""

import re
import subprocess
import sys

import numpy as np
import pytest

from gru_course.reference import gru, lstm, recurrent, rnn

from .cells import pack, problem

N, T, I, H = 4, 5, 3, 2


def forward(cell, p, **changes):
    arguments = {"xs": p.xs, "state0": pack(cell, p.state0), "params": p.params}
    arguments |= {"lengths": p.lengths} | changes
    arguments = {
        "h0" if k == "state0" and cell.state == ("h",) else k: v for k, v in arguments.items()
    }
    return cell.module.forward(**arguments, **cell.options)


def with_nan(array, *index):
    array = array.copy()
    array[index] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda xs: xs[0], "xs: expected shape (N, T, I), got (5, 3)"),
        (lambda xs: xs[..., :2], "xs: expected shape (N, T, I) with I = 3, got (4, 5, 2) (axis 2)"),
        (lambda xs: xs[:0], "xs: expected an array with no empty axis, got shape (0, 5, 3)"),
        (lambda xs: xs[:, :0], "xs: expected an array with no empty axis, got shape (4, 0, 3)"),
        (lambda xs: xs.astype(int), "xs: expected dtype float64 or float32, got int64"),
        (
            lambda xs: xs.astype(np.float32),
            "xs: expected dtype float64 like the other arrays, got float32",
        ),
        (
            lambda xs: with_nan(xs, 2, 0, 1),
            "xs: expected finite numbers, got nan at index (2, 0, 1)",
        ),
        (lambda xs: xs.tolist(), "xs: expected a NumPy array of shape (N, T, I), got list"),
        (
            lambda xs: np.ma.masked_invalid(with_nan(xs, 2, 0, 1)),
            "xs: expected an array without a mask, got MaskedArray, whose hidden numbers would be "
            "computed with: take .filled(0)",
        ),
        (
            lambda xs: np.ma.masked_all_like(xs),
            "xs: expected an array without a mask, got MaskedArray",
        ),
    ],
)
def test_inputs(cell, change, message):
    p = problem(cell, (N, T, I, H))
    with pytest.raises(ValueError, match=re.escape(message)):
        forward(cell, p, xs=change(p.xs))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([5, 0, 5, 5], "lengths: expected values from 1 to T = 5, got 0 at index 1"),
        ([5, 5, 6, 5], "lengths: expected values from 1 to T = 5, got 6 at index 2"),
        ([5, 5, 5], "lengths: expected 4 whole numbers, one a sequence, got shape (3,)"),
        ([5.0] * 4, "got shape (4,) and dtype float64"),
        ([5, 0, 5, 5], "leave out a sequence without a step, it has no state to return"),
        (np.ma.masked_equal([5, 1, 5, 5], 1), "lengths: expected an array without a mask"),
    ],
)
def test_lengths(cell, lengths, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        forward(cell, problem(cell, (N, T, I, H)), lengths=lengths)


def test_params(cell):
    p = problem(cell, (N, T, I, H))
    fields = [field for field in p.params._fields if field != "peephole"]
    bias, last_bias = fields[len(fields) // 2], fields[-1]  # the minGRU has one bias only
    G = getattr(p.params, bias).size // H
    prefix = f"{G}H" if G > 1 else "H"
    bad = {
        f"params: expected a Params tuple with {', '.join(fields)}, got dict": p.params._asdict(),
        f"params.{last_bias}: expected shape ({prefix},), got (1, {G * H})": p.params._replace(
            **{last_bias: getattr(p.params, last_bias)[None]}
        ),
        f"{bias}: expected shape ({prefix},) with {prefix} = {G * H}, got ({G},) (axis 0)": (
            p.params._replace(**{bias: np.ones(G)})
        ),
        f"params.{bias}: expected finite numbers, got nan at index (1,)": p.params._replace(
            **{bias: with_nan(getattr(p.params, bias), 1)}
        ),
    }
    if "weight_hh" in fields:
        message = f"params.weight_hh: expected shape ({prefix}, H) with H = 2, got ({G * H}, 3)"
        bad[f"{message} (axis 1)"] = p.params._replace(weight_hh=np.ones((G * H, 3)))
    for message, params in bad.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            forward(cell, p, params=params)
        with pytest.raises(ValueError, match=re.escape(message)):
            cell.module.step(p.xs[:, 0], pack(cell, p.state0), params)


def test_input_of_a_step(cell):
    p = problem(cell, (N, T, I, H))
    for x, message in [
        (p.xs[:, 0, :2], "x: expected shape (N, I) with I = 3, got (4, 2) (axis 1)"),
        (p.xs, "x: expected shape (N, I), got (4, 5, 3)"),
    ]:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            cell.module.step(x, pack(cell, p.state0), p.params)


def test_weights_that_do_not_split_into_gates():
    params = gru.init(np.random.default_rng(0), I, H)
    with pytest.raises(ValueError, match=r"\(3H, I\) with axis 0 a multiple of 3, got \(7, 3\)"):
        gru.step(np.ones((1, I)), np.ones((1, H)), params._replace(weight_ih=np.ones((7, I))))


def test_initial_and_previous_states(cell):
    p = problem(cell, (N, T, I, H))
    for k, part in enumerate(cell.state):
        bad = list(p.state0)
        bad[k] = bad[k][:3]
        start, prev = (
            ("h0", "h_prev") if len(bad) == 1 else (f"state0.{part}", f"state_prev.{part}")
        )
        wanted = "expected shape (N, H) with N = 4, got (3, 2) (axis 0)"
        with pytest.raises(ValueError, match=re.escape(f"{start}: {wanted}")):
            forward(cell, p, state0=pack(cell, bad))
        with pytest.raises(ValueError, match=re.escape(f"{prev}: {wanted}")):
            cell.module.step(p.xs[:, 0], pack(cell, bad), p.params)


def test_incoming_gradients(cell):
    p = problem(cell, (N, T, I, H))
    state0 = pack(cell, p.state0)
    _, cache = forward(cell, p)
    _, step_cache = cell.module.step(p.xs[:, 0], state0, p.params)
    many = "dhs" if len(cell.state) == 1 else "dstates.h"
    one = "dh" if len(cell.state) == 1 else "dstate.h"
    for call, name, shape in [
        (lambda d: cell.module.backward(d, cache), many, (N, T, H)),
        (lambda d: cell.module.step_backward(d, step_cache), one, (N, H)),
    ]:
        good = [np.ones(shape) for _ in cell.state]
        for change, message in [
            (lambda d: d[:3], f"with N = 4, got {(3, *shape[1:])} (axis 0)"),
            (lambda d: d[0], f"got {shape[1:]}"),
            (lambda d: d[..., :1], f"with H = 2, got {(*shape[:-1], 1)} (axis {len(shape) - 1})"),
            (lambda d: d[:, :1], f"= {shape[1]}, got {(N, 1, *shape[2:])} (axis 1)"),
            (lambda d: d.astype(np.float32), "expected dtype float64 like the other arrays"),
            (lambda d: d * np.inf, "expected finite numbers, got inf"),
        ]:
            with pytest.raises(ValueError, match=f"^{name}: .*{re.escape(message)}"):
                call(pack(cell, [change(good[0]), *good[1:]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d[:3], "dhs: expected shape (N, T, S) with N = 4, got (3, 5, 2) (axis 0)"),
        (lambda d: d[:, :4], "dhs: expected shape (N, T, S) with T = 5, got (4, 4, 2) (axis 1)"),
    ],
)
def test_incoming_gradients_of_a_network(cell, change, message):
    p = problem(cell, (N, T, I, H))
    _, _, cache = recurrent.forward(cell.module, p.xs, [(p.params,)], **cell.options)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        recurrent.backward(change(p.dstates[0]), None, cache)


def test_lstm_wants_its_own_state():
    params = lstm.init(np.random.default_rng(0), I, H)
    wanted = r"state_prev: expected lstm.State\(h, c\), got ndarray"
    with pytest.raises(ValueError, match=wanted):
        lstm.step(np.ones((N, I)), np.ones((N, H)), params)


def test_a_matrix_whose_products_are_others_is_refused():
    params = gru.init(np.random.default_rng(0), I, H)
    with pytest.raises(ValueError, match=r"^h_prev: expected an array, got matrix, whose \* is @"):
        gru.step(np.ones((H, I)), np.asmatrix(np.ones((H, H))), params)


GRU = gru.init(np.random.default_rng(0), I, H)
SWITCHES = {
    "gru.step reset_after": lambda on: gru.step(
        np.ones((N, I)), np.ones((N, H)), GRU, reset_after=on
    ),
    "gru.forward reset_after": lambda on: gru.forward(
        np.ones((N, T, I)), np.ones((N, H)), GRU, reset_after=on
    ),
    "recurrent.forward reverse": lambda on: recurrent.forward(
        gru, np.ones((N, T, I)), [(GRU,)], reverse=on
    ),
    "recurrent.init bidirectional": lambda on: recurrent.init(
        np.random.default_rng(0), gru, I, H, bidirectional=on
    ),
    "lstm.init peepholes": lambda on: lstm.init(np.random.default_rng(0), I, H, peepholes=on),
}


def all_numbers(value):
    """Every number in any nesting, one after the other."""
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, (tuple, list)):
        return [number for part in value for number in all_numbers(part)]
    return []


@pytest.mark.parametrize("what", SWITCHES)
def test_a_switch_is_true_or_false_or_1_or_0(what):
    name = what.split()[1]
    for value in ("False", "0", 2, None, 1.0, np.array([True, False])):
        with pytest.raises(ValueError, match=f"^{name}: expected True or False, got"):
            SWITCHES[what](value)
    on, off = (all_numbers(SWITCHES[what](value)) for value in (True, False))
    assert on != off
    for value, wanted in ((1, on), (0, off), (np.True_, on), (np.int64(0), off)):
        assert all_numbers(SWITCHES[what](value)) == wanted


def test_unknown_nonlinearity():
    params = rnn.init(np.random.default_rng(0), I, H)
    wanted = "nonlinearity: expected one of 'tanh', 'relu', got 'sigmoid'"
    with pytest.raises(ValueError, match=wanted):
        rnn.step(np.ones((N, I)), np.ones((N, H)), params, nonlinearity="sigmoid")
    with pytest.raises(ValueError, match=wanted):
        rnn.forward(np.ones((N, T, I)), np.ones((N, H)), params, nonlinearity="sigmoid")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 3), "input_size: expected a whole number of at least 1, got 0"),
        ((2, 3.0), "hidden_size: expected a whole number of at least 1, got 3.0"),
        ((2, True), "hidden_size: expected a whole number of at least 1, got True"),
        ((2, 3, int), "dtype: expected one of 'float64', 'float32', got 'int64'"),
    ],
)
def test_init(cell, arguments, message):
    with pytest.raises(ValueError, match=message):
        cell.module.init(np.random.default_rng(0), *arguments)


@pytest.mark.parametrize("name", ["gru_course", "gru_course.reference"])
def test_import_is_cheap(name):
    code = f"import sys, {name}; sys.exit(str({{'torch', 'matplotlib'}} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"
