"""Checkers of the chapter "The GRU's backward pass"."""

from typing import Any

import numpy as np

from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches
from gru_course.exercises._table import and_awkward, tell
from gru_course.reference import gru
from gru_course.reference.activations import sigmoid

SHAPES = [(2, 3, 4), (1, 1, 1), (1, 5, 2), (3, 2, 6)]  # (N, I, H)
DELTAS: tuple[str, ...] = ("da_r", "da_z", "da_n", "da_hn")
PATHS = ("copy", "candidate", "update gate", "reset gate")


def _examples():
    """Seeded steps of several shapes, among them batch 1 and a single unit.

    The last two are awkward: float32, and gates of 0 or 1, through which no gradient flows.
    """
    rng = np.random.default_rng(0)
    examples = []
    for N, I, H in SHAPES:
        params = gru.init(rng, I, H)
        x, h_prev = rng.normal(size=(N, I)), rng.uniform(-1, 1, size=(N, H))
        examples.append((rng.normal(size=(N, H)), x, h_prev, params))
    for dh, *step in and_awkward(examples):
        yield dh, gru.step(*step)[1]


def _results(got, names):
    """The reader's results, or a sentence on how many were expected."""
    if not isinstance(got, tuple | list) or len(got) != len(names):
        kind = type(got).__name__
        found = f"{kind} of {len(got)}" if isinstance(got, tuple | list) else kind
        raise Wrong(f"Expected {len(names)} results, {', '.join(names)}; got {found}.")
    return got


def _deltas(dh, c):
    da_n = dh * (1 - c.z) * (1 - c.n**2)
    da_z = dh * (c.h_prev - c.n) * c.z * (1 - c.z)
    return da_n * c.a_hn * c.r * (1 - c.r), da_z, da_n, da_n * c.r


def _delta_mistakes(dh, c) -> dict[str, dict[str, np.ndarray]]:
    """For each delta what a known mistake would return for it, by its sentence."""
    _, _, da_n, da_hn = _deltas(dh, c)
    dn, dz = dh * (1 - c.z), dh * (c.h_prev - c.n)
    slope_z, slope_r = c.z * (1 - c.z), c.r * (1 - c.r)
    # In the order of the derivation: a mistake in da_n is in da_r and da_hn as well.
    return {
        "da_n": {
            "da_n: the slope of tanh is missing, 1 - n^2.": dn,
            "da_n: the slope of tanh is 1 - n^2, not 1 - n.": dn * (1 - c.n),
            "da_n: n (1 - n) is the sigmoid's slope; tanh's is 1 - n^2.": dn * c.n * (1 - c.n),
            "da_n: n enters h with the factor 1 - z; you took z, which is the old state's.": (
                dh * c.z * (1 - c.n**2)
            ),
            "da_n: no r here. It stands between a_n and a_hn, after da_n.": da_hn,
        },
        "da_z": {
            "da_z: the sign is turned. In h, z multiplies h_prev - n.": -dz * slope_z,
            "da_z: the slope of the sigmoid is missing, z (1 - z).": dz,
            "da_z: z occurs in h twice, and you have one of the two: the other gives -n.": (
                dh * c.h_prev * slope_z
            ),
            "da_z: 1 - z^2 is tanh's slope; the sigmoid's is z (1 - z).": dz * (1 - c.z**2),
        },
        "da_hn": {"da_hn: you return da_n. Between a_n and a_hn stands the factor r.": da_n},
        "da_r": {
            "da_r: the slope of the sigmoid is missing, r (1 - r).": da_n * c.a_hn,
            "da_r: r is in it once too often. In r * a_hn the gradient of r is da_n * a_hn.": (
                da_hn * c.a_hn * slope_r
            ),
            "da_r: r multiplies a_hn = W_hn h_prev + b_hn, not h_prev.": da_n * c.h_prev * slope_r,
        },
    }


