"""The Tensor: dtypes and promotion, NumPy and DLPack, numbers out of it, devices, sizes."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import rushlight

DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
]  # fmt: skip
NUMPY = [d for d in DTYPES if d != "bfloat16"]
PROMOTIONS = Path(__file__).parent / "golden" / "promotions.json"


# --- dtypes ---


@pytest.mark.parametrize("name", DTYPES)
def test_dtype_attributes(T, name):
    dtype = getattr(T, name)
    assert str(dtype) == repr(dtype) == f"torch.{name}"
    assert dtype.is_floating_point is (name in ("float16", "bfloat16", "float32", "float64"))
    assert dtype.is_complex is name.startswith("complex")
    assert dtype.is_signed is (name not in ("bool", "uint8"))
    assert dtype.itemsize == T.zeros(1, dtype=dtype).element_size()
    assert T.zeros(2, dtype=dtype).dtype is dtype


def test_dtype_aliases(T):
    pairs = {
        "float": "float32", "double": "float64", "half": "float16", "long": "int64",
        "int": "int32", "short": "int16", "cfloat": "complex64", "cdouble": "complex128",
    }  # fmt: skip
    for alias, name in pairs.items():
        assert getattr(T, alias) is getattr(T, name)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_finfo(T, name):
    info = T.finfo(getattr(T, name))
    bits, eps, largest = {
        "float16": (16, 2.0**-10, 65504.0),
        "bfloat16": (16, 2.0**-7, 3.3895313892515355e38),
        "float32": (32, 2.0**-23, 3.4028234663852886e38),
        "float64": (64, 2.0**-52, 1.7976931348623157e308),
    }[name]
    assert (info.bits, info.eps, info.max, info.min) == (bits, eps, largest, -largest)
    assert info.tiny == info.smallest_normal
    assert info.eps <= info.resolution < 10 * info.eps
    assert info.dtype == name


def test_finfo_agrees(torch):
    for name in ("float16", "bfloat16", "float32", "float64", "complex64"):
        ours, theirs = rushlight.finfo(getattr(rushlight, name)), torch.finfo(getattr(torch, name))
        for field in (
            "bits",
            "eps",
            "max",
            "min",
            "tiny",
            "resolution",
            "smallest_normal",
            "dtype",
        ):
            assert getattr(ours, field) == getattr(theirs, field), (name, field)
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo(T, name):
    info = T.iinfo(getattr(T, name))
    limits = np.iinfo(name)
    assert (info.bits, info.min, info.max) == (limits.bits, limits.min, limits.max)
    assert info.dtype == name


def test_info_of_the_wrong_kind(T):
    with pytest.raises(TypeError):
        T.finfo(T.int32)
    with pytest.raises(TypeError):
        T.iinfo(T.float32)


def test_default_dtype(T):
    assert T.get_default_dtype() is T.float32
    try:
        T.set_default_dtype(T.float64)
        assert T.ones(1).dtype is T.tensor(1.5).dtype is T.float64
        assert (T.tensor(1) / 2).dtype is T.float64
        assert T.tensor(1j).dtype is T.complex128
    finally:
        T.set_default_dtype(T.float32)
    with pytest.raises(TypeError, match="only floating-point types are supported"):
        T.set_default_dtype(T.int32)


@pytest.mark.parametrize(
    ("data", "name"),
    [(True, "bool"), (1, "int64"), (1.0, "float32"), (1j, "complex64"), ([1, 2.0], "float32"),
     ([True, 2], "int64"), ([], "float32"), ([[1], [2]], "int64"), ([1, 2j], "complex64")],
)  # fmt: skip
def test_dtypes_of_data(T, data, name):
    assert T.tensor(data).dtype is getattr(T, name)


# --- promotion ---


def operand(T, kind, name):
    """A tensor, a 0-d tensor or a number of a dtype's kind."""
    if kind == "number":
        return {"bool": True, "int": 1, "float": 1.0, "complex": 1j}[name]
    return T.ones(() if kind == "0-d" else (2,), dtype=getattr(T, name))


