"""Recurrent cells and the loop over time in torch, written to be read."""

from gru_course.nn.cells import GRUCell, LSTMCell, RNNCell
from gru_course.nn.gru import GRU
from gru_course.nn.mingru import MinGRU
from gru_course.nn.recurrent import Readout, Recurrent, parameter_count
from gru_course.nn.variants import MinimalGatedUnit, ResetOnlyCell, UpdateOnlyCell

__all__ = [
    "GRU",
    "GRUCell",
    "LSTMCell",
    "MinGRU",
    "MinimalGatedUnit",
    "RNNCell",
    "Readout",
    "Recurrent",
    "ResetOnlyCell",
    "UpdateOnlyCell",
    "parameter_count",
]
