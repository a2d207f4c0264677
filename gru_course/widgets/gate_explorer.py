"""One step of a GRU of one unit, with a slider on everything that enters it."""

import math
from typing import ClassVar

import numpy as np

from gru_course.goals import digits
from gru_course.reference import gru
from gru_course.widgets._base import CourseWidget, logit
from gru_course.widgets._gate_diagram import NARROW, WIDE, picture
from gru_course.widgets._settings import Number, Switch, driven, pre_activation


def _drawn(state, r, z, n, h):
    """What the picture needs: every number by the name of its wire or circle, and drive."""
    h_prev = state["h_prev"]
    recurrent = state["w_h"] * h_prev + state["b_h"]
    return {
        **{name: state[name] for name in ("x", "h_prev", "a_r", "a_z", "drive")},
        **{"r": r, "z": z, "n": n, "h": h},
        "recurrent": recurrent,
        "reset": r * recurrent,
        "keep": z * h_prev,
        "rest": 1 - z,
        "take": (1 - z) * n,
    }


STEPS = 50  # of the strip


def _goal_readings(state, r, z, n, h):
    """What goals ask for beside the step; `asked` in static/gate_explorer.mjs computes the same."""
    from_x, h_prev = state["w_x"] * state["x"] + state["b_x"], state["h_prev"]
    recurrent = state["w_h"] * h_prev + state["b_h"]
    through_candidate = (1 - z) * (1 - n**2) * r * state["w_h"]
    # The same numbers with the reset before the product, and with a z that writes.
    n_before = np.tanh(from_x + state["w_h"] * (r * h_prev) + state["b_h"])
    h_before = (1 - z) * n_before + z * h_prev
    writes, writes_before = (z * new + (1 - z) * h_prev for new in (n, n_before))
    # Cells C and F of the chapter on reading code.
    n_c, n_f = np.tanh(from_x + (1 - r) * recurrent), np.tanh(r * from_x + recurrent)
    readings = {
        "recurrent": recurrent,
        "candidate_path": through_candidate,
        "slope": z + through_candidate,
        "candidate_gap": abs(n - n_before),
        "reset_gap": min(abs(h - h_before), abs(writes - writes_before)),
        "sense_gap": min(abs(h - writes), abs(h_before - writes_before)),
        "mixed_gap": min(abs(h - writes_before), abs(h_before - writes)),
        "gap_c": abs((1 - z) * (n - n_c)),
        "gap_f": abs((1 - z) * (n - n_f)),
    }
    return {name: float(value) for name, value in readings.items()}


# What the page draws before it knows its state.
_NOTHING = dict.fromkeys(("x", "h_prev", "a_r", "a_z", "drive", "w_h", "b_h"), 0.0)
BLANK = _drawn(_NOTHING, r=0.0, z=0.0, n=0.0, h=0.0)
WORDS = "The data flow of one step of a gated recurrent unit; its numbers are written out below."


