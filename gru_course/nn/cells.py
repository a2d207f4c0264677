"""The three cells in torch: each `forward` is the formula, autograd does the rest.

Parameters carry the names, the stacking and the initialisation of `torch.nn.RNNCell`, `LSTMCell`
and `GRUCell`, so `load_state_dict` works in both directions, and the same seed draws the same
weights. Their order is that of the NumPy reference's `Params`. `variants.py` holds relatives
with fewer gates.

Shapes: N batch, I input size, H hidden size. W_ih x + b_ih is one product for all gates, cut
into one piece a gate; so is W_hh h_prev + b_hh.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gru_course._checks import TensorError, check_choice, check_sizes
from gru_course.nn._checks import check_tensor

Pair = tuple[Tensor, Tensor]  # the h and c of an LSTM


class Cell(nn.Module):
    """What the cells share: four parameters with `blocks` blocks of H rows, and the checks.

    Parameters
    ----------
    input_size, hidden_size : int, at least 1
    blocks : how many gates and candidates are stacked

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1
    """

    def __init__(self, input_size: int, hidden_size: int, blocks: int):
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.empty(blocks * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(blocks * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(blocks * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(blocks * hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(H), 1/sqrt(H))."""
        bound = self.hidden_size**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"

    def _input(self, x: Tensor) -> Tensor:
        check_tensor("x", x, ("N", "I"), self.weight_ih, I=self.input_size)
        return x

    def _state(self, name: str, state: Tensor | None, x: Tensor) -> Tensor:
        """The checked (N, H) state; zeros if there is none yet."""
        if state is None:
            return x.new_zeros(len(x), self.hidden_size)
        check_tensor(name, state, ("N", "H"), self.weight_ih, H=self.hidden_size)
        if len(state) != len(x):
            raise TensorError(
                f"{name}: expected N = {len(x)} rows like x, got shape {tuple(state.shape)}"
            )
        return state

    def _pair(self, state: Pair | None, x: Tensor) -> Pair:
        """The checked h and c of an LSTM's state; zeros if there is none yet."""
        if state is not None and (not isinstance(state, tuple) or len(state) != 2):
            raise ValueError(f"state: expected a pair (h, c), got {type(state).__name__}")
        h, c = state or (None, None)
        return self._state("state h", h, x), self._state("state c", c, x)


class RNNCell(Cell):
    """The plain recurrent cell.

        h = tanh(W_ih x + b_ih + W_hh h_prev + b_hh)

    Parameters
    ----------
    input_size, hidden_size : int, at least 1
    nonlinearity : "tanh" or "relu"

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, or the name is unknown

    Notes
    -----
    Elman (1990). The chapter "The plain recurrent network" derives it.

    >>> RNNCell(2, 3)(torch.ones(4, 2)).shape
    torch.Size([4, 3])
    """

    def __init__(self, input_size: int, hidden_size: int, *, nonlinearity: str = "tanh"):
        super().__init__(input_size, hidden_size, blocks=1)
        check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        self.nonlinearity = nonlinearity

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """One time step: x (N, I) and the previous h (N, H), zeros if None, to h (N, H).

        Raises ValueError if a shape, dtype or device does not fit.
        """
        x = self._input(x)
        h_prev = self._state("state", state, x)

        activate = torch.tanh if self.nonlinearity == "tanh" else torch.relu
        return activate(
            linear(x, self.weight_ih, self.bias_ih) + linear(h_prev, self.weight_hh, self.bias_hh)
        )


class LSTMCell(Cell):
    """The long short-term memory cell with a forget gate. Stacked i | f | g | o.

        a_i, a_f, a_g, a_o = W_ih x + b_ih + W_hh h_prev + b_hh
        i = sigmoid(a_i)
        f = sigmoid(a_f)
        g = tanh(a_g)
        o = sigmoid(a_o)
        c = f * c_prev + i * g
        h = o * tanh(c)

    Parameters
    ----------
    input_size, hidden_size : int, at least 1

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1

    Notes
    -----
    Hochreiter and Schmidhuber (1997), Gers et al. (2000). The chapter "The LSTM" derives it.

    >>> h, c = LSTMCell(2, 3)(torch.ones(4, 2))
    >>> h.shape, c.shape
    (torch.Size([4, 3]), torch.Size([4, 3]))
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size, blocks=4)

    def forward(self, x: Tensor, state: Pair | None = None) -> Pair:
        """One time step: x (N, I) and the previous (h, c), zeros if None, to (h, c), (N, H) each.

        Raises ValueError if a shape, dtype or device does not fit.
        """
        x = self._input(x)
        h_prev, c_prev = self._pair(state, x)

        a = linear(x, self.weight_ih, self.bias_ih) + linear(h_prev, self.weight_hh, self.bias_hh)
        a_i, a_f, a_g, a_o = a.chunk(4, dim=1)
        i = torch.sigmoid(a_i)
        f = torch.sigmoid(a_f)
        g = torch.tanh(a_g)
        o = torch.sigmoid(a_o)
        c = f * c_prev + i * g
        h = o * torch.tanh(c)
        return h, c


class GRUCell(Cell):
    """The gated recurrent unit. Stacked r | z | n.

        a_ir, a_iz, a_in = W_ih x + b_ih
        r = sigmoid(a_ir + W_hr h_prev + b_hr)
        z = sigmoid(a_iz + W_hz h_prev + b_hz)
        n = tanh(a_in + r * (W_hn h_prev + b_hn))       reset_after=True
        n = tanh(a_in + W_hn (r * h_prev) + b_hn)       reset_after=False
        h = (1 - z) * n + z * h_prev

    z = 1 keeps the old state. Both forms have the same parameters, and they are two models: weights
    trained in one are wrong in the other, and a state_dict does not say which one it is for.

    Parameters
    ----------
    input_size, hidden_size : int, at least 1
    reset_after : True for the form of PyTorch and cuDNN, False for Cho et al. (2014)

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, or reset_after is not True or False

    Notes
    -----
    Cho et al. (2014), arXiv:1406.1078, equations 5 to 8. The chapter "The gated
    recurrent unit" derives it.

    >>> GRUCell(2, 3)(torch.ones(4, 2)).shape
    torch.Size([4, 3])
    """

    def __init__(self, input_size: int, hidden_size: int, *, reset_after: bool = True):
        super().__init__(input_size, hidden_size, blocks=3)
        check_choice("reset_after", reset_after, (True, False))
        self.reset_after = reset_after

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """One time step: x (N, I) and the previous h (N, H), zeros if None, to h (N, H).

        Raises ValueError if a shape, dtype or device does not fit.
        """
        x = self._input(x)
        h_prev = self._state("state", state, x)

        a_ir, a_iz, a_in = linear(x, self.weight_ih, self.bias_ih).chunk(3, dim=1)
        if self.reset_after:
            a_hr, a_hz, a_hn = linear(h_prev, self.weight_hh, self.bias_hh).chunk(3, dim=1)
            r = torch.sigmoid(a_ir + a_hr)
            z = torch.sigmoid(a_iz + a_hz)
            n = torch.tanh(a_in + r * a_hn)
        else:  # the last product has to wait for r, and a product a gate reads best
            W_hr, W_hz, W_hn = self.weight_hh.chunk(3)
            b_hr, b_hz, b_hn = self.bias_hh.chunk(3)
            r = torch.sigmoid(a_ir + linear(h_prev, W_hr, b_hr))
            z = torch.sigmoid(a_iz + linear(h_prev, W_hz, b_hz))
            n = torch.tanh(a_in + linear(r * h_prev, W_hn, b_hn))
        h = (1 - z) * n + z * h_prev
        return h
