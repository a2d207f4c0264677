"""Seeds and devices."""

import random

import numpy as np
import pytest
import torch

from gru_course.training import device, seed_everything


def draws():
    return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002


def test_the_same_seed_gives_the_same_draws():
    seed_everything(3)
    first = draws()
    assert all(a != b for a, b in zip(first, draws(), strict=True))
    seed_everything(3)
    assert draws() == first
    seed_everything(4)
    assert all(a != b for a, b in zip(first, draws(), strict=True))


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "0", None, True])
def test_a_bad_seed_is_named(seed):
    with pytest.raises(ValueError, match="seed: expected a whole number from 0 to"):
        seed_everything(seed)


@pytest.mark.parametrize(("available", "kind"), [(True, "cuda"), (False, "cpu")])
def test_device_is_the_gpu_if_there_is_one(monkeypatch, available, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert device() == torch.device(kind)
