"""One step of an LSTM of one unit, with a slider on everything that enters it."""

from typing import ClassVar

import numpy as np

from gru_course.goals import digits
from gru_course.palette import BY_SYMBOL
from gru_course.reference import lstm
from gru_course.widgets._base import CourseWidget, logit
from gru_course.widgets._settings import Number, Switch, driven, pre_activation

STEPS = 50  # of the strip below the picture


def _still_picture(c_prev, f, written, c):
    """The belt alone: the old cell times f, plus what is written, is the new cell."""
    color = BY_SYMBOL["c"]
    texts = (
        (55, digits(c_prev), "old cell"),
        (140, f"× {digits(f)}", "f"),
        (225, f"+ {digits(written)}", "i g"),
        (310, digits(c), "new cell"),
    )
    shown = "".join(
        f'<text x="{x}" y="36">{number}</text><text x="{x}" y="72" font-size="13">{name}</text>'
        for x, number, name in texts
    )
    return (
        '<svg viewBox="0 0 365 84" role="img" fill="currentColor" font-size="16" '
        'text-anchor="middle" aria-label="The cell state on its way through the step; its numbers '
        f'are in the sentence below." style="width:100%"><path d="M5 31H345" stroke="{color}" '
        f'stroke-width="34" stroke-opacity="0.25"/><path d="M345 10L362 31L345 52Z" '
        f'fill="{color}" fill-opacity="0.25"/>{shown}</svg>'
    )


class LSTMExplorer(CourseWidget):
    """One step of an LSTM with one unit, drawn along its cell state, with sliders.

        i = sigmoid(a_i)                             or i itself, with drive=True
        f = sigmoid(a_f)                             or f itself, with drive=True
        o = sigmoid(a_o)                             or o itself, with drive=True
        g = tanh(w_x x + w_h h_prev + b)
        c = f c_prev + i g
        h = o tanh(c)

    In a network a_i, a_f and a_o are sums over x and h_prev; here they are set by hand, so that
    each gate can be moved alone.

    {arguments}

    Notes
    -----
    Gers et al. (2000), doi:10.1162/089976600300015015, equations of the LSTM with a forget gate;
    see the chapter on the LSTM.

    >>> explorer = LSTMExplorer(x=0.5, h_prev=0.0, c_prev=2.0, drive=True, i=1.0, f=0.5, o=0.25)
    >>> {name: round(value, 3) for name, value in explorer.values().items()}
    {'i': 1.0, 'f': 0.5, 'g': 0.462, 'o': 0.25, 'c': 1.462, 'h': 0.225}
    """

    module = "lstm_explorer"
    constants: ClassVar = {
        "PRESETS": {
            "conveyor": {"drive": True, "f": 1, "i": 0, "o": 1},
            "overwrite": {"drive": True, "f": 0, "i": 1, "o": 1},
            "count": {"drive": True, "f": 1, "i": 1, "o": 1},
            "hidden": {"drive": True, "f": 1, "i": 1, "o": 0},
        }
    }

    x = Number(-2, 2, 1.0, step=0.05, label="input <i>x<sub>t</sub></i>", help="input x")
    h_prev = Number(
        -1, 1, -0.5, color="h", label="old state <i>h<sub>t−1</sub></i>", help="old state h"
    )
    c_prev = Number(
        -5, 5, 2.0, step=0.05, color="c", label="old cell <i>c<sub>t−1</sub></i>", help="old cell c"
    )
    a_f = pre_activation("f", "forget gate", 2.2)
    a_i = pre_activation("i", "input gate", -1.0)
    a_o = pre_activation("o", "output gate", 0.0)
    drive = Switch(
        False,
        label="set the gates <i>f</i>, <i>i</i> and <i>o</i> directly",
        help="whether the gates are i, f and o themselves",
    )
    f = driven("f", "forget gate", 0.9)
    i = driven("i", "input gate", 0.5)
    o = driven("o", "output gate", 0.5)
    w_x = Number(-10, 10, 1.0, help="weight of the input in the candidate")
    w_h = Number(-10, 10, 1.0, help="weight of the hidden state in the candidate")
    b = Number(-10, 10, 0.0, help="bias of the candidate")

    def params(self) -> lstm.Params:
        """The widget's settings as `gru_course.reference.lstm.Params` of an LSTM with one unit.

        The gates' rows see neither x nor h_prev: their biases are the pre-activations.
        """
        gates = (self.i, self.f, self.o)
        a_i, a_f, a_o = map(logit, gates) if self.drive else (self.a_i, self.a_f, self.a_o)
        return lstm.Params(
            weight_ih=np.array([[0.0], [0.0], [self.w_x], [0.0]]),
            weight_hh=np.array([[0.0], [0.0], [self.w_h], [0.0]]),
            bias_ih=np.array([a_i, a_f, self.b, a_o]),
            bias_hh=np.zeros(4),
        )

    def values(self) -> dict[str, float]:
        """The gates, the candidate and the new states, from `gru_course.reference.lstm.step`.

        Returns
        -------
        dict with the floats i, f, g, o, c and h
        """
        before = lstm.State(h=np.array([[self.h_prev]]), c=np.array([[self.c_prev]]))
        after, cache = lstm.step(np.array([[self.x]]), before, self.params())
        gates = {name: getattr(cache, name).item() for name in "ifgo"}
        return {**gates, "c": after.c.item(), "h": after.h.item()}

    def readings(self) -> dict[str, float]:
        """All settings, what the step makes of them, and what fifty steps of the same input do.

        Returns
        -------
        dict of floats; c_50 is the cell after fifty steps, written, gain_c, gain_tanh and gain_h
        are what the last of them adds to the cell, and by how much c, tanh(c) and h rise
        """
        start = lstm.State(h=np.array([[self.h_prev]]), c=np.array([[self.c_prev]]))
        states, cache = lstm.forward(np.full((1, STEPS, 1), self.x), start, self.params())
        c, h = states.c[0, :, 0], states.h[0, :, 0]
        i, g = cache.gates[-1, 0, [0, 2]]
        gains = {"gain_c": c, "gain_tanh": np.tanh(c), "gain_h": h}
        return {
            **self.settings(),
            **self.values(),
            "c_50": c[-1].item(),
            "written": float(i * g),
            **{name: np.diff(values)[-1].item() for name, values in gains.items()},
        }

    def still(self) -> str:
        values = self.values()
        i, f, g, o, c, h = (digits(values[name]) for name in "ifgoch")
        picture = _still_picture(self.c_prev, values["f"], values["i"] * values["g"], values["c"])
        return (
            '<figure class="gru-still" style="margin:0 auto;max-width:400px">'
            f"{picture}<figcaption>One LSTM step at i = {i}, f = {f}, o = {o}: the old cell "
            f"c<sub>t−1</sub> = {digits(self.c_prev)} and the candidate g = {g} make "
            f"c<sub>t</sub> = {c}, of which h<sub>t</sub> = {h} is shown. With JavaScript on, this "
            "picture has sliders.</figcaption></figure>"
        )
