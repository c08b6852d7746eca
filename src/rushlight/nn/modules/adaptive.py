"""Softmax over very many classes, the rare ones in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..._tensor import Tensor, wrap
from ...ops.joining import cat
from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module


class _ASMoutput(NamedTuple):
    """What AdaptiveLogSoftmaxWithLoss returns."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """A softmax whose head knows the frequent classes and one class for each cluster of rare ones.

    Args:
        in_features: size of the input.
        n_classes: number of classes, the most frequent first.
        cutoffs: where each cluster of classes begins.
        div_value: each further cluster's inner size is divided by this once more.
        head_bias: whether the first layer has a bias.
        device: where the parameters are.
        dtype: dtype of the parameters.

    Shape:
        input (N, in_features) or (in_features), target (N) or (); output as target, loss 0-d.

    Reference:
        Grave et al., "Efficient softmax approximation for GPUs", 2016.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        limits = list(cutoffs)
        _check_cutoffs(limits, n_classes)
        self.in_features, self.n_classes, self.cutoffs = (
            in_features,
            n_classes,
            [*limits, n_classes],
        )
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size = limits[0]
        self.n_clusters = len(limits)
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(self._clusters(), start=1):
            inner = int(in_features // div_value**i)
            self.tail.append(
                Sequential(
                    Linear(in_features, inner, bias=False, **made),
                    Linear(inner, high - low, bias=False, **made),
                )
            )

    def _clusters(self) -> list[tuple[int, int]]:
        """Return the first class of each cluster and the one behind its last."""
        return list(pairwise(self.cutoffs))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for inner, outer in (cluster.children() for cluster in self.tail):
            inner.reset_parameters()
            outer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """Return the log-probability of each target, and the negative mean of them."""
        _check_target(input_, target_)
        batched = target_.ndim > 0
        input = input_ if batched else input_.unsqueeze(0)
        target = target_.array.reshape(-1)
        if target.size and not 0 <= target.min() <= target.max() < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min()}, {target.max()}] were found. "
            )
        cluster = np.searchsorted(self.cutoffs, target, side="right")  # 0: among the frequent
        column = np.where(cluster == 0, target, self.shortlist_size + cluster - 1)
        head = F.log_softmax(self.head(input), 1)
        output = head.gather(1, wrap(column[:, None])).squeeze(1)
        for i, (low, _) in enumerate(self._clusters()):
            rows = np.flatnonzero(cluster == i + 1)
            if rows.size:
                inside = F.log_softmax(self.tail[i](input[wrap(rows)]), 1)
                at = wrap((target[rows] - low)[:, None])
                output = output.index_add(0, wrap(rows), inside.gather(1, at).squeeze(1))
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the log-probabilities (N, n_classes) of all classes."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            here = self.shortlist_size + i
            parts.append(F.log_softmax(tail(input), 1) + head[:, here : here + 1])
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """Return the most probable class of each input."""
        return self.log_prob(input).argmax(1)


def _check_cutoffs(cutoffs: list[int], n_classes: int) -> None:
    if not cutoffs:
        raise ValueError("cutoffs should be a sequence of length larger than 0")
    rising = all(a < b for a, b in pairwise(cutoffs))
    if (
        not rising
        or any(int(c) != c for c in cutoffs)
        or not 0 < cutoffs[0] <= cutoffs[-1] < n_classes
    ):
        raise ValueError(
            "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
            "order, where each value is between 1 and n_classes-1"
        )


def _check_target(input: Tensor, target: Tensor) -> None:
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input.ndim != target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with size {input.shape}"
        )
    if target.ndim and input.shape[0] != target.shape[0]:
        raise RuntimeError("Input and target should have the same size in the batch dimension.")