@exercise(
    "gru_backward.deltas",
    hints=(
        "Begin with what has one user only: n and z. The slope of each nonlinearity can be had "
        "from its output.",
        "In h = (1 - z) n + z h_prev differentiate with respect to n, then to z, which occurs "
        "twice. r occurs only in r * a_hn, so both da_hn and da_r start from da_n.",
    ),
)
def deltas(answer: Any) -> str:
    for dh, c in _examples():
        got = _results(call(answer, dh, c.h_prev, c.r, c.z, c.n, c.a_hn), DELTAS)
        wanted = dict(zip(DELTAS, _deltas(dh, c), strict=True))
        got = dict(zip(DELTAS, got, strict=True))
        exchanged = matches(got["da_r"], wanted["da_z"]) and matches(got["da_z"], wanted["da_r"])
        if exchanged and not matches(got["da_r"], wanted["da_r"]):
            raise Wrong("da_r and da_z are exchanged: return da_r, da_z, da_n, da_hn.")
        for name, mistakes in _delta_mistakes(dh, c).items():
            tell(name, got[name], wanted[name], mistakes.items())
    return "Right: all four deltas, for every shape that was tried."


@exercise(
    "gru_backward.missing-path",
    hints=(
        "`deltas` gives the four terms. By what does their sum differ from `theirs`?",
        "Compute the four terms of dh_prev at the given numbers, one for each path, and leave "
        "out one at a time. Which remainder is `theirs`?",
    ),
)
def missing_path(answer: Any) -> str:
    if not isinstance(answer, str):
        raise Wrong(f"Expected the name of a path, got {type(answer).__name__}.")
    name = answer.strip().lower()
    if name not in PATHS:
        raise Wrong(f"Expected one of {', '.join(PATHS)}, got {answer!r}.")
    if name == "copy":
        raise Wrong(
            "The copy touches one entry only, that of the unit vector; here all three differ."
        )
    if name in ("candidate", "reset gate"):
        raise Wrong(
            f"Without the {name} the difference would be another: compare it with "
            "the four terms that `deltas` gives, entry by entry."
        )
    return "Right: the difference is da_z @ W_hz, and no entry of it exceeds 0.03."


def _paths(dh, c):
    """What each of the four paths contributes to dh_prev."""
    W_hr, W_hz, W_hn = np.split(c.params.weight_hh, 3)
    da_r, da_z, _, da_hn = _deltas(dh, c)
    return dict(zip(PATHS, (dh * c.z, da_hn @ W_hn, da_z @ W_hz, da_r @ W_hr), strict=True))


@exercise(
    "gru_backward.find-the-bug",
    hints=(
        "Let `gradcheck` say which gradient is wrong. If `weight_ih` is wrong in the first rows "
        "only, which delta is it?",
        "The candidate holds r * a_hn. By the product rule r's gradient is that of the product "
        "times a_hn: is r itself a factor of it?",
    ),
)
def find_the_bug(answer: Any) -> str:
    for dh, c in _examples():
        cache = (c.h_prev, c.r, c.z, c.n, c.a_hn)
        got = _results(call(answer, dh, c.x, cache, c.params), ("dx", "dh_prev", "grads"))
        dx, dh_prev, grads = gru.step_backward(dh, c)
        fields = gru.Params._fields
        theirs = _results(got[2], fields)
        da_r, da_z, da_n, _ = _deltas(dh, c)
        as_given = np.concatenate([da_r * c.r, da_z, da_n], axis=1)
        if matches(got[0], as_given @ c.params.weight_ih) and not matches(got[0], dx):
            raise Wrong("The bug is still there: look at the rows of r in `weight_ih`.")
        if matches(theirs[3], grads.bias_ih) and not matches(grads.bias_ih, grads.bias_hh):
            raise Wrong("You changed da_h; its last block, da_hn, was right.")
        compare("dx", got[0], dx)
        try:
            compare("dh_prev", got[1], dh_prev)
        except Wrong as wrong:
            for path, term in _paths(dh, c).items():
                if matches(got[1], dh_prev - term):
                    raise Wrong(f"{wrong} The path of the {path} is missing.") from None
            raise
        for field, mine, wanted in zip(fields, theirs, grads, strict=True):
            if not matches(mine, wanted) and matches(mine, wanted / len(dh)):
                raise Wrong(
                    f"gradient of {field}: it is averaged over the batch. The weights are used "
                    "by every sequence, and uses add."
                )
            compare(f"gradient of {field}", mine, wanted)
    return "Fixed: da_r = da_n * a_hn * r * (1 - r). The gradient of r starts from da_n, not da_hn."


