"""Derivatives of functions: grad, vjp, jvp, Jacobians, Hessians.

Each differentiates with respect to aliases of its arguments that it makes itself, so that calls
nest. Forward derivatives are two reverse passes: u -> J^T u is linear, and its own transpose is J.
Under `vmap` the passes run on whole batches; an argument that is the same for all samples is first
repeated, so that each sample gets a gradient of its own.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from .._tensor import Tensor
from ..autograd.engine import run_backward
from ..autograd.functional import leads_elsewhere
from ..autograd.mode import enable_grad, is_grad_enabled
from ..autograd.node import edge_to
from ..ops.creation import eye, ones_like, zeros_like
from ..ops.shape import movedim
from . import _tree
from ._batched import Batched, LooksAtValues, by_sample, levels_of, plain, rebatched
from ._vmap import active_sizes, expanded, vmap

ArgNums = int | tuple[int, ...]


# --- what all share -------------------------------------------------------------------------------


class _Inputs:
    """The differentiated arguments: aliases that a reverse pass can stop at."""

    def __init__(self, tree: Any, name: str):
        leaves, self.rebuild = _tree.flatten(tree)
        for x in leaves:
            if not isinstance(x, Tensor):
                raise ValueError(
                    f"{name}: Expected all differentiated arguments to be Tensors (or nested "
                    f"structures of them), got {type(x).__name__}"
                )
        self.originals = [expanded(x) for x in leaves]
        self.levels = [levels_of(x) for x in self.originals]
        self.tensors = [_alias(plain(x)) for x in self.originals]

    def arguments(self) -> Any:
        """Return the aliases in the shape of the arguments."""
        aliases = zip(self.tensors, self.levels, strict=True)
        return self.rebuild([rebatched(x, levels) for x, levels in aliases])

    def gradients(
        self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor], *, create_graph: bool
    ) -> list[Tensor]:
        """Return sum_i (d output_i / d argument)^T cotangent_i for each argument."""
        roots = []
        for y, v in zip(outputs, cotangents, strict=True):
            edge = edge_to(plain(y)) if y.requires_grad else None
            if edge is not None:
                roots.append((edge, _beside(v, y)))
        targets: Any = [edge_to(x) for x in self.tensors]
        found: list[Any] = [None] * len(targets)
        if roots:
            # With batches of cotangents only operators will do, no kernels of gradients.
            record = create_graph or any(type(v) is Batched for _, v in roots)
            found = run_backward(
                roots, keep_graph=True, create_graph=record, targets=targets, accumulate=False
            )
        return [
            _raised(zeros_like(x) if g is None else g, levels)
            for g, x, levels in zip(found, self.tensors, self.levels, strict=True)
        ]

    def recorded_elsewhere(self, outputs: Sequence[Tensor]) -> bool:
        """Tell whether the outputs also depend on tensors that somebody else differentiates by."""
        return leads_elsewhere([plain(y) for y in outputs], self.tensors)


def _alias(x: Tensor) -> Tensor:
    if x.requires_grad:
        return x.view_as(x)
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(
            "only Tensors of floating point and complex dtype can require gradients, got a tensor "
            f"of dtype {x.dtype}"
        )
    return x.detach().requires_grad_()


def _beside(v: Tensor, y: Tensor) -> Tensor:
    """Return a cotangent with the batch dimensions of the output it belongs to.

    A cotangent of a vmap that began later stays a batch, of vectors for the whole of `plain(y)`.
    """
    levels, have = levels_of(y), levels_of(v)
    inner, target = plain(v), plain(y)
    for position, level in enumerate(levels):
        if level not in have:
            inner = inner.unsqueeze(position)
    later = [level for level in have if level not in levels]
    shape = tuple(target.shape)
    if later:
        count = len(later)
        inner = movedim(inner, _range(len(levels), count), _range(0, count))
        shape = (*inner.shape[:count], *shape)
    return rebatched(inner if inner.shape == shape else inner.expand(shape), later)


def _raised(g: Tensor, levels: Sequence[int]) -> Tensor:
    """Return a result of a reverse pass with the levels of what it belongs to, then later ones."""
    later = levels_of(g)
    if later and levels:
        front = _range(0, len(later))
        g = movedim(plain(g), front, _range(len(levels), len(later)))
    return rebatched(plain(g), (*levels, *later))


def _range(start: int, count: int) -> tuple[int, ...]:
    return tuple(range(start, start + count))


def _outside(tensors: Sequence[Tensor], keep: bool) -> list[Tensor]:
    """Return results as the caller may see them: in the graph only if it leads anywhere."""
    return list(tensors) if keep else [x.detach() for x in tensors]


def _called(func: Any, inputs: _Inputs, call: Callable[[Any], Any], has_aux: bool) -> Any:
    with enable_grad():
        result = call(inputs.arguments())
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"{_name(func)}: output of function f should be a tuple: (output, aux) if has_aux is "
            f"True, got {type(result).__name__}"
        )
    return result


def _name(func: Any) -> str:
    return getattr(func, "__name__", repr(func))


def _detached(tree: Any, keep: bool) -> Any:
    """Return outputs (or aux) of the function as the caller may see them."""

    def seen(x: Any) -> Any:
        return x.detach() if isinstance(x, Tensor) and not keep else x

    return _tree.map_leaves(seen, tree)


def _chosen(argnums: ArgNums, args: tuple[Any, ...], name: str) -> tuple[int, ...]:
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if not isinstance(numbers, tuple) or not numbers:
        raise RuntimeError(f"argnum must be int or a non-empty Tuple of int, got: {argnums!r}")
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"{name}: Got argnum={n}, but only {len(args)} positional inputs")
    chosen = tuple(n % len(args) for n in numbers)
    if len(set(chosen)) != len(chosen):
        raise RuntimeError(f"argnums elements must be unique, got: {argnums}")
    return chosen


def _with(args: tuple[Any, ...], numbers: tuple[int, ...], values: Any) -> tuple[Any, ...]:
    replaced = list(args)
    for n, value in zip(numbers, values, strict=True):
        replaced[n] = value
    return tuple(replaced)


# --- gradients ------------------------------------------------------------------------------------


def grad_and_value(
    func: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that computes the gradient of `func` and its value.

    Args:
        func: returns a scalar tensor (with `has_aux`, a pair of it and anything else).
        argnums: with respect to which positional arguments.
        has_aux: whether `func` returns something beside its value.

    Returns:
        A function of the same arguments that returns (gradient, value), or
        (gradient, (value, aux)).

    Example:
        >>> rushlight.func.grad_and_value(rushlight.sin)(rushlight.tensor(0.0))
        (tensor(1.), tensor(0.))
    """

    @functools.wraps(func)
    def derived(*args: Any, **kwargs: Any) -> Any:
        numbers = _chosen(argnums, args, _name(func))
        inputs = _Inputs(tuple(args[n] for n in numbers), "grad")
        value, aux = _called(
            func, inputs, lambda xs: func(*_with(args, numbers, xs), **kwargs), has_aux
        )
        if not isinstance(value, Tensor):
            raise RuntimeError(
                "Expected f(*args) to return a Tensor to compute its gradient, got "
                f"{type(value).__name__}"
            )
        if value.dim():
            raise RuntimeError(
                "Expected f(*args) to return a scalar tensor, got tensor with "
                f"{value.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
            )
        keep = is_grad_enabled() and inputs.recorded_elsewhere([value])
        one = ones_like(value.detach())
        found = inputs.gradients([value], [one], create_graph=keep)
        gradients = inputs.rebuild(_outside(found, keep))
        result = gradients[0] if isinstance(argnums, int) else gradients
        value = _detached(value, keep)
        return (result, (value, _detached(aux, keep))) if has_aux else (result, value)

    return derived


