"""Making a batch out of samples."""

from __future__ import annotations

import collections.abc
import copy
from typing import Any

import numpy as np

from ..._tensor import Tensor, wrap
from ...backend.dtype import float64
from ...ops.from_data import as_tensor, tensor
from ...ops.joining import stack


def default_convert(data: Any) -> Any:
    """Turn the arrays in nested data into Tensors; leave everything else as it is."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, collections.abc.Mapping):
        return _rebuild_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(d) for d in data))
    if isinstance(data, tuple):
        return [default_convert(d) for d in data]
    if isinstance(data, collections.abc.Sequence) and not isinstance(data, (str, bytes)):
        return _rebuild_sequence(data, [default_convert(d) for d in data])
    return data


def collate(batch: Any, *, collate_fn_map: dict[Any, Any] | None = None) -> Any:
    """Combine samples by type: `collate_fn_map` holds a function for each type."""
    first = batch[0]
    kind = type(first)
    for known, function in (collate_fn_map or {}).items():
        if isinstance(first, known):
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, collections.abc.Mapping):
        columns = {
            key: collate([d[key] for d in batch], collate_fn_map=collate_fn_map) for key in first
        }
        return _rebuild_mapping(first, columns)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(
            *(
                collate(samples, collate_fn_map=collate_fn_map)
                for samples in zip(*batch, strict=False)
            )
        )
    if isinstance(first, collections.abc.Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns_list = [
            collate(samples, collate_fn_map=collate_fn_map) for samples in zip(*batch, strict=True)
        ]
        return columns_list if isinstance(first, tuple) else _rebuild_sequence(first, columns_list)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {kind}"
    )


def _rebuild_mapping(like: Any, values: dict[Any, Any]) -> Any:
    """Return `values` in a mapping of the same type, if that can be made."""
    try:
        if isinstance(like, collections.abc.MutableMapping):
            twin = copy.copy(like)
            twin.update(values)
            return twin
        return type(like)(values)
    except TypeError:
        return values


def _rebuild_sequence(like: Any, values: list[Any]) -> Any:
    try:
        return values if type(like) is list else type(like)(values)
    except TypeError:
        return values


def _stack_tensors(batch: Any, **_: Any) -> Tensor:
    return stack(list(batch))


def _stack_arrays(batch: Any, **_: Any) -> Any:
    first = batch[0]
    if first.dtype.kind in "SUO":
        raise TypeError(
            "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
            f"found {first.dtype}"
        )
    if first.shape == ():
        return as_tensor(np.asarray(batch))
    return wrap(np.stack(batch))


_DEFAULT: dict[Any, Any] = {
    Tensor: _stack_tensors,
    (np.ndarray, np.generic): _stack_arrays,
    float: lambda batch, **_: tensor(batch, dtype=float64),
    int: lambda batch, **_: tensor(batch),
    str: lambda batch, **_: batch,
    bytes: lambda batch, **_: batch,
}
# torch's name for the table that programs extend with types of their own.
default_collate_fn_map = _DEFAULT


def default_collate(batch: Any) -> Any:
    """Stack samples into a batch: tensors, arrays and numbers become tensors; containers are kept.

    Example:
        >>> rushlight.utils.data.default_collate([(1, 2.0), (3, 4.0)])
        [tensor([1, 3]), tensor([2., 4.], dtype=torch.float64)]
    """
    return collate(batch, collate_fn_map=_DEFAULT)
