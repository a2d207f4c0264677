"""Several copies of one small network, trained at once: nearly as fast as one of them alone."""

import torch
from torch.func import functional_call, stack_module_state


def fit_side_by_side(models, loss_function, draw, *, steps, lr, clip=1.0):
    """Train models of one architecture with Adam, each on its own, in one run.

    Their parameters are stacked along a first axis and every operation works on all of them: for
    networks of a few units the time goes into the calls, not into the numbers. The result is that
    of training them one after another. Each step sees a new batch, so there is nothing to overfit.

    Parameters
    ----------
    models : list of M modules that differ in the values of their parameters only
    loss_function : maps (predictions, targets) of one model to its mean loss, one number
    draw : function of no argument that returns the batch of a step: inputs (N, T, I) and targets
        for all models alike, or (M, N, T, I) and targets with the same first axis M
    steps : int, at least 1, updates
    lr : Adam's learning rate
    clip : largest global norm of each model's gradient

    Returns
    -------
    (steps, M) float32 array of losses, each before its update; the models hold the new weights

    Raises
    ------
    ValueError : if there is no model, one differs in its architecture, steps is not such a number,
        a batch has a first axis other than M, or a loss stops being finite

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
    _check(models, steps)
    template, parameters, buffers = models[0], *stack_module_state(models)
    optimizer = torch.optim.Adam(parameters.values(), lr=lr)

    def loss_of_one(one, inputs, targets):
        return loss_function(functional_call(template, one, (inputs,)), targets)

    losses = []
    for step in range(steps):
        batch = [torch.as_tensor(part, dtype=torch.float32) for part in draw()]
        axis = 0 if batch[0].ndim == 4 else None
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
        _clip_each(parameters.values(), clip)
        optimizer.step()
        losses.append(each.detach())
    for number, model in enumerate(models):
        model.load_state_dict({name: p.detach()[number] for name, p in parameters.items()})
    return torch.stack(losses).numpy()


def _clip_each(parameters, clip):
    """Shorten the gradient of each model to the norm `clip` if it is longer."""
    squares = [p.grad.flatten(start_dim=1).square().sum(dim=1) for p in parameters]
    factors = (clip / (torch.stack(squares).sum(dim=0).sqrt() + 1e-6)).clamp(
        max=1.0
    )  # as torch's clip_grad_norm_
    for p in parameters:
        p.grad.mul_(factors.reshape(-1, *[1] * (p.ndim - 1)))


def _check(models, steps):
    if not models:
        raise ValueError("models: expected at least one, got none")
    shapes = [{name: tuple(p.shape) for name, p in m.state_dict().items()} for m in models]
    for number, shape in enumerate(shapes):
        if shape != shapes[0] or type(models[number]) is not type(models[0]):
            raise ValueError(
                f"models: expected one architecture, number {number} differs from number 0"
            )
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps: expected a whole number of at least 1, got {steps!r}")
