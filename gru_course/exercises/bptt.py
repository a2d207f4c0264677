"""Checkers of the chapter "Back-propagation through time"."""

from typing import Any

import numpy as np

from gru_course.exercises._core import Wrong, call, compare, exercise, matches
from gru_course.exercises._table import Table, agree, and_awkward, refuse
from gru_course.reference import rnn

SHAPES = [(2, 5, 3, 4), (1, 1, 1, 1), (3, 2, 1, 2), (1, 6, 2, 3)]  # (N, T, I, H)


def _problems():
    """Seeded sequences of several shapes, among them one step and a single unit."""

    def examples():
        rng = np.random.default_rng(0)
        for N, T, I, H in SHAPES:
            params = rnn.init(rng, I, H)
            xs, h0 = rng.normal(size=(N, T, I)), rng.normal(size=(N, H))
            yield rng.normal(size=(N, T, H)), xs, h0, params

    return and_awkward(examples(), scale=100)


def _gradients(got):
    """The reader's (dx, dh_prev, grads), or a sentence on what came instead."""
    if not isinstance(got, tuple) or len(got) != 3:
        raise Wrong(f"Expected three results, dx, dh_prev and grads; got {_describe(got)}.")
    dx, dh, grads = got
    if not isinstance(grads, tuple) or len(grads) != len(rnn.Params._fields):
        raise Wrong(f"grads: expected an rnn.Params of four gradients, got {_describe(grads)}.")
    return dx, dh, rnn.Params(*grads)


def _describe(value):
    kind = type(value).__name__
    return f"{kind} of {len(value)}" if isinstance(value, tuple | list) else kind


def _compare_gradients(got, wanted, names):
    compare(names[0], got[0], wanted[0])
    compare(names[1], got[1], wanted[1])
    for field, theirs, right in zip(rnn.Params._fields, got[2], wanted[2], strict=True):
        if not matches(theirs, right) and matches(theirs, right / len(wanted[1])):
            raise Wrong(
                f"gradient of {field}: it is averaged over the batch. The weights are used by "
                "every sequence, and uses add."
            )
        compare(f"gradient of {field}", theirs, right)


Table(
    "bptt.reach",
    hints=(
        "Number the steps of a chunk from 0. Which of them stand at least `lag` steps behind "
        "the border? Can the fraction be negative?",
        "For k = 5 and lag = 3 write the steps 0 to 4 down and mark those whose index is at "
        "least 3. How many are there, out of how many?",
    ),
    cases=[(20, 10), (5, 0), (11, 10), (10, 10), (5, 10), (7, 3), (1, 0), (1, 1)],
    what="k = {k}, lag = {lag}",
    wanted=lambda k, lag: max(0, k - lag) / k,
    mistakes={
        "{what}: a fraction cannot be negative; no loss reaches that far.": (
            lambda k, lag: (k - lag) / k
        ),
        "{what}: you counted k - lag + 1 losses. The first step of a chunk sees no step back, so "
        "the one that sees lag steps back is number lag, counted from 0.": (
            lambda k, lag: max(0, k - lag + 1) / k
        ),
        "{what}: that is the number of losses in a chunk; divide by k.": (
            lambda k, lag: max(0, k - lag)
        ),
        "{what}: not all losses of a chunk reach as far as its last one.": (
            lambda k, lag: float(k > lag)
        ),
    },
    praise="Right: the last k - lag losses of each chunk of k reach that far, if there are any.",
)


def _relu_step_mistakes(dh, x, h_prev, h, params):
    """By its sentence the wrong (dx, dh_prev, gradient of weight_hh) of each known mistake."""
    W_ih, W_hh = params.weight_ih, params.weight_hh
    slope = (h > 0).astype(float)

    def results(da, dW_state=h_prev, W=W_hh):
        return da @ W_ih, da @ W, da.T @ dW_state

    return {
        "Your slope is tanh's, 1 - h^2. ReLU's is 1 where h > 0 and 0 elsewhere.": (
            results(dh * (1 - h * h))
        ),
        "The slope is missing: da is dh where h > 0 and 0 elsewhere.": results(dh),
        "Your slope is taken from h_prev; it belongs to the output of this step, h.": (
            results(dh * (h_prev > 0))
        ),
        "Your da multiplies by h itself, not by its slope.": results(dh * h),
        "The gradient of weight_hh pairs da with the state that W_hh multiplied, h_prev, not h.": (
            results(dh * slope, dW_state=h)
        ),
        "dh_prev: W_hh is transposed. In rows, W^T delta becomes da @ weight_hh.": (
            results(dh * slope, W=W_hh.T)
        ),
        "You averaged over the batch. The weights are used by every sequence, and uses add.": (
            dh * slope @ W_ih,
            dh * slope @ W_hh,
            (dh * slope).T @ h_prev / len(dh),
        ),
    }


