"""Cells with one gate fewer: what is left of a GRU without a gate, or with its two gates tied.

Parameters are named, initialised and stacked as in `cells.py`.

Shapes: N batch, I input size, H hidden size.
"""

import torch
from torch import Tensor
from torch.nn.functional import linear

from gru_course.nn.cells import Cell


class UpdateOnlyCell(Cell):
    """A GRU without its reset gate. Stacked z | n.

        z = sigmoid(W_iz x + b_iz + W_hz h_prev + b_hz)
        n = tanh(W_in x + b_in + W_hn h_prev + b_hn)
        h = (1 - z) * n + z * h_prev

    It is a GRU with r = 1 at every step.

    Parameters
    ----------
    input_size, hidden_size : int, at least 1

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1

    Notes
    -----
    Ravanelli et al. (2018), arXiv:1803.10225, drop the reset gate too, and take a rectified
    linear candidate with batch normalisation. The chapter "What gates learn" compares.

    >>> UpdateOnlyCell(2, 3)(torch.ones(4, 2)).shape
    torch.Size([4, 3])
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size, blocks=2)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """One time step: x (N, I) and the previous h (N, H), zeros if None, to h (N, H).

        Raises ValueError if a shape, dtype or device does not fit.
        """
        x = self._input(x)
        h_prev = self._state("state", state, x)

        a = linear(x, self.weight_ih, self.bias_ih) + linear(h_prev, self.weight_hh, self.bias_hh)
        a_z, a_n = a.chunk(2, dim=1)
        z = torch.sigmoid(a_z)
        n = torch.tanh(a_n)
        h = (1 - z) * n + z * h_prev
        return h


class ResetOnlyCell(Cell):
    """A GRU without its update gate. Stacked r | n.

        r = sigmoid(W_ir x + b_ir + W_hr h_prev + b_hr)
        h = tanh(W_in x + b_in + r * (W_hn h_prev + b_hn))

    It is a GRU with z = 0 at every step: the state is the candidate, nothing is copied.

    Parameters
    ----------
    input_size, hidden_size : int, at least 1

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1

    Notes
    -----
    The chapter "What gates learn" compares it with the others.

    >>> ResetOnlyCell(2, 3)(torch.ones(4, 2)).shape
    torch.Size([4, 3])
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size, blocks=2)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """One time step: x (N, I) and the previous h (N, H), zeros if None, to h (N, H).

        Raises ValueError if a shape, dtype or device does not fit.
        """
        x = self._input(x)
        h_prev = self._state("state", state, x)

        a_ir, a_in = linear(x, self.weight_ih, self.bias_ih).chunk(2, dim=1)
        a_hr, a_hn = linear(h_prev, self.weight_hh, self.bias_hh).chunk(2, dim=1)
        r = torch.sigmoid(a_ir + a_hr)
        h = torch.tanh(a_in + r * a_hn)
        return h


class MinimalGatedUnit(Cell):
    """The minimal gated unit: one gate that resets and updates. Stacked f | n.

        f = sigmoid(W_if x + b_if + W_hf h_prev + b_hf)
        n = tanh(W_in x + b_in + W_hn (f * h_prev) + b_hn)
        h = (1 - f) * h_prev + f * n

    The letter is the paper's, which calls f the forget gate: f = 1 takes the new state. It is the
    opposite of z, whose 1 keeps the old one. With r = f and z = 1 - f this is a GRU with
    reset_after=False; since 1 - sigmoid(a) = sigmoid(-a), that GRU has the rows of f for r and
    their negatives for z.

    Parameters
    ----------
    input_size, hidden_size : int, at least 1

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1

    Notes
    -----
    Zhou et al. (2016), arXiv:1603.09420. The paper writes h-tilde for n and has one bias a block;
    here there are two, as in the other cells, and only their sum matters.

    >>> MinimalGatedUnit(2, 3)(torch.ones(4, 2)).shape
    torch.Size([4, 3])
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size, blocks=2)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """One time step: x (N, I) and the previous h (N, H), zeros if None, to h (N, H).

        Raises ValueError if a shape, dtype or device does not fit.
        """
        x = self._input(x)
        h_prev = self._state("state", state, x)

        a_if, a_in = linear(x, self.weight_ih, self.bias_ih).chunk(2, dim=1)
        W_hf, W_hn = self.weight_hh.chunk(2)
        b_hf, b_hn = self.bias_hh.chunk(2)
        f = torch.sigmoid(a_if + linear(h_prev, W_hf, b_hf))
        n = torch.tanh(a_in + linear(f * h_prev, W_hn, b_hn))
        h = (1 - f) * h_prev + f * n
        return h
