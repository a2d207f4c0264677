"""Whether torch only computes, or also records, transforms or replaces what is computed.

A layer with a backward pass of its own, or with loops in NumPy, is right only where torch
computes and does nothing else: a recorder sees none of NumPy's operations, and a transformation
such as `torch.func.vmap` has no rule for a hand-written function. Everywhere else a layer has to
take torch's own operations.
"""

import torch
from torch import _C
from torch._C._dynamo.eval_frame import get_eval_frame_callback
from torch._C._functorch import is_legacy_batchedtensor, peek_interpreter_stack
from torch.autograd import forward_ad
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

PLAIN = (torch.Tensor, torch.nn.Parameter)


def plain(*tensors: torch.Tensor) -> bool:
    """Whether torch computes with these tensors at once and does nothing else.

    False if one has another type (fake tensors, `torch.fx`'s proxies, expanded weights, distributed
    tensors), and

    - while a graph is recorded: `torch.jit.trace`, `torch.export`, `torch.onnx.export`, `make_fx`,
      and in all that a compiled function calls;
    - in the transformations of `torch.func`, and in forward-mode differentiation;
    - in modes that change or watch operations, such as autocast and FLOP counters. A default device
      is a mode too, which does neither.

    Called in a backward pass, it is False where gradients come in batches (`is_grads_batched`, or
    `jacobian(vectorize=True)`). It takes two or three microseconds.

    >>> plain(torch.ones(2)), torch.func.vmap(lambda x: torch.tensor(plain(x)))(torch.ones(1))
    (True, tensor([False]))
    """
    if torch.compiler.is_compiling():  # first, since torch.compile cannot follow further
        return False
    for tensor in tensors:
        # Gradients that come in batches are not of another type, and torch is in no mode then.
        if type(tensor) not in PLAIN or is_legacy_batchedtensor(tensor):
            return False
    return not (
        _C._is_tracing()
        or _C._is_any_autocast_enabled()
        or _C._len_torch_dispatch_stack()
        or peek_interpreter_stack() is not None
        or forward_ad._current_level >= 0
        or (_C._len_torch_function_stack() and _watched())
        or get_eval_frame_callback() is not None
    )


def _watched() -> bool:
    """Whether a mode other than a default device sees function calls."""
    return any(type(mode) is not DeviceContext for mode in _get_current_function_mode_stack())
