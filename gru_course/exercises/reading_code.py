"""Checkers of the chapter "Reading GRU code critically"."""

import itertools
from functools import partial
from typing import Any

import numpy as np

from gru_course.exercises import _gru_steps as steps
from gru_course.exercises._core import (
    NotAttempted,
    Wrong,
    as_float32,
    call,
    compare,
    exercise,
    nothing_from,
    numbers,
)
from gru_course.exercises._table import Table, refuse, tell
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid

# For each mistake the checks that find it, as the chapter measures them.
FINDERS = {
    "tanh gates": {"parity", "bounded"},
    "overflow": {"extremes"},
    "normal weights": {"half_open"},
    "crossed loss": {"perfect", "beats_mean", "beats_copying"},
    "scaler": {"future"},
    "no baseline": {"beats_copying"},
}
CHECKS = sorted(set().union(*FINDERS.values(), {"counted"}))
WHY_NOT = {
    ("tanh gates", "counted"): "no number is missing, and each gets a gradient",
    ("overflow", "parity"): "on ordinary weights the naive sigmoid gives the right numbers",
    ("overflow", "bounded"): "the values stay right, even where the slope is NaN",
    ("normal weights", "parity"): "the formula is right; only the numbers it starts from are not",
    ("crossed loss", "parity"): "the cell is right; the loss is not",
    ("scaler", "beats_copying"): "the leak makes the error look better, not worse",
    ("scaler", "beats_mean"): "the leak makes the error look better, not worse",
    ("no baseline", "beats_mean"): "on a random walk every forecast near the last value does",
}


@exercise(
    "reading_code.match",
    hints=(
        "Does the mistake change a number on ordinary weights? Where does it first show?",
        "Take the mistakes one by one and ask what is still right: the cell's numbers, the "
        "gradient at large inputs, the start of training, the loss of a perfect forecast, the "
        "past, the rival.",
    ),
)
def match(answer: Any) -> str:
    if not isinstance(answer, dict):
        raise Wrong(f"Expected a dictionary, got {type(answer).__name__}.")
    for mistake, finders in FINDERS.items():
        check = answer.get(mistake)
        if check is None or check is Ellipsis:
            raise Wrong(f"{mistake}: no check is named yet.")
        if check not in CHECKS:
            raise Wrong(f"{mistake}: expected one of {', '.join(CHECKS)}; got {check!r}.")
        if check not in finders:
            why = WHY_NOT.get((mistake, check), "on that program it passes")
            raise Wrong(f"{mistake}: `{check}` does not find it: {why}.")
    return "Right: each of these checks was seen to find its mistake."


def _zeros(xs, params):
    return np.zeros((len(xs), params.weight_hh.shape[1]), xs.dtype)


def _last_states(xs, lengths, params, *, bias, extra):
    """The last states; a sequence runs `extra` steps past its end, or through all its padding."""
    h = _zeros(xs, params)
    for t in range(xs.shape[1]):
        new = steps.step_on(bias)(xs[:, t], h, params)
        runs = np.full(len(xs), True) if extra is None else t < lengths + extra
        h = np.where(runs[:, None], new, h)
    return h


def _padded():
    rng = np.random.default_rng(0)

    def problem(lengths, T, I, H):
        params = gru.init(rng, I, H)
        return rng.normal(size=(len(lengths), T, I)), np.array(lengths), params

    yield problem([5, 2, 4], 5, 2, 3)
    yield problem([3, 3], 5, 2, 3)
    yield problem([1], 1, 3, 2)
    yield problem([2, 4], 4, 2, 1)
    xs, lengths, params = problem([5, 2, 4], 5, 2, 3)
    yield as_float32(xs), lengths, as_float32(params)
    yield xs, lengths, gru.Params(*(5000 * a for a in params))  # gates of 0 or 1, exp overflows


WHERE_B_HN_STANDS = {
    "": steps.unchanged,
    " b_hn still stands outside the reset product.": steps.b_hn_outside,
    " b_hn is missing from the candidate: r * (W_hn h + b_hn).": steps.without_b_hn,
}
WHERE_A_SEQUENCE_ENDS = {
    "The ends are right.": 0,
    "Short sequences still run on through their padding.": None,
    "Short sequences stop one step too late: step t is real where t < length.": 1,
    "Short sequences stop one step too early: step t is real where t < length.": -1,
}

