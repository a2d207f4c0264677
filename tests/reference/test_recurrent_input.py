"""Layers and directions: bad input gets a sentence that names the argument."""

import re

import numpy as np
import pytest

from gru_course.reference import gru, lstm, recurrent

GRU = gru.init(np.random.default_rng(0), 2, 3)
WIDE = gru.init(np.random.default_rng(0), 3, 4)
STATE = np.zeros((1, 4, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xs": np.ones((5, 2))}, "xs: expected shape (N, T, I), got (5, 2)"),
        (
            {"xs": np.ones((4, 5, 3))},
            "layers[0][0]: params.weight_ih: expected shape (3H, I) with I = 3, got (9, 2)",
        ),
        (
            {"xs": np.ones((4, 5, 2), np.float32)},
            "layers[0][0]: params.weight_ih: expected dtype float32 like the other arrays, got",
        ),
        ({"layers": []}, "layers: expected a list of tuples of Params, one tuple a layer, got []"),
        ({"layers": (GRU,)}, "layers: expected a list of tuples of Params, one tuple a layer, got"),
        ({"layers": [GRU]}, "layers[0]: expected a tuple of 1 or 2 Params, got Params"),
        ({"layers": [None]}, "layers[0]: expected a tuple of 1 or 2 Params, got NoneType"),
        ({"layers": [()]}, "layers[0]: expected a tuple of 1 or 2 Params, got tuple"),
        ({"layers": [(GRU,) * 3]}, "layers[0]: expected a tuple of 1 or 2 Params, got 3"),
        (
            {"layers": [(GRU, GRU)], "reverse": True},
            "layers[0]: expected a tuple of 1 Params, since reverse=True, got 2",
        ),
        (
            {"layers": [(GRU, GRU), (GRU,)]},
            "layers[1]: expected a tuple of 2 Params like layers[0], got 1",
        ),
        (
            {"layers": [(GRU,), GRU]},
            "layers[1]: expected a tuple of 1 Params like layers[0], got Params",
        ),
        (
            {"layers": [(GRU,), (GRU,)]},
            "layers[1][0]: params.weight_ih: expected shape (3H, I) with I = 3, got (9, 2)",
        ),
        (
            {"layers": [(GRU,), (WIDE,)]},
            "layers[1][0]: params.weight_ih: expected shape (3H, I) with 3H = 9, got (12, 3)",
        ),
        (
            {"layers": [(GRU, None)]},
            "layers[0][1]: params: expected a Params tuple with weight_ih, weight_hh, bias_ih, "
            "bias_hh, got NoneType",
        ),
        ({"state0": STATE[0]}, "state0: expected shape (L, N, H), got (4, 3)"),
        (
            {"state0": np.zeros((2, 4, 3))},
            "state0: expected shape (L, N, H) with L = 1, got (2, 4, 3) (axis 0)",
        ),
        (
            {"state0": STATE.astype(np.float32)},
            "state0: expected dtype float64 like the other arrays, got float32",
        ),
        ({"state0": lstm.State(STATE, STATE)}, "state0: expected an array, got State"),
        (
            {"state0": (STATE,)},
            "state0: expected a NumPy array of shape (L, N, H), got tuple",
        ),
        ({"lengths": [5, 5, 6, 5]}, "lengths: expected values from 1 to T = 5, got 6 at index 2"),
        ({"lengths": [5, 5]}, "lengths: expected 4 whole numbers, one a sequence, got shape (2,)"),
    ],
)
def test_bad_arguments_of_forward(changes, message):
    arguments = {"xs": np.ones((4, 5, 2)), "layers": [(GRU,)]} | changes
    with pytest.raises(ValueError, match=re.escape(message)):
        recurrent.forward(gru, **arguments)


@pytest.mark.parametrize(
    ("state0", "message"),
    [
        (STATE, "state0: expected lstm.State(h, c), got ndarray"),
        (
            lstm.State(STATE, STATE[:, :3]),
            "state0.c: expected shape (L, N, H) with N = 4, got (1, 3, 3) (axis 1)",
        ),
        (lstm.State(None, STATE), "state0.h: expected a NumPy array of shape (L, N, H), got None"),
    ],
)
def test_bad_state_of_an_lstm(state0, message):
    layers = [(lstm.init(np.random.default_rng(0), 2, 3),)]
    with pytest.raises(ValueError, match=re.escape(message)):
        recurrent.forward(lstm, np.ones((4, 5, 2)), layers, state0=state0)


@pytest.mark.parametrize(
    ("dhs", "dlast", "message"),
    [
        (
            np.ones((4, 5, 3)),
            None,
            "dhs: expected shape (N, T, S) with S = 6, got (4, 5, 3) (axis 2)",
        ),
        (np.ones((4, 5, 6), np.float32), None, "dhs: expected dtype float64 like the other"),
        (np.full((4, 5, 6), np.nan), None, "dhs: expected finite numbers, got nan at index"),
        (
            np.ones((4, 5, 6)),
            STATE,
            "dlast: expected shape (L, N, H) with L = 2, got (1, 4, 3) (axis 0)",
        ),
        (np.ones((4, 5, 6)), lstm.State(STATE, STATE), "dlast: expected an array, got State"),
    ],
)
def test_bad_arguments_of_backward(dhs, dlast, message):
    _, _, cache = recurrent.forward(gru, np.ones((4, 5, 2)), [(GRU, GRU)])
    with pytest.raises(ValueError, match=re.escape(message)):
        recurrent.backward(dhs, dlast, cache)


@pytest.mark.parametrize("num_layers", [0, 1.0])
def test_bad_number_of_layers(num_layers):
    message = re.escape(f"num_layers: expected a whole number of at least 1, got {num_layers}")
    with pytest.raises(ValueError, match=message):
        recurrent.init(np.random.default_rng(0), gru, 2, 3, num_layers=num_layers)
