"""Where torch only computes, and where it does more."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from gru_course.nn._modes import plain


class Passing(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Asked(torch.nn.Module):
    """Notes what `plain` answers while it runs."""

    def forward(self, x):
        answers.append(plain(x))
        return x * 2


answers = []
X = torch.ones(2)


def compiled(x):
    torch._dynamo.graph_break()  # what follows runs as written, called from a compiled function
    return Asked()(x)


def inside(mode):
    with mode:
        Asked()(X)


def batched_gradients():
    x = X.clone().requires_grad_()
    y = x * 2
    y.register_hook(lambda grad: answers.append(plain(grad)))
    torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True)


MORE = {
    "jit.trace": lambda: torch.jit.trace(Asked(), X, check_trace=False),
    "export": lambda: torch.export.export(Asked(), (X,)),
    "make_fx": lambda: make_fx(Asked())(X),
    "compile": lambda: torch.compile(compiled, backend="eager")(X),
    "symbolic_trace": lambda: torch.fx.symbolic_trace(Asked()),
    "vmap": lambda: torch.vmap(Asked())(X[None]),
    "grad": lambda: torch.func.grad(lambda x: Asked()(x).sum())(X),
    "jvp": lambda: torch.func.jvp(Asked(), (X,), (X,)),
    "forward-mode": lambda: inside(forward_ad.dual_level()),
    "functionalize": lambda: torch.func.functionalize(Asked())(X),
    "batched gradients": batched_gradients,
    "autocast": lambda: inside(torch.autocast("cpu")),
    "fake mode": lambda: inside(FakeTensorMode(allow_non_fake_inputs=True)),
    "fake tensor": lambda: Asked()(FakeTensorMode().from_tensor(X)),
    "dispatch mode": lambda: inside(FlopCounterMode(display=False)),
    "function mode": lambda: inside(Passing()),
    "subclass": lambda: Asked()(X.as_subclass(type("Own", (torch.Tensor,), {}))),
}


@pytest.mark.parametrize("what", MORE)
def test_torch_does_more_than_compute(what):
    answers.clear()
    MORE[what]()
    assert answers
    assert not any(answers)


def test_torch_only_computes():
    answers.clear()
    Asked()(X)
    Asked()(torch.nn.Parameter(X))
    for mode in (
        torch.device("cpu"),
        torch.no_grad(),
        torch.inference_mode(),
        torch.autocast("cpu", enabled=False),
        torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x),
    ):
        inside(mode)
    assert answers == [True] * 7


def test_a_strict_export_takes_the_other_way():
    class Chooses(torch.nn.Module):
        def forward(self, x):
            return x if plain(x) else -x

    program = torch.export.export(Chooses(), (X,), strict=True)
    assert torch.equal(program.module()(X), -X)