def grad(
    func: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that computes the gradient of `func`, which returns a scalar.

    Args:
        func: returns a scalar tensor (with `has_aux`, a pair of it and anything else).
        argnums: with respect to which positional arguments.
        has_aux: whether `func` returns something beside its value; the result is then
            (gradient, aux).

    Example:
        >>> grad = rushlight.func.grad
        >>> grad(grad(lambda x: x**3))(rushlight.tensor(2.0))
        tensor(12.)
    """

    @functools.wraps(func)
    def derived(*args: Any, **kwargs: Any) -> Any:
        found, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return derived


# --- products with the Jacobian -------------------------------------------------------------------


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return the value of `func` and the function u -> J^T u at the same place.

    Args:
        func: a function of tensors.
        primals: its arguments.
        has_aux: whether `func` returns something beside its value.

    Returns:
        (value, vjp function) or (value, vjp function, aux). The function takes cotangents with the
        structure of the value and returns one gradient for each argument, in a tuple.

    Example:
        >>> value, pull_back = rushlight.func.vjp(rushlight.sin, rushlight.zeros(2))
        >>> pull_back(rushlight.tensor([1.0, 2.0]))
        (tensor([1., 2.]),)
    """
    inputs = _Inputs(tuple(primals), "vjp")
    result, aux = _called(func, inputs, lambda xs: func(*xs), has_aux)
    outputs, rebuild = _tree.flatten(result)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise RuntimeError(
                f"vjp(f, *primals): Expected f(*primals) to return only tensors, got "
                f"{type(y).__name__}"
            )
    keep = is_grad_enabled() and inputs.recorded_elsewhere(outputs)

    def pull_back(
        *cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None
    ) -> Any:
        tree = cotangents[0] if len(cotangents) == 1 else cotangents
        given, _ = _tree.flatten(tree)
        if len(given) != len(outputs):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function: {len(given)} tensors for {len(outputs)}"
            )
        for u, y in zip(given, outputs, strict=True):
            if u.shape != y.shape:
                raise RuntimeError(
                    f"vjp: expected a cotangent of shape {list(y.shape)}, got {list(u.shape)}"
                )
        record = keep or any(u.requires_grad for u in given)
        wanted = (record and is_grad_enabled()) if create_graph is None else create_graph
        found = inputs.gradients(outputs, given, create_graph=wanted)
        return inputs.rebuild(_outside(found, wanted))

    value = rebuild(_outside(outputs, keep))
    pull = _over_samples(pull_back)
    return (value, pull, _detached(aux, keep)) if has_aux else (value, pull)


