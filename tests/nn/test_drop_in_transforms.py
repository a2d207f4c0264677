"""Side by side with `torch.nn.GRU` wherever torch does more than compute."""

import io

import onnxruntime
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils._per_sample_grad import call_for_per_sample_grads
from torch.nn.utils.rnn import pack_padded_sequence

from gru_course.nn import GRU

OPTIONS = {"plain": {}, "all": {"num_layers": 2, "bidirectional": True, "batch_first": True}}
X, OTHER = torch.randn(2, 3, 3, 2, generator=torch.Generator().manual_seed(0))
WIDER = torch.randn(4, 4, 2, generator=torch.Generator().manual_seed(1))  # more steps and sequences


class Model(torch.nn.Module):
    def __init__(self, gru):
        super().__init__()
        torch.manual_seed(0)
        self.gru = gru
        self.linear = torch.nn.Linear(gru.hidden_size * (1 + gru.bidirectional), 2)

    def forward(self, x):
        hs, h_last = self.gru(x)
        return self.linear(hs), h_last


def assert_same(run, options, tolerance=1e-5):
    """All that `run(model)` returns is the same, in values and dtypes, for both layers."""
    torch.manual_seed(0)
    torchs, ours = torch.nn.GRU(2, 3, **options), GRU(2, 3, **options)
    ours.load_state_dict(torchs.state_dict())
    wanted, found = (torch.utils._pytree.tree_leaves(run(Model(gru))) for gru in (torchs, ours))
    assert wanted
    torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)


def gradients(model, outputs):
    loss = sum((output.float() ** 2).sum() for output in outputs)
    return torch.autograd.grad(loss, list(model.parameters()))


def autocast(model, x=X, dtype=torch.bfloat16):
    with torch.autocast("cpu", dtype):
        outputs = model(x)
    return outputs, gradients(model, outputs)


def autocast_packed(model):
    model.gru.batch_first = False
    with torch.autocast("cpu"):
        hs, h_last = model.gru(pack_padded_sequence(X, [2, 3, 1], enforce_sorted=False))
    return hs.data, h_last, gradients(model.gru, (hs.data, h_last))


def autocast_after_another_layer(model):
    torch.manual_seed(0)
    first = torch.nn.Linear(2, 2)
    with torch.autocast("cpu"):
        return model(first(X))


def traced(model):
    return torch.jit.trace(model, X)(OTHER), torch.jit.trace(model, X)(WIDER)


def scripted(model):
    script = torch.jit.script(model)
    file = io.BytesIO()
    torch.jit.save(script, file)
    file.seek(0)
    return script(X), gradients(script, script(X)), torch.jit.load(file)(WIDER), model(X)


def symbolic(model):
    graph = torch.fx.symbolic_trace(model)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == [
        "gru",
        "linear",
    ]
    return graph(WIDER)


def exported(model, strict=False):
    batch = 0 if model.gru.batch_first else 1
    shapes = ({batch: torch.export.Dim("N")},)
    program = torch.export.export(model, (X,), dynamic_shapes=shapes, strict=strict)
    return program.module()(OTHER), program.module()(WIDER.narrow(1 - batch, 0, 3))


def in_onnx_runtime(file, *inputs):
    session = onnxruntime.InferenceSession(file.getvalue())
    name = session.get_inputs()[0].name
    return [torch.tensor(y) for x in inputs for y in session.run(None, {name: x.numpy()})]


def onnx_by_tracing(model):
    file, axes = io.BytesIO(), {"x": {0: "a", 1: "b"}}
    torch.onnx.export(model.eval(), (X,), file, dynamo=False, input_names=["x"], dynamic_axes=axes)
    found = in_onnx_runtime(file, OTHER, WIDER)
    torch.testing.assert_close(found, [*model(OTHER), *model(WIDER)], rtol=0, atol=1e-5)
    return found


