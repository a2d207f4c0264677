"""Times of `python -m gru_course.bench gpu`, drawn from the file that it wrote."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gru_course import palette
from gru_course.plots._style import label_line

# Marker and colour of a contender: the state's colour is the course's own GRU's, blue.
LOOKS = {
    "nn.GRU (Triton)": ("o", palette.STATE),
    "torch.nn.GRU": ("s", palette.CELL),
    "GRUCell in a CUDA graph": ("^", palette.UPDATE),
    "GRUCell compiled": ("v", palette.CANDIDATE),
    "GRUCell in a loop": ("D", palette.NEUTRAL),
}
GAP = 0.07  # of the axis' height, between two names


def step_times(ax: Axes, results: dict[str, Any], passes: str = "forward") -> dict[str, np.ndarray]:
    """Draw the time a step that each GRU took, at each size and precision: median and quartiles.

    Parameters
    ----------
    ax : matplotlib Axes
    results : the dictionary in a JSON file written by `python -m gru_course.bench gpu --json FILE`
    passes : "forward" or "forward + backward"

    Returns
    -------
    dict of arrays, {contender: (K,)}: the medians in microseconds a step, in the order of the sizes
        in the file; NaN where a contender was left out

    Raises
    ------
    ValueError : if the results hold no race with such passes
    """
    races = [race for race in results["races"] if race["pass"] == passes]
    if not races:
        known = sorted({race["pass"] for race in results["races"]})
        raise ValueError(f"passes: expected one of {known}, got {passes!r}")
    x = np.arange(len(races))
    drawn = {}
    for name, (marker, color) in LOOKS.items():
        seconds = [race["times"].get(name, [np.nan]) for race in races]
        micro = [
            1e6 * np.percentile(s, [25, 50, 75]) / race["size"][1]
            for s, race in zip(seconds, races, strict=True)
        ]
        low, middle, high = np.transpose(micro)
        if np.isnan(middle).all():
            continue
        ax.errorbar(x, middle, [middle - low, high - middle], fmt=marker, color=color, ms=5)
        drawn[name] = middle
    ax.set_yscale("log")
    ax.set(ylabel="µs a step", xlim=(-0.5, 1.45 * len(races) - 0.5))  # with room for the names
    ax.set_xticks(x, [_what(race) for race in races])
    _name_each(ax, len(races) - 0.7, drawn)
    return drawn


def _what(race):
    """A line each for precision, batch, steps and units, and one for inputs of another size."""
    B, T, D, H = race["size"]
    inputs = "" if D == H else f"\nD {D}"
    return f"{race['precision']}\nB {B}\nT {T}\nH {H}{inputs}"


def _name_each(ax, x, drawn):
    """Write the names at their last points' height, or as far above as the name below needs."""
    last = {name: middle[~np.isnan(middle)][-1] for name, middle in drawn.items()}
    bottom, top = np.log(ax.get_ylim())
    free = -np.inf
    for name in sorted(last, key=last.__getitem__):
        height = max((np.log(last[name]) - bottom) / (top - bottom), free)
        free = height + GAP
        y = np.exp(bottom + height * (top - bottom))
        label_line(ax, x, y, name, LOOKS[name][1])
