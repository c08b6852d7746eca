"""Sources written against torch's C++ headers, compiled with ours: tensors and operators."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

import rushlight
import rushlight.nn.functional as F
from rushlight.autograd import Function, gradcheck
from rushlight.utils import cpp_extension

SOURCES = Path(__file__).parent / "sources"


def built(name: str):
    """Compile a source of this directory."""
    return cpp_extension.load(f"headers_{name}", [SOURCES / f"{name}.cpp"], extra_cflags=["-O0"])


@pytest.fixture(scope="module")
def lltm(compiler):
    return built("lltm")


@pytest.fixture(scope="module")
def tensors(compiler):
    return built("tensors")


@pytest.fixture(scope="module")
def operators(compiler):
    return built("operators")


@pytest.fixture
def x():
    rushlight.manual_seed(0)
    return rushlight.rand(3, 4, dtype=rushlight.float64) + 0.1


@pytest.fixture
def y():
    rushlight.manual_seed(1)
    return rushlight.rand(3, 4, dtype=rushlight.float64) + 0.1


def assert_same(found, expected):
    """Compare tensors exactly in dtype and shape, closely in value."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    rushlight.testing.assert_close(found, expected)


# --- programs of tutorials ---


def lltm_by_hand(x, w, b, h, c):
    """The cell of sources/lltm.cpp with Python's operators."""
    gates = rushlight.addmm(b, rushlight.cat([h, x], 1), w.T)
    i, o, candidate = gates.chunk(3, 1)
    cell = c + F.elu(candidate) * i.sigmoid()
    return cell.tanh() * o.sigmoid(), cell


def test_lltm_matches_its_python_form(lltm):
    class LLTM(Function):
        @staticmethod
        def forward(ctx, x, w, b, h, c):
            outputs = lltm.forward(x, w, b, h, c)
            ctx.save_for_backward(*outputs[1:], w)
            return tuple(outputs[:2])

        @staticmethod
        def backward(ctx, gh, gc):
            found = lltm.backward(gh.contiguous(), gc.contiguous(), *ctx.saved_tensors)
            d_h, d_x, d_w, d_b, d_c = found
            return d_x, d_w, d_b, d_h, d_c

    rushlight.manual_seed(0)
    shapes = ((3, 4), (6, 6), (1, 6), (3, 2), (3, 2))
    inputs = [rushlight.randn(*s, dtype=rushlight.float64, requires_grad=True) for s in shapes]
    for found, expected in zip(LLTM.apply(*inputs), lltm_by_hand(*inputs), strict=True):
        assert_same(found, expected)
    assert gradcheck(LLTM.apply, tuple(inputs))


def test_gelu_is_gelu_and_records_its_gradient(lltm):
    rushlight.manual_seed(0)
    x = rushlight.randn(40, dtype=rushlight.float64, requires_grad=True)
    assert (lltm.gelu(x) - F.gelu(x)).abs().max().item() <= 1e-15
    assert gradcheck(lltm.gelu, (x,))
    (expected,) = rushlight.autograd.grad(F.gelu(x).sum(), x)
    found = lltm.gelu_backward(rushlight.ones(40, dtype=rushlight.float64), x)
    assert (found - expected).abs().max().item() <= 1e-15


def test_check_of_the_input_raises(lltm, x):
    args = (x.t(), x, x, x, x)
    with pytest.raises(RuntimeError, match=r"^input must be contiguous$"):
        lltm.forward(*args)


# --- what a tensor is ---


