"""One unit of the plain network left alone: its map, its fixed points and where it goes."""

import math
from itertools import pairwise
from typing import ClassVar, NamedTuple

import numpy as np

from gru_course.goals import digits
from gru_course.palette import BY_SYMBOL
from gru_course.reference import rnn
from gru_course.widgets._base import CourseWidget
from gru_course.widgets._settings import Number

STEPS = 30
HALVINGS = 60  # of an interval of length 2: past the last digit of a float
TOUCH = 1e-12  # the map meets the diagonal where it comes this close
EDGE = 1e-9  # a slope this close to 1 or -1 decides nothing
SENTENCES = {
    "remembers": "Two stable states, {0} and {2}, and one unstable between them, {1}: the unit "
    "remembers which side it is on.",
    "touches": "One stable state, {0}, and one at the edge, {1}, where the map only touches the "
    "diagonal: a memory ends here.",
    "alternates": "One unstable state, {0}, and a stable cycle of two: the unit ends up "
    "alternating between {1} and {2}.",
    "edge": "One state, {0}, at the edge of stability: the unit forgets its start, more slowly "
    "with every step.",
    "forgets": "One stable state, {0}: wherever the unit starts, it ends there and forgets.",
}


class FixedPoint(NamedTuple):
    """A state that the unit maps to itself, and the slope of the map there."""

    h: float
    slope: float

    @property
    def kind(self) -> str:
        """ "stable" where deviations shrink, "unstable" where they grow, "edge" between."""
        excess = abs(self.slope) - 1
        return "unstable" if excess > EDGE else "stable" if excess < -EDGE else "edge"


def _bisect(g, low, high):
    """The root of g between two places where its signs differ."""
    rising = g(high) > 0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        value = g(middle)
        if value == 0:
            return middle
        if (value > 0) == rising:
            high = middle
        else:
            low = middle
    return (low + high) / 2


