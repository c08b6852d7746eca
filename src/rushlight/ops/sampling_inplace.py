"""Methods that fill a tensor with random numbers, in the order of its memory.

The numbers are PyTorch's on the CPU (see `rushlight.random`). What stood in the tensor before gets
no gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, method
from ..backend.array import to_numpy
from ..kernels.random import fill
from ..random import Generator
from ._sampling import bounds_of_fill, integer, number, write


@method
def uniform_(
    self: Tensor, *bounds: Any, generator: Generator | None = None, **named: Any
) -> Tensor:
    """Fill with uniform random numbers: `x.uniform_(from=0, to=1)` draws from [from, to).

    Raises:
        NotImplementedError: the dtype is an integer or bool.
        RuntimeError: from > to, or a bound goes beyond the dtype.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.empty(3).uniform_(-1, 1)
        tensor([-0.0075,  0.5364, -0.8230])
    """
    low, high = bounds_of_fill("uniform_", bounds, named, (0.0, 1.0))
    low, high = number("uniform_", "from", low), number("uniform_", "to", high)
    return write("uniform_", self, generator, fill.uniform, low, high)


@method
def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with normal random numbers of this mean and standard deviation.

    A contiguous tensor of 16 or more elements gets other numbers than a non-contiguous one, as in
    PyTorch.

    Raises:
        NotImplementedError: the dtype is an integer or bool.
        RuntimeError: std is negative.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.empty(3).normal_(10, 0.5)
        tensor([10.7705,  9.8533,  8.9106])
    """
    mean, std = number("normal_", "mean", mean), number("normal_", "std", std)
    return write("normal_", self, generator, fill.normal, mean, std)


@method
def random_(self: Tensor, *bounds: Any, generator: Generator | None = None, **named: Any) -> Tensor:
    """Fill with random integers: `x.random_(from, to)` of [from, to), `x.random_(to)` of [0, to).

    `x.random_()` goes up to the largest number of the dtype (2^24 for float32: the largest up to
    which every integer is exact), `x.random_(from, None)` from `from` to there.

    Raises:
        RuntimeError: from >= to, or a bound goes beyond the dtype.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.empty(4).random_(10)
        tensor([4., 9., 3., 0.])
    """
    if not bounds and not named:
        return write("random_", self, generator, fill.any_integers)
    if len(bounds) == 1 and "to" not in named:
        bounds = (0, *bounds)
    low, high = bounds_of_fill("random_", bounds, named, (0, None))
    low = integer("random_", "from", low)
    high = None if high is None else integer("random_", "to", high)
    return write("random_", self, generator, fill.integers, low, high)


@method
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 with probability p, else 0.

    p is a number, or a tensor of probabilities that broadcasts to this tensor.

    Raises:
        RuntimeError: a probability lies outside [0, 1].

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.empty(2, 3).bernoulli_(0.5)
        tensor([[0., 0., 1.],
                [0., 0., 0.]])
    """
    if not isinstance(p, Tensor):
        p = number("bernoulli_", "p", p)
        return write("bernoulli_", self, generator, fill.bernoulli, p)
    try:
        probabilities = np.broadcast_to(to_numpy(p.array), self.array.shape)
    except ValueError:
        raise RuntimeError(
            f"bernoulli_: p of size {list(p.shape)} does not broadcast to {list(self.shape)}"
        ) from None
    return write("bernoulli_", self, generator, fill.bernoulli, probabilities)


@method
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with exponential random numbers: density lambd exp(-lambd x), x >= 0.

    Raises:
        RuntimeError: lambd <= 0, or the dtype is not floating.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.empty(3).exponential_()
        tensor([3.5083, 1.2304, 0.6150])
    """
    rate = number("exponential_", "lambd", lambd)
    return write("exponential_", self, generator, fill.exponential, rate)


@method
def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with geometric random numbers: trials up to the first success of probability p.

    Raises:
        RuntimeError: p is not in (0, 1).

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.empty(4, dtype=rushlight.int64).geometric_(0.3)
        tensor([1, 1, 3, 1])
    """
    return write("geometric_", self, generator, fill.geometric, number("geometric_", "p", p))


@method
def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with Cauchy random numbers: density sigma / (pi ((x - median)^2 + sigma^2)).

    Raises:
        RuntimeError: sigma <= 0, or the dtype is not floating.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.empty(2).cauchy_()
        tensor([10.5977,  0.7648])
    """
    median, sigma = number("cauchy_", "median", median), number("cauchy_", "sigma", sigma)
    return write("cauchy_", self, generator, fill.cauchy, median, sigma)


@method
def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with log-normal random numbers: exp of normal ones of this mean and standard deviation.

    Raises:
        NotImplementedError: the dtype is not floating.
        RuntimeError: std <= 0.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.empty(2).log_normal_()
        tensor([59.2634,  1.5116])
    """
    mean, std = number("log_normal_", "mean", mean), number("log_normal_", "std", std)
    return write("log_normal_", self, generator, fill.log_normal, mean, std)
