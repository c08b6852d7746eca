"""x[...] and x[...] = v against NumPy, where the two agree, and against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import rushlight

CALM = settings(max_examples=60, deadline=None)
SHAPE = (3, 4, 2)


def tensor(shape: tuple[int, ...] = SHAPE) -> rushlight.Tensor:
    return rushlight.arange(float(np.prod(shape))).reshape(shape).clone()


# --- any index, against NumPy and PyTorch ---


def slices(extent: int) -> Any:
    bound = st.none() | st.integers(-extent - 2, extent + 2)
    return st.builds(slice, bound, bound, st.none() | st.integers(1, 3))


def places(extent: int) -> Any:
    place = st.integers(-extent, extent - 1)
    return st.lists(place, min_size=1, max_size=4) | st.lists(
        st.lists(place, min_size=2, max_size=2), min_size=1, max_size=2
    )


@st.composite
def basic_indices(draw: Any) -> tuple[Any, ...]:
    """Integers, slices, None and at most one Ellipsis, for a tensor of SHAPE."""
    count = draw(st.integers(0, len(SHAPE)))
    items: list[Any] = [
        draw(st.integers(-SHAPE[d], SHAPE[d] - 1) | slices(SHAPE[d])) for d in range(count)
    ]
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    if count == 0 or draw(st.booleans()):
        items.append(Ellipsis)
    return tuple(items)


@st.composite
def mixed_indices(draw: Any) -> tuple[Any, ...]:
    """Lists of places, that broadcast, among integers, slices and None."""
    count = draw(st.integers(1, len(SHAPE)))
    length = draw(st.integers(1, 3))
    items: list[Any] = []
    for d in range(count):
        place = st.integers(-SHAPE[d], SHAPE[d] - 1)
        vector = st.lists(place, min_size=length, max_size=length) | st.lists(
            place, min_size=1, max_size=1
        )
        items.append(draw(vector | place | slices(SHAPE[d]) | vector))
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), None)
    return tuple(items)


def has_list(index: tuple[Any, ...]) -> bool:
    return any(isinstance(item, list) for item in index)


def numpy_result(array: np.ndarray, index: tuple[Any, ...]) -> np.ndarray:
    """Index in torch's two steps, integers first, then the lists; NumPy takes them together."""
    basic = tuple([slice(None) if isinstance(i, list) else i for i in index])
    result = (
        array[(*basic, ...)]
        if Ellipsis not in [i for i in basic if i is Ellipsis]
        else array[basic]
    )
    rest = tuple([i if isinstance(i, list) else slice(None) for i in index if type(i) is not int])
    return result[rest] if has_list(index) else result


@CALM
@given(basic_indices())
def test_basic_index_is_numpys_and_a_view(index: tuple[Any, ...]) -> None:
    x = tensor()
    y = x[index]
    np.testing.assert_array_equal(y.numpy(), x.numpy()[index])
    assert y._base is x
    assert np.shares_memory(y.numpy(), x.numpy()) or y.numel() == 0


@CALM
@given(mixed_indices())
def test_list_index_is_numpys(index: tuple[Any, ...]) -> None:
    x = tensor()
    np.testing.assert_array_equal(x[index].numpy(), numpy_result(x.numpy(), index))


@CALM
@given(basic_indices(), st.booleans())
def test_assignment_through_a_basic_index_is_numpys(index: tuple[Any, ...], whole: bool) -> None:
    x = tensor()
    expected = x.numpy().copy()
    shape = np.shape(expected[index])
    value = np.asarray(np.arange(np.prod(shape), dtype=np.float32).reshape(shape) - 100)
    expected[index] = value if whole else 7
    x[index] = rushlight.from_numpy(value) if whole else 7
    np.testing.assert_array_equal(x.numpy(), expected)


@CALM
@given(basic_indices() | mixed_indices())
def test_gradient_of_reading_counts_the_uses(index: tuple[Any, ...]) -> None:
    x = tensor().clone().requires_grad_()
    y = x[index]
    g = np.arange(1.0, y.numel() + 1, dtype=np.float32).reshape(tuple(y.shape))
    y.backward(rushlight.from_numpy(g))
    numbers = np.arange(x.numel()).reshape(SHAPE)
    expected = np.zeros(x.numel(), np.float32)
    np.add.at(expected, numpy_result(numbers, index), g)
    np.testing.assert_array_equal(x.grad.numpy().reshape(-1), expected)


