"""Checking a gradient against finite differences: gradcheck and gradgradcheck.

For an output y and a direction v the engine returns the gradient of L = Re(sum(conj(v) y)). With
central differences of y along the real (and imaginary) part of each input element the same number
is Re(conj(v) dy/dRe x) + i Re(conj(v) dy/dIm x).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ._api import grad
from .engine import run_backward
from .mode import enable_grad, no_grad
from .node import edge_to


class GradcheckError(RuntimeError):
    """The gradient of a function is not what finite differences say."""


def _tensors(value: Any) -> tuple[Tensor, ...]:
    return (
        (value,) if isinstance(value, Tensor) else tuple(v for v in value if isinstance(v, Tensor))
    )


def _differentiable(outputs: Any) -> list[Tensor]:
    return [y for y in _tensors(outputs) if y.requires_grad]


def _of_dense(
    function: Callable[..., Any], inputs: Any, masked: bool
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a function of dense tensors and its inputs, where some may have been sparse."""
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if all([x._dense for x in arguments if isinstance(x, Tensor)]):
        return function, arguments
    found: tuple[Callable[..., Any], tuple[Any, ...]]
    found = import_module("rushlight.sparse").through_values(function, arguments, masked)
    return found


def _check_inputs(inputs: tuple[Any, ...]) -> list[int]:
    """Return the positions of the inputs to check.

    Raises:
        ValueError: none requires grad.
    """
    places = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not places:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the "
            "them have requires_grad=True."
        )
    for i in places:
        if inputs[i].array.dtype not in (np.float64, np.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                stacklevel=4,
            )
    return places


def _numeric(
    call: Callable[[], list[Array]], x: Array, eps: float
) -> tuple[list[Array], list[Array]]:
    """Return dy/dRe(x) and dy/dIm(x) for every output, shape (x elements, y elements)."""
    flat = x.reshape(-1)
    by_part = []
    for step in (eps, 1j * eps) if x.dtype.kind == "c" else (eps,):
        rows = []
        for j in range(flat.size):
            before = flat[j]
            flat[j] = before + step
            above = call()
            flat[j] = before - step
            below = call()
            flat[j] = before
            rows.append([(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)])
        by_part.append([np.array([r[k] for r in rows]) for k in range(len(rows[0]) if rows else 0)])
    return by_part[0], by_part[-1] if len(by_part) == 2 else []


def _analytic(y: Tensor, x: Tensor, v: Array) -> Array:
    edge, source = edge_to(y), edge_to(x)
    assert edge is not None
    assert source is not None
    found = run_backward(
        [(edge, wrap(v))], keep_graph=True, create_graph=False, targets=[source], accumulate=False
    )[0]
    if found is None:
        return np.zeros_like(x.array)
    if found.array.shape != x.array.shape:
        raise GradcheckError(
            f"the gradient has shape {tuple(found.shape)}, its input {tuple(x.shape)}"
        )
    return found.array