def onnx_by_export(model):
    file = io.BytesIO()
    torch.onnx.export(model.eval(), (X,), dynamo=True, verbose=False).save(file)
    found = in_onnx_runtime(file, OTHER)
    torch.testing.assert_close(found, [*model(OTHER)], rtol=0, atol=1e-5)
    return found


def fake(model):
    with FakeTensorMode():
        outputs = Model(type(model.gru)(2, 3))(torch.empty(3, 4, 2))
    return [torch.empty(output.shape, device="meta") for output in outputs]


def compiled(model, **options):
    torch.compiler.reset()
    function = torch.compile(model, backend="aot_eager", **options)
    return [(function(x), gradients(model, function(x))) for x in (X, WIDER, OTHER[:, :2])]


def states(model):
    return lambda x: model.gru(x)[0]


def parameters_and_loss(model):
    parameters = {name: weight.detach() for name, weight in model.named_parameters()}
    return parameters, lambda given, x: functional_call(model, given, (x,))[0].pow(2).sum()


def func_grad(model):
    parameters, loss = parameters_and_loss(model)
    return torch.func.grad(loss, (0, 1))(parameters, X)


def per_sample_gradients(model):
    first = model.gru.batch_first
    model.gru.zero_grad()
    call = call_for_per_sample_grads(model.gru, batch_size=3, batch_first=first)
    call(X)[0].pow(2).sum().backward()
    return [weight.grad_sample for weight in model.gru.parameters()]


def quantized(model):
    # What the docstring says: torch's class for the search, ours afterwards.
    kind, model.gru.__class__ = type(model.gru), torch.nn.GRU
    smaller = torch.ao.quantization.quantize_dynamic(model, {torch.nn.GRU})
    model.gru.__class__ = kind
    assert type(smaller.gru) is torch.ao.nn.quantized.dynamic.GRU
    return smaller(X), model(X)


SAME = {
    "autocast": autocast,
    "autocast of bfloat16": lambda model: autocast(model, X.bfloat16()),
    "autocast to float16": lambda model: autocast(model, dtype=torch.float16),
    "autocast, packed": autocast_packed,
    "autocast after a layer": autocast_after_another_layer,
    "jit.trace": traced,
    "jit.script": scripted,
    "fx.symbolic_trace": symbolic,
    "torch.export": exported,
    "torch.export, strict": lambda model: exported(model, strict=True),
    "ONNX by tracing": onnx_by_tracing,
    "ONNX by torch.export": onnx_by_export,
    "make_fx": lambda model: make_fx(model)(X)(OTHER),
    "fake tensors": fake,
    "compile": compiled,
    "compile, dynamic": lambda model: compiled(model, dynamic=True),
    "func.grad": func_grad,
    "func.jacrev": lambda model: torch.func.jacrev(states(model))(X),
    "func.jacfwd": lambda model: torch.func.jacfwd(states(model))(X),
    "func.hessian": lambda model: torch.func.hessian(lambda x: model(x)[0].sum())(X),
    "func.jvp": lambda model: torch.func.jvp(states(model), (X,), (OTHER,)),
    "per-sample gradients": per_sample_gradients,
    "quantize_dynamic": quantized,
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("what", SAME)
def test_the_same(what, options):
    assert_same(SAME[what], OPTIONS[options])


def test_vmap_is_refused_as_torch_refuses_it():
    for layer in (torch.nn.GRU(2, 3), GRU(2, 3)):
        parameters, loss = parameters_and_loss(layer)
        for function in (layer, lambda x, p=parameters, f=loss: torch.func.grad(f)(p, x)):
            with pytest.raises(RuntimeError, match=r"Batching rule|broadcast shape"):
                torch.func.vmap(function)(torch.stack([X, OTHER]))


def test_an_error_of_symbolic_trace_is_of_the_same_kind():
    for layer in (torch.nn.GRU(2, 3), GRU(2, 3)):  # not a part of a model, so not a leaf
        with pytest.raises(ValueError, match=r"input|control flow"):
            torch.fx.symbolic_trace(layer)