def promotions(T):
    """The result dtype of the sum of every pair of operands."""
    operands = [(kind, name) for kind in ("tensor", "0-d") for name in DTYPES]
    operands += [("number", name) for name in ("bool", "int", "float", "complex")]
    found = {}
    for (a, x), (b, y) in itertools.product(operands, operands):
        if a == b == "number":
            continue
        # PyTorch has an experimental complex32; here the smallest complex dtype is complex64.
        dtype = str((operand(T, a, x) + operand(T, b, y)).dtype).replace("complex32", "complex64")
        found[f"{a} {x} + {b} {y}"] = dtype.removeprefix("torch.")
    return found


def test_promotion_of_all_pairs():
    assert promotions(rushlight) == json.loads(PROMOTIONS.read_text())


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_promotion_table_is_torchs(torch):
    assert promotions(torch) == json.loads(PROMOTIONS.read_text())


@pytest.mark.parametrize("pair", list(itertools.product(DTYPES, DTYPES)), ids=" ".join)
def test_promote_types(pair):
    a, b = pair
    expected = json.loads(PROMOTIONS.read_text())[f"tensor {a} + tensor {b}"]
    assert (
        str(rushlight.promote_types(getattr(rushlight, a), getattr(rushlight, b)))
        == f"torch.{expected}"
    )
    x, y = operand(rushlight, "tensor", a), operand(rushlight, "tensor", b)
    assert rushlight.result_type(x, y) is getattr(rushlight, expected)


def test_can_cast(T):
    assert T.can_cast(T.int32, T.float16)
    assert T.can_cast(T.float64, T.float16)
    assert not T.can_cast(T.float32, T.int64)
    assert not T.can_cast(T.complex64, T.float32)
    assert not T.can_cast(T.int8, T.bool)


def test_true_division_of_integers(T):
    for name in ("bool", "uint8", "int64"):
        x = T.ones(2, dtype=getattr(T, name))
        assert (x / x).dtype is T.float32
    assert (T.ones(2, dtype=T.float16) / 2).dtype is T.float16
    assert (T.ones(2, dtype=T.bfloat16) / T.ones(2, dtype=T.int64)).dtype is T.bfloat16


def test_comparisons_are_bool(T):
    assert (T.ones(2) > T.ones(2, dtype=T.int8)).dtype is T.bool
    assert (T.tensor([1, 2]) == 1.0).tolist() == [True, False]


# --- NumPy ---

# PyTorch's side of these protocols is that of NumPy 1.
old_protocol = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.mark.parametrize("name", NUMPY)
def test_memory_shared_with_numpy(T, name):
    array = np.ones((2, 3), dtype=name)
    x = T.from_numpy(array)
    assert x.dtype is getattr(T, name)
    array[0, 0] = 0
    assert not x[0, 0]
    x[1, 1] = 0
    assert array[1, 1] == 0
    back = x.numpy()
    assert np.shares_memory(back, array)
    assert back.dtype == array.dtype


def test_as_tensor_shares_and_tensor_copies(T):
    array = np.zeros(3, np.float32)
    shared, own = T.as_tensor(array), T.tensor(array)
    array[0] = 5
    assert shared[0] == 5
    assert own[0] == 0
    assert T.as_tensor(array, dtype=T.float64).dtype is T.float64
    assert T.as_tensor(shared) is shared


def test_strides_survive(T):
    array = np.arange(12.0).reshape(3, 4).T[::2]
    x = T.from_numpy(array)
    assert x.stride() == (2, 4)
    assert x.tolist() == array.tolist()
    assert x.numpy().strides == array.strides


def test_arrays_that_cannot_be_tensors(T):
    with pytest.raises((TypeError, ValueError)):
        T.from_numpy(np.array(["words"]))
    with pytest.raises(ValueError, match="negative"):
        T.from_numpy(np.arange(3)[::-1])
    with pytest.raises(TypeError, match=r"expected np\.ndarray"):
        T.from_numpy([1, 2])


@old_protocol
def test_asarray_and_array_protocol(T):
    x = T.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert np.asarray(x, dtype=np.int32).tolist() == [1, 2]
    assert np.array(x).tolist() == [1.0, 2.0]
    copy = np.array(x, copy=True)
    copy[0] = 9
    assert x[0] == 1
    assert np.stack([x, x]).shape == (2, 2)
    assert float(np.sum(np.asarray(x))) == 3.0


