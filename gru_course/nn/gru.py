"""The gated recurrent unit as a layer: `torch.nn.GRU` with a faster forward and backward pass.

The arithmetic is in `gru_function.py` and, for GPUs, in `kernels/gru_function.py`; here are its
layers and directions, and the forms that inputs come in.

Shapes: N batch, T time steps, I input size, H hidden size, L layers, D directions, and S rows:
the T * N steps of all sequences, time first, without padding.
"""

import copy
from functools import partial
from itertools import chain
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from gru_course._checks import KindError, TensorError, check_choice, check_sizes
from gru_course.nn._checks import check_tensor
from gru_course.nn._modes import plain
from gru_course.nn.gru_function import GRUFunction
from gru_course.nn.kernels import why_not_gru, why_not_measured

BACKENDS = ("auto", "torch", "triton")


def _flip(sizes, device):
    """The function that reverses each sequence in rows (S, ...); twice is once."""
    T, N, S = len(sizes), sizes[0], sum(sizes)
    if sizes[-1] == N:
        return lambda rows: rows.unflatten(0, (T, N)).flip(0).flatten(0, 1)
    # Row number (t, i) is starts[t] + i; it changes places with (lengths[i] - 1 - t, i).
    n = torch.tensor(sizes)
    starts, t = n.cumsum(0) - n, torch.repeat_interleave(n)
    i = torch.arange(S) - starts[t]
    lengths = (n[:, None] > torch.arange(N)).sum(0)
    order = (starts[lengths[i] - 1 - t] + i).to(device)
    return lambda rows: rows[order]


def _path(layer, input: Any):
    """Where the layer stands in the model that `torch.fx.symbolic_trace` follows; else None."""
    if not isinstance(input, torch.fx.Proxy):
        return None
    tracer: Any = input.tracer
    return tracer.path_of_module(layer)


