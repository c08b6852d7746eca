"""einsum by pairwise contraction: each pair of operands becomes one batched matrix product."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

from .._tensor import Tensor

_Term = tuple[Tensor, list[str]]  # an operand and the label of each of its dimensions


def contract(equation: str, *operands: Tensor) -> Tensor:
    """Return the sum of products that the equation describes.

    Raises:
        RuntimeError: the equation does not fit the operands.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    subscripts = left.split(",")
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    if len(subscripts) != len(operands):
        more = "fewer" if len(subscripts) > len(operands) else "more"
        raise RuntimeError(
            f"einsum(): {more} operands were provided than specified in the equation"
        )
    terms = [
        _labelled(i, subscript, t)
        for i, (subscript, t) in enumerate(zip(subscripts, operands, strict=True))
    ]
    output = _output_labels(subscripts, terms, right if arrow else None)
    sizes = _sizes(terms)
    terms = [_diagonal(t, labels) for t, labels in terms]
    while len(terms) > 1:
        a, b = terms.pop(0), terms.pop(0)
        needed = set(output).union(*(labels for _, labels in terms))
        terms.insert(0, _pair(a, b, needed, sizes))
    tensor, labels = _sum_out(terms[0], set(output))
    missing = [label for label in output if label not in labels]
    for label in missing:
        tensor, labels = (
            tensor.unsqueeze(-1).expand(*tensor.array.shape, sizes[label]),
            [*labels, label],
        )
    return tensor.permute(*[labels.index(label) for label in output])


def _labelled(position: int, subscript: str, tensor: Tensor) -> _Term:
    """Read one operand's letters; the dimensions of "..." get numbers, aligned at the end."""
    before, dots, after = subscript.partition("...")
    if not all(c.isalpha() for c in before + after):
        bad = next(c for c in before + after if not c.isalpha())
        raise RuntimeError(
            f"einsum(): invalid subscript given at index {position} in the equation string, "
            f"subscripts must be in [a-zA-Z] but found {bad!r}"
        )
    hidden = tensor.array.ndim - len(before) - len(after)
    if hidden < 0 or (hidden and not dots):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(before) + len(after)}) does "
            f"not match the number of dimensions ({tensor.array.ndim}) for operand {position}"
            + ("" if dots else " and no ellipsis was given")
        )
    return tensor, [*before, *(f"...{hidden - i}" for i in range(hidden)), *after]


def _output_labels(subscripts: list[str], terms: list[_Term], right: str | None) -> list[str]:
    hidden = max(
        (sum(label.startswith("...") for label in labels) for _, labels in terms), default=0
    )
    dots = [f"...{hidden - i}" for i in range(hidden)]
    counts = Counter(c for subscript in subscripts for c in subscript if c.isalpha())
    if right is None:
        return dots + sorted(c for c, n in counts.items() if n == 1)
    before, found, after = right.partition("...")
    for c in before + after:
        if c not in counts:
            raise RuntimeError(
                f"einsum(): output subscript {c} does not appear in the equation "
                "for any input operand"
            )
        if (before + after).count(c) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {c} appears more than once in the output"
            )
    return [*before, *(dots if found else []), *after]


def _sizes(terms: list[_Term]) -> dict[str, int]:
    """Return the size of each label; size 1 broadcasts."""
    sizes: dict[str, int] = {}
    for position, (tensor, labels) in enumerate(terms):
        for label, n in zip(labels, tensor.array.shape, strict=True):
            have = sizes.get(label, 1)
            if have != n and 1 not in (have, n):
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {n} for operand {position} which does "
                    f"not broadcast with previously seen size {have}"
                )
            sizes[label] = n if have == 1 else have
    return sizes


def _diagonal(tensor: Tensor, labels: list[str]) -> _Term:
    """Take the diagonal of dimensions that carry the same label."""
    for label in [c for c, n in Counter(labels).items() if n > 1]:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            tensor = tensor.diagonal(0, first, second)
            labels = [c for i, c in enumerate(labels) if i not in (first, second)] + [label]
    return tensor, labels


def _sum_out(term: _Term, needed: set[str]) -> _Term:
    tensor, labels = term
    gone = [i for i, label in enumerate(labels) if label not in needed]
    if not gone:
        return term
    return tensor.sum(gone), [label for label in labels if label in needed]


def _pair(a: _Term, b: _Term, needed: set[str], sizes: dict[str, int]) -> _Term:
    """Contract two operands: shared labels needed later are batches, the others are summed."""
    a, b = _sum_out(a, needed | set(b[1])), _sum_out(b, needed | set(a[1]))
    a, b = _drop_ones(a, b[1], needed, sizes), _drop_ones(b, a[1], needed, sizes)
    (x, x_labels), (y, y_labels) = a, b
    shared = [label for label in x_labels if label in y_labels]
    batch = [label for label in shared if label in needed]
    summed = [label for label in shared if label not in needed]
    only_x = [label for label in x_labels if label not in shared]
    only_y = [label for label in y_labels if label not in shared]
    if not summed:
        x = _arranged(x, x_labels, batch + only_x).reshape(
            [*_of(x, x_labels, batch + only_x), *(1,) * len(only_y)]
        )
        y = _arranged(y, y_labels, batch + only_y)
        y = y.reshape(
            [*y.array.shape[: len(batch)], *(1,) * len(only_x), *y.array.shape[len(batch) :]]
        )
        return x * y, batch + only_x + only_y
    left = _arranged(x, x_labels, batch + only_x + summed)
    right = _arranged(y, y_labels, batch + summed + only_y)
    extent = [sizes[label] for label in batch]
    rows, inner, columns = (
        prod(_of(t, ls, part))
        for t, ls, part in ((x, x_labels, only_x), (x, x_labels, summed), (y, y_labels, only_y))
    )
    count = prod(extent)
    product = left.reshape(count, rows, inner) @ right.reshape(count, inner, columns)
    shape = [*extent, *_of(x, x_labels, only_x), *_of(y, y_labels, only_y)]
    return product.reshape(shape), batch + only_x + only_y


def _of(x: Tensor, labels: list[str], wanted: list[str]) -> list[int]:
    return [x.array.shape[labels.index(label)] for label in wanted]


def _arranged(x: Tensor, labels: list[str], order: list[str]) -> Tensor:
    return x.permute(*[labels.index(label) for label in order])


def _drop_ones(term: _Term, other: list[str], needed: set[str], sizes: dict[str, Any]) -> _Term:
    """Drop a shared dimension of size 1 that the other operand has in full: it broadcasts."""
    tensor, labels = term
    for label in list(labels):
        i = labels.index(label)
        if label in other and tensor.array.shape[i] == 1 and sizes[label] != 1:
            tensor, labels = tensor.squeeze(i), [*labels[:i], *labels[i + 1 :]]
    return tensor, labels
