"""The meta device: shapes, strides and dtypes are right, and no value is ever there."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest

import rushlight
from rushlight import nn
from rushlight.autograd import interception


def empty(*shape, **options):
    return rushlight.empty(*shape, device="meta", **options)


def test_a_tensor_without_values():
    x = empty(2, 3)
    assert x.is_meta
    assert not x.is_cpu
    assert repr(x) == "tensor(..., device='meta', size=(2, 3))"
    assert repr(x.half()) == "tensor(..., device='meta', size=(2, 3), dtype=torch.float16)"
    assert x.type() == "torch.meta.FloatTensor"
    assert x.stride() == (3, 1)
    assert x.t().stride() == (1, 3)
    assert x.data_ptr() == 0


@pytest.mark.parametrize(
    ("read", "error", "words"),
    [
        (lambda x: x.cpu(), NotImplementedError, "no data"),
        (lambda x: x.to("cpu"), NotImplementedError, "no data"),
        (lambda x: x.tolist(), NotImplementedError, "no data"),
        (lambda x: rushlight.ones(1).copy_(x), NotImplementedError, "no data"),
        (lambda x: x.item(), RuntimeError, "cannot be called on meta tensors"),
        (lambda x: bool(x), RuntimeError, "cannot be called on meta tensors"),
        (lambda x: float(x), RuntimeError, "cannot be called on meta tensors"),
        (lambda x: rushlight.equal(x, x), RuntimeError, "cannot be called on meta tensors"),
        (lambda x: x.numpy(), TypeError, "can't convert meta device type tensor to numpy"),
        (lambda x: x[x > 0], NotImplementedError, "depends on values"),
        (lambda x: x.nonzero(), NotImplementedError, "depends on values"),
    ],
)
def test_reading_values_is_refused(read, error, words):
    with pytest.raises(error, match=words):
        read(empty(1))


OPERATIONS = {
    "broadcast": lambda T, x: x + T.empty(4, 1, 1, device="meta"),
    "half": lambda T, x: x.half() * 2,
    "integers": lambda T, x: x.long() / 2,
    "comparison": lambda T, x: x > 0,
    "product": lambda T, x: x @ T.empty(3, 5, device="meta"),
    "batches": lambda T, x: x.expand(4, 2, 3) @ x.mT,
    "reductions": lambda T, x: [x.sum(), x.mean(1, keepdim=True), x.var(0), x.amax(1)],
    "extrema": lambda T, x: [*x.max(1), *x.sort(), *x.topk(2)],
    "views": lambda T, x: [x[0], x[:, 1:], x.view(3, 2), x.t(), x.unfold(1, 2, 1)],
    "copies": lambda T, x: [x.t().reshape(-1), x.t().contiguous(), x.clone(), x.repeat(2, 2)],
    "joined": lambda T, x: [T.cat([x, x]), T.stack([x, x], 1), *x.chunk(2)],
    "softmax": lambda T, x: x.softmax(-1).log(),
    "picked": lambda T, x: [x.gather(1, x.long()), x.index_select(0, x[0].long())],
    "where": lambda T, x: T.where(x > 0, x, 0.0),
    "losses": lambda T, x: T.nn.functional.cross_entropy(x, x.sum(1).long()),
    "attention": lambda T, x: T.nn.functional.scaled_dot_product_attention(
        *[x[None, None]] * 3, is_causal=True
    ),
    "written": lambda T, x: [x.add_(1), x.zero_(), x.normal_(), x.copy_(T.ones(2, 3))],
    "random": lambda T, x: [T.randn_like(x), T.bernoulli(x), T.multinomial(x, 2), x.dropout(0.5)]
    if hasattr(x, "dropout")
    else [T.randn_like(x), T.bernoulli(x), T.multinomial(x, 2)],
    "einsum": lambda T, x: T.einsum("ij,kj->ik", x, x),
    "complex": lambda T, x: T.fft.fft(x),
    "linalg": lambda T, x: [*T.linalg.svd(x)],
}  # fmt: skip


def signatures(result):
    parts = result if isinstance(result, (list, tuple)) else [result]
    return [(tuple(t.shape), t.stride(), str(t.dtype), str(t.device)) for t in parts]


@pytest.mark.parametrize("name", OPERATIONS)
def test_results_have_torchs_form(torch, name):
    ours, theirs = (
        signatures(OPERATIONS[name](T, T.empty(2, 3, device="meta"))) for T in (rushlight, torch)
    )
    if name in ("linalg", "random"):  # there strides are the library's business
        ours, theirs = ([(s, d) for s, _, d, _ in each] for each in (ours, theirs))
    assert ours == theirs


FACTORIES = [
    lambda T: T.ones(2), lambda T: T.tensor([1, 2]), lambda T: T.arange(3), lambda T: T.randn(2),
    lambda T: T.eye(2), lambda T: T.full((2,), 3.0), lambda T: T.randperm(4),
    lambda T: T.linspace(0, 1, 3), lambda T: T.empty_strided((2, 2), (1, 2)),
    lambda T: T.zeros_like(T.ones(2)), lambda T: T.randint(0, 3, (2,)),
]  # fmt: skip


@pytest.mark.parametrize("make", FACTORIES)
def test_the_default_device(make):
    with rushlight.device("meta"):
        made = make(rushlight)
        with rushlight.device("cpu"):
            assert make(rushlight).is_cpu
    assert made.is_meta
    assert (made.shape, made.dtype) == (make(rushlight).shape, make(rushlight).dtype)


def test_setting_the_default_device():
    rushlight.set_default_device("meta")
    try:
        assert rushlight.ones(1).is_meta
        assert rushlight.get_default_device() == rushlight.device("meta")
    finally:
        rushlight.set_default_device(None)
    assert rushlight.ones(1).is_cpu


def network():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8 * 16, 10), nn.LayerNorm(10), nn.Dropout(),
    )  # fmt: skip


def test_forward_and_backward_of_a_network():
    with rushlight.device("meta"):
        net = network()
        y = net(rushlight.empty(2, 3, 8, 8))
    assert (tuple(y.shape), y.is_meta) == ((2, 10), True)
    y.square().mean().backward()
    for p in net.parameters():
        assert p.grad.is_meta
        assert p.grad.shape == p.shape


@pytest.mark.parametrize(
    ("make", "inputs", "shape"),
    [
        (lambda: nn.LSTM(3, 5, 2), [(4, 2, 3)], (4, 2, 5)),
        (lambda: nn.TransformerEncoderLayer(4, 2, 8), [(3, 2, 4)], (3, 2, 4)),
        (lambda: nn.MultiheadAttention(4, 2), [(3, 2, 4)] * 3, (3, 2, 4)),
        (lambda: nn.ConvTranspose2d(3, 4, 2), [(1, 3, 4, 4)], (1, 4, 5, 5)),
        (lambda: nn.Upsample(scale_factor=2), [(1, 1, 2, 2)], (1, 1, 4, 4)),
    ],
)
def test_layers(make, inputs, shape):
    with rushlight.device("meta"):
        y = make()(*[rushlight.empty(*s) for s in inputs])
    y = y[0] if isinstance(y, tuple) else y
    assert (tuple(y.shape), y.is_meta) == (shape, True)


def test_from_meta_to_memory():
    with rushlight.device("meta"):
        net = network()
    with pytest.raises(NotImplementedError, match=r"Please use torch.nn.Module.to_empty\(\)"):
        net.to("cpu")
    twin = copy.deepcopy(net).to_empty(device="cpu")
    assert all(p.is_cpu and isinstance(p, nn.Parameter) for p in twin.parameters())
    assert network().to("meta")[0].weight.is_meta
    net.load_state_dict(network().state_dict(), assign=True)
    assert net(rushlight.randn(2, 3, 8, 8)).isfinite().all()


def test_loading_into_nothing():
    layer, state = nn.Linear(1, 1, device="meta"), nn.Linear(1, 1).state_dict()
    with pytest.warns(UserWarning, match="which is a no-op"):
        layer.load_state_dict(state)
    with pytest.raises(RuntimeError, match=r"copying the parameter named \"weight\".*no data"):
        nn.Linear(1, 1).load_state_dict(layer.state_dict())


def test_size_costs_nothing():
    with rushlight.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("error")
        huge = rushlight.empty(10**6, 10**5)
        assert tuple((huge @ huge.t() + 1).sum(0).shape) == (10**6,)
        layers = [nn.Linear(10**5, 10**5) for _ in range(20)]
    assert sum(p.numel() for layer in layers for p in layer.parameters()) == 20 * (10**10 + 10**5)


def test_nothing_is_left_behind():
    before = interception.interceptors
    x = empty(3)
    assert len(interception.interceptors) == len(before) + 1
    y = x * 2
    del x, y
    assert interception.interceptors == before


def test_copies_of_all_kinds():
    x = empty(2, 3).t()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.to("meta", copy=True)):
        assert (twin.is_meta, twin.shape) == (True, x.shape)
