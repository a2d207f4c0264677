"""The gradient against the lag for a plain RNN, an LSTM and a GRU, with sliders."""

import math
from typing import Any, ClassVar

import numpy as np

from gru_course.analysis import gradient_norms, spectral_radius
from gru_course.palette import BY_NETWORK, NEUTRAL
from gru_course.reference import gru, lstm, rnn
from gru_course.reference.activations import sigmoid
from gru_course.widgets._base import CourseWidget
from gru_course.widgets._settings import Choice, Number, Whole

CELLS = {"RNN": rnn, "LSTM": lstm, "GRU": gru}
H, I, LONGEST = 12, 4, 60
# The rows of weight_hh that the spectral radius scales: all of the RNN, else the candidate's.
SCALED = {"RNN": slice(0, H), "LSTM": slice(2 * H, 3 * H), "GRU": slice(2 * H, 3 * H)}
GATE = slice(H, 2 * H)  # the rows of f in the LSTM, of z in the GRU
LOW, HIGH = 0.01, 100.0  # a gradient outside has vanished or exploded, as far as one step can use
SEED_OF_V = 1  # another stream than the weights', or v would follow from them


def _draw():
    """The base weights and the inputs, to four decimals: the page carries them as text."""
    rng = np.random.default_rng(0)
    drawn = {name: cell.init(rng, I, H) for name, cell in CELLS.items()}
    weights = {
        name: type(params)(*(array.round(4) for array in params)) for name, params in drawn.items()
    }
    return weights, rng.normal(size=(1, LONGEST, I)).round(4)


def _direction():
    """The v that `gradient_norms` draws."""
    v = np.random.default_rng(SEED_OF_V).normal(size=H)
    return v / np.linalg.norm(v)


WEIGHTS, XS = _draw()
RHO = {name: spectral_radius(p.weight_hh[SCALED[name]]) for name, p in WEIGHTS.items()}


def _relu(a):
    return np.maximum(a, 0.0)


