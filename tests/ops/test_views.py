"""Views share memory, version and history with their base, through any chain of writes."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import rushlight

LIBRARIES: dict[str, Any] = {"rushlight": rushlight}
if importlib.util.find_spec("torch") is not None:
    import torch

    LIBRARIES["torch"] = torch

SHAPE = (3, 4)


class Views(RuleBasedStateMachine):
    """A base made from a leaf, views of views of it, and writes through any of them.

    NumPy holds the values alone; rushlight and, where it is installed, PyTorch also the history.
    """

    @initialize()
    def start(self) -> None:
        values = np.arange(1.0, 13.0).reshape(SHAPE)
        factors = np.array([0.5, -1.0, 2.0])
        self.arrays = [values.copy()]
        self.factors = factors
        self.leaves: dict[str, tuple[Any, Any]] = {}
        self.tensors: dict[str, list[Any]] = {}
        for name, lib in LIBRARIES.items():
            x = lib.from_numpy(values.copy()).requires_grad_()
            v = lib.from_numpy(factors.copy()).requires_grad_()
            self.leaves[name] = x, v
            self.tensors[name] = [x * 1.0]

    def view(self, source: int, of_array: Any, of_tensor: Any) -> None:
        """Take a view of one of the tensors in every library."""
        source %= len(self.arrays)
        made = of_array(self.arrays[source])
        if made.size == 0 or len(self.arrays) > 8:
            return
        self.arrays.append(made)
        for tensors in self.tensors.values():
            tensors.append(of_tensor(tensors[source]))

    def write(self, into: int, on_array: Any, on_tensor: Any) -> None:
        """Write through one of the tensors in every library."""
        into %= len(self.arrays)
        on_array(self.arrays[into])
        for name, tensors in self.tensors.items():
            on_tensor(tensors[into], self.leaves[name][1])

    # --- views ---

    @rule(source=st.integers(0, 8), start=st.integers(0, 2), step=st.integers(1, 2))
    def slice_rows(self, source: int, start: int, step: int) -> None:
        self.view(
            source,
            lambda a: a[start::step] if a.ndim else a,
            lambda t: t[start::step] if t.dim() else t[...],
        )

    @rule(source=st.integers(0, 8), place=st.integers(-1, 0))
    def select_last(self, source: int, place: int) -> None:
        self.view(source, lambda a: a[..., place : None if place else 1][..., 0] if a.ndim else a,
                  lambda t: t.select(-1, place) if t.dim() else t[...])  # fmt: skip

    @rule(source=st.integers(0, 8))
    def transpose(self, source: int) -> None:
        self.view(
            source, np.transpose, lambda t: t.permute(*range(t.dim())[::-1]) if t.dim() else t[...]
        )

    @rule(source=st.integers(0, 8))
    def flatten_view(self, source: int) -> None:
        array = self.arrays[source % len(self.arrays)]
        if array.flags.c_contiguous:
            self.view(source, lambda a: a.reshape(-1), lambda t: t.view(-1))

    @rule(source=st.integers(0, 8))
    def unsqueeze(self, source: int) -> None:
        self.view(source, lambda a: a[None], lambda t: t.unsqueeze(0))

    @rule(source=st.integers(0, 8), offset=st.integers(-1, 1))
    def diagonal(self, source: int, offset: int) -> None:
        array = self.arrays[source % len(self.arrays)]
        if array.ndim >= 2:
            self.view(source, lambda a: writable_diagonal(a, offset), lambda t: t.diagonal(offset))

    @rule(source=st.integers(0, 8))
    def windows(self, source: int) -> None:
        array = self.arrays[source % len(self.arrays)]
        if array.ndim and array.shape[0] % 2 == 0:
            shape = (array.shape[0] // 2, *array.shape[1:], 2)
            strides = (2 * array.strides[0], *array.strides[1:], array.strides[0])
            self.view(
                source,
                lambda a: np.lib.stride_tricks.as_strided(a, shape, strides),
                lambda t: t.unfold(0, 2, 2),
            )

    # --- writes ---

    @rule(into=st.integers(0, 8), k=st.integers(0, 2))
    def multiply(self, into: int, k: int) -> None:
        self.write(
            into, lambda a: np.multiply(a, self.factors[k], out=a), lambda t, v: t.mul_(v[k])
        )

    @rule(into=st.integers(0, 8), k=st.integers(0, 2))
    def add(self, into: int, k: int) -> None:
        self.write(into, lambda a: np.add(a, self.factors[k], out=a), lambda t, v: t.add_(v[k]))

    @rule(into=st.integers(0, 8))
    def fill(self, into: int) -> None:
        self.write(into, lambda a: a.fill(3.0), lambda t, v: t.fill_(3.0))

    @rule(into=st.integers(0, 8), k=st.integers(0, 2))
    def assign_first(self, into: int, k: int) -> None:
        def on_array(a: np.ndarray) -> None:
            a[(0,) * a.ndim] = self.factors[k] * 2

        def on_tensor(t: Any, v: Any) -> None:
            t[(0,) * t.dim()] = v[k] * 2

        self.write(into, on_array, on_tensor)

    @rule(into=st.integers(0, 8), k=st.integers(0, 2))
    def assign_by_list(self, into: int, k: int) -> None:
        if self.arrays[into % len(self.arrays)].ndim == 0:
            return

        def on_array(a: np.ndarray) -> None:
            a[[0, -1]] = self.factors[k]

        def on_tensor(t: Any, v: Any) -> None:
            t[[0, -1]] = v[k]

        self.write(into, on_array, on_tensor)

    @rule(into=st.integers(0, 8), source=st.integers(0, 8))
    def copy(self, into: int, source: int) -> None:
        into, other = into % len(self.arrays), source % len(self.arrays)
        if self.arrays[into].shape != self.arrays[other].shape:
            return
        value = self.arrays[other].copy()
        self.arrays[into][...] = value
        for tensors in self.tensors.values():
            tensors[into].copy_(tensors[other].clone())

    # --- what must hold ---

    @precondition(lambda self: hasattr(self, "arrays"))
    @invariant()
    def values_are_numpys(self) -> None:
        for array, tensor in zip(self.arrays, self.tensors["rushlight"], strict=True):
            np.testing.assert_allclose(tensor.detach().numpy(), array, rtol=1e-12)

    @precondition(lambda self: hasattr(self, "arrays"))
    @invariant()
    def memory_and_version_are_shared(self) -> None:
        base = self.tensors["rushlight"][0]
        for tensor in self.tensors["rushlight"][1:]:
            assert tensor._base is base
            assert tensor._version == base._version
            assert np.shares_memory(tensor.array, base.array)

    def teardown(self) -> None:
        if not hasattr(self, "arrays") or "torch" not in self.tensors:
            return
        grads = {}
        for name, lib in LIBRARIES.items():
            total = sum(
                (t * lib.arange(1.0, t.numel() + 1, dtype=lib.float64).reshape(t.shape)).sum()
                * (i + 1)
                for i, t in enumerate(self.tensors[name])
            )
            found = lib.autograd.grad(total, self.leaves[name], allow_unused=True)
            grads[name] = [np.zeros(1) if g is None else g.numpy() for g in found]
        for ours, theirs in zip(grads["rushlight"], grads["torch"], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def writable_diagonal(a: np.ndarray, offset: int) -> np.ndarray:
    diagonal = a.diagonal(offset)
    diagonal.flags.writeable = True
    return diagonal


TestViews = Views.TestCase
TestViews.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)


# --- single cases ---


def leaf(*shape: int) -> rushlight.Tensor:
    return rushlight.arange(1.0, np.prod(shape) + 1).reshape(shape).clone().requires_grad_()


def test_view_needs_compatible_memory() -> None:
    x = rushlight.zeros(3, 4)
    with pytest.raises(
        RuntimeError, match="view size is not compatible with input tensor's size and stride"
    ):
        x.t().view(12)
    assert x.t().reshape(12).is_contiguous()
    assert x.t().unsqueeze(1).view(4, 3).shape == (4, 3)


def test_reshape_is_a_view_where_it_can_be() -> None:
    x = rushlight.zeros(3, 4)
    assert x.reshape(12)._base is x
    assert x.t().reshape(12)._base is None


def test_view_as_another_dtype() -> None:
    x = rushlight.tensor([1.0, 2.0])
    assert x.view(rushlight.int32).tolist() == [0x3F800000, 0x40000000]
    assert x.view(rushlight.uint8).shape == (8,)
    assert x.view(rushlight.float64).shape == (1,)
    with pytest.raises(RuntimeError, match="must be divisible by 2 to view Float as Double"):
        rushlight.zeros(3).view(rushlight.float64)
    with pytest.raises(RuntimeError, match=r"self.dim\(\) cannot be 0"):
        rushlight.tensor(1.0).view(rushlight.int8)


def test_expanded_memory_is_not_written_to() -> None:
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers"):
        rushlight.zeros(3).expand(2, 3).add_(1)
    # Nothing is repeated here.
    assert rushlight.zeros(3).expand(1, 3).add_(1).tolist() == [[1.0, 1.0, 1.0]]


def test_outputs_of_several_views_are_not_written_to_while_recording() -> None:
    x = leaf(2, 3) * 1
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        x.unbind(0)[0].add_(1)
    with rushlight.no_grad():
        x.unbind(0)[0].add_(1)
    assert x[0].tolist() == [2.0, 3.0, 4.0]


def test_shape_changes_in_place() -> None:
    x = leaf(2, 3)
    y = x * 1
    y.t_().unsqueeze_(0)
    y[0, 1] = 0.0
    (y * y).sum().backward()
    assert y.shape == (1, 3, 2)
    np.testing.assert_array_equal(x.grad.numpy(), [[2.0, 0.0, 6.0], [8.0, 0.0, 12.0]])
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        leaf(2, 3).t_()


def test_as_strided_of_a_base_with_another_layout() -> None:
    base = leaf(3, 4) * 1
    window = base.t()[1:].as_strided((2, 2), (1, 4), 5)
    window.mul_(3)
    expected = np.arange(1.0, 13.0).reshape(3, 4)
    expected[1:3, 1:3] *= 3
    np.testing.assert_array_equal(base.detach().numpy(), expected)


def test_as_strided_gradient_adds_what_overlaps() -> None:
    x = leaf(4)
    x.as_strided((3, 2), (1, 1)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 2.0, 2.0, 1.0])


def test_as_strided_stays_within_the_storage() -> None:
    x = rushlight.zeros(4)
    with pytest.raises(RuntimeError, match="are out of bounds for storage of size 16"):
        x.as_strided((5,), (1,))
    with pytest.raises(RuntimeError, match="Negative strides are not supported"):
        x.as_strided((2,), (-1,))


def test_strides_offsets_and_storage() -> None:
    x = rushlight.zeros(3, 4)
    part = x[1:, ::2]
    assert (part.stride(), part.storage_offset(), part.stride(0)) == ((4, 2), 4, 4)
    assert part.data_ptr() - x.data_ptr() == 16
    assert part.untyped_storage() == x.untyped_storage()
    assert rushlight.zeros(2, 0, 3).stride() == (3, 3, 1)
    assert x.unsqueeze(0).stride() == (12, 4, 1)
    assert (x.numel(), x.nelement(), x.dim(), x.element_size(), x.size(-1)) == (12, 12, 2, 4, 4)


def test_properties_that_transpose() -> None:
    x = leaf(2, 3)
    np.testing.assert_array_equal(x.T.detach().numpy(), x.detach().numpy().T)
    assert rushlight.zeros(2, 3, 4).mT.shape == (2, 4, 3)
    z = rushlight.tensor([[1 + 2j, 3.0]])
    np.testing.assert_array_equal(z.H.numpy(), z.numpy().conj().T)
    with pytest.raises(RuntimeError, match="only supported on matrices or batches of matrices"):
        rushlight.zeros(3).mT
    with pytest.warns(UserWarning, match="deprecated"):
        assert rushlight.zeros(2, 3, 4).T.shape == (4, 3, 2)


def test_iteration_and_membership() -> None:
    x = rushlight.arange(6).view(3, 2)
    assert [row.tolist() for row in x] == [[0, 1], [2, 3], [4, 5]]
    assert reversed(rushlight.arange(3)).tolist() == [2, 1, 0]
    assert 4 in x
    assert 9 not in x
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar"):
        "a" in x  # noqa: B015
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(rushlight.tensor(1.0))


def test_resize() -> None:
    x = rushlight.arange(6)
    assert x.resize_(2, 2).tolist() == [[0, 1], [2, 3]]
    assert x.resize_(6).tolist() == [0, 1, 2, 3, 4, 5]
    assert x.resize_(8)[:6].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        leaf(2).resize_(3)
