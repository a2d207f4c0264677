"""One cell, many steps: the loop over time, and a linear layer that reads its states."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gru_course._checks import check_sizes, check_switch
from gru_course.nn._checks import check_tensor


class Recurrent(nn.Module):
    """Run a cell over a batch of sequences.

        state_t = cell(x_t, state_{t-1}),   t = 1 ... T

    Parameters
    ----------
    cell : a module that maps (x, state) to the next state, which is h or a pair (h, c)

    Notes
    -----
    `torch.nn.RNN`, `LSTM` and `GRU` with batch_first=True compute the same, faster; they shape the
    last state (1, N, H).

    >>> from gru_course.nn import GRUCell
    >>> hs, h_last = Recurrent(GRUCell(2, 3))(torch.ones(4, 5, 2))
    >>> hs.shape, h_last.shape
    (torch.Size([4, 5, 3]), torch.Size([4, 3]))
    """

    def __init__(self, cell: nn.Module):
        super().__init__()
        self.cell = cell
        self.hidden_size: Any = cell.hidden_size

    def forward(self, xs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """All hidden states and the last state.

        Parameters
        ----------
        xs : (N, T, I) inputs, batch first
        state : the state before the first step, as the cell takes it; None for zeros

        Returns
        -------
        hs : (N, T, H) hidden states
        state : the state after the last step: h (N, H), or (h, c) for an LSTM

        Raises
        ------
        ValueError : if xs does not have three axes or no time step; the cell checks the rest
        """
        check_tensor("xs", xs, ("N", "T", "I"), nonempty="T at least 1")
        hs = []
        for x in xs.unbind(dim=1):
            state = self.cell(x, state)
            hs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(hs, dim=1), state


class Readout(nn.Module):
    """A recurrent layer and a linear layer that reads its hidden states.

        y = W h_T + b                   last=True: one output a sequence (many to one)
        y_t = W h_t + b                 last=False: one output a step (many to many)

    Parameters
    ----------
    recurrent : `Recurrent`, or `torch.nn.RNN`, `LSTM` or `GRU` with batch_first=True
    output_size : int, at least 1
    last : whether to read the last hidden state only; a bidirectional layer takes False, since at
        the last step its backward direction has read that step alone

    Raises
    ------
    ValueError : if output_size is not a whole number of at least 1, last not True or False, or the
        layer has time first, or two directions and last=True; from `forward`, if xs is packed
        or one sequence without its batch

    >>> from gru_course.nn import GRUCell
    >>> Readout(Recurrent(GRUCell(2, 3)), output_size=1)(torch.ones(4, 5, 2)).shape
    torch.Size([4, 1])
    """

    def __init__(self, recurrent: nn.Module, output_size: int, *, last: bool = True):
        super().__init__()
        check_sizes(output_size=output_size)
        self.last = check_switch("last", last)
        kind = type(recurrent).__name__
        if not getattr(recurrent, "batch_first", True):
            raise ValueError(
                f"recurrent: expected a layer that takes (N, T, I), got {kind} with time first, "
                "which would mix the sequences of a batch: make it with batch_first=True"
            )
        directions = 2 if getattr(recurrent, "bidirectional", False) else 1
        if last and directions == 2:
            raise ValueError(
                f"recurrent: expected one direction with last=True, got a bidirectional {kind}, "
                "whose backward direction has read one step only at the last step: take last=False "
                "or one direction, or read h_last, in which each direction is at its own end"
            )
        width: Any = getattr(recurrent, "proj_size", 0) or recurrent.hidden_size
        self.recurrent = recurrent
        self.linear = nn.Linear(directions * width, output_size)

    def forward(self, xs: Tensor) -> Tensor:
        """Map xs (N, T, I) to outputs (N, O), or (N, T, O) with last=False."""
        hs, _ = self.recurrent(xs)
        if isinstance(hs, PackedSequence):
            raise ValueError(
                "xs: expected a tensor (N, T, I), got PackedSequence: give it to the layer, read "
                "h_last, in which each sequence is at its own end"
            )
        if isinstance(hs, Tensor) and hs.ndim != 3:
            raise ValueError(
                "xs: expected a batch (N, T, I), for which the layer returns states (N, T, H), got "
                f"states with {hs.ndim} axes: take xs[None] for one sequence"
            )
        return self.linear(hs[:, -1] if self.last else hs)


def parameter_count(module: nn.Module) -> int:
    """How many numbers training changes in a module.

    >>> from gru_course.nn import GRUCell
    >>> parameter_count(GRUCell(2, 3))  # 3 blocks of 3 * (2 + 3) weights and 3 + 3 biases
    63
    """
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