@exercise(
    "bptt.step-backward",
    hints=(
        "Only the slope changes, and it too can be had from the output alone: it is 1 where `h "
        "> 0` and 0 elsewhere.",
        "First `da`, the gradient of the pre-activation, of shape (N, H). The five results are "
        "products of `da` with `weight_ih`, `weight_hh`, `x` and `h_prev`, and its sum over the "
        "batch.",
    ),
)
def step_backward(answer: Any) -> str:
    for dhs, xs, h0, params in _problems():
        dh, x = dhs[:, 0], xs[:, 0]
        h, cache = rnn.step(x, h0, params, nonlinearity="relu")
        wanted = rnn.step_backward(dh, cache)
        got = _gradients(call(answer, dh, x, h0, h, params))
        decisive = got[0], got[1], got[2].weight_hh
        if not agree(decisive, (wanted[0], wanted[1], wanted[2].weight_hh)):
            refuse(decisive, _relu_step_mistakes(dh, x, h0, h, params).items())
        _compare_gradients(got, wanted, ("dx", "dh_prev"))
    return "Right: all five gradients equal the reference's, for every shape that was tried."


def _leaky_step(x, h_prev, params, alpha):
    n, cache = rnn.step(x, h_prev, params)
    return (1 - alpha) * h_prev + alpha * n, cache


@exercise(
    "bptt.leaky-step-backward",
    hints=(
        "h_(t-1) is used twice now, so two gradients add. The slope needs tanh(a_t), which is "
        "no longer h_t: solve the unit's equation for it.",
        "With n = tanh(a_t) known, the route through tanh is the plain step's backward pass for "
        "a gradient of `alpha * dh`. What does the other route multiply `dh` by?",
    ),
)
def leaky_step_backward(answer: Any) -> str:
    for alpha in (0.25, 1.0):
        for dhs, xs, h_prev, params in _problems():
            dh, x = dhs[:, 0], xs[:, 0]
            h, cache = _leaky_step(x, h_prev, params, alpha)
            dx, through, grads = rnn.step_backward(alpha * dh, cache)
            wanted = dx, (1 - alpha) * dh + through, grads
            got = _gradients(call(answer, dh, x, h_prev, h, params, alpha))
            if alpha < 1 and not matches(got[1], wanted[1]):
                without_alpha = rnn.step_backward(dh, cache)[1]
                slope_of_h = (alpha * dh * (1 - h**2)) @ params.weight_hh
                known = {
                    "dh_prev: the direct route is missing. h_prev also enters h with factor "
                    "1 - alpha, and the two gradients add.": through,
                    "dh_prev: the direct route carries dh, times 1 - alpha.": dh + through,
                    "The route through tanh lacks its factor alpha.": (
                        (1 - alpha) * dh + without_alpha
                    ),
                    "Your slope is 1 - h^2, but h is no longer the output of tanh: that is "
                    "(h - (1 - alpha) h_prev) / alpha.": (1 - alpha) * dh + slope_of_h,
                }
                refuse(got[1], known.items())
            _compare_gradients(got, wanted, (f"alpha = {alpha}, dx", f"alpha = {alpha}, dh_prev"))
    return "Right: one route through tanh, one direct with factor 1 - alpha, and they add."


def _backward_mistakes(dhs, xs, h0, hs, params):
    """By its sentence the wrong gradient of weight_hh of each known mistake."""
    W_hh = params.weight_hh
    h_prevs = np.concatenate([h0[:, None], hs[:, :-1]], axis=1)

    def deltas(W=W_hh, future=1.0, above=1.0):
        das, after, dh_prev = np.empty_like(hs), np.empty_like(hs), np.zeros_like(h0)
        last = hs.shape[1] - 1
        for t in reversed(range(last + 1)):
            dh = future * dh_prev + (1.0 if t == last else above) * dhs[:, t]
            das[:, t] = dh * (1 - hs[:, t] ** 2)
            dh_prev = after[:, t] = das[:, t] @ W
        return das, after

    def outer(das, states=h_prevs):
        return np.einsum("nti,ntj->ij", das, states)

    das, after = deltas()
    return {
        "gradient of weight_hh: it pairs h_prev with what has already passed through weight_hh. It "
        "needs da, the gradient of the pre-activation.": outer(after),
        "gradient of weight_hh: it pairs da with h_t. The state that W_hh multiplied is h_{t-1}.": (
            outer(das, hs)
        ),
        "The gradient that comes back from the future is not added to dhs[:, t].": (
            outer(deltas(future=0.0)[0])
        ),
        "The gradient from above, dhs[:, t], is not added at every step.": (
            outer(deltas(above=0.0)[0])
        ),
        "The weights' gradients are not summed over time: only one step is left.": (
            das[:, 0].T @ h_prevs[:, 0]
        ),
        "W_hh is transposed on the way back. In rows, W^T delta becomes da @ weight_hh.": (
            outer(deltas(W=W_hh.T)[0])
        ),
        "The weights' gradients are averaged over the batch. Uses add: sum them.": (
            outer(das) / len(dhs)
        ),
        "gradient of weight_hh: the first step multiplied W_hh with h0, which you took as zero.": (
            outer(das[:, 1:], h_prevs[:, 1:])
        ),
    }


