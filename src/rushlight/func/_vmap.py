"""vmap: a function of one sample as a function of a batch."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from .. import random
from .._tensor import Tensor
from ..autograd.interception import add_interceptor, remove_interceptor
from ..ops.joining import cat, stack
from ..ops.shape import movedim
from ..overrides import TorchFunctionMode
from . import _tree
from ._batched import (
    LooksAtValues,
    at_level,
    batched,
    by_sample,
    intercept,
    levels_of,
    plain,
    rebatched,
)

_depth: ContextVar[int] = ContextVar("vmap_depth", default=0)
_sizes: ContextVar[tuple[int, ...]] = ContextVar("vmap_sizes", default=())

_RANDOM = frozenset("""
    _sample_dirichlet _standard_gamma
    alpha_dropout bernoulli bernoulli_ binomial cauchy_ dropout dropout1d dropout2d dropout3d
    exponential_ feature_alpha_dropout feature_dropout geometric_ gumbel_softmax log_normal_
    multinomial native_dropout normal normal_ poisson rand rand_like randint randint_like randn
    randn_like randperm
    random_ rrelu uniform_
""".split())  # fmt: skip

# Functions that may draw inside.
_MAY_DRAW = frozenset(
    """
    fractional_max_pool2d fractional_max_pool3d gru lstm multi_head_attention_forward pca_lowrank
    rnn_relu rnn_tanh scaled_dot_product_attention svd_lowrank
""".split()
)

_DRAWN = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
    "'different' randomness flags on vmap or perform the randomness operation out of vmap"
)


def active_sizes() -> tuple[int, ...]:
    """Return the batch sizes of the vmaps that are running, the outermost first."""
    return _sizes.get()


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return `func`, written for one sample, as a function of a batch of samples.

    Args:
        func: takes and returns tensors or nested structures of them. It must not look at values
            (`item()`, `if x > 0`).
        in_dims: which dimension of each argument is the batch; None: the argument is the same for
            all samples. A number holds for all arguments; a tuple (with the structure of the
            arguments, if need be) for each.
        out_dims: where the batch goes in each result; None: the result is the same for all.
        randomness: "error" refuses random operations, "different" draws for each sample, "same"
            once for all.
        chunk_size: do that many samples at a time (None: all), to limit memory.

    Raises:
        ValueError: no argument has a batch, the sizes differ, or a dimension does not exist.
        RuntimeError: `func` looks at a value, or draws random numbers with randomness="error".

    Example:
        >>> a, b = rushlight.ones(3, 4), rushlight.arange(12.0).reshape(3, 4)
        >>> rushlight.vmap(rushlight.dot)(a, b)
        tensor([ 6., 22., 38.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild, dims = _inputs(func, in_dims, args)
        size = _batch_size(func, leaves, dims)
        leaves = [x if d is None else movedim(x, d, 0) for x, d in zip(leaves, dims, strict=True)]
        has = [d is not None for d in dims]
        step = chunk_size or max(size, 1)
        parts = []
        for start in range(0, max(size, 1), step):
            chunk = [
                x[start : start + step] if at and step < size else x
                for x, at in zip(leaves, has, strict=True)
            ]
            parts.append(
                _run(func, chunk, has, rebuild, kwargs, randomness, min(step, size - start))
            )
        return _outputs(func, out_dims, parts, size)

    return mapped


def _name(func: Any) -> str:
    return getattr(func, "__name__", repr(func))


# --- arguments ------------------------------------------------------------------------------------


def _inputs(func: Any, in_dims: Any, args: tuple[Any, ...]) -> tuple[list[Any], Any, list[Any]]:
    where = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{where}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"{where}: got no inputs. Maybe you forgot to add inputs, or you are trying to vmap "
            "over a function with no inputs. The latter is unsupported."
        )
    leaves, rebuild = _tree.flatten(args)
    try:
        dims = _tree.spread(in_dims, args)
    except ValueError as error:
        raise ValueError(
            f"{where}: in_dims is not compatible with the structure of inputs. ({error})"
        ) from None
    for position, (x, d) in enumerate(zip(leaves, dims, strict=True)):
        if d is None:
            continue
        if not isinstance(d, int):
            raise ValueError(
                f"{where}: Got in_dim={d} for an input but in_dim must be either an integer "
                "dimension or None."
            )
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{where}: Got in_dim={d} for an input but the input is of type {type(x)}. We "
                "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -x.dim() <= d < x.dim():
            raise ValueError(
                f"{where}: Got in_dim={d} for some input, but that input is a Tensor of "
                f"dimensionality {x.dim()} so expected in_dim to satisfy "
                f"-{x.dim()} <= in_dim < {x.dim()}."
            )
        dims[position] = d % x.dim()
    return leaves, rebuild, dims


def _batch_size(func: Any, leaves: list[Any], dims: list[Any]) -> int:
    sizes = [x.shape[d] for x, d in zip(leaves, dims, strict=True) if d is not None]
    if not sizes:
        raise ValueError(
            f"vmap({_name(func)}, ...): at least one input must have a batch: in_dims are all None"
        )
    if len(set(sizes)) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]


# --- the call -------------------------------------------------------------------------------------


def _run(
    func: Any, leaves: list[Any], has: list[bool], rebuild: Any, kwargs: Any, randomness: str,
    size: int,
) -> Any:  # fmt: skip
    """Call the function on one chunk; return (leaves, rebuild, whether each has a batch)."""
    level = _depth.get() + 1
    inside = [batched(x, level) if at else x for x, at in zip(leaves, has, strict=True)]
    try:
        with _level(level, size, randomness):
            result = func(*rebuild(inside), **kwargs)
    except LooksAtValues:
        call = _drawing(functools.partial(func, **kwargs), randomness)
        result = by_sample(call, rebuild(inside), {})
    found, rebuild_result = _tree.flatten(result)
    for x in found:
        if not isinstance(x, Tensor):
            raise ValueError(
                f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type "
                f"{type(x)}. Did you mean to set out_dims= to None for output?"
            )
    of_level = [at_level(x, level) for x in found]
    physical = [x.physical if at else x for x, at in zip(found, of_level, strict=True)]
    return result, physical, rebuild_result, of_level


@contextlib.contextmanager
def _level(level: int, size: int, randomness: str) -> Iterator[None]:
    depth, sizes = _depth.set(level), _sizes.set((*_sizes.get(), size))
    if level == 1:
        add_interceptor(intercept)
    try:
        with _Randomness(randomness, level, size):
            yield
    finally:
        if level == 1:
            remove_interceptor(intercept)
        _depth.reset(depth)
        _sizes.reset(sizes)


class _Randomness(TorchFunctionMode):
    """Sees random functions while a vmap runs."""

    def __init__(self, randomness: str, level: int, size: int):
        self.randomness, self.level, self.size = randomness, level, size

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in _MAY_DRAW:
            return self._for_all(func, args, kwargs)
        if func.__name__ not in _RANDOM or not _draws(func.__name__, args, kwargs):
            return func(*args, **kwargs)
        if self.randomness == "error":
            raise RuntimeError(_DRAWN)
        if self.randomness == "same" or self._sees_batch(args, kwargs):
            return self._for_all(func, args, kwargs)
        if func.__name__.endswith("_"):
            raise RuntimeError(
                f"vmap: Cannot ask for different inplace randomness on an unbatched tensor. This "
                f"will appear like same randomness. If this is necessary for your usage, please "
                f"file an issue with functorch. ({func.__name__})"
            )
        return batched(stack([func(*args, **kwargs) for _ in range(self.size)]), self.level)

    def _sees_batch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        return any(at_level(x, self.level) for x in _tree.flatten((args, kwargs))[0])

    def _for_all(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        func = _drawing(func, self.randomness)
        if self._sees_batch(args, kwargs):
            return by_sample(func, args, kwargs)
        return func(*args, **kwargs)


def _draws(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Tell whether a call draws numbers: dropout outside of training does not."""
    if name == "rand" and args and isinstance(args[0], Tensor):
        return False  # 1 & x
    if "dropout" not in name and name != "rrelu":
        return True
    training = kwargs.get("training", args[2] if "dropout" in name and len(args) > 2 else True)
    return bool(training)