def test_numpy_of_what_has_a_gradient(T):
    x = T.ones(2, requires_grad=True)
    for read in (x.numpy, (x * 2).numpy, lambda: np.asarray(x)):
        with pytest.raises(
            RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"
        ):
            read()
    with T.no_grad():
        assert x.numpy().tolist() == np.asarray(x).tolist() == [1.0, 1.0]
    assert x.numpy(force=True).tolist() == [1.0, 1.0]
    assert x.detach().numpy().tolist() == [1.0, 1.0]


@old_protocol
def test_arithmetic_with_numpy(T):
    x, array = T.tensor([1.0, 2.0]), np.array([10.0, 20.0], np.float32)
    assert isinstance(x + array, T.Tensor)
    assert (x + array).tolist() == [11.0, 22.0]
    assert (x * np.float32(3)).tolist() == [3.0, 6.0]
    assert (x * np.float64(3)).dtype is T.float32
    assert (x + np.int64(1)).tolist() == [2.0, 3.0]


def test_numpy_number_on_the_left(T):
    x = T.tensor([1.0, 2.0])
    result = np.float32(3) * x
    assert result.tolist() == [3.0, 6.0]
    assert isinstance(result, T.Tensor)


@old_protocol
def test_numpy_functions_give_tensors(T):
    x = T.tensor([1.0, 4.0])
    assert isinstance(np.sqrt(x), T.Tensor)
    assert np.sqrt(x).tolist() == [1.0, 2.0]


# --- DLPack ---


@pytest.mark.parametrize("name", ["float32", "int64", "complex64", "uint8", "bool"])
def test_dlpack_with_numpy(T, name):
    x = T.ones(2, 3).to(getattr(T, name))
    array = np.from_dlpack(x)
    assert array.dtype == name
    x[0, 0] = 0
    assert array[0, 0] == 0
    source = np.ones(4, dtype=name)
    y = T.from_dlpack(source)
    source[1] = 0
    assert y.tolist() == source.tolist()


def test_dlpack_with_torch(torch):
    ours = rushlight.arange(6.0).reshape(2, 3)
    theirs = torch.from_dlpack(ours)
    theirs[0, 0] = 100
    assert ours[0, 0] == 100
    strided = torch.arange(6.0).reshape(2, 3).t()
    back = rushlight.from_dlpack(strided)
    assert back.stride() == strided.stride()
    back[0, 1] = -1
    assert strided[0, 1] == -1


def test_dlpack_of_what_has_a_gradient(T):
    with pytest.raises(BufferError, match="require gradient"):
        T.ones(2, requires_grad=True).__dlpack__()
    assert T.ones(2).__dlpack_device__()[0] == 1


# --- numbers out of it ---


def test_item(T):
    for data, kind in ((True, bool), (3, int), (2.5, float), (1 + 2j, complex)):
        value = T.tensor(data).item()
        assert type(value) is kind
        assert value == data
    assert type(T.tensor(1.5, dtype=T.bfloat16).item()) is float
    assert T.tensor([[7]]).item() == 7
    with pytest.raises(
        RuntimeError, match="a Tensor with 2 elements cannot be converted to Scalar"
    ):
        T.ones(2).item()
    with pytest.raises(
        RuntimeError, match="a Tensor with 0 elements cannot be converted to Scalar"
    ):
        T.ones(0).item()


def test_conversions_to_numbers(T):
    assert int(T.tensor(2.9)) == 2
    assert float(T.tensor([3])) == 3.0
    assert complex(T.tensor(2.0)) == 2 + 0j
    assert bool(T.tensor([0.0])) is False
    assert f"{T.tensor(1.23456):.2f}" == "1.23"
    assert f"{T.tensor(1.5)} {T.tensor(2)} {T.tensor([1.5])}" == "1.5 2 tensor([1.5000])"
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{T.tensor([1.5]):.2f}"
    assert round(T.tensor(2.5).item()) == 2
    for convert in (int, float, complex):
        with pytest.raises(ValueError, match="only one element tensors can be converted to Python"):
            convert(T.ones(2))


