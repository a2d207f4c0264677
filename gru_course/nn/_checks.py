"""Errors that help, for tensors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gru_course._checks import TensorError


def check_tensor(
    name: str,
    value: Tensor,
    shape: Sequence[str | int],
    like: Tensor | None = None,
    *,
    of: str = "the weights",
    nonempty: str = "",
    **sizes: int,
) -> None:
    """Raise a TensorError unless `value` is a tensor of the given shape, dtype and device.

    All of them are known without waiting for the device. Numbers are not, and are not looked at.

    Parameters
    ----------
    name : the argument's name, as the message calls it
    value : what the caller passed
    shape : one entry an axis, a letter or a size
    like : tensor whose dtype and device are wanted, the device alone under autocast; None for any
    of : what `like` is
    nonempty : what there must be at least one of, in words; then no axis but N may be empty
    sizes : of the letters whose sizes are known
    """
    if torch._C._is_tracing():  # sizes are tensors there, and a trace would hold what they are
        return
    if not isinstance(value, Tensor):
        raise TensorError(f"{name}: expected a tensor {_text(shape)}, got {type(value).__name__}")
    fits = value.ndim == len(shape) and all(
        size == (sizes.get(axis, size) if isinstance(axis, str) else axis)
        and (size or not nonempty or axis == "N")
        for axis, size in zip(shape, value.shape, strict=True)
    )
    if not fits:
        asked = [*(f"{letter} = {size}" for letter, size in sizes.items()), nonempty]
        wanted = " and ".join(filter(None, asked))
        raise TensorError(
            f"{name}: expected shape {_text(shape)}{wanted and f' with {wanted}'}, "
            f"got {tuple(value.shape)}"
        )
    if like is None:
        return
    right_dtype = value.dtype == like.dtype or torch._C._is_any_autocast_enabled()
    if not right_dtype or value.device != like.device:
        raise TensorError(
            f"{name}: expected {like.dtype} on {like.device} like {of}, "
            f"got {value.dtype} on {value.device}"
        )


def _text(shape: Sequence[str | int]) -> str:
    return f"({', '.join(map(str, shape))})"