def steps(x: Any) -> list[int]:
    """The strides that matter: of dimensions with more than one place."""
    return [step for step, n in zip(x.stride(), x.shape, strict=True) if n > 1 and x.numel()]


@CALM
@given(basic_indices() | mixed_indices())
def test_everything_as_torch(index: tuple[Any, ...]) -> None:
    torch = pytest.importorskip("torch")

    def run(lib: Any) -> list[Any]:
        x = lib.arange(24.0).reshape(SHAPE).clone().requires_grad_()
        y = x[index]
        v = lib.arange(1.0, y.numel() + 1).reshape(y.shape).requires_grad_()
        z = x * 1
        if len(set(lib.arange(24).reshape(SHAPE)[index].reshape(-1).tolist())) == y.numel():
            z[index] = v  # where places repeat, any of their values may win
        (z * z + y.sum()).sum().backward()
        grads = [x.grad.numpy(), np.zeros(0) if v.grad is None else v.grad.numpy()]
        return [
            y.detach().numpy(),
            steps(y) if y._base is not None else None,
            z.detach().numpy(),
            *grads,
        ]

    for ours, theirs in zip(run(rushlight), run(torch), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# --- masks ---


@CALM
@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_mask_reads_and_writes(bits: list[bool]) -> None:
    mask = np.array(bits).reshape(3, 4)
    x = tensor()
    np.testing.assert_array_equal(x[rushlight.from_numpy(mask)].numpy(), x.numpy()[mask])
    x.requires_grad_()
    y = x * 2
    y[rushlight.from_numpy(mask)] = 0.0
    y.sum().backward()
    expected = np.where(mask[:, :, None], 0, 2) * np.ones(SHAPE)
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_mask_in_the_middle_and_beside_an_index() -> None:
    x = tensor()
    mask = rushlight.tensor([[True, False], [False, True], [True, True], [False, False]])
    np.testing.assert_array_equal(x[:, mask].numpy(), x.numpy()[:, mask.numpy()])
    rows = rushlight.tensor([True, False, True])
    np.testing.assert_array_equal(x[rows, 1].numpy(), x.numpy()[rows.numpy()][:, 1])


def test_second_gradient_through_a_mask() -> None:
    x = tensor((4,)).requires_grad_()
    mask = rushlight.tensor([True, False, True, True])
    (g,) = rushlight.autograd.grad((x**3)[mask].sum(), x, create_graph=True)
    (gg,) = rushlight.autograd.grad(g.sum(), x)
    np.testing.assert_array_equal(gg.numpy(), [0.0, 0.0, 12.0, 18.0])


# --- what single kinds of items mean ---


def test_zero_dimensional_index_tensor_is_an_integer() -> None:
    x = tensor()
    assert x[rushlight.tensor(1)].shape == x[1].shape
    assert x[rushlight.tensor(1)]._base is x


def test_bool_inserts_a_dimension() -> None:
    x = tensor()
    assert x[True].shape == (1, *SHAPE)
    assert x[False].shape == (0, *SHAPE)
    x[False] = 5.0
    x[True] = 7.0
    assert bool((x == 7).all())


def test_numpy_indices_and_slices_of_tensors() -> None:
    x = rushlight.arange(10)
    assert x[np.array([1, 3])].tolist() == [1, 3]
    assert x[np.int64(4)].item() == 4
    assert x[rushlight.tensor(2) : rushlight.tensor(8) : 2].tolist() == [2, 4, 6]


def test_uint8_masks_warn() -> None:
    x = rushlight.arange(3)
    with pytest.warns(UserWarning, match="torch.bool"):
        assert x[rushlight.tensor([1, 0, 1], dtype=rushlight.uint8)].tolist() == [0, 2]


def test_list_with_lists_is_still_a_tuple_and_warns() -> None:
    with pytest.warns(UserWarning, match="non-tuple sequence"):
        assert tensor((3, 4))[[[0, 1], [1, 2]]].tolist() == [1.0, 6.0]


@pytest.mark.parametrize(
    ("index", "exception", "words"),
    [
        (5, IndexError, "index 5 is out of bounds for dimension 0 with size 3"),
        (-4, IndexError, "index -4 is out of bounds for dimension 0 with size 3"),
        ((0, 9), IndexError, "index 9 is out of bounds for dimension 1 with size 4"),
        ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
        ([0, 7], IndexError, "index 7 is out of bounds for dimension 0 with size 3"),
        (([0, 1], [0, 1, 2]), IndexError, "could not be broadcast together with shapes"),
        (1.0, IndexError, "only integers, slices .* are valid indices \\(got float\\)"),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        (slice(None, None, 0), ValueError, "slice step cannot be zero"),
        (slice(1.5, None), TypeError, "slice indices must be integers or None"),
    ],
)
def test_refused_indices(index: Any, exception: type[Exception], words: str) -> None:
    x = tensor()
    with pytest.raises(exception, match=words):
        x[index]
    with pytest.raises(exception, match=words):
        x[index] = 0.0


def test_refused_masks_and_dtypes() -> None:
    x = tensor()
    with pytest.raises(
        IndexError, match=r"mask \[2\] at index 0 does not match .* \[3, 4, 2\] at index 0"
    ):
        x[rushlight.tensor([True, False])]
    with pytest.raises(IndexError, match="must be long, int, byte or bool tensors"):
        x[rushlight.tensor([0.0])]
    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        rushlight.tensor(1.0)[0]


# --- assigned values ---


@pytest.mark.parametrize(
    ("dtype", "value", "stored"),
    [
        ("int64", 1.7, 1),
        ("uint8", -1, 255),
        ("bool", 3, True),
        ("float32", True, 1.0),
        ("float32", float("inf"), float("inf")),
    ],
)
def test_numbers_are_converted(dtype: str, value: Any, stored: Any) -> None:
    x = rushlight.zeros(2, dtype=getattr(rushlight, dtype))
    x[0] = value
    assert x[0].item() == stored


@pytest.mark.parametrize(
    ("dtype", "value", "name"),
    [
        ("uint8", 300, "uint8_t"),
        ("int64", 1j, "int64_t"),
        ("float16", 1e9, "c10::Half"),
        ("float32", 1e39, "float"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(dtype: str, value: Any, name: str) -> None:
    x = rushlight.zeros(2, dtype=getattr(rushlight, dtype))
    with pytest.raises(RuntimeError, match=f"cannot be converted to type {name} without overflow"):
        x[0] = value


def test_tensor_values_are_converted_and_broadcast() -> None:
    x = rushlight.zeros(2, 3, dtype=rushlight.int64)
    x[0] = rushlight.tensor([1.9, 2.9, 3.9])
    x[1:] = rushlight.ones(1, 1, 3)
    assert x.tolist() == [[1, 2, 3], [1, 1, 1]]


def test_values_that_do_not_fit_are_refused() -> None:
    x = rushlight.zeros(3, 4)
    with pytest.raises(RuntimeError, match=r"The expanded size of the tensor \(4\) must match"):
        x[0] = rushlight.ones(3)
    with pytest.raises(RuntimeError, match=r"shape mismatch: value tensor of shape \[3\]"):
        x[[0, 1]] = rushlight.ones(3)
    with pytest.raises(RuntimeError, match="source and destination dtypes match"):
        x[[0, 1]] = rushlight.ones(4, dtype=rushlight.int64)
    with pytest.raises(TypeError, match=r"can't assign a list to a torch\.FloatTensor"):
        x[0] = [1, 2, 3, 4]


def test_assignment_to_a_leaf_that_requires_grad_is_refused() -> None:
    x = rushlight.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0] = 1.0
    with rushlight.no_grad():
        x[0] = 1.0
    assert x.tolist() == [1.0, 0.0, 0.0]


def test_overlapping_assignment_reads_before_it_writes() -> None:
    x = rushlight.arange(5)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]
