"""Recurrent cells and the loop over time in torch, written to be read."""

from gru_course.nn.cells import GRUCell, LSTMCell, RNNCell
from gru_course.nn.recurrent import Readout, Recurrent, parameter_count

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "Readout", "Recurrent", "parameter_count"]