@pytest.mark.parametrize(
    "tensor",
    [
        rushlight.ones(2, 3),
        rushlight.ones(4, 6, dtype=rushlight.float16)[1:, ::2],
        rushlight.ones(2, 3, dtype=rushlight.bfloat16).t(),
        rushlight.ones(2, 3, 1, dtype=rushlight.complex64).expand(2, 3, 5),
        rushlight.ones(2, 3, 4, 5).to(memory_format=rushlight.channels_last),
        rushlight.tensor(True),
        rushlight.zeros(0, 3, dtype=rushlight.int16),
        rushlight.ones(1, 1, 1, 1, 1, 1, 2, dtype=rushlight.uint8),
        rushlight.ones(2, requires_grad=True),
    ],
    ids=lambda t: f"{t.dtype}-{tuple(t.shape)}",
)
def test_metadata(tensors, tensor):
    found = tensors.metadata(tensor)
    assert found["sizes"] == list(tensor.shape)
    assert found["strides"] == list(tensor.stride())
    assert found["dim"] == tensor.ndim
    assert found["numel"] == tensor.numel()
    assert found["element_size"] == tensor.element_size()
    assert found["nbytes"] == tensor.nbytes
    assert found["dtype"] is tensor.dtype
    assert found["is_float32"] == (tensor.dtype is rushlight.float32)
    assert found["contiguous"] == tensor.is_contiguous()
    assert found["channels_last"] == tensor.is_contiguous(memory_format=rushlight.channels_last)
    assert found["device"] == rushlight.device("cpu")
    assert not found["cuda"]
    assert found["requires_grad"] == tensor.requires_grad
    assert found["leaf"]
    assert found["offset"] == tensor.storage_offset()
    assert found["floating"] == tensor.is_floating_point()
    assert found["data"] == tensor.data_ptr()
    assert found["kind"] == f"CPU{found['name']}Type"


def test_accessors(tensors):
    a = rushlight.arange(12, dtype=rushlight.float64).reshape(3, 4)
    assert tensors.accessor_sum(a.t()) == 66
    assert tensors.accessor_sum(a[:, ::3]) == a[:, ::3].sum().item()
    source, target = rushlight.rand(2, 3, 4), rushlight.zeros(4, 3, 2)
    tensors.packed_transpose(source, target)
    assert_same(target, source.permute(2, 1, 0))


def test_indices(tensors, x):
    expected = [
        x[1],
        x[:, 1],
        x[::2, None, ..., -1],
        x[..., 1:],
        x[x > 0.5],
        x[[0, 2]],
        x[[2, 0], 0:2],
        x[:, 1:3],
        x[True],
    ]
    for which, value in enumerate(expected):
        assert_same(tensors.indexed(x, which), value)


def test_assignment_through_indices(tensors, x):
    expected = x.clone()
    expected[0], expected[1], expected[:, 0], expected[2, 1:3] = 7, 14, -1, 0
    assert_same(tensors.assigned(x), expected)


def test_factories(tensors, x):
    f32, f64, i32, i64 = rushlight.float32, rushlight.float64, rushlight.int32, rushlight.int64
    expected = [
        rushlight.zeros(2, 3),
        rushlight.ones(2, dtype=i32),
        rushlight.full((2, 2), 1.5),
        rushlight.arange(4),
        rushlight.tensor([1, 1.5, 2, 2.5]),
        rushlight.linspace(0, 1, 5),
        rushlight.eye(3),
        rushlight.zeros(3, 4, dtype=f64),
        rushlight.full((3, 4), 2.0, dtype=f64),
        rushlight.zeros(0, 3, dtype=i64),
        rushlight.ones(1, dtype=i64),
        rushlight.tensor([1, 2, 3]),
        rushlight.tensor([1.0, 2.0]),
        rushlight.tensor([1.0, 2.0], dtype=f64),
        rushlight.tensor(3.5),
        rushlight.tensor(True),
        rushlight.tensor([[1, 2], [3, 4]]),
        rushlight.tensor([0.5, 1.5]),
        rushlight.tensor([[1, 2, 3], [4, 5, 6]], dtype=f32),
        rushlight.tensor([1, 4], dtype=f32),
        rushlight.full((2, 3), 4.0),
        rushlight.zeros(2, dtype=f64),
        rushlight.zeros(2, dtype=rushlight.float16),
        x.to(rushlight.bfloat16),
        x,
        rushlight.tensor(2.0),
        rushlight.ones(2),
        rushlight.tensor([3, 3]),
        rushlight.tensor([0]),
    ]
    found = tensors.made(x)
    for got, wanted in zip(found, expected, strict=True):
        assert_same(got.detach(), wanted)
    assert found[20].stride() == (1, 2)
    assert found[26].requires_grad