def _one_gate_examples():
    """Steps of the minimal gated unit, whose weight_hh is (2H, H)."""
    rng = np.random.default_rng(0)
    examples = []
    for N, I, H in SHAPES:
        params = gru.init(rng, I, H)
        W_if, _, W_in = np.split(params.weight_ih, 3)
        W_hf, _, W_hn = np.split(params.weight_hh, 3)
        x, h_prev = rng.normal(size=(N, I)), rng.uniform(-1, 1, size=(N, H))
        f = sigmoid(x @ W_if.T + h_prev @ W_hf.T)
        n = np.tanh(x @ W_in.T + (f * h_prev) @ W_hn.T)
        examples.append((rng.normal(size=(N, H)), h_prev, f, n, np.concatenate([W_hf, W_hn])))
    dh, h_prev, f, n, weight_hh = examples[-1]
    saturated = dh, h_prev, np.round(f), np.sign(n), weight_hh
    return [*examples, as_float32(examples[-1]), saturated]


def _one_gate(dh, h_prev, f, n, weight_hh, *, take=1.0, reset=1.0, copy=1.0, through=1.0):
    """Its gradients; each factor set to 0 leaves one use of f or of h_prev out."""
    W_hf, W_hn = np.split(weight_hh, 2)
    da_n = dh * f * (1 - n**2)
    du = da_n @ W_hn
    da_f = (take * dh * (n - h_prev) + reset * du * h_prev) * f * (1 - f)
    return da_f, da_n, copy * dh * (1 - f) + through * du * f + da_f @ W_hf


@exercise(
    "gru_backward.one-gate",
    hints=(
        "f is used in two places, and so is h' in three. Every use adds a term. Compute du, the "
        "gradient of f * h', first.",
        "du is `da_n @ W_hn`. It goes to f with the factor h', and to h' with the factor f; f "
        "has one more use in h itself, and h' two more.",
    ),
)
def one_gate(answer: Any) -> str:
    names = ("da_f", "da_n", "dh_prev")
    for example in _one_gate_examples():
        dh, h_prev, f, n, weight_hh = example
        W_hf, W_hn = np.split(weight_hh, 2)
        got = _results(call(answer, *example), names)
        wanted = _one_gate(*example)
        (da_f, da_n, _), du = wanted, wanted[1] @ W_hn
        mistakes = {
            "da_n: here f = 1 takes the new value, so n enters h with the factor f.": (
                dh * (1 - f) * (1 - n**2)
            ),
        }
        tell("da_n", got[1], da_n, mistakes.items())
        mistakes = {
            "da_f: the gate's second use is missing, in the product f * h_prev inside n.": (
                _one_gate(*example, reset=0.0)[0]
            ),
            "da_f: the gate's use in h itself is missing, with the factor n - h_prev.": (
                _one_gate(*example, take=0.0)[0]
            ),
            "da_f: the sign of the first use is turned: f multiplies n - h_prev.": (
                _one_gate(*example, take=-1.0)[0]
            ),
            "da_f: the reset acts before the product, so its gradient is "
            "(da_n @ W_hn) * h_prev, not da_n * (h_prev @ W_hn.T).": (
                (dh * (n - h_prev) + da_n * (h_prev @ W_hn.T)) * f * (1 - f)
            ),
            "da_f: the slope of the sigmoid is missing, f (1 - f).": (
                dh * (n - h_prev) + du * h_prev
            ),
        }
        tell("da_f", got[0], da_f, mistakes.items())
        mistakes = {
            "dh_prev: the copy is missing, dh * (1 - f).": _one_gate(*example, copy=0.0)[2],
            "dh_prev: the path through the candidate is missing, (da_n @ W_hn) * f.": (
                _one_gate(*example, through=0.0)[2]
            ),
            "dh_prev: the path through the gate is missing, da_f @ W_hf.": dh * (1 - f) + du * f,
            "dh_prev: f belongs behind the matrix, (da_n @ W_hn) * f, not (da_n * f) @ W_hn.": (
                dh * (1 - f) + (da_n * f) @ W_hn + da_f @ W_hf
            ),
            "dh_prev: f = 1 takes the new value, so the copy keeps 1 - f.": (
                dh * f + du * f + da_f @ W_hf
            ),
        }
        tell("dh_prev", got[2], wanted[2], mistakes.items())
    return "Right: da_f has two terms and dh_prev has three, for every shape that was tried."