class Cobweb(CourseWidget):
    """One unit of the plain network without an input, with sliders.

        h <- tanh(w h + b)

    The map is drawn with the diagonal and the staircase of 30 steps between them, beside the
    states step by step. An input that stays the same is part of the bias.

    {arguments}

    Notes
    -----
    The chapters "The plain recurrent network" and "Vanishing gradients" use the map.

    >>> unit = Cobweb(w=2.0, b=0.0, h0=0.1)
    >>> for point in unit.fixed_points():
    ...     print(f"{point.h:.3f}, slope {point.slope:.3f}, {point.kind}")
    -0.958, slope 0.166, stable
    0.000, slope 2.000, unstable
    0.958, slope 0.166, stable
    >>> round(unit.states()[-1], 3)
    0.958
    """

    module = "cobweb"
    constants: ClassVar = {
        "SENTENCES": SENTENCES,
        "PRESETS": {
            "forgets": {"w": 0.5, "b": 0},
            "remembers": {"w": 2, "b": 0},
            "alternates": {"w": -2, "b": 0},
            "at the edge": {"w": 1, "b": 0},
        },
    }

    w = Number(-3, 3, 2.0, label="weight <i>w</i>", help="weight w of the state")
    b = Number(-1.5, 1.5, 0.0, label="bias <i>b</i>", help="bias b")
    h0 = Number(-1, 1, 0.1, color="h", label="start <i>h</i><sub>0</sub>", help="start h 0")

    def states(self) -> list[float]:
        """The states h_0 to h_30, from `gru_course.reference.rnn.forward`.

        Returns
        -------
        list of 31 floats
        """
        params = rnn.Params(np.zeros((1, 1)), np.array([[self.w]]), np.zeros(1), np.array([self.b]))
        hs, _ = rnn.forward(np.zeros((1, STEPS, 1)), np.array([[self.h0]]), params)
        return [self.h0, *hs[0, :, 0].tolist()]

    def fixed_points(self) -> list[FixedPoint]:
        """The states h with tanh(w h + b) = h, and the slope w (1 - h^2) of the map there.

        Where the map's slope is 1, tanh(w h + b) - h turns, so between two such places it has one
        root or none, and bisection finds it. Where the map only touches the diagonal, the turn
        itself is the root.

        Returns
        -------
        list of one to three FixedPoint, in increasing order
        """
        w, b = self.w, self.b

        def g(h):
            return math.tanh(w * h + b) - h

        def touches(h):
            return abs(g(h)) <= TOUCH

        turns = []
        if w > 1:
            bend = math.atanh(math.sqrt(1 - 1 / w))
            turns = [h for h in ((-bend - b) / w, (bend - b) / w) if abs(h) < 1]
        if all(map(touches, turns)):
            turns = []  # at w = 1 the two are one
        found = [h for h in turns if touches(h)]
        ends = [-1.0, *(h for h in turns if not touches(h)), 1.0]
        for low, high in pairwise(ends):
            if (g(low) > 0) != (g(high) > 0):
                found.append(_bisect(g, low, high))
        return [FixedPoint(h, w * (1 - h * h)) for h in sorted(found)]

    def cycle(self) -> list[float]:
        """The two states between which the unit ends up alternating.

        Returns
        -------
        list of two floats, the lower first; empty if the unit comes to rest
        """
        # Twice the map rises above the diagonal right of the unstable point and meets it again
        # once.
        point = self.fixed_points()[0]
        if point.slope > 0 or point.kind != "unstable":
            return []
        high = _bisect(lambda h: self._step(self._step(h)) - h, point.h, 1.0)
        return [self._step(high), high]

    def _step(self, h):
        return math.tanh(self.w * h + self.b)

    def readings(self) -> dict[str, float]:
        """All settings, the number of stable states, and where they part.

        Returns
        -------
        dict of floats; unstable is NaN where no unstable state parts two stable ones
        """
        points = self.fixed_points()
        parting = [p.h for p in points if p.kind == "unstable" and len(points) == 3]
        return {
            **self.settings(),
            "stable": float(sum(p.kind == "stable" for p in points)),
            "unstable": parting[0] if parting else math.nan,
        }

    def sentence(self) -> str:
        """What the unit does, in the words of the page."""
        points, cycle = self.fixed_points(), self.cycle()
        states = [digits(point.h) for point in points]
        edge_first = points[0].kind == "edge"
        if len(points) == 3:
            return SENTENCES["remembers"].format(*states)
        if len(points) == 2:
            return SENTENCES["touches"].format(*(states[::-1] if edge_first else states))
        if cycle:
            return SENTENCES["alternates"].format(*states, *map(digits, cycle))
        return SENTENCES["edge" if edge_first else "forgets"].format(*states)

    def still(self) -> str:
        return (
            '<figure class="gru-still" style="margin:0 auto;max-width:340px">'
            f"{self._picture()}"
            f"<figcaption>The map tanh(w h + b) at w = {digits(self.w)}, b = {digits(self.b)}, "
            f"with the staircase from h<sub>0</sub> = {digits(self.h0)}. {self.sentence()} With "
            "JavaScript on, this picture has sliders.</figcaption></figure>"
        )

    def _picture(self):
        """The map, the diagonal, the staircase and the fixed points, as an svg without ids."""
        size, margin = 320, 10

        def at(x, y):
            half = size / 2 - margin
            return f"{margin + half * (1 + x):.1f} {margin + half * (1 - y):.1f}"

        def line(points, color, rest=""):
            path = "M" + "L".join(at(x, y) for x, y in points)
            return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2"{rest}/>'

        hs = self.states()
        stairs = [(hs[0], hs[0])]
        for h, following in pairwise(hs):
            stairs += [(h, following), (following, following)]
        marks = []
        for point in self.fixed_points():
            x, y = at(point.h, point.h).split()
            fill = {"stable": 1, "edge": 0.5, "unstable": 0}[point.kind]
            marks.append(
                f'<circle cx="{x}" cy="{y}" r="7" fill="{BY_SYMBOL["h"]}" fill-opacity="{fill}" '
                f'stroke="currentColor" stroke-width="2" data-kind="{point.kind}"/>'
            )
        grid = [i / 50 for i in range(-50, 51)]
        return (
            f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="The next state against this '
            'one, the diagonal and the staircase between them; what is seen is written below." '
            'style="width:100%;height:auto">'
            + line([(-1, -1), (1, 1)], BY_SYMBOL["neutral"], ' stroke-dasharray="6 4"')
            + line([(h, self._step(h)) for h in grid], "currentColor")
            + line(stairs, BY_SYMBOL["h"])
            + "".join(marks)
            + "</svg>"
        )
