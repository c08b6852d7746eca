"""Window functions: hann_window and its kin, and those of `signal.windows`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..backend import dtype as dtypes
from ..backend.memory_format import strided
from ._arguments import allocate, check_dtype, finish
from ._export import export

# A window as a function of its length and of how many of the symmetric window's points there are.
_Shape = Callable[[Array, int], Array]


def _cosine_sum(coefficients: list[float]) -> _Shape:
    """w(n) = a_0 - a_1 cos(2 pi n / (P - 1)) + a_2 cos(4 pi n / (P - 1)) - ..."""

    def shape(n: Array, points: int) -> Array:
        phase = 2 * np.pi * n / (points - 1)
        return (
            sum((-1) ** i * a * np.cos(i * phase) for i, a in enumerate(coefficients)) + 0 * phase
        )

    return shape


def _triangle(n: Array, points: int) -> Array:
    return 1 - np.abs(2 * n / (points - 1) - 1)


def _bessel(beta: float) -> _Shape:
    def shape(n: Array, points: int) -> Array:
        ratio = 2 * n / (points - 1) - 1
        return np.i0(beta * np.sqrt(np.maximum(1 - ratio**2, 0))) / np.i0(beta)

    return shape


def _window(
    name: str,
    shape: _Shape,
    length: int,
    symmetric: bool,
    dtype: Any,
    device: Any,
    requires_grad: bool,
) -> Tensor:
    kind = check_dtype(name, dtype) or dtypes.get_default_dtype()
    points = length if symmetric else length + 1
    if length < 2:
        values = np.ones(length)
    else:
        values = shape(np.arange(length, dtype=np.float64), points)
    array = allocate(device, lambda xp: xp.asarray(values.astype(kind.numpy)))
    return finish(name, array, None, requires_grad)


def _check_periodic(name: str, window_length: int, dtype: Any) -> None:
    kind = check_dtype(name, dtype) or dtypes.get_default_dtype()
    if not kind.is_floating_point and not kind.is_complex:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {kind.type_name}")
    if window_length < 0:
        raise RuntimeError(
            f"{name} requires non-negative window_length, got window_length={window_length}"
        )


def _classic(
    name: str, shape: _Shape, window_length: int, periodic: bool, options: dict[str, Any]
) -> Tensor:
    dtype = options.pop("dtype", None)
    device, requires_grad = options.pop("device", None), options.pop("requires_grad", False)
    options.pop("layout", None), options.pop("pin_memory", None)
    if options:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(options))}'")
    _check_periodic(name, window_length, dtype)
    return _window(name, shape, window_length, not periodic, dtype, device, requires_grad)


@export
def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """Return a Hann window: w(n) = (1 - cos(2 pi n / (P - 1))) / 2.

    Args:
        window_length: number of points.
        periodic: leave out the last point of a symmetric window one longer (P = length + 1), as
            spectral analysis wants; otherwise P = length.
        **options: `dtype`, `layout`, `device`, `requires_grad`.

    Raises:
        RuntimeError: the length is negative, or the dtype not a floating point one.

    Example:
        >>> rushlight.hann_window(4)
        tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _classic("hann_window", _cosine_sum([0.5, 0.5]), window_length, periodic, options)


@export
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    **options: Any,
) -> Tensor:
    """Return a Hamming window: alpha - beta cos(2 pi n / (P - 1)). Arguments as `hann_window`."""
    return _classic("hamming_window", _cosine_sum([alpha, beta]), window_length, periodic, options)


@export
def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """Return a Blackman window: a sum of three cosines. Arguments as `hann_window`."""
    return _classic(
        "blackman_window", _cosine_sum([0.42, 0.5, 0.08]), window_length, periodic, options
    )


@export
def bartlett_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """Return a Bartlett window: a triangle with zeros at its ends. Arguments as `hann_window`."""
    return _classic("bartlett_window", _triangle, window_length, periodic, options)


@export
def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any
) -> Tensor:
    """Return a Kaiser window, from the Bessel function I0. Arguments as `hann_window`."""
    return _classic("kaiser_window", _bessel(beta), window_length, periodic, options)


# --- signal.windows ----------------------------------------------------------------------------


def _checked(name: str, M: int, dtype: Any, layout: Any) -> None:
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not None and layout is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    kind = check_dtype(name, dtype)
    if kind is not None and kind not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}")


