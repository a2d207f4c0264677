"""The picture of one GRU step, as SVG.

The data flows along one axis, from the inputs to the new state; across it lie three lanes: the old
state, the gates, the candidate. The wide form flows to the right; the narrow one, for a phone, is
its mirror image about the diagonal and flows down. ``static/gate_explorer.mjs`` shows both and
moves what carries a ``data-`` attribute; a page without scripts keeps the narrow one as it is.
"""

from typing import NamedTuple

from gru_course.goals import digits
from gru_course.palette import BY_SYMBOL


class Form(NamedTuple):
    """Where the stations lie along the flow and the lanes across it, in pixels."""

    name: str
    size: tuple[int, int]
    along: dict[str, int]
    lanes: dict[str, int]
    radius: int

    def at(self, station: str, lane: str) -> tuple[int, int]:
        along, across = self.along[station], self.lanes[lane]
        return (along, across) if self.name == "wide" else (across, along)


WIDE = Form(
    "wide",
    (720, 312),
    {"in": 38, "r": 150, "mix": 262, "a": 354, "z": 458, "sum": 584, "out": 682},
    {"state": 50, "gate": 156, "candidate": 262},
    32,
)
NARROW = Form(
    "narrow",
    (340, 452),
    {"in": 34, "r": 102, "mix": 168, "a": 212, "z": 278, "sum": 350, "out": 418},
    {"state": 50, "gate": 170, "candidate": 290},
    30,
)

OPERATOR_RADIUS = 12
# Largest size of each quantity that is drawn in a circle, and whether it has a sign.
SPANS = {"x": 2.0, "h_prev": 1.0, "r": 1.0, "z": 1.0, "n": 1.0, "h": 1.0}
SIGNED = ("x", "h_prev", "n", "h")

H_PREV = "h<tspan {sub}>t−1</tspan>"
NAMES = {
    "x": "x<tspan {sub}>t</tspan>",
    "h_prev": H_PREV,
    "a_r": "a<tspan {sub}>r</tspan>",
    "a_z": "a<tspan {sub}>z</tspan>",
    "r": "r",
    "z": "z",
    "n": "n",
    "h": "h<tspan {sub}>t</tspan>",
    "reset": "r " + H_PREV,
    "rest": "1 − z",
    "keep": "z " + H_PREV,
    "take": "(1 − z) n",
}
SUBSCRIPT = 'font-size="75%" dy="3"'


def wire_width(key: str, value: float) -> float:
    """Pixels: four for each unit; pre-activations, which reach 8, at a quarter of that."""
    return 1 + abs(value) * (1 if key in ("a_r", "a_z") else 4)


def filled(cx: float, cy: float, radius: float, share: float, signed: bool) -> str:
    """Path of the part of a circle that a value fills.

    A gate fills from the bottom, share 0 to 1. A signed value fills from the middle line, up to
    the top for share 1 and down to the bottom for share -1.
    """
    # Of the level, in radii above the centre. A full circle's arc would begin where it ends, and be
    # drawn as none.
    height = share if signed else min(0.9998, 2 * share - 1)
    half = radius * max(0.0, 1 - height * height) ** 0.5
    y = cy - radius * height
    if signed:
        sweep = 1 if share > 0 else 0
        return (
            f"M{cx - radius} {cy}A{radius} {radius} 0 0 {sweep} {cx - half:.2f} {y:.2f}"
            f"H{cx + half:.2f}A{radius} {radius} 0 0 {sweep} {cx + radius} {cy}Z"
        )
    large = 1 if height > 0 else 0
    return f"M{cx - half:.2f} {y:.2f}A{radius} {radius} 0 {large} 0 {cx + half:.2f} {y:.2f}Z"


def _name(key):
    return (
        '<tspan font-family="STIX Two Text,Cambria,Georgia,serif" font-style="italic">'
        f"{NAMES[key].format(sub=SUBSCRIPT)}</tspan>"
    )


