"""A trained GRU reads a sequence: its gates, candidate and state at every step, unit by unit."""

import html
import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from gru_course._checks import check_array
from gru_course.analysis import gate_statistics
from gru_course.goals import digits
from gru_course.palette import BY_SYMBOL
from gru_course.widgets._base import CourseWidget
from gru_course.widgets._settings import Choice, Whole

# The page carries every number as text: at most 4 arrays of so many steps and units.
LONGEST, WIDEST = 240, 32
LETTERS = 12  # of a token, such as a word
LINES = 3  # under the tokens, a series itself among them
NAMES = {" ": "a space", "\n": "a line break", "\t": "a tab"}


class _Index(Whole):
    """A whole number from 0 to one less than the widget's attribute named `size`."""

    def __init__(self, size, **options):
        super().__init__(0, math.inf, 0, **options)
        self.size = size
        self.expected = f"a whole number from 0 to {size} - 1"

    def validate(self, obj, value):
        own = Whole(0, getattr(obj, self.size) - 1, 0, help="")
        own.name = self.name
        return own.validate(obj, value)


def _check_tokens(tokens):
    """Return the tokens as a list of str or of float."""
    tokens = list(tokens)
    if not 2 <= len(tokens) <= LONGEST:
        raise ValueError(
            f"tokens: expected 2 to {LONGEST} of them, of which the page carries every number, "
            f"got {len(tokens)}"
        )
    if all(isinstance(token, str) for token in tokens):
        for t, token in enumerate(tokens):
            if not 1 <= len(token) <= LETTERS:
                raise ValueError(
                    f"tokens: expected strings of 1 to {LETTERS} characters, "
                    f"got {token!r} at index {t}"
                )
        return [str(token) for token in tokens]
    for t, token in enumerate(tokens):
        if not isinstance(token, numbers.Real) or not math.isfinite(token):
            raise ValueError(
                f"tokens: expected short strings, or finite numbers, got {token!r} at index {t}"
            )
    return [_short(token) for token in tokens]


def _check_gates(gates, T):
    """Return r, z, n and h, each (T, H) in float64."""
    if not isinstance(gates, Mapping) or not {"r", "z", "n"} <= set(gates) <= set("rznh"):
        got = ", ".join(map(str, gates)) if isinstance(gates, Mapping) else type(gates).__name__
        raise ValueError(f"gates: expected a dict with r, z and n of a GRU, and maybe h, got {got}")
    sizes, arrays = {"T": T}, {}
    for name in "rznh":
        if name not in gates:
            continue
        array = gates[name]
        if isinstance(array, np.ndarray) and array.ndim == 3:
            if len(array) != 1:
                raise ValueError(
                    f"gates[{name!r}]: expected one sequence, got shape {array.shape}; choose one, "
                    "such as {name: gate[0] for name, gate in gates.items()}"
                )
            array = array[0]
        check_array(f"gates[{name!r}]", array, ("T", "H"), sizes)
        low = 0 if name in "rz" else -1
        # float32 may leave a state that is a mean of numbers within 1 a little outside.
        outside = (array < low - 1e-6) | (array > 1 + 1e-6)
        if outside.any():
            raise ValueError(
                f"gates[{name!r}]: expected values from {low} to 1, got {array[outside][0]}"
            )
        arrays[name] = np.clip(array.astype(np.float64), low, 1)
    if sizes["H"] > WIDEST:
        raise ValueError(f"gates: expected at most {WIDEST} units, got {sizes['H']}")
    if "h" not in arrays:
        arrays["h"] = _states(arrays["z"], arrays["n"])
    return arrays


def _states(z, n):
    """The states h_t = (1 - z_t) n_t + z_t h_{t-1} from h_0 = 0, (T, H)."""
    h, states = np.zeros(z.shape[1]), []
    for z_t, n_t in zip(z, n, strict=True):
        h = (1 - z_t) * n_t + z_t * h
        states.append(h)
    return np.stack(states)


def _check_lines(lines, T, most):
    """Return the lines as a dict of lists of float."""
    if not isinstance(lines, Mapping) or len(lines) > most:
        got = f"{len(lines)} of them" if isinstance(lines, Mapping) else type(lines).__name__
        raise ValueError(
            f"lines: expected a dict of at most {most} lines, name -> array, got {got}"
        )
    checked = {}
    for name, line in lines.items():
        line = np.asarray(line)
        if line.shape != (T,) or line.dtype.kind not in "iuf" or not np.isfinite(line).all():
            raise ValueError(
                f"lines[{name!r}]: expected T = {T} finite numbers, "
                f"got shape {line.shape} and dtype {line.dtype}"
            )
        checked[str(name)] = [_short(value) for value in line.tolist()]
    return checked


def _short(value):
    """A number to five digits, as the page carries it."""
    return float(f"{value:.5g}")