def test_borrowed_memory_is_freed_with_its_last_view(tensors):
    before = tensors.freed()
    whole = tensors.borrowed(4)
    part = whole[1:]
    assert whole.tolist() == [0, 1, 2, 3]
    del whole
    gc.collect()
    assert tensors.freed() == before
    assert part.tolist() == [1, 2, 3]
    del part
    gc.collect()
    assert tensors.freed() == before + 1


def test_items_and_identity(tensors, x, y):
    assert tensors.number(rushlight.tensor(2.5)) == 2.5
    assert tensors.number(rushlight.tensor([[3]])) == 3
    assert tensors.numbers(rushlight.tensor(3)) == (3, 3.0, False)
    assert tensors.aliases(x, x)
    assert not tensors.aliases(x, y)


def test_in_place_operators(tensors, x, y):
    expected = ((x + y) * 2 - 1).clamp(-1, 1)
    expected[0] = 0
    target = x.clone()
    assert tensors.in_place(target, y) is target
    assert_same(target, expected)


def test_operator_symbols(tensors, x, y):
    n = rushlight.tensor([1, 2])
    assert_same(tensors.promoted(n), (1 - n) * 2 + n / 2 - 3 / (n + 4) + -n)
    expected = [x < y, x >= 0.5, 0.5 < x, x == y, x != 1, ~(x == y), (x > 0) & (y > 0)]
    for got, wanted in zip(tensors.compared(x, y), expected, strict=True):
        assert rushlight.equal(got, wanted)


# --- dispatch ---

FLOATING = {"float32", "float64"}
INTEGRAL = {"uint8", "int8", "int16", "int32", "int64"}
COMPLEX = {"complex64", "complex128"}
REDUCED = {"float16", "bfloat16"}
DISPATCHED = {
    "FLOATING_TYPES": FLOATING,
    "FLOATING_TYPES_AND_HALF": FLOATING | {"float16"},
    "FLOATING_TYPES_AND": FLOATING | {"bfloat16"},
    "FLOATING_TYPES_AND2": FLOATING | REDUCED,
    "FLOATING_AND_COMPLEX_TYPES": FLOATING | COMPLEX,
    "ALL_TYPES": FLOATING | INTEGRAL,
    "ALL_TYPES_AND": FLOATING | INTEGRAL | {"bool"},
    "ALL_TYPES_AND2": FLOATING | INTEGRAL | {"bool", "float16"},
    "ALL_TYPES_AND3": FLOATING | INTEGRAL | REDUCED | {"bool"},
    "ALL_TYPES_AND_COMPLEX": FLOATING | INTEGRAL | COMPLEX,
    "ALL_TYPES_AND_COMPLEX_AND2": FLOATING | INTEGRAL | COMPLEX | {"bool", "float16"},
    "ALL_TYPES_AND_COMPLEX_AND3": FLOATING | INTEGRAL | COMPLEX | REDUCED | {"bool"},
    "INTEGRAL_TYPES": INTEGRAL,
    "INTEGRAL_TYPES_AND": INTEGRAL | {"bool"},
    "COMPLEX_TYPES": COMPLEX,
    "REDUCED_FLOATING_TYPES": REDUCED,
    "SWITCH": FLOATING | {"int64"},
}
CPP_NAMES = {
    "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "float16": "Half", "float32": "Float", "float64": "Double", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble", "bool": "Bool", "bfloat16": "BFloat16",
}  # fmt: skip