def _drawing(func: Callable[..., Any], randomness: str) -> Callable[..., Any]:
    """Return `func` drawing the same numbers in each call, as it likes, or none at all."""
    if randomness == "different":
        return func
    before = random.get_rng_state()

    @functools.wraps(func)
    def called(*args: Any, **kwargs: Any) -> Any:
        if randomness == "same":
            random.set_rng_state(before)
        result = func(*args, **kwargs)
        if randomness == "error" and (random.get_rng_state().array != before.array).any():
            raise RuntimeError(_DRAWN)
        return result

    return called


# --- results --------------------------------------------------------------------------------------


def _outputs(func: Any, out_dims: Any, parts: list[Any], size: int) -> Any:
    result, first, rebuild, _ = parts[0]
    try:
        dims = _tree.spread(out_dims, result)
    except ValueError:
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims}): out_dims is not compatible with the "
            f"structure of the outputs."
        ) from None
    leaves = []
    for position, dim in enumerate(dims):
        pieces = [part[1][position] for part in parts]
        has = parts[0][3][position]
        if dim is None:
            if has:
                raise ValueError(
                    f"vmap({_name(func)}, ...): `{_name(func)}` can not return a BatchedTensor "
                    "when out_dim is None"
                )
            leaves.append(pieces[0])
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"vmap({_name(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None "
                f"or a python collection of ints representing where in the outputs the vmapped "
                f"dimension should appear."
            )
        if has:
            whole = pieces[0] if len(pieces) == 1 else cat(pieces)
        else:
            whole = first[position].expand(size, *first[position].shape)
        leaves.append(whole if dim == 0 else movedim(whole, 0, dim))
    return rebuild(leaves)


def expanded(x: Any) -> Any:
    """Return a tensor as a batch of every running vmap, so that each sample has its own."""
    sizes = active_sizes()
    if not sizes or not isinstance(x, Tensor) or len(levels_of(x)) == len(sizes):
        return x
    present = levels_of(x)
    inner = plain(x)
    for level in range(1, len(sizes) + 1):
        if level not in present:
            inner = inner.unsqueeze(level - 1)
    shape = inner.shape[len(sizes) :]
    return rebatched(inner.expand(*sizes, *shape), tuple(range(1, len(sizes) + 1)))