def _over_samples(linear: Callable[..., Any]) -> Callable[..., Any]:
    """Let a product made outside of a vmap be called with the samples of one inside."""
    made_within = len(active_sizes())

    def product(*vectors: Any, **options: Any) -> Any:
        leaves, _ = _tree.flatten(vectors)
        if not any(level > made_within for u in leaves for level in levels_of(u)):
            return linear(*vectors, **options)
        try:
            return linear(*vectors, **options)
        except LooksAtValues:
            return by_sample(product, vectors, options)

    return product


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False,
    has_aux: bool = False,
) -> Any:  # fmt: skip
    """Return the value of `func` and J v, the derivative in the direction of the tangents.

    Args:
        func: a function of tensors.
        primals: its arguments, in a tuple.
        tangents: the direction, of the same structure.
        strict: raise if a result does not depend on the arguments.
        has_aux: whether `func` returns something beside its value.

    Returns:
        (value, derivative) or (value, derivative, aux).

    Example:
        >>> x, v = rushlight.tensor(0.0), rushlight.tensor(2.0)
        >>> rushlight.func.jvp(rushlight.sin, (x,), (v,))
        (tensor(0.), tensor(2.))
    """
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple) or not given:
            raise RuntimeError(
                f"jvp(f, primals, tangents): Expected {what} to be a non-empty tuple, got "
                f"{type(given).__name__}"
            )
    push, value, aux = _pusher(func, primals, has_aux, strict)
    given, _ = _tree.flatten(tangents)
    expected, _ = _tree.flatten(primals)
    if [v.shape for v in given] != [x.shape for x in expected]:
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same structure "
            "and shapes"
        )
    derivative = push(given)
    return (value, derivative, aux) if has_aux else (value, derivative)


