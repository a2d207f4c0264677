"""Arrays that stand in files of this folder."""

from importlib.resources import files

import numpy as np


def stored(file: str, name: str) -> dict[str, np.ndarray]:
    """The arrays of one of the things in an .npz, whose names there begin with "name/"."""
    with (files("gru_course.data") / file).open("rb") as opened, np.load(opened) as arrays:
        own = [key for key in arrays.files if key.startswith(f"{name}/")]
        return {key.removeprefix(f"{name}/"): arrays[key] for key in own}
