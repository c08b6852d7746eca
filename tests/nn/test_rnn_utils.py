"""Padding and packing sequences: values, gradients and errors."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight.nn.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)


def rows(*lengths: int) -> list[rushlight.Tensor]:
    """Sequences of the given lengths, each element different."""
    return [rushlight.arange(10.0 * k, 10.0 * k + n).unsqueeze(1) for k, n in enumerate(lengths)]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [(3, 3, 1), (2, 4, 1), (2, 2)])
def test_packing_and_back(lengths, batch_first):
    sequences = rows(*lengths)
    padded = pad_sequence(sequences, batch_first=batch_first)
    packed = pack_padded_sequence(padded, lengths, batch_first, enforce_sorted=False)
    again, counts = pad_packed_sequence(packed, batch_first)
    assert counts.tolist() == list(lengths)
    np.testing.assert_array_equal(again.numpy(), padded.numpy())
    for a, b in zip(unpack_sequence(packed), sequences, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_packed_rows_stand_step_by_step():
    packed = pack_sequence(rows(2, 3), enforce_sorted=False)
    assert packed.data.flatten().tolist() == [10, 0, 11, 1, 12]
    assert packed.batch_sizes.tolist() == [2, 2, 1]
    assert packed.sorted_indices.tolist() == [1, 0]


def test_padding_value_total_length_and_side():
    packed = pack_sequence(rows(2, 1))
    padded, _ = pad_packed_sequence(packed, True, padding_value=-1.0, total_length=4)
    assert padded[..., 0].tolist() == [[0, 1, -1, -1], [10, -1, -1, -1]]
    left = pad_sequence(rows(2, 1), batch_first=True, padding_value=7.0, padding_side="left")
    assert left[..., 0].tolist() == [[0, 1], [7, 10]]


def test_gradients_reach_only_real_elements():
    x = rushlight.zeros(3, 2, 1, requires_grad=True)
    packed = pack_padded_sequence(x, [1, 3], enforce_sorted=False)
    padded, _ = pad_packed_sequence(packed, padding_value=5.0)
    (padded * rushlight.arange(1.0, 7.0).reshape(3, 2, 1)).sum().backward()
    assert x.grad[..., 0].tolist() == [[1, 2], [0, 4], [0, 6]]


def test_a_packed_sequence_converts_its_data():
    packed = pack_sequence(rows(1, 2), enforce_sorted=False)
    wide = packed.double()
    assert isinstance(wide, PackedSequence)
    assert wide.data.dtype == rushlight.float64
    assert wide.unsorted_indices.tolist() == [1, 0]
    assert packed.to("cpu") is packed
    assert not packed.is_cuda
    assert invert_permutation(None) is None


def test_unpad():
    padded = pad_sequence(rows(2, 1))
    parts = unpad_sequence(padded, rushlight.tensor([2, 1]))
    assert [p.flatten().tolist() for p in parts] == [[0, 1], [10]]


@pytest.mark.parametrize(
    ("call", "exception", "words"),
    [
        (lambda x: pack_padded_sequence(x, [3]), RuntimeError, "equal to batch_size, but got 1"),
        (lambda x: pack_padded_sequence(x, [3, 0]), RuntimeError, "greater than 0"),
        (lambda x: pack_padded_sequence(x, [1, 3]), RuntimeError, "sorted in decreasing order"),
        (lambda x: pack_padded_sequence(x, [9, 1]), RuntimeError, "at most 3"),
        (lambda x: pack_padded_sequence(x[:0], [1, 1]), RuntimeError, "Cannot pack empty tensors"),
        (
            lambda x: pad_packed_sequence(pack_padded_sequence(x, [3, 1]), total_length=2),
            ValueError,
            "Expected total_length to be at least",
        ),
        (lambda x: pad_sequence([]), RuntimeError, "received an empty list of sequences"),
        (lambda x: pad_sequence(3), RuntimeError, "Expected iterable for input sequences"),
        (lambda x: pad_sequence([x], padding_side="up"), RuntimeError, "left or right"),
        (lambda x: PackedSequence(x), AssertionError, "list or tuple of length 2"),
    ],
)
def test_errors(call, exception, words):
    with pytest.raises(exception, match=words):
        call(rushlight.zeros(3, 2, 1))