Table(
    "reading_code.last-states",
    hints=(
        "One is at question 4: which of the biases does r multiply? The other at question 5: "
        "what happens to a short sequence after its end?",
        "Keep `bias_ih` and `bias_hh` apart, each with its own product. And in step t only "
        "those sequences may take the new state for which `t < lengths`.",
    ),
    cases=_padded,
    what="the last states",
    wanted=lambda xs, lengths, params: gru.forward(xs, _zeros(xs, params), params, lengths=lengths)[
        0
    ][:, -1],
    mistakes={
        about_ends + about_b_hn: partial(_last_states, bias=bias, extra=extra)
        for about_b_hn, bias in WHERE_B_HN_STANDS.items()
        for about_ends, extra in WHERE_A_SEQUENCE_ENDS.items()
        if extra != 0 or about_b_hn
    },
    praise="Fixed: b_hn inside the reset product, and each sequence read at its own end.",
)


def _prepare(series, L, cut, *, scaler, target, split):
    """Windows as the exercise asks for them, or with one of its mistakes in each part."""
    known = series[:cut] if scaler == "past" else series
    series = (series - known.mean()) / known.std()
    windows = np.lib.stride_tricks.sliding_window_view(series, L)
    if target == "next":
        inputs, targets = windows[:-1], series[L:]
    else:
        inputs, targets = windows, windows[:, -1]
    order = np.arange(len(inputs))
    if split == "random":
        order = np.random.default_rng(0).permutation(order)
    # In the order of time a target is the window's last value or the one after it.
    count = {"random": cut - L, "time": cut - L + (target == "last"), "late": cut}[split]
    train, test = order[:count], order[count:]
    return inputs[train], targets[train], inputs[test], targets[test]


PARTS = ("training inputs", "training targets", "test inputs", "test targets")


@exercise(
    "reading_code.prepare",
    hints=(
        "Print the first window and the first target. Then ask of each number in the training "
        "part whether it could have been known at step `cut`.",
        "Look at three lines: where the mean and the deviation come from, which index follows "
        "the window `series[i : i + L]`, and in which order the windows are split.",
    ),
)
def prepare(answer: Any) -> str:
    rng = np.random.default_rng(0)
    cases = (30, 4, 20), (25, 3, 11), (9, 3, 4), (12, 1, 7), (25, 3, 11)
    for case, (T, L, cut) in enumerate(cases):  # in the third there is one training window
        series = rng.normal(size=T) + 0.1 * np.arange(T)
        if case == 4:
            series = series.astype(np.float32)
        got = call(answer, series, L, cut)
        if not isinstance(got, tuple) or len(got) != 4:
            raise Wrong("Expected a tuple of four arrays: inputs and targets, training and test.")
        # What each training window is followed by tells the mistakes apart, whatever the order.
        inputs, targets = (np.asarray(a) for a in got[:2])
        if inputs.ndim != 2 or inputs.shape[1:] != (L,) or targets.shape != inputs.shape[:1]:
            raise Wrong(
                f"training part: expected shapes (K, {L}) and (K,), "
                f"got {inputs.shape} and {targets.shape}."
            )
        _name_what_leaks(series, L, cut, got)
        wanted = _prepare(series, L, cut, scaler="past", target="next", split="time")
        for part, ours, theirs in zip(PARTS, got, wanted, strict=True):
            compare(part, ours, theirs)
    return "Fixed: nothing in the training part could not have been known at the cut."


LEAKS = {
    "last": "The target is the last value of its own window: the input holds it.",
    "random": "The windows are shuffled before the split: training has seen the test.",
    "late": "There are {cut} training windows; the targets of the last {L} of them lie at or after "
    "the cut.",
    "all": "The scaler has seen the test part: fit it on series[:cut].",
}


def _name_what_leaks(series, L, cut, got):
    """Recognise the mistakes one by one, each alone or together with the others."""
    choices = itertools.product(("past", "all"), ("next", "last"), ("time", "random", "late"))
    for scaler, target, split in choices:
        mistaken = _prepare(series, L, cut, scaler=scaler, target=target, split=split)
        leaks = [text for key, text in LEAKS.items() if key in (scaler, target, split)]
        if leaks:
            refuse(got, [(leaks[0].format(cut=cut, L=L), mistaken)])
    if (np.asarray(got[0])[:, -1] == np.asarray(got[1])).all():
        raise Wrong(LEAKS["last"])


def _masked_loss(forecasts, targets, lengths, *, late, divide):
    real = np.arange(targets.shape[1]) < lengths[:, None] + late
    squares = real * (forecasts - targets) ** 2
    if divide == "sequences":
        return (squares.sum(1) / real.sum(1)).mean()
    return squares.sum() / {"real": real.sum(), "all": real.size, "nothing": 1}[divide]


