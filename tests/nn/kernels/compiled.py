"""Compile a kernel for Hopper GPUs where there is none, and say what the machine code needs.

Triton decides when it is imported whether it interprets kernels or compiles them, and the tests
interpret: so another process compiles, one for all kernels.
"""

import functools
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[3]


def compiled(kernel_name, signature, constexprs, num_warps):
    """Registers, spills, shared memory and PTX of a kernel compiled for sm_90.

    Parameters
    ----------
    kernel_name : the module with the function, "gru_course.nn.kernels.scan.forward_kernel"
    signature : {argument: type} of all that are no constexpr, types as Triton writes them: "*fp32",
        "i32". With ":16" at the end the pointer or number is a multiple of 16, which Triton finds
        out by itself when it launches.
    constexprs : {argument: number or bool}
    num_warps : int

    Returns
    -------
    {"registers": per thread, "spills": bytes of local memory per thread, "shared": bytes per
    program, "ptx": text}
    """
    order = json.dumps([kernel_name, signature, constexprs, num_warps])
    compiler = _compiler()
    compiler.stdin.write(f"{order}\n")
    compiler.stdin.flush()
    answer = json.loads(compiler.stdout.readline())
    assert "error" not in answer, f"{kernel_name} does not compile:\n{answer['error']}"
    return answer


@functools.cache
def _compiler():
    """Reads an order a line and writes an answer a line, until its input ends with the tests."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRITON_INTERPRET": "0"}
    command, pipe = [sys.executable, __file__], subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)


def _compile(kernel_name, signature, constexprs, num_warps):
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    module, name = kernel_name.rsplit(".", 1)
    kernel = getattr(importlib.import_module(module), name)
    types, multiples = dict(signature), {}
    for argument, written in signature.items():
        types[argument], _, multiple = written.partition(":")
        if multiple:
            place = (kernel.arg_names.index(argument),)
            multiples[place] = [["tt.divisibility", int(multiple)]]
    # Types go by the order of the arguments.
    types = {a: types.get(a, "constexpr") for a in kernel.arg_names}
    source = ASTSource(kernel, types, constexprs, multiples)
    target = GPUTarget("cuda", 90, 32)
    program = triton.compile(source, target=target, options={"num_warps": num_warps})

    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(program.asm["cubin"])
        file.flush()
        tool = Path(triton.__file__).with_name("backends") / "nvidia" / "bin" / "cuobjdump"
        usage = subprocess.run(
            [tool, "-res-usage", file.name], capture_output=True, text=True, check=True
        ).stdout
    (registers, stack, local), *others = re.findall(r"REG:(\d+) STACK:(\d+) .*LOCAL:(\d+)", usage)
    assert not others, f"one function expected, got:\n{usage}"
    return {
        "registers": int(registers),
        "spills": int(stack) + int(local),
        "shared": program.metadata.shared,
        "ptx": program.asm["ptx"],
    }


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # so that nothing else is taken for an answer
    for line in sys.stdin:
        try:
            answer = _compile(*json.loads(line))
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)