@exercise(
    "bptt.backward",
    hints=(
        "Run `gradcheck` and see which argument it names first. What is in `dh` by the time the "
        "line runs?",
        "In the loop `dh` changes its meaning: above the line it belongs to h_t, below it to "
        "h_(t-1). Which of the four gradients still uses it afterwards?",
    ),
)
def backward(answer: Any) -> str:
    for dhs, xs, h0, params in _problems():
        hs, cache = rnn.forward(xs, h0, params)
        wanted = rnn.backward(dhs, cache)
        got = _gradients(call(answer, dhs, xs, h0, hs, params))
        if not matches(got[2].weight_hh, wanted[2].weight_hh):
            refuse(got[2].weight_hh, _backward_mistakes(dhs, xs, h0, hs, params).items())
        _compare_gradients(got, wanted, ("dxs", "dh0"))
    return "Fixed: all six gradients equal the reference's, for every shape that was tried."


def _window(dhs, hs, h0, W_hh, k, late=False):
    """Each loss flows back through its own k uses of W_hh; `late` pairs them with h_t."""
    h_prevs = hs if late else np.concatenate([h0[:, None], hs[:, :-1]], axis=1)
    total = np.zeros_like(W_hh)
    for t in range(hs.shape[1]):
        dh = dhs[:, t]
        for s in range(t, max(-1, t - k), -1):
            da = dh * (1 - hs[:, s] ** 2)
            total = total + da.T @ h_prevs[:, s]
            dh = da @ W_hh
    return total


def _chunks(dhs, hs, h0, W_hh, k):
    """Truncation at fixed borders, before steps 0, k, 2k ..."""
    h_prevs = np.concatenate([h0[:, None], hs[:, :-1]], axis=1)
    total, dh = np.zeros_like(W_hh), np.zeros_like(h0)
    for t in reversed(range(hs.shape[1])):
        da = (dhs[:, t] + dh) * (1 - hs[:, t] ** 2)
        total = total + da.T @ h_prevs[:, t]
        dh = da @ W_hh * (t % k > 0)
    return total


def _windows():
    for dhs, xs, h0, params in _problems():
        hs, _ = rnn.forward(xs, h0, params)
        for k in (2, 1, 3, 6):
            yield dhs, hs, h0, params.weight_hh, k


Table(
    "bptt.sliding",
    hints=(
        "Use the linearity of the recursion: send back the loss of one step at a time, and stop "
        "after `k` steps. Two nested loops are fine.",
        "The outer loop takes t and starts from `dhs[:, t]`; the inner loop runs s from t down "
        "to t - k + 1, or to 0 if that comes first, and adds one outer product each time.",
    ),
    cases=_windows,
    what="k = {k}, gradient of weight_hh",
    wanted=_window,
    mistakes={
        "Your window has fixed borders; here each loss has its own.": _chunks,
        "k = {k}: your window holds k + 1 uses. Step t is the first of the k.": (
            lambda dhs, hs, h0, W_hh, k: _window(dhs, hs, h0, W_hh, k + 1)
        ),
        "k = {k}: your window holds k - 1 uses. Step t is the first of the k.": (
            lambda dhs, hs, h0, W_hh, k: _window(dhs, hs, h0, W_hh, k - 1)
        ),
        "k = {k}: that is the whole gradient; stop after k uses.": (
            lambda dhs, hs, h0, W_hh, k: _window(dhs, hs, h0, W_hh, hs.shape[1])
        ),
        "k = {k}: you pair da with h_t. The state that W_hh multiplied is h_(t-1).": (
            lambda *problem: _window(*problem, late=True)
        ),
        "k = {k}: you averaged over the batch. Every sequence uses W_hh: sum.": (
            lambda *problem: _window(*problem) / len(problem[0])
        ),
    },
    praise="Right: every loss looks back over k uses, wherever it stands.",
)