def _circle(form, values, key, station, lane):
    cx, cy = form.at(station, lane)
    fill = filled(cx, cy, form.radius, values[key] / SPANS[key], key in SIGNED)
    color = BY_SYMBOL["neutral" if key == "x" else key[0]]
    return (
        f'<path data-level="{key}" d="{fill}" fill="{color}" fill-opacity="0.3"/>'
        f'<circle cx="{cx}" cy="{cy}" r="{form.radius}" fill="none" stroke="{color}" '
        f'stroke-width="2.5"/>'
        f'<text x="{cx}" y="{cy - 6}" text-anchor="middle" font-size="17">{_name(key)}</text>'
        f'<text x="{cx}" y="{cy + 13}" text-anchor="middle" font-size="13" '
        f'data-number="{key}">{digits(values[key])}</text>'
    )


def _operator(form, sign, station, lane):
    cx, cy = form.at(station, lane)
    arm = 5 if sign == "+" else 4
    lines = (
        f"M{cx - arm} {cy}H{cx + arm}M{cx} {cy - arm}V{cy + arm}"
        if sign == "+"
        else f"M{cx - arm} {cy - arm}L{cx + arm} {cy + arm}M{cx - arm} {cy + arm}L{cx + arm} "
        f"{cy - arm}"
    )
    return (
        f'<circle cx="{cx}" cy="{cy}" r="{OPERATOR_RADIUS}" fill="none" stroke="currentColor" '
        f'stroke-width="1.5"/><path d="{lines}" stroke="currentColor" stroke-width="2" '
        f'stroke-linecap="round"/>'
    )


def _wire(values, key, color, points, start, end):
    """A wire through `points`, cut by `start` and `end` pixels to leave room for what it joins.

    A corner is rounded. The arrow's tip touches the end; the wire stops at its foot.
    """
    (x0, y0), *corners, (x1, y1) = points
    dx, dy = _direction((x0, y0), (corners or [(x1, y1)])[0])
    path = f"M{x0 + dx * start} {y0 + dy * start}"
    for cx, cy in corners:
        bend = 26
        path += f"L{cx - dx * bend} {cy - dy * bend}Q{cx} {cy} "
        dx, dy = _direction((cx, cy), (x1, y1))
        path += f"{cx + dx * bend} {cy + dy * bend}"
    tip = x1 - dx * end, y1 - dy * end
    foot = tip[0] - dx * 9, tip[1] - dy * 9
    path += f"L{foot[0]} {foot[1]}"
    arrow = (
        f"M{tip[0]} {tip[1]}L{foot[0] - dy * 7} {foot[1] + dx * 7}"
        f"L{foot[0] + dy * 7} {foot[1] - dx * 7}Z"
    )
    return (
        f'<g{_hand(key, values)}><path data-wire="{key}" d="{path}" fill="none" stroke="{color}" '
        f'stroke-width="{wire_width(key, values[key]):.2f}"/>'
        f'<path d="{arrow}" fill="{color}"/></g>'
    )


