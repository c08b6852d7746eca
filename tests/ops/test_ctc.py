"""The CTC loss against the sum over all paths, and its gradient through log-softmax."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import rushlight
import rushlight.nn.functional as F
from rushlight._tensor import wrap
from rushlight.autograd import gradcheck


def _scores(*shape):
    return wrap(np.random.default_rng(0).standard_normal(shape))


def _spelled(path, blank):
    return [label for label, _ in itertools.groupby(path) if label != blank]


def _by_enumeration(logp, target, blank=0):
    count, classes = logp.shape
    total = 0.0
    for path in itertools.product(range(classes), repeat=count):
        if _spelled(path, blank) == list(target):
            total += np.exp(sum(logp[t, c] for t, c in enumerate(path)))
    return -np.log(total)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("target", [[], [1], [1, 1], [1, 3], [3, 1, 3], [1, 1, 3]])
def test_loss_is_the_sum_over_all_paths(target, blank):
    logp = _scores(5, 4).log_softmax(-1)
    labels = rushlight.tensor(target, dtype=rushlight.int64)
    loss = F.ctc_loss(logp, labels, 5, len(target), blank=blank, reduction="none")
    np.testing.assert_allclose(loss.item(), _by_enumeration(logp.array, target, blank), rtol=1e-10)


def test_batches_padded_or_joined_are_the_same():
    logp = _scores(6, 3, 4).log_softmax(-1)
    padded = rushlight.tensor([[1, 2, 3], [2, 9, 9], [3, 3, 9]]) % 7
    joined = rushlight.tensor([1, 2, 3, 2, 3, 3])
    frames, lengths = [6, 4, 5], [3, 1, 2]
    expected = [
        _by_enumeration(logp.array[: frames[n], n], padded.array[n, : lengths[n]]) for n in range(3)
    ]
    for targets in (padded, joined):
        loss = F.ctc_loss(logp, targets, frames, rushlight.tensor(lengths), reduction="none")
        np.testing.assert_allclose(loss.array, expected, rtol=1e-10)
    mean = F.ctc_loss(logp, joined, frames, lengths)
    np.testing.assert_allclose(mean.item(), np.mean(np.divide(expected, lengths)), rtol=1e-10)


def test_gradient_through_log_softmax():
    x = _scores(6, 3, 4)
    x.requires_grad = True
    targets = rushlight.tensor([[1, 2, 2], [2, 0, 0], [3, 3, 0]])

    def loss(x):
        return F.ctc_loss(x.log_softmax(-1), targets, [6, 4, 5], [3, 1, 2], reduction="none")

    assert gradcheck(loss, [x])


def test_targets_too_long_for_their_frames():
    x = _scores(3, 1, 4)
    x.requires_grad = True
    targets = rushlight.tensor([[1, 1, 1]])
    assert np.isinf(F.ctc_loss(x.log_softmax(-1), targets, [3], [3]).item())
    loss = F.ctc_loss(x.log_softmax(-1), targets, [3], [3], zero_infinity=True)
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.array.any()


def test_no_frames():
    logp = _scores(3, 2, 4).log_softmax(-1)
    loss = F.ctc_loss(logp, rushlight.tensor([[1], [1]]), [0, 0], [0, 1], reduction="none")
    np.testing.assert_array_equal(loss.array, [0, np.inf])


def test_no_second_derivative():
    x = _scores(4, 1, 3)
    x.requires_grad = True
    loss = F.ctc_loss(x.log_softmax(-1), rushlight.tensor([[1]]), [4], [1])
    (g,) = rushlight.autograd.grad(loss, [x], create_graph=True)
    with pytest.raises(RuntimeError, match="second derivative is not implemented"):
        g.sum().backward()
