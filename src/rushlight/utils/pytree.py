"""Trees of tuples, lists, dictionaries and registered classes (`torch.utils._pytree`).

A leaf is whatever is none of these, None included.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

__all__ = [
    "TreeSpec",
    "register_pytree_node",
    "tree_all",
    "tree_any",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]

IsLeaf = Callable[[Any], bool] | None


class _Kind(NamedTuple):
    flatten: Callable[[Any], tuple[Iterable[Any], Any]]
    unflatten: Callable[[Sequence[Any], Any], Any]


def _of_dict(tree: dict[Any, Any]) -> tuple[Iterable[Any], Any]:
    return list(tree.values()), list(tree)


_kinds: dict[type, _Kind] = {
    list: _Kind(lambda t: (t, None), lambda c, _: list(c)),
    tuple: _Kind(lambda t: (t, None), lambda c, _: tuple(c)),
    dict: _Kind(_of_dict, lambda c, keys: dict(zip(keys, c, strict=True))),
    OrderedDict: _Kind(_of_dict, lambda c, keys: OrderedDict(zip(keys, c, strict=True))),
    defaultdict: _Kind(
        lambda t: (list(t.values()), (t.default_factory, list(t))),
        lambda c, made: defaultdict(made[0], zip(made[1], c, strict=True)),
    ),
    deque: _Kind(lambda t: (t, t.maxlen), lambda c, maxlen: deque(c, maxlen)),
}
_named_tuple = _Kind(lambda t: (t, type(t)), lambda c, kind: kind(*c))


class TreeSpec(NamedTuple):
    """The structure of a tree without its leaves. `kind` is None for a leaf."""

    kind: type | None
    context: Any
    children: tuple[TreeSpec, ...]

    @property
    def num_leaves(self) -> int:
        """How many leaves a tree of this structure has."""
        return 1 if self.kind is None else sum(child.num_leaves for child in self.children)


_LEAF = TreeSpec(None, None, ())


def _kind_of(tree: Any) -> _Kind | None:
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return _named_tuple
    return _kinds.get(type(tree))


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten_fn: Callable[[Sequence[Any], Any], Any],
    **names: Any,
) -> None:
    """Make a class part of trees.

    Args:
        cls: the class.
        flatten_fn: returns the children of an object, and what else it takes to make one.
        unflatten_fn: makes an object of children and that.
        **names: accepted for PyTorch's sake (`serialized_type_name`, ...).

    Raises:
        ValueError: the class is registered already.
    """
    if cls in _kinds:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _kinds[cls] = _Kind(flatten_fn, unflatten_fn)


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """Return the leaves in order, and the structure.

    Example:
        >>> rushlight.utils.pytree.tree_flatten({"a": 1, "b": (2, [3])})[0]
        [1, 2, 3]
    """
    leaves: list[Any] = []
    return leaves, _gather(tree, is_leaf, leaves)


def _gather(tree: Any, is_leaf: IsLeaf, leaves: list[Any]) -> TreeSpec:
    kind = None if is_leaf is not None and is_leaf(tree) else _kind_of(tree)
    if kind is None:
        leaves.append(tree)
        return _LEAF
    children, context = kind.flatten(tree)
    return TreeSpec(type(tree), context, tuple(_gather(c, is_leaf, leaves) for c in children))


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """Build a tree of a structure from leaves.

    Raises:
        ValueError: there are more or fewer leaves than it takes.
    """
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items ({treespec})."
        )
    return _build(iter(leaves), treespec)


def _build(leaves: Any, spec: TreeSpec) -> Any:
    if spec.kind is None:
        return next(leaves)
    kind = _kinds.get(spec.kind, _named_tuple)
    return kind.unflatten([_build(leaves, child) for child in spec.children], spec.context)


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """Return the leaves in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """Return the structure."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Return a tree of what `func` makes of the leaves, together with those of other trees.

    Raises:
        ValueError: another tree has another structure.

    Example:
        >>> rushlight.utils.pytree.tree_map(lambda a, b: a + b, {"x": 1}, {"x": 10})
        {'x': 11}
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves]
    for other in rests:
        found, structure = tree_flatten(other, is_leaf)
        if structure != spec:
            raise ValueError(f"Node type mismatch; expected {spec}, but got {structure}.")
        columns.append(found)
    return tree_unflatten([func(*row) for row in zip(*columns, strict=True)], spec)


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Call `func` with the leaves for its effects, and return the tree."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(
    kind: type | tuple[type, ...], func: Callable[[Any], Any], tree: Any, is_leaf: IsLeaf = None
) -> Any:
    """Return the tree with `func` applied to the leaves of a type."""
    return tree_map(lambda x: func(x) if isinstance(x, kind) else x, tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Tell whether a condition holds for all leaves."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Tell whether a condition holds for any leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))