def test_bool_is_ambiguous(T):
    with pytest.raises(
        RuntimeError, match="Boolean value of Tensor with more than one value is ambiguous"
    ):
        bool(T.ones(2))
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with no values is ambiguous"):
        bool(T.ones(0))


def test_index(T):
    assert [10, 20, 30][T.tensor(1)] == 20
    assert list(range(T.tensor(3))) == [0, 1, 2]
    with pytest.raises(
        TypeError, match="only integer tensors of a single element can be converted to an index"
    ):
        [1, 2][T.tensor(1.0)]
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        [1, 2][T.tensor([0, 1])]


def test_len_iteration_and_membership(T):
    x = T.tensor([[1, 2], [3, 4]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    _, second = x
    assert second.tolist() == [3, 4]
    assert 3 in x
    assert 7 not in x
    with pytest.raises(TypeError, match="len\\(\\) of a 0-d tensor"):
        len(T.tensor(1))
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        list(T.tensor(1))


def test_tolist(T):
    assert T.tensor([[1, 2]]).tolist() == [[1, 2]]
    assert T.tensor(2.5).tolist() == 2.5
    assert T.tensor([1.5], dtype=T.bfloat16).tolist() == [1.5]
    assert T.ones(2, 0).tolist() == [[], []]


# --- sizes ---


def test_size(T):
    size = T.zeros(2, 3, 4).shape
    assert size == (2, 3, 4)
    assert isinstance(size, tuple)
    assert isinstance(size, T.Size)
    assert repr(size) == "torch.Size([2, 3, 4])"
    assert size.numel() == 24
    assert isinstance(size[1:], T.Size)
    assert size[-1] == 4
    assert isinstance(size + size, T.Size)
    assert hash(size) == hash((2, 3, 4))
    n, *rest = size
    assert (n, rest) == (2, [3, 4])
    assert T.Size([1, 2]) == T.Size((1, 2))
    assert T.zeros(size).shape == size
    assert T.zeros(3).size(0) == T.zeros(3).size()[0] == 3


def test_counts(T):
    x = T.zeros(2, 3, dtype=T.float64)
    assert x.dim() == x.ndim == 2
    assert x.numel() == x.nelement() == 6
    assert x.element_size() == x.itemsize == 8
    assert x.nbytes == 48
    assert x.stride() == (3, 1)
    assert x.stride(0) == 3
    assert x.storage_offset() == 0
    assert T.is_tensor(x)
    assert not T.is_tensor([1])
    assert x.is_floating_point()
    assert not x.is_complex()
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.size(2)


# --- constructors ---


def test_the_class_as_a_constructor(T):
    assert T.Tensor([1, 2]).dtype is T.float32
    assert T.Tensor(2, 3).shape == (2, 3)
    assert T.Tensor().shape == (0,)
    assert isinstance(T.nn.Parameter(T.ones(2)), T.Tensor)


def test_tensor_of_a_tensor_warns(T):
    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        T.tensor(T.ones(2))


def test_ragged_and_foreign_data(T):
    with pytest.raises(ValueError, match="expected sequence of length 2 at dim 1"):
        T.tensor([[1, 2], [3]])
    with pytest.raises((TypeError, RuntimeError, ValueError)):
        T.tensor("words")
    with pytest.raises((TypeError, RuntimeError)):
        T.tensor(None)
    with pytest.raises((RuntimeError, ValueError), match=r"[Oo]verflow"):
        T.tensor(2**70)


def test_attributes_can_be_set(T):
    x = T.ones(2)
    x.tag = "mine"
    assert x.tag == "mine"
    with pytest.raises(AttributeError):
        x.nothing


def test_foreign_operands(T):
    x = T.ones(2)
    for combine in (
        lambda: x + "a",
        lambda: "a" * x,
        lambda: x < "a",
        lambda: x @ 3,
        lambda: x + None,
    ):
        with pytest.raises(TypeError):
            combine()
    assert (x == "a") is False
    assert (x != "a") is True
    assert x is not None
    assert (x == None) is False  # noqa: E711


def test_all_python_operators(T):
    x, y = T.tensor([7, 3]), T.tensor([2, 5])
    found = [x + y, x - y, x * y, x / y, x // y, x % y, x**y, -x, +x, abs(-x), x & y, x | y, x ^ y,
             ~x, x << 1, x >> 1, x < y, x <= y, x > y, x >= y, x == y, x != y,
             10 + x, 10 - x, 10 * x, 10 / x, 10 // x, 10 % x, 2**x, 1 & x, 1 | x,
             1 ^ x]  # fmt: skip
    expected = [[9, 8], [5, -2], [14, 15], [3.5, 0.6], [3, 0], [1, 3], [49, 243], [-7, -3],
                [7, 3], [7, 3], [2, 1], [7, 7], [5, 6], [-8, -4], [14, 6], [3, 1], [False, True],
                [False, True], [True, False], [True, False], [False, False], [True, True],
                [17, 13], [3, 7], [70, 30], [10 / 7, 10 / 3], [1, 3], [3, 1], [128, 8], [1, 1],
                [7, 3], [6, 2]]  # fmt: skip
    for ours, want in zip(found, expected, strict=True):
        assert ours.tolist() == pytest.approx(want)
    assert (x.float() @ y.float()).item() == 29.0
    assert divmod(7, 2) == (int(x[0] // y[0]), int(x[0] % y[0]))


# --- devices ---


def test_device_strings(T):
    assert str(T.device("cpu")) == "cpu"
    assert repr(T.device("cuda:1")) == "device(type='cuda', index=1)"
    assert T.device("cuda", 1) == T.device("cuda:1")
    assert T.device("cuda").index is None
    assert T.device("cpu") != T.device("cuda")
    assert hash(T.device("cuda:0")) == hash(T.device("cuda", 0))
    assert T.ones(1).device == T.device("cpu")
    assert T.ones(1).device.type == "cpu"
    assert T.device(T.device("cpu")) == T.device("cpu")


@pytest.mark.parametrize("text", ["gpu", "cuda:x", "cpu:-1", "", "cuda:1:2"])
def test_bad_devices(T, text):
    with pytest.raises(RuntimeError):
        T.device(text)


def test_to_the_cpu(T):
    x = T.ones(2)
    assert x.cpu() is x
    assert x.to("cpu") is x
    assert x.to(T.device("cpu"), T.float32) is x
    assert x.to(T.float64).dtype is T.float64
    assert x.to("cpu", copy=True) is not x
    assert x.to(T.ones(1, dtype=T.int8)).dtype is T.int8
    assert x.is_cpu
    assert not x.is_cuda


def test_a_missing_gpu_says_so(T):
    if T.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises((AssertionError, RuntimeError), match=r"CUDA|NVIDIA"):
        T.ones(2, device="cuda")
    with pytest.raises((AssertionError, RuntimeError), match=r"CUDA|NVIDIA"):
        T.ones(2).cuda()


# --- operators that a case cannot describe ---


def test_index_put(T):
    x = T.zeros(2, 3)
    places = (T.tensor([0, 1, 1]), T.tensor([2, 0, 0]))
    assert x.index_put(places, T.tensor([1.0, 2.0, 3.0]), accumulate=True).tolist() == [
        [0.0, 0.0, 1.0],
        [5.0, 0.0, 0.0],
    ]
    values = T.tensor([4.0, 5.0], requires_grad=True)
    y = x.index_put((T.tensor([0, 1]),), values[:, None])
    assert y.tolist() == [[4.0] * 3, [5.0] * 3]
    y.sum().backward()
    assert values.grad.tolist() == [3.0, 3.0]
    assert x.sum() == 0


def test_view_as_complex(T):
    x = T.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    z = T.view_as_complex(x * 1)
    assert z.tolist() == [1 + 2j, 3 + 4j]
    z.abs().sum().backward()
    assert x.grad.tolist()[0] == pytest.approx([1 / 5**0.5, 2 / 5**0.5])
    assert T.view_as_real(z).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(RuntimeError, match="last dimension"):
        T.view_as_complex(T.ones(2, 3))


@pytest.mark.filterwarnings("ignore:torch.range is deprecated")
def test_range_includes_its_end(T):
    assert T.range(1, 3).tolist() == [1.0, 2.0, 3.0]