def _signal_window(
    name: str,
    shape: _Shape,
    M: int,
    sym: bool,
    options: dict[str, Any],
) -> Tensor:
    dtype, device = options.pop("dtype", None), options.pop("device", None)
    requires_grad, layout = options.pop("requires_grad", False), options.pop("layout", None)
    if options:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(options))}'")
    _checked(name, M, dtype, layout)
    return _window(name, shape, M, sym, dtype, device, requires_grad)


@export(name="signal.windows.hann", public=False)
def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return a Hann window: w(n) = (1 - cos(2 pi n / (P - 1))) / 2.

    Args:
        M: number of points.
        sym: symmetric (P = M); otherwise periodic (P = M + 1).
        **options: `dtype` (float32 or float64), `layout`, `device`, `requires_grad`.

    Raises:
        ValueError: M is negative, or the dtype is another one.
    """
    return _signal_window("hann", _cosine_sum([0.5, 0.5]), M, sym, options)


@export(name="signal.windows.hamming", public=False)
def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return a Hamming window: w(n) = 0.54 - 0.46 cos(2 pi n / (P - 1)). Arguments as `hann`."""
    return _signal_window("hamming", _cosine_sum([0.54, 0.46]), M, sym, options)


@export(name="signal.windows.general_hamming", public=False)
def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    **options: Any,
) -> Tensor:
    """Return w(n) = alpha - (1 - alpha) cos(2 pi n / (P - 1)). Arguments as `hann`."""
    return _signal_window("general_hamming", _cosine_sum([alpha, 1 - alpha]), M, sym, options)


@export(name="signal.windows.blackman", public=False)
def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return a Blackman window: a sum of three cosines. Arguments as `hann`."""
    return _signal_window("blackman", _cosine_sum([0.42, 0.5, 0.08]), M, sym, options)


@export(name="signal.windows.nuttall", public=False)
def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return Nuttall's window: a sum of four cosines. Arguments as `hann`."""
    return _signal_window(
        "nuttall", _cosine_sum([0.3635819, 0.4891775, 0.1365995, 0.0106411]), M, sym, options
    )


@export(name="signal.windows.general_cosine", public=False)
def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    **options: Any,
) -> Tensor:
    """Return a_0 - a_1 cos(2 pi n / (P - 1)) + a_2 cos(4 pi n / (P - 1)) -...; arguments as `hann`.

    Raises:
        TypeError: the coefficients are no sequence.
        ValueError: there are none.
    """
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    coefficients = list(a)
    if not coefficients:
        raise ValueError("Coefficients cannot be empty")
    return _signal_window("general_cosine", _cosine_sum(coefficients), M, sym, options)


@export(name="signal.windows.bartlett", public=False)
def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return a Bartlett window: a triangle with zeros at its ends. Arguments as `hann`."""
    return _signal_window("bartlett", _triangle, M, sym, options)


@export(name="signal.windows.cosine", public=False)
def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return w(n) = sin(pi (n + 1/2) / P). Arguments as `hann`."""
    return _signal_window(
        "cosine", lambda n, points: np.sin(np.pi * (n + 0.5) / points), M, sym, options
    )


@export(name="signal.windows.gaussian", public=False)
def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    **options: Any,
) -> Tensor:
    """Return w(n) = exp(-((n - (P - 1) / 2) / std)^2 / 2). Arguments as `hann`.

    Raises:
        ValueError: `std` is not positive.
    """
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")

    def shape(n: Array, points: int) -> Array:
        return np.exp(-(((n - (points - 1) / 2) / std) ** 2) / 2)

    return _signal_window("gaussian", shape, M, sym, options)


@export(name="signal.windows.exponential", public=False)
def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    **options: Any,
) -> Tensor:
    """Return exp(-|n - center| / tau), the centre (P - 1) / 2 unless given. Arguments as `hann`.

    Raises:
        ValueError: `tau` is not positive, or a symmetric window has another centre.
    """
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")

    def shape(n: Array, points: int) -> Array:
        return np.exp(-np.abs(n - ((points - 1) / 2 if center is None else center)) / tau)

    return _signal_window("exponential", shape, M, sym, options)


@export(name="signal.windows.kaiser", public=False)
def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    **options: Any,
) -> Tensor:
    """Return a Kaiser window, from the Bessel function I0. Arguments as `hann`.

    Raises:
        ValueError: `beta` is negative.
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _signal_window("kaiser", _bessel(beta), M, sym, options)