def _direction(start, end):
    """Unit step between two points on one horizontal or vertical line."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    return (dx > 0) - (dx < 0), (dy > 0) - (dy < 0)


def _label(values, key, x, y, anchor, stacked):
    number = f'data-number="{key}">{digits(values[key])}</tspan>'
    if stacked:
        number = f'<tspan x="{x}" y="{y + 16}" {number}'
    else:
        rise = -3 if "tspan" in NAMES[key] else 0  # back up from a subscript
        number = f'<tspan dx="8" dy="{rise}" {number}'
    # With a weight or a bias of its own the wire no longer carries r times the bare state.
    hidden = "" if values["recurrent"] == values["h_prev"] else ' visibility="hidden"'
    plain = f' data-plain=""{hidden}' if key == "reset" else ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="13"{_hand(key, values)}>'
        f'<tspan font-size="15"{plain}>{_name(key)}</tspan>{number}</text>'
    )


def _hand(key, values):
    """Mark what a gate that is driven directly does not have."""
    if key not in ("a_r", "a_z"):
        return ""
    return ' data-hand="" visibility="hidden"' if values["drive"] else ' data-hand=""'


def picture(form: Form, values: dict[str, float], words: str) -> str:
    """Draw one step.

    Parameters
    ----------
    form : WIDE or NARROW
    values : dict of every number in the picture, by wire or circle, and of the bool drive
    words : the alternative text

    Returns
    -------
    str, an svg element without ids, so that a page can hold any number of them
    """
    state, reset, update, candidate, neutral = (
        BY_SYMBOL[s] for s in ("h", "r", "z", "n", "neutral")
    )
    at, radius, small = form.at, form.radius, OPERATOR_RADIUS
    wide = form is WIDE
    # A pre-activation's own text takes room at the start of its wire.
    after_text = 28 if wide else 14
    wires = [
        ("h_prev", state, [at("in", "state"), at("z", "state")], radius, small),
        ("recurrent", state, [at("mix", "state"), at("mix", "gate")], 0, small),
        ("a_r", neutral, [at("in", "gate"), at("r", "gate")], after_text, radius),
        ("r", reset, [at("r", "gate"), at("mix", "gate")], radius, small),
        ("x", neutral, [at("in", "candidate"), at("mix", "candidate")], radius, radius),
        ("reset", state, [at("mix", "gate"), at("mix", "candidate")], small, radius),
        ("n", candidate, [at("mix", "candidate"), at("z", "candidate")], radius, small),
        ("a_z", neutral, [at("a", "gate"), at("z", "gate")], after_text, radius),
        ("z", update, [at("z", "gate"), at("z", "state")], radius, small),
        ("rest", update, [at("z", "gate"), at("z", "candidate")], radius, small),
        ("keep", state, [at("z", "state"), at("sum", "state"), at("sum", "gate")], small, small),
        (
            "take",
            candidate,
            [at("z", "candidate"), at("sum", "candidate"), at("sum", "gate")],
            small,
            small,
        ),
        ("h", state, [at("sum", "gate"), at("out", "gate")], small, radius),
    ]
    circles = [
        ("h_prev", "in", "state"),
        ("x", "in", "candidate"),
        ("r", "r", "gate"),
        ("n", "mix", "candidate"),
        ("z", "z", "gate"),
        ("h", "out", "gate"),
    ]
    operators = [
        ("×", "mix", "gate"),
        ("×", "z", "state"),
        ("×", "z", "candidate"),
        ("+", "sum", "gate"),
    ]
    if wide:
        labels = [
            ("reset", 274, 214, "start"),
            ("rest", 470, 214, "start"),
            ("keep", 532, 38, "middle"),
            ("take", 532, 286, "middle"),
            ("a_r", 38, 151, "middle"),
            ("a_z", 354, 151, "middle"),
        ]
        cell = 'x="94" y="6" width="532" height="300"'
    else:
        labels = [
            ("reset", 221, 140, "middle"),
            ("rest", 232, 258, "middle"),
            ("keep", 62, 312, "start"),
            ("take", 278, 312, "end"),
            ("a_r", 170, 16, "middle"),
            ("a_z", 170, 203, "middle"),
        ]
        cell = 'x="3" y="66" width="334" height="310"'
    width, height = form.size
    return (
        f'<svg class="gru-picture gru-{form.name}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{words}" fill="currentColor" font-family="inherit" '
        f'style="width:100%;max-width:{width + 60}px;height:auto">'
        + f'<rect {cell} rx="20" fill-opacity="0.045"/>'
        + "".join(_wire(values, *wire) for wire in wires)
        + "".join(_circle(form, values, *circle) for circle in circles)
        + "".join(_operator(form, *operator) for operator in operators)
        + "".join(
            _label(values, *label, stacked=not wide or label[0] in ("a_r", "a_z"))
            for label in labels
        )
        + "</svg>"
    )