@pytest.mark.parametrize("macro", DISPATCHED)
def test_dispatch(tensors, macro):
    for name, cpp_name in CPP_NAMES.items():
        tensor = rushlight.zeros(1, dtype=getattr(rushlight, name))
        if name in DISPATCHED[macro]:
            assert tensors.dispatched(tensor, macro) == cpp_name
        else:
            with pytest.raises(
                NotImplementedError, match=f"^\"dispatched\" not implemented for '{cpp_name}'$"
            ):
                tensors.dispatched(tensor, macro)


@pytest.mark.parametrize("name", [n for n in CPP_NAMES if n != "bool"])
def test_elements_in_their_own_type(tensors, name):
    dtype = getattr(rushlight, name)
    source = rushlight.arange(40).remainder(11).to(dtype)
    source = source.reshape(5, 8).t()
    assert_same(tensors.squared(source), (source * source).contiguous())


def test_half_and_bfloat16_round_as_numpy_does(tensors):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    edges = np.array(
        [0, -0.0, 1, 65504, 65519.9, 65520, 1e-8, 6e-8, 5.96e-8, 2.98e-8, 6.1e-5, 3.3e38, np.inf,
         0.1, 1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-8, 1 + 3 * 2**-8], np.float32,
    )  # fmt: skip
    values = np.concatenate([edges, np.random.default_rng(0).standard_normal(200, np.float32)])
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
        brains = values.astype(ml_dtypes.bfloat16)
    assert [tensors.half_bits(float(v)) for v in values] == halves.view(np.uint16).tolist()
    assert [tensors.bfloat16_bits(float(v)) for v in values] == brains.view(np.uint16).tolist()
    bits = np.arange(0, 2**16, 7, dtype=np.uint16)
    widened = [tensors.from_half_bits(int(b)) for b in bits]
    np.testing.assert_array_equal(widened, bits.view(np.float16).astype(np.float64))
    assert np.isnan(tensors.half(float("nan")))


# --- threads ---


def test_parallel_ranges(tensors):
    assert tensors.parallel_sum(10001) == 50005000
    assert tensors.parallel_sum(0) == 0


def test_operators_in_threads(tensors):
    previous = rushlight.get_num_threads()
    rushlight.set_num_threads(3)
    try:
        rows = rushlight.rand(8, 3)
        assert_same(tensors.in_threads(rows, False), rows.exp() + 1)
        with pytest.raises(RuntimeError, match=r"^row 3 fails$"):
            tensors.in_threads(rows, True)
    finally:
        rushlight.set_num_threads(previous)


# --- operators: each against the Python call of the same meaning ---


def expected_unary(x, y):
    return [x.exp(), x.sqrt(), x.erf(), x.abs().log1p(), x.sigmoid(), (x - 0.5).relu(), (-x).tanh()]


def expected_binary(x, y):
    return [
        x + 2 * y, x - 1, x**2, 2**x, x.fmod(0.3), rushlight.maximum(x, y), rushlight.atan2(x, y),
        (x / y).floor(), x % y,
    ]  # fmt: skip


def expected_reduce(x, y):
    f64 = rushlight.float64
    return [
        x.sum(), x.sum(1), x.sum(), x.sum(-1, keepdim=True), x.mean(0), x.mean(), x.prod(), x.std(),
        x.var(1, unbiased=False, keepdim=True), x.norm(), x.norm(1, 0), x.argmax(), x.argmin(1),
        x.amax(0), x.logsumexp(1), (x > 0).any(), (x > 0).all(1), x.cumsum(0), x.sum(dtype=f64),
        x.sum(0, dtype=f64),
    ]  # fmt: skip


def expected_pairs(x, y):
    return [
        *x.max(1), *x.topk(2), *x.sort(0, True), x.min(0, True)[0],
        *rushlight.var_mean(x, 1, True), x.max(), rushlight.maximum(x, y),
    ]  # fmt: skip