def _norms_with_relu(name, params, xs):
    """|dL/ds_{T-k}| of an LSTM or a GRU whose every tanh is a ReLU; the reference has tanh only."""
    h, c, tape = np.zeros(H), np.zeros(H), []
    for x in xs:
        a_x = np.split(params.weight_ih @ x + params.bias_ih, len(params.bias_ih) // H)
        a_h = np.split(params.weight_hh @ h + params.bias_hh, len(params.bias_hh) // H)
        if name == "LSTM":
            a_i, a_f, a_g, a_o = np.add(a_x, a_h)
            i, f, g, o = sigmoid(a_i), sigmoid(a_f), _relu(a_g), sigmoid(a_o)
            tape.append((i, f, g, o, c, c := f * c + i * g))
            h = o * _relu(c)
        else:
            r, z = sigmoid(a_x[0] + a_h[0]), sigmoid(a_x[1] + a_h[1])
            n = _relu(a_x[2] + r * a_h[2])
            tape.append((r, z, n, a_h[2], h))
            h = (1 - z) * n + z * h
    dh, dc = _direction(), np.zeros(H)
    norms = [1.0]
    for step in reversed(tape):
        if name == "LSTM":
            i, f, g, o, c_prev, c = step
            dc = dc + dh * o * (c > 0)
            das = (dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (g > 0))
            das += (dh * _relu(c) * o * (1 - o),)
            dh, dc = np.zeros(H), dc * f
        else:
            r, z, n, a_hn, h_prev = step
            da_n = dh * (1 - z) * (n > 0)
            das = (da_n * a_hn * r * (1 - r), dh * (h_prev - n) * z * (1 - z), da_n * r)
            dh = dh * z
        dh = dh + np.concatenate(das) @ params.weight_hh
        norms.append(math.hypot(*dh, *dc))
    return np.array(norms)


def _written(value):
    return f"{value:.3g}" if LOW <= value <= HIGH else f"{value:.0e}"


class GradientFlow(CourseWidget):
    """How far back the gradient reaches in a plain RNN, an LSTM and a GRU, with sliders.

        L = v . h_T  with |v| = 1,       drawn: |dL / ds_{T-k}| against the lag k = 0 ... T

    with s = h, and s = (h, c) for the LSTM, as in `gru_course.analysis.gradient_norms`. Three
    untrained networks of 12 units read the same 4 standard normal inputs a step. Their weights,
    the inputs and v are drawn once, so that only the settings move the lines; a shorter sequence
    is the end of the longest one. The spectral radius is that of W_hh in the plain RNN, of the
    candidate's block W_hg in the LSTM and W_hn in the GRU; the blocks of the gates stay as they
    are drawn, from U(-1/sqrt(H), 1/sqrt(H)). ReLU takes the place of tanh everywhere: in the plain
    RNN, in both candidates and at the LSTM's tanh(c). The gates stay logistic.

    {arguments}

    Notes
    -----
    The chapter "Vanishing and exploding gradients" measures the same on 64 units, over ten draws.

    >>> flow = GradientFlow(radius=0.9, gate_bias=4.0, length=30)
    >>> {name: norms.shape for name, norms in flow.norms().items()}
    {'RNN': (31,), 'LSTM': (31,), 'GRU': (31,)}
    """

    module = "gradient_flow"
    constants: ClassVar = {
        "NETWORKS": BY_NETWORK,
        "WEIGHTS": {
            name: {field: array.tolist() for field, array in params._asdict().items()}
            for name, params in WEIGHTS.items()
        },
        "RHO": RHO,
        "XS": XS[0].tolist(),
        "V": _direction().tolist(),
        "LIMITS": [LOW, HIGH],
    }

    radius = Number(0.2, 1.6, 0.9, step=0.05, label="radius <i>ρ</i>", help="spectral radius")
    gate_bias = Number(
        -2,
        6,
        0.0,
        step=0.1,
        color="z",
        label="gate bias",
        help="bias of the forget gate f and the update gate z",
    )
    length = Whole(10, LONGEST, LONGEST, label="length <i>T</i>", help="length of the sequence")
    activation = Choice(
        {"tanh": "tanh", "relu": "ReLU"},
        "tanh",
        label="activation",
        help="activation of the plain RNN, of both candidates, and of the LSTM's cell",
    )

    def params(self) -> dict[str, Any]:
        """The three networks' weights at the widget's settings.

        Returns
        -------
        dict from "RNN", "LSTM" and "GRU" to `Params` of the module of that name in
        `gru_course.reference`
        """
        made = {}
        for name, base in WEIGHTS.items():
            weight_hh, bias_ih = base.weight_hh.copy(), base.bias_ih.copy()
            weight_hh[SCALED[name]] *= self.radius / RHO[name]
            if name != "RNN":
                bias_ih[GATE] += self.gate_bias
            made[name] = base._replace(weight_hh=weight_hh, bias_ih=bias_ih)
        return made

    def norms(self) -> dict[str, np.ndarray]:
        """The lines of the picture, as `gru_course.analysis.gradient_norms` measures them.

        Returns
        -------
        dict from "RNN", "LSTM" and "GRU" to (T + 1,) arrays; entry k is |dL / ds_{T-k}|
        """
        xs = XS[:, LONGEST - self.length :]
        norms = {}
        for name, params in self.params().items():
            if self.activation == "relu" and name != "RNN":
                norms[name] = _norms_with_relu(name, params, xs[0])
                continue
            options: dict[str, Any] = {}
            if name == "RNN":
                options["nonlinearity"] = self.activation
            rng = np.random.default_rng(SEED_OF_V)
            norms[name] = gradient_norms(CELLS[name], params, xs, rng, **options)[0]
        return norms

    def readings(self) -> dict[str, float]:
        """All numbers that are set, and each network's gradient norm at the first step.

        Returns
        -------
        dict of floats; rnn, lstm and gru are |dL / ds_0|
        """
        norms = {name.lower(): norm[-1].item() for name, norm in self.norms().items()}
        return {**self.settings(), **norms}

    def crossings(self) -> dict[str, int | None]:
        """The first lag at which the gradient is below 1 % or above 100.

        Returns
        -------
        dict from "RNN", "LSTM" and "GRU" to an int, or None where it stays between
        """
        outside = {name: (n < LOW) | (n > HIGH) for name, n in self.norms().items()}
        return {name: int(o.argmax()) if o.any() else None for name, o in outside.items()}

    def still(self) -> str:
        norms, crossings, T = self.norms(), self.crossings(), self.length
        sentences = []
        for name, k in crossings.items():
            if k is None:
                reach = f"between 1 % and 100 up to lag {T}"
            else:
                reach = f"first {'below 1 %' if norms[name][k] < LOW else 'above 100'} at lag {k}"
            sentences.append(f"{name}: {reach}, {_written(norms[name][-1])} at lag {T}.")
        return (
            '<figure class="gru-still" style="margin:0 auto;max-width:400px">'
            f"{_picture(norms)}<figcaption>Norm of the gradient against the lag, at spectral "
            f"radius {self.radius:g} and gate bias {self.gate_bias:g}, with "
            f"{'ReLU' if self.activation == 'relu' else 'tanh'}. {' '.join(sentences)} With "
            "JavaScript on, this picture has sliders.</figcaption></figure>"
        )


def _picture(norms):
    """A small SVG of the lines, from 10^-20 to 10^10, each with its name at its end."""
    left, right, top, bottom = 44, 290, 10, 190

    def py(norm):
        return bottom - (bottom - top) * (math.log10(norm) + 20) / 30

    lines, ends = [], []
    for name, values in norms.items():
        inside = (values >= 1e-20) & (values <= 1e10)
        last = len(values) if inside.all() else int(inside.argmin())
        points = [(left + (right - left) * k / LONGEST, py(values[k])) for k in range(last)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(
            f'<polyline points="{path}" fill="none" stroke="{BY_NETWORK[name]}" '
            f'stroke-width="2" data-line="{name}"/>'
        )
        ends.append((*points[-1], name))
    y_before = -math.inf
    for x, y, name in sorted(ends, key=lambda end: end[1]):
        y_before = max(y, y_before + 13)
        lines.append(f'<text x="{x + 5:.1f}" y="{y_before + 4:.1f}">{name}</text>')
    for tick, label in ((-20, "−20"), (-10, "−10"), (0, "0"), (10, "10")):
        y = py(10.0**tick)
        lines.append(
            f'<path d="M{left} {y:.1f}H{right}" stroke="{NEUTRAL}" stroke-opacity="0.35"/>'
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">10'
            f'<tspan font-size="75%" dy="-5">{label}</tspan></text>'
        )
    lines.append(f'<text x="{(left + right) / 2}" y="207" text-anchor="middle">lag (steps)</text>')
    return (
        '<svg viewBox="0 0 340 212" width="340" height="212" style="max-width:100%;height:auto" '
        'role="img" aria-label="Norm of the gradient against the lag for the three networks; the '
        'numbers are written below." fill="currentColor" font-size="12">'
        f"{''.join(lines)}</svg>"
    )