class GateExplorer(CourseWidget):
    """One step of a GRU with one unit, drawn as a data flow, with sliders.

        r = sigmoid(a_r)                                   or r itself, with drive=True
        z = sigmoid(a_z)                                   or z itself, with drive=True
        n = tanh(w_x x + b_x + r (w_h h_prev + b_h))
        h = (1 - z) n + z h_prev

    In a network a_r and a_z are sums over x and h_prev; here they are set by hand, so that each
    gate can be moved alone.

    {arguments}

    Notes
    -----
    Cho et al. (2014), arXiv:1406.1078, with the reset gate applied after the product, as PyTorch
    does; see the chapter on the gated recurrent unit.

    >>> explorer = GateExplorer(x=1.0, h_prev=-0.5, drive=True, r=1.0, z=0.25)
    >>> {name: round(value, 3) for name, value in explorer.values().items()}
    {'r': 1.0, 'z': 0.25, 'n': 0.462, 'h': 0.222}
    """

    module = "gate_explorer"
    constants: ClassVar = {
        "PICTURES": {form.name: picture(form, BLANK, WORDS) for form in (WIDE, NARROW)},
        # The four corners that texts speak of; the gates are driven to them directly.
        "PRESETS": {
            "copy": {"drive": True, "r": 1, "z": 1},
            "overwrite": {"drive": True, "r": 0, "z": 0},
            "plain RNN": {"drive": True, "r": 1, "z": 0},
            "leaky average": {"drive": True, "r": 0, "z": 0.9},
        },
    }

    x = Number(-2, 2, 1.0, step=0.05, label="input <i>x<sub>t</sub></i>", help="input x")
    h_prev = Number(
        -1, 1, -0.6, color="h", label="old state <i>h<sub>t−1</sub></i>", help="old state h"
    )
    a_r = pre_activation("r", "reset gate", 0.0)
    a_z = pre_activation("z", "update gate", 2.2)
    drive = Switch(
        False,
        label="set the gates <i>r</i> and <i>z</i> directly",
        help="whether the gates are r and z themselves",
    )
    r = driven("r", "reset gate", 0.5)
    z = driven("z", "update gate", 0.9)
    w_x = Number(-10, 10, 1.0, help="weight of the input in the candidate")
    b_x = Number(-10, 10, 0.0, help="bias of the input in the candidate")
    w_h = Number(-10, 10, 1.0, help="weight of the state, inside the reset product")
    b_h = Number(-10, 10, 0.0, help="bias of the state, inside the reset product")

    def params(self) -> gru.Params:
        """The widget's settings as `gru_course.reference.gru.Params` of a GRU with one unit.

        The gates' rows see neither x nor h_prev: their biases are the pre-activations.
        """
        a_r, a_z = (logit(self.r), logit(self.z)) if self.drive else (self.a_r, self.a_z)
        return gru.Params(
            weight_ih=np.array([[0.0], [0.0], [self.w_x]]),
            weight_hh=np.array([[0.0], [0.0], [self.w_h]]),
            bias_ih=np.array([a_r, a_z, self.b_x]),
            bias_hh=np.array([0.0, 0.0, self.b_h]),
        )

    def values(self) -> dict[str, float]:
        """The gates, the candidate and the new state, from `gru_course.reference.gru.step`.

        Returns
        -------
        dict with the floats r, z, n and h
        """
        h, cache = gru.step(np.array([[self.x]]), np.array([[self.h_prev]]), self.params())
        return {"r": cache.r.item(), "z": cache.z.item(), "n": cache.n.item(), "h": h.item()}

    def readings(self) -> dict[str, float]:
        """All settings, what the step makes of them, and where many such steps lead.

        Returns
        -------
        dict of floats: the settings, r and z as they act; n and h; turn, the first of 50 steps
            after which the state has another sign than h_prev, NaN if none; rest, the state after
            1,000 steps at z = 0 (unless r w_h is negative, z changes the pace and not the end);
            recurrent, w_h h_prev + b_h; slope, the derivative of h by h_prev with the gates held,
            and candidate_path, its part through the candidate; and the distances candidate_gap of
            n from that of the reset before the product, reset_gap, sense_gap and mixed_gap of the
            states by the reset's two places, by the two senses of z, and by both, gap_c and gap_f
            of h from those of cells C and F in the chapter on reading code
        """
        values = self.values()
        xs, h0 = np.full((1, STEPS, 1), self.x), np.array([[self.h_prev]])
        hs = gru.forward(xs, h0, self.params())[0][0, :, 0]
        turned = np.flatnonzero(np.sign(hs) != np.sign(self.h_prev))
        rest = self.h_prev
        for _ in range(1000):
            past = values["r"] * (self.w_h * rest + self.b_h)
            rest = math.tanh(self.w_x * self.x + self.b_x + past)
        turn = turned[0] + 1.0 if turned.size else math.nan
        more = _goal_readings(self.state(), **values)
        return {**self.settings(), **values, **more, "turn": turn, "rest": rest}

    def still(self) -> str:
        values = self.values()
        drawn = _drawn(self.state(), **values)
        r, z, n, h = (digits(values[name]) for name in "rznh")
        return (
            '<figure class="gru-still" style="margin:0 auto;max-width:400px">'
            f"{picture(NARROW, drawn, WORDS)}"
            f"<figcaption>One GRU step at r = {r}, z = {z}: the candidate n = {n} and the old "
            f"state h<sub>t−1</sub> = {digits(self.h_prev)} blend into h<sub>t</sub> = {h}. With "
            "JavaScript on, this picture has sliders.</figcaption></figure>"
        )
