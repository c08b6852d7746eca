"""Reductions beyond what holds for every operator: overloads, ties, empty and special inputs."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import rushlight as rl

NAN, INF = float("nan"), float("inf")


def test_three_functions_of_the_name_max():
    x = rl.tensor([[1.0, 5.0], [7.0, 2.0]])
    assert x.max().item() == 7
    values, indices = x.max(1)
    assert values.tolist() == [5, 7]
    assert indices.tolist() == [1, 0]
    assert rl.max(x, dim=0, keepdim=True).values.tolist() == [[7, 5]]
    assert rl.max(x, rl.tensor(3.0)).tolist() == [[3, 5], [7, 3]]
    assert rl.min(x, other=rl.tensor(3.0)).tolist() == [[1, 3], [3, 2]]


def test_named_results_print_compare_and_pickle():
    result = rl.tensor([3, 1]).max(0)
    assert repr(result) == "torch.return_types.max(\nvalues=tensor(3),\nindices=tensor(0))"
    assert result.values is result[0]
    again = pickle.loads(pickle.dumps(result))
    assert type(again) is type(result)
    assert again.values.item() == 3
    with pytest.raises(TypeError, match="2-sequence"):
        type(result)((1, 2, 3))


def test_numpy_names_of_the_arguments():
    x = rl.ones(2, 3)
    assert x.sum(axis=1, keepdims=True).tolist() == [[3], [3]]
    assert x.max(axis=0).indices.tolist() == [0, 0, 0]
    assert x.mean(axis=(0, 1)).item() == 1


def test_results_go_into_out():
    x = rl.tensor([[1.0, 2.0], [3.0, 4.0]])
    total, values, indices = rl.empty(2), rl.empty(2), rl.empty(2, dtype=rl.int64)
    assert rl.sum(x, 0, out=total) is total
    assert total.tolist() == [4, 6]
    result = rl.max(x, 1, out=(values, indices))
    assert values.tolist() == [2, 4]
    assert result.indices is indices


def test_where_the_gradient_goes_at_ties():
    x = rl.tensor([2.0, 2.0, 1.0], requires_grad=True)
    for reduce, expected in [
        (lambda t: t.max(), [0.5, 0.5, 0]),
        (lambda t: t.amax(), [0.5, 0.5, 0]),
        (lambda t: t.max(0).values, [1, 0, 0]),
        (lambda t: t.cummax(0).values[2], [0, 1, 0]),
        (lambda t: t.min(), [0, 0, 1]),
        (lambda t: sum(t.aminmax()), [0.5, 0.5, 1]),
    ]:
        (grad,) = rl.autograd.grad(reduce(x), x)
        assert grad.tolist() == expected


def test_nan_is_the_largest_and_the_smallest():
    x = rl.tensor([1.0, NAN, 3.0])
    assert np.isnan(x.max().item())
    assert np.isnan(x.min().item())
    assert x.argmax().item() == x.argmin().item() == 1
    assert x.cummax(0).indices.tolist() == [0, 1, 1]
    assert x.nansum().item() == 4
    assert x.nanmean().item() == 2
    y = x.clone().requires_grad_()
    y.max().backward()
    assert y.grad.tolist() == [0, 1, 0]


def test_empty_tensors():
    x = rl.empty(0, 3)
    assert x.sum().item() == 0
    assert x.prod(0).tolist() == [1, 1, 1]
    assert np.isnan(x.mean().item())
    assert x.all().item() is True
    assert x.any().item() is False
    assert x.max(1).values.shape == (0,)
    assert x.logsumexp(0).tolist() == [-INF] * 3
    assert x.cumsum(0).shape == (0, 3)
    with pytest.raises(RuntimeError, match=r"numel\(\) == 0"):
        x.max()
    with pytest.raises(IndexError, match="non-zero size"):
        x.argmax(0)


def test_zero_dimensional_tensors_have_a_dimension_to_reduce():
    x = rl.tensor(3.0, requires_grad=True)
    for result in (
        x.sum(0),
        x.max(-1).values,
        x.cumsum(0),
        x.logsumexp(0),
        x.prod(0),
        x.amax(0),
        x.norm(dim=0),
    ):
        assert result.shape == ()
        assert result.item() == 3
        (grad,) = rl.autograd.grad(result, x)
        assert grad.item() == pytest.approx(1)
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.sum(1)


def test_dtypes_of_sums():
    for dtype in (rl.bool, rl.uint8, rl.int32):
        x = rl.ones(3, dtype=dtype)
        assert x.sum().dtype is x.prod().dtype is x.cumsum(0).dtype is rl.int64
    assert rl.ones(3).sum(dtype=rl.float64).dtype is rl.float64
    assert rl.ones(3, dtype=rl.int32).mean(dtype=rl.float32).item() == 1
    assert rl.ones(3, dtype=rl.uint8).all().dtype is rl.uint8


def test_logsumexp_of_the_extremes():
    x = rl.tensor([[INF, 1.0], [-INF, -INF], [1000.0, 1000.0]])
    assert x.logsumexp(1).tolist() == pytest.approx([INF, -INF, 1000.6931], rel=1e-5)
    y = rl.tensor([-INF, 0.0, 1.0])
    assert y.logcumsumexp(0).tolist() == pytest.approx([-INF, 0, 1.3133], rel=1e-4)


def test_variance_without_degrees_of_freedom():
    with pytest.warns(UserWarning, match="degrees of freedom"):
        assert np.isnan(rl.ones(1).var().item())
    assert rl.ones(1).var(correction=0).item() == 0


def test_deviation_of_constants_has_no_infinite_gradient():
    x = rl.ones(3, requires_grad=True)
    x.std().backward()
    assert x.grad.tolist() == [0, 0, 0]
    y = rl.zeros(3, requires_grad=True)
    y.norm().backward()
    assert y.grad.tolist() == [0, 0, 0]


def test_the_many_ways_to_ask_for_a_variance():
    x = rl.tensor([[1.0, 2.0], [3.0, 5.0]])
    expected = x.array.var(axis=0)
    for result in (
        x.var(0, False),
        x.var(dim=0, unbiased=False),
        x.var(0, correction=0),
        x.var([0], False),
    ):
        np.testing.assert_allclose(result.array, expected, rtol=1e-6)
    assert x.var(False).shape == ()
    assert x.std(1, True, True).shape == (2, 1)
    variance, mean = rl.var_mean(x, dim=1)
    assert mean.tolist() == [1.5, 4]
    assert variance.tolist() == [0.5, 2]


@pytest.mark.parametrize("zeros", [1, 2, 3])
@pytest.mark.parametrize("function", ["prod", "cumprod"])
def test_products_with_zeros_have_the_right_gradient(zeros, function):
    values = np.array([1.5, 2.0, -1.0, 0.5, 3.0])
    values[[1, 3, 0][:zeros]] = 0
    x = rl.tensor(values, requires_grad=True)
    assert rl.autograd.gradcheck(lambda t: getattr(t, function)(0), (x,))
    assert rl.autograd.gradgradcheck(lambda t: getattr(t, function)(0), (x,))


def test_bad_arguments():
    x = rl.ones(2, 3)
    with pytest.raises(RuntimeError, match="dim 0 appears multiple times"):
        x.sum((0, -2))
    with pytest.raises(TypeError, match=r"'keepdim' .* must be bool"):
        x.sum(0, 1)
    with pytest.raises(RuntimeError, match="does not support bool"):
        (x > 0).argmax()
    with pytest.raises(RuntimeError, match="could not infer output dtype"):
        rl.tensor([1, 2]).mean()


def test_float16_is_summed_in_float32():
    x = rl.full((2, 70000), 1.0, dtype=rl.float16)
    assert x.mean(1).tolist() == [1, 1]
    assert x[:, :2050].cumsum(1)[0, -1].item() == 2050


def test_norms_of_every_order_agree_with_numpy():
    x = rl.tensor([[1.0, -2.0, 0.0], [3.0, 0.0, -4.0]])
    for order in (0, 0.5, 1, 1.5, 2, 3, INF, -INF):
        expected = np.linalg.norm(x.array, order, axis=1)
        np.testing.assert_allclose(x.norm(order, dim=1).array, expected, rtol=1e-5)
    assert x.norm().item() == pytest.approx(30**0.5)