def _averages(forecasts, targets, lengths):
    """By its sentence what each way to average too much or too little would give."""
    loss = partial(_masked_loss, forecasts, targets, lengths)
    late = (
        "One step of padding still counts: the real steps are those with an index less than the "
        "length."
    )
    real = lengths.sum()
    yield (
        f"The sum is divided by all {targets.size} steps; {real} of them are real.",
        loss(late=0, divide="all"),
    )
    yield (
        "You average the sequences' own means: a step of a short sequence then weighs more than "
        "one of a long sequence.",
        loss(late=0, divide="sequences"),
    )
    yield (
        f"That is the sum of the squares; the mean divides it by the {real} real steps.",
        loss(late=0, divide="nothing"),
    )
    for divide in ("real", "all", "sequences", "nothing"):
        yield late, loss(late=1, divide=divide)
    yield (
        "Padding counts like the rest: the lengths are not used.",
        ((forecasts - targets) ** 2).mean(),
    )


@exercise(
    "reading_code.masked-loss",
    hints=(
        "Which step has index `lengths`? What is 0 times NaN? And by what should the sum be "
        "divided, if half of the batch is padding?",
        "A sequence of length 2 has the real steps 0 and 1. Select with a mask, `a[mask]` or "
        "`np.where`, before you square, and count what you selected.",
    ),
)
def masked_loss(answer: Any) -> str:
    rng = np.random.default_rng(0)
    for case, lengths in enumerate(([6, 2, 3], [1], [2, 4], [5, 1])):
        lengths = np.array(lengths)
        T = max(lengths)
        forecasts, targets = rng.normal(size=(2, len(lengths), T))
        if case == 3:
            forecasts, targets = as_float32((forecasts, targets))
        wanted = _masked_loss(forecasts, targets, lengths, late=0, divide="real")
        wanted = wanted.astype(targets.dtype)
        got = call(answer, forecasts, targets, lengths)
        tell("the loss", got, wanted, _averages(forecasts, targets, lengths))
        padded = np.where(np.arange(T) < lengths[:, None], targets, np.nan)
        got = call(answer, forecasts, padded, lengths)
        if np.isnan(numbers("the loss with NaN in the padding", got)).any():
            raise Wrong("With NaN in the padding the loss is NaN: 0 times NaN is NaN, so select.")
        compare("the loss with NaN in the padding", got, wanted)
    return "Fixed: the same loss whatever the padding holds."


RIGHT = {
    "the reference": lambda x, h_prev, params: gru.step(x, h_prev, params)[0],
    "a right step written in another way": steps.step_with(h=lambda z, n, h: n + z * (h - n)),
}
BROKEN = {
    "whose z writes where it should keep": (steps.step_with(h=lambda z, n, h: z * n + (1 - z) * h)),
    "whose gates go through tanh": steps.step_with(gates=np.tanh),
    "whose candidate goes through the sigmoid": (
        steps.step_with(n=lambda x, r, h: sigmoid(x + r * h))
    ),
    "whose new state is not averaged, n + z h": steps.step_with(h=lambda z, n, h: n + z * h),
    "whose reset gate is 1 - r": steps.step_with(n=lambda x, r, h: np.tanh(x + (1 - r) * h)),
    "whose reset gate acts on the input": steps.step_with(n=lambda x, r, h: np.tanh(r * x + h)),
    "whose reset gate does nothing": steps.step_with(n=lambda x, r, h: np.tanh(x + h)),
    "whose reset gate acts before the product": steps.reset_before,
    "whose two gates share one recurrent matrix": steps.step_on(steps.one_recurrent_matrix),
}


def _verdict(test, step):
    def guarded(step):
        try:
            return test(step)
        except AssertionError:  # a test may speak in assertions as well
            return False

    try:
        verdict = call(guarded, step)
    except NotAttempted:  # of `test`: to `call` it is hidden in `guarded`
        raise nothing_from(test) from None
    if not isinstance(verdict, (bool, np.bool_)):
        raise Wrong(f"Expected True or False, got {type(verdict).__name__}.")
    return bool(verdict)


@exercise(
    "reading_code.write-a-test",
    hints=(
        "Weights of zero and a large bias hold a gate at 0 or at 1. With z at 1 or 0 and r at 1 "
        "or 0 the step must become a line that you can write down. Then give one gate its "
        "weights back while the other is held: does the held one move?",
        "Hold the gates at values such as 0.3 and 0.8 too, unit by unit, and compute h yourself "
        "from the candidate's weights; compare to about 1e-9, since another order of sums "
        "changes the last digits.",
    ),
)
def write_a_test(answer: Any) -> str:
    if not callable(answer):
        raise Wrong(f"Expected a function, got {type(answer).__name__}.")
    for name, step in RIGHT.items():
        if not _verdict(answer, step):
            raise Wrong(f"Your test refuses {name}.")
    missed = [name for name, step in BROKEN.items() if _verdict(answer, step)]
    if missed:
        found = len(BROKEN) - len(missed)
        raise Wrong(
            f"Found {found} of {len(BROKEN)}. Your test lets pass a step {missed[0]}.",
            hints=not found,  # one who finds some is on the way, and the sentence leads on
        )
    return f"Right: your test passes both right steps and finds all {len(BROKEN)} broken ones."