class GRU(torch.nn.GRU):
    """A drop-in for `torch.nn.GRU`: the same parameters, arguments and results, sooner.

        r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
        z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
        n_t = tanh(W_in x_t + b_in + r_t * (W_hn h_{t-1} + b_hn))
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}

    A layer above the first reads the states of the one below, h_t (N, D * H), after dropout. A
    reverse direction reads each sequence from its own last step to its first.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int, at least 1
    bias : whether there are b_ih and b_hh
    batch_first : whether inputs and outputs are (N, T, ...) rather than (T, N, ...)
    dropout : probability from 0 to 1 with which training drops a state between two layers
    bidirectional : whether each layer reads in both directions, D = 2
    device, dtype : of the parameters
    backend : "torch" takes an operation or more a step; "triton" one kernel for all steps, which
        runs on a GPU, in bfloat16 or float32, up to a size; "auto" takes the kernels where they can
        run and have been measured on that kind of GPU, and `why_torch` says what is in the way.
        float32 products are in TF32 where `torch.backends.cudnn.allow_tf32` says so, as in
        `torch.nn.GRU`.

    Raises
    ------
    ValueError : if a size is not a whole number of at least 1, a switch not True or False, dropout
        not from 0 to 1, or there is a proj_size; a TypeError too, where a type is wrong

    Notes
    -----
    Cho et al. (2014), arXiv:1406.1078, equations 5 to 8, with the reset gate after the product, as
    in PyTorch and cuDNN.

    Wherever torch does more than compute, the layer takes torch's own operation, whatever the
    backend, in torch's time: under autocast, in `torch.compile`, `torch.func`, exports and traces,
    for gradients in batches and for gradients of gradients. What remains:

    - `torch.export` fixes the number of steps, as of torch's layer. `torch.onnx.export` does not
      with dynamo=False.
    - `torch.jit.script` puts torch's layer in the place of this one, in the model that it is given.
    - `torch.ao.quantization.quantize_dynamic` and others that look for the class `torch.nn.GRU`
      leave this one alone. `layer.__class__ = torch.nn.GRU` makes it torch's layer, and
      `layer.__class__ = GRU` turns any of torch's into one of these.

    >>> hs, h_last = GRU(2, 3, num_layers=2, batch_first=True)(torch.ones(4, 5, 2))
    >>> hs.shape, h_last.shape
    (torch.Size([4, 5, 3]), torch.Size([2, 4, 3]))
    """

    weight_ih_l0: Tensor  # torch registers them by name, without a type
    weight_hh_l0: Tensor
    backend: str = "auto"  # of a torch.nn.GRU whose class was changed to this one

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        backend: str = "auto",
        **others: Any,
    ):
        check_choice("backend", backend, BACKENDS)
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        switches = {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
        for name, value in switches.items():
            if value not in (True, False):
                raise KindError(f"{name}: expected one of True, False, got {value!r}")
        if not isinstance(dropout, Real) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(f"dropout: expected a number from 0 to 1, got {dropout!r}")
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            dropout=dropout,
            device=device,
            dtype=dtype,
            **switches,
            **others,  # none that torch's layer takes; it says so
        )
        self.backend = backend

    def __prepare_scriptable__(self) -> torch.nn.GRU:
        """What `torch.jit.script` compiles instead: torch's layer with the same parameters."""
        layer: Any = copy.copy(self)
        layer.__class__ = torch.nn.GRU
        return layer

    def why_torch(self) -> str | None:
        """Why backend="auto" does not take the kernels, as a sentence; None if it does.

        >>> GRU(2, 3).why_torch()
        'the kernels are for CUDA devices, the weights are on cpu'
        """
        weight = self.weight_hh_l0
        if weight.device.type != "cuda":
            return f"the kernels are for CUDA devices, the weights are on {weight.device}"
        return why_not_gru(weight) or why_not_measured(weight.device)

    def _function(self):
        """What computes one direction: rows, h0, sizes, turn and weights to hs and h_last.

        Within a Function no gradients are recorded: whether they are wanted is known here.
        """
        if self.backend == "torch" or (self.backend == "auto" and self.why_torch()):
            return partial(GRUFunction.apply, torch.is_grad_enabled())
        if reason := why_not_gru(self.weight_hh_l0):
            raise ValueError(f'backend: expected "auto" or "torch" here, got "triton": {reason}')
        from gru_course.nn.kernels.gru_function import FusedGRUFunction

        exact = self.weight_hh_l0.dtype == torch.float32 and not torch.backends.cudnn.allow_tf32
        precision = "ieee" if exact else "tf32"
        return partial(FusedGRUFunction.apply, precision, torch.is_grad_enabled())

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """All hidden states of the last layer, and every layer's and direction's last one.

        Parameters
        ----------
        input : (T, N, I), (N, T, I) with batch_first, (T, I) for one sequence, or a PackedSequence
        hx : (L * D, N, H) states before the first step, (L * D, H) for one sequence, None for zeros

        Returns
        -------
        hs : (T, N, D * H), (N, T, D * H) with batch_first, (T, D * H) for one sequence, or a
            PackedSequence, as the input is
        h_last : (L * D, N, H), or (L * D, H) for one sequence

        Raises
        ------
        TensorError : if a shape, dtype or device does not fit: a ValueError and a RuntimeError,
            of which torch's layer raises one or the other
        """
        if path := _path(self, input):  # a leaf of the graph, as torch's layers are
            return input.tracer.create_proxy("call_module", path, (input, hx), {})

        packed, weights = isinstance(input, PackedSequence), self.all_weights
        given = (input.data if packed else input, *([] if hx is None else [hx]))
        tensors = all(isinstance(value, Tensor) for value in given)
        if tensors and not plain(*given, *chain(*weights)):
            return super().forward(input, hx)

        if packed:
            x, batch_sizes, order, back = input
            check_tensor("input.data", x, ("S", self.input_size), self.weight_ih_l0)
            sizes = batch_sizes.tolist()
            hx = self._start(hx, x, sizes[0])
            hs, h_last = self._run(x, hx if order is None else hx[:, order], sizes, weights)
            h_last = h_last if back is None else h_last[:, back]
            return PackedSequence(hs, batch_sizes, order, back), h_last

        single = isinstance(input, Tensor) and input.ndim == 2
        if single:
            check_tensor("input", input, ("T", self.input_size), self.weight_ih_l0)
            x = input[:, None]
        else:
            axes = ("N", "T") if self.batch_first else ("T", "N")
            check_tensor("input", input, (*axes, self.input_size), self.weight_ih_l0)
            x = input.transpose(0, 1) if self.batch_first else input
        T, N, _ = x.shape
        if T == 0:
            raise TensorError(f"input: expected at least one step, got shape {tuple(input.shape)}")
        if N == 0:
            return super().forward(input, hx)
        hx = self._start(hx, x, N, single)
        hs, h_last = self._run(x.flatten(0, 1), hx, [N] * T, weights)
        if single:
            return hs, h_last[:, 0]
        hs = hs.unflatten(0, (T, N))
        return hs.transpose(0, 1) if self.batch_first else hs, h_last

    def _run(self, x, hx, sizes, weights):
        """All layers and directions: rows x (S, I) to hs (S, D * H) and h_last (L * D, N, H)."""
        function = self._function()
        flip = _flip(sizes, x.device) if self.bidirectional else None
        directions = (None, flip) if flip else (None,)
        runs = iter(zip(hx.unbind(), weights, strict=True))
        lasts = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = dropout(x, self.dropout)
            outputs = []
            for direction, (h0, own) in zip(directions, runs, strict=False):
                hs, h_last = function(x, h0, sizes, direction, *own)
                outputs.append(hs)
                lasts.append(h_last)
            x = torch.cat(outputs, dim=1) if flip else outputs[0]
        return x, torch.stack(lasts)

    def _start(self, hx: Tensor | None, x: Tensor, N: int, single: bool = False) -> Tensor:
        """The checked (L * D, N, H) states before the first step; zeros if there are none."""
        layers, H = len(self._all_weights), self.hidden_size
        if hx is None:
            return x.new_zeros(layers, N, H)
        check_tensor("hx", hx, (layers, H) if single else (layers, N, H), self.weight_ih_l0)
        return hx[:, None] if single else hx
