"""One training loop, short enough to be read before it is trusted."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gru_course._checks import check_plain, check_positive, check_whole
from gru_course.training import checkpoint as checkpoints
from gru_course.training._options import options

Array = np.ndarray | Tensor
Loss = Callable[[Tensor, Tensor], Tensor]  # of predictions and targets


@dataclass
class History:
    """What happened, one entry an epoch; epochs are counted from 0."""

    train: list[float]  # mean training loss over the epoch, while the weights were changing
    valid: list[float]  # validation loss after the epoch
    grad_norm: list[float]  # global norm of the gradient before clipping, mean over the batches
    best_epoch: int | None  # valid[best_epoch] is the smallest; None if no epoch was finished
    stopped: str  # why training ended: "epochs", "patience" or "interrupted"


def fit(
    model: torch.nn.Module,
    loss_function: Loss,
    train: tuple[Array, Array],
    valid: tuple[Array, Array],
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    clip: float = 1.0,
    patience: int = 10,
    seed: int = 0,
    progress: bool = True,
    checkpoint: str | Path | None = None,
) -> History:
    """Train with Adam, and keep the weights that did best on the validation data.

    Parameters
    ----------
    model : torch module that maps a batch of inputs to predictions; training happens where its
        parameters are
    loss_function : maps (predictions, targets) of a batch to their mean loss, one number
    train, valid : pairs (inputs, targets) of tensors or arrays whose first axis counts the
        examples; floats are converted to the dtype of the model, whole numbers stay
    epochs : int, how often to go through the training data at most
    batch_size : int, examples a step; the last batch of an epoch may be smaller
    lr : Adam's learning rate
    clip : largest global norm of the gradient; float("inf") only measures it
    patience : int, epochs without a new smallest validation loss after which training stops
    seed : int, for the order of the examples and for dropout; global generators are left alone
    progress : whether to show a progress bar
    checkpoint : path of a file written after every epoch, or None. If it exists, the run in it
        goes on from its last finished epoch and ends as if it had never stopped; a file of another
        model, loss, data or setting is refused.

    Returns
    -------
    History

    Raises
    ------
    ValueError : if an argument does not fit, predictions are no tensor or of another shape than
        the targets, the loss is not one number, or it stops being finite

    Notes
    -----
    However training ends, by an interrupt (Ctrl-C, or the stop button of a notebook) or an error
    too, the model is left in evaluation mode with the best weights of the finished epochs.
    Adam: Kingma and Ba (2015). Clipping by the global norm: Pascanu et al. (2013).

    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> model = torch.nn.Linear(1, 1)
    >>> history = fit(model, torch.nn.functional.mse_loss, (x, 2 * x), (x, 2 * x),
    ...               epochs=25, batch_size=16, lr=0.1, progress=False)
    >>> history.valid[history.best_epoch] < 1e-3
    True
    """
    check_trainable("model", model)
    epochs, batch_size = check_whole("epochs", epochs), check_whole("batch_size", batch_size)
    patience, seed = check_whole("patience", patience), check_whole("seed", seed, least=0)
    check_positive(lr=lr)
    lr, clip = float(lr), check_above_zero("clip", clip)
    seen, unseen = tensors("train", train, model), tensors("valid", valid, model)
    where = seen[0].device
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    shuffle = torch.Generator().manual_seed(seed)
    rows, best_epoch, best = [], None, {}

    settings = {"lr": lr, "batch_size": batch_size, "clip": clip, "seed": seed}
    settings["data"] = [tuple(part.shape) for part in (*seen, *unseen)]
    settings |= options("model", model) | options("loss_function", loss_function)
    if checkpoint is not None and (run := checkpoints.load(checkpoint, settings)):
        model.load_state_dict(run["model"])
        optimizer.load_state_dict(run["optimizer"])
        shuffle.set_state(run["shuffle"])
        rows, best_epoch, best = run["rows"], run["best_epoch"], run["best"]

    stopped = "epochs"
    bar = tqdm(range(len(rows), epochs), initial=len(rows), total=epochs, disable=not progress)
    # Dropout draws from torch's global generators: they are seeded here and then put back.
    with bar, torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        try:
            for epoch in bar:
                if best_epoch is not None and epoch - best_epoch > patience:
                    stopped = "patience"
                    break
                torch.manual_seed(int(torch.randint(2**62, (), generator=shuffle)))
                order = torch.randperm(len(seen[0]), generator=shuffle).to(where)
                train_loss, grad_norm = _train(
                    model, loss_function, seen, order.split(batch_size), optimizer, clip
                )
                valid_loss = _evaluate(model, loss_function, unseen, batch_size)
                # The only time in an epoch that the CPU waits for the GPU.
                row = torch.stack([train_loss, valid_loss, grad_norm]).tolist()
                if not math.isfinite(row[0] + row[1]):
                    raise ValueError(
                        f"the loss is not finite in epoch {epoch}, counted from 0 (training "
                        f"{row[0]}, validation {row[1]}): try a smaller lr than {lr}, "
                        f"or a smaller clip than {clip}"
                    )
                rows.append(row)
                if best_epoch is None or row[1] < rows[best_epoch][1]:
                    best = {name: t.detach().clone() for name, t in model.state_dict().items()}
                    best_epoch = epoch
                bar.set_postfix(train=f"{row[0]:.3g}", valid=f"{row[1]:.3g}")
                if checkpoint is not None:
                    run = {"settings": settings, "model": model.state_dict(), "rows": rows}
                    run |= {"optimizer": optimizer.state_dict(), "shuffle": shuffle.get_state()}
                    checkpoints.save(checkpoint, run | {"best_epoch": best_epoch, "best": best})
        except KeyboardInterrupt:
            stopped = "interrupted"
        finally:
            if best:
                model.load_state_dict(best)
            model.eval()
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    return History(*columns, best_epoch=best_epoch, stopped=stopped)


def _train(model, loss_function, data, batches, optimizer, clip):
    """One pass with updates: the mean loss and the mean norm of the gradient, on the device."""
    inputs, targets = data
    model.train()
    total = norms = torch.zeros((), device=inputs.device)
    for batch in batches:
        loss = mean_loss(model, loss_function, inputs[batch], targets[batch])
        optimizer.zero_grad()
        loss.backward()
        norms = norms + torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        total = total + loss.detach() * len(batch)
    return total / len(inputs), norms / len(batches)


@torch.no_grad()
def _evaluate(model, loss_function, data, batch_size):
    """The mean loss, on the device, without updates."""
    inputs, targets = data
    model.eval()
    total = torch.zeros((), device=inputs.device)
    for x, target in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
        total = total + mean_loss(model, loss_function, x, target) * len(x)
    return total / len(inputs)


def mean_loss(
    model: Callable[[Tensor], Tensor], loss_function: Loss, inputs: Tensor, targets: Tensor
) -> Tensor:
    """The loss of a batch; a ValueError unless predictions and targets belong together."""
    prediction = model(inputs)
    if not isinstance(prediction, torch.Tensor):
        raise ValueError(
            f"model: expected a module that returns a tensor of predictions, this one returns a "
            f"{type(prediction).__name__}; a recurrent layer returns its states and the last one: "
            "gru_course.nn.Readout makes predictions of them"
        )
    shape, wanted = tuple(prediction.shape), tuple(targets.shape)
    fits = shape == wanted
    if not targets.is_floating_point() and len(shape) == len(wanted) + 1:
        # Class numbers have no axis of classes; it is the second one, as cross_entropy has it, or
        # the last one. An axis of one class is the (N, 1) against (N,) mistake again.
        fits = any(shape[a] > 1 and shape[:a] + shape[a + 1 :] == wanted for a in (1, len(wanted)))
    if not fits:
        raise ValueError(
            f"targets: expected the shape of the model's predictions {shape}, got {wanted}; "
            "broadcasting would compare every prediction with every target"
        )
    loss = loss_function(prediction, targets)
    if not isinstance(loss, torch.Tensor) or loss.ndim != 0:
        raise ValueError(
            f"loss_function: expected one number for a batch, a tensor of shape (), "
            f"got {tuple(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__}"
        )
    return loss


def tensors(name: str, pair: Sequence[Array], model: torch.nn.Module) -> tuple[Tensor, Tensor]:
    """The pair as finite tensors of one length, on the model's device and in its dtype."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"{name}: expected a pair (inputs, targets), got {type(pair).__name__}")
    parameter = next(model.parameters())
    found = []
    for part, value in zip(("inputs", "targets"), pair, strict=True):
        check_plain(f"{name} {part}", value)
        try:
            value = torch.as_tensor(value, device=parameter.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{name} {part}: expected an array of numbers: {error}") from error
        if value.ndim == 0 or len(value) == 0:
            raise ValueError(
                f"{name} {part}: expected at least one example, got shape {tuple(value.shape)}"
            )
        if value.is_floating_point():
            value = value.to(parameter.dtype)
            if not value.isfinite().all():
                raise ValueError(f"{name} {part}: expected finite numbers, got NaN or infinity")
        found.append(value)
    inputs, targets = found
    if len(inputs) != len(targets):
        raise ValueError(
            f"{name}: expected as many targets as inputs, "
            f"got {len(targets)} targets and {len(inputs)} inputs"
        )
    return inputs, targets


def check_trainable(name: str, model: torch.nn.Module) -> None:
    """Raise a ValueError unless training can change the model."""
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"{name}: expected a torch module, got {type(model).__name__}")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(f"{name}: expected a module with parameters to train, got none")


def check_above_zero(name: str, value: float) -> float:
    """The value as a float; a ValueError unless it is a number above 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not float(value) > 0:
        raise ValueError(f"{name}: expected a number above 0, got {value!r}")
    return float(value)
