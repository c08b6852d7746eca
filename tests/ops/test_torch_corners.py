"""Corners of operators where only PyTorch's own answer says what is right."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
import rushlight.nn.functional as F


def integers(shape, dtype="int64", low=0, high=9, seed=0):
    values = np.random.default_rng(seed).integers(low, high, shape)
    return values.astype(dtype)


# Each takes a namespace (rushlight's or torch's) and a function that makes its tensors.
INTEGER_CALLS = {
    "addmm cuts fractions off": lambda t, x: t.addmm(
        x((2, 2)), x((2, 3)), x((3, 2)), beta=1.7, alpha=2.6
    ),
    "baddbmm cuts fractions off": lambda t, x: t.baddbmm(
        x((1, 2, 2)), x((1, 2, 3)), x((1, 3, 2)), beta=0.2, alpha=2.6
    ),
    "bilinear keeps the dtype": lambda t, x: t.nn.functional.bilinear(
        x((2, 3), "int32"), x((2, 4), "int32"), x((5, 3, 4), "int32")
    ),
    "avg_pool2d divides towards zero": lambda t, x: t.nn.functional.avg_pool2d(
        x((1, 1, 4, 4), low=-9), 2, divisor_override=-2
    ),
    "arange steps by integers": lambda t, x: t.arange(2.1, -2.9, -1.0, dtype=t.int32),
    "arange of fractions below one": lambda t, x: t.arange(0, 5, 0.9, dtype=t.int16),
    "clamp_min of booleans": lambda t, x: t.clamp_min(x((5,), "bool"), x((5,), "bool", seed=1)),
    "clamp_max of booleans": lambda t, x: t.clamp_max(x((5,), "bool"), x((5,), "bool", seed=1)),
}


@pytest.mark.parametrize("call", INTEGER_CALLS.values(), ids=INTEGER_CALLS)
def test_integers_and_booleans(torch, call):
    ours = call(rushlight, lambda *a, **k: rushlight.tensor(integers(*a, **k)))
    theirs = call(torch, lambda *a, **k: torch.tensor(integers(*a, **k)))
    assert str(ours.dtype) == str(theirs.dtype)
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(3, 5), (13, 9), (7, 7)])
def test_images_of_bytes_are_resampled_in_integers(torch, mode, align_corners, size):
    image = integers((2, 3, 7, 7), "uint8", 0, 256)
    ours = F.interpolate(rushlight.tensor(image), size, mode=mode, align_corners=align_corners)
    theirs = torch.nn.functional.interpolate(
        torch.tensor(image), size, mode=mode, align_corners=align_corners
    )
    # PyTorch rounds differently on CPUs without AVX2: one step at most.
    gap = np.abs(ours.numpy().astype(int) - theirs.numpy().astype(int))
    assert ours.dtype is rushlight.uint8
    assert gap.max() <= 1


def test_gradients_of_extremes_keep_half_precision():
    x = rushlight.ones(3, 1, dtype=rushlight.bfloat16, requires_grad=True)
    y = rushlight.ones(4, dtype=rushlight.bfloat16, requires_grad=True)
    rushlight.maximum(x, y).sum().backward()
    assert x.grad.dtype is rushlight.bfloat16
    assert x.grad.tolist() == [[2.0], [2.0], [2.0]]
    assert y.grad.tolist() == [1.5, 1.5, 1.5, 1.5]


def test_rms_norm_of_complex_numbers_uses_the_square(torch):
    values = np.random.default_rng(0).standard_normal((2, 2, 3)) + 0.5j
    x = rushlight.tensor(values, requires_grad=True)
    y = torch.tensor(values, requires_grad=True)
    ours = F.rms_norm(x, (3,), eps=0.5)
    theirs = torch.nn.functional.rms_norm(y, (3,), eps=0.5)
    ours.abs().sum().backward()
    theirs.abs().sum().backward()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("order", [0.5, 1, 2, 3.5, float("inf")])
def test_second_gradients_of_a_norm_at_zero_are_finite(order):
    x = rushlight.zeros(3, dtype=rushlight.float64, requires_grad=True)
    v = rushlight.ones((), dtype=rushlight.float64, requires_grad=True)
    (g,) = rushlight.autograd.grad(rushlight.linalg.vector_norm(x, order), x, v, create_graph=True)
    gg = rushlight.autograd.grad(g.sum(), (x, v), allow_unused=True)
    assert all(t is None or t.isfinite().all() for t in gg)


def test_group_norm_of_nothing_has_second_gradients():
    x = rushlight.zeros(0, 4, 2, requires_grad=True)
    (g,) = rushlight.autograd.grad(F.group_norm(x, 2).sum(), x, create_graph=True)
    (gg,) = rushlight.autograd.grad(g.sum(), x)
    assert gg.shape == (0, 4, 2)


def test_output_padding_beyond_the_windows_has_second_gradients():
    x = rushlight.randn(1, 2, 4, 4, dtype=rushlight.float64, requires_grad=True)
    w = rushlight.randn(2, 1, 2, 3, dtype=rushlight.float64, requires_grad=True)
    options = {"stride": (3, 2), "padding": (1, 2), "output_padding": (2, 3), "dilation": (4, 4)}
    y = F.conv_transpose2d(x, w, **options)
    (gw,) = rushlight.autograd.grad(y, (w,), rushlight.randn_like(y), create_graph=True)
    assert gw.requires_grad
    (ggx,) = rushlight.autograd.grad(gw.square().sum(), x)
    assert ggx.shape == x.shape


@pytest.mark.parametrize(
    "name", ["detach", "detach_", "get_device", "is_inference", "is_signed", "zero_"]
)
def test_methods_that_are_functions_too(name):
    x = rushlight.ones(2)
    assert str(getattr(rushlight, name)(x)) == str(getattr(rushlight.ones(2), name)())


# --- writing ---


def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__


OUT_CALLS = {
    "a float result into integers": lambda t: t.add(t.ones(3), 1.5, out=t.zeros(3, dtype=t.int64)),
    "a float result into doubles": lambda t: t.add(t.ones(3), 1.5, out=t.zeros(3, dtype=t.float64)),
    "a product wants its own dtype": lambda t: t.mm(
        t.ones(2, 2), t.ones(2, 2), out=t.zeros(2, 2, dtype=t.float64)
    ),
    "gather wants its own dtype": lambda t: t.gather(
        t.ones(2), 0, t.tensor([0]), out=t.zeros(1, dtype=t.float64)
    ),
    "pairs want their own dtypes": lambda t: t.max(
        t.ones(2, 2), 1, out=(t.zeros(2, dtype=t.float64), t.zeros(2, dtype=t.int64))
    ),
    "one extreme converts": lambda t: t.max(t.ones(3), t.zeros(3), out=t.zeros(3, dtype=t.float64)),
    "any takes bytes": lambda t: t.any(t.ones(2), out=t.zeros((), dtype=t.uint8)),
    "any takes no floats": lambda t: t.any(t.ones(2), out=t.zeros(())),
    "cat has an error of its own": lambda t: t.cat([t.ones(2)], out=t.zeros(2, dtype=t.int64)),
    "the dtype asked for": lambda t: t.ones(2, dtype=t.float32, out=t.zeros(2, dtype=t.float64)),
    "no tensor": lambda t: t.mm(t.ones(2, 2), t.ones(2, 2), out=3),
}


@pytest.mark.parametrize("call", OUT_CALLS.values(), ids=OUT_CALLS)
def test_out_takes_what_torch_takes(torch, call):
    ours, theirs = outcome(lambda: call(rushlight)), outcome(lambda: call(torch))
    if isinstance(theirs, str):
        assert ours == theirs
    else:
        left = ours if isinstance(ours, tuple) else (ours,)
        right = theirs if isinstance(theirs, tuple) else (theirs,)
        assert [str(y) for y in left] == [str(y) for y in right]


def shifted(t):
    x = t.arange(6.0)
    return t.add(x[:5], 1, out=x[1:])


OVERLAPS = {
    "onto itself": lambda t: (lambda x: t.add(x, x, out=x))(t.ones(3)),
    "shifted by one": shifted,
    "gather onto itself": lambda t: (lambda x: t.gather(x, 0, t.tensor([2, 1, 0]), out=x))(
        t.ones(3)
    ),
    "cat onto a part": lambda t: (lambda x: t.cat([x, x], out=x[:3]))(t.ones(3, 2)),
    "the index of index_select": lambda t: (
        lambda x: t.index_select(t.ones(3, dtype=t.int64), 0, x, out=x)
    )(t.tensor([0, 1])),
}


@pytest.mark.parametrize("call", OVERLAPS.values(), ids=OVERLAPS)
def test_out_may_not_overlap_an_operand(torch, call):
    ours, theirs = outcome(lambda: call(rushlight)), outcome(lambda: call(torch))
    assert (ours == theirs) if isinstance(theirs, str) else ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("dtype", ["float32", "int64", "bfloat16", "bool"])
def test_expanded_tensors_can_be_filled(dtype):
    x = rushlight.zeros(3, 1, dtype=getattr(rushlight, dtype))
    x.expand(3, 4).fill_(1)
    assert x.float().tolist() == [[1.0], [1.0], [1.0]]
    x.expand(3, 4)[1].zero_()
    assert x.float().tolist() == [[1.0], [0.0], [1.0]]
    with pytest.raises(RuntimeError, match="more than one element"):
        x.expand(3, 4).copy_(rushlight.ones(3, 4))


def test_filling_an_expanded_tensor_cuts_the_gradient():
    x = rushlight.ones(3, 1, requires_grad=True)
    y = x * 2
    y.expand(3, 4)[1].zero_()
    y.sum().backward()
    assert x.grad.tolist() == [[2.0], [0.0], [2.0]]


def test_read_only_memory_stays_read_only():
    values = np.broadcast_to(np.ones(1, np.float32), (3,))
    with pytest.warns(UserWarning, match="not writable"):
        x = rushlight.from_numpy(values)
    with pytest.raises(RuntimeError, match="more than one element"):
        x.view(3).fill_(2)


# --- names of arguments ---

KEYWORD_CALLS = [
    lambda t: t.add(x1=t.ones(2), x2=t.ones(2)),
    lambda t: t.exp(x=t.zeros(2)),
    lambda t: t.sum(a=t.ones(2, 2), axis=1, keepdims=True),
    lambda t: t.max(t.ones(2, 2), axis=0, keepdims=True).values,
    lambda t: t.linalg.eigvalsh(input=t.eye(2)),
    lambda t: t.linalg.inv(A=t.eye(2)),
    lambda t: t.chunk(t.ones(4), 2, axis=0)[1],
    lambda t: t.unbind(t.ones(2, 2), axis=1)[1],
    lambda t: t.split(tensor=t.ones(4), split_size_or_sections=2)[1],
    lambda t: t.tensor_split(t.ones(4), tensor_indices_or_sections=t.tensor(2))[1],
    lambda t: t.hsplit(t.ones(4), sections=2)[1],
    lambda t: t.vsplit(t.ones(4, 4), indices=(1,))[1],
    lambda t: t.swapaxes(t.ones(2, 3), axis0=0, axis1=1),
    lambda t: t.isin(element=3, test_elements=t.ones(2)),
    lambda t: t.result_type(scalar=2, tensor=t.ones(2)),
    lambda t: t.dropout(t.ones(2), p=0.5, train=False),
    lambda t: t.arange(end=3),
    lambda t: t.arange(start=1, end=3),
    lambda t: t.repeat_interleave(repeats=t.tensor([1, 2])),
    lambda t: t.nn.functional.one_hot(input=t.tensor([0, 1]), num_classes=2),
    lambda t: t.flip(t.arange(2), dims=(0,)),
    lambda t: t.ones(2).copy_(other=t.zeros(2)),
    lambda t: t.arange(),
    lambda t: t.flip(t.ones(2), axis=0),
    lambda t: t.tile(t.ones(2), reps=2),
    lambda t: t.add(t.ones(2), 1, foo=2),
    lambda t: t.sum(t.ones(2), foo=2),
    lambda t: t.ones(2).permute(foo=(0,)),
]


@pytest.mark.parametrize("call", KEYWORD_CALLS)
def test_arguments_have_all_of_torchs_names(torch, call):
    assert str(outcome(lambda: call(rushlight))) == str(outcome(lambda: call(torch)))


# --- order in memory ---

ROW_MAJOR = {
    "sum": lambda t, x: x.sum(1),
    "mean": lambda t, x: x.mean((0, 1)),
    "var": lambda t, x: x.var(1),
    "prod": lambda t, x: x.prod(1),
    "amax": lambda t, x: x.amax(1),
    "max": lambda t, x: x.max(1).values,
    "argmin": lambda t, x: x.argmin(1),
    "all": lambda t, x: x.all(1),
    "norm": lambda t, x: x.norm(dim=1),
    "logsumexp": lambda t, x: x.logsumexp(1),
    "softmax": lambda t, x: x.softmax(1),
    "log_softmax": lambda t, x: x.log_softmax(1),
    "cumsum": lambda t, x: x.cumsum(1),
    "cat": lambda t, x: t.cat([x, x], 1),
    "stack": lambda t, x: t.stack([x, x]),
    "tril": lambda t, x: x.tril(),
    "roll": lambda t, x: x.roll(1, 0),
    "masked_fill": lambda t, x: x.masked_fill(x > 3, 0),
    "zeros_like": lambda t, x: t.zeros_like(x),
    "exp": lambda t, x: x.exp(),
    "clone": lambda t, x: x.clone(),
    "to": lambda t, x: x.to(t.float64),
}


@pytest.mark.parametrize("call", ROW_MAJOR.values(), ids=ROW_MAJOR)
def test_results_of_permuted_tensors_lie_in_memory_as_in_torch(torch, call):
    for permuted in (
        lambda t: t.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
        lambda t: t.arange(48.0).reshape(4, 3, 4)[::2].permute(2, 0, 1),
    ):
        ours, theirs = call(rushlight, permuted(rushlight)), call(torch, permuted(torch))
        assert ours.stride() == tuple(theirs.stride())


@pytest.mark.parametrize("name", ["clone", "zeros_like", "double"])
def test_copies_of_expanded_tensors_are_dense(torch, name):
    for t in (rushlight, torch):
        x = t.arange(6.0).reshape(2, 1, 3).expand(2, 4, 3)
        y = t.zeros_like(x) if name == "zeros_like" else getattr(x, name)()
        assert tuple(y.stride()) == (12, 3, 1)


def test_joining_channels_last_images_keeps_their_order(torch):
    for t in (rushlight, torch):
        x = t.ones(2, 3, 4, 5).contiguous(memory_format=t.channels_last)
        assert t.cat([x, x], 1).is_contiguous(memory_format=t.channels_last)


# --- gradients where there is none ---

NAN, INF = float("nan"), float("inf")

KINKS = {
    "clamp of nan": lambda t, x: t.clamp(x, 0.0, 1.0),
    "clamp to nan": lambda t, x: t.clamp(x, max=NAN),
    "clamp_min of nan": lambda t, x: t.clamp_min(x, t.tensor(0.0)),
    "atan2 at the origin": lambda t, x: t.atan2(x, t.zeros(9)),
    "hardswish": lambda t, x: t.nn.functional.hardswish(x.nan_to_num(0.5)),
    "abs": lambda t, x: x.abs(),
    "hardtanh": lambda t, x: t.nn.functional.hardtanh(x.nan_to_num(0.5)),
    "relu6": lambda t, x: t.nn.functional.relu6(x.nan_to_num(0.5)),
    "maximum": lambda t, x: t.maximum(x, t.zeros(9)),
    "amax": lambda t, x: x.nan_to_num(0.0).amax(0),
}


@pytest.mark.parametrize("call", KINKS.values(), ids=KINKS)
def test_gradients_at_kinks(torch, call):
    found = []
    for t in (rushlight, torch):
        values = [0.0, 1.0, -1.0, 3.0, -3.0, 6.0, INF, 1e30, NAN]
        x = t.tensor(values, requires_grad=True)
        call(t, x).sum().backward()
        found.append(np.array(x.grad.tolist()))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
