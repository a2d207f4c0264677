"""What the tests of kernels share: a memory that is guarded and poisoned, programs in threads."""

import sys
import threading
from importlib.util import find_spec

import numpy as np
import pytest
import torch

if find_spec("triton"):
    from triton.runtime import interpreter
else:
    collect_ignore_glob = ["*"]  # Triton has no packages for other systems than Linux


@pytest.fixture(autouse=True)
def poisoned():
    """Numbers that nobody has written are NaN."""
    torch.use_deterministic_algorithms(True, warn_only=True)  # cuBLAS would be refused
    assert torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def guarded(monkeypatch):
    """A list for tensors; interpreted kernels must then read and write only inside of them."""
    tensors = []

    def check(pointers, mask):
        used = pointers.data[np.broadcast_to(mask.data, pointers.data.shape).astype(bool)]
        inside = np.zeros(used.shape, bool)
        for storage in (tensor.untyped_storage() for tensor in tensors):
            first = storage.data_ptr()
            inside |= (first <= used) & (used < first + storage.nbytes())
        assert inside.all(), f"{(~inside).sum()} of {used.size} addresses lie outside all tensors"

    builder = interpreter.InterpreterBuilder
    load, store = builder.create_masked_load, builder.create_masked_store

    def checked_load(self, pointers, mask, *others):
        check(pointers, mask)
        return load(self, pointers, mask, *others)

    def checked_store(self, pointers, value, mask, *others):
        check(pointers, mask)
        return store(self, pointers, value, mask, *others)

    monkeypatch.setattr(builder, "create_masked_load", checked_load)
    monkeypatch.setattr(builder, "create_masked_store", checked_store)
    return tensors


@pytest.fixture
def in_threads(monkeypatch):
    """Makes of an interpreted kernel one whose programs run at the same time, as on a GPU."""
    here = threading.local()
    builder = interpreter.InterpreterBuilder

    def of_thread(name):
        usual = getattr(builder, f"create_get_{name}")

        def answer(self, axis):
            if not hasattr(here, name):
                return usual(self, axis)
            number = np.array([getattr(here, name)[axis]], np.int32)
            return interpreter.TensorHandle(number, interpreter.tl.int32)

        monkeypatch.setattr(builder, f"create_get_{name}", answer)

    of_thread("program_id")
    of_thread("num_programs")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)

    class InThreads:
        def __init__(self, kernel):
            self.kernel = kernel

        def __getitem__(self, grid):
            return lambda *args, **options: self.run(grid, args, options)

        def run(self, grid, args, options):
            errors = []

            def program(x, y):
                here.program_id, here.num_programs = (x, y, 0), (*grid, 1)
                try:
                    self.kernel[1, 1](*args, **options)
                except Exception as error:
                    errors.append(error)

            # Each program's launch changes Triton's language and changes it back. With this change
            # around all of them, the first one to end does not take it away from the others.
            scope = interpreter._patch_lang(self.kernel.fn)
            threads = [
                threading.Thread(target=program, args=(x, y), daemon=True)
                for x in range(grid[0])
                for y in range(grid[1])
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=120)
            assert not any(thread.is_alive() for thread in threads), "a program waits for ever"
            scope.restore()
            assert not errors, errors

    yield InThreads
    sys.setswitchinterval(interval)
