"""Batches of sequences of different lengths: padded to the longest, or packed without gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..._tensor import Tensor, wrap
from ...backend.dtype import int64
from ...ops.from_data import as_tensor
from ...ops.joining import cat, stack

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """The elements of a batch of sequences, step by step, without padding.

    Made by `pack_padded_sequence` and `pack_sequence`; recurrent layers take and return it.

    Args:
        data: all elements: the first of every sequence, then the second of every one that has
            it, and so on; the longest sequence comes first.
        batch_sizes: how many sequences still run at each step.
        sorted_indices: the order that sorts the sequences by length; None if they were sorted.
        unsorted_indices: the order that undoes it (derived from `sorted_indices` if not given).

    Example:
        >>> from rushlight.nn.utils.rnn import pack_sequence
        >>> pack_sequence([rushlight.tensor([1, 2]), rushlight.tensor([3])]).data
        tensor([1, 3, 2])
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        """Make one from its fields, or from a pair (data, batch_sizes)."""
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be "
                "created manually. They should be instantiated by functions like pack_sequence "
                "and pack_padded_sequence in nn.utils.rnn."
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return it with the data converted as `Tensor.to` does, itself if nothing changes."""
        return self._with(self.data.to(*args, **kwargs))

    def _with(self, data: Tensor) -> PackedSequence:
        if data is self.data:
            return self
        orders = [
            None if order is None else order.to(data.device)
            for order in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(data, self.batch_sizes, *orders)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return it with the data on the GPU."""
        return self._with(self.data.cuda(*args, **kwargs))

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return it with the data on the CPU."""
        return self._with(self.data.cpu(*args, **kwargs))

    def pin_memory(self) -> PackedSequence:
        """Return it with the data in page-locked memory."""
        return self._with(self.data.pin_memory())

    def double(self) -> PackedSequence:
        """Return it with float64 data."""
        return self._with(self.data.double())

    def float(self) -> PackedSequence:
        """Return it with float32 data."""
        return self._with(self.data.float())

    def half(self) -> PackedSequence:
        """Return it with float16 data."""
        return self._with(self.data.half())

    def long(self) -> PackedSequence:
        """Return it with int64 data."""
        return self._with(self.data.long())

    def int(self) -> PackedSequence:
        """Return it with int32 data."""
        return self._with(self.data.int())

    def short(self) -> PackedSequence:
        """Return it with int16 data."""
        return self._with(self.data.short())

    def char(self) -> PackedSequence:
        """Return it with int8 data."""
        return self._with(self.data.char())

    def byte(self) -> PackedSequence:
        """Return it with uint8 data."""
        return self._with(self.data.byte())

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Return whether the data is in page-locked memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the permutation that undoes the given one; None stays None.

    Example:
        >>> from rushlight.nn.utils.rnn import invert_permutation
        >>> invert_permutation(rushlight.tensor([2, 0, 1]))
        tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()


def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | Sequence[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Pack a padded batch of sequences.

    Args:
        input: the padded sequences.
        lengths: the length of each, on the CPU.
        batch_first: whether the batch is the first axis of `input`.
        enforce_sorted: require descending lengths; if false, sort the sequences.

    Shape:
        input (T, B, *), or (B, T, *) with `batch_first`; lengths (B); packed data (sum, *).

    Raises:
        RuntimeError: lengths do not fit the batch, are not positive, or are not sorted.

    Note:
        A length beyond T is an error; torch packs less than `batch_sizes` then says.
    """
    if input.array.ndim < 2:
        raise IndexError(f"pack_padded_sequence: expected input (T, B, *), got {list(input.shape)}")
    given = as_tensor(lengths, dtype=int64, device="cpu")
    order = None
    if not enforce_sorted:
        given, order = given.sort(descending=True, stable=True)
        order = order.to(input.device)
        input = input.index_select(0 if batch_first else 1, order)
    steps_first = input.transpose(0, 1) if batch_first else input
    counts = given.array
    _check_lengths(steps_first, given)
    steps, batch = steps_first.array.shape[:2]
    sizes = (counts[None, :] > np.arange(counts[0])[:, None]).sum(1)
    rows = steps_first.reshape(steps * batch, *steps_first.array.shape[2:])
    if sizes[-1] == batch:
        data = rows[: len(sizes) * batch]
    else:
        places = wrap(_places(sizes, batch)).to(input.device)
        data = rows.index_select(0, places)
    return PackedSequence(data, wrap(sizes), order)


def _places(sizes: np.ndarray, batch: int) -> np.ndarray:
    """Return where each packed row stands in the (steps * batch) rows of the padded batch."""
    return np.concatenate([np.arange(n) + t * batch for t, n in enumerate(sizes.tolist())])


