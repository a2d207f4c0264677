"""The count of calls against loops whose calls are known."""

import numpy as np
import pytest

from gru_course.analysis import calls_per_step
from gru_course.reference import gru

RNG = np.random.default_rng(0)
XS, H0, WEIGHTS = RNG.normal(size=(2, 4, 3)), np.zeros((2, 5)), (RNG.normal(size=(3, 5)),)


def loop(body):
    """Run a body over the steps; it may read x, h, W and a buffer."""

    def function(xs, h, params):
        buffer = np.empty_like(h)
        for x in xs.transpose(1, 0, 2):
            h = body(x, h, params[0], buffer)
        return h

    return function


@pytest.mark.parametrize(
    ("body", "products", "other"),
    [
        (lambda x, h, W, b: h, 0, 0),
        (lambda x, h, W, b: x @ W, 1, 0),
        (lambda x, h, W, b: np.matmul(x, W, out=b), 1, 0),
        (lambda x, h, W, b: np.dot(x, W, b), 1, 0),
        (lambda x, h, W, b: np.einsum("ni,ih->nh", x, W), 1, 0),
        (lambda x, h, W, b: np.tanh(x @ W + h), 1, 2),
        (lambda x, h, W, b: np.add(np.multiply(0.5, h, b), 1, b), 0, 2),
        (lambda x, h, W, b: np.concatenate(np.split(h, 5, axis=1), axis=1), 0, 2),
        (lambda x, h, W, b: h[:, ::-1].T.reshape(2, 5), 0, 0),
        (lambda x, h, W, b: h + np.maximum.reduce(h, axis=0), 0, 2),
    ],
)
def test_known_loops(body, products, other):
    found = calls_per_step(loop(body), XS, H0, WEIGHTS)
    assert found == {"products": products, "other": other}


def test_what_happens_before_the_loop_is_no_part_of_a_step():
    def before(xs, h, params):
        for _ in range(7):
            h = np.tanh(h)
        rows = xs.transpose(1, 0, 2).reshape(-1, 3) @ params[0]
        return loop(lambda x, h, W, b: h + 1)(xs, h, params), rows

    assert calls_per_step(before, XS, H0, WEIGHTS) == {"products": 0, "other": 1}


def test_nothing_that_is_counted_changes_a_number():
    seen = []

    def keeps(xs, h0, params):
        seen.append(gru.forward(xs, h0, params)[0])

    params = gru.init(RNG, 3, 5)
    calls_per_step(keeps, XS, H0, params)
    np.testing.assert_array_equal(np.asarray(seen[1]), gru.forward(XS[:, :2], H0, params)[0])
    assert type(params.weight_hh) is type(XS) is np.ndarray


@pytest.mark.parametrize("shape", [(2, 1, 3), (2, 3)])
def test_fewer_than_two_steps_are_refused(shape):
    with pytest.raises(ValueError, match=r"xs: expected shape \(N, T, I\) with T at least 2, got"):
        calls_per_step(loop(lambda x, h, W, b: h), np.ones(shape), H0, WEIGHTS)
