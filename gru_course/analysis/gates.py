"""What the gates of a network do over time, and three numbers for each unit that sum it up."""

from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gru_course._checks import check_array, check_lengths
from gru_course.analysis._states import run
from gru_course.analysis.memory import half_life
from gru_course.reference import gru, lstm
from gru_course.reference.recurrent import Params, State

NAMES = {gru: ("r", "z", "n"), lstm: ("i", "f", "g", "o")}


class GateStatistics(NamedTuple):
    """What `gate_statistics` finds for each of the H units, float64."""

    mean: np.ndarray  # (H,) the average value
    low: np.ndarray  # (H,) share of steps with the gate below 0.1
    high: np.ndarray  # (H,) share of steps with the gate above 0.9
    half_life: np.ndarray  # (H,) steps


def gates(
    cell: ModuleType,
    params: Params,
    xs: np.ndarray,
    *,
    state0: State | None = None,
    **options: bool | str,
) -> dict[str, np.ndarray]:
    """The gates and the candidate of every step of a run.

    Parameters
    ----------
    cell : `gru_course.reference.gru` or `lstm`
    params : the cell's Params
    xs : (N, T, I) inputs
    state0 : the state before the first step, (N, H) or lstm.State; None for zeros
    options : passed to `cell.step`

    Returns
    -------
    dict, name -> (N, T, H) array: r, z and the candidate n for a GRU; i, f, the candidate g and o
    for an LSTM. Gates are from 0 to 1, candidates from -1 to 1.

    Raises
    ------
    ValueError : if the cell has no gates, a shape or dtype does not fit, or a number is not finite

    >>> params = gru.init(np.random.default_rng(0), input_size=2, hidden_size=3)
    >>> {name: gate.shape for name, gate in gates(gru, params, np.ones((4, 5, 2))).items()}
    {'r': (4, 5, 3), 'z': (4, 5, 3), 'n': (4, 5, 3)}
    """
    if cell not in NAMES:
        name = getattr(cell, "__name__", type(cell).__name__).rpartition(".")[2]
        raise ValueError(f"cell: expected gru or lstm, which have gates, got {name}")
    caches = run(cell, params, xs, state0, options)
    return {
        name: np.stack([getattr(cache, name) for cache in caches], axis=1) for name in NAMES[cell]
    }


def gate_statistics(gate: np.ndarray, lengths: ArrayLike | None = None) -> GateStatistics:
    """Mean, saturation and half-life of a gate, unit by unit, over all steps of all sequences.

        low       = share of steps with gate < 0.1
        high      = share of steps with gate > 0.9
        half_life = ln 2 / -mean(ln gate)

    The half-life is the number of steps after which a state that the gate multiplies at each step
    has halved: it has a meaning for the update gate z of a GRU and the forget gate f of an LSTM.
    It takes the mean of the logarithm because the steps multiply: one step at 0 erases what a
    thousand at 1 kept.

    Parameters
    ----------
    gate : (N, T, H) array with values from 0 to 1, as in `gates`
    lengths : (N,) whole numbers from 1 to T, or None for all T; padding does not count

    Returns
    -------
    GateStatistics of (H,) float64 arrays; half_life is in steps, 0 if the gate is ever 0 and
    infinite if it is always 1

    Raises
    ------
    ValueError : if gate is not such an array, a value that counts is not from 0 to 1, or a length
        does not fit

    Notes
    -----
    Karpathy, Johnson and Fei-Fei (2015), arXiv:1506.02078, call a gate left-saturated below 0.1
    and right-saturated above 0.9.

    >>> gate = np.array([0.25, 1.0, 0.95, 0.05]).reshape(1, 4, 1)
    >>> statistics = gate_statistics(gate, lengths=[2])
    >>> [float(value[0]) for value in statistics]
    [0.625, 0.0, 0.5, 1.0]
    """
    sizes = {}
    check_array("gate", gate, ("N", "T", "H"), sizes)
    counted = np.ones(gate.shape[:2], bool)
    if lengths is not None:
        counted = np.arange(sizes["T"]) < check_lengths(lengths, sizes)[:, None]
    values = gate[counted].astype(np.float64)  # (steps that count, H)
    outside = values[(values < 0) | (values > 1)]
    if outside.size:
        raise ValueError(f"gate: expected values from 0 to 1, got {outside[0]}")
    with np.errstate(divide="ignore"):  # a gate of 0 has the logarithm -inf, and half-life 0
        geometric_mean = np.exp(np.log(values).mean(axis=0))
    return GateStatistics(
        mean=values.mean(axis=0),
        low=(values < 0.1).mean(axis=0),
        high=(values > 0.9).mean(axis=0),
        half_life=half_life(geometric_mean),
    )
