"""torch's type promotion for operands that are tensors, 0-d tensors and Python numbers.

The result has the highest kind (bool < int < float < complex) among the operands. Within that
kind, dimensioned tensors decide; 0-d tensors count only where they bring a higher kind than the
dimensioned ones, and numbers only where they bring a higher kind than all tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._deferred import alike
from .._tensor import Tensor, waiting, wrap
from ..backend import dtype as dtypes
from ..backend.dtype import dtype, promote_types
from .casts import cast


def result_type(*operands: Any, **named: Any) -> dtype:
    """Return the dtype that an operation on these tensors and numbers has.

    Example:
        >>> rushlight.result_type(rushlight.tensor([1, 2]), 1.0)
        torch.float32
    """
    operands += tuple(named.values())
    categories: list[dtype | None] = [None, None, None]  # dimensioned, 0-d, numbers
    for operand in operands:
        if isinstance(operand, Tensor):
            rank, found = (0 if operand.array.ndim else 1), operand.dtype
        else:
            rank, found = 2, dtypes.of_scalar(operand)
        have = categories[rank]
        categories[rank] = found if have is None else promote_types(have, found)
    result: dtype | None = None
    for found_or_none in categories:
        if found_or_none is None:
            continue
        if result is None:
            result = found_or_none
        elif result.is_floating_point and found_or_none.is_complex:
            result = result.to_complex()
        elif found_or_none.kind > result.kind:
            result = promote_types(result, found_or_none)
    assert result is not None
    return result


def promote(x: Any, y: Any) -> tuple[Any, Any]:
    """Bring two operands to their common dtype; numbers stay where NumPy agrees with torch."""
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        if (waiting and (alike(x, y) or alike(y, x))) or x.array.dtype is y.array.dtype:
            return x, y
        common = result_type(x, y)
        return cast(x, common), cast(y, common)
    if isinstance(x, Tensor):
        return _with_number(x, y)
    if isinstance(y, Tensor):
        y, x = _with_number(y, x)
        return x, y
    raise TypeError(f"expected a Tensor operand, got {type(x).__name__} and {type(y).__name__}")


def _with_number(x: Tensor, number: Any) -> tuple[Tensor, Any]:
    kind = type(number)
    if kind is float or kind is int or kind is bool:
        have = x.array.dtype.kind
        if have == "f" or have == "c" or (have in "iu" and kind is not float and _fits(number, x)):
            return x, number
    elif isinstance(number, np.ndarray):
        return promote(x, wrap(number))
    elif not isinstance(number, (int, float, complex, np.number, np.bool_)):
        raise TypeError(f"unsupported operand: a Tensor and {kind.__name__}")
    common = result_type(x, number)
    x = cast(x, common)
    return x, wrap(np.asarray(number).astype(common.numpy))


def _fits(number: int, x: Tensor) -> bool:
    limits = dtypes.iinfo(x.dtype)
    return limits.min <= number <= limits.max