def expected_shape(x, y):
    return [
        x.view(-1), x.reshape(4, 3), x.t(), x.t(), x.t(), x, x.flatten(), x.expand(2, 3, 4),
        x.repeat(2, 1), x[:, 1:3], x[1], x.flip(0), x.roll(1, 0), x.tril(), x.triu(1), x.diagonal(),
        x, rushlight.stack([x, y], 1), rushlight.cat([x, y]), x[2:], x[:, :2], x[2],
        y[0].expand(4, 4), x.repeat_interleave(2, 0),
    ]  # fmt: skip


def expected_index(x, y):
    i = rushlight.tensor([2, 0])
    rows = rushlight.tensor([[0, 1], [2, 0]])
    return [
        x[i], x.gather(0, rows), rushlight.where(x > 0.5, x, y), rushlight.where(x > 0.5, x, 0),
        x.masked_fill(x > 0.5, -1), x[x > 0.5], x.nonzero(), x.scatter(0, rows, value=9.0),
        x.scatter_add(0, rows, y), x.index_add(0, i, y[:2]), x.index_fill(1, i, 5), x.take(i),
        F.one_hot(i, 4),
    ]  # fmt: skip


def expected_matmul(x, y):
    product = x @ y.T
    return [
        product, product, 0.5 * product + 2 * product, x @ y[0], x[0] @ y[0], product,
        rushlight.outer(x[0], y[1]), product[None], F.linear(x, y, x[0, :3]),
        rushlight.baddbmm(x[None], product[None], y[None]),
    ]  # fmt: skip


def expected_nn(x, y):
    image, kernel = x.reshape(1, 1, 3, 4), y[:2, :2].reshape(1, 1, 2, 2)
    target = rushlight.tensor([0, 3, 1])
    attended = F.scaled_dot_product_attention(x[None], y[None], y[None])
    return [
        x.softmax(1), x.log_softmax(-1), F.gelu(x), F.gelu(x, "tanh"), F.silu(x),
        F.leaky_relu(x - 0.5, 0.1), F.elu(x - 0.5), F.hardtanh(x, 0, 0.5), F.softplus(x),
        F.conv2d(image, kernel), F.conv2d(image, kernel, padding=1),
        F.conv2d(image, kernel, y[0, :1], (2, 1), (1, 0)), F.max_pool2d(image, 2),
        F.avg_pool2d(image, 2, 1), F.adaptive_avg_pool2d(image, 1), F.layer_norm(x, (4,)),
        F.layer_norm(x, (4,), x[0], y[0]), F.batch_norm(x, None, None, training=True),
        F.group_norm(x, 2), y[target[2:]], x, F.mse_loss(x, y), F.mse_loss(x, y, reduction="sum"),
        F.l1_loss(x, y, reduction="none"), F.nll_loss(x.log_softmax(1), target),
        F.cross_entropy(x, target), F.binary_cross_entropy_with_logits(x, y), x.softmax(0),
        (x - 0.5).relu(), attended,
    ]  # fmt: skip


def expected_types(x, y):
    return [
        x.float(), x.int(), x, x.half(), x, x.float(), x, x, x.t(),
    ]  # fmt: skip


def expected_out(x, y):
    return [x + y, x @ y.T]


@pytest.mark.parametrize(
    "group",
    ["unary", "binary", "reduce", "pairs", "shape", "index", "matmul", "nn", "types", "out"],
)
def test_operators(operators, group, x, y):
    found = operators.run(group, x, y)
    expected = globals()[f"expected_{group}"](x, y)
    assert len(found) == len(expected)
    for got, wanted in zip(found, expected, strict=True):
        assert_same(got, wanted)


def test_operators_record_gradients(operators, x, y):
    x.requires_grad_()
    y.requires_grad_()
    assert gradcheck(lambda x, y: tuple(operators.run("matmul", x, y)), (x, y))