class SequencePlayer(CourseWidget):
    """A GRU reads a sequence: scrub time, choose a unit, see where it writes and where it keeps.

        h_t = (1 - z_t) n_t + z_t h_{t-1}

    Four heat maps show r, z, n and h of all units over all steps. Of one unit the state is drawn
    as a line, and the tokens are tinted where it writes, by 1 - z. Python reads and sets `step`,
    `unit` and `sort` while the widget is shown, and the page follows; the sequence itself is
    fixed.

    Parameters
    ----------
    tokens : what the network reads, T strings of at most 12 characters or T numbers, 2 to 240; a
        str is a sequence of its characters
    gates : dict of r, z and n of one sequence, as `gru_course.analysis.gates` returns them for a
        batch of one, (1, T, H), or without that axis, (T, H); H up to 32. It may also hold h;
        without it the states follow from z and n, from a state of zeros before the first step.
    lines : dict, name -> T numbers, drawn on one axis under the tokens (with numbers as tokens, in
        their picture), such as a target and the network's output. Three lines fit there; one
        of whole numbers only is drawn in steps and read without decimals.
    {settings}

    Raises
    ------
    ValueError : if a shape, a dtype or a value does not fit, or there is more than the page carries

    Notes
    -----
    The page carries r, z, n and h to three decimals. Mean and half-life of z are those of
    `gru_course.analysis.gate_statistics` before that rounding, to four digits.

    >>> gates = {name: np.full((3, 2), 0.5) for name in "rzn"}
    >>> player = SequencePlayer("abc", gates, step=2, unit=1)
    >>> player
    SequencePlayer(T=3, H=2, sort='index', step=2, unit=1)
    >>> player.readings()["h"], player.readings()["half_life"]
    (0.438, 1.0)
    """

    module = "sequence_player"
    constants: ClassVar = {"TOKEN_NAMES": NAMES}

    record = traitlets.Dict(read_only=True).tag(sync=True, page=True)
    step = _Index("T", help="index of the step shown")
    unit = _Index("H", color="h", label="unit", help="unit")
    sort = Choice(
        {"index": "number", "half_life": "half-life, longest on top"},
        "index",
        label="Sort the units by",
        help="order of the rows",
    )

    def __init__(
        self,
        tokens: Iterable[str | float],
        gates: Mapping[str, np.ndarray],
        *,
        lines: Mapping[str, ArrayLike] | None = None,
        **settings: Any,
    ):
        tokens = _check_tokens(tokens)
        arrays = _check_gates(gates, len(tokens))
        series = not isinstance(tokens[0], str)
        lines = _check_lines({} if lines is None else lines, len(tokens), LINES - series)
        statistics = gate_statistics(arrays["z"][None])
        self.T, self.H = arrays["z"].shape
        self._values = {name: np.rint(1000 * array).astype(int) for name, array in arrays.items()}
        record = {
            "tokens": None if series else tokens,
            "lines": {"input": tokens, **lines} if series else lines,
            "mean_z": [float(f"{mean:.4g}") for mean in statistics.mean],
            # JSON knows no infinity.
            "half_life": [
                float(f"{steps:.4g}") if math.isfinite(steps) else None
                for steps in statistics.half_life
            ],
        }
        for name, values in self._values.items():  # thousandths, step by step
            record[name] = " ".join(map(str, values.ravel()))
        self.set_trait("record", record)
        super().__init__(**settings)

    def _half_lives(self):
        return [math.inf if steps is None else steps for steps in self.record["half_life"]]

    def readings(self) -> dict[str, float]:
        """The numbers at the cursor: step, unit, its r, z, n and h, its half_life and mean_z.

        Returns
        -------
        dict of floats
        """
        values = {name: self._values[name][self.step, self.unit] / 1000 for name in "rznh"}
        return {
            "step": float(self.step),
            "unit": float(self.unit),
            **{name: float(value) for name, value in values.items()},
            "half_life": self._half_lives()[self.unit],
            "mean_z": self.record["mean_z"][self.unit],
        }

    def order(self) -> list[int]:
        """The units as the rows show them, from top to bottom.

        Returns
        -------
        list of H whole numbers
        """
        keys = range(self.H) if self.sort == "index" else [-steps for steps in self._half_lives()]
        return sorted(range(self.H), key=keys.__getitem__)

    def still(self) -> str:
        values = {name: digits(value) for name, value in self.readings().items()}
        if self.record["tokens"] is None:
            series = self.record["lines"]["input"]
            whole = all(value.is_integer() for value in series)
            value = series[self.step]
            reads = f"{int(value)}".replace("-", "−") if whole else digits(value)
        else:
            token = self.record["tokens"][self.step]
            reads = NAMES.get(token, f"“{token}”")
        return (
            '<figure class="gru-still" style="margin:0 auto;max-width:640px">'
            f"{self._picture()}"
            f"<figcaption>Unit {self.unit} of {self.H} while the network reads {self.T} steps: its "
            f"state h (blue) and its update gate z (green). At step {self.step} it reads "
            f"{html.escape(reads)}: r = {values['r']}, z = {values['z']}, n = {values['n']}, "
            f"h = {values['h']}. With JavaScript on, this picture has all units and can be "
            "played.</figcaption></figure>"
        )

    def _picture(self):
        """h and z of the unit, and the step, as an svg without ids."""
        width, height = 640, 140

        def line(name):
            xs = (np.arange(self.T) + 0.5) * width / self.T
            ys = height / 2 - (height / 2 - 4) * self._values[name][:, self.unit] / 1000
            path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
            return f'<path d="{path}" fill="none" stroke="{BY_SYMBOL[name]}" stroke-width="2"/>'

        at = (self.step + 0.5) * width / self.T
        return (
            f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="State and update gate of '
            'one unit over all steps, from -1 to 1; the numbers are written below." '
            'style="width:100%;height:auto">'
            f'<path d="M0 {height / 2:g}H{width}" stroke="{BY_SYMBOL["neutral"]}" '
            'stroke-opacity="0.5"/>'
            f"{line('z')}{line('h')}"
            f'<path d="M{at:.1f} 0V{height}" stroke="currentColor" stroke-width="2"/></svg>'
        )

    def __repr__(self):
        """Without the thousands of numbers."""
        state = {name: value for name, value in self.state().items() if name != "record"}
        shown = ", ".join(f"{name}={value!r}" for name, value in state.items())
        return f"SequencePlayer(T={self.T}, H={self.H}, {shown})"