def _check_lengths(input: Tensor, lengths: Tensor) -> None:
    counts, shape = lengths.array, input.array.shape
    if counts.ndim != 1:
        raise RuntimeError(
            "'lengths' argument should be a 1D CPU int64 tensor, but got "
            f"{counts.ndim}D cpu Long tensor"
        )
    if not input.array.size:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(counts) != shape[1]:
        raise RuntimeError(
            "Expected `len(lengths)` to be equal to batch_size, but got "
            f"{len(counts)} (batch_size={shape[1]})"
        )
    if counts[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if (counts[1:] > counts[:-1]).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if counts[0] > shape[0]:
        raise RuntimeError(
            f"pack_padded_sequence: expected lengths of at most {shape[0]}, the number of steps, "
            f"got {counts[0]}"
        )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Turn a packed batch of sequences into a padded one.

    Args:
        sequence: the packed batch.
        batch_first: whether the batch shall be the first axis.
        padding_value: the number after the end of a sequence.
        total_length: how many steps to pad to (default: those of the longest sequence).

    Returns:
        The padded batch, (T, B, *) or (B, T, *), and the lengths, both in the order in which the
        sequences were packed.

    Raises:
        ValueError: `total_length` is less than the longest sequence.
    """
    sizes = sequence.batch_sizes.array
    steps, batch = len(sizes), int(sizes[0])
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, "
                f"but got total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    data = sequence.data
    rest = data.array.shape[1:]
    if steps * batch == data.array.shape[0]:
        padded = data.reshape(steps, batch, *rest)
    else:
        places = wrap(_places(sizes, batch)).to(data.device)
        rows = data.new_full((steps * batch, *rest), padding_value)
        padded = rows.index_copy(0, places, data).reshape(steps, batch, *rest)
    lengths = wrap((sizes[None, :] > np.arange(batch)[:, None]).sum(1))
    if batch_first:
        padded = padded.transpose(0, 1)
    order = sequence.unsorted_indices
    if order is None:
        return padded, lengths
    return padded.index_select(0 if batch_first else 1, order), lengths[order.cpu()]


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Pad sequences to the length of the longest and stack them.

    Args:
        sequences: tensors (L, *) that differ in L only.
        batch_first: whether the batch shall be the first axis.
        padding_value: the number that fills up.
        padding_side: where it stands, "right" or "left".

    Shape:
        result (T, B, *), or (B, T, *) with `batch_first`.

    Example:
        >>> from rushlight.nn.utils.rnn import pad_sequence
        >>> pad_sequence([rushlight.tensor([1, 2]), rushlight.tensor([3])], batch_first=True)
        tensor([[1, 2],
                [3, 0]])
    """
    rows = _listed(sequences)
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    for i, row in enumerate(rows):
        if not isinstance(row, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(row).__name__}"
            )
    _check_rows(rows)
    steps = max(row.array.shape[0] for row in rows)
    first = rows[0]
    filled = []
    for row in rows:
        row = row if row.dtype is first.dtype else row.to(first.dtype)
        missing = steps - row.array.shape[0]
        if missing:
            fill = first.new_full((missing, *first.array.shape[1:]), padding_value)
            row = cat([row, fill] if padding_side == "right" else [fill, row])
        filled.append(row)
    return stack(filled, 0 if batch_first else 1)


def _listed(sequences: Any) -> list[Tensor]:
    if isinstance(sequences, Tensor):
        return list(sequences.unbind(0))
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    rows = list(sequences)
    if not rows:
        raise RuntimeError("received an empty list of sequences")
    return rows


def _check_rows(rows: list[Tensor]) -> None:
    rest = rows[0].array.shape[1:]
    for i, row in enumerate(rows):
        if not row.array.ndim:
            raise RuntimeError(f"pad_sequence: expected sequences (L, *), got a 0-d tensor at {i}")
        shape = row.array.shape[1:]
        if len(shape) != len(rest):
            raise RuntimeError(
                f"pad_sequence: expected sequences (L, {', '.join(map(str, rest))}), got "
                f"{list(row.shape)} at {i}"
            )
        for dim, (a, b) in enumerate(zip(rest, shape, strict=True), start=1):
            if a != b:
                raise RuntimeError(
                    f"The size of tensor a ({a}) must match the size of tensor b ({b}) at "
                    f"non-singleton dimension {dim}"
                )


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """Cut a padded batch into its sequences; the inverse of `pad_sequence`.

    Shape:
        padded_sequences (T, B, *), or (B, T, *) with `batch_first`; lengths (B).
    """
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    rows = zip(padded_sequences.unbind(0), lengths.tolist(), strict=True)
    return [row[:length] for row, length in rows]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (L, *).

    Args:
        sequences: tensors that differ in L only.
        enforce_sorted: require descending lengths; if false, sort the sequences.

    Example:
        >>> from rushlight.nn.utils.rnn import pack_sequence
        >>> a, b = rushlight.tensor([1, 2, 3]), rushlight.tensor([4, 5])
        >>> pack_sequence([a, b]).batch_sizes
        tensor([2, 2, 1])
    """
    padded = pad_sequence(sequences)
    lengths = wrap(np.array([row.array.shape[0] for row in sequences], np.int64))
    return pack_padded_sequence(padded, lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the list of sequences in a packed batch; the inverse of `pack_sequence`."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
