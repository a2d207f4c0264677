"""What tells two models apart besides the values of their parameters and buffers."""

import hashlib
import re
import types
import weakref
from functools import partial

import numpy as np
import torch

# What every module has: its children and tensors are told by name, its hooks and its mode are not.
_OF_ALL = frozenset(vars(torch.nn.Module()))


def options(name: str, value: object, seen: tuple[int, ...] = ()) -> dict[str, str]:
    """Texts, by name, that are equal for two models or losses only if they compute the same.

    Of a module these are the class and all attributes of itself and of every module inside it, at
    any depth, so that an option is counted without being listed here; and of its parameters and
    buffers all but their values. Functions are told by their names, lambdas by their code.

    >>> options("model", torch.nn.Dropout(0.5))
    {'model': 'torch.nn.modules.dropout.Dropout', 'model.p': '0.5', 'model.inplace': 'False'}
    """
    if not isinstance(value, torch.nn.Module):
        return {name: _text(value, seen)}
    found = {}
    for path, module in value.named_modules(prefix=name):
        found[path] = _name(type(module))
        for key, attribute in vars(module).items():
            if key not in _OF_ALL:
                found[f"{path}.{key}"] = _text(attribute, (*seen, id(value)))
    for path, tensor in (*value.named_parameters(name), *value.named_buffers(name)):
        trained = "trained" if tensor.requires_grad else "not trained"
        found[path] = f"{tensor.dtype} {tuple(tensor.shape)}, {trained}"
    return found


def difference(one: dict, other: dict) -> tuple | None:
    """The first name whose texts differ, with both of them; None if there is none."""
    for name in one | other:
        if one.get(name) != other.get(name):
            return name, one.get(name), other.get(name)
    return None


def _name(value):
    return f"{value.__module__}.{value.__qualname__}"


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _text(value, seen):
    """The value as a text without addresses, the same in every process."""
    if id(value) in seen:
        return "itself"
    seen = (*seen, id(value))
    if isinstance(value, (torch.nn.Parameter, weakref.ref)):
        return type(value).__name__  # the value changes in training
    if isinstance(value, torch.nn.Module):
        return _text(options("", value, seen), seen)
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return f"{value.dtype} {tuple(value.shape)} {_digest(repr(value.tolist()))}"
    if isinstance(value, dict):
        parts = [f"{_text(k, seen)}: {_text(v, seen)}" for k, v in value.items()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = [_text(part, seen) for part in value]
        parts = sorted(parts) if isinstance(value, (set, frozenset)) else parts
    elif isinstance(value, partial):
        parts = [_text(part, seen) for part in (value.func, value.args, value.keywords)]
    elif isinstance(value, types.LambdaType) and value.__name__ == "<lambda>":
        code = value.__code__
        parts = [_digest(repr((code.co_code, code.co_names, code.co_consts)))]
    elif hasattr(value, "__qualname__"):  # functions and classes
        return _name(value)
    elif type(value).__repr__ is object.__repr__ and hasattr(value, "__dict__"):
        parts = [_text(vars(value), seen)]
    else:
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    return f"{type(value).__name__}({', '.join(parts)})"
