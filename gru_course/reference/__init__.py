"""The oracle: recurrent cells in NumPy with hand-written backward passes.

``rnn``, ``lstm``, ``gru`` and ``mingru`` offer the same six names: ``Params``, ``init``, ``step``,
``step_backward``, ``forward`` and ``backward``; ``recurrent`` stacks them in layers and
directions. ``gru_fast`` is ``gru`` made fast. Nothing here imports torch.
"""

from gru_course.reference import (
    activations,
    gradcheck,
    gru,
    gru_fast,
    losses,
    lstm,
    mingru,
    optim,
    recurrent,
    rnn,
)

__all__ = [
    "activations",
    "gradcheck",
    "gru",
    "gru_fast",
    "losses",
    "lstm",
    "mingru",
    "optim",
    "recurrent",
    "rnn",
]