def _compare(
    function: Callable[..., Any],
    inputs: tuple[Any, ...],
    places: list[int],
    eps: float,
    atol: float,
    rtol: float,
) -> None:
    outputs = _differentiable(function(*inputs))
    if not outputs:
        raise GradcheckError(
            "Numerical gradient for function expected to be zero: no output requires grad"
        )

    def call() -> list[Array]:
        with enable_grad():
            return [y.array.reshape(-1).copy() for y in _differentiable(function(*inputs))]

    for place in places:
        x = inputs[place]
        if not x.array.flags.c_contiguous:
            raise ValueError(
                "gradcheck: inputs must be contiguous, so that they can be perturbed in place"
            )
        real, imaginary = _numeric(call, x.array, eps)
        for k, y in enumerate(outputs):
            units = (1, 1j) if y.array.dtype.kind == "c" else (1,)
            for i in range(y.array.size):
                for unit in units:
                    v = np.zeros(y.array.shape, y.array.dtype)
                    v.reshape(-1)[i] = unit
                    got = _analytic(y, x, v).reshape(-1)
                    if not x.array.size:
                        continue
                    expected = np.real(np.conj(unit) * real[k][:, i])
                    if imaginary:
                        expected = expected + 1j * np.real(np.conj(unit) * imaginary[k][:, i])
                    if not np.allclose(got, expected, rtol=rtol, atol=atol, equal_nan=True):
                        raise GradcheckError(
                            f"Jacobian mismatch for output {k} with respect to input {place},\n"
                            f"numerical (row {i}): {expected}\nanalytical: {got}\n"
                        )


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare a function's gradients with finite differences, element by element.

    Args:
        func: takes Tensors and returns a Tensor or a tuple of them.
        inputs: its arguments; those that require grad are checked and should be float64.
        eps: step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        raise_exception: raise rather than return False.
        nondet_tol: how far two backward passes may differ.
        check_undefined_grad: accepted.
        check_grad_dtypes: accepted; gradients always have their input's dtype.
        check_batched_grad: accepted.
        check_batched_forward_grad: accepted.
        check_forward_ad: accepted.
        check_backward_ad: whether to check at all.
        fast_mode: accepted; every element is checked.
        masked: of sparse inputs, let only the values vary that are stored.

    Returns:
        True if they agree.

    Raises:
        GradcheckError: they do not (a RuntimeError), and `raise_exception` is set.

    Example:
        >>> x = rushlight.randn(3, dtype=rushlight.float64, requires_grad=True)
        >>> rushlight.autograd.gradcheck(lambda x: x * x, x)
        True
    """
    func, arguments = _of_dense(func, inputs, bool(masked))
    places = _check_inputs(arguments)
    if not check_backward_ad:
        return True
    try:
        _compare(func, arguments, places, eps, atol, rtol)
        _check_repeatable(func, arguments, places, nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_repeatable(
    func: Callable[..., Any], inputs: tuple[Any, ...], places: list[int], tolerance: float
) -> None:
    for y in _differentiable(func(*inputs)):
        v = np.ones_like(y.array)
        for place in places:
            first, second = _analytic(y, inputs[place], v), _analytic(y, inputs[place], v)
            if first.size and np.nanmax(np.abs(first - second), initial=0) > tolerance:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    "grad_output multiple times gives different values, although analytical "
                    "gradient matches numerical gradient."
                )


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare a function's second gradients with finite differences of its first; see `gradcheck`.

    Args:
        func: takes Tensors and returns a Tensor or a tuple of them.
        inputs: its arguments; those that require grad are checked and should be float64.
        grad_outputs: the gradients at the outputs (default: random).
        eps: step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        gen_non_contig_grad_outputs: draw gradients with a stride.
        raise_exception: raise rather than return False.
        nondet_tol: how far two backward passes may differ.
        check_undefined_grad: accepted.
        check_grad_dtypes: accepted.
        check_batched_grad: accepted.
        check_fwd_over_rev: accepted.
        check_rev_over_rev: whether to check at all.
        fast_mode: accepted.
        masked: of sparse inputs, let only the values vary that are stored.

    Returns:
        True if they agree.
    """
    func, arguments = _of_dense(func, inputs, masked)
    places = _check_inputs(arguments)
    if not check_rev_over_rev:
        return True
    directions = _directions(func, arguments, grad_outputs, gen_non_contig_grad_outputs)
    count = len(arguments)

    def first_gradient(*all_inputs: Any) -> tuple[Tensor, ...]:
        with enable_grad():
            outputs = _differentiable(func(*all_inputs[:count]))
            found = grad(
                outputs,
                [all_inputs[i] for i in places],
                list(all_inputs[count:]),
                create_graph=True,
                allow_unused=True,
            )
        return tuple([g for g in found if g is not None and g.requires_grad])

    combined = (*arguments, *directions)
    if not first_gradient(*combined):
        return True
    return gradcheck(
        first_gradient,
        combined,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
    )


def _directions(
    func: Callable[..., Any], inputs: Sequence[Any], given: Any, strided: bool
) -> list[Tensor]:
    """Return gradients at the outputs that themselves require grad."""
    if given is not None:
        return list(_tensors(given))
    rng = np.random.default_rng(0)
    directions = []
    with no_grad():
        shapes = [(y.array.shape, y.array.dtype) for y in _differentiable(_with_grad(func, inputs))]
    for shape, dtype in shapes:
        values = rng.standard_normal((*shape, 2) if strided else shape)
        if dtype.kind == "c":
            values = values + 1j * rng.standard_normal(values.shape)
        v = wrap(
            np.asarray(values, dtype=dtype)[..., 0].copy()
            if strided
            else np.asarray(values, dtype=dtype)
        )
        v.requires_grad = True
        directions.append(v)
    return directions


def _with_grad(func: Callable[..., Any], inputs: Sequence[Any]) -> Any:
    with enable_grad():
        return func(*inputs)
