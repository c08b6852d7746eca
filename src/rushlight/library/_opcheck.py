"""`opcheck`: does an operator do what its schema and its registrations say?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._tensor import Tensor
from ..autograd import enable_grad, grad, no_grad
from ..ops.compare import allclose
from . import _fake
from ._arguments import tensors_in
from ._dispatch import call, memory_of
from ._overloads import OpOverload, OpOverloadPacket
from ._registry import Operator

_NAMES = (
    "test_schema",
    "test_autograd_registration",
    "test_faketensor",
    "test_aot_dispatch_dynamic",
)
_KNOWN = (*_NAMES[:3], "test_aot_dispatch_static", _NAMES[3])
_TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


class OpCheckError(Exception):
    """A check of `opcheck` that failed."""


def opcheck(
    op: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    *,
    test_utils: str | Sequence[str] = _NAMES,
    raise_exception: bool = True,
    atol: float | None = None,
    rtol: float | None = None,
) -> dict[str, Any]:
    """Check an operator on sample inputs.

    `test_schema`: only what the schema says is written to or shares memory. `test_autograd_
    registration`: results that require a gradient come from a registered one. `test_faketensor`:
    the fake implementation tells the shapes, strides and dtypes of the results.
    `test_aot_dispatch_dynamic` (and `_static`): the gradient runs, fits the inputs, and comes out
    the same when the operator is called again.

    It does not check that a gradient is mathematically right: use `autograd.gradcheck` for that.

    Args:
        op: the operator: an overload, an operator with one, or what `custom_op` made.
        args: positional arguments of a sample call.
        kwargs: keyword arguments of that call.
        test_utils: the checks to run.
        raise_exception: raise the first failure rather than return it.
        atol: absolute tolerance of gradients.
        rtol: relative tolerance of gradients.

    Returns:
        By check "SUCCESS", or the exception.

    Raises:
        OpCheckError: a check failed.
        ValueError: `op` is no operator, or a check unknown.

    Example:
        >>> @rushlight.library.custom_op("doc_opcheck::twice", mutates_args=())
        ... def twice(x: rushlight.Tensor) -> rushlight.Tensor:
        ...     return x + x
        >>> _ = twice.register_fake(lambda x: rushlight.empty_like(x))
        >>> rushlight.library.opcheck(twice, (rushlight.ones(3),))["test_schema"]
        'SUCCESS'

    Reference:
        PyTorch, `torch.library.opcheck`.
    """
    operator = _operator_of(op)
    wanted = (test_utils,) if isinstance(test_utils, str) else tuple(test_utils)
    if not set(wanted) <= set(_KNOWN):
        raise ValueError(
            f"opcheck(op, ..., test_utils={test_utils}), expected test_utils to be subset of "
            f"{_KNOWN} but it was not"
        )
    given = {"atol": atol, "rtol": rtol}
    tolerance = _TOLERANCE | {key: value for key, value in given.items() if value is not None}
    results: dict[str, Any] = {}
    for name in wanted:
        try:
            values = operator.signature.bind(args, kwargs or {})
            _CHECKS[name](operator, values, tolerance)
            results[name] = "SUCCESS"
        except Exception as error:
            if raise_exception:
                raise OpCheckError(
                    f"opcheck(op, ...): {name} failed with {error} (scroll up for stack trace)"
                ) from error
            results[name] = error
    return results


def _operator_of(op: Any) -> Operator:
    if isinstance(op, OpOverloadPacket) and len(op.overloads()) == 1:
        op = getattr(op, op.overloads()[0])
    overload = getattr(op, "_opoverload", op)
    if isinstance(overload, OpOverload):
        return overload._operator
    raise ValueError(
        "opcheck(op, ...): op must be instance of torch._ops.OpOverload, e.g. "
        f"torch.ops.aten.sin.default, got {type(op)}"
    )


def _copies(values: Sequence[Any], requires_grad: bool = True) -> list[Any]:
    """Return the values with tensors copied: leaves that require a gradient as before."""

    def copied(x: Any) -> Any:
        if isinstance(x, list):
            return [copied(item) for item in x]
        if not isinstance(x, Tensor):
            return x
        with no_grad():
            y = x.detach().clone()
        return y.requires_grad_(x.requires_grad and requires_grad)

    return [copied(value) for value in values]


def _outputs(result: Any) -> list[Tensor]:
    return tensors_in(result if isinstance(result, tuple) else [result])


# --- the checks -------------------------------------------------------------------------------


def _check_schema(operator: Operator, values: Sequence[Any], tolerance: Any) -> None:
    arguments = operator.schema.arguments
    given = _copies(values, requires_grad=False)
    before = _copies(given)
    result = call(operator, given)
    outputs = _outputs(result)
    shared = {memory_of(y) for y in outputs if y.array.size}
    for argument, x, was in zip(arguments, given, before, strict=True):
        pairs = list(zip(tensors_in([x]), tensors_in([was]), strict=True))
        if not argument.is_write and any(not _same(a, b) for a, b in pairs):
            raise RuntimeError(
                f"Argument {argument.name} is not defined as mutable but was mutated"
            )
        if argument.alias_info is None and any(memory_of(a) in shared for a, _ in pairs):
            raise RuntimeError(
                f"Argument {argument.name} is not defined to alias output but was aliasing"
            )
    _check_outputs_apart(operator, result)


def _same(x: Tensor, y: Tensor) -> bool:
    return x.shape == y.shape and x.array.tobytes() == y.array.tobytes()


def _check_outputs_apart(operator: Operator, result: Any) -> None:
    results = result if isinstance(result, tuple) else (result,)
    seen: dict[int, int] = {}
    for index, (declared, y) in enumerate(zip(operator.schema.returns, results, strict=False)):
        if declared.alias_info is not None:
            continue
        for x in tensors_in([y]):
            if x.array.size and seen.setdefault(memory_of(x), index) != index:
                raise RuntimeError(f"Outputs {seen[memory_of(x)]} and {index} alias unexpectedly")


def _check_autograd_registration(operator: Operator, values: Sequence[Any], tolerance: Any) -> None:
    known = operator.gradient is not None or any("Autograd" in key for key in operator.kernels)
    explicit_only = not known or set(operator.kernels) & {"CompositeExplicitAutograd"}
    if operator.gradient is not None or not explicit_only:
        return
    with enable_grad():
        outputs = _outputs(call(operator, _copies(values)))
    if any(y.requires_grad and _label(y) != "WarnNotImplemented" for y in outputs):
        raise AssertionError(
            f"{operator.schema.name}: at least one output of this operator has requires_grad=True "
            "but the operator does not have an autograd kernel defined at an autograd key (e.g. "
            "DispatchKey::Autograd). This could mean that you have incorrectly registered an "
            "autograd kernel to a non-Autograd DispatchKey, which may lead to silently incorrect "
            "results. If your operator consists of regular PyTorch operations, consider not using "
            "an operator at all or registering your operator as CompositeImplicitAutograd."
        )


def _label(y: Tensor) -> str:
    return y.grad_fn.name() if y.grad_fn is not None else ""


def _check_fake(operator: Operator, values: Sequence[Any], tolerance: Any) -> None:
    if operator.fake is None:
        if "CompositeImplicitAutograd" in operator.kernels or not tensors_in(values):
            return  # nothing but operators that have one of their own, or nothing to fake
        raise RuntimeError(
            f"There was no fake impl registered for {operator.label}. Please use "
            "torch.library.register_fake to add one."
        )
    given = _copies(values, requires_grad=False)
    real = call(operator, given)
    fake, sizes = _fake.trial(operator, values)
    found, wanted = _outputs(fake), _outputs(real)
    what = f"When comparing the output of {operator.label} on FakeTensor and concrete Tensors, "
    if len(found) != len(wanted):
        raise AssertionError(
            f"{what}found mismatch in number of returns {len(found)} != {len(wanted)}"
        )
    for y, expected in zip(found, wanted, strict=True):
        mismatch = _mismatch(y, expected, sizes)
        if mismatch:
            raise RuntimeError(f"{what}found mismatched tensor metadata: {mismatch}")


def _mismatch(y: Tensor, expected: Tensor, sizes: Sequence[int]) -> str:
    """Say how a fake result differs from the real one; empty if it does not."""
    shape = tuple(n if m in sizes else m for m, n in zip(y.shape, expected.shape, strict=False))
    if y.dtype is not expected.dtype:
        return f"Dtypes {expected.dtype} and {y.dtype} are not equal!"
    if len(y.shape) != len(expected.shape) or shape != tuple(expected.shape):
        return f"Shapes {expected.shape} and {y.shape} are not equal!"
    if shape == tuple(y.shape) and y.numel():
        for place, (a, b, n) in enumerate(zip(expected.stride(), y.stride(), shape, strict=True)):
            if a != b and n > 1:
                return (
                    f"Stride mismatch! Strides are {expected.stride()} and {y.stride()} "
                    f"(mismatched at {place})!"
                )
    return ""


def _check_gradient(operator: Operator, values: Sequence[Any], tolerance: Any) -> None:
    """Run the gradient twice: it must fit the inputs, and not depend on what ran before."""
    first, second = (_gradients(operator, values) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        if a is None and b is None:
            continue
        if a is None or b is None or not allclose(a, b, **tolerance):
            raise AssertionError(
                f"{operator.label}: its gradients differ between two calls with the same inputs. "
                "This could be because the operator's backward is incorrectly registered."
            )


def _gradients(operator: Operator, values: Sequence[Any]) -> list[Tensor | None]:
    given = _copies(values)
    leaves = [x for x in tensors_in(given) if x.requires_grad]
    if not leaves or operator.mutated:
        call(operator, given)
        return []
    with enable_grad():
        outputs = [y for y in _outputs(call(operator, given)) if y.requires_grad]
    if not outputs or all(_label(y) == "WarnNotImplemented" for y in outputs):
        return []
    total = sum((y.sum() for y in outputs), start=outputs[0].new_zeros(()))
    return list(grad(total.abs(), leaves, allow_unused=True))


_CHECKS: Mapping[str, Callable[..., None]] = {
    "test_schema": _check_schema,
    "test_autograd_registration": _check_autograd_registration,
    "test_faketensor": _check_fake,
    "test_aot_dispatch_static": _check_gradient,
    "test_aot_dispatch_dynamic": _check_gradient,
}
