"""The forward and the backward pass through an unrolled network, node by node."""

import numpy as np

from gru_course.goals import digits
from gru_course.reference import rnn
from gru_course.widgets._base import CourseWidget
from gru_course.widgets._settings import Choice, Number

STEPS = 3


class UnrollPlayer(CourseWidget):
    """One unit of the plain network over three steps, forward and back, with sliders.

        a_t = w_x x_t + w_h h_{t-1} + b
        h_t = tanh(a_t)
        e_t = h_t - y_t                                 0 where the loss does not look
        L = sum over t of e_t^2 / 2
        dh_t = e_t + w_h delta_{t+1}                    delta_4 = 0
        delta_t = (1 - h_t^2) dh_t
        dL/dw_h, dL/dw_x, dL/db = sum over t of delta_t h_{t-1}, delta_t x_t, delta_t

    The page plays these lines in their order, each with its numbers.

    {arguments}

    Notes
    -----
    Werbos (1990), doi:10.1109/5.58337. The defaults are the numbers of the chapter
    "Back-propagation through time".

    >>> values = UnrollPlayer().values()
    >>> {name: round(values[name], 3) for name in ("h_1", "e_1", "future_1", "dh_1", "dw_h")}
    {'h_1': 0.84, 'e_1': 0.64, 'future_1': 0.24, 'dh_1': 0.879, 'dw_h': 0.292}
    """

    module = "unroll_player"

    w_h = Number(
        -2, 2, 0.9, color="h", label="weight <i>w<sub>h</sub></i>", help="weight of the state w h"
    )
    w_x = Number(-2, 2, 1.0, label="weight <i>w<sub>x</sub></i>", help="weight of the input w x")
    b = Number(-2, 2, 0.0, label="bias <i>b</i>", help="bias b")
    h0 = Number(-1, 1, 0.8, help="state to start from")
    x1 = Number(-2, 2, 0.5, label="input <i>x</i><sub>1</sub>", help="input x 1")
    x2 = Number(-2, 2, -1.0, help="input x 2")
    x3 = Number(-2, 2, 0.3, label="input <i>x</i><sub>3</sub>", help="input x 3")
    y1 = Number(-1, 1, 0.2, help="target y 1")
    y2 = Number(-1, 1, 0.0, help="target y 2")
    y3 = Number(-1, 1, -0.5, help="target y 3")
    losses = Choice(
        {"every": "every step", "last": "last step"},
        "every",
        label="loss at",
        help="at which steps there is a loss",
    )

    def params(self) -> rnn.Params:
        """The unit as `gru_course.reference.rnn.Params`."""
        return rnn.Params(
            weight_ih=np.array([[self.w_x]]),
            weight_hh=np.array([[self.w_h]]),
            bias_ih=np.array([self.b]),
            bias_hh=np.zeros(1),
        )

    def values(self) -> dict[str, float]:
        """All numbers of both passes, from `gru_course.reference.rnn`'s step and its derivative.

        Returns
        -------
        dict of floats, for t = 1, 2, 3: the pre-activation a_t, the state h_t, the error e_t and
        the loss L_t; future_t, which is w_h delta_{t+1}, dh_t, the slope s_t and delta_t; what step
        t adds to the gradients, dw_h_t, dw_x_t and db_t; and once: h_0, dh_0, the sums dw_h, dw_x
        and db, and the whole loss, L
        """
        params = self.params()
        h = np.array([[self.h0]])
        values, caches = {"h_0": self.h0}, {}
        for t in range(1, STEPS + 1):
            x = np.array([[getattr(self, f"x{t}")]])
            values[f"a_{t}"] = (x * self.w_x + h * self.w_h + self.b).item()
            h, caches[t] = rnn.step(x, h, params)
            seen = self.losses == "every" or t == STEPS
            error = h.item() - getattr(self, f"y{t}") if seen else 0.0
            values |= {f"h_{t}": h.item(), f"e_{t}": error, f"L_{t}": error**2 / 2}
        values["L"] = sum(values[f"L_{t}"] for t in range(1, STEPS + 1))

        values |= dict.fromkeys(("dw_h", "dw_x", "db"), 0.0)
        future = np.zeros((1, 1))
        for t in range(STEPS, 0, -1):
            values[f"future_{t}"] = future.item()
            dh = future + values[f"e_{t}"]
            _, future, grads = rnn.step_backward(dh, caches[t])
            values[f"dh_{t}"] = dh.item()
            values[f"s_{t}"] = 1 - values[f"h_{t}"] ** 2
            values[f"delta_{t}"] = grads.bias_ih.item()
            uses = (grads.weight_hh, grads.weight_ih, grads.bias_ih)
            for name, part in zip(("dw_h", "dw_x", "db"), uses, strict=True):
                values[f"{name}_{t}"] = part.item()
                values[name] += part.item()
        values["dh_0"] = future.item()
        return values

    def readings(self) -> dict[str, float]:
        """All settings and all numbers of both passes.

        Returns
        -------
        dict of floats; every is 1 with a loss at every step, else 0, and size_1 is |e_1|
        """
        values = self.values()
        size = abs(values["e_1"])
        every = float(self.losses == "every")
        return {**self.settings(), **values, "every": every, "size_1": size}

    def still(self) -> str:
        values = self.values()
        columns = {
            "h<sub>t</sub>": "h",
            "e<sub>t</sub>": "e",
            "dh<sub>t</sub>": "dh",
            "δ<sub>t</sub>": "delta",
            "δ<sub>t</sub> h<sub>t−1</sub>": "dw_h",
        }
        head = "".join(f'<th scope="col">{name}</th>' for name in ("t", *columns))
        rows = "".join(
            f'<tr><th scope="row">{t}</th>'
            + "".join(f"<td>{digits(values[f'{key}_{t}'])}</td>" for key in columns.values())
            + "</tr>"
            for t in range(1, STEPS + 1)
        )
        return (
            '<figure class="gru-still" style="margin:0 auto;max-width:400px">'
            f'<table style="width:100%"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
            "<figcaption>One unit, three steps forward and back, at "
            f"w<sub>h</sub> = {digits(self.w_h)}, w<sub>x</sub> = {digits(self.w_x)} and "
            f"b = {digits(self.b)}: the last column adds up to dL/dw<sub>h</sub> = "
            f"{digits(values['dw_h'])}. With JavaScript on, the two passes are played step by step."
            "</figcaption></figure>"
        )
