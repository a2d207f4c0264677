"""Several copies of one small network, trained at once: nearly as fast as one of them alone."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch.func import functional_call, stack_module_state

from gru_course._checks import check_positive, check_whole
from gru_course.training._options import difference, options
from gru_course.training.loop import (
    Array,
    Loss,
    check_above_zero,
    check_trainable,
    mean_loss,
    tensors,
)


def fit_side_by_side(
    models: list[torch.nn.Module],
    loss_function: Loss,
    draw: Callable[[], Iterable[Array]],
    *,
    steps: int,
    lr: float,
    clip: float = 1.0,
) -> np.ndarray:
    """Train models of one architecture with Adam, each on its own, in one run.

    Their parameters are stacked along a first axis and every operation works on all of them: for
    networks of a few units the time goes into the calls, not into the numbers. The result is that
    of training them one after another. Each step sees a new batch, so there is nothing to overfit.

    Parameters
    ----------
    models : list of M modules that differ in the values of their parameters only
    loss_function : maps (predictions, targets) of one model to its mean loss, one number
    draw : function of no argument that returns the batch of a step: inputs (N, T, I), or whole
        numbers (N, T) for an embedding, and targets for all models alike; with an axis M more in
        front, inputs and targets for each. Floats are converted to the dtype of the models.
    steps : int, at least 1, updates
    lr : Adam's learning rate
    clip : largest global norm of each model's gradient

    Returns
    -------
    (steps, M) array of losses, each before its update; the models hold the new weights

    Raises
    ------
    ValueError : if there is no model, one differs from the first in more than values, a setting is
        out of its range, a batch does not fit, predictions and targets differ in shape, the loss is
        not one number, or it stops being finite

    Notes
    -----
    Adam: Kingma and Ba (2015). Clipping by the global norm: Pascanu et al. (2013).

    >>> models = [torch.nn.Linear(1, 1) for _ in range(3)]
    >>> x = torch.linspace(-1, 1, 8).reshape(1, 8, 1)
    >>> losses = fit_side_by_side(
    ...     models, torch.nn.functional.mse_loss, lambda: (x, 2 * x), steps=60, lr=0.1
    ... )
    >>> losses.shape, bool((losses[-1] < 0.1).all())
    ((60, 3), True)
    """
    _check(models)
    check_positive(lr=lr)
    steps, lr = check_whole("steps", steps), float(lr)
    clip = check_above_zero("clip", clip)
    template, parameters, buffers = models[0], *stack_module_state(models)
    trained = [p for p in parameters.values() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=lr)

    def loss_of_one(one, inputs, targets):
        def model(inputs):
            return functional_call(template, one, (inputs,))

        return mean_loss(model, loss_function, inputs, targets)

    losses = []
    for step in range(steps):
        batch = tensors("draw", tuple(draw()), template)
        axis = 0 if batch[0].ndim == (4 if batch[0].is_floating_point() else 3) else None
        if axis == 0 and {len(part) for part in batch} != {len(models)}:
            raise ValueError(
                f"draw: expected {len(models)} batches, one a model, got shapes "
                f"{' and '.join(str(tuple(part.shape)) for part in batch)}"
            )
        each = torch.vmap(loss_of_one, in_dims=(0, axis, axis))(parameters | buffers, *batch)
        if not each.isfinite().all():
            raise ValueError(
                f"the loss is not finite in step {step}, counted from 0: try a smaller lr than {lr}"
            )
        optimizer.zero_grad()
        each.sum().backward()  # no model's loss depends on another's weights
        _clip_each([p for p in trained if p.grad is not None], clip)
        optimizer.step()
        losses.append(each.detach())
    with torch.no_grad():
        for number, model in enumerate(models):
            for name, tensor in (*model.named_parameters(), *model.named_buffers()):
                tensor.copy_((parameters | buffers)[name][number])
    return torch.stack(losses).cpu().numpy()


def _clip_each(parameters, clip):
    """Shorten the gradient of each model to the norm `clip` if it is longer."""
    squares = [p.grad.flatten(start_dim=1).square().sum(dim=1) for p in parameters]
    factors = (clip / (torch.stack(squares).sum(dim=0).sqrt() + 1e-6)).clamp(
        max=1.0
    )  # as torch's clip_grad_norm_
    for p in parameters:
        p.grad.mul_(factors.reshape(-1, *[1] * (p.ndim - 1)))


def _check(models):
    if not models:
        raise ValueError("models: expected at least one, got none")
    for number, model in enumerate(models):
        check_trainable(f"models[{number}]", model)
        # One model's code computes for all: whatever that code looks at has to be the same.
        if found := difference(options("model", model), options("model", models[0])):
            name, text, wanted = found
            raise ValueError(
                f"models: expected one architecture, number {number} differs from number 0: "
                f"{name} is {text}, not {wanted}"
            )