def _pusher(
    func: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool, strict: bool = False
) -> tuple[Callable[[Sequence[Tensor]], Any], Any, Any]:
    """Return v -> J v at the primals, the value there, and aux."""
    for x in _tree.flatten(primals)[0]:
        if isinstance(x, Tensor) and not (x.is_floating_point() or x.is_complex()):
            raise ValueError(f"Expected primal to be floating point or complex, but got: {x.dtype}")
    inputs = _Inputs(primals, "jvp")
    result, aux = _called(func, inputs, lambda xs: func(*xs), has_aux)
    outputs, rebuild = _tree.flatten(result)
    if not all(isinstance(y, Tensor) for y in outputs):
        raise RuntimeError("jvp(f, primals, tangents): Expected f(*primals) to return only tensors")
    if strict and not all(y.requires_grad for y in outputs):
        raise RuntimeError("jvp: an output of the function is independent of its inputs (strict)")
    keep = is_grad_enabled() and inputs.recorded_elsewhere(outputs)
    # J^T u, as a function of u: linear, so where u is does not matter.
    sources = [_alias(zeros_like(plain(y)).detach()) for y in outputs]
    us = [rebatched(u, levels_of(y)) for u, y in zip(sources, outputs, strict=True)]
    with enable_grad():
        pulled = inputs.gradients(outputs, us, create_graph=True)
    targets: Any = [edge_to(u) for u in sources]

    def push(tangents: Sequence[Tensor]) -> Any:
        roots = []
        for g, v in zip(pulled, tangents, strict=True):
            edge = edge_to(plain(g)) if g.requires_grad else None
            if edge is not None:
                roots.append((edge, _beside(v, g)))
        record = is_grad_enabled() and (keep or any(v.requires_grad for v in tangents))
        batch = any(type(v) is Batched for _, v in roots)
        found: list[Any] = [None] * len(targets)
        if roots:
            found = run_backward(
                roots, keep_graph=True, create_graph=record or batch, targets=targets,
                accumulate=False,
            )  # fmt: skip
        pushed = [
            _raised(zeros_like(u.detach()) if d is None else d, levels_of(y))
            for d, u, y in zip(found, sources, outputs, strict=True)
        ]
        return rebuild(_outside(pushed, record))

    return push, rebuild(_outside(outputs, keep)), _detached(aux, keep)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the value of `func` at the primals and the function v -> J v there.

    Args:
        func: a function of tensors.
        primals: its arguments.

    Example:
        >>> value, push = rushlight.func.linearize(rushlight.exp, rushlight.zeros(2))
        >>> push(rushlight.tensor([1.0, 3.0]))
        tensor([1., 3.])
    """
    push, value, _ = _pusher(func, primals, has_aux=False)
    return value, _over_samples(lambda *tangents: push(_tree.flatten(tangents)[0]))


# --- whole Jacobians ------------------------------------------------------------------------------


def jacrev(
    func: Callable[..., Any], argnums: ArgNums = 0, *, has_aux: bool = False,
    chunk_size: int | None = None, _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """Return a function that computes the Jacobian of `func` by its rows: reverse passes.

    Args:
        func: a function of tensors.
        argnums: with respect to which positional arguments.
        has_aux: whether `func` returns something beside its value.
        chunk_size: compute that many rows at a time (None: all), to limit memory.

    Shape:
        For a result of shape S and an argument of shape T: (*S, *T).

    Example:
        >>> rushlight.func.jacrev(rushlight.sin)(rushlight.zeros(2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    _check_chunk_size("jacrev", chunk_size)

    @functools.wraps(func)
    def derived(*args: Any, **kwargs: Any) -> Any:
        numbers = _chosen(argnums, args, "jacrev")

        def of_chosen(*chosen: Any) -> Any:
            return func(*_with(args, numbers, chosen), **kwargs)

        value, pull_back, *aux = vjp(of_chosen, *(args[n] for n in numbers), has_aux=has_aux)
        outputs, rebuild = _tree.flatten(value)
        units = rebuild(_units(outputs))
        rows, rebuild_args = _tree.flatten(vmap(pull_back, chunk_size=chunk_size)(units))
        blocks = []
        for y, own in zip(outputs, _shares(outputs), strict=True):
            by_argument = rebuild_args([g[own].reshape(*y.shape, *g.shape[1:]) for g in rows])
            blocks.append(by_argument[0] if isinstance(argnums, int) else by_argument)
        jacobian = rebuild(blocks)
        return (jacobian, aux[0]) if has_aux else jacobian

    return derived


def _check_chunk_size(name: str, chunk_size: int | None) -> None:
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"{name}: `chunk_size` should be greater than 0.")


def _units(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the unit vectors of the space of all tensors together, one after the other."""
    total = sum(x.numel() for x in tensors)
    return [
        eye(total, dtype=x.dtype, device=x.device)[:, own].reshape(total, *x.shape)
        for x, own in zip(tensors, _shares(tensors), strict=True)
    ]


def _shares(tensors: Sequence[Tensor]) -> list[slice]:
    """Return which of these unit vectors belong to each tensor."""
    ends = list(itertools.accumulate(x.numel() for x in tensors))
    return [slice(end - x.numel(), end) for x, end in zip(tensors, ends, strict=True)]


def jacfwd(
    func: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, *,
    chunk_size: int | None = None, randomness: str = "error",
) -> Callable[..., Any]:  # fmt: skip
    """Return a function that computes the Jacobian of `func` by its columns.

    Args:
        func: a function of tensors.
        argnums: with respect to which positional arguments.
        has_aux: whether `func` returns something beside its value.
        chunk_size: compute that many columns at a time (None: all), to limit memory.
        randomness: accepted; `func` is called once.

    Shape:
        For a result of shape S and an argument of shape T: (*S, *T).

    Example:
        >>> rushlight.func.jacfwd(lambda x: x * x)(rushlight.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    _check_chunk_size("jacfwd", chunk_size)

    @functools.wraps(func)
    def derived(*args: Any, **kwargs: Any) -> Any:
        numbers = _chosen(argnums, args, "jacfwd")
        chosen = tuple(args[n] for n in numbers)
        push, value, aux = _pusher(
            lambda *xs: func(*_with(args, numbers, xs), **kwargs), chosen, has_aux
        )
        rebuild = _tree.flatten(value)[1]
        sources, rebuild_args = _tree.flatten(chosen)
        along = _over_samples(lambda *units: push(units))
        found = vmap(along, chunk_size=chunk_size, randomness=randomness)(*_units(sources))
        parts = []
        for columns in _tree.flatten(found)[0]:
            columns = movedim(columns, 0, -1)
            by_argument = rebuild_args([
                columns[..., own].reshape(*columns.shape[:-1], *x.shape)
                for x, own in zip(sources, _shares(sources), strict=True)
            ])  # fmt: skip
            parts.append(by_argument[0] if isinstance(argnums, int) else by_argument)
        jacobian = rebuild(parts)
        return (jacobian, aux) if has_aux else jacobian

    return derived


def hessian(func: Callable[..., Any], argnums: ArgNums = 0) -> Callable[..., Any]:
    """Return a function that computes the matrix of second derivatives of `func`.

    Args:
        func: a function of tensors.
        argnums: with respect to which positional arguments.

    Shape:
        For a result of shape S and an argument of shape T: (*S, *T, *T).

    Example:
        >>> rushlight.func.hessian(lambda x: (x**3).sum())(rushlight.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
