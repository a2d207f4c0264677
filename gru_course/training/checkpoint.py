"""Write a training run to a file after each epoch, and read it back."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from gru_course.training._options import difference


def save(path: str | Path, run: dict[str, Any]) -> None:
    """Write `run`, a dictionary of tensors and plain Python values, or leave the old file.

    The file is written beside its place and then renamed, which is one operation for the file
    system: a reader, or a power cut, meets the old file or the new one, never half of one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    with open(beside, "wb") as file:
        torch.save(run, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def load(path: str | Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Read the run that `save` wrote, or None if there is no file.

    Parameters
    ----------
    path : str or Path
    settings : dict that run["settings"] must equal, for a run resumed with other settings would
        be neither the old run nor a new one

    Raises
    ------
    ValueError : if the file is no checkpoint, or a setting differs
    """
    if not Path(path).exists():
        return None
    try:
        # weights_only: a file from elsewhere can hold numbers, but no code to run.
        run = torch.load(path, map_location="cpu", weights_only=True)
        saved = run["settings"]
    except (pickle.UnpicklingError, EOFError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(f"checkpoint: {path} is not a checkpoint of `fit`") from error
    if found := difference(settings, saved):
        name, wanted, written = found
        raise ValueError(
            f"checkpoint: {path} was written with {name} = {written}, got {wanted}; "
            "give the old value to resume, or another path to start anew"
        )
    return run
